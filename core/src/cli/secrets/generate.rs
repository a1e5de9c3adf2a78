//! New values by chance, for `rotate --generate`.

use clap::ValueEnum;
use zeroize::Zeroizing;

use crate::cli::output::Failure;

/// The characters of a generated value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Charset {
    /// A-Z a-z 0-9
    #[default]
    Alphanumeric,
    /// 0-9 a-f
    Hex,
    /// A-Z a-z 0-9 - _
    Base64url,
    /// Every visible ASCII character
    Ascii,
}

impl Charset {
    fn characters(self) -> Vec<u8> {
        let of = |keep: fn(&u8) -> bool| (b'!'..=b'~').filter(keep).collect();
        match self {
            Self::Alphanumeric => of(u8::is_ascii_alphanumeric),
            Self::Hex => of(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(c)),
            Self::Base64url => of(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_')),
            Self::Ascii => of(|_| true),
        }
    }

    /// Bits of chance in so many characters.
    pub(super) fn bits(self, count: u16) -> u32 {
        let each = (self.characters().len() as f64).log2();
        // At most 4096 characters of under 7 bits.
        (each * f64::from(count)) as u32
    }
}

/// So many characters, each equally likely, from the system's own source of chance.
pub(super) fn generate(count: u16, charset: Charset) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let characters = charset.characters();
    // Bytes from here on would make the first characters likelier.
    let limit = 256 - 256 % characters.len();
    let mut value = Zeroizing::new(Vec::with_capacity(count.into()));
    let mut chance = Zeroizing::new([0; 256]);
    while value.len() < usize::from(count) {
        getrandom::getrandom(&mut *chance).map_err(|error| {
            Failure::new(format!("the system gives no random bytes: {error}"))
                .hint("give a value of your own by --from-stdin or --value-file")
        })?;
        for byte in chance.iter().map(|byte| usize::from(*byte)) {
            if byte < limit && value.len() < usize::from(count) {
                value.push(characters[byte % characters.len()]);
            }
        }
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_character_of_a_set_comes_and_no_other() {
        for (charset, size) in [
            (Charset::Alphanumeric, 62),
            (Charset::Hex, 16),
            (Charset::Base64url, 64),
            (Charset::Ascii, 94),
        ] {
            let value = generate(4096, charset).unwrap();
            assert_eq!(value.len(), 4096);
            let mut seen = value.to_vec();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen, charset.characters(), "{charset:?}");
            assert_eq!(seen.len(), size);
        }
        assert_ne!(
            generate(16, Charset::Hex).unwrap(),
            generate(16, Charset::Hex).unwrap()
        );
        assert_eq!(Charset::Hex.bits(32), 128);
        assert_eq!(Charset::Alphanumeric.bits(40), 238);
    }
}
