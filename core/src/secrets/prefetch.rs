//! Reading many secrets at once, as a service does at its start.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use super::call::give;
use super::get::Look;
use super::keeper::{self, Wish};
use super::reply::Reply;
use super::{Request, Secret, Secrets};
use crate::block_on::block_on;
use crate::error::Error;

impl Secrets {
    /// Reads many secrets at once, those of AWS in batches of 20, and answers for each; without names
    /// those that are declared.
    pub async fn prefetch(&self, names: &[&str]) -> Vec<(String, Result<Secret, Error>)> {
        let (done, mut answers) = tokio::sync::mpsc::unbounded_channel();
        self.prefetch_then(names, move |name, answer| {
            let _ = done.send((name, answer));
        });
        let mut all = Vec::new();
        while let Some(answer) = answers.recv().await {
            all.push(answer);
        }
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }

    /// As [`Self::prefetch`], waiting on this thread.
    #[must_use]
    pub fn prefetch_blocking(&self, names: &[&str]) -> Vec<(String, Result<Secret, Error>)> {
        let wanted = self.wanted(names);
        let until = Instant::now() + self.patience(&Request::new(""), 1);
        let (done, mut answers) = tokio::sync::mpsc::unbounded_channel();
        self.prefetch_then(names, move |name, answer| {
            let _ = done.send((name, answer));
        });
        let mut all = BTreeMap::new();
        let left = || until.saturating_duration_since(Instant::now());
        while let Some(Some((name, answer))) = block_on(answers.recv(), Some(left())) {
            all.insert(name, answer);
        }
        for name in wanted {
            all.entry(name)
                .or_insert_with_key(|name| Err(Self::unanswered(name)));
        }
        all.into_iter().collect()
    }

    /// Each of these names once, of the declared ones without any.
    fn wanted(&self, names: &[&str]) -> BTreeSet<String> {
        if names.is_empty() {
            let declared = self.declared().into_iter();
            return declared.map(|known| known.name).collect();
        }
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    /// As [`Self::prefetch`]: `done` gets each answer, on this thread or the I/O thread.
    pub fn prefetch_then(
        &self,
        names: &[&str],
        done: impl Fn(String, Result<Secret, Error>) + Clone + Send + 'static,
    ) {
        let mut asks = Vec::new();
        for own in self.wanted(names) {
            let name = own.clone();
            let request = Request::new(&name);
            let answer = done.clone();
            match self.look(&request) {
                Ok(Look::Hit(secret)) => done(own, Ok(secret)),
                Ok(Look::Refused(error)) | Err(error) => done(own, Err(error)),
                Ok(Look::Ask) => {
                    let reply = Reply::new(move |result| answer(own, result));
                    match self.prepare(&request, Wish::Value(None), Some(reply)) {
                        Ok(ask) => asks.push(ask),
                        Err((error, reply)) => give(reply, error),
                    }
                }
            }
        }
        if asks.is_empty() {
            return;
        }
        let shared = Arc::clone(&self.shared);
        // On failure the asks are dropped with the job, and their replies answer by themselves.
        let _ = self.shared.io.submit(move || {
            keeper::with(&shared, |keeper, shared| keeper.prefetch(shared, asks));
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use crate::secrets::{Request, SecretsConfig};
    use crate::{Config, ErrorKind, Tallylight};

    #[test]
    fn no_blocking_call_rests_on_the_io_thread_alone() {
        let tally = Tallylight::new(Config {
            environment: Some("production".to_owned()),
            secrets: SecretsConfig {
                deadline: Duration::from_millis(200),
                ..SecretsConfig::default()
            },
            ..Config::default()
        })
        .unwrap();
        let secrets = tally.secrets();
        secrets.set_override("at-hand", "value").unwrap();
        // Whatever a thread may hang in.
        let hangs = || std::thread::sleep(Duration::from_secs(6));
        secrets.shared.io.submit(hangs).unwrap();
        let began = Instant::now();
        let request = Request::new("never-answered");
        let of_many = secrets.prefetch_blocking(&["at-hand", "never-answered", "nor this"]);
        let of_many: Vec<_> = of_many
            .into_iter()
            .map(|(name, answer)| (name, answer.map(drop).map_err(|error| error.kind())))
            .collect();
        assert_eq!(
            of_many,
            [
                ("at-hand".to_owned(), Ok(())),
                ("never-answered".to_owned(), Err(ErrorKind::Timeout)),
                ("nor this".to_owned(), Err(ErrorKind::InvalidName)),
            ]
        );
        for answer in [
            secrets.get_blocking(&request),
            secrets.refresh_blocking(&request),
            secrets.both_blocking(&request).map(|both| both.current),
        ] {
            assert_eq!(answer.unwrap_err().kind(), ErrorKind::Timeout);
        }
        assert!(secrets.peek(&request).is_none());
        let took = began.elapsed();
        assert!(took < Duration::from_secs(4), "{took:?}");
    }
}
