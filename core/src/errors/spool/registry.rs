//! Which segments this process has open, by their path.
//!
//! Asked before any file of a spool is opened: opening and closing one that is in use would end its
//! lock (`os.rs`), and one that is in use here is nobody's to take over. Other copies of this
//! library in the same process have registries of their own; they know each other's files by their
//! names (`folder.rs`).

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use crate::fork;

/// Taken inside the fork gate; whoever holds it takes no other lock. The number is the fork's: what
/// a parent had open is not in use here.
static OPEN: Mutex<Option<HashMap<PathBuf, u32>>> = Mutex::new(None);

pub(super) fn add(path: &Path) {
    if let Some(_inside) = fork::enter() {
        OPEN.lock()
            .get_or_insert_default()
            .insert(path.to_owned(), fork::generation());
    }
}

pub(super) fn remove(path: &Path) {
    if let Some(_inside) = fork::enter()
        && let Some(open) = OPEN.lock().as_mut()
        && open.get(path) == Some(&fork::generation())
    {
        open.remove(path);
    }
}

/// Whether this copy of the library has it open.
pub(crate) fn is_open(path: &Path) -> bool {
    // Where no lock may be taken, nothing may be touched either.
    fork::enter().is_none_or(|_inside| {
        OPEN.lock()
            .as_ref()
            .is_some_and(|open| open.get(path) == Some(&fork::generation()))
    })
}
