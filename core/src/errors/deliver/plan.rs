//! What the pump does next: decided at once, under the lock, from what is where.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Worker;
use crate::errors::flush::Waiter;
use crate::errors::report::Discards;
use crate::errors::room::Order;
use crate::errors::settings::Settings;
use crate::errors::spool::Segment;
use crate::errors::state::{Job, State};

/// How often the server is told of drops.
const REPORT_EVERY: Duration = Duration::from_secs(30);
/// How often others' segments are looked for, and a disk that failed is tried again.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// How soon again when somebody else did at the same time.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How soon memory is moved to a disk that takes it again.
const MOVE_EVERY: Duration = Duration::from_secs(1);

pub(super) struct Plan {
    pub(super) jobs: Vec<Job>,
    /// A report that goes alone.
    pub(super) report: Option<Discards>,
    pub(super) order: Option<Order>,
    /// Whether to look for what dead processes left.
    pub(super) looks: bool,
    /// Whether to move what is in memory to the disk.
    pub(super) moves: bool,
    pub(super) answered: Vec<Waiter>,
    pub(super) retired: Vec<Arc<Segment>>,
    pub(super) next: Instant,
    /// Whether an event that comes now could be sent now.
    pub(super) has_room: bool,
    pub(super) is_over: bool,
}

impl Worker {
    /// `None` when this pump is no longer the one.
    pub(super) fn plan(&self, settings: &Settings) -> Option<Plan> {
        let now = Instant::now();
        let wall = self.shared.clock.wall();
        let monotonic = self.shared.clock.now();
        self.shared
            .with(|state| {
                let is_current = state
                    .pump
                    .as_ref()
                    .is_some_and(|pump| Arc::ptr_eq(pump, &self.pump));
                is_current.then(|| state.plan(settings, now, wall, monotonic))
            })
            .flatten()
    }
}

impl State {
    fn plan(
        &mut self,
        settings: &Settings,
        now: Instant,
        wall: Duration,
        monotonic: Duration,
    ) -> Plan {
        let looks = self.is_look_due(settings, now);
        if looks {
            self.is_looking = true;
            self.room.survey_begins();
            self.looked_at = Some(now);
        }
        self.release(monotonic, false);
        let is_closing = self.waiters.iter().any(|waiter| waiter.is_close);
        let report_at = match self.last_report {
            _ if is_closing => now,
            None => now,
            Some(last) => last + REPORT_EVERY,
        };
        let mut jobs = Vec::new();
        let mut report = None;
        let mut free = 0;
        if !settings.is_local() {
            free = self.link.free(self.under_way, now);
            while free > 0
                && let Some(job) = self.take(now, wall, settings)
            {
                jobs.push(job);
                free -= 1;
                self.under_way += 1;
            }
            if !self.is_reporting && report_at <= now {
                let unreported = self.unreported();
                if !unreported.is_empty() {
                    match jobs.first_mut() {
                        Some(job) => {
                            job.report = Some(unreported);
                            self.is_reporting = true;
                        }
                        None if free > 0 && (is_closing || !self.has_sendable(now)) => {
                            report = Some(unreported);
                            self.is_reporting = true;
                            self.under_way += 1;
                            free -= 1;
                        }
                        None => {}
                    }
                }
            }
        }
        let answered = self.answered(now);
        let is_over = !self.is_open && self.waiters.is_empty();
        if is_over {
            self.close();
            // An `init` from here on starts another.
            self.pump = None;
        }
        let moves = self.is_move_due(settings, now);
        let mut next = now + LOOK_EVERY;
        let mut look_again = |at: Option<Instant>| {
            if let Some(at) = at {
                next = next.min(at.max(now));
            }
        };
        let may_look = settings.config.spool && !self.is_looking;
        let look_at = self.looked_at.map(|last| last + self.look_every());
        look_again(look_at.filter(|_| may_look));
        look_again(self.waiters.iter().map(|waiter| waiter.until).min());
        if !settings.is_local() {
            look_again(self.link.next(now).filter(|_| self.pending() > 0));
            look_again(self.next_limit(now));
            look_again(self.storms.next_release(monotonic).map(|left| now + left));
            if !self.is_reporting && report_at > now && !self.unreported().is_empty() {
                look_again(Some(report_at));
            }
            if self.has_memory_to_move(settings) {
                look_again(Some(now + MOVE_EVERY));
            }
        }
        Plan {
            jobs,
            report,
            order: self.order_spare(settings),
            looks,
            moves,
            answered,
            retired: std::mem::take(&mut self.retired),
            next,
            has_room: free > 0,
            is_over,
        }
    }

    fn is_look_due(&mut self, settings: &Settings, now: Instant) -> bool {
        // Who closes at once, as a short script does, waits for the first look too.
        let is_wanted = self.is_open || !self.waiters.is_empty();
        if self.is_looking || !settings.config.spool || !is_wanted {
            return false;
        }
        let every = self.look_every();
        self.looked_at
            .is_none_or(|last| now.saturating_duration_since(last) >= every)
    }

    fn look_every(&self) -> Duration {
        if self.room.wants_survey() {
            LOOK_AGAIN
        } else {
            LOOK_EVERY
        }
    }

    /// Somebody else was looking: they may have passed what has come since.
    pub(super) fn look_soon(&mut self) {
        self.looked_at = Instant::now().checked_sub(LOOK_EVERY - LOOK_AGAIN);
    }

    /// Whether events wait in memory though they could be on disk.
    fn has_memory_to_move(&self, settings: &Settings) -> bool {
        settings.config.spool
            && self
                .slots
                .values()
                .any(|slot| slot.pending > 0 && !slot.segment.is_durable())
    }

    fn is_move_due(&mut self, settings: &Settings, now: Instant) -> bool {
        if !self.has_memory_to_move(settings) || self.is_moving {
            return false;
        }
        let is_due = self
            .moved_at
            .is_none_or(|last| now.saturating_duration_since(last) >= MOVE_EVERY);
        if is_due && self.room.may_have_disk(settings) {
            self.is_moving = true;
            self.moved_at = Some(now);
            return true;
        }
        false
    }
}
