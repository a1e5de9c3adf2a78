//! Finds what must not leave, in a text as it stands and with its escapes undone.
//!
//! The work is linear in the text. A piece that looks like an anchor is compared with the few
//! values that have it: a comparison that fails costs at most some 40 characters, or is with a
//! value whose anchor stands in it once; one that succeeds is not repeated within what it found.

use std::ops::Range;

use super::anchors::{ANCHOR, Anchor, STEP};
use super::escapes::{Rules, View};
use super::forms::{Form, hex_digit};
use super::known::Known;
use super::value::{MIN_PART, Reach, Value};

/// How often a text may have been escaped: JSON within JSON within JSON.
const MAX_LAYERS: usize = 3;
/// Escapes are undone in so many bytes of a text at a time, and in what follows, so that it needs
/// no more memory; whatever lies across an edge lies within the overlap, or is found in parts.
const SEGMENT: usize = 1 << 20;
const OVERLAP: usize = 128 << 10;
/// Within what was found already a value need not be looked for, but near its beginning: another
/// value may begin before it with too few characters to hold an anchor.
const BEFORE_OTHERS: usize = 64;

/// The parts of the text to redact, in order and apart.
pub(super) fn find(known: &Known, text: &[u8]) -> Vec<Range<usize>> {
    if let Some(field) = whole_field(known, text) {
        return vec![field];
    }
    let mut search = Search {
        known,
        found: Vec::new(),
        tokens: Vec::new(),
    };
    search.look_through(text, |range| range);
    for start in (0..text.len()).step_by(SEGMENT) {
        let end = text.len().min(start + SEGMENT + OVERLAP);
        search.look_behind_escapes(&text[start..end], start);
    }
    search.finish(text)
}

/// The text, without the blanks and quotes around it, if that is a value.
fn whole_field(known: &Known, text: &[u8]) -> Option<Range<usize>> {
    let longest = known.longest_field();
    if longest == 0 {
        return None;
    }
    let start = text.len() - text.trim_ascii_start().len();
    let mut inner = start..start + text.trim_ascii().len();
    for _ in 0..2 {
        let field = text.get(inner.clone())?;
        // An escape has at most six characters for each of the value's.
        if field.is_empty() || field.len() > longest * 6 {
            return None;
        }
        let is_value = known.is_field(field)
            || [false, true].into_iter().any(|percent| {
                let rules = Rules {
                    backslash: !percent,
                    percent,
                    ..Rules::default()
                };
                View::of(field, rules).is_some_and(|view| known.is_field(view.bytes()))
            });
        if is_value {
            return Some(inner);
        }
        match field {
            [b'"', _, .., b'"'] | [b'\'', _, .., b'\''] => inner = inner.start + 1..inner.end - 1,
            _ => return None,
        }
    }
    None
}

struct Search<'a> {
    known: &'a Known,
    found: Vec<Range<usize>>,
    tokens: Vec<Token>,
}

/// A value that may be a part of a longer word, which is decided when all else has been found.
struct Token {
    range: Range<usize>,
    is_free_before: bool,
    is_free_after: bool,
}

impl Search<'_> {
    /// Looks through what a text says; `origin` leads back to the text.
    fn look_through(&mut self, text: &[u8], origin: impl Fn(Range<usize>) -> Range<usize>) {
        let known = self.known;
        let mut covered = 0..0;
        let mut from = 0;
        while let Some((place, hash)) = known.anchors().next(text, from) {
            from = place + STEP;
            for anchor in known.anchors().at(hash) {
                let Some(value) = known.value(anchor.value) else {
                    continue;
                };
                match value.reach() {
                    Reach::Field => {}
                    Reach::Parts => {
                        let most = if place + ANCHOR > covered.end {
                            usize::MAX
                        } else if place < covered.start + BEFORE_OTHERS {
                            2 * BEFORE_OTHERS
                        } else {
                            continue;
                        };
                        if let Some(part) = part_around(value, anchor, text, place, most) {
                            let joins = part.start <= covered.end;
                            covered.start = if joins {
                                covered.start.min(part.start)
                            } else {
                                part.start
                            };
                            covered.end = covered.end.max(part.end);
                            self.found.push(origin(part));
                        }
                    }
                    Reach::Token | Reach::Whole => {
                        if let Some(range) = all_around(value, anchor, text, place) {
                            self.all(value, anchor.form, text, range, &origin);
                        }
                    }
                }
            }
        }
    }

    /// Looks through what the text says once escapes are undone, once or several times over.
    fn look_behind_escapes(&mut self, text: &[u8], start: usize) {
        let has_backslash = text.contains(&b'\\');
        let backslash = Rules {
            backslash: true,
            ..Rules::default()
        };
        let percent = Rules {
            percent: true,
            ..backslash
        };
        if has_backslash && self.peel(text, start, backslash) {
            let high_x_is_a_character = true;
            self.peel(
                text,
                start,
                Rules {
                    high_x_is_a_character,
                    ..backslash
                },
            );
        }
        if has_percent_escape(text) {
            self.peel(text, start, percent);
        }
        if self.known.has_blank() && text.contains(&b'+') {
            self.peel(
                text,
                start,
                Rules {
                    plus: true,
                    ..percent
                },
            );
        }
    }

    /// Undoes escapes layer by layer. Answers whether there was a `\xe9`.
    fn peel(&mut self, text: &[u8], start: usize, rules: Rules) -> bool {
        let mut layers: Vec<View> = Vec::new();
        while layers.len() < MAX_LAYERS {
            let outer = layers.last().map_or(text, View::bytes);
            let Some(view) = View::of(outer, rules) else {
                break;
            };
            layers.push(view);
            let origin = |range| {
                let range = layers
                    .iter()
                    .rev()
                    .fold(range, |range, view| view.origin(range));
                start + range.start..start + range.end
            };
            if let Some(view) = layers.last() {
                self.look_through(view.bytes(), origin);
            }
        }
        layers.iter().any(View::has_high_x)
    }

    /// Takes a value that is there as a whole.
    fn all(
        &mut self,
        value: &Value,
        form: Form,
        text: &[u8],
        range: Range<usize>,
        origin: impl Fn(Range<usize>) -> Range<usize>,
    ) {
        let is_edge = |outer: Option<&u8>, inner: Option<&u8>| {
            !outer.is_some_and(is_word) || !inner.is_some_and(is_word)
        };
        let before = range
            .start
            .checked_sub(1)
            .and_then(|before| text.get(before));
        let token = Token {
            is_free_before: is_edge(before, value.bytes().first()),
            is_free_after: is_edge(text.get(range.end), value.bytes().last()),
            range: origin(range),
        };
        let is_anywhere = value.reach() == Reach::Whole || form != Form::Raw;
        if is_anywhere || token.is_free_before && token.is_free_after {
            self.found.push(token.range);
        } else {
            self.tokens.push(token);
        }
    }

    /// Decides on the tokens, where what stands beside one may be redacted itself, and puts all in
    /// order.
    fn finish(mut self, text: &[u8]) -> Vec<Range<usize>> {
        merge(&mut self.found);
        let mut free = Vec::new();
        for token in self.tokens {
            let is_redacted = |edge: usize| {
                let after = self.found.partition_point(|range| range.start <= edge);
                let last = after.checked_sub(1).and_then(|last| self.found.get(last));
                last.is_some_and(|range| edge <= range.end)
            };
            if (token.is_free_before || is_redacted(token.range.start))
                && (token.is_free_after || is_redacted(token.range.end))
            {
                free.push(token.range);
            }
        }
        self.found.extend(free);
        merge(&mut self.found);
        let mut before = 0;
        for range in &mut self.found {
            widen(range, text, before);
            before = range.end;
        }
        merge(&mut self.found);
        self.found
    }
}

/// Sorts, and joins what overlaps or touches.
fn merge(ranges: &mut Vec<Range<usize>>) {
    ranges.sort_unstable_by_key(|range| range.start);
    ranges.dedup_by(|next, last| {
        let touches = next.start <= last.end;
        if touches {
            last.end = last.end.max(next.end);
        }
        touches
    });
}

/// Takes in what would be left of a character, or of an escape that a parser of JSON would then
/// stumble over.
fn widen(range: &mut Range<usize>, text: &[u8], before: usize) {
    let is_escaped_at = |place: usize| {
        let outer = text.get(before..place).unwrap_or_default();
        let backslashes = outer
            .iter()
            .rev()
            .take_while(|byte| **byte == b'\\')
            .count();
        !backslashes.is_multiple_of(2)
    };
    let start_of_escape = (0..5).find_map(|digits| {
        let marker = range.start.checked_sub(digits)?;
        let is_inside = digits == 0
            || text.get(marker) == Some(&b'u')
                && text[marker + 1..range.start]
                    .iter()
                    .all(|it| hex_digit(*it).is_some());
        (marker > before && is_inside && is_escaped_at(marker)).then(|| marker - 1)
    });
    range.start = start_of_escape.unwrap_or(range.start);
    let redacted = &text[range.clone()];
    let backslashes = redacted
        .iter()
        .rev()
        .take_while(|byte| **byte == b'\\')
        .count();
    let is_cut = !backslashes.is_multiple_of(2);
    if is_cut
        && text
            .get(range.end)
            .is_some_and(|next| b"\\\"".contains(next))
    {
        range.end += 1;
    }
    let is_inside_character =
        |place: usize| text.get(place).is_some_and(|byte| byte & 0xC0 == 0x80);
    for _ in 0..3 {
        if range.start > before && is_inside_character(range.start) {
            range.start -= 1;
        }
        if is_inside_character(range.end) {
            range.end += 1;
        }
    }
}

fn has_percent_escape(text: &[u8]) -> bool {
    text.contains(&b'%')
        && text.array_windows().any(|[first, rest @ ..]: &[u8; 3]| {
            *first == b'%' && rest.iter().all(|digit| hex_digit(*digit).is_some())
        })
}

fn is_word(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || *byte == b'_'
}

/// Where the text has all of the value around its anchor.
fn all_around(value: &Value, anchor: Anchor, text: &[u8], place: usize) -> Option<Range<usize>> {
    let start = place.checked_sub(anchor.offset)?;
    let range = start..start + anchor.form.len(value.bytes().len());
    let mut characters = text.get(range.clone())?.iter().enumerate();
    characters
        .all(|(place, character)| anchor.form.agrees(value.bytes(), place, *character))
        .then_some(range)
}

/// Where the text has the value, or a part of it that is telling, around its anchor, looking no
/// further than so many characters.
fn part_around(
    value: &Value,
    anchor: Anchor,
    text: &[u8],
    place: usize,
    most: usize,
) -> Option<Range<usize>> {
    let bytes = value.bytes();
    let after = |end: usize, most: usize| {
        (anchor.offset..end)
            .zip(text.get(place..).unwrap_or_default())
            .take(most)
            .take_while(|(place, character)| anchor.form.agrees(bytes, *place, **character))
            .count()
    };
    let before = |start: usize, most: usize| {
        (start..anchor.offset)
            .rev()
            .zip(text.get(..place).unwrap_or_default().iter().rev())
            .take(most)
            .take_while(|(place, character)| anchor.form.agrees(bytes, *place, **character))
            .count()
    };
    let telling = value.telling_around(anchor.form, anchor.offset)?;
    let own = after(telling.end, MIN_PART);
    if own < ANCHOR || own + before(telling.start, MIN_PART) < MIN_PART {
        return None;
    }
    let length = anchor.form.len(bytes.len());
    Some(place - before(0, most)..place + after(length, most))
}
