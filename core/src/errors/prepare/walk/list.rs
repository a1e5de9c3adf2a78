//! Lists: of what kind each item is, and how many are kept.

use std::ops::Range;

use super::super::form;
use super::super::literal::{self, Stop};
use super::super::notes::Step;
use super::super::place::{self, Group, Pairs, Place, Rule};
use super::scalar::quote;
use super::{MIN_ROOM, Room, Walk};

impl Walk<'_> {
    pub(super) fn list(&mut self, rule: Rule, room: Room) -> Result<(), Stop> {
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
    pub(super) fn keeps(&self, place: Place) -> (usize, usize) {
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
    pub(super) fn cut_middle(
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
    pub(super) fn pair(&mut self, pairs: Pairs, room: Room) -> Result<(), Stop> {
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
                    if let Some(better) = form::name(Some(pairs), &text, literal.hints, self.keys) {
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
}
