//! One line of an interval log: a histogram of what was recorded in an interval.

use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;

use super::decimal::Decimal;
use super::{Conversion, Fault, base64, v2};
use crate::error::{Error, ErrorKind};
use crate::metrics::distribution::Distribution;
use crate::metrics::layout;

/// An interval of an [`super::IntervalLog`]. The histogram is kept as it was read, in base64, and
/// decoded when it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interval {
    tag: Option<Box<str>>,
    start: Decimal,
    length: Decimal,
    max: Decimal,
    payload: Box<str>,
    /// What the log's times above this line add to `start`.
    origin: Duration,
    /// What the log says above this line that values were divided by for `max`.
    max_divisor: Option<Decimal>,
}

/// What the lines above an interval say about it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Context {
    pub(super) start: Option<Decimal>,
    pub(super) base: Option<Decimal>,
    pub(super) max_divisor: Option<Decimal>,
}

/// A log whose intervals begin so much before its start counts from its start.
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

impl Context {
    /// What to add to an interval's start for the time since the epoch: the rule of Java's
    /// `HistogramLogReader`.
    fn origin(&self, start: Decimal) -> Duration {
        if let Some(base) = self.base {
            return base.into();
        }
        match self.start.map(Duration::from) {
            Some(log_start) if Duration::from(start) + YEAR < log_start => log_start,
            _ => Duration::ZERO,
        }
    }
}

impl Interval {
    /// Reads a line without its end.
    pub(super) fn parse(line: &str, context: &Context) -> Result<Self, Fault> {
        let (tag, rest) = match line.strip_prefix("Tag=") {
            None => (None, line),
            Some(tagged) => {
                let (tag, rest) = tagged
                    .split_once(',')
                    .ok_or_else(|| Fault::new("its tag", "an interval of a tag alone"))?;
                (Some(tag.into()), rest)
            }
        };
        let mut fields = rest.splitn(4, ',');
        let mut number = |name: &str| {
            let text = fields.next().unwrap_or_default();
            Decimal::parse(text).ok_or_else(|| {
                let shown: String = text.chars().take(40).collect();
                Fault::new(format!("its {name}"), format!("{shown:?} is no number"))
            })
        };
        let (start, length, max) = (number("start")?, number("length")?, number("maximum")?);
        let payload = fields
            .next()
            .ok_or_else(|| Fault::new("its histogram", "an interval without one"))?;
        v2::read(&base64::decode(payload)?)?;
        Ok(Self {
            tag,
            start,
            length,
            max,
            payload: payload.into(),
            origin: context.origin(start),
            max_divisor: context.max_divisor,
        })
    }

    /// An interval of our own, its maximum in millionths.
    pub(super) fn new(
        tag: Option<&str>,
        started: Duration,
        length: Duration,
        distribution: &Distribution,
        context: &Context,
    ) -> Result<Self, Error> {
        if let Some(tag) = tag {
            check_tag(tag)?;
        }
        let base = context.base.map_or(Duration::ZERO, Duration::from);
        let start = started.checked_sub(base).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidValue,
                "the interval starts before the log's base time; give both as times since the epoch",
            )
        })?;
        let start = Decimal::from(start);
        Ok(Self {
            tag: tag.map(Box::from),
            start,
            length: length.into(),
            max: Decimal::of_millionths(distribution.max()),
            payload: distribution.to_v2_base64()?.into(),
            origin: context.origin(start),
            max_divisor: context.max_divisor,
        })
    }

    /// Its tag.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// When it started, as the line says: since the log's base time, its start or the epoch.
    #[must_use]
    pub fn start(&self) -> Duration {
        self.start.into()
    }

    /// When it started, since the epoch. Without a base time, a start that is more than a year
    /// before the log's is one since the log's start, as Java's `HistogramLogReader` has it.
    #[must_use]
    pub fn started(&self) -> Duration {
        self.origin.saturating_add(self.start.into())
    }

    /// How long it was.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.length.into()
    }

    /// Its maximum as the line says, in the log's own unit.
    #[must_use]
    pub fn max(&self) -> f64 {
        self.max.as_f64()
    }

    /// Its histogram as the line holds it: V2 in base64.
    #[must_use]
    pub fn payload(&self) -> &str {
        &self.payload
    }

    /// Its histogram in its own configuration. It may take 50 MB; see [`super::decode`].
    ///
    /// # Errors
    /// `parse` in a case the checks of reading let through; none is known.
    pub fn histogram(&self) -> Result<Histogram<u64>, Error> {
        super::decode(&base64::decode(&self.payload).map_err(Fault::of_histogram)?)
    }

    /// Its counts in our buckets. Where the log names its `MaxValueDivisor` and the line's maximum
    /// falls into the highest bucket, the maximum is the line's.
    ///
    /// # Errors
    /// As [`Self::histogram`].
    pub fn distribution(&self) -> Result<Conversion, Error> {
        let mut conversion = Distribution::from_v2_base64(&self.payload)?;
        let exact = self
            .max_divisor
            .and_then(|divisor| self.max.times(divisor))
            .filter(|max| {
                let known = conversion.distribution.max();
                *max <= layout::MAX_VALUE
                    && layout::bucket_index(*max) == layout::bucket_index(known)
            });
        if let Some(max) = exact {
            conversion.distribution.bound_max(max);
        }
        Ok(conversion)
    }
}

fn check_tag(tag: &str) -> Result<(), Error> {
    let unfit = |c: char| c == ',' || c.is_whitespace() || c.is_control();
    if tag.is_empty() || tag.chars().any(unfit) {
        let shown: String = tag.chars().take(40).collect();
        return Err(Error::new(
            ErrorKind::InvalidLabel,
            format!("{shown:?} cannot be a tag; use text without commas, spaces and line ends"),
        ));
    }
    Ok(())
}

/// The line without its end.
impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(tag) = &self.tag {
            write!(f, "Tag={tag},")?;
        }
        write!(
            f,
            "{},{},{},{}",
            self.start, self.length, self.max, self.payload
        )
    }
}
