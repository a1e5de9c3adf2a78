//! Which threads of the blocking pool the reading of files may take.
//!
//! The keeper and the sealed cache read files through here. The invariant: a file system that hangs
//! takes a bounded number of threads, one of each of its folders, however often and for however many
//! secrets it is asked; the pool's others stay for look-ups of names, other files and the sealed cache.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use tokio::sync::Semaphore;
use tokio::task::{JoinError, spawn_blocking};

/// Some threads of the pool.
pub(super) struct FileThreads {
    all: Arc<Semaphore>,
    /// One at a time in each folder, which is as good as always on one file system.
    folders: RefCell<HashMap<PathBuf, Weak<Semaphore>>>,
}

impl FileThreads {
    pub(super) fn new(threads: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(threads)),
            folders: RefCell::default(),
        }
    }

    /// Has a thread do `job`, which reads `path`. Waits for as long as that takes, so callers bound
    /// it; a job that was begun keeps its thread until it ends, whoever still waits for it.
    ///
    /// # Errors
    /// The job panicked, or the runtime ends.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        path: &Path,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        // In this order: whoever waits for a folder holds no thread meanwhile. Neither is ever
        // closed, so both are always got.
        let folder = self.of(path).acquire_owned().await;
        let thread = Arc::clone(&self.all).acquire_owned().await;
        spawn_blocking(move || {
            let done = job();
            drop((folder, thread));
            done
        })
        .await
    }

    fn of(&self, path: &Path) -> Arc<Semaphore> {
        let mut folders = self.folders.borrow_mut();
        folders.retain(|_, known| known.strong_count() > 0);
        let folder = path.parent().unwrap_or(path);
        if let Some(known) = folders.get(folder).and_then(Weak::upgrade) {
            return known;
        }
        let fresh = Arc::new(Semaphore::new(1));
        folders.insert(folder.to_owned(), Arc::downgrade(&fresh));
        fresh
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const SOON: Duration = Duration::from_millis(50);

    fn run(test: impl Future<Output = ()>) {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(test);
    }

    /// A job that hangs until the sender goes.
    fn hang() -> (mpsc::Sender<()>, impl FnOnce() + Send + 'static) {
        let (release, hangs) = mpsc::channel::<()>();
        (release, move || {
            let _ = hangs.recv();
        })
    }

    #[test]
    fn a_folder_that_hangs_holds_up_itself_alone() {
        run(async {
            let threads = FileThreads::new(2);
            let (release, hangs) = hang();
            assert!(
                timeout(SOON, threads.run(Path::new("/a/1"), hangs))
                    .await
                    .is_err()
            );
            // Nobody waits for it any more, and it hangs all the same.
            let again = threads.run(Path::new("/a/2"), || ());
            assert!(timeout(SOON, again).await.is_err());
            assert_eq!(threads.run(Path::new("/b/1"), || 7).await.unwrap(), 7);
            drop(release);
            assert_eq!(threads.run(Path::new("/a/2"), || 8).await.unwrap(), 8);
        });
    }

    #[test]
    fn folders_that_hang_take_no_more_than_their_threads_and_a_panic_takes_none() {
        run(async {
            let threads = FileThreads::new(2);
            let (release, hangs) = hang();
            assert!(
                timeout(SOON, threads.run(Path::new("/a/1"), hangs))
                    .await
                    .is_err()
            );
            let fails = threads.run(Path::new("/b/1"), || panic!("on purpose"));
            assert!(fails.await.unwrap_err().is_panic());
            let (release_too, hangs) = hang();
            assert!(
                timeout(SOON, threads.run(Path::new("/b/1"), hangs))
                    .await
                    .is_err()
            );
            assert!(
                timeout(SOON, threads.run(Path::new("/c/1"), || ()))
                    .await
                    .is_err()
            );
            drop(release);
            threads.run(Path::new("/c/1"), || ()).await.unwrap();
            drop(release_too);
            threads.run(Path::new("/b/1"), || ()).await.unwrap();
            threads.run(Path::new("relative"), || ()).await.unwrap();
            // What nobody uses is not kept.
            threads.of(Path::new("/d/1"));
            assert_eq!(threads.folders.borrow().len(), 1);
        });
    }
}
