//! What a child process inherits from us, and what it must not.

use std::path::PathBuf;
use std::process::Command;

use crate::paths;

/// The folder below which processes keep what outlives them: the spool of events.
const STATE: &str = "XDG_STATE_HOME";

/// Where this run's children spool their events: not where the user's own services do, and not where an earlier run
/// left any.
fn state() -> PathBuf {
    paths::target().join(format!("services/state-{}", std::process::id()))
}

/// Removes what this run's children spooled.
pub(crate) fn forget_state() {
    let _ = std::fs::remove_dir_all(state());
}

/// Gives a child what it may inherit: no colours, which would hide the counts; not cargo's variables about xtask itself,
/// which would make build scripts run anew; and nothing by which its events would reach the user's own Sentry or spool.
pub(crate) fn plain(command: &mut Command) {
    for (key, _) in std::env::vars_os() {
        let Some(key) = key.to_str() else { continue };
        let about_xtask = key.starts_with("CARGO_PKG_")
            || key.starts_with("CARGO_BIN_")
            || key.starts_with("CARGO_MANIFEST_")
            || matches!(
                key,
                "CARGO" | "CARGO_CRATE_NAME" | "CARGO_PRIMARY_PACKAGE" | "OUT_DIR"
            );
        let about_sentry = key.starts_with("SENTRY_")
            || key.starts_with("NEXT_PUBLIC_SENTRY_")
            || matches!(key, "TALLYLIGHT_DSN" | "TALLYLIGHT_SPOOL_DIR");
        if about_xtask || about_sentry {
            command.env_remove(key);
        }
    }
    command
        .env("CARGO_TERM_COLOR", "never")
        .env("CARGO_TERM_PROGRESS_WHEN", "never")
        .env("NO_COLOR", "1")
        .env(STATE, state())
        .env_remove("FORCE_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .env_remove("LD_LIBRARY_PATH");
    // `cargo run` puts its own libraries first, which are not those of another toolchain.
    if let Some(libraries) = std::env::var_os("LD_LIBRARY_PATH") {
        let target = paths::target();
        let kept: Vec<PathBuf> = std::env::split_paths(&libraries)
            .filter(|path| {
                !path.starts_with(&target)
                    && !path.components().any(|c| c.as_os_str() == "toolchains")
            })
            .collect();
        if let (false, Ok(joined)) = (kept.is_empty(), std::env::join_paths(&kept)) {
            command.env("LD_LIBRARY_PATH", joined);
        }
    }
    // So that cargo, maturin and napi build against one interpreter and share what they built.
    let python = paths::venv_python();
    if python.exists() {
        command.env("PYO3_PYTHON", python);
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn a_childs_events_stay_in_the_target_folder() {
        let mut command = Command::new("true");
        plain(&mut command);
        let spool = command
            .get_envs()
            .find(|(key, _)| *key == OsStr::new(STATE))
            .and_then(|(_, value)| value);
        assert!(spool.is_some_and(|folder| PathBuf::from(folder).starts_with(paths::target())));
    }
}
