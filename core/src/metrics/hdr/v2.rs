//! HdrHistogram's V2 form: a header, then the counts as zig-zag LEB128 numbers in which a negative
//! one skips that many empty buckets; compressed, the whole of it within zlib and a header of two
//! words.
//!
//! This is the format of Java's `AbstractHistogram.encodeIntoByteBuffer` and
//! `encodeIntoCompressedByteBuffer`. Everything a header declares is checked before memory is taken
//! for it.

use std::borrow::Cow;

use super::{Conversion, Fault, add_total, inflate};
use crate::metrics::layout;

const COOKIE: u32 = 0x1c84_9313;
const COMPRESSED_COOKIE: u32 = 0x1c84_9314;
/// V0, V1 and their compressed forms, without the bits that tell the word size.
const OLD_COOKIES: [u32; 4] = [0x1c84_9301, 0x1c84_9302, 0x1c84_9308, 0x1c84_9309];
const HEADER_BYTES: usize = 40;
/// A LEB128 number of this format is at most this long: its ninth byte is a whole one.
const MAX_NUMBER_BYTES: usize = 9;

/// How an HdrHistogram is configured: what it can tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Configuration {
    /// The lowest value that is told from 0.
    pub lowest: u64,
    /// The highest value it was made for.
    pub highest: u64,
    /// Decimal digits that it keeps apart.
    pub significant_digits: u8,
}

impl Configuration {
    /// Ours: the buckets of [`layout`].
    pub const OWN: Self = Self {
        lowest: 1,
        highest: layout::MAX_VALUE,
        significant_digits: 2,
    };

    /// Whether its buckets are ours, up to the highest that both have.
    #[must_use]
    pub const fn has_our_buckets(&self) -> bool {
        self.lowest == Self::OWN.lowest && self.significant_digits == Self::OWN.significant_digits
    }
}

/// The buckets of a configuration.
#[derive(Debug, Clone, Copy)]
struct Shape {
    /// Values are told apart in units of this power of two.
    unit_bits: u32,
    /// Half the buckets of the first octaves, as a power of two: each further octave has as many.
    half_bits: u32,
    buckets: usize,
}

impl Shape {
    /// `None` for what HdrHistogram refuses.
    fn of(configuration: Configuration) -> Option<Self> {
        let Configuration {
            lowest,
            highest,
            significant_digits,
        } = configuration;
        let lowest_fits = (1..=u64::MAX / 2).contains(&lowest);
        if !lowest_fits || highest < 2 * lowest || significant_digits > 5 {
            return None;
        }
        // The rounding of HdrHistogram's own logarithm, so that both have the same buckets.
        let unit_bits = (lowest as f64).log2().floor() as u32;
        let unit_resolution_to = 2 * 10_u32.pow(u32::from(significant_digits));
        let half_bits = unit_resolution_to.next_power_of_two().trailing_zeros() - 1;
        if unit_bits + half_bits + 1 > 63 {
            return None;
        }
        let first_bits = unit_bits + half_bits + 1;
        let highest_bits = 64 - highest.leading_zeros();
        let octaves = highest_bits.saturating_sub(first_bits) as usize + 1;
        Some(Self {
            unit_bits,
            half_bits,
            buckets: (octaves + 1) << half_bits,
        })
    }

    /// The lowest and highest value of a bucket.
    fn range_of(self, index: usize) -> (u64, u64) {
        let half = 1_usize << self.half_bits;
        let octave = (index >> self.half_bits).saturating_sub(1);
        let cell = if index < half {
            index
        } else {
            (index & (half - 1)) + half
        };
        let shift = self.unit_bits + octave as u32;
        let lowest = (cell as u64) << shift;
        (lowest, lowest | ((1 << shift) - 1))
    }
}

/// A histogram whose header was checked, not decoded yet.
pub(super) struct Encoded<'a> {
    configuration: Configuration,
    shape: Shape,
    /// The header and the numbers, as they are without compression.
    plain: Cow<'a, [u8]>,
}

/// Reads the header of a histogram, compressed or not.
pub(super) fn read(bytes: &[u8]) -> Result<Encoded<'_>, Fault> {
    let mut header = Reader::new(bytes, "");
    if !header.is_compressed()? {
        return Encoded::new(Cow::Borrowed(bytes), "");
    }
    let length = header.u32()? as usize;
    let zlib = &bytes[header.at..];
    if zlib.len() != length {
        return Err(header.fault(4, declared(length, zlib.len())));
    }
    // The inner header tells how much there is to inflate; before, it has to be sound.
    let head = inflate::prefix(zlib, HEADER_BYTES)?;
    let header = Header::read(&head, INFLATED)?;
    let plain = inflate::exactly(zlib, HEADER_BYTES + header.payload)?;
    Encoded::new(Cow::Owned(plain), INFLATED)
}

/// Where a byte is that was counted after inflating.
const INFLATED: &str = " of what it inflates to";

fn declared(length: usize, follow: usize) -> String {
    format!("its header declares {length} bytes and {follow} follow")
}

struct Header {
    configuration: Configuration,
    shape: Shape,
    payload: usize,
}

impl Header {
    fn read(bytes: &[u8], of: &'static str) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes, of);
        if reader.is_compressed()? {
            return Err(reader.fault(0, "a compressed histogram within a compressed one"));
        }
        let payload = reader.u32()? as usize;
        if reader.u32()? != 0 {
            return Err(reader.fault(8, "a shifted histogram, which is not supported"));
        }
        let digits = reader.u32()?;
        let configuration = Configuration {
            lowest: reader.u64()?,
            highest: reader.u64()?,
            significant_digits: u8::try_from(digits).unwrap_or(u8::MAX),
        };
        if f64::from_bits(reader.u64()?) != 1.0 {
            return Err(reader.fault(32, "a scaled histogram of floats, which is not supported"));
        }
        let shape = Shape::of(configuration)
            .ok_or_else(|| reader.fault(12, "a configuration that no HdrHistogram can have"))?;
        if payload > shape.buckets * MAX_NUMBER_BYTES {
            return Err(reader.fault(
                4,
                format!("{payload} bytes declared for {} buckets", shape.buckets),
            ));
        }
        Ok(Self {
            configuration,
            shape,
            payload,
        })
    }
}

impl<'a> Encoded<'a> {
    fn new(plain: Cow<'a, [u8]>, of: &'static str) -> Result<Self, Fault> {
        let header = Header::read(&plain, of)?;
        let encoded = Self {
            configuration: header.configuration,
            shape: header.shape,
            plain,
        };
        let numbers = encoded.plain.len() - HEADER_BYTES;
        if numbers != header.payload {
            let what = declared(header.payload, numbers);
            return Err(Reader::new(&encoded.plain, of).fault(4, what));
        }
        encoded.counts(|_, _| ())?;
        Ok(encoded)
    }

    /// The bytes without compression, fit for the `hdrhistogram` crate.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.plain
    }

    /// The counts in our buckets.
    pub(super) fn convert(&self) -> Result<Conversion, Fault> {
        let mut conversion = Conversion::new(self.configuration);
        self.counts(|index, count| {
            let (lowest, highest) = self.shape.range_of(index);
            conversion.add(lowest, highest, count);
        })?;
        Ok(conversion)
    }

    /// Each bucket that counts something, ascending.
    fn counts(&self, mut each: impl FnMut(usize, u64)) -> Result<(), Fault> {
        let mut reader = Reader::new(&self.plain, "");
        reader.at = HEADER_BYTES;
        let (mut index, mut total) = (0_usize, 0_u64);
        while reader.at < self.plain.len() {
            let at = reader.at;
            let number = reader.zig_zag()?;
            let step = match u64::try_from(number) {
                Err(_) => usize::try_from(number.unsigned_abs()).unwrap_or(usize::MAX),
                Ok(count) => {
                    if count > 0 && index < self.shape.buckets {
                        total = add_total(total, count)
                            .ok_or_else(|| reader.fault(at, "more than 2^63 - 1 values"))?;
                        each(index, count);
                    }
                    1
                }
            };
            index = index.saturating_add(step);
            if index > self.shape.buckets {
                return Err(reader.fault(
                    at,
                    format!("counts beyond its {} buckets", self.shape.buckets),
                ));
            }
        }
        Ok(())
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// What the bytes are, for faults.
    of: &'static str,
}

impl<'a> Reader<'a> {
    const fn new(bytes: &'a [u8], of: &'static str) -> Self {
        Self { bytes, at: 0, of }
    }

    fn fault(&self, at: usize, what: impl Into<String>) -> Fault {
        Fault::new(format!("byte {at}{}", self.of), what)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        match rest.first_chunk::<N>() {
            Some(bytes) => {
                self.at += N;
                Ok(*bytes)
            }
            None => Err(self.fault(self.bytes.len(), "it is cut")),
        }
    }

    fn u32(&mut self) -> Result<u32, Fault> {
        self.array().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Result<u64, Fault> {
        self.array().map(u64::from_be_bytes)
    }

    /// Which of the two cookies of V2 is next.
    fn is_compressed(&mut self) -> Result<bool, Fault> {
        let cookie = self.u32()?;
        if cookie == COOKIE || cookie == COMPRESSED_COOKIE {
            return Ok(cookie == COMPRESSED_COOKIE);
        }
        let what = if OLD_COOKIES.contains(&(cookie & !0xf0)) {
            format!("the cookie {cookie:#010x} of the older form V0 or V1, which is not supported")
        } else {
            format!("the cookie {cookie:#010x} is none of V2's")
        };
        Err(self.fault(0, what))
    }

    /// A number of seven bits a byte, lowest first, of which a ninth byte has eight; its lowest
    /// bit is the sign.
    fn zig_zag(&mut self) -> Result<i64, Fault> {
        let mut number = 0_u64;
        for place in 0..MAX_NUMBER_BYTES {
            let [byte] = self.array()?;
            let is_ninth = place == MAX_NUMBER_BYTES - 1;
            let bits = if is_ninth { byte } else { byte & 0x7f };
            number |= u64::from(bits) << (7 * place);
            if is_ninth || byte & 0x80 == 0 {
                break;
            }
        }
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hdrhistogram::Histogram;
    use proptest::prelude::*;

    #[test]
    fn our_own_configuration_has_our_buckets() {
        let shape = Shape::of(Configuration::OWN).unwrap();
        assert_eq!(shape.buckets, layout::BUCKETS);
        for index in 0..layout::BUCKETS {
            let range = (layout::lowest_of(index), layout::highest_of(index));
            assert_eq!(shape.range_of(index), range);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_shape_is_the_crates(
            lowest in 1_u64..1_000_000,
            factor in 2_u64..1_000_000_000,
            digits in 0_u8..=4,
            values in prop::collection::vec(any::<u64>(), 1..20),
        ) {
            let configuration =
                Configuration { lowest, highest: lowest * factor, significant_digits: digits };
            let shape = Shape::of(configuration).unwrap();
            let histogram = Histogram::<u64>::new_with_bounds(lowest, lowest * factor, digits).unwrap();
            prop_assert_eq!(shape.buckets, histogram.distinct_values());
            for value in values {
                let index = value as usize % shape.buckets;
                let (low, high) = shape.range_of(index);
                prop_assert_eq!(histogram.lowest_equivalent(low), low);
                prop_assert_eq!(histogram.highest_equivalent(low), high);
            }
        }
    }
}
