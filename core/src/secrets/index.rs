//! What readers look up: an immutable map that is replaced whole, so that a hit takes no lock.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use hashbrown::{Equivalent, HashMap};

use super::entry::Entry;
use super::quick::Quick;
use super::request::{Which, WhichRef};

/// A secret as it is asked for: a name or ARN, and which version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    pub(super) name: Box<str>,
    pub(super) which: Which,
    /// Kept beside `which`, so that a hit compares no stage.
    is_current: bool,
}

/// An [`Id`] that borrows.
#[derive(Debug, Clone, Copy)]
pub(super) struct IdRef<'a> {
    pub(super) name: &'a str,
    pub(super) which: WhichRef<'a>,
}

impl Id {
    pub(super) fn new(name: &str, which: Which) -> Self {
        Self {
            name: name.into(),
            is_current: which.is_current(),
            which,
        }
    }
}

impl IdRef<'_> {
    pub(super) fn to_id(self) -> Id {
        Id::new(self.name, self.which.into())
    }
}

impl Hash for IdRef<'_> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        match self.which {
            // Not hashed at all: it would cost more than the name.
            WhichRef::Current => {}
            WhichRef::Stage(other) | WhichRef::Version(other) => other.hash(state),
        }
    }
}

impl Hash for Id {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        match &self.which {
            _ if self.is_current => {}
            Which::Stage(other) | Which::Version(other) => other.hash(state),
        }
    }
}

impl Equivalent<Id> for IdRef<'_> {
    #[inline]
    fn equivalent(&self, id: &Id) -> bool {
        let same_which = match (self.which, &id.which) {
            (WhichRef::Current, _) => id.is_current,
            (WhichRef::Stage(ours), Which::Stage(theirs))
            | (WhichRef::Version(ours), Which::Version(theirs)) => ours == theirs,
            _ => false,
        };
        same_which && is_same(self.name.as_bytes(), id.name.as_bytes())
    }
}

/// Whether both are equal, eight bytes at a time: names are short, and a call of `memcmp` costs more
/// than comparing them.
#[inline]
fn is_same(ours: &[u8], theirs: &[u8]) -> bool {
    let ((ours, our_rest), (theirs, their_rest)) = (ours.as_chunks::<8>(), theirs.as_chunks::<8>());
    ours.len() == theirs.len()
        && our_rest.len() == their_rest.len()
        && ours
            .iter()
            .zip(theirs)
            .all(|(a, b)| u64::from_ne_bytes(*a) == u64::from_ne_bytes(*b))
        && our_rest.iter().zip(their_rest).all(|(a, b)| a == b)
}

/// Every secret that is known, by each id it was asked for by.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    /// What the process set itself, by name; asked first.
    pub(super) overrides: HashMap<Box<str>, Arc<Entry>>,
    pub(super) entries: HashMap<Id, Arc<Entry>>,
    /// Both of them by the name alone, as nearly everybody asks.
    quick: Quick,
}

impl Index {
    #[inline]
    pub(super) fn find(&self, id: IdRef<'_>) -> Option<&Arc<Entry>> {
        if id.which == WhichRef::Current {
            return self.quick.find(id.name);
        }
        self.find_other(id)
    }

    /// Has [`Self::find`] see what was changed.
    pub(super) fn settle(&mut self) {
        let overrides = self.overrides.iter().map(|(name, entry)| (&**name, entry));
        let current = self.entries.iter().filter(|(id, _)| id.is_current);
        let current = current.map(|(id, entry)| (&*id.name, entry));
        self.quick.replace(overrides.chain(current));
    }

    #[inline(never)]
    fn find_other(&self, id: IdRef<'_>) -> Option<&Arc<Entry>> {
        if !self.overrides.is_empty()
            && let Some(entry) = self.overrides.get(id.name)
        {
            return Some(entry);
        }
        self.entries.get(&id)
    }
}
