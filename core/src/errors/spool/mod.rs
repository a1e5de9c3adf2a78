//! Where events are kept until a server has them: files that outlive the process, shared by all
//! processes that send to the same place.
//!
//! The caller's thread writes a record with one copy into mapped memory and without any system
//! call; the I/O thread reads it back, and what dead processes left too.

pub(crate) mod folder;
mod ledger;
mod map;
mod os;
pub(crate) mod record;
pub(crate) mod registry;
pub(crate) mod segment;

pub(crate) use folder::Folder;
pub(crate) use record::{Head, Parts, Record, State};
pub(crate) use segment::{About, Segment, Unusable};

/// The bytes of a segment's file. One that is open here is read through its own descriptor, since
/// closing another one would end its lock.
pub(crate) fn read_whole(path: &std::path::Path) -> Option<Vec<u8>> {
    use std::os::unix::fs::FileExt;
    let Some(file) = registry::file_of(path) else {
        return std::fs::read(path).ok();
    };
    let length = usize::try_from(file.metadata().ok()?.len()).ok()?;
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, 0).ok()?;
    Some(bytes)
}
