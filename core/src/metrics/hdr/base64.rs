//! Base64 with the standard alphabet and padding (RFC 4648), as interval logs use it.
//!
//! Only the one canonical text of some bytes is accepted, so that reading and writing a payload
//! cannot change it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Fault;

pub(super) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(super) fn decode(text: &str) -> Result<Vec<u8>, Fault> {
    STANDARD
        .decode(text)
        .map_err(|error| Fault::new("its base64", error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_vectors_of_rfc_4648() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(text).unwrap(), bytes.as_bytes());
        }
        for bad in [
            "Z", "Zg=", "Zg==Zg==", "====", "Zh==", "Zm9=", "Zm9v\n", "Zü==",
        ] {
            assert!(decode(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn text_that_is_accepted_is_written_back(text in "[A-Za-z0-9+/]{0,8}={0,3}") {
            if let Ok(bytes) = decode(&text) {
                prop_assert_eq!(encode(&bytes), text);
            }
        }
    }
}
