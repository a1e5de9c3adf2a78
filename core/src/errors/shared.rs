//! The pipeline's parts together: what a caller's thread does, and what both sides share.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use super::deliver::Pump;
use super::item::{Category, DiscardReason, Item, Outcome};
use super::prepare;
use super::settings::Settings;
use super::spool::{Head, Parts, State as At};
use super::state::State;
use super::storm::{Place, Verdict};
use super::{Attachment, Delivery};
use crate::clock::Clock;
use crate::error::Error;
use crate::fork;
use crate::io::Io;

pub(super) struct Shared {
    settings: ArcSwap<Settings>,
    state: Mutex<State>,
    /// What was dropped where the lock could not be taken, by reason.
    outside: [AtomicU64; DiscardReason::ALL.len()],
    pub(super) clock: Clock,
    pub(super) io: Arc<Io>,
}

impl Shared {
    pub(super) fn new(settings: Settings, clock: Clock, io: Arc<Io>) -> Self {
        let mut state = State::new(fork::generation());
        state.keeps_files = settings.is_local();
        Self {
            settings: ArcSwap::from_pointee(settings),
            state: Mutex::new(state),
            outside: std::array::from_fn(|_| AtomicU64::new(0)),
            clock,
            io,
        }
    }

    pub(super) fn settings(&self) -> Arc<Settings> {
        self.settings.load_full()
    }

    /// Works on the state of this process; `None` in a child that is unfit.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> Option<T> {
        let _inside = fork::enter()?;
        let mut state = self.state.lock();
        if state.fork != fork::generation() {
            let mut fresh = State::new(fork::generation());
            fresh.is_open = state.is_open;
            fresh.keeps_files = state.keeps_files;
            let parents = std::mem::replace(&mut *state, fresh);
            // Who waits there, and the thread that serves them, are the parent's; the segments are
            // unmapped here, and stay as they are.
            std::mem::forget(parents.waiters);
            std::mem::forget(parents.pump);
            for count in &self.outside {
                count.store(0, Ordering::Relaxed);
            }
        }
        Some(work(&mut state))
    }

    /// Goes by other settings from now on, and is open again.
    pub(super) fn configure(self: &Arc<Self>, settings: Settings) {
        let before = self.settings();
        let is_elsewhere = before.base != settings.base || before.folder != settings.folder;
        let starts = !settings.is_local();
        let keeps_files = settings.is_local();
        self.settings.store(Arc::new(settings));
        self.with(|state| {
            state.is_open = true;
            if is_elsewhere {
                state.leave();
            }
            state.keeps_files = keeps_files;
        });
        // What an earlier process left is delivered at once, not at the first error.
        if starts {
            self.start_pump();
        }
    }

    pub(super) fn set_facts(&self, facts: serde_json::Map<String, serde_json::Value>) {
        // Two at once: the later one is built on the earlier.
        self.settings
            .rcu(|settings| settings.with_facts(facts.clone()));
    }

    pub(super) fn capture(self: &Arc<Self>, item: &Item<'_>) -> Outcome {
        // Our own code reporting through the host's panic hook, or a signal handler: the lock may
        // be this thread's.
        if fork::is_inside() {
            return self.drop_outside(DiscardReason::InternalSdkError);
        }
        let settings = self.settings();
        let prepared = catch_unwind(AssertUnwindSafe(|| self.capture_prepared(item, &settings)));
        let outcome = match prepared {
            Ok(outcome) => outcome,
            Err(payload) => {
                // A payload may panic again in its own Drop.
                std::mem::forget(payload);
                Some(self.drop_one(item.category, DiscardReason::InternalSdkError))
            }
        };
        outcome.unwrap_or_else(|| self.drop_outside(DiscardReason::Closed))
    }

    fn capture_prepared(self: &Arc<Self>, item: &Item<'_>, settings: &Settings) -> Option<Outcome> {
        let prepared = match prepare::prepare(item.category, item.payload, &settings.config) {
            Ok(prepared) => prepared,
            Err(reason) => return Some(self.drop_one(item.category, reason)),
        };
        let clean: Vec<_> = item
            .attachments
            .iter()
            .map(|file| {
                (
                    crate::scrub::scrub(file.filename),
                    prepare::prepare_bytes(file.bytes, &settings.config),
                )
            })
            .collect();
        let attachments: Vec<_> = clean
            .iter()
            .zip(item.attachments)
            .map(|((filename, bytes), file)| Attachment {
                filename,
                content_type: file.content_type,
                bytes,
            })
            .collect();
        let trace = item.trace.map(crate::scrub::scrub_json_text);
        let profile = item.profile.map(crate::scrub::scrub_json_text);
        let parts = Parts::of(&Item {
            payload: &prepared.json,
            attachments: &attachments,
            trace: trace.as_deref(),
            profile: profile.as_deref(),
            ..*item
        });
        let head = Head {
            category: Some(item.category),
            id: item.id,
            captured_at: self.clock.wall().as_millis() as u64,
            fingerprint: prepared.fingerprint,
        };
        let now = self.clock.now();
        let (outcome, pump) = self.with(|state| {
            let outcome = state.put(&head, item.category, &parts, settings, now);
            (outcome, state.pump.clone())
        })?;
        match pump {
            Some(pump) => pump.wake_if_asleep(),
            None if !matches!(outcome, Outcome::Discarded(_)) => self.start_pump(),
            None => {}
        }
        Some(outcome)
    }

    fn drop_one(&self, category: Category, reason: DiscardReason) -> Outcome {
        self.discard(category, reason, 1);
        Outcome::Discarded(reason)
    }

    pub(super) fn discard(&self, category: Category, reason: DiscardReason, count: u64) {
        let is_counted = !fork::is_inside()
            && self
                .with(|state| state.drop_captured(reason, category, count))
                .is_some();
        if !is_counted {
            self.count_outside(reason, count);
        }
    }

    fn drop_outside(&self, reason: DiscardReason) -> Outcome {
        self.count_outside(reason, 1);
        Outcome::Discarded(reason)
    }

    fn count_outside(&self, reason: DiscardReason, count: u64) {
        if let Some(known) = self.outside.get(reason as usize - 1) {
            known.fetch_add(count, Ordering::Relaxed);
        }
    }

    pub(super) fn delivery(&self) -> Delivery {
        let now = std::time::Instant::now();
        let mut answer = self
            .with(|state| {
                for (count, reason) in self.outside.iter().zip(DiscardReason::ALL) {
                    let count = count.swap(0, Ordering::Relaxed);
                    if count > 0 {
                        state.drop_captured(reason, Category::Error, count);
                    }
                }
                state.delivery(now)
            })
            .unwrap_or_else(|| Delivery {
                waiting_for: Some(fork::unfit().to_string()),
                ..Delivery::default()
            });
        if let Some(text) = &answer.waiting_for {
            answer.waiting_for = Some(crate::scrub::scrub(text).into_owned());
        }
        answer
    }

    /// Has the I/O thread deliver, starting it if it does not yet.
    pub(super) fn start_pump(self: &Arc<Self>) {
        let fresh = self.with(|state| {
            if state.pump.is_some() {
                return None;
            }
            let pump = Arc::new(Pump::default());
            state.pump = Some(Arc::clone(&pump));
            Some(pump)
        });
        let Some(Some(pump)) = fresh else {
            return;
        };
        let shared = Arc::clone(self);
        // What it holds answers those who wait, also when it never runs.
        let running = Pump::running(&pump, &shared);
        let submitted: Result<(), Error> = self.io.submit(move || running.start());
        if let Err(error) = submitted {
            self.with(|state| state.link.problem = Some(error.to_string()));
        }
    }

    /// Has the pump look at once.
    pub(super) fn wake(&self) {
        let pump = self.with(|state| state.pump.clone()).flatten();
        if let Some(pump) = pump {
            pump.wake();
        }
    }

    /// Deletes the files of segments that nothing more is in.
    pub(super) fn delete_retired(&self) {
        let retired = self.with(|state| std::mem::take(&mut state.retired));
        for segment in retired.into_iter().flatten() {
            segment.delete();
        }
    }
}

impl State {
    /// Puts an event where it belongs, and counts it.
    fn put(
        &mut self,
        head: &Head,
        category: Category,
        parts: &Parts<'_>,
        settings: &Settings,
        now: Duration,
    ) -> Outcome {
        let drop = |state: &mut Self, reason| {
            state.drop_captured(reason, category, 1);
            Outcome::Discarded(reason)
        };
        if !self.is_open {
            return drop(self, DiscardReason::Closed);
        }
        if !parts.fits() {
            return drop(self, DiscardReason::TooLarge);
        }
        let verdict = if category == Category::Error {
            self.storms
                .judge(head.fingerprint, settings.config.storm_limit, now)
        } else {
            Verdict::Pass
        };
        if let Verdict::Copy(place) = verdict {
            if let Some(slot) = self.slots.get(&place.segment) {
                slot.segment.add_copy(place.at);
            }
            return drop(self, DiscardReason::Storm);
        }
        let number = match self.make_room(parts.len(), settings, head.captured_at) {
            Ok(number) => number,
            Err(reason) => return drop(self, reason),
        };
        let at = match (settings.is_local(), verdict) {
            (true, _) => At::Done,
            (false, Verdict::Hold) => At::Held,
            (false, _) => At::Waiting,
        };
        let Some(slot) = self.slots.get_mut(&number) else {
            return drop(self, DiscardReason::InternalSdkError);
        };
        let Some(place) = slot.segment.append(head, parts, at) else {
            return drop(self, DiscardReason::InternalSdkError);
        };
        let outcome = if slot.segment.is_durable() {
            Outcome::Spooled
        } else {
            Outcome::Queued
        };
        let place = Place {
            segment: number,
            at: place,
        };
        self.account.captured(1);
        if at == At::Done {
            self.account.sent();
        } else {
            slot.pending += 1;
        }
        if verdict == Verdict::Hold {
            self.storms.held(head.fingerprint, place);
        } else if at == At::Waiting {
            self.enqueue(category, place);
        }
        outcome
    }

    /// Nothing more comes: lets go of what is not needed, and leaves the rest to the next process.
    pub(super) fn close(&mut self) {
        self.room.drop_spare();
        self.retire_all();
    }
}
