//! What a machine must have, how to tell, and what to say when it does not.

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::failure::{Failure, Result};
use crate::process::Step;
use crate::{environment, report};

/// A version as far as we compare it.
pub(crate) type Version = (u32, u32);

const RUST: Version = (1, 95);
const NODE: Version = (20, 9);
const PYTHON: Version = (3, 10);

/// Something the machine lacks, in words that end with what to do.
#[derive(Debug, Clone)]
pub(crate) struct Missing {
    pub(crate) what: String,
    pub(crate) how: String,
    /// The Debian packages that bring it.
    packages: &'static [&'static str],
}

impl Missing {
    pub(crate) fn failure(&self) -> Failure {
        Failure::new(self.what.clone()).hint(self.how.clone())
    }

    pub(crate) fn sentence(&self) -> String {
        format!("{}; {}", self.what, self.how)
    }
}

/// A tool that is there.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) program: OsString,
    pub(crate) version: String,
}

type Tool = std::result::Result<Found, Missing>;

/// The state of every requirement.
pub(crate) struct Requirements {
    pub(crate) rust: Tool,
    pub(crate) linker: Tool,
    pub(crate) node: Tool,
    pub(crate) npm: Tool,
    pub(crate) python: Tool,
}

impl Requirements {
    pub(crate) fn look() -> Self {
        Self {
            rust: rust(),
            linker: linker(),
            node: node(),
            npm: npm(),
            python: python(),
        }
    }

    pub(crate) fn all(&self) -> [(&'static str, &Tool); 5] {
        [
            ("Rust", &self.rust),
            ("C linker", &self.linker),
            ("Node", &self.node),
            ("npm", &self.npm),
            ("Python", &self.python),
        ]
    }

    /// Fails when anything is missing, and names all of it at once.
    pub(crate) fn complete(&self) -> Result<()> {
        let missing = self.missing();
        if missing.is_empty() {
            return Ok(());
        }
        let whats: Vec<&str> = missing
            .iter()
            .map(|missing| missing.what.as_str())
            .collect();
        let hows: Vec<&str> = missing.iter().map(|missing| missing.how.as_str()).collect();
        Err(Failure::new(whats.join("; ")).hint(hows.join("\n  hint: ")))
    }

    fn missing(&self) -> Vec<&Missing> {
        self.all()
            .into_iter()
            .filter_map(|(_, tool)| tool.as_ref().err())
            .collect()
    }

    /// What keeps the Rust side from being built.
    pub(crate) fn for_rust(&self) -> std::result::Result<(), &Missing> {
        self.rust.as_ref()?;
        self.linker.as_ref()?;
        Ok(())
    }

    /// What keeps the Node side from being built.
    pub(crate) fn for_node(&self) -> std::result::Result<(), &Missing> {
        self.for_rust()?;
        self.node.as_ref()?;
        self.npm.as_ref()?;
        Ok(())
    }

    /// What keeps the Python side from being built.
    pub(crate) fn for_python(&self) -> std::result::Result<(), &Missing> {
        self.for_rust()?;
        self.python.as_ref()?;
        Ok(())
    }

    /// Looks, and where something is missing on a Debian machine that is ours (root), installs it and looks again.
    pub(crate) fn look_or_install(allowed: bool) -> Result<Self> {
        let found = Self::look();
        let mut packages: Vec<&str> = found
            .missing()
            .iter()
            .flat_map(|missing| missing.packages)
            .copied()
            .collect();
        packages.sort_unstable();
        packages.dedup();
        if packages.is_empty()
            || !allowed
            || !is_root()
            || !Path::new("/etc/debian_version").exists()
        {
            return Ok(found);
        }
        report::say(&format!(
            "  installing what is missing: apt-get install {}",
            packages.join(" ")
        ));
        let update = Step::new("apt-get-update", "apt-get")
            .arg("update")
            .finish();
        let install = Step::new("apt-get-install", "apt-get")
            .args(["install", "--yes", "--no-install-recommends"])
            .args(packages)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .finish();
        // Not having installed it is no failure of its own: what is still missing is named below.
        for step in [update, install] {
            match step {
                Err(failure) if failure.is_interrupt() => return Err(failure),
                Ok(finished) if !finished.succeeded() => finished.show_log(),
                _ => {}
            }
        }
        Ok(Self::look())
    }
}

fn rust() -> Tool {
    let missing = |what: String| Missing {
        what,
        how: format!(
            "install Rust {}.{} or newer with rustup (`rustup update stable`)",
            RUST.0, RUST.1
        ),
        packages: &[],
    };
    versioned("rustc", RUST, "Rust").map_err(missing)
}

fn linker() -> Tool {
    let name = env::var_os("CC").unwrap_or_else(|| "cc".into());
    match output(&name, &["--version"]) {
        Some(text) => Ok(Found {
            program: name,
            version: text.lines().next().unwrap_or_default().to_string(),
        }),
        None => Err(Missing {
            what: "no C linker: `cc` was not found".into(),
            how: "install a C compiler (Debian, Ubuntu: `apt-get install gcc libc6-dev`; macOS: `xcode-select --install`)"
                .into(),
            packages: &["gcc", "libc6-dev"],
        }),
    }
}

fn node() -> Tool {
    versioned("node", NODE, "Node").map_err(|what| Missing {
        what,
        how: format!(
            "install Node {}.{} or newer, with npm (a version manager: `nvm install 22`; macOS: `brew install node`; \
             Debian 13: `apt-get install nodejs npm`)",
            NODE.0, NODE.1
        ),
        packages: &["nodejs", "npm"],
    })
}

fn npm() -> Tool {
    output("npm", &["--version"])
        .map(|text| Found {
            program: "npm".into(),
            version: text.trim().to_string(),
        })
        .ok_or_else(|| Missing {
            what: "npm was not found".into(),
            how: "install npm, which comes with Node (Debian: `apt-get install npm`)".into(),
            packages: &["npm"],
        })
}

/// The first interpreter that is new enough and can make virtual environments.
fn python() -> Tool {
    let candidates: Vec<OsString> = match env::var_os("PYTHON") {
        Some(chosen) => vec![chosen],
        None => [
            "python3",
            "python3.14",
            "python3.13",
            "python3.12",
            "python3.11",
            "python3.10",
        ]
        .map(OsString::from)
        .to_vec(),
    };
    let mut what = String::from("Python was not found");
    for program in candidates {
        match versioned(&program, PYTHON, "Python") {
            Ok(found) => {
                if output(&found.program, &["-c", "import ensurepip, venv"]).is_some() {
                    return Ok(found);
                }
                what = format!("Python {} cannot make virtual environments", found.version);
            }
            Err(why) if output(&program, &["--version"]).is_some() => what = why,
            Err(_) => {}
        }
    }
    Err(Missing {
        what,
        how: format!(
            "install Python {}.{} or newer with its venv module (Debian, Ubuntu: `apt-get install python3 python3-venv`; \
             macOS: `brew install python`), or name one by PYTHON=/path/to/python3",
            PYTHON.0, PYTHON.1
        ),
        packages: &["python3", "python3-venv"],
    })
}

fn versioned(
    program: impl AsRef<std::ffi::OsStr>,
    least: Version,
    name: &str,
) -> std::result::Result<Found, String> {
    let program = program.as_ref();
    let Some(text) = output(program, &["--version"]) else {
        return Err(format!("{name} was not found"));
    };
    match version(&text) {
        Some((found, _)) if found < least => Err(format!(
            "{name} {}.{} is too old: {}.{} or newer is needed",
            found.0, found.1, least.0, least.1
        )),
        Some((_, text)) => Ok(Found {
            program: program.to_os_string(),
            version: text,
        }),
        None => Err(format!(
            "{name} answered a version we cannot read: {}",
            text.trim()
        )),
    }
}

/// The first `X.Y…` of a text, as numbers and as it stands.
pub(crate) fn version(text: &str) -> Option<(Version, String)> {
    text.split_whitespace().find_map(|word| {
        let word = word.trim_start_matches('v');
        let mut parts = word.split('.');
        let major = parts.next()?.parse().ok()?;
        let minor = parts.next()?;
        let digits = minor
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(minor.len());
        Some((
            (major, minor.get(..digits)?.parse().ok()?),
            word.to_string(),
        ))
    })
}

/// What a short question to a tool answers; `None` when it is not there or says no.
pub(crate) fn output(program: impl AsRef<std::ffi::OsStr>, args: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    environment::plain(&mut command);
    let output = command.args(args).stdin(Stdio::null()).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn is_root() -> bool {
    output("id", &["-u"]).is_some_and(|text| text.trim() == "0")
}

/// Whether this run is a continuous-integration run, where nothing may go missing quietly.
pub(crate) fn in_ci() -> bool {
    env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_the_tools_print() {
        let read = |text| version(text).map(|(version, _)| version);
        assert_eq!(read("rustc 1.95.0 (59807616e 2026-04-14)"), Some((1, 95)));
        assert_eq!(read("v20.20.2\n"), Some((20, 20)));
        assert_eq!(read("Python 3.11.7"), Some((3, 11)));
        assert_eq!(read("Python 3.14.0rc2"), Some((3, 14)));
        assert_eq!(read("no version"), None);
    }
}
