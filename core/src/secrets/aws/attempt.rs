//! One call, as often and in as many regions as it takes within its deadline.
//!
//! Attempts in a region: up to three, with random pauses, and only after an outage or throttling;
//! any other answer is final. A reading of values has the second region besides, after 5xx, connection
//! failures and time-outs: there a hanging first region costs one attempt and at most half of the
//! time, so that the second has a chance. What the second one answers counts only if it is the
//! value; a replica may not exist, so its refusals are no news of the secret.

use std::future::Future;
use std::sync::Arc;

use aws_sdk_secretsmanager::Client;
use tokio::time::{Instant, sleep, timeout_at};

use super::Aws;
use super::classify::{Action, Refused, Subject, WHEN_THROTTLED, next_is_signed_better, timed_out};
use super::client::Session;
use super::credentials::no_region;
use super::throttle::{Ending, Turn, full_jitter};
use crate::secrets::failure::{Failure, FailureKind};

/// Attempts in one region.
const ATTEMPTS: u32 = 3;

/// What is called, of which secret, and until when.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) action: Action,
    /// The name or ARN that is called with, or what stands for several.
    pub(super) id: &'a str,
    /// The name that a failure carries.
    pub(super) name: &'a str,
    pub(super) place: Place,
    pub(super) until: Instant,
}

/// Where a call is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// To the first region, and during its outage to the second: a reading of values.
    Either,
    /// To the first region only: whatever writes, or looks before it writes.
    #[cfg(any(feature = "cli", test))]
    First,
    /// To the second region only, to see whether it would do.
    #[cfg(any(feature = "cli", test))]
    Second,
}

/// An answer, and the region that gave it.
pub(super) struct Answer<T> {
    pub(super) value: T,
    pub(super) region: String,
}

/// The region that an ARN names.
pub(super) fn region_of(id: &str) -> Option<&str> {
    id.strip_prefix("arn:")?.split(':').nth(2)
}

/// The same secret's id in another region: a replica's ARN differs by nothing else.
pub(super) fn id_in(id: &str, region: &str) -> String {
    match region_of(id) {
        None => id.to_owned(),
        Some(_) => id
            .splitn(5, ':')
            .enumerate()
            .map(|(at, part)| if at == 3 { region } else { part })
            .collect::<Vec<_>>()
            .join(":"),
    }
}

/// One region's part of a call.
struct Leg<'a> {
    call: Call<'a>,
    session: &'a Arc<Session>,
    region: &'a str,
    until: Instant,
    /// Whether another region is asked after this one.
    has_next: bool,
}

impl Aws {
    /// Sends a call; `send` makes one request of a client and the secret's id in its region.
    pub(super) async fn call<T, F, Sent>(
        &self,
        call: Call<'_>,
        send: F,
    ) -> Result<Answer<T>, Failure>
    where
        F: Fn(Client, String) -> Sent,
        Sent: Future<Output = Result<T, Refused>>,
    {
        let meant = region_of(call.id);
        let sessions = &self.inner.sessions;
        let session = sessions.get(call.name, meant, call.until).await?;
        let Some(first) = meant.or(session.region.as_deref()) else {
            return Err(no_region(call.name));
        };
        let second = self.settings().second_region.as_deref();
        let (first, second) = match call.place {
            Place::Either => (first, second.filter(|second| *second != first)),
            #[cfg(any(feature = "cli", test))]
            Place::First => (first, None),
            #[cfg(any(feature = "cli", test))]
            Place::Second => (second.unwrap_or(first), None),
        };
        let now = Instant::now();
        let leg = Leg {
            call,
            session: &session,
            region: first,
            until: match second {
                Some(_) => now + call.until.saturating_duration_since(now) / 2,
                None => call.until,
            },
            has_next: second.is_some(),
        };
        let mut failure = match self.in_region(&leg, &send).await {
            Ok(value) => return Ok(answer(value, first)),
            Err(failure) => failure,
        };
        let Some(second) = second.filter(|_| is_elsewhere_better(failure.kind)) else {
            return Err(failure);
        };
        let leg = Leg {
            region: second,
            until: call.until,
            has_next: false,
            ..leg
        };
        match self.in_region(&leg, &send).await {
            Ok(value) => Ok(answer(value, second)),
            Err(other) => {
                failure.text.push_str(&format!(
                    " (nor from the second region {second}: {})",
                    other.text
                ));
                Err(failure)
            }
        }
    }

    /// The attempts in one region.
    async fn in_region<T, F, Sent>(&self, leg: &Leg<'_>, send: &F) -> Result<T, Failure>
    where
        F: Fn(Client, String) -> Sent,
        Sent: Future<Output = Result<T, Refused>>,
    {
        let client = leg.session.client(leg.region);
        let id = id_in(leg.call.id, leg.region);
        let mut last = None;
        for attempt in 1..=ATTEMPTS {
            let Ok(turn) = timeout_at(leg.until, self.inner.throttle.turn()).await else {
                return Err(last.unwrap_or_else(|| self.no_turn(leg)));
            };
            let until = leg
                .until
                .min(Instant::now() + self.settings().attempt_timeout);
            let refused = match timeout_at(until, send(client.clone(), id.clone())).await {
                Ok(Ok(value)) => {
                    turn.end(Ending::Answered);
                    return Ok(value);
                }
                Ok(Err(refused)) => Some(refused),
                Err(_) => None,
            };
            let (failure, is_retried) = self.judge(leg, refused, turn);
            // A clock that was learnt helps the next attempt or none.
            let is_hopeless = failure.kind == FailureKind::Credentials && attempt > 1;
            if !is_retried || is_hopeless || attempt == ATTEMPTS {
                return Err(failure);
            }
            // Throttling pauses everybody, in the next turn.
            if failure.kind != FailureKind::Throttled {
                let pause = full_jitter(attempt - 1);
                if Instant::now() + pause >= leg.until {
                    return Err(failure);
                }
                sleep(pause).await;
            }
            last = Some(failure);
        }
        Err(last.unwrap_or_else(|| self.no_turn(leg)))
    }

    /// What a failed attempt means, and whether another may follow. `refused` is none when the
    /// attempt's time ran out.
    fn judge(&self, leg: &Leg<'_>, refused: Option<Refused>, turn: Turn<'_>) -> (Failure, bool) {
        let skew = self.inner.sessions.skew();
        let subject = Subject {
            action: leg.call.action,
            name: leg.call.name,
            region: leg.region,
            skew,
            endpoint: leg.session.endpoint_names.of_call(leg.call.action),
        };
        let failure = match refused {
            Some(refused) => refused.judge(subject),
            None => timed_out(subject),
        };
        turn.end(match failure.kind {
            FailureKind::Throttled => Ending::Throttled,
            _ => Ending::Failed,
        });
        let is_retried = match failure.kind {
            FailureKind::TimedOut => !leg.has_next,
            FailureKind::Unreachable | FailureKind::ServerFault | FailureKind::Throttled => true,
            FailureKind::Credentials => {
                let is_clock = next_is_signed_better(&failure, skew);
                if !is_clock {
                    leg.session.refuse();
                }
                is_clock
            }
            FailureKind::NotFound | FailureKind::Denied | FailureKind::Invalid => false,
        };
        (failure, is_retried)
    }

    fn no_turn(&self, leg: &Leg<'_>) -> Failure {
        let hint = match self.inner.throttle.is_held_back() {
            true => WHEN_THROTTLED,
            false => {
                "raise the deadline, or prefetch what is needed at the start, 20 secrets a call"
            }
        };
        let mut failure = Failure::new(
            FailureKind::TimedOut,
            leg.call.name,
            format!(
                "waited in vain for its turn: {} calls to AWS are let out at one time, fewer after throttling",
                self.settings().concurrency
            ),
        )
        .hint(hint);
        failure.region = Some(leg.region.to_owned());
        failure
    }
}

/// Whether another region may answer what this one did not.
fn is_elsewhere_better(kind: FailureKind) -> bool {
    matches!(
        kind,
        FailureKind::Unreachable | FailureKind::ServerFault | FailureKind::TimedOut
    )
}

fn answer<T>(value: T, region: &str) -> Answer<T> {
    Answer {
        value,
        region: region.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_names_its_region_and_a_replica_differs_by_it_alone() {
        let arn = "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:a/b-AbCdEf";
        assert_eq!(region_of(arn), Some("cn-north-1"));
        assert_eq!(region_of("cineview-gemini-api"), None);
        assert_eq!(
            id_in(arn, "cn-northwest-1"),
            "arn:aws-cn:secretsmanager:cn-northwest-1:123456789012:secret:a/b-AbCdEf"
        );
        assert_eq!(
            id_in("cineview-gemini-api", "eu-west-1"),
            "cineview-gemini-api"
        );
    }
}
