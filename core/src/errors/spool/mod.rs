//! Where events are kept until a server has them: files that outlive the process, shared by all
//! processes that send to the same place.
//!
//! The caller's thread writes a record with one copy into mapped memory and without any system
//! call; the I/O thread reads it back, and what dead processes left too.

pub(crate) mod folder;
mod map;
mod os;
pub(crate) mod record;
pub(crate) mod registry;
pub(crate) mod segment;

pub(crate) use folder::Folder;
pub(crate) use record::{Head, Parts, Record, State};
pub(crate) use segment::{About, Segment, Unusable};
