//! The series directory: names, labels and kinds as bytes in the arena.
//!
//! The registry keeps its own index for this process; this is the copy that makes an arena
//! readable by itself. Segments of entries, each `length, id, ...`, are appended and never change;
//! a length of 0 ends a segment, whose last eight bytes are the offset of the next.

use std::sync::atomic::{AtomicU64, Ordering};

use super::arena::{Arena, Offset, SEGMENT_BYTES, Section};
use super::series::{Instrument, Series};

const NEXT_AT: usize = SEGMENT_BYTES - 8;
const SECTION_SLOT: usize = 1;

/// The writer's place in the directory; under the registry's lock.
#[derive(Default)]
pub(crate) struct DirectoryWriter {
    segment: Option<Offset>,
    used: usize,
}

impl DirectoryWriter {
    /// Appends a series; `None` when the arena is full.
    pub(crate) fn append(&mut self, arena: &Arena, series: &Series) -> Option<()> {
        let body = encode(series);
        // Length word, body, and the zero word that ends the segment for now.
        let bytes = 8 + body.len();
        if self.segment.is_none() || self.used + bytes + 8 > NEXT_AT {
            self.grow(arena)?;
        }
        let at = Offset(self.segment?.0 + self.used as u64);
        let place = arena.resolve(at, bytes)?;
        // SAFETY: `bytes` zeroed bytes are there, in a segment of the directory's own that has one
        // writer, which holds the registry's lock; readers do not look past the length word, which
        // is stored last.
        unsafe {
            std::ptr::copy_nonoverlapping(body.as_ptr(), place.as_ptr().add(8), body.len());
        }
        word(arena, at)?.store(body.len() as u64, Ordering::Release);
        self.used += bytes;
        Some(())
    }

    fn grow(&mut self, arena: &Arena) -> Option<()> {
        let fresh = arena.add_segment()?;
        match self.segment {
            Some(last) => {
                word(arena, Offset(last.0 + NEXT_AT as u64))?.store(fresh.0, Ordering::Release)
            }
            None => arena.set_section(SECTION_SLOT, Section::Series, fresh.0, SEGMENT_BYTES),
        }
        self.segment = Some(fresh);
        self.used = 0;
        Some(())
    }
}

fn word(arena: &Arena, at: Offset) -> Option<&AtomicU64> {
    let place = arena.resolve(at, 8)?;
    // SAFETY: entries are padded to 8 bytes, so the word is aligned and inside a segment that
    // lives as long as the arena; it is accessed as an atomic only.
    Some(unsafe { &*place.as_ptr().cast::<AtomicU64>() })
}

/// id, parent + 1, instrument, kind, scale, then name, unit, description and labels, each with its
/// length before it; padded to 8 bytes.
fn encode(series: &Series) -> Vec<u8> {
    let (instrument, kind) = match series.instrument {
        Instrument::Operation(kind) => (1, kind as u8),
        Instrument::Errors => (2, 0),
        Instrument::Counter => (3, 0),
        Instrument::Gauge => (4, 0),
        Instrument::Histogram => (5, 0),
    };
    let mut bytes = Vec::with_capacity(64);
    bytes.extend(series.id.0.to_le_bytes());
    bytes.extend(series.parent.map_or(0, |parent| parent.0 + 1).to_le_bytes());
    bytes.extend([instrument, kind]);
    bytes.extend((series.labels.len() as u16).to_le_bytes());
    bytes.extend(series.scale.to_le_bytes());
    let texts = [
        Some(&*series.name),
        series.unit.as_deref(),
        series.description.as_deref(),
    ];
    let labels = series.labels.iter().flat_map(|(key, value)| [key, value]);
    for text in texts
        .into_iter()
        .map(Option::unwrap_or_default)
        .chain(labels)
    {
        let text = super::labels::cut(text, 1024);
        bytes.extend((text.len() as u16).to_le_bytes());
        bytes.extend(text.as_bytes());
    }
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes
}

/// Reading a directory by its bytes alone, as another process would: the proof that an arena
/// needs nothing but itself.
#[cfg(test)]
pub(crate) mod reading {
    use super::super::series::Kind;
    use super::*;

    /// A series as an arena's own bytes tell it.
    #[derive(Debug, Clone, PartialEq)]
    pub(crate) struct DirectoryEntry {
        pub(crate) id: u32,
        pub(crate) parent: Option<u32>,
        pub(crate) instrument: Option<Instrument>,
        pub(crate) scale: f64,
        pub(crate) name: String,
        pub(crate) labels: Vec<(String, String)>,
    }

    /// Reads every entry by offsets alone, as another process would; stops at the first that is
    /// not whole.
    pub(crate) fn read(arena: &Arena) -> Vec<DirectoryEntry> {
        let mut entries = Vec::new();
        let mut segment = arena.section(Section::Series);
        while let Some(base) = segment.filter(|offset| !offset.is_none()) {
            let mut used = 0;
            while used + 8 <= NEXT_AT {
                let at = Offset(base.0 + used as u64);
                let Some(length) =
                    word(arena, at).map(|word| word.load(Ordering::Acquire) as usize)
                else {
                    break;
                };
                let body = Offset(at.0 + 8);
                let Some(place) = (length > 0).then(|| arena.resolve(body, length)).flatten()
                else {
                    break;
                };
                // SAFETY: the length was published after its bytes, which never change afterwards and
                // lie inside the arena.
                let bytes = unsafe { std::slice::from_raw_parts(place.as_ptr(), length) };
                let Some(entry) = decode(bytes) else { break };
                entries.push(entry);
                used += 8 + length;
            }
            segment = word(arena, Offset(base.0 + NEXT_AT as u64))
                .map(|word| Offset(word.load(Ordering::Acquire)));
        }
        entries
    }

    fn decode(bytes: &[u8]) -> Option<DirectoryEntry> {
        let mut rest = bytes;
        let id = u32::from_le_bytes(take(&mut rest)?);
        let parent = u32::from_le_bytes(take(&mut rest)?);
        let [instrument, kind] = take(&mut rest)?;
        let labels = u16::from_le_bytes(take(&mut rest)?);
        let scale = f64::from_le_bytes(take(&mut rest)?);
        let name = text(&mut rest)?;
        let _unit = text(&mut rest)?;
        let _description = text(&mut rest)?;
        let labels = (0..labels)
            .map(|_| Some((text(&mut rest)?, text(&mut rest)?)))
            .collect::<Option<Vec<_>>>()?;
        Some(DirectoryEntry {
            id,
            parent: parent.checked_sub(1),
            instrument: match instrument {
                1 => Kind::ALL
                    .get(kind as usize)
                    .map(|kind| Instrument::Operation(*kind)),
                2 => Some(Instrument::Errors),
                3 => Some(Instrument::Counter),
                4 => Some(Instrument::Gauge),
                5 => Some(Instrument::Histogram),
                _ => None,
            },
            scale,
            name,
            labels,
        })
    }

    fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
        let (head, tail) = rest.split_first_chunk::<N>()?;
        *rest = tail;
        Some(*head)
    }

    fn text(rest: &mut &[u8]) -> Option<String> {
        let length = usize::from(u16::from_le_bytes(take(rest)?));
        let (head, tail) = rest.split_at_checked(length)?;
        *rest = tail;
        Some(String::from_utf8_lossy(head).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::super::layout::OCTAVES;
    use super::super::registry::{Limits, Registry};
    use super::super::series::{InstrumentOptions, Kind, SeriesId};
    use super::super::{Labels, block, local};
    use super::*;

    /// What a reader with nothing but the bytes finds is what the registry knows.
    #[test]
    fn an_arena_tells_its_series_and_counts_by_itself() {
        let registry = Registry::new(Limits {
            max_series: 2_000,
            max_memory_bytes: 64 << 20,
            max_window_bytes: 1 << 20,
        })
        .unwrap();
        let options = InstrumentOptions::default();
        // Long labels, so that the directory needs several segments.
        for n in 0..600u32 {
            let labels = Labels::from_pairs([("n", format!("{n}-{}", "x".repeat(200)))]).unwrap();
            let series = registry
                .register("op", &labels, Instrument::Operation(Kind::Client), &options)
                .unwrap();
            local::record(&registry, series.id, u64::from(n) * 1_000);
        }
        let errors = registry.error_series(SeriesId(5), "Timeout").unwrap();
        local::add(&registry, errors, 3);

        let view = registry.view();
        let entries = reading::read(&view.arena);
        assert_eq!(entries.len(), 601);
        for (entry, series) in entries.iter().zip(&view.series) {
            assert_eq!(entry.id, series.id.0);
            assert_eq!(entry.name, *series.name);
            assert_eq!(entry.instrument, Some(series.instrument));
            assert_eq!(entry.parent, series.parent.map(|parent| parent.0));
            assert_eq!(entry.scale, series.scale);
            let labels = entry.labels.iter().map(|(k, v)| (k.as_str(), v.as_str()));
            assert!(labels.eq(series.labels.iter()));
        }
        let mut totals = vec![(0, 0, 0); 601];
        for index in 0..view.shards {
            let shard = view.arena.shard(index);
            let kind = shard.cell_kind();
            for block in block::blocks(&view.arena, shard) {
                let total = &mut totals[block.series().index()];
                for octave in 0..OCTAVES {
                    for cell in block.octave(octave).into_iter().flatten() {
                        total.0 += block::cell_value(kind, cell.load(Ordering::Relaxed));
                    }
                }
                total.1 += block.sum(kind);
                total.2 = total.2.max(block.max(kind));
            }
        }
        for n in 0..600u64 {
            assert_eq!(totals[n as usize], (1, u128::from(n) * 1_000, n * 1_000));
        }
        assert_eq!(totals[600].1, 3);
    }
}
