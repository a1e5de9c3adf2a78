//! How many calls are out at one time, and when the next may go.
//!
//! Every call to AWS takes a [`Turn`] first. The invariant: at most `allowed` turns are out, where
//! `allowed` halves with each wave of throttling, pausing everybody for a random while, and grows
//! back by one with each success, never above what was configured and never below one.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep_until};

/// The first pause, and the longest, after throttling and between attempts.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A random duration up to `first` doubled `round` times, at most `longest`: spread over the whole
/// range ("full jitter"), so that callers who failed together do not come back together.
pub(super) fn full_jitter(round: u32) -> Duration {
    ceiling(round).mul_f64(fastrand::f64())
}

fn ceiling(round: u32) -> Duration {
    FIRST_PAUSE
        .saturating_mul(2u32.saturating_pow(round))
        .min(LONGEST_PAUSE)
}

/// How a call that took a turn ended, as far as the limit is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Answered,
    Throttled,
    /// Failed in a way that says nothing of the load.
    Failed,
}

/// The limit's arithmetic, without time or waiting.
#[derive(Debug)]
struct Limit {
    most: usize,
    allowed: usize,
    /// Permits that are out and have to be destroyed when they come back.
    owed: usize,
    /// Waves of throttling since the last success.
    wave: u32,
    /// Waves ever: a call that went out before the newest one tells nothing new.
    waves: u64,
}

/// What has to happen to the permits.
#[derive(Debug, Default, PartialEq, Eq)]
struct Change {
    add: usize,
    remove: usize,
}

impl Limit {
    fn new(most: usize) -> Self {
        let most = most.max(1);
        Self {
            most,
            allowed: most,
            owed: 0,
            wave: 0,
            waves: 0,
        }
    }

    /// Halves, unless `seen` (the waves when the call went out) is older than the last halving.
    fn throttled(&mut self, seen: u64) -> Option<Change> {
        if seen < self.waves {
            return None;
        }
        self.waves += 1;
        self.wave = self.wave.saturating_add(1);
        let halved = (self.allowed / 2).max(1);
        let remove = self.allowed - halved;
        self.allowed = halved;
        Some(Change { add: 0, remove })
    }

    fn answered(&mut self) -> Change {
        self.wave = 0;
        if self.allowed == self.most {
            return Change::default();
        }
        self.allowed += 1;
        if self.owed > 0 {
            self.owed -= 1;
            return Change::default();
        }
        Change { add: 1, remove: 0 }
    }

    /// Whether a permit that comes back is to be destroyed.
    fn take_back(&mut self) -> bool {
        let is_owed = self.owed > 0;
        self.owed -= usize::from(is_owed);
        is_owed
    }
}

/// The limit on calls of one client.
pub(super) struct Throttle {
    permits: Semaphore,
    state: Mutex<State>,
}

struct State {
    limit: Limit,
    paused_until: Option<Instant>,
}

impl Throttle {
    pub(super) fn new(most: usize) -> Self {
        let limit = Limit::new(most);
        Self {
            permits: Semaphore::new(limit.allowed),
            state: Mutex::new(State {
                limit,
                paused_until: None,
            }),
        }
    }

    /// Waits until one more call may go out. Whoever waits has a deadline of its own.
    pub(super) async fn turn(&self) -> Turn<'_> {
        // It is never closed, so there is always a permit in the end.
        let permit = self.permits.acquire().await.ok();
        let mut turn = Turn {
            throttle: self,
            permit,
            seen: 0,
        };
        loop {
            let pause = {
                let state = self.state.lock();
                turn.seen = state.limit.waves;
                state.paused_until
            };
            match pause {
                Some(until) if until > Instant::now() => sleep_until(until).await,
                _ => return turn,
            }
        }
    }

    /// Whether AWS has asked for fewer calls than are configured.
    pub(super) fn is_held_back(&self) -> bool {
        let state = self.state.lock();
        state.limit.allowed < state.limit.most
    }

    /// Calls that may be out at one time now.
    #[cfg(test)]
    pub(super) fn allowed(&self) -> usize {
        self.state.lock().limit.allowed
    }

    fn end(&self, ending: Ending, seen: u64) {
        let mut state = self.state.lock();
        match ending {
            Ending::Answered => {
                let change = state.limit.answered();
                self.permits.add_permits(change.add);
            }
            Ending::Throttled => {
                if let Some(change) = state.limit.throttled(seen) {
                    let removed = self.permits.forget_permits(change.remove);
                    state.limit.owed += change.remove - removed;
                    let pause = full_jitter(state.limit.wave - 1).max(FIRST_PAUSE / 2);
                    state.paused_until = Some(Instant::now() + pause);
                }
            }
            Ending::Failed => {}
        }
    }
}

/// The right to have one call out. Dropped without [`Turn::end`], as when its caller gives up, it
/// is a failure that says nothing.
pub(super) struct Turn<'a> {
    throttle: &'a Throttle,
    permit: Option<SemaphorePermit<'a>>,
    seen: u64,
}

impl Turn<'_> {
    pub(super) fn end(self, ending: Ending) {
        self.throttle.end(ending, self.seen);
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take()
            && self.throttle.state.lock().limit.take_back()
        {
            permit.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn jitter_stays_under_a_ceiling_that_doubles_to_a_bound() {
        assert_eq!(ceiling(0), Duration::from_millis(100));
        assert_eq!(ceiling(3), Duration::from_millis(800));
        assert_eq!(ceiling(u32::MAX), LONGEST_PAUSE);
        for round in 0..40 {
            let all: Vec<Duration> = (0..200).map(|_| full_jitter(round)).collect();
            assert!(all.iter().all(|pause| *pause <= ceiling(round)));
            // Spread over the range, not around its middle.
            assert!(all.iter().any(|pause| *pause < ceiling(round) / 4));
            assert!(all.iter().any(|pause| *pause > ceiling(round) * 3 / 4));
        }
    }

    #[test]
    fn one_wave_of_throttling_halves_once() {
        let mut limit = Limit::new(8);
        assert_eq!(limit.throttled(0), Some(Change { add: 0, remove: 4 }));
        for _ in 0..7 {
            assert_eq!(limit.throttled(0), None);
        }
        assert_eq!(limit.allowed, 4);
        assert_eq!(limit.throttled(1), Some(Change { add: 0, remove: 2 }));
    }

    proptest! {
        #[test]
        fn allowed_stays_within_its_bounds(most in 0usize..40, endings in prop::collection::vec(0u8..3, 0..200)) {
            let mut limit = Limit::new(most);
            for ending in endings {
                let before = limit.allowed;
                match ending {
                    0 => drop(limit.answered()),
                    1 => drop(limit.throttled(limit.waves)),
                    _ => drop(limit.take_back()),
                }
                prop_assert!((1..=most.max(1)).contains(&limit.allowed));
                prop_assert!(limit.allowed <= before + 1 && limit.allowed >= before / 2);
            }
        }

        #[test]
        fn no_permit_is_lost_or_made(most in 1usize..12, endings in prop::collection::vec((0u8..4, 0u8..4), 1..60)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            runtime.block_on(async {
                let throttle = Throttle::new(most);
                let mut held = Vec::new();
                for (take, end) in endings {
                    for _ in 0..take {
                        if let Ok(permit) = throttle.permits.try_acquire() {
                            let seen = throttle.state.lock().limit.waves;
                            held.push(Turn { throttle: &throttle, permit: Some(permit), seen });
                        }
                    }
                    if let Some(turn) = held.pop() {
                        match end {
                            0 => turn.end(Ending::Answered),
                            1 => turn.end(Ending::Throttled),
                            2 => turn.end(Ending::Failed),
                            _ => drop(turn),
                        }
                    }
                    let state = throttle.state.lock();
                    let permits = throttle.permits.available_permits() + held.len();
                    assert_eq!(permits, state.limit.allowed + state.limit.owed);
                }
                drop(held);
                assert_eq!(throttle.permits.available_permits(), throttle.allowed());
            });
        }
    }

    #[test]
    fn no_more_are_out_than_allowed_and_success_brings_all_back() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(async {
            let throttle = Arc::new(Throttle::new(4));
            let (out, most_out) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let calls: Vec<_> = (0..60)
                .map(|number| {
                    let (throttle, out, most_out) =
                        (throttle.clone(), out.clone(), most_out.clone());
                    tokio::spawn(async move {
                        let turn = throttle.turn().await;
                        let now = out.fetch_add(1, Ordering::Relaxed) + 1;
                        most_out.fetch_max(now, Ordering::Relaxed);
                        tokio::time::sleep(Duration::from_millis(1)).await;
                        out.fetch_sub(1, Ordering::Relaxed);
                        turn.end(if number == 5 {
                            Ending::Throttled
                        } else {
                            Ending::Answered
                        });
                    })
                })
                .collect();
            for call in calls {
                call.await.unwrap();
            }
            assert!(most_out.load(Ordering::Relaxed) <= 4);
            assert_eq!(throttle.allowed(), 4);
            assert_eq!(throttle.permits.available_permits(), 4);
        });
    }
}
