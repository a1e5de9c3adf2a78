//! Interval logs: what was read is written back, and a bad line is named.
#![cfg(feature = "hdr")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::path::Path;
use std::time::Duration;

use hdrhistogram::Histogram;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry as TheirEntry};
use proptest::prelude::*;
use tallylight::ErrorKind;
use tallylight::metrics::Distribution;
use tallylight::metrics::hdr::{IntervalLog, LogEntry, MAX_LOG_LINES};

/// Three intervals of jHiccup's (HdrHistogram's own test data), one of them tagged.
const JHICCUP: &str = "\
#[Logged with jHiccup version 2.0.7-SNAPSHOT]
#[Histogram log format version 1.2]
#[StartTime: 1441812279.474 (seconds since epoch), Wed Sep 09 08:24:39 PDT 2015]
\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"
0.127,1.007,2.769,HISTFAAAAEV42pNpmSzMwMCgyAABTBDKT4GBgdnNYMcCBvsPEBEJISEuATEZMQ4uASkhIR4nrxg9v2lMaxhvMekILGZkKmcCAEf2CsI=
# the pause is over
Tag=after,1.134,0.999,0.442,HISTFAAAAEJ42pNpmSzMwMAgxwABTBDKT4GBgdnNYMcCBvsPEBEWLj45FTExAT4pBSEBKa6UkAgBi1uM7xjfMMlwMDABAC0CCjM=
2.133,1.001,0.426,HISTFAAAAD942pNpmSzMwMAgwwABTBDKT4GBgdnNYMcCBvsPEBE+Ph4OLgk5OSkeIS4+LgEeswIDo1+MbmdYNASYAA51CSo=
";

fn crate_histograms(log: &[u8]) -> Vec<Histogram<u64>> {
    IntervalLogIterator::new(log)
        .filter_map(|entry| match entry.unwrap() {
            TheirEntry::Interval(interval) => Some(interval.encoded_histogram().to_owned()),
            _ => None,
        })
        .map(|payload| {
            let log = format!("0.0,0.0,0.0,{payload}");
            let ours = IntervalLog::parse(log.as_bytes()).unwrap();
            ours.intervals().next().unwrap().histogram().unwrap()
        })
        .collect()
}

/// Reads, sums and writes a log, and compares each step with the crate's.
fn check_log(text: &str) -> IntervalLog {
    let log = IntervalLog::parse(text.as_bytes()).unwrap();
    assert_eq!(log.to_string(), text);
    let mut written = Vec::new();
    log.write(&mut written).unwrap();
    assert_eq!(written, text.as_bytes());
    assert_eq!(IntervalLog::read(&written[..]).unwrap(), log);

    let theirs = crate_histograms(text.as_bytes());
    assert_eq!(log.intervals().count(), theirs.len());
    let mut sum = Histogram::<u64>::new_from(&theirs[0]);
    sum.auto(true);
    for (ours, theirs) in log.intervals().zip(&theirs) {
        let conversion = ours.distribution().unwrap();
        assert_eq!(conversion, Distribution::from_hdr(theirs).unwrap());
        assert!(conversion.rebucketed, "jHiccup keeps units of 1024");
        sum.add(theirs).unwrap();
    }
    let all = log.sum(|_| true).unwrap();
    assert_eq!(all.count(), sum.len());
    for quantile in [0.5, 0.9, 0.99, 0.999, 1.0] {
        let (ours, theirs) = (
            all.value_at_quantile(quantile),
            sum.value_at_quantile(quantile),
        );
        assert!(
            theirs <= ours && ours - theirs <= theirs / 100,
            "{quantile}: {ours}, {theirs}"
        );
    }
    log
}

#[test]
fn a_log_of_jhiccup_is_read_summed_and_written_back() {
    let log = check_log(JHICCUP);
    let intervals: Vec<_> = log.intervals().collect();
    assert_eq!(intervals[0].tag(), None);
    assert_eq!(intervals[1].tag(), Some("after"));
    assert_eq!(intervals[1].start(), Duration::from_millis(1_134));
    assert_eq!(
        intervals[1].started(),
        Duration::from_millis(1_441_812_280_608)
    );
    assert_eq!(intervals[0].length(), Duration::from_millis(1_007));
    assert_eq!(intervals[0].max(), 2.769);
    let tagged = log.sum(|interval| interval.tag() == Some("after")).unwrap();
    assert_eq!(tagged.count(), intervals[1].histogram().unwrap().len());
    // Nothing says what 2.769 is a multiple of, so the maximum is its bucket's.
    let top = intervals[0].distribution().unwrap().distribution.max();
    assert_eq!(top, intervals[0].histogram().unwrap().max());
    assert_eq!(log.entries().len(), 8);
    assert!(
        matches!(&log.entries()[5], LogEntry::Comment(text) if &**text == " the pause is over")
    );
}

#[test]
fn the_recorded_hiccup_log_is_read_summed_and_written_back() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/hiccup");
    let Ok(files) = std::fs::read_dir(&folder) else {
        println!("skipped: there is no {}", folder.display());
        return;
    };
    for file in files {
        let path = file.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "hlog")
        {
            let text = std::fs::read_to_string(&path).unwrap();
            let log = check_log(&text);
            println!("{}: {} intervals", path.display(), log.intervals().count());
        }
    }
}

#[test]
fn line_ends_and_a_missing_last_one_do_not_matter() {
    let windows = JHICCUP.replace('\n', "\r\n");
    let windows = windows.trim_end().replace("#[Hist", "\r\n\r\n#[Hist");
    assert_eq!(
        IntervalLog::parse(windows.as_bytes()).unwrap().to_string(),
        JHICCUP
    );
    assert_eq!(IntervalLog::parse(b"").unwrap(), IntervalLog::new());
}

#[test]
fn our_own_log_keeps_the_exact_maximum() {
    let start = Duration::new(1_700_000_000, 123_456_789);
    let mut log = IntervalLog::starting(start);
    log.comment("two\nlines\r\n[StartTime: 5.0] is no time here");
    let mut values = Distribution::new();
    for (at, value) in [240_000_001, 3, (1 << 53) - 1].into_iter().enumerate() {
        values.record(value);
        let started = start + Duration::from_secs(at as u64);
        log.record(
            (at == 1).then_some("second"),
            started,
            Duration::from_secs(1),
            &values,
        )
        .unwrap();
    }
    log.base_time(start);
    let later = start + Duration::from_secs(3);
    log.record(None, later, Duration::from_millis(1), &Distribution::new())
        .unwrap();

    let back = IntervalLog::parse(log.to_string().as_bytes()).unwrap();
    assert_eq!(back, log);
    let maxima: Vec<u64> = back
        .intervals()
        .map(|interval| interval.distribution().unwrap().distribution.max())
        .collect();
    assert_eq!(maxima, [240_000_001, 240_000_001, (1 << 53) - 1, 0]);
    let last = back.intervals().last().unwrap();
    assert_eq!(
        (last.start(), last.started()),
        (Duration::from_secs(3), later)
    );
    assert_eq!(crate_histograms(log.to_string().as_bytes()).len(), 4);
}

#[test]
fn what_a_log_cannot_hold_is_refused() {
    let mut log = IntervalLog::new();
    log.base_time(Duration::from_secs(10));
    let values = Distribution::new();
    for tag in ["", "a,b", "a b", "a\nb"] {
        let refused = log.record(Some(tag), Duration::from_secs(10), Duration::ZERO, &values);
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidLabel);
    }
    let refused = log.record(None, Duration::from_secs(9), Duration::ZERO, &values);
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidValue);
    assert_eq!(log.intervals().count(), 0);
}

#[test]
fn a_bad_line_is_named() {
    let payload = JHICCUP.lines().last().unwrap().rsplit(',').next().unwrap();
    let cut = &payload[..payload.len() - 4];
    for (line, told) in [
        (
            "nonsense".to_owned(),
            "\"nonsense\" is no number, at its start",
        ),
        ("1.0,x,3.0,".to_owned(), "\"x\" is no number, at its length"),
        (
            format!("1.0,2.0,-3.0,{payload}"),
            "\"-3.0\" is no number, at its maximum",
        ),
        ("1.0,2.0,3.0".to_owned(), "without one, at its histogram"),
        ("Tag=a".to_owned(), "at its tag"),
        ("1.0,2.0,3.0,".to_owned(), "it is cut, at byte 0"),
        (format!("1.0,2.0,3.0,{cut}"), "declares 63 bytes and"),
        (
            format!("1.0,2.0,3.0,{payload}A"),
            "offset 95., at its base64",
        ),
        (
            format!("1.0,2.0,3.0,!{}", &payload[1..]),
            "offset 0., at its base64",
        ),
        (
            format!("1.0,2.0,3.0,{}", payload.replacen("HISTFA", "HISTEA", 1)),
            "byte",
        ),
        (
            "#[StartTime: soon (seconds since epoch)]".to_owned(),
            "at its start time",
        ),
        ("#[BaseTime: ]".to_owned(), "at its base time"),
    ] {
        let text = format!("{JHICCUP}{line}\n");
        let error = IntervalLog::parse(text.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Parse);
        let message = error.to_string();
        assert!(
            message.starts_with("line 9 of the interval log: "),
            "{message}"
        );
        assert!(message.contains(told), "{message} does not say {told}");
    }
    let error = IntervalLog::parse(b"# fine\n# fine\n#\xff\n")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("line 3 of the interval log: text that is not UTF-8, at byte 15"),
        "{error}"
    );
    let lines = "\n".repeat(MAX_LOG_LINES + 1);
    assert_eq!(
        IntervalLog::parse(lines.as_bytes()).unwrap_err().kind(),
        ErrorKind::Parse
    );
    assert_eq!(
        IntervalLog::read(std::io::repeat(b'#')).unwrap_err().kind(),
        ErrorKind::Parse
    );
}

#[test]
fn a_failing_file_is_an_error_of_kind_io() {
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("disk on fire"))
        }
    }
    impl std::io::Write for Broken {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("disk on fire"))
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    assert_eq!(IntervalLog::read(Broken).unwrap_err().kind(), ErrorKind::Io);
    let log = IntervalLog::parse(JHICCUP.as_bytes()).unwrap();
    assert_eq!(log.write(Broken).unwrap_err().kind(), ErrorKind::Io);
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[#\"T]?[0-9.,=:a-zA-Z\\[\\] \r\n+/]{0,80}") {
        if let Ok(log) = IntervalLog::parse(text.as_bytes()) {
            prop_assert_eq!(IntervalLog::parse(log.to_string().as_bytes()).unwrap(), log);
        }
    }

    #[test]
    fn a_damaged_log_is_read_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = JHICCUP.as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(bytes.len()) + 1);
        match IntervalLog::parse(&bytes) {
            Ok(log) => {
                prop_assert_eq!(&IntervalLog::parse(log.to_string().as_bytes()).unwrap(), &log);
                for interval in log.intervals() {
                    prop_assert!(interval.distribution().is_ok() && interval.histogram().is_ok());
                }
            }
            Err(error) => prop_assert_eq!(error.kind(), ErrorKind::Parse),
        }
    }
}
