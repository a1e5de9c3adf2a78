//! Which segments this process has open, by their path.
//!
//! Asked before any file of a spool is opened: opening and closing one that is in use would end its
//! lock (`os.rs`), and one that is in use here is nobody's to take over. Other copies of this
//! library in the same process have registries of their own; they know each other's files by their
//! names (`folder.rs`).

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::fork;

/// Taken inside the fork gate; whoever holds it takes no other lock. The number is the fork's: what
/// a parent had open is not in use here.
static OPEN: Mutex<Option<Open>> = Mutex::new(None);

type Open = HashMap<PathBuf, (u32, Arc<File>)>;

pub(super) fn add(path: &Path, file: &Arc<File>) {
    if let Some(_inside) = fork::enter() {
        OPEN.lock()
            .get_or_insert_default()
            .insert(path.to_owned(), (fork::generation(), Arc::clone(file)));
    }
}

pub(super) fn remove(path: &Path) {
    if let Some(_inside) = fork::enter()
        && let Some(open) = OPEN.lock().as_mut()
        && open
            .get(path)
            .is_some_and(|(fork, _)| *fork == fork::generation())
    {
        open.remove(path);
    }
}

/// Whether this copy of the library has it open.
pub(crate) fn is_open(path: &Path) -> bool {
    // Where no lock may be taken, nothing may be touched either.
    fork::is_unfit() || file_of(path).is_some()
}

/// The file that this copy of the library has open there.
pub(super) fn file_of(path: &Path) -> Option<Arc<File>> {
    let _inside = fork::enter()?;
    let open = OPEN.lock();
    let (fork, file) = open.as_ref()?.get(path)?;
    (*fork == fork::generation()).then(|| Arc::clone(file))
}
