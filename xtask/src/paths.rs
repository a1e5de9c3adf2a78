//! Where things are. Every other module asks here, so that a folder is named in one place.

use std::env;
use std::path::{Path, PathBuf};

/// The repository's root: this crate's parent folder.
pub(crate) fn root() -> PathBuf {
    let manifest =
        env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&manifest)
        .parent()
        .map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// A path inside the repository.
pub(crate) fn at(relative: &str) -> PathBuf {
    root().join(relative)
}

/// Cargo's target folder, which `CARGO_TARGET_DIR` may have moved.
pub(crate) fn target() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(moved) => root().join(moved),
        None => root().join("target"),
    }
}

/// The logs of the steps, one file each.
pub(crate) fn logs() -> PathBuf {
    target().join("xtask-logs")
}

/// What was set up last, as hashes.
pub(crate) fn stamps() -> PathBuf {
    target().join("xtask-stamps")
}

/// The Python virtual environment.
pub(crate) fn venv() -> PathBuf {
    root().join(".venv")
}

/// The virtual environment's interpreter.
pub(crate) fn venv_python() -> PathBuf {
    venv().join("bin/python")
}

/// A virtual environment of something that tests run against: apart, so that its packages never meet ours.
pub(crate) fn server_venv(name: &str) -> PathBuf {
    target().join("services").join(name)
}

/// That environment's interpreter.
pub(crate) fn server_python(name: &str) -> PathBuf {
    server_venv(name).join("bin/python")
}

/// A path as the user would type it: relative to the root when it lies inside.
pub(crate) fn shown(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .display()
        .to_string()
}
