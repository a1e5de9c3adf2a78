//! One cache in a process of its own, read as its standard input says: whoever drives it puts faults before the cache
//! and counts its calls.

use std::collections::BTreeMap;
use std::future::Future;
use std::io::{BufRead, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_secretsmanager::error::ErrorMetadata;
use serde_json::{Value, json};
use tallylight::secrets::Request;
use tokio::runtime;
use tokio::sync::Barrier;

use crate::{Outcome, caches};

/// What one read came to: the value, or what the error says.
type Answer = Result<String, String>;

pub(crate) fn answer(who: &str, secret: &str, ttl_ms: u64) -> Outcome<()> {
    let ttl = Duration::from_millis(ttl_ms);
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    let secret: Arc<str> = secret.into();
    match who {
        "tallylight" => {
            let cache = Arc::new(caches::ours(ttl)?);
            serve(&runtime, move || {
                let (cache, secret) = (Arc::clone(&cache), Arc::clone(&secret));
                async move {
                    let read = cache.secrets().get_with(&Request::new(&secret)).await;
                    let value = read.and_then(|secret| secret.reveal().map(str::to_owned));
                    value.map_err(|error| error.kind().code().to_owned())
                }
            })
        }
        "caching" => {
            let cache = Arc::new(runtime.block_on(caches::peer(ttl))?);
            serve(&runtime, move || {
                let (cache, secret) = (Arc::clone(&cache), Arc::clone(&secret));
                async move {
                    let read = cache.get_secret_value(&secret, None, None, false).await;
                    read.map(|output| output.secret_string.unwrap_or_default())
                        .map_err(|error| innermost(&*error))
                }
            })
        }
        _ => Err(format!("nobody is called {who}").into()),
    }
}

/// AWS's word for the error that started it, else what it says: the SDK's own says `service error`.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    let code = inner
        .downcast_ref::<ErrorMetadata>()
        .and_then(ErrorMetadata::code);
    code.map_or_else(|| inner.to_string(), str::to_owned)
}

/// Answers `read N`, line by line, until the input ends.
fn serve<F>(
    runtime: &runtime::Runtime,
    read: impl Fn() -> F + Clone + Send + 'static,
) -> Outcome<()>
where
    F: Future<Output = Answer> + Send + 'static,
{
    println!("{{\"ready\":true}}");
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let count = line.strip_prefix("read ").ok_or("give `read N`")?.parse()?;
        let answers = runtime.block_on(at_once(count, &read));
        println!("{}", summary(&answers));
        std::io::stdout().flush()?;
    }
    // The runtime and the caches end with the process, whatever they still wait for.
    std::process::exit(0);
}

async fn at_once<F>(count: usize, read: &(impl Fn() -> F + Clone)) -> Vec<(Answer, Duration)>
where
    F: Future<Output = Answer> + Send + 'static,
{
    let together = Arc::new(Barrier::new(count));
    let readers: Vec<_> = (0..count)
        .map(|_| {
            let (together, reading) = (Arc::clone(&together), read());
            tokio::spawn(async move {
                together.wait().await;
                let start = Instant::now();
                let answer = reading.await;
                (answer, start.elapsed())
            })
        })
        .collect();
    let mut answers = Vec::with_capacity(count);
    for reader in readers {
        match reader.await {
            Ok(answer) => answers.push(answer),
            Err(error) => answers.push((Err(error.to_string()), Duration::ZERO)),
        }
    }
    answers
}

/// How often each value and each error came, and how long the slowest waited.
fn summary(answers: &[(Answer, Duration)]) -> Value {
    let mut values: BTreeMap<&str, usize> = BTreeMap::new();
    let mut errors: BTreeMap<&str, usize> = BTreeMap::new();
    for (answer, _) in answers {
        match answer {
            Ok(value) => *values.entry(value).or_default() += 1,
            Err(error) => *errors.entry(error).or_default() += 1,
        }
    }
    let slowest = answers.iter().map(|(_, waited)| *waited).max();
    json!({
        "values": values,
        "errors": errors,
        "slowest_ms": slowest.unwrap_or_default().as_secs_f64() * 1_000.0,
    })
}
