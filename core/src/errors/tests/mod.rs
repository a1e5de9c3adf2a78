//! Tests of the whole pipeline, from inside.

mod fault;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder that goes with its test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn folder(name: &str) -> Folder {
    use std::os::unix::fs::DirBuilderExt;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let path =
        std::env::temp_dir().join(format!("tallylight-{}-{name}-{number}", std::process::id()));
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(&path)
        .unwrap();
    Folder(path)
}

/// Set in processes whose every record is looked at afterwards.
const KEEP: &str = "TALLYLIGHT_TEST_KEEP_FILES";

/// Whether segments stay when nothing more is in them.
pub(crate) fn keeps_files() -> bool {
    std::env::var_os(KEEP).is_some()
}
