//! What the pump does on the disk, on the blocking pool: spares, what dead processes left, deleting.

use std::rc::Rc;
use std::sync::Arc;

use tokio::task::{spawn_blocking, spawn_local};

use super::Worker;
use crate::errors::room::{Order, disk_problem};
use crate::errors::settings::Settings;
use crate::errors::spool::segment::Found;
use crate::errors::spool::{About, Folder, Segment, Unusable, folder};
use crate::errors::store;

/// Records that move from memory to the disk in one go: as long as the lock is held.
const MOVED_AT_ONCE: usize = 64;

/// What looking into the folder found.
#[derive(Default)]
struct Look {
    folder: Option<Result<Folder, String>>,
    bytes: Option<u64>,
    found: Vec<Found>,
    damaged: u32,
    /// Somebody else looked at this moment.
    is_busy: bool,
}

impl Worker {
    pub(super) fn delete(self: &Rc<Self>, retired: Vec<Arc<Segment>>) {
        if retired.is_empty() {
            return;
        }
        let worker = Rc::clone(self);
        worker.shared.with(|state| state.deleting += 1);
        spawn_local(async move {
            let deleted = spawn_blocking(move || retired.iter().for_each(|s| s.delete()));
            // One that is left over is found again by the next process.
            let _ = deleted.await;
            worker
                .shared
                .with(|state| state.deleting = state.deleting.saturating_sub(1));
            worker.pump.wake();
        });
    }

    pub(super) fn make_spare(self: &Rc<Self>, order: Order) {
        let worker = Rc::clone(self);
        let about = self.about();
        spawn_local(async move {
            let bytes = order.bytes;
            let made = spawn_blocking(move || {
                let folder = &order.folder;
                Segment::create(folder.path(), &folder.new_name(), order.bytes, about)
                    .map_err(|error| disk_problem(folder, &error))
            });
            let made = made.await.unwrap_or_else(|error| Err(error.to_string()));
            worker.shared.with(|state| {
                state.room.ordered(made, bytes);
                if !state.is_open {
                    state.room.drop_spare();
                }
            });
        });
    }

    fn about(&self) -> About {
        About {
            created: self.shared.clock.wall().as_millis() as u64,
            pid: std::process::id(),
        }
    }

    /// Takes over what dead processes left, or keeps the local store small.
    pub(super) fn look(self: &Rc<Self>, settings: &Arc<Settings>) {
        let worker = Rc::clone(self);
        let settings = Arc::clone(settings);
        spawn_local(async move {
            let known = worker.shared.with(|state| state.room.folder().cloned());
            let looked = spawn_blocking({
                let settings = Arc::clone(&settings);
                move || look_into(known.flatten(), &settings)
            });
            let looked = looked.await.unwrap_or_default();
            worker.shared.with(|state| {
                if let Some(folder) = looked.folder {
                    state.room.opened(folder);
                }
                if let Some(bytes) = looked.bytes {
                    state.room.surveyed(bytes);
                }
                for found in looked.found {
                    state.adopt(found);
                }
                for _ in 0..looked.damaged {
                    state.note_corrupt_file();
                }
                state.is_looking = false;
                state.has_looked = true;
                if looked.is_busy {
                    state.look_soon();
                }
            });
            worker.pump.wake();
        });
    }

    /// Moves what waits in memory to a disk that takes it again.
    pub(super) fn move_to_disk(self: &Rc<Self>, settings: &Arc<Settings>) {
        let worker = Rc::clone(self);
        let settings = Arc::clone(settings);
        spawn_local(async move {
            loop {
                let now = worker.shared.clock.wall().as_millis() as u64;
                let moved = worker.shared.with(|state| {
                    state.leave_memory();
                    state.move_to_disk(&settings, now, MOVED_AT_ONCE)
                });
                if moved.unwrap_or(0) == 0 {
                    break;
                }
                tokio::task::yield_now().await;
            }
            worker.shared.with(|state| state.is_moving = false);
            worker.pump.wake();
        });
    }
}

fn look_into(known: Option<Folder>, settings: &Settings) -> Look {
    let mut look = Look::default();
    let folder = known.map_or_else(|| Folder::open(&settings.base, &settings.folder), Ok);
    look.folder = Some(folder.clone());
    let Ok(folder) = folder else {
        return look;
    };
    // A folder that cannot be read or locked is said when a file is to be made.
    let alone = folder.alone(|| {
        let Ok(survey) = folder.survey() else {
            return;
        };
        look.bytes = Some(survey.bytes);
        if settings.is_local() {
            store::trim(&folder, &survey, settings.config.local_events);
            return;
        }
        for path in &survey.foreign {
            match Segment::adopt(path, &folder.path().join(folder.new_name())) {
                Ok(found) => look.found.push(found),
                Err(Unusable::Damaged) => {
                    folder::set_aside(path);
                    look.damaged += 1;
                }
                Err(Unusable::InUse | Unusable::Newer | Unusable::Refused) => {}
            }
        }
    });
    look.is_busy = matches!(alone, Ok(None));
    look
}
