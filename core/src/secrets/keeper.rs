//! The keeper: everything that happens to a secret, on the I/O thread alone.
//!
//! Readers look values up by themselves and come here only when there is none, when one is old, or
//! to ask for a new one. The keeper starts one reading a secret however many wait for it, decides by
//! its result what is served from now on, and publishes that. Nothing here is shared with another
//! thread, so nothing here locks.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::{Rc, Weak as RcWeak};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::aws::Aws;
use super::chain::{self, Read, Surroundings};
use super::changes::{Change, ChangeKind};
use super::config::SecretsConfig;
use super::disk::Disk;
use super::entry::{Decision, Entry, NEVER};
use super::failure::{Failure, FailureKind};
use super::index::{Id, Index};
use super::reply::Reply;
use super::request::{PREVIOUS, Which};
use super::shared::Shared;
use super::slot::{self, Flight, Slot, Waiter};
use super::value::{Secret, Source};
use crate::clock::Clock;
use crate::error::Error;

/// How often a manual clock is looked at: it moves without telling.
const MANUAL_PERIOD: Duration = Duration::from_millis(20);

/// The pause after a fault of ours in the watch.
const AFTER_PANIC_MILLIS: u64 = 1_000;

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
            slots: RefCell::default(),
            ids: RefCell::default(),
            next_number: Cell::new(0),
            sooner: Notify::new(),
        });
        keeper.adopt(&shared.index.load(), shared.now());
        shared.watch_begins();
        tokio::task::spawn_local(watch(Rc::downgrade(&keeper)));
        keeper
    }

    /// Takes over what is published already: in a forked child, what its parent read.
    fn adopt(&self, index: &Index, now: u64) {
        let mut numbers: HashMap<*const Entry, u64> = HashMap::new();
        for (id, entry) in &index.entries {
            let number = *numbers
                .entry(Arc::as_ptr(entry))
                .or_insert_with(|| self.number());
            self.ids.borrow_mut().insert(id.clone(), number);
            self.slots
                .borrow_mut()
                .entry(number)
                .and_modify(|slot| slot.ids.push(id.clone()))
                .or_insert_with(|| Slot::new(id.clone(), Arc::clone(entry), None, now));
        }
    }

    fn number(&self) -> u64 {
        let number = self.next_number.get();
        self.next_number.set(number + 1);
        number
    }

    /// Answers, now or when the reading that this starts or joins has landed.
    pub(super) fn ask(self: &Rc<Self>, shared: &Shared, ask: Ask) {
        let now = shared.now();
        let number = self.slot_of(&ask.id, ask.surroundings, now);
        let mut slots = self.slots.borrow_mut();
        let Some(slot) = slots.get_mut(&number) else {
            return;
        };
        let decision = match &ask.wish {
            Wish::Value(max_age) => slot.entry.decide(now, *max_age),
            Wish::Newest => Decision::Ask,
            Wish::OtherThan(refused) => slot.decide_after_refusal(refused, now),
        };
        slot.entry.note_use();
        let mut reply = ask.reply;
        match (
            decision,
            slot.entry.value.as_ref(),
            slot.entry.refusal.as_ref(),
        ) {
            (Decision::Serve | Decision::ServeAndRefresh, Some(value), _) => {
                let secret = value.secret.clone();
                if let Some(reply) = reply.take() {
                    reply.send(Ok(secret));
                }
                if decision == Decision::Serve {
                    return;
                }
            }
            (Decision::Refuse, _, Some(refusal)) => {
                let error = refused(refusal, now);
                if let Some(reply) = reply.take() {
                    reply.send(Err(error));
                }
                return;
            }
            _ => {}
        }
        let wants_next = matches!(ask.wish, Wish::Newest);
        let takes_stale = matches!(ask.wish, Wish::Value(None));
        let takes_off = slot.flight.is_none();
        let flight = slot.flight.get_or_insert_with(Flight::default);
        flight.after_refusal |= matches!(ask.wish, Wish::OtherThan(_));
        if let Some(reply) = reply {
            let ticket = self.number();
            let waiter = Waiter {
                ticket,
                reply,
                takes_stale,
            };
            if wants_next && !takes_off {
                flight.next.push(waiter);
            } else {
                flight.waiters.push(waiter);
            }
            self.watch_deadline(number, ticket, ask.deadline);
        }
        drop(slots);
        if takes_off {
            self.take_off(shared, number, ask.deadline);
        }
    }

    /// The slot of this id, a new one if there is none.
    fn slot_of(&self, id: &Id, surroundings: Surroundings, now: u64) -> u64 {
        let known = self.ids.borrow().get(id).copied();
        let mut slots = self.slots.borrow_mut();
        if let Some((number, slot)) =
            known.and_then(|number| slots.get_mut(&number).map(|slot| (number, slot)))
        {
            slot.surroundings = Some(surroundings);
            return number;
        }
        let number = self.number();
        let entry = Arc::new(Entry::new(None, None, now));
        slots.insert(
            number,
            Slot::new(id.clone(), entry, Some(surroundings), now),
        );
        self.ids.borrow_mut().insert(id.clone(), number);
        number
    }

    /// Fails a waiter whose time is over; the reading goes on for the others and for the cache.
    fn watch_deadline(self: &Rc<Self>, number: u64, ticket: u64, deadline: Duration) {
        let keeper = Rc::downgrade(self);
        tokio::task::spawn_local(async move {
            tokio::time::sleep(deadline).await;
            let Some(keeper) = keeper.upgrade() else {
                return;
            };
            let found = {
                let mut slots = keeper.slots.borrow_mut();
                slots.get_mut(&number).and_then(|slot| {
                    let name = slot.name().to_owned();
                    let flight = slot.flight.as_mut()?;
                    take(&mut flight.waiters, ticket)
                        .or_else(|| take(&mut flight.next, ticket))
                        .map(|waiter| (name, waiter))
                })
            };
            if let Some((name, waiter)) = found {
                let failure = Failure::new(
                    FailureKind::TimedOut,
                    &name,
                    format!(
                        "no answer within the deadline of {} ms",
                        deadline.as_millis()
                    ),
                )
                .hint("is its source reachable from here? `tallylight secrets doctor` tells");
                let failure = Failure {
                    region: keeper.aws.borrow().as_ref().and_then(|aws| aws.region()),
                    ..failure
                };
                waiter.reply.send(Err(failure.to_error()));
            }
        });
    }

    /// Starts the reading of a slot that has a flight waiting to begin.
    fn take_off(self: &Rc<Self>, shared: &Shared, number: u64, deadline: Duration) {
        // First of all: whatever goes wrong from here, those who wait are answered.
        let mut landing = Landing::new(self, number);
        let slots = self.slots.borrow();
        let Some((id, surroundings)) = slots.get(&number).and_then(|slot| {
            let id = slot.ids.first()?.clone();
            Some((id, slot.surroundings.clone().unwrap_or_default()))
        }) else {
            return;
        };
        drop(slots);
        if let Some(telemetry) = shared.telemetry() {
            telemetry.calls.increment();
        }
        let settings = shared.settings.load_full();
        let aws = self.aws(shared);
        let until = Instant::now() + settings.config.deadline.max(deadline);
        self.rescue_later(&settings.config, number, deadline);
        tokio::task::spawn_local(async move {
            let result = chain::read(&id, &surroundings, &settings, &aws, until).await;
            landing.land(result).await;
        });
    }

    /// Reads many at once: those that only AWS can answer in batches of its own.
    pub(super) fn prefetch(self: &Rc<Self>, shared: &Shared, asks: Vec<Ask>) {
        let now = shared.now();
        let settings = shared.settings.load_full();
        let mut together = Vec::new();
        let mut longest = settings.config.deadline;
        for ask in asks {
            let known = self.ids.borrow().get(&ask.id).copied();
            let needs_reading = known
                .and_then(|number| {
                    let slots = self.slots.borrow();
                    let slot = slots.get(&number)?;
                    let asks = slot.entry.decide(now, None) == Decision::Ask;
                    Some(asks && slot.flight.is_none())
                })
                .unwrap_or(true);
            let only_aws = chain::asks_aws_first(&ask.surroundings, &settings);
            if !needs_reading || !only_aws || !ask.id.which.is_current() {
                self.ask(shared, ask);
                continue;
            }
            longest = longest.max(ask.deadline);
            let deadline = ask.deadline;
            let number = self.slot_of(&ask.id, ask.surroundings, now);
            self.rescue_later(&settings.config, number, deadline);
            if let Some(slot) = self.slots.borrow_mut().get_mut(&number) {
                let flight = slot.flight.get_or_insert_with(Flight::default);
                if let Some(reply) = ask.reply {
                    let ticket = self.number();
                    flight.waiters.push(Waiter {
                        ticket,
                        reply,
                        takes_stale: true,
                    });
                    self.watch_deadline(number, ticket, ask.deadline);
                }
            }
            together.push((ask.id, Landing::new(self, number)));
        }
        if together.is_empty() {
            return;
        }
        if let Some(telemetry) = shared.telemetry() {
            telemetry.calls.increment();
        }
        let aws = self.aws(shared);
        let until = Instant::now() + longest;
        let keeper = Rc::downgrade(self);
        tokio::task::spawn_local(async move {
            let names: Vec<String> = together.iter().map(|(id, _)| id.name.to_string()).collect();
            let mut answers: HashMap<String, Result<_, Failure>> =
                aws.read_batch(&names, until).await.into_iter().collect();
            for (id, mut landing) in together {
                let result = match answers.remove(&*id.name) {
                    Some(Ok(fetched)) => Ok(Read::plain(fetched)),
                    Some(Err(failure)) => {
                        let surroundings = keeper
                            .upgrade()
                            .and_then(|keeper| keeper.surroundings_of(landing.number))
                            .unwrap_or_default();
                        chain::after_aws(failure, &surroundings)
                    }
                    None => Err(Failure::new(
                        FailureKind::Unreachable,
                        &id.name,
                        "the batch left it out",
                    )),
                };
                landing.land(result).await;
            }
        });
    }

    fn surroundings_of(&self, number: u64) -> Option<Surroundings> {
        let slots = self.slots.borrow();
        slots
            .get(&number)
            .and_then(|slot| slot.surroundings.clone())
    }

    /// Has the sealed cache answer in time where the source takes all the time there is: half of the
    /// deadline is the source's own.
    fn rescue_later(self: &Rc<Self>, config: &SecretsConfig, number: u64, deadline: Duration) {
        if config.cache_file.is_none() || !self.is_without_value(number) {
            return;
        }
        let wait = match deadline {
            Duration::ZERO => config.deadline,
            deadline => deadline,
        } / 2;
        let keeper = Rc::downgrade(self);
        tokio::task::spawn_local(async move {
            tokio::time::sleep(wait).await;
            if let Some(keeper) = keeper.upgrade()
                && let Some(shared) = keeper.shared.upgrade()
                && keeper.is_without_value(number)
            {
                keeper.disk.load(&shared).await;
                keeper.rescue(&shared, number);
            }
        });
    }

    /// Serves what the sealed cache has while the reading goes on.
    fn rescue(&self, shared: &Arc<Shared>, number: u64) {
        let now = shared.now();
        let settings = shared.settings.load();
        let mut slots = self.slots.borrow_mut();
        let Some(slot) = slots.get_mut(&number) else {
            return;
        };
        if slot.secret().is_some() || slot.flight.is_none() {
            return;
        }
        let (ttl, max_stale) = (settings.config.ttl, settings.config.max_stale);
        let Some(value) = self
            .disk
            .take(shared, &slot.ids)
            .map(|secret| slot::value(secret, now, ttl, max_stale))
            .filter(|value| now < value.stale_until)
        else {
            return;
        };
        let secret = value.secret.clone();
        slot.enter(Some(value), slot.entry.refusal.clone(), now);
        let (ids, entry) = (slot.ids.clone(), Arc::clone(&slot.entry));
        let served: Vec<Waiter> = match &mut slot.flight {
            Some(flight) => flight
                .waiters
                .extract_if(.., |waiter| waiter.takes_stale)
                .collect(),
            None => Vec::new(),
        };
        drop(slots);
        self.publish(shared, &ids, &entry);
        for waiter in served {
            let answer = Ok(secret.clone());
            let _ = catch_unwind(AssertUnwindSafe(|| waiter.reply.send(answer)));
        }
    }

    fn is_without_value(&self, number: u64) -> bool {
        let slots = self.slots.borrow();
        slots
            .get(&number)
            .is_some_and(|slot| slot.secret().is_none())
    }

    /// What a reading brought decides what is served.
    fn land(self: &Rc<Self>, shared: &Arc<Shared>, number: u64, result: Result<Read, Failure>) {
        let flight = {
            let mut slots = self.slots.borrow_mut();
            slots.get_mut(&number).and_then(|slot| slot.flight.take())
        };
        let Some(Flight {
            waiters,
            next,
            after_refusal,
        }) = flight
        else {
            return;
        };
        let answer = match result {
            Ok(read) => Ok(self.accept(shared, number, read, after_refusal)),
            Err(failure) => Err(self.refuse(shared, number, failure)),
        };
        for waiter in waiters {
            let answer = match &answer {
                Ok(secret) => Ok(secret.clone()),
                Err((_, Some(stale))) if waiter.takes_stale => Ok(stale.clone()),
                Err((failure, _)) => Err(failure.to_error()),
            };
            // What one caller does with its answer is nothing to the others.
            let _ = catch_unwind(AssertUnwindSafe(|| waiter.reply.send(answer)));
        }
        if !next.is_empty() {
            if let Some(slot) = self.slots.borrow_mut().get_mut(&number) {
                slot.flight = Some(Flight {
                    waiters: next,
                    ..Flight::default()
                });
            }
            self.take_off(shared, number, Duration::ZERO);
        }
        self.make_room(shared);
        self.sooner.notify_one();
    }

    /// Takes a value in.
    fn accept(&self, shared: &Arc<Shared>, number: u64, read: Read, after_refusal: bool) -> Secret {
        let settings = shared.settings.load();
        let config = &settings.config;
        let now = shared.now();
        let mut slots = self.slots.borrow_mut();
        let name = slots.get(&number).map_or("", |slot| slot.name()).to_owned();
        let secret = Secret::new(
            &name,
            read.fetched,
            read.fetched_at.unwrap_or_else(SystemTime::now),
        );
        // Before anybody has it: what is not known cannot be scrubbed.
        shared.register_values([secret.reveal_bytes()]);
        if let Some(telemetry) = shared.telemetry() {
            telemetry.refreshes.increment();
        }
        let Some(slot) = slots.get_mut(&number) else {
            return secret;
        };
        let before = slot.secret().cloned();
        let changed = before
            .as_ref()
            .filter(|old| !old.same_value(&secret) || old.version() != secret.version())
            .cloned();
        if let Some(old) = &changed
            && !old.same_value(&secret)
        {
            let until = now.saturating_add(crate::coarse::whole(config.previous_grace));
            slot.previous = Some((old.clone(), until));
        }
        if changed.is_some() {
            slot.refused_streak = 0;
            slot.refused_until = 0;
        } else if after_refusal {
            // Whoever was refused with it will be again: not each of them asks anew.
            slot.refused_until =
                now.saturating_add(crate::coarse::whole(slot::pause(slot.refused_streak)));
            slot.refused_streak = slot.refused_streak.saturating_add(1);
        }
        slot.file = read.stamp;
        slot.file_due = NEVER;
        if slot.file.is_some() {
            slot.look_at_file_later(now);
        }
        let value = slot::value(secret.clone(), now, config.ttl, config.max_stale);
        slot.enter(Some(value), None, now);
        // The ARN is the secret's own name: whoever asks by it finds this value.
        if let Some((arn, which)) = secret.arn().zip(slot.which().cloned()) {
            let id = Id::new(arn, which);
            if !slot.ids.contains(&id) {
                slot.ids.push(id.clone());
            }
            let known = self.ids.borrow_mut().insert(id, number);
            if let Some(other) = known.filter(|other| *other != number) {
                // Two slots turn out to be one secret. One of them with a reading under way stays
                // until that lands, and then takes this one in.
                drop(slots);
                self.merge(other, number);
                slots = self.slots.borrow_mut();
            }
        }
        let Some(slot) = slots.get_mut(&number) else {
            return secret;
        };
        let (ids, entry) = (slot.ids.clone(), Arc::clone(&slot.entry));
        let is_current = slot.which().is_some_and(Which::is_current);
        drop(slots);
        if let Some(old) = changed {
            if is_current {
                self.drop_previous_stage(shared, &ids);
            }
            self.publish(shared, &ids, &entry);
            self.tell(shared, &ids, ChangeKind::Rotated, Some(&secret), &old);
        } else {
            self.publish(shared, &ids, &entry);
        }
        if secret.source() == Source::Aws {
            self.disk.store_soon(shared, &ids, &secret);
        }
        secret
    }

    /// Decides what stands after a reading that failed: the failure, and the stale value that is
    /// served all the same.
    fn refuse(
        &self,
        shared: &Arc<Shared>,
        number: u64,
        failure: Failure,
    ) -> (Failure, Option<Secret>) {
        let now = shared.now();
        let mut slots = self.slots.borrow_mut();
        let Some(slot) = slots.get_mut(&number) else {
            return (failure, None);
        };
        // That there is no version before the current one is no failure.
        let is_expected = slot.is_previous() && failure.kind == FailureKind::NotFound;
        if let Some(telemetry) = shared.telemetry().filter(|_| !is_expected) {
            telemetry.failed(failure.kind);
        }
        let refusal = slot::refusal(failure.clone(), slot.entry.refusal.as_ref(), now);
        let before = slot
            .entry
            .value
            .clone()
            .filter(|value| now < value.stale_until);
        let settings = shared.settings.load();
        // A file that is gone for the moment may be one that is being replaced.
        let is_file = slot
            .secret()
            .is_some_and(|secret| secret.source() == Source::File);
        let is_revoked = failure.kind.is_revocation() && !is_file;
        let kept = match before {
            _ if is_revoked => None,
            Some(value) => Some(value),
            None if failure.kind.is_outage() => self
                .disk
                .take(shared, &slot.ids)
                .map(|secret| {
                    slot::value(secret, now, settings.config.ttl, settings.config.max_stale)
                })
                // Read from the disk a while ago, it may be too old by now.
                .filter(|value| now < value.stale_until),
            None => None,
        };
        let evicted = slot.secret().cloned().filter(|_| kept.is_none());
        if is_revoked {
            slot.previous = None;
        }
        let mut failure = failure;
        if kept.is_none()
            && failure.kind.is_outage()
            && let Some(error) = shared.cache_file().and_then(|file| file.last_error)
        {
            failure.hint = format!("{}; the sealed cache was of no use: {error}", failure.hint);
        }
        let stale = kept.as_ref().map(|value| value.secret.clone());
        slot.enter(kept, Some(refusal), now);
        let (ids, entry) = (slot.ids.clone(), Arc::clone(&slot.entry));
        drop(slots);
        self.publish(shared, &ids, &entry);
        if is_revoked {
            // Also when there was none in memory: the file may have one.
            self.disk.remove_soon(shared, &ids, evicted.as_ref());
        }
        if let Some(old) = evicted {
            if let Some(telemetry) = shared.telemetry() {
                telemetry.evictions.increment();
            }
            if is_revoked {
                self.drop_other_versions(shared, number, &ids);
                self.tell(shared, &ids, ChangeKind::Evicted, None, &old);
            }
        }
        (failure, stale)
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

    /// Makes the ids of one slot another's.
    fn merge(&self, from: u64, into: u64) {
        let mut slots = self.slots.borrow_mut();
        // With a reading under way it stays until that has landed.
        if slots.get(&from).is_none_or(|slot| slot.flight.is_some()) {
            return;
        }
        if let Some(gone) = slots.remove(&from)
            && let Some(slot) = slots.get_mut(&into)
        {
            let mut ids = self.ids.borrow_mut();
            for id in gone.ids {
                ids.insert(id.clone(), into);
                if !slot.ids.contains(&id) {
                    slot.ids.push(id);
                }
            }
        }
    }

    /// A secret that is revoked is so in every version.
    fn drop_other_versions(&self, shared: &Shared, number: u64, ids: &[Id]) {
        if !ids.first().is_some_and(|id| id.which.is_current()) {
            return;
        }
        let others: Vec<u64> = {
            let known = self.ids.borrow();
            let same_name = |id: &Id| ids.iter().any(|gone| gone.name == id.name);
            let others = known
                .iter()
                .filter(|(id, other)| **other != number && same_name(id));
            others.map(|(_, other)| *other).collect()
        };
        for other in others {
            self.remove(shared, other);
        }
    }

    /// After a rotation the version before is another one.
    fn drop_previous_stage(&self, shared: &Shared, ids: &[Id]) {
        for id in ids {
            let previous = Id::new(&id.name, Which::Stage(PREVIOUS.to_owned()));
            let number = self.ids.borrow().get(&previous).copied();
            if let Some(number) = number {
                self.remove(shared, number);
            }
        }
    }

    /// Forgets a slot unless a reading of it is under way.
    fn remove(&self, shared: &Shared, number: u64) {
        let gone = {
            let mut slots = self.slots.borrow_mut();
            match slots.get(&number) {
                Some(slot) if slot.flight.is_none() => slots.remove(&number),
                _ => None,
            }
        };
        let Some(gone) = gone else {
            return;
        };
        let mut ids = self.ids.borrow_mut();
        for id in &gone.ids {
            if ids.get(id) == Some(&number) {
                ids.remove(id);
            }
        }
        shared.publish(self.era, |index| {
            for id in &gone.ids {
                index.entries.remove(id);
            }
        });
    }

    /// Evicts the least recently used past the caps.
    fn make_room(&self, shared: &Shared) {
        let settings = shared.settings.load();
        let (max_entries, max_bytes) = (settings.config.max_entries, settings.config.max_bytes);
        let now = shared.now();
        for slot in self.slots.borrow_mut().values_mut() {
            slot.is_in_use(now);
        }
        loop {
            let (count, bytes, oldest) = {
                let slots = self.slots.borrow();
                let bytes: usize = slots
                    .values()
                    .filter_map(|slot| slot.secret().map(Secret::len))
                    .sum();
                let oldest = slots
                    .iter()
                    .filter(|(_, slot)| slot.flight.is_none())
                    .min_by_key(|(number, slot)| (slot.last_use, **number))
                    .map(|(number, slot)| (*number, slot.secret().is_some()));
                (slots.len(), bytes, oldest)
            };
            let Some((number, had_value)) = oldest else {
                return;
            };
            if count <= max_entries && (bytes <= max_bytes || count == 1) {
                return;
            }
            self.remove(shared, number);
            if had_value && let Some(telemetry) = shared.telemetry() {
                telemetry.evictions.increment();
            }
        }
    }

    fn tell(
        &self,
        shared: &Shared,
        ids: &[Id],
        kind: ChangeKind,
        new: Option<&Secret>,
        old: &Secret,
    ) {
        let Some(first) = ids.first() else {
            return;
        };
        // Of the other stages and fixed versions nobody expects to hear.
        if !first.which.is_current() {
            return;
        }
        if let Some(telemetry) = shared.telemetry() {
            telemetry.changes.increment();
        }
        let names: Vec<&str> = ids.iter().map(|id| &*id.name).collect();
        shared.subscribers.tell(
            &names,
            &Change {
                name: first.name.to_string(),
                kind,
                version: new.and_then(Secret::version).map(str::to_owned),
                previous_version: old.version().map(str::to_owned),
                source: new.unwrap_or(old).source(),
                at: SystemTime::now(),
            },
        );
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

    /// What has become due, and when something is due next.
    fn tick(self: &Rc<Self>, shared: &Shared) -> u64 {
        let now = shared.now();
        let numbers: Vec<u64> = self.slots.borrow().keys().copied().collect();
        for number in numbers {
            self.tend(shared, number, now);
        }
        let slots = self.slots.borrow();
        slots
            .values()
            .map(|slot| slot.due(now))
            .min()
            .unwrap_or(NEVER)
    }

    fn tend(self: &Rc<Self>, shared: &Shared, number: u64, now: u64) {
        let mut slots = self.slots.borrow_mut();
        let Some(slot) = slots.get_mut(&number) else {
            return;
        };
        if slot
            .previous
            .as_ref()
            .is_some_and(|(_, until)| now >= *until)
        {
            slot.previous = None;
        }
        // What may not be served any more is not, whatever is under way.
        if let Some(value) = slot.entry.value.as_ref() {
            if now >= value.stale_until {
                slot.enter(None, slot.entry.refusal.clone(), now);
                let (ids, entry) = (slot.ids.clone(), Arc::clone(&slot.entry));
                drop(slots);
                self.publish(shared, &ids, &entry);
                if let Some(telemetry) = shared.telemetry() {
                    telemetry.evictions.increment();
                }
                return;
            }
            if now >= value.ahead {
                slot.entry.set_due();
            }
        }
        if slot.flight.is_some() {
            return;
        }
        if now >= slot.file_due {
            slot.file_due = NEVER;
            drop(slots);
            self.look_at_file(number);
            return;
        }
        let Some(value) = slot.entry.value.as_ref() else {
            return;
        };
        let (ahead, fresh_until) = (value.ahead, value.fresh_until);
        // A variable is read on the thread of whoever asks; here nobody does.
        let can_refresh =
            value.secret.source() != Source::Environment && slot.surroundings.is_some();
        if now < ahead {
            return;
        }
        let refusal = slot.entry.refusal.as_ref();
        let refuses = refusal.is_some_and(|refusal| now < refusal.until);
        if slot.is_in_use(now) && can_refresh && !refuses {
            slot.flight = Some(Flight::default());
            drop(slots);
            self.take_off(shared, number, Duration::ZERO);
            return;
        }
        let passed = if now >= fresh_until {
            fresh_until
        } else {
            ahead
        };
        if passed > slot.announced {
            // Whoever holds the value on its own side asks again, and is counted as a use.
            slot.announced = passed;
            drop(slots);
            shared.epoch.advance();
        }
    }

    /// Reads a file again when it is another one than was read.
    fn look_at_file(self: &Rc<Self>, number: u64) {
        let found = {
            let slots = self.slots.borrow();
            slots
                .get(&number)
                .and_then(|slot| Some((slot.file?, slot.surroundings.as_ref()?.file.clone()?)))
        };
        let Some((stamp, located)) = found else {
            return;
        };
        let keeper = Rc::downgrade(self);
        tokio::task::spawn_local(async move {
            let same = tokio::task::spawn_blocking(move || stamp.unchanged(&located.path)).await;
            let Some((keeper, shared)) = keeper
                .upgrade()
                .and_then(|keeper| keeper.shared.upgrade().map(|shared| (keeper, shared)))
            else {
                return;
            };
            let takes_off = {
                let mut slots = keeper.slots.borrow_mut();
                match slots.get_mut(&number) {
                    Some(slot) if !matches!(same, Ok(true)) && slot.flight.is_none() => {
                        slot.flight = Some(Flight::default());
                        true
                    }
                    Some(slot) => {
                        slot.look_at_file_later(shared.now());
                        false
                    }
                    None => false,
                }
            };
            if takes_off {
                keeper.take_off(&shared, number, Duration::ZERO);
            }
            keeper.sooner.notify_one();
        });
    }
}

/// Tends what is due, for as long as there is a keeper.
async fn watch(keeper: RcWeak<Keeper>) {
    loop {
        let (wait, sooner) = {
            let Some(keeper) = keeper.upgrade() else {
                return;
            };
            let Some(shared) = keeper.shared.upgrade() else {
                return;
            };
            // Nobody else marks what becomes due, so this goes on whatever happens.
            let due = catch_unwind(AssertUnwindSafe(|| keeper.tick(&shared)))
                .unwrap_or_else(|_| shared.now().saturating_add(AFTER_PANIC_MILLIS));
            let wait = match &shared.clock {
                Clock::Manual(_) => MANUAL_PERIOD,
                Clock::System { .. } => {
                    Duration::from_millis(due.saturating_sub(shared.now()).clamp(1, 3_600_000))
                }
            };
            (wait, keeper)
        };
        // Either is fine: the tick finds out what is due.
        let _ = tokio::time::timeout(wait, sooner.sooner.notified()).await;
    }
}

/// Takes the result of one reading to the slot; if the reading panics, the panic.
struct Landing {
    keeper: RcWeak<Keeper>,
    number: u64,
    landed: bool,
}

impl Landing {
    fn new(keeper: &Rc<Keeper>, number: u64) -> Self {
        Self {
            keeper: Rc::downgrade(keeper),
            number,
            landed: false,
        }
    }

    async fn land(&mut self, result: Result<Read, Failure>) {
        if result
            .as_ref()
            .is_err_and(|failure| failure.kind.is_outage())
            && let Some((keeper, shared)) = self.ground()
            && keeper.is_without_value(self.number)
        {
            keeper.disk.load(&shared).await;
        }
        self.touch_down(result);
    }

    fn touch_down(&mut self, result: Result<Read, Failure>) {
        self.landed = true;
        if let Some((keeper, shared)) = self.ground() {
            keeper.land(&shared, self.number, result);
        }
    }

    fn ground(&self) -> Option<(Rc<Keeper>, Arc<Shared>)> {
        let keeper = self.keeper.upgrade()?;
        let shared = keeper.shared.upgrade()?;
        Some((keeper, shared))
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        if !self.landed && std::thread::panicking() {
            let failure = Failure::new(
                FailureKind::Unreachable,
                "",
                "the reading failed inside Tallylight; please report it",
            );
            self.touch_down(Err(failure));
        }
    }
}

fn take(waiters: &mut Vec<Waiter>, ticket: u64) -> Option<Waiter> {
    let at = waiters.iter().position(|waiter| waiter.ticket == ticket)?;
    Some(waiters.swap_remove(at))
}

/// The error of a reader that is not let through to the source again yet.
pub(super) fn refused(refusal: &super::entry::Refusal, now: u64) -> Error {
    let mut failure = refusal.failure.clone();
    let wait = refusal.until.saturating_sub(now);
    failure.text = format!(
        "{} (asked again in {:.1} s)",
        failure.text,
        wait as f64 / 1e3
    );
    failure.to_error()
}
