//! What a reader walks while writers and registrations go on.

use std::sync::Arc;

use super::arena::Arena;
use super::series::Series;

/// An arena, how many of its shards are in use, and the series by number.
pub(crate) struct View {
    pub(crate) arena: Arc<Arena>,
    pub(crate) shards: usize,
    pub(crate) series: Vec<Arc<Series>>,
}
