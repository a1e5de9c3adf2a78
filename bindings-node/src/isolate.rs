//! Lending core-owned memory to an isolate, which then records without calling.

use std::panic::{AssertUnwindSafe, catch_unwind};

use napi::Env;
use napi::bindgen_prelude::ArrayBuffer;
use napi_derive::napi;
use tallylight::metrics::isolate::{self, SegmentMemory};
use tallylight::{Error, ErrorKind};

use crate::boundary::{Result, contained};
use crate::env::with_state;

/// A place in a segment of memory.
#[napi(object)]
pub struct Place {
    /// The segment's number.
    pub segment: u32,
    /// Bytes from its start, a multiple of 8.
    pub byte_offset: u32,
}

impl From<isolate::Place> for Place {
    fn from(place: isolate::Place) -> Self {
        Self {
            segment: place.segment,
            byte_offset: place.byte_offset,
        }
    }
}

/// Where an octave of 128 cells lies.
#[napi(object)]
pub struct OctavePlace {
    /// Its number.
    pub octave: u32,
    /// Its place.
    pub place: Place,
}

/// Where this isolate writes one series, in float64 cells.
#[napi(object)]
pub struct SeriesPlaces {
    /// Eight cells: sum low, sum carry and maximum are at 2, 3 and 4.
    pub header: Place,
    /// One cell, not 0 once recording is closed.
    pub gate: Place,
    /// The octaves that exist already.
    pub octaves: Vec<OctavePlace>,
}

/// Claims a shard for this isolate, once; false when none is left, and it then records by calls.
#[napi]
pub fn claim_shard(env: Env) -> Result<bool> {
    contained(|| {
        let tally = tallylight::global()?;
        with_state(env, |state| {
            if state.isolate.is_none() {
                state.isolate = tally.isolate();
            }
            Ok(state.isolate.is_some())
        })
    })
}

/// Gives the shard back. Only for an isolate that holds no buffer on it, since it stops writing
/// here.
#[napi]
pub fn release_shard(env: Env) -> Result<()> {
    contained(|| {
        with_state(env, |state| {
            state.isolate = None;
            Ok(())
        })
    })
}

/// Where to write a series; null when there is no shard or no memory left.
#[napi]
pub fn series_places(env: Env, id: u32) -> Result<Option<SeriesPlaces>> {
    contained(|| {
        with_state(env, |state| {
            let series = state.isolate.as_ref().and_then(|shard| shard.series(id));
            Ok(series.map(|series| SeriesPlaces {
                header: series.header.into(),
                gate: series.gate.into(),
                octaves: series
                    .octaves
                    .into_iter()
                    .map(|(octave, place)| OctavePlace {
                        octave,
                        place: place.into(),
                    })
                    .collect(),
            }))
        })
    })
}

/// Where to write an octave, allocated at its first touch; null when no memory is left.
#[napi]
pub fn grow_octave(env: Env, id: u32, octave: u32) -> Result<Option<Place>> {
    contained(|| {
        with_state(env, |state| {
            let shard = state.isolate.as_ref();
            Ok(shard
                .and_then(|shard| shard.octave(id, octave))
                .map(Place::from))
        })
    })
}

/// The memory of a segment; null where the runtime refuses memory that is not its own.
#[napi]
pub fn segment(env: &Env, segment: u32) -> Result<Option<ArrayBuffer<'_>>> {
    contained(|| {
        let memory = with_state(*env, |state| {
            Ok(state
                .isolate
                .as_ref()
                .and_then(|shard| shard.segment(segment)))
        })?;
        memory.map_or(Ok(None), |memory| lend(env, memory))
    })
}

fn lend(env: &Env, memory: SegmentMemory) -> Result<Option<ArrayBuffer<'_>>, Error> {
    let (start, length) = (memory.as_ptr(), memory.len());
    // SAFETY: the segment is mapped, zeroed or written as whole cells, and `length` bytes long; it
    // stays mapped while `memory` lives, which the buffer's finalizer drops. Rust accesses it as
    // atomics only, never through a reference that JavaScript's writes would break.
    let lent = unsafe {
        ArrayBuffer::from_external(env, start, length, memory, |_, memory| {
            // A panic must not cross into the garbage collector, which called us.
            drop(catch_unwind(AssertUnwindSafe(move || drop(memory))));
        })
    };
    let buffer = lent.map_err(|error| {
        Error::new(
            ErrorKind::Unsupported,
            format!("the runtime took no memory of ours: {}", error.reason),
        )
    })?;
    // Where external buffers are forbidden (Electron), napi answers a copy; writes to it are lost.
    Ok(std::ptr::eq(buffer.as_ptr(), start).then_some(buffer))
}
