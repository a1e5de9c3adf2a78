//! Where in a text a known value may be: a hash table of short pieces, the *anchors*, of every
//! value in every form, with a filter before it. Only every other place of a text is looked up;
//! so each anchor has a twin, one character further in the value.
//!
//! An anchor holds no character of the value, only whose it is, where in it, and 25 bits of a keyed
//! hash; [`super::search`] compares with the value itself. Why no Aho-Corasick automaton: that
//! spreads each pattern over memory that its crate gives back without wiping, one more copy at each
//! registration, and needs some 500 bytes for each byte of a secret and its forms (300 MB for one
//! of 64 KiB). This table is owned, bounded and wiped.

use std::hash::{BuildHasher, RandomState};

use zeroize::Zeroizing;

use super::forms::{FORMS, Form};

/// How many characters an anchor has.
pub(super) const ANCHOR: usize = 7;
/// How far apart in a text are the places that are looked up, and how many anchors stand together.
pub(super) const STEP: usize = 2;
/// So many anchors may share their characters, lest a text full of those take ever longer.
const MAX_ALIKE: usize = 8;

/// The filter has so many bits an anchor, one of them set: at most three in a hundred of a text's
/// own pieces pass.
const FILTER_BITS: usize = 32;
/// The smallest filter, in words: one page.
const MIN_FILTER_WORDS: usize = 512;

const OFFSET_BITS: u32 = 18;
const FORM_BITS: u32 = 3;
const VALUE_BITS: u32 = 18;
/// More values than this cannot be told apart.
pub(super) const MAX_VALUES: usize = (1 << VALUE_BITS) - 2;

/// What makes a hash unpredictable, so that no text can be written to meet the table's bad cases.
#[derive(Debug, Clone)]
pub(super) struct HashKeys(u64, u64);

impl HashKeys {
    /// New ones.
    pub(super) fn random() -> Self {
        Self(
            RandomState::new().hash_one(0),
            RandomState::new().hash_one(1) | 1,
        )
    }

    fn hash(&self, piece: &[u8; ANCHOR]) -> u64 {
        let four = |bytes: Option<&[u8; 4]>| {
            bytes.map_or(0, |bytes| u64::from(u32::from_le_bytes(*bytes)))
        };
        // The middle one twice, since two reads of four are faster than three.
        let word = four(piece.last_chunk()) << 32 | four(piece.first_chunk());
        let product = u128::from(word ^ self.0) * u128::from(self.1);
        (product >> 64) as u64 ^ product as u64
    }
}

/// One anchor found again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Anchor {
    /// The number of the value.
    pub(super) value: usize,
    /// How it is spelt.
    pub(super) form: Form,
    /// How many characters stand before the anchor.
    pub(super) offset: usize,
}

impl Anchor {
    /// Never zero, which is an empty slot.
    fn pack(self, hash: u64) -> u64 {
        let mut packed = fingerprint(hash);
        packed = packed << VALUE_BITS | (self.value as u64 + 1);
        packed = packed << FORM_BITS | self.form.code() as u64;
        packed << OFFSET_BITS | self.offset as u64
    }

    fn unpack(packed: u64) -> Option<Self> {
        let part = |shift: u32, bits: u32| (packed >> shift & ((1 << bits) - 1)) as usize;
        Some(Self {
            value: part(OFFSET_BITS + FORM_BITS, VALUE_BITS).checked_sub(1)?,
            form: *FORMS.get(part(OFFSET_BITS, FORM_BITS))?,
            offset: part(0, OFFSET_BITS),
        })
    }
}

/// The part of a hash that neither the slot nor the filter is chosen by.
fn fingerprint(hash: u64) -> u64 {
    hash >> 12 & ((1 << (64 - OFFSET_BITS - FORM_BITS - VALUE_BITS)) - 1)
}

/// The anchors of all values.
pub(super) struct Anchors {
    keys: HashKeys,
    filter: Zeroizing<Vec<u64>>,
    slots: Zeroizing<Vec<u64>>,
}

impl Anchors {
    /// An empty table with room for so many.
    pub(super) fn with_capacity(keys: HashKeys, anchors: usize) -> Self {
        let words = (anchors * FILTER_BITS / 64).next_power_of_two();
        let slots = (anchors * 2).next_power_of_two().max(2);
        Self {
            keys,
            filter: Zeroizing::new(vec![0; words.max(MIN_FILTER_WORDS)]),
            slots: Zeroizing::new(vec![0; slots]),
        }
    }

    /// The bytes that a table of so many anchors holds, at most.
    pub(super) fn memory(anchors: usize) -> usize {
        anchors * (2 * 2 * 8 + 2 * FILTER_BITS / 8)
    }

    /// Adds an anchor, unless many have the same characters already and this one `may_be_spared`.
    pub(super) fn add(&mut self, piece: [u8; ANCHOR], anchor: Anchor, may_be_spared: bool) {
        let hash = self.keys.hash(&piece);
        let mut slot = self.first_slot(hash);
        let mut alike = 0;
        while let Some(taken) = self.slots.get(slot).copied().filter(|taken| *taken != 0) {
            alike += usize::from(is_of(taken, hash));
            if alike >= MAX_ALIKE && may_be_spared {
                return;
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        self.slots[slot] = anchor.pack(hash);
        let (word, bit) = self.filter_bit(hash);
        self.filter[word] |= 1 << bit;
    }

    /// The first place that may be an anchor, and its hash, of those that are whole [`STEP`]s from
    /// here on.
    pub(super) fn next(&self, text: &[u8], from: usize) -> Option<(usize, u64)> {
        text.get(from..)?
            .array_windows()
            .step_by(STEP)
            .enumerate()
            .find_map(|(steps, piece)| {
                let hash = self.keys.hash(piece);
                let (word, bit) = self.filter_bit(hash);
                (self.filter[word] >> bit & 1 == 1).then_some((from + steps * STEP, hash))
            })
    }

    /// The anchors of that hash, and few others.
    pub(super) fn at(&self, hash: u64) -> impl Iterator<Item = Anchor> {
        let mut slot = self.first_slot(hash);
        std::iter::from_fn(move || {
            let packed = self.slots[slot];
            slot = (slot + 1) & (self.slots.len() - 1);
            (packed != 0).then_some(packed)
        })
        .filter(move |packed| is_of(*packed, hash))
        .filter_map(Anchor::unpack)
    }

    /// Both tables have a power of two of places, so a masked hash is one.
    fn first_slot(&self, hash: u64) -> usize {
        (hash >> 37) as usize & (self.slots.len() - 1)
    }

    fn filter_bit(&self, hash: u64) -> (usize, u64) {
        ((hash >> 40) as usize & (self.filter.len() - 1), hash & 63)
    }
}

fn is_of(packed: u64, hash: u64) -> bool {
    packed >> (OFFSET_BITS + FORM_BITS + VALUE_BITS) == fingerprint(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anchor_is_found_again() {
        let mut anchors = Anchors::with_capacity(HashKeys::random(), 3000);
        let anchor = |number: usize| Anchor {
            value: number,
            form: FORMS[number % FORMS.len()],
            offset: number * 40,
        };
        let piece = |number: usize| format!("pie{number:04}").into_bytes();
        for number in 0..1000 {
            anchors.add(piece(number).try_into().unwrap(), anchor(number), true);
        }
        for number in 0..1000 {
            let text = [b"....".to_vec(), piece(number)].concat();
            let mut from = 0;
            let mut found = Vec::new();
            while let Some((place, hash)) = anchors.next(&text, from) {
                found.extend(anchors.at(hash).map(|anchor| (place, anchor)));
                from = place + STEP;
            }
            assert!(found.contains(&(4, anchor(number))), "{number}: {found:?}");
        }
        assert_eq!(anchors.next(b"short!", 0), None);
    }

    #[test]
    fn few_share_their_characters_unless_they_must() {
        let mut anchors = Anchors::with_capacity(HashKeys::random(), 100);
        let piece = *b"sk-live";
        for value in 0..50 {
            let anchor = Anchor {
                value,
                form: Form::Raw,
                offset: 0,
            };
            anchors.add(piece, anchor, value != 49);
        }
        let (_, hash) = anchors.next(&piece, 0).unwrap();
        let values: Vec<_> = anchors.at(hash).map(|anchor| anchor.value).collect();
        assert_eq!(values, [0, 1, 2, 3, 4, 5, 6, 7, 49]);
    }
}
