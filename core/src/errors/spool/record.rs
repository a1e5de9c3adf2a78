//! One event in a segment: how it lies there as bytes.
//!
//! | at | what |
//! |---|---|
//! | 0 | a magic |
//! | 4 | the state, and the reason of a dropped one |
//! | 8 | bytes of the payload |
//! | 12 | CRC-32 of what never changes: 8 to 12, 16 to 52, the payload |
//! | 16 | the event's id |
//! | 32 | when it was captured, milliseconds since the Unix epoch |
//! | 40 | the storm fingerprint |
//! | 48 | the category (0: facts about the process, for the records behind it), the version |
//! | 52 | how many copies it stands for |
//! | 56 | how often it was tried to be sent |
//! | 64 | the payload: parts, each a kind, a length and its bytes |
//!
//! Numbers are little-endian; words that change are in the machine's order, which a file does not
//! leave. A record begins at a multiple of 64.

use crate::errors::item::{Attachment, Category, DiscardReason, EventId, Item};

/// Bytes before the payload.
pub(super) const HEAD: usize = 64;
/// Records begin at its multiples.
pub(super) const ALIGN: usize = 64;
pub(super) const MAGIC: u32 = 0x5259_4c54;
pub(super) const STATE: usize = 4;
pub(super) const COPIES: usize = 52;
pub(super) const ATTEMPTS: usize = 56;
const VERSION: u8 = 1;
/// The largest payload: what Sentry takes of an envelope, with room for the parts' heads.
pub(super) const LARGEST: usize = 20 << 20;

/// Where a record is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Its writer did not finish; so nobody was told that it is here.
    Writing,
    /// To be delivered.
    Waiting,
    /// A server took it, or the local store keeps it.
    Done,
    /// Not delivered.
    Dropped(DiscardReason),
    /// Stands for copies until their minute is over, then it is to be delivered.
    Held,
    /// Now in another segment.
    Moved,
}

impl State {
    pub(super) fn word(self) -> u32 {
        match self {
            Self::Writing => 0,
            Self::Waiting => 1,
            Self::Done => 2,
            Self::Dropped(reason) => 3 | (u32::from(reason as u8) << 8),
            Self::Held => 4,
            Self::Moved => 5,
        }
    }

    pub(super) fn of(word: u32) -> Option<Self> {
        Some(match (word & 0xff, word >> 8) {
            (0, 0) => Self::Writing,
            (1, 0) => Self::Waiting,
            (2, 0) => Self::Done,
            (3, reason) => Self::Dropped(
                DiscardReason::ALL
                    .into_iter()
                    .find(|known| *known as u32 == reason)?,
            ),
            (4, 0) => Self::Held,
            (5, 0) => Self::Moved,
            _ => return None,
        })
    }

    /// Whether it is neither delivered nor dropped yet.
    pub(crate) fn is_pending(self) -> bool {
        matches!(self, Self::Waiting | Self::Held)
    }
}

/// What stands before a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// `None`: facts about the process.
    pub(crate) category: Option<Category>,
    pub(crate) id: EventId,
    /// Milliseconds since the Unix epoch.
    pub(crate) captured_at: u64,
    pub(crate) fingerprint: u64,
}

impl Head {
    pub(super) fn bytes(&self, payload: usize, crc: u32) -> [u8; HEAD] {
        let mut out = [0; HEAD];
        let mut put = |at: usize, bytes: &[u8]| {
            if let Some(place) = out.get_mut(at..at + bytes.len()) {
                place.copy_from_slice(bytes);
            }
        };
        put(0, &MAGIC.to_le_bytes());
        put(8, &(payload as u32).to_le_bytes());
        put(12, &crc.to_le_bytes());
        put(16, &self.id.0.to_le_bytes());
        put(32, &self.captured_at.to_le_bytes());
        put(40, &self.fingerprint.to_le_bytes());
        put(48, &[self.category.map_or(0, |c| c as u8), VERSION]);
        put(COPIES, &1u32.to_ne_bytes());
        out
    }

    /// Reads a head, with the payload's length and its sum. `None` for what is none of ours.
    pub(super) fn of(bytes: &[u8; HEAD]) -> Option<(Self, usize, u32)> {
        let u32_at = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        let u64_at = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        if u32_at(0)? != MAGIC || bytes[49] != VERSION {
            return None;
        }
        let payload = u32_at(8)? as usize;
        let category = match bytes[48] {
            0 => None,
            number => Some(
                Category::ALL
                    .into_iter()
                    .find(|known| *known as u8 == number)?,
            ),
        };
        let head = Self {
            category,
            id: EventId(u128::from_le_bytes(bytes[16..32].try_into().ok()?)),
            captured_at: u64_at(32)?,
            fingerprint: u64_at(40)?,
        };
        (payload <= LARGEST).then_some((head, payload, u32_at(12)?))
    }
}

/// The sum over what never changes of a record.
pub(super) struct Sum(crc32fast::Hasher);

impl Sum {
    pub(super) fn of(head: &[u8; HEAD]) -> Self {
        let mut sum = crc32fast::Hasher::new();
        sum.update(&head[8..12]);
        sum.update(&head[16..COPIES]);
        Self(sum)
    }

    pub(super) fn add(&mut self, payload: &[u8]) {
        self.0.update(payload);
    }

    pub(super) fn end(self) -> u32 {
        self.0.finalize()
    }
}

/// Bytes that a record takes, with what is left free behind it.
pub(crate) fn footprint(payload: usize) -> usize {
    (HEAD + payload).next_multiple_of(ALIGN)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Payload = 1,
    Trace = 2,
    Profile = 3,
    AttachmentName = 4,
    AttachmentType = 5,
    Attachment = 6,
}

/// A payload on its way in: slices that are written one after the other.
pub(crate) struct Parts<'a> {
    pieces: Vec<Piece<'a>>,
    bytes: usize,
}

pub(super) enum Piece<'a> {
    Head([u8; 8]),
    Body(&'a [u8]),
}

impl Piece<'_> {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Head(bytes) => bytes,
            Self::Body(bytes) => bytes,
        }
    }
}

impl<'a> Parts<'a> {
    pub(crate) fn of(item: &Item<'a>) -> Self {
        let mut parts = Self::payload(item.payload);
        if let Some(trace) = item.trace {
            parts.add(Kind::Trace, trace.as_bytes());
        }
        if let Some(profile) = item.profile {
            parts.add(Kind::Profile, profile.as_bytes());
        }
        for attachment in item.attachments {
            parts.add(Kind::AttachmentName, attachment.filename.as_bytes());
            if let Some(kind) = attachment.content_type {
                parts.add(Kind::AttachmentType, kind.as_bytes());
            }
            parts.add(Kind::Attachment, attachment.bytes);
        }
        parts
    }

    /// One text alone.
    pub(crate) fn payload(text: &'a str) -> Self {
        let mut parts = Self {
            pieces: Vec::with_capacity(4),
            bytes: 0,
        };
        parts.add(Kind::Payload, text.as_bytes());
        parts
    }

    fn add(&mut self, kind: Kind, body: &'a [u8]) {
        let mut head = [0; 8];
        head[0] = kind as u8;
        // Longer ones are refused as a whole before they are written.
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
        head[4..].copy_from_slice(&length.to_le_bytes());
        self.pieces.push(Piece::Head(head));
        self.pieces.push(Piece::Body(body));
        self.bytes = self.bytes.saturating_add(8).saturating_add(body.len());
    }

    /// Bytes of the payload.
    pub(crate) fn len(&self) -> usize {
        self.bytes
    }

    /// Whether a segment of any size may hold it.
    pub(crate) fn fits(&self) -> bool {
        self.bytes <= LARGEST
    }

    pub(super) fn pieces(&self) -> &[Piece<'a>] {
        &self.pieces
    }
}

/// A record as it was read, its payload checked by its sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) head: Head,
    pub(crate) copies: u32,
    pub(crate) attempts: u32,
    pub(super) payload: Vec<u8>,
}

/// The parts of a payload.
#[derive(Debug, Default)]
pub(crate) struct Contents<'a> {
    pub(crate) payload: &'a str,
    pub(crate) trace: Option<&'a str>,
    pub(crate) profile: Option<&'a str>,
    pub(crate) attachments: Vec<Attachment<'a>>,
}

impl Record {
    /// Bytes of its payload.
    pub(crate) fn bytes(&self) -> usize {
        self.payload.len()
    }

    /// What it holds; `None` when that is nothing that we wrote.
    pub(crate) fn contents(&self) -> Option<Contents<'_>> {
        let mut found = Contents::default();
        let mut rest = self.payload.as_slice();
        let (mut filename, mut content_type) = (None, None);
        while !rest.is_empty() {
            let (head, after) = rest.split_at_checked(8)?;
            let length = u32::from_le_bytes(head[4..].try_into().ok()?) as usize;
            let (body, after) = after.split_at_checked(length)?;
            rest = after;
            let text = || std::str::from_utf8(body).ok();
            let is = |kind: Kind| head[0] == kind as u8;
            if is(Kind::Payload) {
                found.payload = text()?;
            } else if is(Kind::Trace) {
                found.trace = Some(text()?);
            } else if is(Kind::Profile) {
                found.profile = Some(text()?);
            } else if is(Kind::AttachmentName) {
                filename = Some(text()?);
            } else if is(Kind::AttachmentType) {
                content_type = Some(text()?);
            } else if is(Kind::Attachment) {
                found.attachments.push(Attachment {
                    filename: filename.take()?,
                    content_type: content_type.take(),
                    bytes: body,
                });
            }
        }
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_read_as_they_are_written() {
        let mut states = vec![
            State::Writing,
            State::Waiting,
            State::Done,
            State::Held,
            State::Moved,
        ];
        states.extend(DiscardReason::ALL.map(State::Dropped));
        for state in states {
            assert_eq!(State::of(state.word()), Some(state));
        }
        for word in [6, 1 << 8, 3, 3 | (200 << 8), u32::MAX] {
            assert_eq!(State::of(word), None, "{word}");
        }
    }

    #[test]
    fn a_head_is_read_as_it_is_written() {
        let head = Head {
            category: Some(Category::CheckIn),
            id: EventId(7 << 100),
            captured_at: 123,
            fingerprint: u64::MAX,
        };
        assert_eq!(Head::of(&head.bytes(77, 5)), Some((head, 77, 5)));
        let mut bytes = head.bytes(77, 5);
        bytes[48] = 99;
        assert_eq!(Head::of(&bytes), None);
        assert_eq!(Head::of(&[0; HEAD]), None);
    }

    #[test]
    fn parts_are_read_as_they_are_written() {
        let item = Item {
            category: Category::Transaction,
            id: EventId(1),
            payload: "{\"a\":1}",
            trace: Some("{}"),
            attachments: &[
                Attachment {
                    filename: "a.txt",
                    content_type: Some("text/plain"),
                    bytes: b"abc",
                },
                Attachment {
                    filename: "b",
                    content_type: None,
                    bytes: b"",
                },
            ],
            profile: Some("{\"p\":1}"),
        };
        let parts = Parts::of(&item);
        let payload: Vec<u8> = parts
            .pieces()
            .iter()
            .flat_map(|piece| piece.bytes().to_vec())
            .collect();
        assert_eq!(payload.len(), parts.len());
        let mut record = Record {
            head: Head {
                category: Some(item.category),
                id: item.id,
                captured_at: 0,
                fingerprint: 0,
            },
            copies: 1,
            attempts: 0,
            payload,
        };
        let contents = record.contents().unwrap();
        assert_eq!(contents.payload, item.payload);
        assert_eq!(
            (contents.trace, contents.profile),
            (item.trace, item.profile)
        );
        assert_eq!(contents.attachments.len(), 2);
        assert_eq!(contents.attachments[0].content_type, Some("text/plain"));
        assert_eq!(contents.attachments[1].content_type, None);
        record.payload.pop();
        record.payload.push(1);
        record.payload.push(1);
        assert!(record.contents().is_none());
    }
}
