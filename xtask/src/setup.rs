//! `cargo xtask setup`: from a bare clone to everything that a build, a test or the demo needs.
//!
//! Each part is skipped while the hash of what it installs from is the one of the last time.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use crate::failure::{Doing, Failure, Result};
use crate::process::Step;
use crate::requirements::{Found, Requirements};
use crate::{paths, report};

const PIP_INSTALL: [&str; 7] = [
    "-m",
    "pip",
    "install",
    "--quiet",
    "--disable-pip-version-check",
    "--no-input",
    "-r",
];

/// Check the requirements, make the virtual environment and install the development packages.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo xtask setup             # once after cloning; later runs skip what is up to date
  cargo xtask setup --force     # installs everything again
  cargo xtask setup --check     # only says what is there and what is missing")]
pub(crate) struct Options {
    /// Install again, even what is up to date
    #[arg(long)]
    force: bool,
    /// Only look: install nothing
    #[arg(long, conflicts_with = "force")]
    check: bool,
    /// Never call apt-get, even as root on Debian with something missing
    #[arg(long)]
    no_system_packages: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let requirements =
        Requirements::look_or_install(!options.check && !options.no_system_packages)?;
    let mut rows = vec![vec!["requirement".to_string(), "found".to_string()]];
    for (name, tool) in requirements.all() {
        let found = match tool {
            Ok(found) => found.version.clone(),
            Err(missing) => format!("MISSING: {}", missing.sentence()),
        };
        rows.push(vec![name.to_string(), found]);
    }
    report::data(report::table(&rows).trim_end());
    requirements.complete()?;
    if options.check {
        return Ok(());
    }
    if options.force {
        // The stamps alone are the memory of what is up to date.
        let _ = fs::remove_dir_all(paths::stamps());
    }
    everything(&requirements)?;
    if let Ok(found) = &requirements.python {
        moto(found)?;
        // Only some tests need these: without them they are skipped.
        for optional in [bugsink(found), relay(found)] {
            match optional {
                Err(failure) if failure.is_interrupt() => return Err(failure),
                Err(failure) => report::warn(&failure.to_string()),
                Ok(()) => {}
            }
        }
    }
    report::say("setup: ready. Next: `cargo xtask demo` or `cargo xtask test`.");
    Ok(())
}

/// Sets up both languages side by side: one waits for its packages while the other unpacks.
pub(crate) fn everything(requirements: &Requirements) -> Result<()> {
    let python = match &requirements.python {
        Ok(found) => found,
        Err(missing) => return Err(missing.failure()),
    };
    requirements
        .for_node()
        .map_err(|missing| missing.failure())?;
    let (first, second) = thread::scope(|scope| {
        let other = scope.spawn(|| self::python(python));
        let first = node();
        (first, other.join())
    });
    first?;
    second.unwrap_or_else(|_| Err(Failure::new("the Python setup broke off")))
}

/// The npm packages of the Node binding.
pub(crate) fn node() -> Result<()> {
    let folder = paths::at("bindings-node");
    let lock = folder.join("package-lock.json");
    let stamp = Stamp::of("npm", &[&folder.join("package.json"), &lock], "")?;
    if stamp.holds() && folder.join("node_modules").is_dir() {
        return Ok(());
    }
    Step::npm(
        "setup-npm",
        &folder,
        ["ci", "--no-audit", "--no-fund", "--loglevel=error"],
    )
    .run()
    .map_err(offline_hint)?;
    stamp.write()
}

/// The npm packages of an example, which depends on the binding beside it.
pub(crate) fn node_example(folder: &Path) -> Result<()> {
    let manifest = folder.join("package.json");
    let lock = folder.join("package-lock.json");
    let name = folder
        .file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let mut sources = vec![manifest.as_path()];
    if lock.exists() {
        sources.push(&lock);
    }
    let stamp = Stamp::of(&format!("npm-{name}"), &sources, "")?;
    if stamp.holds() && folder.join("node_modules").is_dir() {
        return Ok(());
    }
    let command = if lock.exists() { "ci" } else { "install" };
    Step::npm(
        &format!("setup-npm-{name}"),
        folder,
        [command, "--no-audit", "--no-fund", "--loglevel=error"],
    )
    .run()
    .map_err(offline_hint)?;
    stamp.write()
}

/// The virtual environment and its packages.
pub(crate) fn python(interpreter: &Found) -> Result<()> {
    let wanted = paths::at("bindings-python/requirements-dev.txt");
    let stamp = Stamp::of("python", &[&wanted], &interpreter.version)?;
    if stamp.holds() && paths::venv_python().exists() {
        return Ok(());
    }
    venv("setup-venv", &paths::venv(), interpreter)?;
    Step::python("setup-pip", PIP_INSTALL)
        .arg(&wanted)
        .run()
        .map_err(offline_hint)?;
    stamp.write()
}

/// moto, which stands in for AWS.
pub(crate) fn moto(interpreter: &Found) -> Result<()> {
    server("venv", "requirements.txt", interpreter)
}

/// Bugsink, which stands in for Sentry.
pub(crate) fn bugsink(interpreter: &Found) -> Result<()> {
    server("bugsink", "bugsink.txt", interpreter)
}

/// Sentry's own validation of events.
pub(crate) fn relay(interpreter: &Found) -> Result<()> {
    server("relay", "relay.txt", interpreter)
}

/// A virtual environment of what tests run against, with the packages that a file of `tests/servers` names.
fn server(name: &str, wanted: &str, interpreter: &Found) -> Result<()> {
    let wanted = paths::at("tests/servers").join(wanted);
    let folder = paths::server_venv(name);
    let python = paths::server_python(name);
    let stamp = Stamp::of(&format!("server-{name}"), &[&wanted], &interpreter.version)?;
    if stamp.holds() && python.exists() {
        return Ok(());
    }
    venv(&format!("setup-{name}-venv"), &folder, interpreter)?;
    Step::new(&format!("setup-{name}-pip"), &python)
        .args(PIP_INSTALL)
        .arg(&wanted)
        .run()
        .map_err(offline_hint)?;
    stamp.write()
}

// Servers that are no Python packages (PostgreSQL, Prometheus, …) join here as functions of their own: each with a
// stamp, each naming what it needs when it cannot be had.

/// A virtual environment of this interpreter. Another Python's cannot be reused: its packages are that one's.
fn venv(step: &str, folder: &Path, interpreter: &Found) -> Result<()> {
    if venv_is_of(folder, interpreter) {
        return Ok(());
    }
    let _ = fs::remove_dir_all(folder);
    Step::new(step, &interpreter.program)
        .args(["-m", "venv"])
        .arg(folder)
        .run()?;
    Ok(())
}

fn venv_is_of(folder: &Path, interpreter: &Found) -> bool {
    let version = crate::requirements::output(folder.join("bin/python"), &["--version"]);
    version.is_some_and(|text| {
        text.split_whitespace()
            .any(|word| word == interpreter.version)
    })
}

fn offline_hint(failure: Failure) -> Failure {
    if failure.is_interrupt() {
        return failure;
    }
    failure.hint("the log above says why; a package registry out of reach is the usual reason, and then running it again is enough")
}

/// Remembers in the target folder what was installed last.
struct Stamp {
    path: PathBuf,
    value: String,
}

impl Stamp {
    /// The stamp of these files' contents and of what else decides.
    fn of(name: &str, files: &[&Path], beside: &str) -> Result<Self> {
        let mut hash = Fnv::new();
        for file in files {
            let bytes = fs::read(file).doing(|| format!("cannot read {}", paths::shown(file)))?;
            hash.add(&bytes);
        }
        hash.add(beside.as_bytes());
        Ok(Self {
            path: paths::stamps().join(name),
            value: format!("{:016x}", hash.0),
        })
    }

    fn holds(&self) -> bool {
        fs::read_to_string(&self.path).is_ok_and(|value| value == self.value)
    }

    fn write(&self) -> Result<()> {
        fs::create_dir_all(paths::stamps())
            .and_then(|()| fs::write(&self.path, &self.value))
            .doing(|| format!("cannot write {}", paths::shown(&self.path)))
    }
}

/// FNV-1a: enough to tell two lock files apart, and the same on every machine and toolchain.
struct Fnv(u64);

impl Fnv {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes.iter().chain(&[0xff]) {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(parts: &[&str]) -> u64 {
        let mut hash = Fnv::new();
        parts.iter().for_each(|part| hash.add(part.as_bytes()));
        hash.0
    }

    #[test]
    fn stamp_changes_with_a_changed_lock_file_and_not_otherwise() {
        assert_eq!(hash(&["a", "b"]), hash(&["a", "b"]));
        assert_ne!(hash(&["a", "b"]), hash(&["ab", ""]));
        assert_ne!(hash(&["a"]), hash(&["b"]));
    }
}
