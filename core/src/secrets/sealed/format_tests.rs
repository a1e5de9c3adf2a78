use std::fmt;

use proptest::prelude::*;

use super::*;
use crate::secrets::sealed::tests::{CANARY, at, entry, key};

#[test]
fn the_oldest_values_go_when_there_is_no_room() {
    let big = vec![7; MAX_FILE_BYTES / 4];
    let mut records: Vec<Record> = (0..5)
        .map(|n| Record::of_entry(entry(&n.to_string(), &big, at(5 - n))))
        .collect();
    cut_to_fit(&mut records);
    let keys: Vec<&str> = records.iter().map(|record| &*record.key).collect();
    assert_eq!(keys, ["0", "1", "2"]);
}

fn sealed(entries: Vec<SealedEntry>) -> Vec<u8> {
    let records: Vec<Record> = entries.into_iter().map(Record::of_entry).collect();
    seal(&key(1), &records).unwrap()
}

fn fault(bytes: Vec<u8>) -> Fault {
    open(&key(1), Zeroizing::new(bytes)).err().unwrap()
}

#[test]
fn any_flipped_bit_and_any_shorter_file_is_refused() {
    let bytes = sealed(vec![entry("a", CANARY, at(0)), entry("b", b"", at(1))]);
    assert_eq!(
        open(&key(1), Zeroizing::new(bytes.clone()))
            .ok()
            .unwrap()
            .len(),
        2
    );
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            let _ = fault(flipped);
        }
        let shorter = fault(bytes[..at].to_vec());
        assert_eq!(shorter == Fault::Foreign, (1..8).contains(&at), "{at}");
        assert!(at < 8 || shorter == Fault::Truncated, "{at}");
    }
}

fn any_text() -> impl Strategy<Value = Option<String>> {
    proptest::option::of(any::<String>())
}

prop_compose! {
    fn any_entry()(
        key in any::<String>(),
        bytes in any::<Vec<u8>>(),
        binary in any::<bool>(),
        (arn, version, region) in (any_text(), any_text(), any_text()),
        stages in proptest::collection::vec(any::<String>(), 0..4),
        millis in 0u64..4_102_444_800_000,
    ) -> SealedEntry {
        SealedEntry {
            key,
            fetched: Fetched {
                bytes: Zeroizing::new(bytes), binary, source: Source::Disk, arn, version, stages, region,
            },
            fetched_at: UNIX_EPOCH + Duration::from_millis(millis),
        }
    }
}

/// Everything of an entry, to compare.
type Facts = (
    String,
    Vec<u8>,
    bool,
    [Option<String>; 3],
    Vec<String>,
    SystemTime,
);

fn facts(entry: SealedEntry) -> Facts {
    let fetched = entry.fetched;
    (
        entry.key,
        fetched.bytes.to_vec(),
        fetched.binary,
        [fetched.arn, fetched.version, fetched.region],
        fetched.stages,
        entry.fetched_at,
    )
}

impl fmt::Debug for SealedEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedEntry({:?}, {:?})", self.key, self.fetched_at)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_entries_come_back_and_any_flipped_byte_is_refused(
        entries in proptest::collection::vec(any_entry(), 0..6),
        place in any::<proptest::sample::Index>(),
        flip in 1u8..,
    ) {
        let copy = |entry: &SealedEntry| SealedEntry {
            key: entry.key.clone(),
            fetched: Fetched {
                bytes: entry.fetched.bytes.clone(),
                binary: entry.fetched.binary,
                source: Source::Aws,
                arn: entry.fetched.arn.clone(),
                version: entry.fetched.version.clone(),
                stages: entry.fetched.stages.clone(),
                region: entry.fetched.region.clone(),
            },
            fetched_at: entry.fetched_at,
        };
        let mut bytes = sealed(entries.iter().map(copy).collect());
        prop_assert_eq!(bytes.capacity(), bytes.len(), "grown: plain bytes were left behind");
        let back = open(&key(1), Zeroizing::new(bytes.clone())).ok().unwrap();
        let back: Vec<Facts> = back.into_iter().filter_map(Record::into_entry).map(facts).collect();
        prop_assert_eq!(back, entries.into_iter().map(facts).collect::<Vec<_>>());
        let place = place.index(bytes.len());
        bytes[place] ^= flip;
        let _ = fault(bytes);
    }

    #[test]
    fn any_bytes_are_records_or_not(bytes in any::<Vec<u8>>()) {
        let _ = decode(&bytes);
        let _ = fault(bytes.clone());
        let _ = fault([&b"TALLSEAL"[..], &bytes].concat());
        let _ = fault([&b"TALLSEAL\x01\0\0\0"[..], &bytes].concat());
    }

    #[test]
    fn records_cut_or_changed_anywhere_do_not_panic(
        entry in any_entry(), place in any::<proptest::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut plain = Vec::new();
        Record::of_entry(entry).encode(&mut plain);
        let place = place.index(plain.len());
        let _ = decode(&plain[..place]);
        plain[place] = byte;
        let _ = decode(&plain);
    }
}
