//! What must not leave although no name says so: what is known by how it looks, in the midst of a
//! text.
//!
//! Called for each string of an event, with its escapes undone, and for text attachments. Each
//! pattern is looked for only where a byte of the text hints at it ([`Hints`]), and each takes time
//! in proportion to the text, whatever that holds.

mod card;
mod email;
mod pairs;
mod token;
mod url;

use std::borrow::Cow;

use super::keys::Keys;
use super::notes::Remark;
use crate::scrub::REDACTED;

/// What stands in the place of what was found.
pub(super) const FILTERED: &str = "[Filtered]";

/// What kind of text it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name, a number or an id that a program made: nothing is looked for.
    Plain,
    /// Where code lies: only what a URL carries is looked for.
    Place,
    /// Anything that people or programs say.
    Prose,
    /// What an application tells of its user on purpose: as prose, but for e-mail addresses.
    User,
    /// A line of source code: as prose, but a name and an equals sign say nothing there, unless a
    /// literal follows.
    Code,
    /// A URL's query.
    Query,
    /// A cookie header: every value is taken away.
    Cookies,
}

/// What bytes of a text hint at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hints(u8);

impl Hints {
    const AT: u8 = 1;
    const EQUALS: u8 = 2;
    const COLON: u8 = 4;
    const DIGIT: u8 = 8;
    const DASH: u8 = 16;
    /// The first letter of `Bearer`, `Basic` or of a JSON web token's `eyJ`.
    const LETTER: u8 = 32;
    /// A backslash or a quote: the bytes that a JSON string is written otherwise for.
    pub(super) const STOP: u8 = 64;
    /// A control character.
    pub(super) const CONTROL: u8 = 128;

    /// What each byte hints at.
    pub(super) const TABLE: [u8; 256] = {
        let mut table = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            table[byte] = match byte as u8 {
                b'@' => Self::AT,
                b'=' => Self::EQUALS,
                b':' => Self::COLON,
                b'0'..=b'9' => Self::DIGIT,
                b'-' => Self::DASH,
                b'b' | b'B' | b'J' => Self::LETTER,
                b'"' | b'\\' => Self::STOP,
                0..=31 => Self::CONTROL,
                _ => 0,
            };
            byte += 1;
        }
        table
    };

    pub(super) fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    pub(super) fn of(text: &str) -> Self {
        Self(
            text.bytes()
                .fold(0, |bits, byte| bits | Self::TABLE[usize::from(byte)]),
        )
    }

    /// Whether a text of this kind may hold anything.
    pub(super) fn concern(self, kind: Kind) -> bool {
        let wanted = match kind {
            Kind::Plain => 0,
            Kind::Place => Self::AT | Self::EQUALS,
            Kind::Query | Kind::Cookies => Self::EQUALS | Self::AT | Self::DIGIT | Self::LETTER,
            Kind::Prose | Kind::User | Kind::Code => {
                Self::AT | Self::EQUALS | Self::COLON | Self::DIGIT | Self::DASH | Self::LETTER
            }
        };
        self.0 & wanted != 0
    }

    fn has(self, bits: u8) -> bool {
        self.0 & bits != 0
    }
}

/// Something found: bytes `start` to `end`, and the rule's name as Sentry's interface knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Hit {
    start: usize,
    end: usize,
    rule: &'static str,
}

/// What was found is collected here.
struct Hits<'t> {
    text: &'t str,
    keys: Keys<'t>,
    found: Vec<Hit>,
}

impl Hits<'_> {
    fn add(&mut self, start: usize, end: usize, rule: &'static str) {
        let is_done = [FILTERED, REDACTED].contains(&&self.text[start..end]);
        if start < end && !is_done {
            self.found.push(Hit { start, end, rule });
        }
    }
}

/// A text with what was found replaced, and where.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Clean {
    pub(super) text: String,
    pub(super) remarks: Vec<Remark>,
}

/// Scrubs a text whose hints are known already, if there is anything to redact.
pub(super) fn scrub_hinted(text: &str, hints: Hints, kind: Kind, keys: Keys<'_>) -> Option<Clean> {
    let mut hits = Hits {
        text,
        keys,
        found: Vec::new(),
    };
    match kind {
        Kind::Plain => {}
        Kind::Place => {
            if hints.has(Hints::AT) {
                url::credentials(&mut hits);
            }
            if hints.has(Hints::EQUALS) {
                pairs::parameters(&mut hits);
            }
        }
        Kind::Cookies => pairs::cookies(&mut hits),
        Kind::Query => {
            pairs::query(&mut hits);
            prose(&mut hits, hints, kind);
        }
        Kind::Prose | Kind::User | Kind::Code => prose(&mut hits, hints, kind),
    }
    replace(text, hits.found)
}

/// Scrubs a text of which nothing is known.
pub(super) fn scrub<'t>(text: &'t str, kind: Kind, keys: Keys<'_>) -> Cow<'t, str> {
    scrub_hinted(text, Hints::of(text), kind, keys)
        .map_or(Cow::Borrowed(text), |clean| Cow::Owned(clean.text))
}

fn prose(hits: &mut Hits<'_>, hints: Hints, kind: Kind) {
    if hints.has(Hints::DASH) {
        token::private_keys(hits);
    }
    if hints.has(Hints::LETTER) {
        token::tokens(hits);
    }
    if hints.has(Hints::EQUALS) && kind != Kind::Query {
        pairs::equals(hits, kind == Kind::Code);
    }
    if hints.has(Hints::COLON) {
        pairs::colons(hits);
    }
    if hints.has(Hints::AT) {
        let before = hits.found.len();
        if hints.has(Hints::COLON) {
            url::credentials(hits);
        }
        if kind != Kind::User && !hits.keys.may_tell_people {
            email::addresses(hits, before);
        }
    }
    if hints.has(Hints::DIGIT) {
        card::numbers(hits);
    }
}

/// The text with each hit replaced; of hits that overlap, the one that begins first, prolonged.
fn replace(text: &str, mut hits: Vec<Hit>) -> Option<Clean> {
    if hits.is_empty() {
        return None;
    }
    hits.sort_by_key(|hit| (hit.start, usize::MAX - hit.end));
    let mut apart: Vec<Hit> = Vec::with_capacity(hits.len());
    for hit in hits {
        match apart.last_mut() {
            Some(last) if hit.start < last.end => last.end = last.end.max(hit.end),
            _ => apart.push(hit),
        }
    }
    let mut clean = Clean {
        text: String::with_capacity(text.len()),
        remarks: Vec::with_capacity(apart.len()),
    };
    let mut copied = 0;
    for hit in apart {
        clean.text.push_str(&text[copied..hit.start]);
        let start = clean.text.len();
        clean.text.push_str(FILTERED);
        clean
            .remarks
            .push(Remark::within(hit.rule, start, clean.text.len()));
        copied = hit.end;
    }
    clean.text.push_str(&text[copied..]);
    Some(clean)
}

#[cfg(test)]
mod tests;
