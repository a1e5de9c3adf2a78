//! A credential that was just refused: one fresh value, one more try.

use std::fmt;
use std::future::Future;

use super::Secrets;
use super::call::keyed;
use super::get::Look;
use super::keeper::Wish;
use super::reply::gone;
use super::request::Request;
use super::value::Secret;
use crate::error::Error;

/// Why [`Secrets::with_secret`] failed.
#[derive(Debug)]
pub enum WithSecretError<E> {
    /// There was no value to call with.
    Secret(Error),
    /// The call failed: not as refused, or as refused again, or there is no newer value.
    Call(E),
}

impl<E: fmt::Display> fmt::Display for WithSecretError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret(error) => error.fmt(f),
            Self::Call(error) => error.fmt(f),
        }
    }
}

impl<E: std::error::Error> std::error::Error for WithSecretError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Secret(error) => error.source(),
            Self::Call(error) => error.source(),
        }
    }
}

impl Secrets {
    /// Another value than `refused`, which was just refused by whoever it is a credential for: the
    /// one at hand if it is another already, else the newest. Callers at one time share one reading,
    /// and a value that turns out to be the newest is not asked for again for a while.
    ///
    /// # Errors
    /// As [`Self::refresh`].
    pub fn refused_then(
        &self,
        request: &Request<'_>,
        refused: &Secret,
        done: impl FnOnce(Result<Secret, Error>) + Send + 'static,
    ) {
        if let Err(error) = request.check() {
            return done(Err(error));
        }
        let key = request.key.map(str::to_owned);
        // Whole values are compared: of a JSON secret the caller holds one key only.
        let whole = match (
            request.key,
            self.look(&Request {
                key: None,
                ..*request
            }),
        ) {
            (None, _) => Some(refused.clone()),
            (Some(key), Ok(Look::Hit(now))) => match now.json_key(key) {
                Ok(leaf) if leaf.same_value(refused) => Some(now),
                other => return done(other),
            },
            (Some(_), _) => None,
        };
        let wish = whole.map_or(Wish::Newest, Wish::OtherThan);
        self.ask(request, wish, move |answer| {
            done(keyed(answer, key.as_deref()));
        });
    }

    /// Another value than `refused`; see [`Self::refused_then`].
    ///
    /// # Errors
    /// As [`Self::refresh`].
    pub async fn refused(&self, request: &Request<'_>, refused: &Secret) -> Result<Secret, Error> {
        let (done, answer) = tokio::sync::oneshot::channel();
        self.refused_then(request, refused, move |result| {
            let _ = done.send(result);
        });
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    /// As [`Self::refused`], waiting on this thread.
    ///
    /// # Errors
    /// As [`Self::refresh`].
    pub fn refused_blocking(
        &self,
        request: &Request<'_>,
        refused: &Secret,
    ) -> Result<Secret, Error> {
        self.wait(
            &Request {
                key: None,
                ..*request
            },
            |done| {
                self.refused_then(request, refused, done);
            },
        )
    }

    /// Calls `call` with the value; when it fails as refused, refreshes once, and if that brings
    /// another value, calls once more with it. Which errors mean that a credential was refused (HTTP
    /// 401 or 403, PostgreSQL's `28P01`) `is_refused` says.
    ///
    /// # Errors
    /// [`WithSecretError::Secret`] without a value to call with, [`WithSecretError::Call`] with the
    /// call's own error.
    ///
    /// ```no_run
    /// # use tallylight::secrets::{Request, Secret};
    /// # async fn query(password: &str) -> Result<u64, std::io::Error> { Ok(1) }
    /// # async fn example(tally: tallylight::Tallylight) -> Result<(), Box<dyn std::error::Error>> {
    /// let rows = tally
    ///     .secrets()
    ///     .with_secret(
    ///         &Request::new("cineview-supabase-service-role"),
    ///         |secret: Secret| async move { query(secret.reveal().unwrap_or_default()).await },
    ///         |error| error.kind() == std::io::ErrorKind::PermissionDenied,
    ///     )
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn with_secret<T, E, F>(
        &self,
        request: &Request<'_>,
        mut call: impl FnMut(Secret) -> F,
        is_refused: impl Fn(&E) -> bool,
    ) -> Result<T, WithSecretError<E>>
    where
        F: Future<Output = Result<T, E>>,
    {
        let secret = self
            .get_with(request)
            .await
            .map_err(WithSecretError::Secret)?;
        match call(secret.clone()).await {
            Err(error) if is_refused(&error) => match self.refused(request, &secret).await {
                Ok(newer) if !newer.same_value(&secret) => {
                    call(newer).await.map_err(WithSecretError::Call)
                }
                // What the call said is the better answer than why there is nothing newer.
                _ => Err(WithSecretError::Call(error)),
            },
            other => other.map_err(WithSecretError::Call),
        }
    }

    /// As [`Self::with_secret`], on this thread.
    ///
    /// # Errors
    /// As [`Self::with_secret`].
    pub fn with_secret_blocking<T, E>(
        &self,
        request: &Request<'_>,
        mut call: impl FnMut(Secret) -> Result<T, E>,
        is_refused: impl Fn(&E) -> bool,
    ) -> Result<T, WithSecretError<E>> {
        let secret = self
            .get_blocking(request)
            .map_err(WithSecretError::Secret)?;
        match call(secret.clone()) {
            Err(error) if is_refused(&error) => match self.refused_blocking(request, &secret) {
                Ok(newer) if !newer.same_value(&secret) => {
                    call(newer).map_err(WithSecretError::Call)
                }
                _ => Err(WithSecretError::Call(error)),
            },
            other => other.map_err(WithSecretError::Call),
        }
    }
}
