use std::fs;

use proptest::prelude::*;

use super::*;
use crate::secrets::sealed::tests::{Folder, key};

#[test]
fn a_key_is_32_bytes_in_hex_or_base64() {
    let hex = "000102030405060708090a0b0c0d0e0ff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";
    let standard = "AAECAwQFBgcICQoLDA0OD/Dx8vP09fb3+Pn6+/z9/v8=";
    let parsed = SealKey::parse(hex).unwrap();
    for text in [
        hex.to_uppercase(),
        standard.to_owned(),
        standard.trim_end_matches('=').to_owned(),
        standard.replace('+', "-").replace('/', "_"),
        format!("  {standard}\n"),
    ] {
        assert_eq!(SealKey::parse(&text).unwrap(), parsed, "{text}");
    }
    assert_ne!(key(1), key(2));
    assert_eq!(format!("{parsed:?}"), "SealKey([redacted])");
}

#[test]
fn a_passphrase_is_no_key_and_is_not_repeated() {
    let hex = "00".repeat(32);
    for text in [
        "",
        " ",
        "canary horse battery staple",
        "canary",
        "canarycanarycanarycanarycanary00",
        &"é".repeat(32),
        &hex[1..],
        &format!("{hex}0"),
        &format!("{}zz", &hex[2..]),
        "AAECAwQFBgcICQoLDA0OD/Dx8vP09fb3+Pn6+/z9/v8=AAAA",
    ] {
        let error = SealKey::parse(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        let error = error.to_string();
        assert!(error.contains("openssl rand -base64 32"), "{error}");
        assert!(!error.contains("canary"), "{error}");
    }
}

#[test]
fn a_key_is_read_from_a_file() {
    let folder = Folder::new();
    let path = folder.0.join("key");
    fs::write(&path, format!("{}\n", "01".repeat(32))).unwrap();
    assert_eq!(SealKey::read_file(&path).unwrap(), key(1));
    for (bytes, says) in [
        (&b"canary"[..], "a passphrase is no key"),
        (b"\xff\xfe", "is no text"),
    ] {
        fs::write(&path, bytes).unwrap();
        let error = SealKey::read_file(&path).unwrap_err().to_string();
        assert!(
            error.contains(says) && error.contains(path.to_str().unwrap()),
            "{error}"
        );
        assert!(!error.contains("canary"), "{error}");
    }
    let error = SealKey::read_file(&folder.0).unwrap_err().to_string();
    assert!(
        error.contains("is a directory; give the path of a key's file"),
        "{error}"
    );
    let error = SealKey::read_file(Path::new("canary-given-as-a-path")).unwrap_err();
    assert!(!format!("{error:?}").contains("canary"), "{error:?}");
}

proptest! {
    #[test]
    fn any_text_is_a_key_or_an_error(text in any::<String>(), like in "[0-9a-fA-F+/=_-]{0,70}") {
        let _ = SealKey::parse(&text);
        let _ = SealKey::parse(&like);
    }
}
