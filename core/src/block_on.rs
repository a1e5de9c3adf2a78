//! Waiting on this thread for a future that another thread completes, with a limit.
//!
//! For blocking faces of asynchronous calls: needs no runtime and may be called inside one.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

/// What `future` answers; `None` when `limit` passed first. Without a limit it waits for good.
pub(crate) fn block_on<F: Future>(future: F, limit: Option<Duration>) -> Option<F::Output> {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let until = limit.and_then(|limit| Instant::now().checked_add(limit));
    loop {
        if let Poll::Ready(answer) = future.as_mut().poll(&mut context) {
            return Some(answer);
        }
        match until {
            None => thread::park(),
            Some(until) => match until.checked_duration_since(Instant::now()) {
                Some(left) if !left.is_zero() => thread::park_timeout(left),
                _ => return None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_answers_what_another_thread_sends() {
        let (send, receive) = tokio::sync::oneshot::channel();
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            send.send(7)
        });
        assert_eq!(block_on(receive, None), Some(Ok(7)));
    }

    #[test]
    fn it_ends_at_its_limit() {
        assert_eq!(
            block_on(
                std::future::pending::<()>(),
                Some(Duration::from_millis(10))
            ),
            None
        );
    }
}
