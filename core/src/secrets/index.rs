//! What readers look up: an immutable map that is replaced whole, so that a hit takes no lock.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use hashbrown::{Equivalent, HashMap};

use super::entry::Entry;
use super::request::{CURRENT, Which, WhichRef};

/// A secret as it is asked for: a name or ARN, and which version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    pub(super) name: Box<str>,
    pub(super) which: Which,
}

/// An [`Id`] that borrows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IdRef<'a> {
    pub(super) name: &'a str,
    pub(super) which: WhichRef<'a>,
}

impl Id {
    pub(super) fn new(name: &str, which: Which) -> Self {
        Self {
            name: name.into(),
            which,
        }
    }

    fn borrowed(&self) -> IdRef<'_> {
        IdRef {
            name: &self.name,
            which: self.which.borrowed(),
        }
    }
}

impl IdRef<'_> {
    pub(super) fn to_id(self) -> Id {
        Id::new(self.name, self.which.into())
    }
}

impl Hash for IdRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        // The usual stage is not hashed at all: it would cost more than the name.
        match self.which {
            WhichRef::Stage(CURRENT) => {}
            WhichRef::Stage(other) | WhichRef::Version(other) => other.hash(state),
        }
    }
}

impl Hash for Id {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.borrowed().hash(state);
    }
}

impl Equivalent<Id> for IdRef<'_> {
    fn equivalent(&self, id: &Id) -> bool {
        *self == id.borrowed()
    }
}

/// Every secret that is known, by each id it was asked for by.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    /// What the process set itself, by name; asked first.
    pub(super) overrides: HashMap<Box<str>, Arc<Entry>>,
    pub(super) entries: HashMap<Id, Arc<Entry>>,
}

impl Index {
    #[inline]
    pub(super) fn find(&self, id: IdRef<'_>) -> Option<&Arc<Entry>> {
        if !self.overrides.is_empty()
            && let Some(entry) = self.overrides.get(id.name)
        {
            return Some(entry);
        }
        self.entries.get(&id)
    }
}
