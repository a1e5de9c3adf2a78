//! What is where: the segments, the queues over them, and the account. All of it is behind one
//! lock, taken inside the fork gate and held for a copy at most.
//!
//! `capture` puts events in on callers' threads, `deliver` takes them out on the I/O thread. A
//! forked child starts with a fresh one: what was captured before is its parent's.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Delivery;
use super::account::Account;
use super::deliver::Pump;
use super::flush::Waiter;
use super::item::{Category, DiscardReason};
use super::limits::Limits;
use super::link::Link;
use super::report::Discards;
use super::room::Room;
use super::settings::Settings;
use super::spool::{Head, Segment, State as At};
use super::storm::{Place, Storms};

/// The order in which categories go out: what people wait for first.
const ORDER: [Category; Category::ALL.len()] = [
    Category::Error,
    Category::CheckIn,
    Category::Session,
    Category::Transaction,
    Category::Profile,
    Category::Attachment,
];

/// A segment in use.
pub(super) struct Slot {
    pub(super) segment: Arc<Segment>,
    /// Records that are neither delivered nor dropped.
    pub(super) pending: u32,
    /// Whether this process captured what is in it.
    pub(super) is_own: bool,
    /// Facts about the process, from the place on where they lie.
    facts: Vec<(u32, Arc<str>)>,
}

impl Slot {
    pub(super) fn new(segment: Arc<Segment>, is_own: bool) -> Self {
        Self {
            segment,
            pending: 0,
            is_own,
            facts: Vec::new(),
        }
    }

    pub(super) fn add_facts(&mut self, at: u32, facts: Arc<str>) {
        self.facts.push((at, facts));
    }

    /// The facts that hold for the record at a place.
    pub(super) fn facts_at(&self, at: u32) -> Option<Arc<str>> {
        let behind = self.facts.partition_point(|(from, _)| *from < at);
        let (_, facts) = self.facts.get(behind.checked_sub(1)?)?;
        Some(Arc::clone(facts))
    }

    pub(super) fn latest_facts(&self) -> Option<&Arc<str>> {
        self.facts.last().map(|(_, facts)| facts)
    }
}

/// Something to deliver, on its way.
pub(super) struct Job {
    pub(super) place: Place,
    pub(super) segment: Arc<Segment>,
    pub(super) category: Category,
    pub(super) facts: Option<Arc<str>>,
    /// What is to be told of drops beside it.
    pub(super) report: Option<Discards>,
}

pub(super) struct State {
    /// The fork's number of the process that this is the state of.
    pub(super) fork: u32,
    pub(super) pid: u32,
    pub(super) is_open: bool,
    /// Whether files stay when all in them is done: they are the local store.
    pub(super) keeps_files: bool,
    pub(super) account: Account,
    pub(super) slots: HashMap<u32, Slot>,
    next_slot: u32,
    /// Where new records go.
    pub(super) current: Option<u32>,
    pub(super) room: Room,
    pub(super) queues: [VecDeque<Place>; Category::ALL.len()],
    pub(super) storms: Storms,
    /// Drops that stand in no segment and no server was told of.
    pub(super) loose: Discards,
    pub(super) link: Link,
    pub(super) limits: Limits,
    /// What the server refused for good, in words for people.
    pub(super) refusal: Option<String>,
    pub(super) under_way: usize,
    /// Segments that nothing more is in, whose files are to be deleted.
    pub(super) retired: Vec<Arc<Segment>>,
    /// Whether files are being deleted.
    pub(super) deleting: usize,
    pub(super) last_report: Option<Instant>,
    pub(super) is_reporting: bool,
    pub(super) waiters: Vec<Waiter>,
    pub(super) pump: Option<Arc<Pump>>,
    /// Whether what dead processes left was looked for since this process began.
    pub(super) has_looked: bool,
    pub(super) is_looking: bool,
    pub(super) looked_at: Option<Instant>,
    pub(super) is_moving: bool,
    pub(super) moved_at: Option<Instant>,
}

impl State {
    pub(super) fn new(fork: u32) -> Self {
        Self {
            fork,
            pid: std::process::id(),
            is_open: true,
            keeps_files: false,
            account: Account::default(),
            slots: HashMap::new(),
            next_slot: 1,
            current: None,
            room: Room::default(),
            queues: std::array::from_fn(|_| VecDeque::new()),
            storms: Storms::default(),
            loose: Discards::default(),
            link: Link::default(),
            limits: Limits::default(),
            refusal: None,
            under_way: 0,
            retired: Vec::new(),
            deleting: 0,
            last_report: None,
            is_reporting: false,
            waiters: Vec::new(),
            pump: None,
            has_looked: false,
            is_looking: false,
            looked_at: None,
            is_moving: false,
            moved_at: None,
        }
    }

    /// Counts what was captured and is not delivered.
    pub(super) fn drop_captured(&mut self, reason: DiscardReason, category: Category, count: u64) {
        self.account.captured(count);
        self.account.dropped(reason, count);
        self.note_drop(reason, category, count);
    }

    /// Remembers a drop for the server, where that outlives the process if there is such a place.
    pub(super) fn note_drop(&mut self, reason: DiscardReason, category: Category, count: u64) {
        match self.current.and_then(|slot| self.slots.get(&slot)) {
            Some(slot) => slot.segment.ledger_add(reason, category, count),
            None => self.loose.add(reason, category, count),
        }
    }

    pub(super) fn add_slot(&mut self, slot: Slot) -> u32 {
        let number = self.next_slot;
        self.next_slot = self.next_slot.wrapping_add(1).max(1);
        self.slots.insert(number, slot);
        number
    }

    pub(super) fn enqueue(&mut self, category: Category, place: Place) {
        if let Some(queue) = self.queues.get_mut(category as usize - 1) {
            queue.push_back(place);
        }
    }

    /// One that was taken waits again: first in its queue, or last where others should be tried.
    pub(super) fn requeue(&mut self, category: Category, place: Place, first: bool) {
        if let Some(queue) = self.queues.get_mut(category as usize - 1) {
            if first {
                queue.push_front(place);
            } else {
                queue.push_back(place);
            }
        }
    }

    /// The next thing to deliver that no limit holds back, and that is young enough.
    pub(super) fn take(
        &mut self,
        now: Instant,
        wall: Duration,
        settings: &Settings,
    ) -> Option<Job> {
        for category in ORDER {
            if self.limits.until(category, now).is_some() {
                continue;
            }
            while let Some(place) = self.queues.get_mut(category as usize - 1)?.pop_front() {
                let Some(slot) = self.slots.get(&place.segment) else {
                    continue;
                };
                // It may have been moved to another segment, where it is in the queue again.
                if slot.segment.state(place.at) != Some(At::Waiting) {
                    continue;
                }
                let job = Job {
                    place,
                    segment: Arc::clone(&slot.segment),
                    category,
                    facts: slot.facts_at(place.at),
                    report: None,
                };
                let captured_at = slot
                    .segment
                    .head(place.at)
                    .map_or(0, |head| head.captured_at);
                // A clock that was set back makes nothing old.
                let age = wall.saturating_sub(Duration::from_millis(captured_at));
                if age > settings.config.max_spool_age {
                    self.finish(&job, Err(DiscardReason::TooOld));
                    continue;
                }
                return Some(job);
            }
        }
        None
    }

    /// A record is delivered, or dropped for good.
    pub(super) fn finish(&mut self, job: &Job, outcome: Result<(), DiscardReason>) {
        let Some(slot) = self.slots.get_mut(&job.place.segment) else {
            return;
        };
        match outcome {
            Ok(()) => {
                slot.segment.set_state(job.place.at, At::Done);
                if slot.is_own {
                    self.account.sent();
                }
            }
            Err(reason) => {
                slot.segment.set_state(job.place.at, At::Dropped(reason));
                slot.segment.ledger_add(reason, job.category, 1);
                if slot.is_own {
                    self.account.dropped(reason, 1);
                }
            }
        }
        slot.pending = slot.pending.saturating_sub(1);
        self.retire(job.place.segment);
    }

    /// Lets a segment go when nothing more is in it.
    pub(super) fn retire(&mut self, number: u32) {
        let is_done = self.current != Some(number)
            && self.slots.get(&number).is_some_and(|slot| {
                slot.pending == 0 && (self.keeps_files || slot.segment.ledger().is_empty())
            });
        if is_done && let Some(slot) = self.slots.remove(&number) {
            let is_kept = self.keeps_files && slot.segment.is_durable();
            if !is_kept {
                self.room.let_go(&slot.segment);
                self.retired.push(slot.segment);
            }
        }
    }

    /// Leaves everything to whoever sends to the same place as before: the settings say another.
    pub(super) fn leave(&mut self) {
        self.current = None;
        self.room.drop_spare();
        for (_, slot) in self.slots.drain() {
            if slot.is_own && !slot.segment.is_durable() {
                self.account
                    .dropped(DiscardReason::QueueOverflow, u64::from(slot.pending));
            }
        }
        self.queues = std::array::from_fn(|_| VecDeque::new());
        self.storms = Storms::default();
        self.link = Link::default();
        self.limits = Limits::default();
        self.refusal = None;
        self.room = Room::default();
        self.has_looked = false;
    }

    /// Lets go of every segment that nothing more is in, the current one too.
    pub(super) fn retire_all(&mut self) {
        self.current = None;
        let numbers: Vec<u32> = self.slots.keys().copied().collect();
        for number in numbers {
            self.retire(number);
        }
    }

    /// Has held events delivered: those whose minute is over, or all.
    pub(super) fn release(&mut self, now: Duration, all: bool) {
        for place in self.storms.release(now, all) {
            if let Some(slot) = self.slots.get(&place.segment)
                && slot.segment.state(place.at) == Some(At::Held)
                && let Some(Head {
                    category: Some(category),
                    ..
                }) = slot.segment.head(place.at)
            {
                slot.segment.set_state(place.at, At::Waiting);
                self.enqueue(category, place);
            }
        }
    }

    /// Takes a segment over that another process left.
    pub(super) fn adopt(&mut self, found: super::spool::segment::Found) {
        let segment = Arc::new(found.segment);
        let mut slot = Slot::new(Arc::clone(&segment), false);
        let number = self.next_slot;
        for (at, head) in found.records {
            let Some(category) = head.category else {
                if let Some(facts) = facts_of(&segment, at) {
                    slot.add_facts(at, facts);
                }
                continue;
            };
            let is_pending = segment.state(at).is_some_and(At::is_pending);
            if is_pending {
                // Nobody adds copies to what a dead process held.
                segment.set_state(at, At::Waiting);
                slot.pending += 1;
                self.enqueue(
                    category,
                    Place {
                        segment: number,
                        at,
                    },
                );
            }
        }
        if found.damaged > 0 {
            segment.ledger_add(
                DiscardReason::Corrupt,
                Category::Error,
                u64::from(found.damaged),
            );
        }
        let number = self.add_slot(slot);
        self.retire(number);
    }

    /// Whether anything could be sent at once if the way were free.
    pub(super) fn has_sendable(&self, now: Instant) -> bool {
        Category::ALL.into_iter().any(|category| {
            self.limits.until(category, now).is_none()
                && self
                    .queues
                    .get(category as usize - 1)
                    .is_some_and(|queue| !queue.is_empty())
        })
    }

    /// When the first limit ends of a category of which something waits.
    pub(super) fn next_limit(&self, now: Instant) -> Option<Instant> {
        Category::ALL
            .into_iter()
            .filter(|category| {
                self.queues
                    .get(*category as usize - 1)
                    .is_some_and(|queue| !queue.is_empty())
            })
            .filter_map(|category| self.limits.until(category, now))
            .min()
    }

    /// What of this process waits.
    pub(super) fn own_pending(&self) -> u32 {
        self.slots
            .values()
            .filter(|slot| slot.is_own)
            .map(|slot| slot.pending)
            .sum()
    }

    /// What waits, of whichever process.
    pub(super) fn pending(&self) -> u32 {
        self.slots.values().map(|slot| slot.pending).sum()
    }

    /// The account as it is answered.
    pub(super) fn delivery(&self, now: Instant) -> Delivery {
        let mut answer = self.account.delivery();
        answer.durable = self
            .slots
            .values()
            .all(|slot| slot.pending == 0 || !slot.is_own || slot.segment.is_durable());
        let mut why: Vec<String> = Vec::new();
        if answer.pending > 0 {
            why.extend(self.link.problem.clone());
            if let Some(until) = self.next_limit(now) {
                let seconds = (until - now).as_secs() + 1;
                why.push(format!(
                    "the server takes no more for {seconds} s (rate limit)"
                ));
            }
        }
        if answer.dropped > 0 || answer.pending > 0 {
            why.extend(self.refusal.clone());
            why.extend(self.room.problem().map(str::to_owned));
        }
        answer.waiting_for = (!why.is_empty()).then(|| why.join("; "));
        answer
    }
}

/// The facts that lie there.
fn facts_of(segment: &Segment, at: u32) -> Option<Arc<str>> {
    let record = segment.read(at)?;
    Some(record.contents()?.payload.into())
}
