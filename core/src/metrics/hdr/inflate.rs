//! Reading zlib (RFC 1950, RFC 1951) with a hard limit on what comes out.
//!
//! The `hdrhistogram` crate inflates too, but not before it has allocated whatever the compressed
//! header asks for, so a header has to be inflated and checked first. The decoder is the canonical
//! one of Mark Adler's `puff`: no tables beyond the code lengths, which is fast enough for
//! histograms of a few hundred bytes.

use super::Fault;

/// Longest code in bits.
const MAX_BITS: usize = 15;
const LENGTH_BASE: [u16; 29] = [
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131,
    163, 195, 227, 258,
];
const LENGTH_EXTRA: [u8; 29] = [
    0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
];
const DISTANCE_BASE: [u16; 30] = [
    1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537,
    2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577,
];
const DISTANCE_EXTRA: [u8; 30] = [
    0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13,
    13,
];
/// The order in which a dynamic block gives the lengths of its length codes.
const CODE_ORDER: [usize; 19] = [
    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
];

/// The first `wanted` bytes of a zlib stream, or all of them when there are fewer.
pub(super) fn prefix(zlib: &[u8], wanted: usize) -> Result<Vec<u8>, Fault> {
    let mut inflater = Inflater::new(zlib, wanted)?;
    match inflater.run() {
        Ok(()) | Err(Stop::Full) => Ok(inflater.out),
        Err(Stop::Bad(what)) => Err(inflater.fault(what)),
    }
}

/// A zlib stream of exactly `length` bytes, its checksum verified.
pub(super) fn exactly(zlib: &[u8], length: usize) -> Result<Vec<u8>, Fault> {
    let mut inflater = Inflater::new(zlib, length)?;
    match inflater.run() {
        Ok(()) => {}
        Err(Stop::Full) => {
            return Err(inflater.fault("it inflates to more than its header declares"));
        }
        Err(Stop::Bad(what)) => return Err(inflater.fault(what)),
    }
    if inflater.out.len() < length {
        return Err(inflater.fault("it inflates to less than its header declares"));
    }
    let rest = zlib.get(inflater.at..).unwrap_or_default();
    match <[u8; 4]>::try_from(rest) {
        Ok(stored) if u32::from_be_bytes(stored) == adler32(&inflater.out) => Ok(inflater.out),
        Ok(_) => Err(inflater.fault("the checksum differs")),
        Err(_) => Err(inflater.fault("the checksum is cut or followed by more")),
    }
}

fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    let (mut low, mut high) = (1_u32, 0_u32);
    // As many as can be added before a sum could overflow.
    for chunk in bytes.chunks(5_552) {
        for byte in chunk {
            low += u32::from(*byte);
            high += low;
        }
        low %= MODULUS;
        high %= MODULUS;
    }
    high << 16 | low
}

/// Why inflating ended early.
enum Stop {
    /// All that was wanted is there, and the stream has more.
    Full,
    Bad(&'static str),
}

struct Inflater<'a> {
    bytes: &'a [u8],
    /// The next byte to take bits from.
    at: usize,
    bits: u32,
    bit_count: u32,
    out: Vec<u8>,
    limit: usize,
}

impl<'a> Inflater<'a> {
    fn new(zlib: &'a [u8], limit: usize) -> Result<Self, Fault> {
        let inflater = Self {
            bytes: zlib,
            at: 2,
            bits: 0,
            bit_count: 0,
            out: Vec::new(),
            limit,
        };
        match zlib {
            // Deflate, no preset dictionary, and a multiple of 31.
            [method, flags, ..]
                if method & 15 == 8
                    && flags & 32 == 0
                    && (u32::from(*method) * 256 + u32::from(*flags)).is_multiple_of(31) =>
            {
                Ok(inflater)
            }
            _ => Err(Fault::new("byte 0 of its zlib stream", "no zlib stream")),
        }
    }

    fn fault(&self, what: &str) -> Fault {
        Fault::new(format!("byte {} of its zlib stream", self.at), what)
    }

    fn run(&mut self) -> Result<(), Stop> {
        loop {
            let last = self.take(1)? == 1;
            match self.take(2)? {
                0 => self.stored()?,
                1 => {
                    let (lengths, distances) = fixed_codes()?;
                    self.compressed(&lengths, &distances)?;
                }
                2 => {
                    let (lengths, distances) = self.dynamic_codes()?;
                    self.compressed(&lengths, &distances)?;
                }
                _ => return Err(Stop::Bad("a block of unknown type")),
            }
            if last {
                return Ok(());
            }
        }
    }

    fn take(&mut self, count: u32) -> Result<u32, Stop> {
        while self.bit_count < count {
            let byte = self
                .bytes
                .get(self.at)
                .ok_or(Stop::Bad("the stream is cut"))?;
            self.at += 1;
            self.bits |= u32::from(*byte) << self.bit_count;
            self.bit_count += 8;
        }
        let value = self.bits & ((1 << count) - 1);
        self.bits >>= count;
        self.bit_count -= count;
        Ok(value)
    }

    fn put(&mut self, byte: u8) -> Result<(), Stop> {
        if self.out.len() == self.limit {
            return Err(Stop::Full);
        }
        self.out.push(byte);
        Ok(())
    }

    fn stored(&mut self) -> Result<(), Stop> {
        // Blocks begin on a byte; fewer than eight bits are held between symbols.
        self.bits = 0;
        self.bit_count = 0;
        let length = self.take(16)?;
        if length != !self.take(16)? & 0xffff {
            return Err(Stop::Bad("the length of a stored block is damaged"));
        }
        for _ in 0..length {
            let byte = self.take(8)?;
            self.put(byte as u8)?;
        }
        Ok(())
    }

    fn symbol(&mut self, code: &Code) -> Result<usize, Stop> {
        let (mut bits, mut first, mut index) = (0_u32, 0_u32, 0_u32);
        for count in &code.counts[1..] {
            bits |= self.take(1)?;
            let count = u32::from(*count);
            if bits < first + count {
                let at = (index + bits - first) as usize;
                let symbol = code.symbols.get(at).ok_or(Stop::Bad("an unused code"))?;
                return Ok(usize::from(*symbol));
            }
            index += count;
            first = (first + count) << 1;
            bits <<= 1;
        }
        Err(Stop::Bad("an unused code"))
    }

    fn compressed(&mut self, lengths: &Code, distances: &Code) -> Result<(), Stop> {
        loop {
            let symbol = self.symbol(lengths)?;
            match symbol {
                0..=255 => self.put(symbol as u8)?,
                256 => return Ok(()),
                _ => {
                    let length = self.base_and_extra(symbol - 257, &LENGTH_BASE, &LENGTH_EXTRA)?;
                    let symbol = self.symbol(distances)?;
                    let back = self.base_and_extra(symbol, &DISTANCE_BASE, &DISTANCE_EXTRA)?;
                    for _ in 0..length {
                        let from = self.out.len().checked_sub(back);
                        let byte = from
                            .and_then(|from| self.out.get(from).copied())
                            .ok_or(Stop::Bad("a distance before the beginning"))?;
                        self.put(byte)?;
                    }
                }
            }
        }
    }

    fn base_and_extra(&mut self, at: usize, base: &[u16], extra: &[u8]) -> Result<usize, Stop> {
        let unknown = Stop::Bad("a length or distance of unknown size");
        let (Some(base), Some(extra)) = (base.get(at), extra.get(at)) else {
            return Err(unknown);
        };
        Ok(usize::from(*base) + self.take(u32::from(*extra))? as usize)
    }

    fn dynamic_codes(&mut self) -> Result<(Code, Code), Stop> {
        let length_count = self.take(5)? as usize + 257;
        let distance_count = self.take(5)? as usize + 1;
        let code_count = self.take(4)? as usize + 4;
        let mut order = [0_u8; 19];
        for at in CODE_ORDER.iter().take(code_count) {
            order[*at] = self.take(3)? as u8;
        }
        let meta = Code::new(&order)?;
        let all = length_count + distance_count;
        let mut sizes: Vec<u8> = Vec::with_capacity(all);
        while sizes.len() < all {
            let symbol = self.symbol(&meta)?;
            let (size, repeat) = match symbol {
                0..=15 => (symbol as u8, 1),
                16 => {
                    let previous = sizes.last().copied();
                    let size = previous.ok_or(Stop::Bad("a repeated size with none before"))?;
                    (size, 3 + self.take(2)?)
                }
                17 => (0, 3 + self.take(3)?),
                _ => (0, 11 + self.take(7)?),
            };
            sizes.extend(std::iter::repeat_n(size, repeat as usize));
        }
        let (Some(lengths), Some(distances)) =
            (sizes.get(..length_count), sizes.get(length_count..all))
        else {
            return Err(Stop::Bad("more code sizes than declared"));
        };
        if sizes.len() > all {
            return Err(Stop::Bad("more code sizes than declared"));
        }
        Ok((Code::new(lengths)?, Code::new(distances)?))
    }
}

/// A canonical Huffman code: how many codes there are of each length, and the symbols in the order
/// of their codes.
struct Code {
    counts: [u16; MAX_BITS + 1],
    symbols: Vec<u16>,
}

impl Code {
    fn new(sizes: &[u8]) -> Result<Self, Stop> {
        let mut counts = [0_u16; MAX_BITS + 1];
        for size in sizes {
            counts[usize::from(*size & 15)] += 1;
        }
        counts[0] = 0;
        // More codes than the lengths have room for would be ambiguous; unused room is not.
        let mut room = 1_i32;
        for count in &counts[1..] {
            room = (room << 1) - i32::from(*count);
            if room < 0 {
                return Err(Stop::Bad("an ambiguous code"));
            }
        }
        let mut symbols: Vec<u16> = (0..sizes.len() as u16)
            .filter(|symbol| sizes[usize::from(*symbol)] > 0)
            .collect();
        symbols.sort_by_key(|symbol| sizes[usize::from(*symbol)]);
        Ok(Self { counts, symbols })
    }
}

fn fixed_codes() -> Result<(Code, Code), Stop> {
    let mut sizes = [8_u8; 288];
    sizes[144..256].fill(9);
    sizes[256..280].fill(7);
    Ok((Code::new(&sizes)?, Code::new(&[5; 30])?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Python's `zlib.compress(b"tallylight " * 4, 0)`: a stored block.
    const STORED: &str = "7801012c00d3ff74616c6c796c696768742074616c6c796c696768742074616c6c796c696768742074616c6c796c69676874208f3f1179";
    /// The same at level 9: a block of fixed codes.
    const FIXED: &str = "78da2b49ccc9a9ccc94ccf28512821c404008f3f1179";
    /// 280 digits of few kinds at level 9: a block of dynamic codes.
    const DYNAMIC: &str = "\
        78da254fc11180300c5a09c28363ffc584aa570d90108a80907480701788180518\
        d7d7153d5cfe8c5674ff64e47577a64c2daaf9a8324c729befa989198acec687eb\
        9456271e4ba46ad6da8fb7770e782186b85da2d4f2786f3f668f1d2d8bb5ac79e2\
        026eb070098208d9d2c2fc79e945bcd7db25939ad1bbc07bdee5fc01580c373e";
    const DIGITS: &str = "\
        0901033320030229031090100070202070337010031027001017270119372903022017\
        1037007213030199920070007702719131790270770203197072312107799139000790\
        0710000301010901100017011313300121201017092000200037270730702912010001\
        0011029100709093097020100929030217301921000190120102717370000000701197";

    fn bytes_of(hex: &str) -> Vec<u8> {
        (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect()
    }

    #[test]
    fn every_kind_of_block_is_read() {
        let words = b"tallylight ".repeat(4);
        assert_eq!(exactly(&bytes_of(STORED), words.len()).unwrap(), words);
        assert_eq!(exactly(&bytes_of(FIXED), words.len()).unwrap(), words);
        let digits = exactly(&bytes_of(DYNAMIC), DIGITS.len()).unwrap();
        assert_eq!(digits, DIGITS.as_bytes());
    }

    #[test]
    fn no_more_comes_out_than_is_wanted() {
        assert_eq!(prefix(&bytes_of(FIXED), 5).unwrap(), b"tally");
        assert_eq!(prefix(&bytes_of(FIXED), 500).unwrap().len(), 44);
        for wrong in [43, 45] {
            assert!(exactly(&bytes_of(FIXED), wrong).is_err());
        }
    }

    #[test]
    fn a_damaged_or_cut_stream_is_refused() {
        let whole = bytes_of(DYNAMIC);
        for length in 0..whole.len() {
            assert!(exactly(&whole[..length], DIGITS.len()).is_err(), "{length}");
        }
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            // The level's bits say nothing about the data.
            if let Ok(digits) = exactly(&damaged, DIGITS.len()) {
                assert_eq!(digits, DIGITS.as_bytes());
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_end_within_the_limit(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            bytes.splice(0..0, [0x78, 0xda]);
            prop_assert!(prefix(&bytes, 1000).map_or(0, |out| out.len()) <= 1000);
            prop_assert!(exactly(&bytes, 1000).map_or(1000, |out| out.len()) == 1000);
        }
    }
}
