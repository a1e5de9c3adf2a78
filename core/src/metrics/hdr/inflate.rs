//! Reading zlib (RFC 1950) with a hard limit on what comes out.
//!
//! The `hdrhistogram` crate inflates too, but not before it has allocated whatever the compressed
//! header asks for, so a header has to be inflated and checked first.

use std::io::{self, Read};

use flate2::bufread::ZlibDecoder;

use super::Fault;

/// The first `wanted` bytes of a zlib stream, or all of them when there are fewer.
pub(super) fn prefix(zlib: &[u8], wanted: usize) -> Result<Vec<u8>, Fault> {
    let mut decoder = ZlibDecoder::new(zlib);
    let mut out = Vec::new();
    let read = decoder.by_ref().take(wanted as u64).read_to_end(&mut out);
    read.map_err(|error| fault(&decoder, &error.to_string()))?;
    Ok(out)
}

/// A zlib stream of exactly `length` bytes, its checksum verified.
pub(super) fn exactly(zlib: &[u8], length: usize) -> Result<Vec<u8>, Fault> {
    let mut decoder = ZlibDecoder::new(zlib);
    // One byte more than declared tells a longer stream; what is read grows with the stream, not
    // with what its header claims.
    let mut out = Vec::new();
    let read = decoder
        .by_ref()
        .take(length as u64 + 1)
        .read_to_end(&mut out);
    read.map_err(|error| fault(&decoder, &error.to_string()))?;
    match out.len().cmp(&length) {
        std::cmp::Ordering::Less => Err(fault(
            &decoder,
            "it inflates to less than its header declares",
        )),
        std::cmp::Ordering::Greater => Err(fault(
            &decoder,
            "it inflates to more than its header declares",
        )),
        std::cmp::Ordering::Equal if decoder.total_in() != zlib.len() as u64 => {
            Err(fault(&decoder, "the checksum is cut or followed by more"))
        }
        std::cmp::Ordering::Equal => Ok(out),
    }
}

fn fault<R: io::BufRead>(decoder: &ZlibDecoder<R>, what: &str) -> Fault {
    Fault::new(
        format!("byte {} of its zlib stream", decoder.total_in()),
        what,
    )
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
