//! What is to be written otherwise than it stands in a text: a list of replacements, so that what
//! stays is copied once, in long stretches, or not at all.

use std::borrow::Cow;
use std::ops::Range;

#[derive(Debug)]
struct Edit {
    range: Range<usize>,
    text: Cow<'static, str>,
}

impl Edit {
    fn saves(&self) -> isize {
        self.range.len() as isize - self.text.len() as isize
    }
}

/// Replacements, apart from each other and in the order of the text.
#[derive(Debug, Default)]
pub(super) struct Edits {
    list: Vec<Edit>,
    saved: isize,
}

impl Edits {
    /// Bytes that the text becomes shorter by.
    pub(super) fn saved(&self) -> isize {
        self.saved
    }

    /// Replaces a stretch; what was to be replaced within it is forgotten.
    pub(super) fn replace(&mut self, range: Range<usize>, text: impl Into<Cow<'static, str>>) {
        let edit = Edit {
            range,
            text: text.into(),
        };
        self.saved += edit.saves();
        let is_last = self
            .list
            .last()
            .is_none_or(|last| last.range.end <= edit.range.start);
        if is_last {
            self.list.push(edit);
            return;
        }
        let from = self
            .list
            .partition_point(|it| it.range.start < edit.range.start);
        let to = self
            .list
            .partition_point(|it| it.range.start < edit.range.end);
        let gone: isize = self.list[from..to.max(from)].iter().map(Edit::saves).sum();
        self.saved -= gone;
        self.list.splice(from..to.max(from), [edit]);
    }

    /// The bytes that a stretch becomes shorter by.
    pub(super) fn saved_within(&self, range: &Range<usize>) -> isize {
        let from = self.list.partition_point(|it| it.range.start < range.start);
        self.list[from..]
            .iter()
            .take_while(|it| it.range.start < range.end)
            .map(Edit::saves)
            .sum()
    }

    /// A stretch as it is to be.
    pub(super) fn within(&self, text: &str, range: Range<usize>) -> String {
        let from = self.list.partition_point(|it| it.range.start < range.start);
        let edits = self.list[from..]
            .iter()
            .take_while(|it| it.range.end <= range.end);
        let mut edited = String::with_capacity(range.len());
        let mut copied = range.start;
        for edit in edits {
            edited.push_str(text.get(copied..edit.range.start).unwrap_or_default());
            edited.push_str(&edit.text);
            copied = edit.range.end.max(copied);
        }
        edited.push_str(text.get(copied..range.end).unwrap_or_default());
        edited
    }

    /// The text as it is to be.
    pub(super) fn apply(self, text: &str) -> Cow<'_, str> {
        if self.list.is_empty() {
            return Cow::Borrowed(text);
        }
        Cow::Owned(self.within(text, 0..text.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_is_replaced_with_all_that_was_to_be_replaced_in_it() {
        let mut edits = Edits::default();
        edits.replace(1..2, "BB");
        edits.replace(3..4, "");
        edits.replace(6..7, "GG");
        edits.replace(3..5, "-");
        edits.replace(0..0, ">");
        assert_eq!(edits.saved_within(&(2..6)), 1);
        assert_eq!(edits.within("abcdefgh", 1..6), "BBc-f");
        assert_eq!(edits.apply("abcdefgh"), ">aBBc-fGGh");
        assert!(matches!(Edits::default().apply("a"), Cow::Borrowed("a")));
    }
}
