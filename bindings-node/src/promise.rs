//! An answer that is at hand, or a promise of it.
//!
//! The core answers on the calling thread when it can, else on its I/O thread. A promise that was
//! handed out keeps the process alive until it is settled, as any awaited work does. Where the
//! worker that waits has ended meanwhile, the answer is dropped.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use napi::bindgen_prelude::{Either, Object, ToNapiValue};
use napi::{Env, JsDeferred};
use tallylight::{Error, ErrorKind};

use crate::boundary::rejection;

/// Runs on the environment's own thread, and makes what the promise resolves to.
type Resolver<D> = Box<dyn FnOnce(Env) -> napi::Result<D> + Send>;

/// Who takes the answer; called once, on any thread.
pub(crate) type Done<T> = Box<dyn FnOnce(Result<T, Error>) + Send>;

enum Answer<T, D: ToNapiValue> {
    Awaited,
    Given(Result<T, Error>),
    Promised(JsDeferred<D, Resolver<D>>),
    Settled,
}

/// Asks, and answers what `convert` makes of the answer, or a promise of that.
pub(crate) fn now_or_later<'env, T, D>(
    env: &'env Env,
    convert: impl FnOnce(T) -> D + Clone + Send + 'static,
    ask: impl FnOnce(Done<T>),
) -> Result<Either<D, Object<'env>>, Error>
where
    T: Send + 'static,
    D: ToNapiValue + 'static,
{
    let shared = Arc::new(Mutex::new(Answer::Awaited));
    let given = Arc::clone(&shared);
    let later = convert.clone();
    ask(Box::new(move |result| give(&given, result, later)));
    let mut answer = lock(&shared);
    match std::mem::replace(&mut *answer, Answer::Settled) {
        Answer::Given(result) => result.map(|value| Either::A(convert(value))),
        _ => {
            let (deferred, promise) = env.create_deferred().map_err(|error| {
                Error::new(
                    ErrorKind::Internal,
                    format!("the runtime made no promise: {}", error.reason),
                )
            })?;
            *answer = Answer::Promised(deferred);
            Ok(Either::B(promise))
        }
    }
}

fn give<T, D>(
    shared: &Mutex<Answer<T, D>>,
    result: Result<T, Error>,
    convert: impl FnOnce(T) -> D + Send + 'static,
) where
    T: Send + 'static,
    D: ToNapiValue + 'static,
{
    let mut answer = lock(shared);
    match std::mem::replace(&mut *answer, Answer::Settled) {
        Answer::Promised(deferred) => {
            drop(answer);
            deferred.resolve(Box::new(move |env| {
                // A panic must not cross into Node, which calls this.
                match catch_unwind(AssertUnwindSafe(|| result.map(convert))) {
                    Ok(Ok(value)) => Ok(value),
                    Ok(Err(error)) => Err(rejection(env, &error)),
                    Err(payload) => Err(rejection(env, &Error::from_panic(&*payload))),
                }
            }));
        }
        _ => *answer = Answer::Given(result),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
