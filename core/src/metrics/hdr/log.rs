//! Interval logs: a histogram a line, with times and tags, as Java's `HistogramLogWriter` writes
//! and its `HistogramLogReader` and `HistogramLogProcessor` read them.
//!
//! The `hdrhistogram` crate reads such logs too, but forgets their comments and refuses a last line
//! without an end; a log is kept whole here.

use std::fmt;
use std::io::{Read, Write};
use std::time::Duration;

use super::decimal::Decimal;
use super::interval::{Context, Interval};
use super::{Conversion, Fault};
use crate::error::{Error, ErrorKind};
use crate::metrics::distribution::Distribution;

/// The longest log that is read: 64 MiB, months of one interval a minute.
pub const MAX_LOG_BYTES: usize = 64 << 20;
/// The most lines of a log that is read. Each takes some 120 bytes beside its text.
pub const MAX_LOG_LINES: usize = 1_000_000;

const START_TIME: &str = "[StartTime: ";
const BASE_TIME: &str = "[BaseTime: ";
const MAX_DIVISOR: &str = "[MaxValueDivisor: ";
const TIME_REST: &str = " (seconds since epoch)]";
const LEGEND: &str =
    "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"";

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogEntry {
    /// A comment, without its `#`.
    Comment(Box<str>),
    /// When what the log is about began, since the epoch, and the rest of that line.
    StartTime(Duration, Box<str>),
    /// What the times of the intervals count from, since the epoch, and the rest of that line.
    BaseTime(Duration, Box<str>),
    /// The names of the columns.
    Legend(Box<str>),
    /// An interval.
    Interval(Interval),
}

/// The line without its end.
impl fmt::Display for LogEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Comment(text) => write!(f, "#{text}"),
            Self::StartTime(at, rest) => write!(f, "#{START_TIME}{}{rest}", Decimal::from(*at)),
            Self::BaseTime(at, rest) => write!(f, "#{BASE_TIME}{}{rest}", Decimal::from(*at)),
            Self::Legend(text) => f.write_str(text),
            Self::Interval(interval) => interval.fmt(f),
        }
    }
}

/// A log in memory.
///
/// One that was read is written back with every line in its place and every payload byte for byte,
/// whatever configuration its histograms have: only line ends become `\n`, empty lines go, and
/// numbers are written with three places, or up to nine where they have more.
///
/// ```
/// # fn main() -> Result<(), tallylight::Error> {
/// use std::time::Duration;
/// use tallylight::metrics::{Distribution, hdr::IntervalLog};
///
/// let mut latencies = Distribution::new();
/// latencies.record(240_000_000);
/// let start = Duration::from_secs(1_700_000_000);
/// let mut log = IntervalLog::starting(start);
/// log.record(Some("analyze"), start, Duration::from_secs(1), &latencies)?;
///
/// let back = IntervalLog::parse(log.to_string().as_bytes())?;
/// assert_eq!(back, log);
/// let all = back.sum(|interval| interval.tag() == Some("analyze"))?;
/// assert_eq!((all.count(), all.max()), (1, 240_000_000));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IntervalLog {
    entries: Vec<LogEntry>,
    context: Context,
}

impl IntervalLog {
    /// A log without a line.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A log with the usual head, of something that started at a time since the epoch.
    #[must_use]
    pub fn starting(start: Duration) -> Self {
        let mut log = Self::new();
        let version = env!("CARGO_PKG_VERSION");
        log.comment(&format!("[Logged with Tallylight {version}]"));
        log.comment("[Histogram log format version 1.3]");
        log.push(LogEntry::StartTime(start, TIME_REST.into()));
        // The word of the Rust and C libraries; without it nobody knows the unit of the maximum.
        log.comment(&format!("{MAX_DIVISOR}1000000.000]"));
        log.push(LogEntry::Legend(LEGEND.into()));
        log
    }

    /// The lines, in order.
    #[must_use]
    pub fn entries(&self) -> &[LogEntry] {
        &self.entries
    }

    /// The intervals, in order.
    pub fn intervals(&self) -> impl Iterator<Item = &Interval> {
        self.entries.iter().filter_map(|entry| match entry {
            LogEntry::Interval(interval) => Some(interval),
            _ => None,
        })
    }

    /// Adds a line; what it says holds for the intervals after it.
    fn push(&mut self, entry: LogEntry) {
        match &entry {
            LogEntry::StartTime(at, _) => self.context.start = Some((*at).into()),
            LogEntry::BaseTime(at, _) => self.context.base = Some((*at).into()),
            LogEntry::Comment(text) => {
                if let Some(divisor) = max_divisor(text) {
                    self.context.max_divisor = Some(divisor);
                }
            }
            LogEntry::Legend(_) | LogEntry::Interval(_) => {}
        }
        self.entries.push(entry);
    }

    /// Has the times of the intervals recorded from now on count from a time since the epoch.
    pub fn base_time(&mut self, base: Duration) {
        self.push(LogEntry::BaseTime(base, TIME_REST.into()));
    }

    /// Adds a comment, one for each line of the text. One that would read as a time of the log
    /// gets a space before it.
    pub fn comment(&mut self, text: &str) {
        for line in text.split('\n') {
            let line = line.trim_end_matches('\r').replace('\r', " ");
            let is_time = line.starts_with(START_TIME) || line.starts_with(BASE_TIME);
            let space = if is_time { " " } else { "" };
            self.push(LogEntry::Comment(format!("{space}{line}").into()));
        }
    }

    /// Adds what was recorded in the interval of that length that started at a time since the
    /// epoch. The line's maximum is in millionths, milliseconds of nanoseconds.
    ///
    /// # Errors
    /// `invalid_label` for a tag with commas or spaces, `invalid_value` for an interval before the
    /// log's base time or one with more values than an HdrHistogram counts.
    pub fn record(
        &mut self,
        tag: Option<&str>,
        started: Duration,
        length: Duration,
        distribution: &Distribution,
    ) -> Result<(), Error> {
        let interval = Interval::new(tag, started, length, distribution, &self.context)?;
        self.push(LogEntry::Interval(interval));
        Ok(())
    }

    /// The counts of all intervals that `wanted` picks, in our buckets: those of a foreign
    /// configuration are put into them as [`Interval::distribution`] does.
    ///
    /// # Errors
    /// `invalid_value` when they count more than 2^63 - 1 values.
    pub fn sum(&self, wanted: impl Fn(&Interval) -> bool) -> Result<Distribution, Error> {
        let (mut sum, mut total) = (Distribution::new(), 0);
        for interval in self.intervals().filter(|interval| wanted(interval)) {
            let Conversion { distribution, .. } = interval.distribution()?;
            total = super::add_total(total, distribution.count()).ok_or_else(super::too_many)?;
            sum.merge(&distribution);
        }
        Ok(sum)
    }

    /// Reads a log from its bytes.
    ///
    /// # Errors
    /// `parse`, naming the line, for what is no log, is longer than [`MAX_LOG_BYTES`] or has more
    /// than [`MAX_LOG_LINES`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_LOG_BYTES {
            return Err(too_long());
        }
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let at = error.valid_up_to();
            let before = bytes.get(..at).unwrap_or_default();
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
            Fault::new(format!("byte {at} of the log"), "text that is not UTF-8").on_line(line)
        })?;
        let mut log = Self::new();
        for (index, line) in text.lines().enumerate() {
            if index == MAX_LOG_LINES {
                return Err(too_long());
            }
            let line = line.trim_end_matches('\r');
            if line.is_empty() {
                continue;
            }
            let entry = log.entry(line).map_err(|fault| fault.on_line(index + 1))?;
            log.push(entry);
        }
        Ok(log)
    }

    fn entry(&self, line: &str) -> Result<LogEntry, Fault> {
        if line.starts_with('"') {
            return Ok(LogEntry::Legend(line.into()));
        }
        let Some(comment) = line.strip_prefix('#') else {
            return Interval::parse(line, &self.context).map(LogEntry::Interval);
        };
        if let Some(stamp) = comment.strip_prefix(START_TIME) {
            let (at, rest) = time(stamp, "start time")?;
            return Ok(LogEntry::StartTime(at, rest));
        }
        if let Some(stamp) = comment.strip_prefix(BASE_TIME) {
            let (at, rest) = time(stamp, "base time")?;
            return Ok(LogEntry::BaseTime(at, rest));
        }
        Ok(LogEntry::Comment(comment.into()))
    }

    /// Reads a log to its end.
    ///
    /// # Errors
    /// `io` when reading fails, else as [`Self::parse`].
    pub fn read(reader: impl Read) -> Result<Self, Error> {
        let mut bytes = Vec::new();
        reader
            .take(MAX_LOG_BYTES as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| {
                Error::new(
                    ErrorKind::Io,
                    format!("the interval log could not be read: {error}; check the file"),
                )
                .with_source(error)
            })?;
        Self::parse(&bytes)
    }

    /// Writes the log.
    ///
    /// # Errors
    /// `io` when writing fails.
    pub fn write(&self, mut writer: impl Write) -> Result<(), Error> {
        self.entries
            .iter()
            .try_for_each(|entry| writeln!(writer, "{entry}"))
            .and_then(|()| writer.flush())
            .map_err(|error| {
                Error::new(
                    ErrorKind::Io,
                    format!("the interval log could not be written: {error}; check the disk"),
                )
                .with_source(error)
            })
    }
}

/// The text of the log.
impl fmt::Display for IntervalLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entries
            .iter()
            .try_for_each(|entry| writeln!(f, "{entry}"))
    }
}

/// A time of the log and what follows it on its line.
fn time(stamp: &str, what: &str) -> Result<(Duration, Box<str>), Fault> {
    let end = stamp
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(stamp.len());
    let (number, rest) = stamp.split_at(end);
    let at = Decimal::parse(number)
        .ok_or_else(|| Fault::new(format!("its {what}"), "no number of seconds"))?;
    Ok((at.into(), rest.into()))
}

fn max_divisor(comment: &str) -> Option<Decimal> {
    Decimal::parse(comment.strip_prefix(MAX_DIVISOR)?.strip_suffix(']')?)
}

fn too_long() -> Error {
    Error::new(
        ErrorKind::Parse,
        format!(
            "an interval log of more than {MAX_LOG_BYTES} bytes or line {MAX_LOG_LINES}; split it"
        ),
    )
}
