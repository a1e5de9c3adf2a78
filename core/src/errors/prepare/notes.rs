//! What was changed in an event, and where: the event's `_meta`, which Sentry's interface shows
//! beside each field. Source: <https://develop.sentry.dev/sdk/data-model/event-payloads/>, and
//! <https://github.com/getsentry/relay/blob/master/relay-protocol/src/meta.rs>.

use std::ops::Range;

use serde_json::{Map, Value, json};

/// The rule for what is longer or more than is taken.
pub(super) const LIMIT: &str = "!limit";

/// What became of a stretch of a text, or of a whole value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remark {
    rule: &'static str,
    is_removed: bool,
    /// In bytes of the text that is left.
    range: Option<(usize, usize)>,
}

impl Remark {
    /// Part of a text was replaced.
    pub(super) fn within(rule: &'static str, start: usize, end: usize) -> Self {
        Self {
            rule,
            is_removed: false,
            range: Some((start, end)),
        }
    }

    /// A whole value was replaced.
    pub(super) fn replaced(rule: &'static str) -> Self {
        Self {
            rule,
            is_removed: false,
            range: None,
        }
    }

    /// A whole value was left out.
    pub(super) fn removed(rule: &'static str) -> Self {
        Self {
            rule,
            is_removed: true,
            range: None,
        }
    }

    /// Where it begins, if a cut there would leave part of it.
    pub(super) fn split_by(&self, cut: usize) -> Option<usize> {
        let (start, end) = self.range?;
        (start < cut && cut < end).then_some(start)
    }

    /// Whether it is of what is left of a text that was cut there.
    pub(super) fn is_before(&self, cut: usize) -> bool {
        self.range.is_none_or(|(_, end)| end <= cut)
    }

    fn to_json(&self) -> Value {
        let kind = if self.is_removed { "x" } else { "s" };
        match self.range {
            Some((start, end)) => json!([self.rule, kind, start, end]),
            None => json!([self.rule, kind]),
        }
    }
}

/// A step from a value to one within.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Where the field's name stands in the text, without its quotes.
    Field(Range<usize>),
    /// A field whose name is written otherwise than it stands there.
    Renamed(String),
    Item(usize),
}

/// What was done to the value at a place.
#[derive(Debug, Clone)]
pub(super) struct Note {
    pub(super) path: Vec<Step>,
    pub(super) remarks: Vec<Remark>,
    /// Characters of the text, or items of the list, that there were.
    pub(super) was: Option<usize>,
}

/// Adds the notes to what an event says of itself already, which is an object or nothing.
pub(super) fn merge(text: &str, known: Option<&str>, notes: &[Note]) -> String {
    let mut meta = known
        .and_then(|known| serde_json::from_str::<Map<String, Value>>(known).ok())
        .unwrap_or_default();
    forget_originals(&mut meta);
    for note in notes {
        let Some(at) = note
            .path
            .iter()
            .try_fold(&mut meta, |within, step| {
                within
                    .entry(step_name(text, step))
                    .or_insert_with(|| Value::Object(Map::new()))
                    .as_object_mut()
            })
            .and_then(|at| {
                at.entry("")
                    .or_insert_with(|| Value::Object(Map::new()))
                    .as_object_mut()
            })
        else {
            continue;
        };
        if !note.remarks.is_empty()
            && let Some(remarks) = at
                .entry("rem")
                .or_insert_with(|| Value::Array(Vec::new()))
                .as_array_mut()
        {
            remarks.extend(note.remarks.iter().map(Remark::to_json));
        }
        if let Some(was) = note.was {
            at.entry("len").or_insert_with(|| Value::from(was));
        }
    }
    Value::Object(meta).to_string()
}

fn step_name(text: &str, step: &Step) -> String {
    match step {
        Step::Item(index) => index.to_string(),
        Step::Renamed(name) => name.clone(),
        Step::Field(name) => {
            let raw = text.get(name.clone()).unwrap_or_default();
            if raw.contains('\\') {
                serde_json::from_str(&format!("\"{raw}\"")).unwrap_or_else(|_| raw.to_owned())
            } else {
                raw.to_owned()
            }
        }
    }
}

/// Takes away the original values that notes may carry: they are what was to be redacted.
fn forget_originals(meta: &mut Map<String, Value>) {
    let mut open = vec![meta];
    while let Some(fields) = open.pop() {
        if let Some(Value::Object(note)) = fields.get_mut("") {
            note.remove("val");
        }
        open.extend(fields.values_mut().filter_map(Value::as_object_mut));
    }
}
