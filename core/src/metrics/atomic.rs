//! The atomics that [`super::protocol`] is written in; its model test puts loom's here instead.

pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
