//! Who is traced.
//!
//! Source: <https://develop.sentry.dev/sdk/telemetry/traces/#sampling>. A function of the user's decides
//! first, then whoever started the trace, then the rate. All services of a trace compare their rate with
//! the same random value, so that a trace kept by one with a lower rate is kept whole by the others.

use super::ids::TraceId;

/// Digits after the point that the random value has on the wire.
const DECIMALS: u64 = 1_000_000;

/// What was decided of a trace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decision {
    /// Whether the transaction is captured.
    pub sampled: bool,
    /// By which rate; none where a service before this one decided and did not tell.
    pub rate: Option<f64>,
}

/// Decides of a transaction. `rand` is the trace's random value; `parent` what was decided before, by
/// `parent_rate` if that is known; `asked` what the user's function answered, where there is one; `rate`
/// the setting. A rate outside 0 to 1 samples nothing.
#[must_use]
pub fn decide(
    rand: f64,
    parent: Option<bool>,
    parent_rate: Option<f64>,
    asked: Option<f64>,
    rate: f64,
) -> Decision {
    let by = |rate: f64| match (0.0..=1.0).contains(&rate) {
        true => Decision {
            sampled: rand < rate,
            rate: Some(rate),
        },
        false => Decision {
            sampled: false,
            rate: None,
        },
    };
    match (asked, parent) {
        (Some(asked), _) => by(asked),
        (None, Some(sampled)) => Decision {
            sampled,
            rate: parent_rate,
        },
        (None, None) => by(rate),
    }
}

/// The random value of a trace that this process starts, in [0, 1): the same wherever it is asked for,
/// since it follows from the id.
#[must_use]
pub fn rand_of(trace: TraceId) -> f64 {
    let bits = trace.value();
    // The finalizer of SplitMix64 (Steele et al., 2014): ids of other systems may have few random bits.
    let mut mixed = (bits as u64) ^ ((bits >> 64) as u64).rotate_left(32);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    ((u128::from(mixed) * u128::from(DECIMALS)) >> 64) as f64 / DECIMALS as f64
}

/// The random value of a trace that another service started without telling it, such that the decision
/// that came with the trace is the one it leads to.
#[must_use]
pub fn rand_that_led_to(trace: TraceId, sampled: Option<bool>, rate: Option<f64>) -> f64 {
    let rand = rand_of(trace);
    let value = match (sampled, rate) {
        (Some(true), Some(rate)) if rate > 0.0 => rand * rate,
        (Some(false), Some(rate)) if rate < 1.0 => rate + rand * (1.0 - rate),
        _ => rand,
    };
    let value = (value * DECIMALS as f64).floor() / DECIMALS as f64;
    // The floor may have crossed back below the rate.
    match (sampled, rate) {
        (Some(false), Some(rate)) if value < rate && rate < 1.0 => {
            ((rate * DECIMALS as f64).ceil() / DECIMALS as f64).min(0.999_999)
        }
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_random_value_spreads_evenly_and_never_reaches_one() {
        let mut buckets = [0; 10];
        for number in 1..20_000u128 {
            let rand = rand_of(TraceId::parse(&format!("{number:032x}")).unwrap());
            assert!((0.0..1.0).contains(&rand));
            buckets[(rand * 10.0) as usize] += 1;
        }
        assert!(
            buckets.iter().all(|count| (1_800..2_200).contains(count)),
            "{buckets:?}"
        );
    }

    #[test]
    fn a_missing_random_value_agrees_with_the_decision() {
        for number in 1..2_000u128 {
            let trace = TraceId::parse(&format!("{number:032x}")).unwrap();
            for rate in [0.0, 0.000_001, 0.1, 0.25, 0.999_9, 1.0] {
                for sampled in [true, false] {
                    // A decision that no value leads to.
                    if (sampled && rate == 0.0) || (!sampled && rate == 1.0) {
                        continue;
                    }
                    let rand = rand_that_led_to(trace, Some(sampled), Some(rate));
                    assert!((0.0..1.0).contains(&rand));
                    assert_eq!(rand < rate, sampled, "{trace} {rate} {rand}");
                }
            }
        }
    }
}
