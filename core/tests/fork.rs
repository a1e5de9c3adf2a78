//! A forked child counts its own from zero, and the parent's counts are its own.
#![cfg(feature = "metrics")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tallylight::{Config, Kind, Labels, Tallylight};

/// Runs `child` in a forked process; its answer is the exit code.
fn forked(child: impl FnOnce() -> i32) -> i32 {
    // SAFETY: the child runs `child` and leaves by _exit.
    match unsafe { libc::fork() } {
        -1 => panic!("fork failed"),
        0 => {
            let code = std::panic::catch_unwind(std::panic::AssertUnwindSafe(child)).unwrap_or(99);
            // SAFETY: always allowed.
            unsafe { libc::_exit(code) }
        }
        pid => {
            let mut status = 0;
            // SAFETY: pid is the child just made, status a local.
            unsafe { libc::waitpid(pid, &raw mut status, 0) };
            if libc::WIFEXITED(status) {
                libc::WEXITSTATUS(status)
            } else {
                200 + libc::WTERMSIG(status)
            }
        }
    }
}

#[test]
fn a_child_starts_at_zero_and_leaves_the_parent_alone() {
    let tally = Tallylight::new(Config::default()).unwrap();
    let operation = tally.operation("op", &Labels::new(), Kind::Server).unwrap();
    let recorder = operation.recorder();
    let gauge = tally
        .gauge("level", &Labels::new(), &Default::default())
        .unwrap();
    gauge.set(9.0);
    for _ in 0..10 {
        operation.record_ns(100);
    }
    operation.record_ms(f64::NAN);
    let code = forked(|| {
        operation.record_ms(f64::NAN);
        operation.record_ns(7);
        recorder.record_ns(8);
        operation.record_error_ms(1.0, "InChild");
        gauge.add(1.0);
        let snapshot = tally.snapshot();
        let series = &snapshot.series[0];
        let level = snapshot.find("level", &Labels::new()).unwrap().value;
        let right = series.count() == 3
            && series.errors() == 1
            && level == 1.0
            && tally.drops().nan == 1
            && tally
                .status()
                .windows
                .get("1h")
                .unwrap()
                .figures
                .total_requests
                == 3;
        i32::from(!right)
    });
    assert_eq!(code, 0);
    operation.record_ns(100);
    recorder.record_ns(100);
    assert_eq!(tally.snapshot().series[0].count(), 12);
    assert_eq!(tally.drops().nan, 1);
}

#[test]
fn children_forked_while_threads_record_and_register_never_hang() {
    let tally = Tallylight::new(Config::default()).unwrap();
    tally.start_ticker();
    let done = Arc::new(AtomicBool::new(false));
    let busy: Vec<_> = (0..3)
        .map(|number| {
            let (tally, done) = (tally.clone(), Arc::clone(&done));
            thread::spawn(move || {
                let mut n = 0u64;
                while !done.load(Ordering::Relaxed) {
                    let labels =
                        Labels::from_pairs([("n", format!("{number}-{}", n % 40))]).unwrap();
                    tally
                        .operation("op", &labels, Kind::Job)
                        .unwrap()
                        .record_ns(n);
                    if n.is_multiple_of(50) {
                        drop(tally.snapshot());
                    }
                    n += 1;
                }
            })
        })
        .collect();
    for _ in 0..30 {
        let code = forked(|| {
            // SAFETY: a child that hangs is ended by the alarm, and fails the test.
            unsafe { libc::alarm(20) };
            let mine = tally.operation("child", &Labels::new(), Kind::Job).unwrap();
            mine.record_ns(1);
            let count = tally
                .snapshot()
                .find("child", &Labels::new())
                .map_or(0, tallylight::metrics::SeriesSnapshot::count);
            tally.after_fork_in_child();
            let ticks = tally.status().telemetry.ticker_running;
            tally.shutdown();
            i32::from(!(count == 1 && ticks))
        });
        assert_eq!(code, 0);
        thread::sleep(Duration::from_millis(5));
    }
    done.store(true, Ordering::Relaxed);
    for thread in busy {
        thread.join().unwrap();
    }
}
