//! What a read costs whose value is in the cache. The value that a read hands out is dropped inside the clock, as a
//! caller drops it.

use std::future::Future;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tallylight::Tallylight;
use tallylight::secrets::Request;
use tokio::runtime;

use crate::rounds::{Contender, Loop, Plan, measure, median};
use crate::{Outcome, caches};

const GROUP: &str = "A cached read";
const PEER: &str = "aws_secretsmanager_caching, get_secret_value";
/// Longer than any run, so that every read is a hit.
const TTL: Duration = Duration::from_secs(3_600);
const THREADS: [usize; 2] = [1, 2];
/// The goal, in nanoseconds.
const GOAL: f64 = 25.0;

pub(crate) fn print(secret: &str, quick: bool) -> Outcome<()> {
    let contenders = contenders(secret)?;
    let plan = if quick {
        Plan {
            rounds: 3,
            slices: 10,
            slice: Duration::from_micros(20),
        }
    } else {
        Plan {
            rounds: 41,
            slices: 100,
            slice: Duration::from_micros(40),
        }
    };
    let measured = measure(&contenders, &THREADS, &plan);
    let mut rows = Vec::new();
    for (contender, by_threads) in contenders.iter().zip(measured) {
        for (&threads, values) in THREADS.iter().zip(by_threads) {
            rows.push(row(contender, threads, values));
        }
    }
    let document = json!({ "title": "Rust", "rows": rows, "environment": environment() });
    println!("{}", serde_json::to_string_pretty(&document)?);
    Ok(())
}

/// The median of the rounds, with the lowest and the highest of them.
fn row(contender: &Contender, threads: usize, values: Vec<f64>) -> Value {
    let least = values.iter().copied().fold(f64::NAN, f64::min);
    let most = values.iter().copied().fold(f64::NAN, f64::max);
    let mut goals = Vec::new();
    if !contender.peer && threads == 1 {
        goals.push(json!({ "text": format!("<= {GOAL} ns"), "limit": GOAL }));
    }
    json!({
        "group": GROUP, "name": contender.name, "peer": contender.peer, "threads": threads, "unit": "ns/op",
        "value": median(values), "min": least, "max": most, "goal": goals, "note": contender.note,
    })
}

/// Every cache warm, once for all threads.
fn contenders(secret: &str) -> Outcome<Vec<Contender>> {
    let io = runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let theirs = Arc::new(io.block_on(async {
        let cache = caches::peer(TTL).await?;
        cache.get_secret_value(secret, None, None, false).await?;
        Outcome::Ok(cache)
    })?);
    let ours = Arc::new(caches::ours(TTL)?);
    ours.secrets().get_blocking(&Request::new(secret))?;

    let shared = Arc::new([0u8; 32]);
    let name: Arc<str> = secret.into();
    let mut contenders = vec![
        Contender {
            name: "an Arc cloned and dropped",
            peer: true,
            note: Some("what any cache pays that hands out a shared value"),
            open: Box::new(move || {
                let shared = Arc::clone(&shared);
                Box::new(move |reads| {
                    for _ in 0..reads {
                        black_box(Arc::clone(black_box(&shared)));
                    }
                })
            }),
        },
        Contender {
            name: PEER,
            peer: true,
            note: Some("awaited; the value and its facts are copied"),
            open: {
                let name = Arc::clone(&name);
                Box::new(move || {
                    let (cache, name) = (Arc::clone(&theirs), Arc::clone(&name));
                    awaited(move |reads| {
                        let (cache, name) = (Arc::clone(&cache), Arc::clone(&name));
                        async move {
                            for _ in 0..reads {
                                let read =
                                    cache.get_secret_value(black_box(&name), None, None, false);
                                let _ = black_box(read.await);
                            }
                        }
                    })
                })
            },
        },
    ];
    contenders.push(our_loop("Tallylight, peek", &ours, &name, |ours, name| {
        black_box(ours.secrets().peek(&Request::new(name)));
    }));
    contenders.push(our_loop(
        "Tallylight, get_blocking",
        &ours,
        &name,
        |ours, name| {
            let _ = black_box(ours.secrets().get_blocking(&Request::new(name)));
        },
    ));
    contenders.push(Contender {
        name: "Tallylight, get",
        peer: false,
        note: Some("awaited"),
        open: Box::new(move || {
            let (ours, name) = (Arc::clone(&ours), Arc::clone(&name));
            awaited(move |reads| {
                let (ours, name) = (Arc::clone(&ours), Arc::clone(&name));
                async move {
                    let secrets = ours.secrets();
                    for _ in 0..reads {
                        let _ = black_box(secrets.get(black_box(&name)).await);
                    }
                }
            })
        }),
    });
    Ok(contenders)
}

/// A loop over one of our calls, which is inlined into it as into a user's code.
fn our_loop(
    name: &'static str,
    ours: &Arc<Tallylight>,
    secret: &Arc<str>,
    read: impl Fn(&Tallylight, &str) + Copy + Send + Sync + 'static,
) -> Contender {
    let (ours, secret) = (Arc::clone(ours), Arc::clone(secret));
    Contender {
        name,
        peer: false,
        note: None,
        open: Box::new(move || {
            let (ours, secret) = (Arc::clone(&ours), Arc::clone(&secret));
            Box::new(move |reads| {
                for _ in 0..reads {
                    read(&ours, black_box(&secret));
                }
            })
        }),
    }
}

/// A loop that awaits, on a runtime of its thread's own that is entered once a run.
fn awaited<F: Future<Output = ()>>(reads: impl Fn(usize) -> F + 'static) -> Loop {
    let runtime = runtime::Builder::new_current_thread().build();
    Box::new(move |count| {
        if let Ok(runtime) = &runtime {
            runtime.block_on(reads(count));
        }
    })
}

/// The versions as this build locked them.
fn environment() -> Value {
    let mut found = serde_json::Map::new();
    let mut name = "";
    for line in include_str!("../Cargo.lock").lines() {
        if let Some(value) = line.strip_prefix("name = ") {
            name = value.trim_matches('"');
        } else if let Some(version) = line.strip_prefix("version = ")
            && ["aws_secretsmanager_caching", "aws-sdk-secretsmanager"].contains(&name)
        {
            found.insert(name.into(), version.trim_matches('"').into());
        }
    }
    Value::Object(found)
}
