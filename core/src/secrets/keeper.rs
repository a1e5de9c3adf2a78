//! The keeper: everything that happens to a secret, on the I/O thread alone.
//!
//! Readers look values up by themselves and come here only when there is none, when one is old, or
//! to ask for a new one. The keeper starts one reading a secret however many wait for it, decides by
//! its result what is served from now on, and publishes that. Nothing here is shared with another
//! thread, so nothing here locks.

mod asking;
mod batch;
mod due;
mod flight;
mod rescue;
mod slots;
mod verdict;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};

use super::aws::Aws;
use super::chain::{self, Surroundings};
use super::disk::Disk;
use super::entry::{Entry, Refusal};
use super::file_threads::FileThreads;
use super::index::Id;
use super::reply::Reply;
use super::shared::Shared;
use super::slot::Slot;
use super::value::Secret;
use crate::error::Error;

/// Of the eight threads of the I/O runtime's pool; two more are the sealed cache's.
const FILE_THREADS: usize = 4;

thread_local! {
    /// The keeper of this I/O thread.
    static KEEPER: RefCell<Option<Rc<Keeper>>> = const { RefCell::new(None) };
}

/// What a caller wants of a secret.
pub(super) struct Ask {
    pub(super) id: Id,
    pub(super) surroundings: Surroundings,
    pub(super) wish: Wish,
    pub(super) deadline: Duration,
    /// None when nobody waits: a refresh behind.
    pub(super) reply: Option<Reply>,
}

/// How new it has to be.
pub(super) enum Wish {
    /// As new as the settings demand, or `max_age`.
    Value(Option<Duration>),
    /// Read after this moment.
    Newest,
    /// Another one than this, which was refused; or this again, if it is still the newest.
    OtherThan(Secret),
}

pub(super) struct Keeper {
    shared: Weak<Shared>,
    /// The era it was made in.
    era: u32,
    aws: RefCell<Option<Rc<Aws>>>,
    disk: Disk,
    /// For the files of secrets.
    threads: Rc<FileThreads>,
    slots: RefCell<HashMap<u64, Slot>>,
    ids: RefCell<HashMap<Id, u64>>,
    next_number: Cell<u64>,
    /// Something is due earlier than the keeper thinks.
    sooner: Notify,
}

/// Runs `job` with the keeper of this I/O thread, which the first job makes.
pub(super) fn with(shared: &Arc<Shared>, job: impl FnOnce(&Rc<Keeper>, &Arc<Shared>)) {
    let keeper = KEEPER
        .with_borrow_mut(|known| Rc::clone(known.get_or_insert_with(|| Keeper::start(shared))));
    if shared.is_closed() {
        return;
    }
    job(&keeper, shared);
}

impl Keeper {
    fn start(shared: &Arc<Shared>) -> Rc<Self> {
        let keeper = Rc::new(Self {
            shared: Arc::downgrade(shared),
            era: shared.era(),
            aws: RefCell::new(None),
            disk: Disk::default(),
            threads: Rc::new(FileThreads::new(FILE_THREADS)),
            slots: RefCell::default(),
            ids: RefCell::default(),
            next_number: Cell::new(0),
            sooner: Notify::new(),
        });
        keeper.adopt(&shared.index.load(), shared.now());
        shared.watch_begins();
        tokio::task::spawn_local(due::watch(Rc::downgrade(&keeper)));
        keeper
    }

    /// Has readers see a state from now on.
    fn publish(&self, shared: &Shared, ids: &[Id], entry: &Arc<Entry>) {
        shared.publish(self.era, |index| {
            for id in ids {
                index.entries.insert(id.clone(), Arc::clone(entry));
            }
        });
    }

    pub(super) fn flush(&self, done: oneshot::Sender<()>) {
        self.disk.flush(done);
    }

    /// The value before the last change, while its grace lasts.
    pub(super) fn previous(&self, shared: &Shared, id: &Id) -> Option<Secret> {
        let number = self.ids.borrow().get(id).copied()?;
        let slots = self.slots.borrow();
        let (secret, until) = slots.get(&number)?.previous.as_ref()?;
        (shared.now() < *until).then(|| secret.clone())
    }

    pub(super) fn aws(&self, shared: &Shared) -> Rc<Aws> {
        let settings = shared.settings.load();
        let wanted = chain::aws_settings(&settings.config);
        let mut aws = self.aws.borrow_mut();
        match &*aws {
            Some(known) if *known.settings() == wanted => Rc::clone(known),
            _ => Rc::clone(aws.insert(Rc::new(Aws::new(wanted)))),
        }
    }
}

/// The error of a reader that is not let through to the source again yet.
pub(super) fn refused(refusal: &Refusal, now: u64) -> Error {
    let mut failure = refusal.failure.clone();
    let wait = refusal.until.saturating_sub(now);
    failure.text = format!(
        "{} (asked again in {:.1} s)",
        failure.text,
        wait as f64 / 1e3
    );
    failure.to_error()
}
