//! One request: read from the spool, made into an envelope, sent, and what its answer changes.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::{spawn_blocking, spawn_local};

use super::Worker;
use crate::errors::build::{self, How, Made};
use crate::errors::item::DiscardReason;
use crate::errors::report::Discards;
use crate::errors::settings::Settings;
use crate::errors::shared::Shared;
use crate::errors::state::Job;
use crate::errors::transport::{Answer, Transport};

/// After files hung, events go without what they tell for so long.
const WITHOUT_FILES: Duration = Duration::from_secs(60);

/// A job on its way. When it goes without an outcome (the I/O thread was stopped, a fault of ours),
/// its record waits again.
struct UnderWay {
    shared: Arc<Shared>,
    pump: Arc<super::Pump>,
    job: Option<Job>,
    report: Option<Discards>,
}

/// What became of a request.
enum Outcome {
    /// The server took it.
    Taken,
    /// It is for nobody: it is dropped.
    Dropped(DiscardReason, Option<String>),
    /// The server wants no more for now.
    Limited,
    /// Nobody answered, or a server that is out of order.
    Failed(String),
}

impl UnderWay {
    fn ended(mut self, outcome: Outcome, answer: Option<(&Answer, Discards)>) {
        let now = Instant::now();
        let job = self.job.take();
        let report = self.report.take();
        self.shared.with(|state| {
            state.under_way = state.under_way.saturating_sub(1);
            let is_flushing = !state.waiters.is_empty();
            if let Some((answer, left_out)) = answer {
                if matches!(outcome, Outcome::Taken) {
                    for (reason, category, count) in left_out.iter() {
                        state.note_drop(reason, category, count);
                    }
                }
                state.limits.learn(
                    answer.status,
                    answer.rate_limits.as_deref(),
                    answer.retry_after.as_deref(),
                    now,
                );
            }
            if let Some(told) = &report {
                state.is_reporting = false;
                if matches!(outcome, Outcome::Taken) {
                    state.last_report = Some(now);
                    state.reported(told);
                }
            }
            match (outcome, job) {
                (Outcome::Taken, job) => {
                    state.link.succeeded();
                    if let Some(job) = job {
                        state.finish(&job, Ok(()));
                    }
                }
                (Outcome::Dropped(reason, why), job) => {
                    state.link.succeeded();
                    if why.is_some() {
                        state.refusal = why;
                    }
                    match job {
                        Some(job) => state.finish(&job, Err(reason)),
                        // A server that takes no reports will take none later.
                        None => {
                            if let Some(told) = &report {
                                state.reported(told);
                            }
                        }
                    }
                }
                (Outcome::Limited, job) => {
                    state.link.refused();
                    if let Some(job) = job {
                        state.requeue(job.category, job.place, true);
                    }
                }
                (Outcome::Failed(why), job) => {
                    state.link.failed(why, is_flushing, now);
                    if let Some(job) = job {
                        // Another one may be taken where this one is not.
                        state.requeue(job.category, job.place, false);
                    }
                }
            }
        });
        self.pump.wake();
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let (job, report) = (self.job.take(), self.report.take());
        if job.is_none() && report.is_none() {
            return;
        }
        self.shared.with(|state| {
            state.under_way = state.under_way.saturating_sub(1);
            if report.is_some() {
                state.is_reporting = false;
            }
            if let Some(job) = job {
                state.requeue(job.category, job.place, true);
            }
        });
        self.pump.wake();
    }
}

impl Worker {
    pub(super) fn send(self: &Rc<Self>, mut job: Job, settings: &Arc<Settings>) {
        let report = job.report.take();
        job.segment.add_attempt(job.place.at);
        self.start(Some(job), report, settings);
    }

    pub(super) fn send_report(self: &Rc<Self>, report: Discards, settings: &Arc<Settings>) {
        self.start(None, Some(report), settings);
    }

    fn start(
        self: &Rc<Self>,
        job: Option<Job>,
        report: Option<Discards>,
        settings: &Arc<Settings>,
    ) {
        let under_way = UnderWay {
            shared: Arc::clone(&self.shared),
            pump: Arc::clone(&self.pump),
            job,
            report,
        };
        let worker = Rc::clone(self);
        let settings = Arc::clone(settings);
        spawn_local(async move { worker.deliver(under_way, &settings).await });
    }

    async fn deliver(self: Rc<Self>, under_way: UnderWay, settings: &Arc<Settings>) {
        let transport = match self.transport(settings).await {
            Ok(transport) => transport,
            Err(why) => return under_way.ended(Outcome::Failed(why), None),
        };
        let Some(made) = self.envelope(&under_way, settings).await else {
            let corrupt = Outcome::Dropped(DiscardReason::Corrupt, None);
            return under_way.ended(corrupt, None);
        };
        let target = settings
            .config
            .dsn
            .as_ref()
            .map_or_else(String::new, ToString::to_string);
        match transport.post(made.body).await {
            Ok(answer) => {
                let outcome = judge(&answer, &target);
                under_way.ended(outcome, Some((&answer, made.left_out)));
            }
            Err(why) => {
                let why = format!("{target} {why}; events are kept until it answers");
                under_way.ended(Outcome::Failed(why), None);
            }
        }
    }

    /// The way to the server, made at its first use and when the settings say another.
    async fn transport(&self, settings: &Arc<Settings>) -> Result<Rc<Transport>, String> {
        if let Some((made_by, transport)) = self.transport.borrow().as_ref()
            && made_by.config.dsn == settings.config.dsn
            && made_by.proxies == settings.proxies
            && made_by.config.request_timeout == settings.config.request_timeout
        {
            return Ok(Rc::clone(transport));
        }
        let with = Arc::clone(settings);
        let parts = spawn_blocking(move || {
            let dsn = with.config.dsn.as_ref().ok_or("there is no DSN")?;
            Transport::prepare(dsn, &with.proxies, with.config.request_timeout)
        });
        let parts = parts.await.map_err(|error| error.to_string())??;
        let transport = Rc::new(parts.assemble());
        *self.transport.borrow_mut() = Some((Arc::clone(settings), Rc::clone(&transport)));
        Ok(transport)
    }

    /// The envelope; `None` for a record that is damaged.
    async fn envelope(&self, under_way: &UnderWay, settings: &Arc<Settings>) -> Option<Made> {
        let now = self.shared.clock.wall();
        let limits = self.shared.with(|state| state.limits.clone())?;
        let make = {
            let settings = Arc::clone(settings);
            let record = under_way.job.as_ref().map(|job| {
                let facts = job.facts.clone();
                (Arc::clone(&job.segment), job.place.at, facts)
            });
            let report = under_way.report.clone();
            move |enriches: bool| {
                let mut how = How {
                    settings: &settings,
                    facts: None,
                    report: report.as_ref(),
                    limits: &limits,
                    enriches,
                    now,
                };
                let Some((segment, at, facts)) = &record else {
                    return Some(build::of_report(&how));
                };
                how.facts = facts.as_deref();
                build::of_record(&segment.read(*at)?, &how)
            }
        };
        let hang = self.slow_files_until.get();
        if hang.is_none_or(|until| until < Instant::now()) {
            let made = spawn_blocking({
                let make = make.clone();
                move || make(true)
            });
            match tokio::time::timeout(settings.config.request_timeout, made).await {
                Ok(Ok(made)) => return made,
                // A fault in what reads files: the event goes without.
                Ok(Err(_)) => {}
                // A file system hangs, and with it a thread of the pool.
                Err(_) => self
                    .slow_files_until
                    .set(Some(Instant::now() + WITHOUT_FILES)),
            }
        }
        make(false)
    }
}

/// What an answer means for what was sent.
fn judge(answer: &Answer, target: &str) -> Outcome {
    let said = if answer.text.is_empty() {
        String::new()
    } else {
        format!(" ({})", answer.text)
    };
    match answer.status {
        200..=299 => Outcome::Taken,
        429 => Outcome::Limited,
        408 | 500..=599 => Outcome::Failed(format!(
            "{target} answers {}{said}; events are kept until it takes them",
            answer.status
        )),
        413 => Outcome::Dropped(DiscardReason::TooLarge, None),
        401 | 403 | 404 => Outcome::Dropped(
            DiscardReason::SendError,
            Some(format!(
                "{target} answers {}{said}, and events are lost; check the DSN's key, host and project",
                answer.status
            )),
        ),
        status => Outcome::Dropped(
            DiscardReason::SendError,
            Some(format!("{target} refused an event with {status}{said}")),
        ),
    }
}
