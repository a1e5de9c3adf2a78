//! The table of a hit: current values by name, found without a step that can wait.
//!
//! Made anew of the index whenever that changes, and never changed itself. A look-up is one hash of two
//! multiplications, usually one slot, and a comparison of names; the general maps of the index cost twice that.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use super::entry::Entry;

#[derive(Debug, Clone)]
struct Slot {
    hash: u64,
    name: Box<str>,
    entry: Arc<Entry>,
}

/// Open addressing; at most half of the slots are taken, so that every search ends.
#[derive(Debug, Clone, Default)]
pub(super) struct Quick {
    seeds: Seeds,
    slots: Box<[Option<Slot>]>,
}

/// Random, since names may come from outside: nobody can choose ones that collide.
#[derive(Debug, Clone)]
struct Seeds([u64; 3]);

impl Default for Seeds {
    fn default() -> Self {
        let random = RandomState::new();
        Self([0, 1, 2].map(|n| random.hash_one(n)))
    }
}

impl Quick {
    /// The table of these; of two of one name the first counts.
    pub(super) fn replace<'a>(
        &mut self,
        entries: impl Iterator<Item = (&'a str, &'a Arc<Entry>)> + Clone,
    ) {
        let size = (entries.clone().count() * 2 + 1).next_power_of_two();
        let mut slots: Vec<Option<Slot>> = vec![None; size];
        for (name, entry) in entries {
            let hash = self.seeds.hash(name.as_bytes());
            let free = (0..size)
                .map(|step| (hash as usize).wrapping_add(step) & (size - 1))
                .find(|&at| match slots.get(at) {
                    Some(Some(slot)) => slot.hash == hash && *slot.name == *name,
                    _ => true,
                });
            if let Some(slot @ None) = free.and_then(|at| slots.get_mut(at)) {
                *slot = Some(Slot {
                    hash,
                    name: name.into(),
                    entry: Arc::clone(entry),
                });
            }
        }
        self.slots = slots.into();
    }

    #[inline]
    pub(super) fn find(&self, name: &str) -> Option<&Arc<Entry>> {
        let hash = self.seeds.hash(name.as_bytes());
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots.get(at)?.as_ref()?;
            if slot.hash == hash && is_same(name.as_bytes(), slot.name.as_bytes()) {
                return Some(&slot.entry);
            }
            at = (at + 1) & mask;
        }
    }
}

impl Seeds {
    /// By folded multiplication, as wyhash and foldhash do, over 16 bytes at a time.
    #[inline]
    fn hash(&self, name: &[u8]) -> u64 {
        let [first, second, third] = self.0;
        let state = first ^ name.len() as u64;
        if let (Some(start), Some(end)) = (name.first_chunk::<16>(), name.last_chunk::<16>()) {
            let ((a, b), (c, d)) = (halves(start), halves(end));
            // The last chunk may overlap the one before.
            let mut folded =
                fold(a ^ second, b ^ state) ^ fold(c ^ third, d ^ state).rotate_left(29);
            if name.len() > 32 {
                for chunk in name.as_chunks::<16>().0.iter().skip(1) {
                    let (a, b) = halves(chunk);
                    folded = fold(a ^ second, b ^ folded);
                }
            }
            return folded;
        }
        match (name.first_chunk::<8>(), name.last_chunk::<8>()) {
            (Some(start), Some(end)) => fold(word(start) ^ second, word(end) ^ state),
            _ => {
                let mut padded = [0; 8];
                for (to, from) in padded.iter_mut().zip(name) {
                    *to = *from;
                }
                fold(word(&padded) ^ second, state)
            }
        }
    }
}

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

#[inline]
fn halves(bytes: &[u8; 16]) -> (u64, u64) {
    let both = u128::from_le_bytes(*bytes);
    (both as u64, (both >> 64) as u64)
}

#[inline]
fn word(bytes: &[u8; 8]) -> u64 {
    u64::from_le_bytes(*bytes)
}

/// Whether both are equal, eight bytes at a time: names are short, and a call of `memcmp` costs more than comparing
/// them.
#[inline]
fn is_same(ours: &[u8], theirs: &[u8]) -> bool {
    if ours.len() != theirs.len() {
        return false;
    }
    match (ours.last_chunk::<8>(), theirs.last_chunk::<8>()) {
        // The last eight may overlap those before.
        (Some(our_end), Some(their_end)) => {
            let (our_words, their_words) = (ours.as_chunks::<8>().0, theirs.as_chunks::<8>().0);
            our_end == their_end && our_words.iter().zip(their_words).all(|(a, b)| a == b)
        }
        _ => ours.iter().zip(theirs).all(|(a, b)| a == b),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn entry() -> Arc<Entry> {
        Arc::new(Entry::new(None, None, 0))
    }

    proptest! {
        #[test]
        fn finds_what_is_there_and_nothing_else(
            names in prop::collection::hash_set("[a-c/]{0,40}", 0..60),
            others in prop::collection::vec("[a-c/]{0,40}", 0..60),
        ) {
            let entries: HashMap<String, Arc<Entry>> =
                names.iter().map(|name| (name.clone(), entry())).collect();
            let mut quick = Quick::default();
            quick.replace(entries.iter().map(|(name, entry)| (name.as_str(), entry)));
            for name in names.iter().chain(&others) {
                let found = quick.find(name).map(Arc::as_ptr);
                prop_assert_eq!(found, entries.get(name).map(Arc::as_ptr));
            }
        }
    }

    #[test]
    fn first_of_two_of_one_name_counts_and_an_empty_table_has_none() {
        let (one, two) = (entry(), entry());
        let mut quick = Quick::default();
        assert!(quick.find("name").is_none());
        quick.replace([("name", &one), ("name", &two)].into_iter());
        assert!(Arc::ptr_eq(quick.find("name").unwrap(), &one));
    }
}
