//! What enters the pipeline, and what became of it.

use std::fmt;

use serde::Serialize;

use crate::error::{Error, ErrorKind};

/// What kind of thing is sent: the categories by which a server limits its rate and by which what
/// was not sent is reported. Source: <https://develop.sentry.dev/sdk/expected-features/rate-limiting/>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Category {
    /// An error or a message.
    Error = 1,
    /// A transaction with its spans.
    Transaction = 2,
    /// A profile of a transaction.
    Profile = 3,
    /// A check-in of a monitor.
    #[serde(rename = "monitor")]
    CheckIn = 4,
    /// A session of release health, or many of them added up.
    Session = 5,
    /// A file beside an event.
    Attachment = 6,
}

impl Category {
    /// Every category.
    pub const ALL: [Self; 6] = [
        Self::Error,
        Self::Transaction,
        Self::Profile,
        Self::CheckIn,
        Self::Session,
        Self::Attachment,
    ];

    /// The name in rate limits and client reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Transaction => "transaction",
            Self::Profile => "profile",
            Self::CheckIn => "monitor",
            Self::Session => "session",
            Self::Attachment => "attachment",
        }
    }

    /// The category of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }
}

/// Why something that was captured is not delivered. The names of client reports where there is
/// one; source: <https://develop.sentry.dev/sdk/telemetry/client-reports/>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum DiscardReason {
    /// Memory holds no more (there is no disk, or it is full).
    QueueOverflow = 1,
    /// The spool holds no more.
    CacheOverflow = 2,
    /// Nobody could deliver it while it was young enough.
    TooOld = 3,
    /// The server refused it for good (a 4xx other than 429).
    SendError = 4,
    /// It was not in the sample.
    SampleRate = 5,
    /// `beforeSend` answered nothing.
    BeforeSend = 6,
    /// `ignoreErrors` names it, or it was captured already.
    EventProcessor = 7,
    /// A copy of an event that stands for it and carries the count.
    Storm = 8,
    /// It is larger than a server takes, even cut.
    TooLarge = 9,
    /// After `shutdown`, or in a child that cannot take part.
    Closed = 10,
    /// The spool's file was damaged there.
    Corrupt = 11,
    /// A fault of ours that was contained.
    InternalSdkError = 12,
    /// It is no JSON object, or what must be in it is missing.
    Invalid = 13,
    /// A profile or attachment that the server wanted none of when its event was sent. Only in
    /// client reports: the event itself arrived.
    #[serde(rename = "ratelimit_backoff")]
    RateLimited = 14,
}

impl DiscardReason {
    /// Every reason.
    pub const ALL: [Self; 14] = [
        Self::QueueOverflow,
        Self::CacheOverflow,
        Self::TooOld,
        Self::SendError,
        Self::SampleRate,
        Self::BeforeSend,
        Self::EventProcessor,
        Self::Storm,
        Self::TooLarge,
        Self::Closed,
        Self::Corrupt,
        Self::InternalSdkError,
        Self::Invalid,
        Self::RateLimited,
    ];

    /// The name in `Delivery` and in the status document.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::QueueOverflow => "queue_overflow",
            Self::CacheOverflow => "cache_overflow",
            Self::TooOld => "too_old",
            Self::SendError => "send_error",
            Self::SampleRate => "sample_rate",
            Self::BeforeSend => "before_send",
            Self::EventProcessor => "event_processor",
            Self::Storm => "storm",
            Self::TooLarge => "too_large",
            Self::Closed => "closed",
            Self::Corrupt => "corrupt",
            Self::InternalSdkError => "internal_sdk_error",
            Self::Invalid => "invalid",
            Self::RateLimited => "ratelimit_backoff",
        }
    }

    /// The reason of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }
}

/// The id of an event: 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId(pub u128);

impl EventId {
    /// Reads 32 hexadecimal digits, with or without the dashes of a UUID.
    ///
    /// # Errors
    /// `invalid_value` for anything else.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut id = 0u128;
        let mut digits = 0;
        for c in text.chars().filter(|c| *c != '-') {
            let digit = c.to_digit(16).filter(|_| digits < 32);
            let Some(digit) = digit else {
                digits = 0;
                break;
            };
            id = (id << 4) | u128::from(digit);
            digits += 1;
        }
        if digits == 32 {
            return Ok(Self(id));
        }
        Err(Error::new(
            ErrorKind::InvalidValue,
            "an event id has 32 hexadecimal digits",
        ))
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A file beside an event.
#[derive(Debug, Clone, Copy)]
pub struct Attachment<'a> {
    /// Its name at the server.
    pub filename: &'a str,
    /// Its media type, `application/octet-stream` otherwise.
    pub content_type: Option<&'a str>,
    /// What it holds.
    pub bytes: &'a [u8],
}

/// Something to deliver.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    /// What it is.
    pub category: Category,
    /// The event's id, which the payload of an event or transaction also holds as `event_id`; of a
    /// check-in its `check_in_id`; of a session its `sid`.
    pub id: EventId,
    /// A JSON object in Sentry's form.
    pub payload: &'a str,
    /// The envelope's `trace` header, a JSON object (the dynamic sampling context).
    pub trace: Option<&'a str>,
    /// Files beside it.
    pub attachments: &'a [Attachment<'a>],
    /// The profile of a transaction, a JSON object; it travels in the same envelope.
    pub profile: Option<&'a str>,
}

/// What became of something that was captured, at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is on disk, and is delivered even when this process dies.
    Spooled,
    /// It waits in memory: the disk took none.
    Queued,
    /// It is not delivered.
    Discarded(DiscardReason),
}

impl Outcome {
    /// `spooled`, `queued`, or the reason.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Spooled => "spooled",
            Self::Queued => "queued",
            Self::Discarded(reason) => reason.name(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_written() {
        let id = EventId::parse("0123456789abcdef0123456789ABCDEF").unwrap();
        assert_eq!(id.to_string(), "0123456789abcdef0123456789abcdef");
        assert_eq!(
            EventId::parse("01234567-89ab-cdef-0123-456789abcdef").unwrap(),
            id
        );
        for text in [
            "",
            "0",
            "g123456789abcdef0123456789abcdef",
            "0123456789abcdef0123456789abcdef0",
        ] {
            assert!(EventId::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for category in Category::ALL {
            assert_eq!(Category::parse(category.name()), Some(category));
        }
        for reason in DiscardReason::ALL {
            assert_eq!(DiscardReason::parse(reason.name()), Some(reason));
        }
    }
}
