//! The pass itself: reads an event once, from its first byte to its last, and notes what is to be
//! written otherwise.
//!
//! It goes down into the protocol's own parts by their table ([`super::place`]) and into what an
//! application put there as deep as a server takes; what lies deeper is passed over. So its stack
//! is bounded, whatever the event holds. Nothing is copied until all is known.

use std::ops::Range;

use super::edits::Edits;
use super::fingerprint::{Fingerprint, Mark};
use super::form;
use super::keys::Keys;
use super::literal::{self, Literal, Stop};
use super::notes::{LIMIT, Note, Remark, Step};
use super::place::{self, Form, Group, Pairs, Place, Rule};
use super::text::{self, FILTERED, Kind};

/// The rule for what stands under a name that says it is secret.
const SECRET: &str = "@password:filter";
/// What stands for what lies too deep.
const DEEP_OBJECT: &str = "\"[Object]\"";
const DEEP_LIST: &str = "\"[Array]\"";
/// What stands behind a text that was cut.
const CUT: &str = "...";
/// Bytes that must be left for a further value.
const MIN_ROOM: usize = 16;
/// Digits from which a number may be a card's.
const MIN_CARD: usize = 13;
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
        let (open, close) = match rule.form {
            Form::List => ("[", "]"),
            _ => ("{\"value\":", "}"),
        };
        self.edits.replace(self.at..self.at, open);
        let inner = Rule {
            form: Form::Any,
            is_optional: false,
            ..rule
        };
        self.value(inner, outer)?;
        self.edits.replace(self.at..self.at, close);
        Ok(())
    }

    /// Writes a list or an object as one text, where only a text may be.
    fn as_text(&mut self, rule: Rule) -> Result<(), Stop> {
        let start = self.at;
        self.at = literal::pass_over(self.text, start)?;
        let raw = &self.text[start..self.at];
        self.mark(rule.mark, raw);
        let text = text::scrub(raw, rule.kind, self.keys);
        let (short, _) = cut(&text, rule.max, usize::MAX);
        self.edits.replace(start..self.at, quote(&short));
        Ok(())
    }

    fn word(&mut self, word: &str) -> Result<(), Stop> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return Err(Stop::Invalid);
        }
        self.at += word.len();
        Ok(())
    }

    fn number(&mut self, rule: Rule) -> Result<(), Stop> {
        let start = self.at;
        self.at = literal::number(self.bytes, start)?;
        let raw = &self.text[start..self.at];
        self.mark(rule.mark, raw);
        if rule.form == Form::Unsigned && raw.starts_with('-') {
            self.edits.replace(start..self.at, "null");
        } else if raw.len() >= MIN_CARD || raw.contains(['e', 'E']) {
            // A number that no float holds is an error to whoever reads it.
            if raw.parse::<f64>().is_ok_and(f64::is_infinite) {
                let (short, _) = cut(raw, 64, usize::MAX);
                self.edits.replace(start..self.at, quote(&short));
            } else if rule.kind != Kind::Plain
                && matches!(
                    text::scrub(raw, rule.kind, self.keys),
                    std::borrow::Cow::Owned(_)
                )
            {
                self.filter(start);
            }
        }
        Ok(())
    }

    fn string(&mut self, rule: Rule, room: Room) -> Result<(), Stop> {
        let start = self.at;
        let (literal, end) = literal::string(self.text, start)?;
        self.at = end;
        self.mark(rule.mark, literal.raw);
        let max = rule.max.min(self.limits.text);
        let left = room.until.saturating_sub(self.written() - (end - start));
        let is_short = literal.raw.len() <= max && literal.raw.len() <= left;
        let is_formed = form::accepts(rule.form, &literal);
        if is_short && is_formed && !literal.hints.concern(rule.kind) {
            return Ok(());
        }
        self.rewrite(start, &literal, rule, max, left)
    }

    /// Writes a text scrubbed, in its form and cut to size; nothing, if it is so already.
    fn rewrite(
        &mut self,
        start: usize,
        literal: &Literal<'_>,
        rule: Rule,
        max: usize,
        left: usize,
    ) -> Result<(), Stop> {
        let text = literal.decode()?;
        let clean = text::scrub_hinted(&text, literal.hints, rule.kind, self.keys);
        let (clean, mut remarks) = match &clean {
            None => (&*text, Vec::new()),
            Some(clean) => (&*clean.text, clean.remarks.clone()),
        };
        let Some(formed) = form::make(rule.form, clean) else {
            self.edits.replace(start..self.at, "null");
            return Ok(());
        };
        let (short, kept) = cut(&formed, max, left);
        if let Some(kept) = kept {
            remarks = remarks
                .into_iter()
                .filter_map(|it| it.cut_to(kept))
                .collect();
            remarks.push(Remark::within(LIMIT, kept, kept + CUT.len()));
        }
        if *short == *text {
            return Ok(());
        }
        self.edits.replace(start..self.at, quote(&short));
        if !remarks.is_empty() {
            self.note(remarks, Some(text.chars().count()));
        }
        Ok(())
    }

    /// Puts `[Filtered]` in the place of the value that ends here.
    fn filter(&mut self, start: usize) {
        self.edits.replace(start..self.at, quote(FILTERED));
        self.note(vec![Remark::replaced(SECRET)], None);
    }

    /// Takes away what stands under a name that says it is secret.
    fn secret(&mut self) -> Result<(), Stop> {
        let start = self.at;
        self.at = literal::pass_over(self.text, start)?;
        match &self.text[start..self.at] {
            "" => Err(Stop::Invalid),
            "null" | "true" | "false" | "\"\"" | "\"[Filtered]\"" | "\"[redacted]\"" => Ok(()),
            _ => {
                self.filter(start);
                Ok(())
            }
        }
    }

    fn object(&mut self, rule: Rule, room: Room) -> Result<(), Stop> {
        let open = self.at;
        let was_in_exception = self.in_exception;
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
                    self.path.push(Step::Field(name_range.clone()));
                    self.field(&name, name_range, rule, room, &mut held)?;
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
        Ok(())
    }

    fn field(
        &mut self,
        name: &Literal<'_>,
        name_range: Range<usize>,
        whole: Rule,
        room: Room,
        held: &mut Held,
    ) -> Result<(), Stop> {
        let name = name.decode()?;
        let rule = place::field(whole.place, &name, whole);
        let start = self.at;
        if let Place::Pairs(pairs) = whole.place {
            if let Some(better) = form::name(pairs, &name) {
                self.edits
                    .replace(name_range.start - 1..name_range.end + 1, quote(&better));
            }
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

    fn list(&mut self, rule: Rule, room: Room) -> Result<(), Stop> {
        let open = self.at;
        let (head, tail) = self.keeps(rule.place);
        let notes_before = self.notes.len();
        let parts_before = self.parts.len();
        let item = place::item(rule.place, rule);
        // Where each item begins and ends, kept only for lists of which the middle may go.
        let mut items: Vec<Range<usize>> = Vec::new();
        let mut count = 0;
        let mut cut_from = None;
        let mut end_of_last = open + 1;
        self.at = literal::blank(self.bytes, open + 1);
        if self.peek()? == b']' {
            self.at += 1;
            return Ok(());
        }
        loop {
            let start = self.at;
            let is_full = self.written().saturating_add(MIN_ROOM) > room.until;
            let is_past = tail == 0 && count >= head;
            if cut_from.is_some() || is_full || is_past {
                cut_from = cut_from.or(Some(end_of_last));
                self.at = literal::pass_over(self.text, self.at)?;
            } else {
                self.path.push(Step::Item(count));
                if let Place::Pairs(pairs) = rule.place
                    && self.peek()? == b'['
                {
                    self.pair(pairs, room)?;
                } else {
                    self.value(item, room)?;
                }
                self.path.pop();
                end_of_last = self.at;
            }
            if self.at == start {
                return Err(Stop::Invalid);
            }
            count += 1;
            if tail > 0 {
                items.push(start..self.at);
            }
            self.at = literal::blank(self.bytes, self.at);
            match self.peek()? {
                b',' => self.at = literal::blank(self.bytes, self.at + 1),
                b']' => break,
                _ => return Err(Stop::Invalid),
            }
        }
        self.at += 1;
        if let Some(from) = cut_from {
            self.edits.replace(from..self.at - 1, "");
            self.note(Vec::new(), Some(count));
        } else if tail > 0 && count > head + tail {
            self.cut_middle(&items, head, tail, notes_before, parts_before);
            self.note(Vec::new(), Some(count));
        }
        Ok(())
    }

    /// How many items of a list are kept at its start and at its end; 0 at the end means that none
    /// after the first are read.
    fn keeps(&self, place: Place) -> (usize, usize) {
        let both = |most: usize| (most / 2, most - most / 2);
        match place {
            Place::Values(Group::Exceptions) | Place::List(Group::Exceptions) => {
                both(self.limits.exceptions)
            }
            Place::Frames => both(self.limits.frames),
            Place::List(Group::Spans) => (self.limits.spans, 0),
            Place::Values(Group::Breadcrumbs) | Place::List(Group::Breadcrumbs) => {
                (0, self.limits.breadcrumbs)
            }
            _ => (usize::MAX, 0),
        }
    }

    /// Leaves out the middle of a list, and what was noted of it.
    fn cut_middle(
        &mut self,
        items: &[Range<usize>],
        head: usize,
        tail: usize,
        notes_before: usize,
        parts_before: usize,
    ) {
        let first_kept = items.len() - tail;
        let from = match head {
            0 => items[0].start,
            _ => items[head - 1].end,
        };
        let text = if head == 0 { "" } else { "," };
        let gone = from..items[first_kept].start;
        self.edits.replace(gone.clone(), text);
        let depth = self.path.len();
        let stays = |path: &mut Vec<Step>| match path.get_mut(depth) {
            Some(Step::Item(index)) if *index >= first_kept => {
                *index -= first_kept - head;
                true
            }
            Some(Step::Item(index)) => *index < head,
            _ => true,
        };
        let mut notes = self.notes.split_off(notes_before);
        notes.retain_mut(|note| stays(&mut note.path));
        self.notes.append(&mut notes);
        let mut parts = self.parts.split_off(parts_before);
        parts.retain_mut(|part| stays(&mut part.path));
        self.parts.append(&mut parts);
    }

    /// A pair that is written as a list.
    fn pair(&mut self, pairs: Pairs, room: Room) -> Result<(), Stop> {
        let rule = place::value_of(pairs);
        self.at = literal::blank(self.bytes, self.at + 1);
        let mut name = None;
        let mut index = 0;
        while self.peek()? != b']' {
            self.path.push(Step::Item(index));
            let start = self.at;
            match &name {
                None if self.peek()? == b'"' => {
                    let (literal, end) = literal::string(self.text, start)?;
                    let text = literal.decode()?;
                    self.at = end;
                    if let Some(better) = form::name(pairs, &text) {
                        self.edits.replace(start..end, quote(&better));
                    }
                    name = Some(text);
                }
                Some(name) => self.paired(pairs, name, rule, room)?,
                None => self.value(rule, room)?,
            }
            self.path.pop();
            if self.at == start {
                return Err(Stop::Invalid);
            }
            index += 1;
            self.at = literal::blank(self.bytes, self.at);
            match self.peek()? {
                b',' => {
                    self.at = literal::blank(self.bytes, self.at + 1);
                    if self.peek()? == b']' {
                        return Err(Stop::Invalid);
                    }
                }
                b']' => {}
                _ => return Err(Stop::Invalid),
            }
        }
        self.at += 1;
        Ok(())
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
        if self.notes.len() >= MAX_NOTES {
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

/// A text cut to that many characters and bytes, and how much of it was kept if it was cut.
fn cut(text: &str, max: usize, left: usize) -> (std::borrow::Cow<'_, str>, Option<usize>) {
    let fits = text.len() <= left && (text.len() <= max || text.chars().count() <= max);
    if fits {
        return (text.into(), None);
    }
    let chars = max.saturating_sub(CUT.len());
    let mut end = text
        .char_indices()
        .nth(chars)
        .map_or(text.len(), |(at, _)| at)
        .min(left.saturating_sub(CUT.len()));
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    (format!("{}{CUT}", &text[..end]).into(), Some(end))
}

/// A text as a JSON string.
fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
