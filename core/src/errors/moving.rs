//! From memory to the disk: what a full or broken disk did not take is written there once it does.
//!
//! The pump asks for it (`deliver/disk.rs`), a few records at a time, since the lock is held.

use std::sync::Arc;

use super::item::Category;
use super::settings::Settings;
use super::spool::{Record, State as At};
use super::state::State;
use super::storm::Place;

impl State {
    /// New records go to the disk again, if it takes them.
    pub(super) fn leave_memory(&mut self) {
        let is_memory = self
            .current
            .and_then(|number| self.slots.get(&number))
            .is_some_and(|slot| !slot.segment.is_durable());
        if is_memory && let Some(number) = self.current.take() {
            self.retire(number);
        }
    }

    /// Moves what waits in memory to the current segment, which is on disk; how much.
    pub(super) fn move_to_disk(&mut self, settings: &Settings, now: u64, most: usize) -> usize {
        let mut moved = 0;
        let in_memory: Vec<u32> = self
            .slots
            .iter()
            .filter(|(number, slot)| {
                !slot.segment.is_durable() && slot.pending > 0 && Some(**number) != self.current
            })
            .map(|(number, _)| *number)
            .collect();
        for number in in_memory {
            let Some(segment) = self
                .slots
                .get(&number)
                .map(|slot| Arc::clone(&slot.segment))
            else {
                continue;
            };
            for (at, head) in segment.own_records() {
                if moved >= most {
                    return moved;
                }
                let (Some(category), Some(state)) = (head.category, segment.state(at)) else {
                    continue;
                };
                if !state.is_pending() || !self.is_queued_or_held(category, number, at, state) {
                    continue;
                }
                let Some(record) = segment.read(at) else {
                    continue;
                };
                if !self.move_record(&record, category, state, settings, now) {
                    return moved;
                }
                segment.set_state(at, At::Moved);
                if let Some(slot) = self.slots.get_mut(&number) {
                    slot.pending = slot.pending.saturating_sub(1);
                }
                moved += 1;
            }
            self.retire(number);
        }
        moved
    }

    /// Not one that is on its way: what becomes of that is written where it lies.
    fn is_queued_or_held(&self, category: Category, segment: u32, at: u32, state: At) -> bool {
        let place = Place { segment, at };
        state == At::Held
            || self
                .queues
                .get(category as usize - 1)
                .is_some_and(|queue| queue.contains(&place))
    }

    fn move_record(
        &mut self,
        record: &Record,
        category: Category,
        state: At,
        settings: &Settings,
        now: u64,
    ) -> bool {
        let Ok(number) = self.make_room(record.bytes(), settings, now) else {
            return false;
        };
        let Some(slot) = self.slots.get_mut(&number) else {
            return false;
        };
        if !slot.segment.is_durable() {
            return false;
        }
        let Some(at) = slot.segment.append_copy(record, state) else {
            return false;
        };
        slot.pending += 1;
        let place = Place {
            segment: number,
            at,
        };
        if state == At::Held {
            self.storms.moved(record.head.fingerprint, place);
        } else {
            self.enqueue(category, place);
        }
        true
    }
}
