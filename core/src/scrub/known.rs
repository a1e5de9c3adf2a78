//! Everything that must not leave, ready to be looked for: made anew when a secret is registered,
//! then only read. Wiped when the last reader lets go of it.

use std::sync::Arc;

use super::anchors::{Anchor, Anchors, HashKeys};
use super::value::{Reach, Value};

/// The known values, and where in a text they may be.
pub(super) struct Known {
    values: Vec<Arc<Value>>,
    anchors: Anchors,
    /// Those that are redacted as a whole field, sorted.
    fields: Vec<Arc<Value>>,
    has_blank: bool,
    has_bracket: bool,
}

impl Known {
    /// Readies these values, which have so many anchors together.
    pub(super) fn new(
        keys: HashKeys,
        values: impl Iterator<Item = Arc<Value>>,
        anchors: usize,
    ) -> Self {
        let (mut fields, values): (Vec<_>, Vec<_>) =
            values.partition(|value| value.reach() == Reach::Field);
        fields.sort_unstable_by(|one, other| one.bytes().cmp(other.bytes()));
        let mut anchors = Anchors::with_capacity(keys, anchors);
        for (number, value) in values.iter().enumerate() {
            value.anchors(|piece, form, offset, may_be_spared| {
                let anchor = Anchor {
                    value: number,
                    form,
                    offset,
                };
                anchors.add(piece, anchor, may_be_spared);
            });
        }
        let any_has = |bytes: &[u8]| {
            values
                .iter()
                .any(|value| value.bytes().iter().any(|byte| bytes.contains(byte)))
        };
        Self {
            has_blank: any_has(b" "),
            has_bracket: any_has(b"[]"),
            values,
            anchors,
            fields,
        }
    }

    /// The value of that number.
    pub(super) fn value(&self, number: usize) -> Option<&Value> {
        self.values.get(number).map(AsRef::as_ref)
    }

    /// Where they may be.
    pub(super) fn anchors(&self) -> &Anchors {
        &self.anchors
    }

    /// Whether this is all of a value that is redacted as a whole field.
    pub(super) fn is_field(&self, text: &[u8]) -> bool {
        self.fields
            .binary_search_by(|value| value.bytes().cmp(text))
            .is_ok()
    }

    /// How long the longest of those is.
    pub(super) fn longest_field(&self) -> usize {
        self.fields
            .iter()
            .map(|value| value.bytes().len())
            .max()
            .unwrap_or(0)
    }

    /// Whether a value has a blank, which a form writes as a plus sign.
    pub(super) fn has_blank(&self) -> bool {
        self.has_blank
    }

    /// Whether a value has a bracket, so that "[redacted]" may stand for a part of it.
    pub(super) fn has_bracket(&self) -> bool {
        self.has_bracket
    }
}
