//! The pass itself: reads an event once, from its first byte to its last, and notes what is to be
//! written otherwise.
//!
//! It goes down into the protocol's own parts by their table ([`super::place`]) and into what an
//! application put there as deep as a server takes; what lies deeper is passed over. So its stack
//! is bounded, whatever the event holds. Nothing is copied until all is known.

mod list;
mod scalar;

use std::ops::Range;

use super::edits::Edits;
use super::fingerprint::{Fingerprint, Mark};
use super::form;
use super::keys::Keys;
use super::literal::{self, Literal, Stop};
use super::notes::{LIMIT, Note, Remark, Step};
use super::place::{self, Form, Group, Pairs, Place, Rule};
use super::text::Kind;
use scalar::quote;

/// What stands for what lies too deep.
const DEEP_OBJECT: &str = "\"[Object]\"";
const DEEP_LIST: &str = "\"[Array]\"";
/// Bytes that must be left for a further value.
const MIN_ROOM: usize = 16;
/// Notes of one event: beyond them it is enough that there are so many.
const MAX_NOTES: usize = 500;
/// Objects and lists within each other where the protocol says nothing of how many.
const MAX_DEPTH: u8 = 12;

/// How many of each list are kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) exceptions: usize,
    pub(super) frames: usize,
    pub(super) spans: usize,
    pub(super) breadcrumbs: usize,
    /// Characters of any text.
    pub(super) text: usize,
}

/// What is left for an application's values.
#[derive(Debug, Clone, Copy)]
struct Room {
    /// Where they end at the latest, in bytes of what is written.
    until: usize,
    depth: u8,
}

/// A part that may be left out when the whole is too large.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) range: Range<usize>,
    pub(super) path: Vec<Step>,
}

/// A pass over one event.
pub(super) struct Walk<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    keys: Keys<'t>,
    limits: Limits,
    path: Vec<Step>,
    in_exception: bool,
    /// Notes are not noted of.
    in_meta: bool,
    may_need_parts: bool,
    pub(super) edits: Edits,
    pub(super) notes: Vec<Note>,
    pub(super) parts: Vec<Part>,
    pub(super) fingerprint: Fingerprint,
    /// Where the event's own `_meta` stands, the name and the comma before it apart.
    pub(super) meta: Option<Range<usize>>,
    pub(super) is_empty: bool,
}

/// What an object was found to hold.
#[derive(Default)]
struct Held {
    /// A type or a value, of an exception.
    is_named: bool,
    /// At least one, of a stack.
    has_frames: bool,
}

impl<'t> Walk<'t> {
    pub(super) fn new(text: &'t str, keys: Keys<'t>, limits: Limits, may_need_parts: bool) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            at: 0,
            keys,
            limits,
            path: Vec::with_capacity(12),
            in_exception: false,
            in_meta: false,
            may_need_parts,
            edits: Edits::default(),
            notes: Vec::new(),
            parts: Vec::new(),
            fingerprint: Fingerprint::default(),
            meta: None,
            is_empty: true,
        }
    }

    /// Reads the whole.
    pub(super) fn event(&mut self) -> Result<(), Stop> {
        self.at = literal::blank(self.bytes, 0);
        if self.bytes.get(self.at) != Some(&b'{') {
            return Err(Stop::Invalid);
        }
        let room = Room {
            until: usize::MAX,
            depth: MAX_DEPTH,
        };
        self.object(place::EVENT, room)?;
        self.at = literal::blank(self.bytes, self.at);
        if self.at < self.bytes.len() {
            return Err(Stop::Invalid);
        }
        Ok(())
    }

    /// How far what is written reaches by now.
    fn written(&self) -> usize {
        self.at
            .saturating_add_signed(self.edits.saved().saturating_neg())
    }

    fn peek(&self) -> Result<u8, Stop> {
        self.bytes.get(self.at).copied().ok_or(Stop::Invalid)
    }

    fn value(&mut self, rule: Rule, outer: Room) -> Result<(), Stop> {
        let start = self.at;
        let first = self.peek()?;
        if self.wraps(first, rule.form) {
            return self.wrapped(rule, outer);
        }
        let room = match rule.size {
            None => outer,
            Some(size) => Room {
                until: outer.until.min(self.written().saturating_add(size.bytes)),
                depth: outer.depth.min(size.depth + 1),
            },
        };
        match first {
            b'"' => self.string(rule, room)?,
            b'{' | b'[' => {
                if matches!(rule.form, Form::Scalar | Form::Line) {
                    self.as_text(rule)?;
                } else if room.depth == 0 {
                    let instead = if first == b'{' {
                        DEEP_OBJECT
                    } else {
                        DEEP_LIST
                    };
                    self.at = literal::pass_over(self.text, start)?;
                    self.edits.replace(start..self.at, instead);
                    self.note(vec![Remark::replaced(LIMIT)], None);
                } else {
                    let inner = Room {
                        depth: room.depth - 1,
                        ..room
                    };
                    if first == b'{' {
                        self.object(rule, inner)?;
                    } else {
                        self.list(rule, inner)?;
                    }
                }
            }
            b't' => self.word("true")?,
            b'f' => self.word("false")?,
            b'n' => self.word("null")?,
            b'-' | b'0'..=b'9' => self.number(rule)?,
            b'N' | b'I' => return Err(Stop::Loose),
            _ => return Err(Stop::Invalid),
        }
        if rule.is_optional && self.may_need_parts {
            self.parts.push(Part {
                range: start..self.at,
                path: self.path.clone(),
            });
        }
        Ok(())
    }

    /// Whether a server refuses what begins so, where something of that form must be.
    fn wraps(&self, first: u8, form: Form) -> bool {
        match form {
            Form::Object => !matches!(first, b'{' | b'n'),
            Form::List => !matches!(first, b'[' | b'n'),
            _ => false,
        }
    }

    /// Makes an object or a list of what is none.
    fn wrapped(&mut self, rule: Rule, outer: Room) -> Result<(), Stop> {
        let (open, close, step) = match rule.form {
            Form::List => ("[", "]", Step::Item(0)),
            _ => ("{\"value\":", "}", Step::Renamed("value".to_owned())),
        };
        self.edits.replace(self.at..self.at, open);
        let inner = match rule.form {
            Form::List => place::item(rule.place, rule),
            _ => Rule {
                form: Form::Any,
                is_optional: false,
                ..rule
            },
        };
        self.path.push(step);
        self.value(inner, outer)?;
        self.path.pop();
        self.edits.replace(self.at..self.at, close);
        Ok(())
    }

    fn object(&mut self, rule: Rule, room: Room) -> Result<(), Stop> {
        let open = self.at;
        let was_in_exception = self.in_exception;
        let was_in_meta = self.in_meta;
        self.in_meta |= rule.place == Place::Meta;
        self.in_exception |= rule.place == Place::Exception;
        let mut held = Held::default();
        let mut count = 0;
        let mut cut_from = None;
        let mut end_of_last = open + 1;
        self.at = literal::blank(self.bytes, open + 1);
        if self.peek()? == b'}' {
            self.at += 1;
        } else {
            loop {
                let (name, end) = literal::string(self.text, self.at)?;
                let name_range = self.at + 1..end - 1;
                self.at = literal::blank(self.bytes, end);
                if self.peek()? != b':' {
                    return Err(Stop::Invalid);
                }
                self.at = literal::blank(self.bytes, self.at + 1);
                let is_full = self.written().saturating_add(MIN_ROOM) > room.until;
                if cut_from.is_some() || is_full {
                    cut_from = cut_from.or(Some(end_of_last));
                    self.at = literal::pass_over(self.text, self.at)?;
                } else {
                    let step = self.name(&name, name_range, rule.place)?;
                    self.path.push(step);
                    self.field(&name, rule, room, &mut held)?;
                    self.path.pop();
                    end_of_last = self.at;
                }
                count += 1;
                self.at = literal::blank(self.bytes, self.at);
                match self.peek()? {
                    b',' => self.at = literal::blank(self.bytes, self.at + 1),
                    b'}' => break,
                    _ => return Err(Stop::Invalid),
                }
            }
            self.at += 1;
        }
        if let Some(from) = cut_from {
            self.edits.replace(from..self.at - 1, "");
            self.note(Vec::new(), Some(count));
        }
        self.end_object(rule.place, open, count, &held);
        self.in_exception = was_in_exception;
        self.in_meta = was_in_meta;
        Ok(())
    }

    /// Writes a field's name otherwise where it must not leave as it is; the step to its value.
    fn name(
        &mut self,
        name: &Literal<'_>,
        range: Range<usize>,
        place: Place,
    ) -> Result<Step, Stop> {
        let pairs = match place {
            Place::Pairs(pairs) => Some(pairs),
            _ => None,
        };
        let may_tell = name.raw.len() >= form::MIN_TELLING && name.hints.concern(Kind::Prose);
        if !may_tell && pairs != Some(Pairs::Tags) {
            return Ok(Step::Field(range));
        }
        let text = name.decode()?;
        Ok(match form::name(pairs, &text, name.hints, self.keys) {
            None => Step::Field(range),
            Some(better) => {
                self.edits
                    .replace(range.start - 1..range.end + 1, quote(&better));
                Step::Renamed(better)
            }
        })
    }

    fn field(
        &mut self,
        name: &Literal<'_>,
        whole: Rule,
        room: Room,
        held: &mut Held,
    ) -> Result<(), Stop> {
        let name = name.decode()?;
        let rule = place::field(whole.place, &name, whole);
        let start = self.at;
        if let Place::Pairs(pairs) = whole.place {
            return self.paired(pairs, &name, rule, room);
        }
        if rule.is_named_freely && self.keys.is_sensitive(&name) {
            return self.secret();
        }
        self.value(rule, room)?;
        match (whole.place, &*name) {
            (Place::Root, "_meta") => self.meta = Some(start..self.at),
            (Place::Exception | Place::Values(Group::Exceptions), "type" | "value") => {
                held.is_named |= !matches!(&self.text[start..self.at], "null" | "\"\"");
            }
            (Place::Stacktrace, "frames") => {
                let first = literal::blank(self.bytes, start + 1);
                held.has_frames = self.bytes[start] == b'[' && self.bytes.get(first) != Some(&b']');
            }
            _ => {}
        }
        Ok(())
    }

    /// The value of a pair by its name.
    fn paired(&mut self, pairs: Pairs, name: &str, rule: Rule, room: Room) -> Result<(), Stop> {
        let is_secret = match pairs {
            Pairs::Cookies => !self.keys.may_tell_people || self.keys.is_sensitive(name),
            Pairs::Query => self.keys.is_sensitive_parameter(name),
            Pairs::Tags | Pairs::Headers | Pairs::Environment => self.keys.is_sensitive(name),
        };
        if is_secret {
            self.secret()
        } else {
            self.value(rule, room)
        }
    }

    /// Mends what a server would refuse in an object, when all of it is known.
    fn end_object(&mut self, place: Place, open: usize, count: usize, held: &Held) {
        match place {
            Place::Root => self.is_empty = count == 0,
            Place::Exception if !held.is_named => {
                let text = if count == 0 {
                    "\"type\":\"Error\""
                } else {
                    "\"type\":\"Error\","
                };
                self.edits.replace(open + 1..open + 1, text);
            }
            Place::Stacktrace if !held.has_frames => {
                self.edits.replace(open..self.at, "null");
                self.forget_notes_below();
            }
            Place::Frame if self.in_exception => self.fingerprint.end_frame(),
            _ => {}
        }
    }

    fn mark(&mut self, mark: Mark, raw: &str) {
        let counts = match mark {
            Mark::None => false,
            Mark::Message | Mark::Explicit => true,
            _ => self.in_exception,
        };
        if counts {
            self.fingerprint.take(mark, raw);
        }
    }

    fn note(&mut self, remarks: Vec<Remark>, was: Option<usize>) {
        if self.notes.len() >= MAX_NOTES || self.in_meta {
            return;
        }
        self.notes.push(Note {
            path: self.path.clone(),
            remarks,
            was,
        });
    }

    /// Forgets what was noted of values within the one that ends here.
    fn forget_notes_below(&mut self) {
        let path = &self.path;
        self.notes.retain(|note| !note.path.starts_with(path));
        self.parts.retain(|part| !part.path.starts_with(path));
    }
}
