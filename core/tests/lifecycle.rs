//! The process-wide instance, alone in its process: init, twice, otherwise, shut down, again.
#![cfg(feature = "metrics")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::time::{Duration, Instant};

use tallylight::{Config, ErrorKind, Kind, Labels};

#[cfg(target_os = "linux")]
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

#[test]
fn init_is_idempotent_conflicts_are_told_and_shutdown_closes() {
    #[cfg(target_os = "linux")]
    let before = threads();
    let early = tallylight::global().unwrap();
    let operation = early.operation("op", &Labels::new(), Kind::Server).unwrap();
    operation.record_ms(5.0);
    #[cfg(target_os = "linux")]
    assert_eq!(threads(), before, "nothing starts a thread before init");

    let config = Config {
        service: Some("test".to_owned()),
        tick: Duration::from_millis(100),
        ..Config::default()
    };
    let tally = tallylight::init(config.clone()).unwrap();
    tallylight::init(config.clone()).unwrap();
    assert_eq!(
        tally.status().metrics.total_requests,
        1,
        "what came before init is kept"
    );
    assert!(tally.status().telemetry.ticker_running);
    let other = Config {
        max_series: 9,
        ..config.clone()
    };
    let conflict = tallylight::init(other).unwrap_err();
    assert_eq!(conflict.kind(), ErrorKind::Conflict);
    assert!(conflict.to_string().contains("max_series"), "{conflict}");

    tally.shutdown();
    tally.shutdown();
    operation.record_ms(5.0);
    assert_eq!(tally.drops().closed, 1);
    assert!(!tally.status().telemetry.ticker_running);
    #[cfg(target_os = "linux")]
    assert_eq!(threads(), before, "shutdown leaves no thread");

    let again = tallylight::init(Config {
        max_series: 9,
        ..config
    })
    .unwrap();
    operation.record_ms(5.0);
    assert_eq!(again.status().metrics.total_requests, 2);
    // The new ticker ticks by itself.
    let ticks = again.ticks();
    let patience = Instant::now();
    while again.ticks() == ticks {
        assert!(patience.elapsed() < Duration::from_secs(20), "no tick");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(again.status().telemetry.ticker_running);
}
