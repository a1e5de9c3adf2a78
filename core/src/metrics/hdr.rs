//! Exchange with HdrHistogram: histograms in its V2 form, and its interval logs (`.hlog`).
//!
//! A [`Distribution`] has the buckets of an HdrHistogram with lowest value 1 and two significant
//! digits ([`Configuration::OWN`]), so at that configuration nothing is lost either way: the count
//! of every bucket, and with it every quantile, is equal on both sides. HdrHistogram keeps buckets
//! only, so what it cannot hold comes back from them:
//!
//! - the **sum** as every count times the middle of its bucket, as HdrHistogram's own `mean` does
//!   (exact below 256, within 0.4 % above);
//! - the **maximum** as the highest value of the highest bucket, except from an interval log that
//!   names its `MaxValueDivisor`, as those written here do: its lines carry the exact maximum.
//!
//! A histogram of another configuration is put into our buckets by [`Distribution::from_hdr`] and
//! its relatives, and the [`Conversion`] says so. To keep it as it is, read it with [`decode`], or
//! keep it in its [`IntervalLog`], which writes back the very bytes it read.
//!
//! Bytes from outside are checked here before the `hdrhistogram` crate sees them: its reader
//! allocates whatever length a header declares, up to 4 GiB. Nothing here panics on any input, and
//! what one histogram may take is bounded by HdrHistogram's own largest configuration.
//!
//! ```
//! # fn main() -> Result<(), tallylight::Error> {
//! use tallylight::metrics::Distribution;
//! let mut latencies = Distribution::new();
//! latencies.record(240_000_000);
//!
//! let text = latencies.to_v2_base64()?;
//! let back = Distribution::from_v2_base64(&text)?;
//! assert!(back.is_lossless());
//! assert!(back.distribution.buckets().eq(latencies.buckets()));
//! # Ok(())
//! # }
//! ```

mod base64;
mod decimal;
mod inflate;
mod interval;
mod log;
mod v2;

use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};

pub use hdrhistogram;
pub use interval::Interval;
pub use log::{IntervalLog, LogEntry, MAX_LOG_BYTES, MAX_LOG_LINES};
pub use v2::Configuration;

use super::distribution::Distribution;
use super::layout;
use crate::error::{Error, ErrorKind};

/// What is wrong with bytes from outside, and where.
#[derive(Debug)]
struct Fault {
    place: String,
    what: String,
}

impl Fault {
    fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            what: what.into(),
        }
    }

    fn of_histogram(self) -> Error {
        Error::new(
            ErrorKind::Parse,
            format!(
                "no histogram in HdrHistogram's V2 form: {}, at {}; check that it is whole and comes from such an encoder",
                self.what, self.place
            ),
        )
    }

    fn on_line(self, line: usize) -> Error {
        Error::new(
            ErrorKind::Parse,
            format!(
                "line {line} of the interval log: {}, at {}; check that the log is whole",
                self.what, self.place
            ),
        )
    }
}

/// A histogram as a [`Distribution`], and what the change of form did to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversion {
    /// The counts in our buckets.
    pub distribution: Distribution,
    /// How the histogram was configured.
    pub configuration: Configuration,
    /// Whether its buckets were others than ours. Counts then stand in the bucket that holds the
    /// highest value of theirs, so that quantiles are those of the histogram within our 0.8 %.
    pub rebucketed: bool,
    /// Counts above [`layout::MAX_VALUE`], which stand in the bucket of that.
    pub clamped: u64,
}

impl Conversion {
    /// Whether every bucket has the count it had.
    #[must_use]
    pub const fn is_lossless(&self) -> bool {
        !self.rebucketed && self.clamped == 0
    }

    fn new(configuration: Configuration) -> Self {
        Self {
            distribution: Distribution::new(),
            configuration,
            rebucketed: !configuration.has_our_buckets(),
            clamped: 0,
        }
    }

    /// Adds a bucket of theirs.
    fn add(&mut self, lowest: u64, highest: u64, count: u64) {
        let kept = highest.min(layout::MAX_VALUE);
        if lowest > layout::MAX_VALUE {
            self.clamped += count;
        }
        let middle = lowest + (highest - lowest).div_ceil(2);
        self.distribution
            .add_to_bucket(layout::bucket_index(kept), count);
        let sum = u128::from(middle.min(layout::MAX_VALUE)) * u128::from(count);
        self.distribution.add_totals(sum, kept);
    }
}

/// The most that one histogram may count, HdrHistogram's own limit (a Java `long`).
const MAX_TOTAL: u64 = i64::MAX as u64;

/// Adds to a total, up to [`MAX_TOTAL`].
fn add_total(total: u64, count: u64) -> Option<u64> {
    total.checked_add(count).filter(|sum| *sum <= MAX_TOTAL)
}

impl Distribution {
    /// The same counts as an HdrHistogram of configuration [`Configuration::OWN`].
    ///
    /// # Errors
    /// `invalid_value` when it counts more than an HdrHistogram can (2^63 - 1).
    pub fn to_hdr(&self) -> Result<Histogram<u64>, Error> {
        let own = Configuration::OWN;
        let mut histogram =
            Histogram::new_with_bounds(own.lowest, own.highest, own.significant_digits)
                .map_err(|error| internal(error.to_string()))?;
        let mut total = 0;
        for (index, count) in self.buckets() {
            total = add_total(total, count).ok_or_else(too_many)?;
            histogram
                .record_n(layout::lowest_of(index), count)
                .map_err(|error| internal(error.to_string()))?;
        }
        Ok(histogram)
    }

    /// The counts of an HdrHistogram of any configuration, in our buckets.
    ///
    /// # Errors
    /// `invalid_value` when it counts more than 2^63 - 1.
    pub fn from_hdr<C: hdrhistogram::Counter>(
        histogram: &Histogram<C>,
    ) -> Result<Conversion, Error> {
        let mut conversion = Conversion::new(Configuration {
            lowest: histogram.low(),
            highest: histogram.high(),
            significant_digits: histogram.sigfig(),
        });
        let mut total = 0;
        for bucket in histogram.iter_recorded() {
            let count = bucket.count_at_value().as_u64();
            total = add_total(total, count).ok_or_else(too_many)?;
            let highest = bucket.value_iterated_to();
            conversion.add(histogram.lowest_equivalent(highest), highest, count);
        }
        Ok(conversion)
    }

    /// The counts in HdrHistogram's compressed V2 form, which its libraries for every language
    /// read.
    ///
    /// # Errors
    /// As [`Self::to_hdr`].
    pub fn to_v2_compressed(&self) -> Result<Vec<u8>, Error> {
        encode(&self.to_hdr()?)
    }

    /// As [`Self::to_v2_compressed`], in base64, as interval logs hold it.
    ///
    /// # Errors
    /// As [`Self::to_hdr`].
    pub fn to_v2_base64(&self) -> Result<String, Error> {
        Ok(base64::encode(&self.to_v2_compressed()?))
    }

    /// The counts of a histogram in HdrHistogram's V2 form, compressed or not.
    ///
    /// # Errors
    /// `parse`, naming the byte, for anything that is no such histogram.
    pub fn from_v2_compressed(bytes: &[u8]) -> Result<Conversion, Error> {
        v2::read(bytes)
            .and_then(|histogram| histogram.convert())
            .map_err(Fault::of_histogram)
    }

    /// As [`Self::from_v2_compressed`], of base64.
    ///
    /// # Errors
    /// As [`Self::from_v2_compressed`].
    pub fn from_v2_base64(text: &str) -> Result<Conversion, Error> {
        let bytes = base64::decode(text).map_err(Fault::of_histogram)?;
        Self::from_v2_compressed(&bytes)
    }
}

/// Reads a histogram in HdrHistogram's V2 form, compressed or not, and keeps its configuration.
///
/// It may take 50 MB, as much as HdrHistogram's largest configuration does. A
/// [`Distribution::from_v2_compressed`] never does.
///
/// # Errors
/// `parse`, naming the byte, for anything that is no such histogram.
pub fn decode(bytes: &[u8]) -> Result<Histogram<u64>, Error> {
    let checked = v2::read(bytes).map_err(Fault::of_histogram)?;
    Deserializer::new()
        .deserialize(&mut checked.bytes())
        .map_err(|error| {
            Error::new(
                ErrorKind::Parse,
                "no histogram in HdrHistogram's V2 form; check that it comes from such an encoder",
            )
            .with_source(error.to_string())
        })
}

/// Writes a histogram of any configuration in HdrHistogram's compressed V2 form.
///
/// # Errors
/// `invalid_value` when a bucket counts more than 2^63 - 1.
pub fn encode(histogram: &Histogram<u64>) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    match V2DeflateSerializer::new().serialize(histogram, &mut bytes) {
        Ok(_) => Ok(bytes),
        Err(error) => Err(too_many().with_source(error.to_string())),
    }
}

fn too_many() -> Error {
    Error::new(
        ErrorKind::InvalidValue,
        "more values than the 2^63 - 1 that an HdrHistogram counts; keep shorter intervals apart",
    )
}

fn internal(what: String) -> Error {
    Error::new(
        ErrorKind::Internal,
        format!("HdrHistogram refused a bucket of ours: {what}; please report it"),
    )
}
