//! Which slots there are: one a secret and version, however many names it is asked for by.

use std::collections::HashMap;
use std::sync::Arc;

use super::Keeper;
use crate::secrets::chain::Surroundings;
use crate::secrets::entry::Entry;
use crate::secrets::index::{Id, Index};
use crate::secrets::shared::Shared;
use crate::secrets::slot::Slot;
use crate::secrets::value::Secret;

impl Keeper {
    /// Takes over what is published already: in a forked child, what its parent read.
    pub(super) fn adopt(&self, index: &Index, now: u64) {
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

    pub(super) fn number(&self) -> u64 {
        let number = self.next_number.get();
        self.next_number.set(number + 1);
        number
    }

    /// The slot of this id, a new one if there is none.
    pub(super) fn slot_of(&self, id: &Id, surroundings: Surroundings, now: u64) -> u64 {
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

    /// Makes the ids of one slot another's.
    pub(super) fn merge(&self, from: u64, into: u64) {
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

    /// Forgets a slot unless a reading of it is under way.
    pub(super) fn remove(&self, shared: &Shared, number: u64) {
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
    pub(super) fn make_room(&self, shared: &Shared) {
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
}
