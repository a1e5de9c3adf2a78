//! Secrets: requests in, handles and promises out. The TypeScript keeps what it was answered for as
//! long as the epoch stands, so a hit comes here once an epoch.

pub mod changes;
pub mod epoch;
pub mod settings;
pub mod value;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use napi::Env;
use napi::bindgen_prelude::{Either, External, Object, Uint8Array};
use napi_derive::napi;
use tallylight::secrets::{Both, Request};
use tallylight::{Error, Secret};

use crate::boundary::{Result, Thrown, contained};
use crate::promise::{Done, now_or_later};
use value::SecretValue;

/// The longest time that means anything here, in milliseconds.
const LONGEST_MS: f64 = 1e12;

/// What is asked for.
#[napi(object)]
pub struct SecretRequest {
    /// Its name or ARN.
    pub name: String,
    /// One key of a JSON secret.
    pub key: Option<String>,
    /// The version with this stage.
    pub stage: Option<String>,
    /// The version with this id.
    pub version: Option<String>,
    /// How old the value may be, in milliseconds.
    pub max_age: Option<f64>,
    /// How long to wait at most, in milliseconds.
    pub deadline: Option<f64>,
}

impl SecretRequest {
    fn borrowed(&self) -> Request<'_> {
        // The face lets numbers from 0 through only.
        let millis = |ms: f64| Duration::from_secs_f64(ms.clamp(0.0, LONGEST_MS) / 1e3);
        Request {
            name: &self.name,
            key: self.key.as_deref(),
            stage: self.stage.as_deref(),
            version: self.version.as_deref(),
            max_age: self.max_age.map(millis),
            deadline: self.deadline.map(millis),
        }
    }
}

/// The current value and the one before.
#[napi(object, object_from_js = false)]
pub struct BothValues {
    /// The current one.
    pub current: SecretValue,
    /// The one before, if there is one.
    pub previous: Option<SecretValue>,
}

impl From<Both> for BothValues {
    fn from(both: Both) -> Self {
        Self {
            current: both.current.into(),
            previous: both.previous.map(SecretValue::from),
        }
    }
}

/// One answer of many.
#[napi(object, object_from_js = false)]
pub struct Prefetched {
    /// The name it was asked for by.
    pub name: String,
    /// The secret.
    pub value: Option<SecretValue>,
    /// Why there is none.
    #[napi(ts_type = "Error")]
    pub error: Option<Thrown>,
}

/// A secret that is not as the caller has it, or a note that it is the same.
#[napi(object, object_from_js = false)]
pub struct Newer {
    /// The newer secret; none when the newest is the one that was refused.
    pub value: Option<SecretValue>,
}

/// A declared secret.
#[napi(object, object_from_js = false)]
pub struct DeclaredSecret {
    /// Its name.
    pub name: String,
    /// Further variables that hold it.
    pub aliases: Vec<String>,
    /// What it is.
    pub description: String,
}

/// An answer at hand, or a promise of it.
type Answer<'env, T> = Either<T, Object<'env>>;

/// The value, from the cache or its source.
#[napi(ts_return_type = "SecretValue | Promise<SecretValue>")]
pub fn get_secret(env: &Env, request: SecretRequest) -> Result<Answer<'_, SecretValue>> {
    contained(|| {
        let tally = tallylight::global()?;
        now_or_later(env, SecretValue::from, |done| {
            tally.secrets().get_then(&request.borrowed(), done);
        })
    })
}

/// The value if it is at hand.
#[napi]
pub fn peek_secret(request: SecretRequest) -> Result<Option<SecretValue>> {
    contained(|| {
        let secret = tallylight::global()?.secrets().peek(&request.borrowed());
        Ok(secret.map(SecretValue::from))
    })
}

/// The value if it is at hand, else why there is none.
#[napi]
pub fn get_secret_sync(request: SecretRequest) -> Result<SecretValue> {
    contained(|| {
        let secret = tallylight::global()?
            .secrets()
            .get_sync(&request.borrowed());
        secret.map(SecretValue::from)
    })
}

/// The newest value, from its source.
#[napi(ts_return_type = "SecretValue | Promise<SecretValue>")]
pub fn refresh_secret(env: &Env, request: SecretRequest) -> Result<Answer<'_, SecretValue>> {
    contained(|| {
        let tally = tallylight::global()?;
        now_or_later(env, SecretValue::from, |done| {
            tally.secrets().refresh_then(&request.borrowed(), done);
        })
    })
}

/// Another value than the one of `handle`, which was refused.
#[napi(ts_return_type = "Newer | Promise<Newer>")]
pub fn refused_secret<'env>(
    env: &'env Env,
    request: SecretRequest,
    #[napi(ts_arg_type = "unknown")] handle: &External<Secret>,
) -> Result<Answer<'env, Newer>> {
    contained(|| {
        let tally = tallylight::global()?;
        let refused = Secret::clone(handle);
        let newer = {
            let refused = refused.clone();
            move |secret: Secret| Newer {
                value: (!secret.same_value(&refused)).then(|| secret.into()),
            }
        };
        now_or_later(env, newer, |done| {
            tally
                .secrets()
                .refused_then(&request.borrowed(), &refused, done);
        })
    })
}

/// The current value and the one before.
#[napi(ts_return_type = "BothValues | Promise<BothValues>")]
pub fn both_secrets(env: &Env, request: SecretRequest) -> Result<Answer<'_, BothValues>> {
    contained(|| {
        let tally = tallylight::global()?;
        now_or_later(env, BothValues::from, |done| {
            tally.secrets().both_then(&request.borrowed(), done);
        })
    })
}

type Answers = Vec<(String, Result<Secret, Error>)>;

/// Gathers the answers of a prefetch, which is over when nobody holds this any more.
struct Gathering {
    answers: Mutex<Answers>,
    done: Mutex<Option<Done<Answers>>>,
}

impl Drop for Gathering {
    fn drop(&mut self) {
        let answers = self
            .answers
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        let done = self.done.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(done) = done.take() {
            done(Ok(std::mem::take(answers)));
        }
    }
}

/// Reads many at once, those that are declared without names.
#[napi(ts_return_type = "Array<Prefetched> | Promise<Array<Prefetched>>")]
pub fn prefetch_secrets(env: &Env, names: Vec<String>) -> Result<Answer<'_, Vec<Prefetched>>> {
    contained(|| {
        let tally = tallylight::global()?;
        let prefetched = |answers: Answers| {
            let one = |(name, answer): (String, Result<Secret, Error>)| {
                let (value, error) = match answer {
                    Ok(secret) => (Some(secret.into()), None),
                    Err(error) => (None, Some(Thrown(error))),
                };
                Prefetched { name, value, error }
            };
            answers.into_iter().map(one).collect()
        };
        now_or_later(env, prefetched, |done| {
            let gathering = Arc::new(Gathering {
                answers: Mutex::default(),
                done: Mutex::new(Some(done)),
            });
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            tally.secrets().prefetch_then(&names, move |name, answer| {
                let mut answers = gathering
                    .answers
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                answers.push((name, answer));
            });
        })
    })
}

/// The same text without the value of any known secret; null when there was none in it.
#[napi]
pub fn scrub(text: String) -> Result<Option<String>> {
    contained(|| {
        let scrubbed = tallylight::scrub(&text);
        Ok((*scrubbed != text).then(|| scrubbed.into_owned()))
    })
}

/// Sets a value for this process that is answered before every source.
#[napi]
pub fn set_secret_override(name: String, value: Uint8Array) -> Result<()> {
    contained(|| {
        let tally = tallylight::global()?;
        tally.secrets().set_override(&name, value.to_vec())
    })
}

/// Ends an override.
#[napi]
pub fn clear_secret_override(name: String) -> Result<()> {
    contained(|| {
        tallylight::global()?.secrets().clear_override(&name);
        Ok(())
    })
}

/// The secrets that this service declares.
#[napi]
pub fn declared_secrets() -> Result<Vec<DeclaredSecret>> {
    contained(|| {
        let declared = tallylight::global()?.secrets().declared();
        Ok(declared
            .into_iter()
            .map(|known| DeclaredSecret {
                name: known.name,
                aliases: known.aliases,
                description: known.description,
            })
            .collect())
    })
}
