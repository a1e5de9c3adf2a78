//! Reading many secrets at once, as a service does at its start.

use std::sync::Arc;

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
        block_on(self.prefetch(names), None).unwrap_or_default()
    }

    /// As [`Self::prefetch`]: `done` gets each answer, on this thread or the I/O thread.
    pub fn prefetch_then(
        &self,
        names: &[&str],
        done: impl Fn(String, Result<Secret, Error>) + Clone + Send + 'static,
    ) {
        let declared: Vec<String>;
        let mut wanted: Vec<&str> = names.to_vec();
        if names.is_empty() {
            declared = self
                .declared()
                .into_iter()
                .map(|known| known.name)
                .collect();
            wanted = declared.iter().map(String::as_str).collect();
        }
        wanted.sort_unstable();
        wanted.dedup();
        let mut asks = Vec::new();
        for name in wanted {
            let request = Request::new(name);
            let answer = done.clone();
            let own = name.to_owned();
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
