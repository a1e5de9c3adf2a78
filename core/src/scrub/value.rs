//! One value that must not leave, how far it reaches in a text, and its anchors.

use std::ops::Range;

use zeroize::Zeroizing;

use super::anchors::{ANCHOR, STEP};
use super::forms::{ALPHABETS, FORMS, Form};

/// The fewest characters in a row that are redacted when only a part of a value is there.
pub(super) const MIN_PART: usize = 16;
/// Longer values have sparser anchors.
const LONG: usize = 512;
/// Anchors that stand together, of which a text is looked up at one.
const PAIR: usize = ANCHOR + STEP - 1;
/// How far the pairs of a value are apart: of a short one such that each part of [`MIN_PART`]
/// characters holds one, of a [`LONG`] one such that each line of 56 does (PEM has lines of 64).
const STRIDE: usize = MIN_PART - PAIR + 1;
const LONG_STRIDE: usize = 48;
/// Pieces with fewer different characters ("--------", "00001000") stand in too many texts.
pub(super) const MIN_DIFFERENT: usize = 4;
/// How many places are tried for the one anchor of a value that has one.
const PLACES_TRIED: usize = 32;

/// Where a value is redacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Where it is the whole of a text or field.
    Field,
    /// Where no letter, digit or underscore stands beside it; within base64 and hex anywhere.
    Token,
    /// Anywhere, all of it.
    Whole,
    /// Anywhere, also each part of [`MIN_PART`] characters or more.
    Parts,
}

/// A value that must not leave. Wiped when it is dropped.
pub(super) struct Value {
    bytes: Zeroizing<Box<[u8]>>,
    reach: Reach,
    /// What of it is its own, when parts are redacted: not a PEM file's first line, nor a URL's host.
    telling: Vec<Range<usize>>,
}

impl Value {
    /// A value and how far it reaches.
    pub(super) fn new(bytes: &[u8], reach: Reach, telling: Vec<Range<usize>>) -> Self {
        Self {
            bytes: Zeroizing::new(bytes.into()),
            reach,
            telling,
        }
    }

    /// It, in plain.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How far it reaches.
    pub(super) fn reach(&self) -> Reach {
        self.reach
    }

    /// The characters around that one which are the value's own.
    pub(super) fn telling_around(&self, form: Form, character: usize) -> Option<Range<usize>> {
        self.telling
            .iter()
            .map(|bytes| form.range(bytes.clone()))
            .find(|characters| characters.contains(&character))
    }

    /// Calls `found` with every anchor: its characters, form and offset, and whether the table may
    /// spare it.
    pub(super) fn anchors(&self, mut found: impl FnMut([u8; ANCHOR], Form, usize, bool)) {
        for form in FORMS {
            match self.reach {
                Reach::Field => {}
                Reach::Token | Reach::Whole => {
                    if let Some(offset) = self.single_anchor(form) {
                        self.pair(form, offset, |piece, at| found(piece, form, at, false));
                    }
                }
                Reach::Parts => {
                    for bytes in &self.telling {
                        for offset in self.spread(form.range(bytes.clone())) {
                            self.pair(form, offset, |piece, at| found(piece, form, at, true));
                        }
                    }
                }
            }
        }
    }

    /// How many there are.
    pub(super) fn count_anchors(&self) -> usize {
        let mut count = 0;
        self.anchors(|_, _, _, _| count += 1);
        count
    }

    /// Whether it can be found where it stands as it is.
    pub(super) fn has_anchor(&self) -> bool {
        let mut has_one = false;
        self.anchors(|_, form, _, _| has_one |= form == Form::Raw);
        has_one
    }

    /// The first of each pair of anchors: evenly over these characters, and at their end.
    fn spread(&self, characters: Range<usize>) -> impl Iterator<Item = usize> {
        let stride = if self.bytes.len() > LONG {
            LONG_STRIDE
        } else {
            STRIDE
        };
        let last = characters
            .end
            .checked_sub(PAIR)
            .filter(|last| *last >= characters.start);
        let before_last = last.map_or(0..0, |last| characters.start..last);
        before_last.step_by(stride).chain(last)
    }

    /// A place whose characters stand there alone in the value, so that the places where a text
    /// repeats them cannot each cost a comparison with the same stretch of text. Of those tried,
    /// the one with the most different characters.
    fn single_anchor(&self, form: Form) -> Option<usize> {
        let length = form.len(self.bytes.len());
        let spelt: Zeroizing<Vec<u8>> = Zeroizing::new(
            (0..length)
                .map(|place| form.character(&self.bytes, place, 0))
                .collect(),
        );
        let last = length.checked_sub(PAIR)?;
        let is_alone = |piece: &[u8]| spelt.windows(ANCHOR).filter(|it| *it == piece).count() == 1;
        (0..=last)
            .rev()
            .step_by(last / PLACES_TRIED + 1)
            .filter_map(|offset| {
                let pair = spelt.get(offset..offset + PAIR)?;
                let different = pair.windows(ANCHOR).map(different).min()?;
                (different >= MIN_DIFFERENT && pair.windows(ANCHOR).all(is_alone))
                    .then_some((different, offset))
            })
            .max()
            .map(|(_, offset)| offset)
    }

    /// The pair at that offset in each alphabet that spells it its own way.
    fn pair(&self, form: Form, offset: usize, mut found: impl FnMut([u8; ANCHOR], usize)) {
        for offset in offset..offset + STEP {
            let mut other: Option<[u8; ANCHOR]> = None;
            for alphabet in 0..ALPHABETS {
                let piece = std::array::from_fn(|place| {
                    form.character(&self.bytes, offset + place, alphabet)
                });
                if other != Some(piece) && different(&piece) >= MIN_DIFFERENT {
                    found(piece, offset);
                }
                other = Some(piece);
            }
        }
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Value({:?}, [redacted])", self.reach)
    }
}

/// How many different bytes there are, counted no further than eight.
pub(super) fn different(bytes: &[u8]) -> usize {
    let mut seen = [0_u8; ANCHOR];
    let mut count = 0;
    for byte in bytes {
        if count < seen.len() && !seen[..count].contains(byte) {
            seen[count] = *byte;
            count += 1;
        }
    }
    count
}
