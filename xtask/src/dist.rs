//! `cargo xtask dist`: the packages as their users get them.
//!
//! The npm tarball carries this platform's addon, the wheel is abi3 and linked against an old glibc by zig, the crate is
//! cargo's own package.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Doing, Failure, Result};
use crate::process::Step;
use crate::requirements::Requirements;
use crate::{markers, paths, report, setup, smoke, suites};

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The oldest glibc that the toolchain itself supports; a wheel for it installs on every current distribution.
const MANYLINUX: &str = "manylinux2014";

/// Make the npm tarball, the wheel and the crate package.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo xtask dist             # dist/*.tgz, dist/*.whl, dist/*.crate, and their sizes
  cargo xtask dist --smoke     # and install each into an empty environment, record and read one latency")]
pub(crate) struct Options {
    /// Also install each package into an empty environment and use it
    #[arg(long)]
    smoke: bool,
}

/// How much a package build may cost.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Build {
    /// Debug binaries out of what is built already: for tests.
    Quick,
    /// What users get.
    Release,
}

impl Build {
    fn folder(self) -> Result<PathBuf> {
        let folder = match self {
            Self::Quick => paths::target().join("packages"),
            Self::Release => paths::at("dist"),
        };
        fs::create_dir_all(&folder).doing(|| format!("cannot make {}", paths::shown(&folder)))?;
        Ok(folder)
    }
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let requirements = Requirements::look_or_install(true)?;
    requirements.complete()?;
    setup::everything(&requirements)?;
    report::heading("dist: release packages");
    let npm = npm(Build::Release)?;
    let wheel = wheel(Build::Release)?;
    let krate = krate(Build::Release)?;
    let packages = [
        ("npm", &npm),
        ("Python wheel", &wheel),
        ("Rust crate", &krate),
    ];
    let mut rows = vec![
        ["package", "file", "packed", "unpacked"]
            .map(String::from)
            .to_vec(),
    ];
    for (name, file) in packages {
        rows.push(vec![
            name.to_string(),
            file_name(file),
            kib(size(file)?),
            kib(unpacked_size(file)?),
        ]);
    }
    report::data(report::table(&rows).trim_end());
    write_sizes(&rows)?;
    if options.smoke {
        report::heading("dist: each in an empty environment");
        smoke::npm(&npm)?;
        smoke::wheel(&wheel, &requirements)?;
        smoke::krate(&krate)?;
        report::data(
            "each package installs into an empty environment and records and reads one latency",
        );
    }
    Ok(())
}

/// The npm tarball with this platform's addon.
pub(crate) fn npm(build: Build) -> Result<PathBuf> {
    suites::node::build(build == Build::Release)?;
    let folder = build.folder()?;
    clear(&folder, "tgz")?;
    Step::npm(
        "npm-pack",
        &paths::at("bindings-node"),
        ["pack", "--pack-destination"],
    )
    .arg(&folder)
    .run()?;
    only(&folder, "tgz")
}

/// The abi3 wheel.
pub(crate) fn wheel(build: Build) -> Result<PathBuf> {
    let folder = build.folder()?;
    clear(&folder, "whl")?;
    let mut step = Step::python("wheel", ["-m", "maturin", "build", "--out"])
        .arg(&folder)
        .dir(&paths::at("bindings-python"));
    step = match build {
        Build::Quick => step.args(["--compatibility", "linux"]),
        Build::Release if cfg!(target_os = "linux") => {
            step.args(["--release", "--zig", "--compatibility", MANYLINUX])
        }
        Build::Release => step.arg("--release"),
    };
    step.run()?;
    only(&folder, "whl")
}

/// The crate package.
pub(crate) fn krate(build: Build) -> Result<PathBuf> {
    // Unverified here: the empty environment compiles it, which is the same proof.
    Step::cargo(
        "crate",
        [
            "package",
            "-p",
            "tallylight",
            "--no-verify",
            "--allow-dirty",
        ],
    )
    .run()?;
    let name = format!("tallylight-{VERSION}.crate");
    let folder = build.folder()?;
    clear(&folder, "crate")?;
    let made = paths::target().join("package").join(&name);
    let kept = folder.join(&name);
    fs::copy(&made, &kept).doing(|| format!("cannot copy {}", paths::shown(&made)))?;
    Ok(kept)
}

/// Unpacks a package of any of the three kinds.
pub(crate) fn unpack(file: &Path, into: &Path) -> Result<()> {
    fs::create_dir_all(into).doing(|| format!("cannot make {}", into.display()))?;
    let step = if file.extension().is_some_and(|kind| kind == "whl") {
        Step::python("unpack-wheel", ["-m", "zipfile", "-e"])
            .arg(file)
            .arg(into)
    } else {
        Step::new(&format!("unpack-{}", extension(file)), "tar")
            .args(["-xzf"])
            .arg(file)
            .arg("-C")
            .arg(into)
    };
    step.run().map(|_| ())
}

fn write_sizes(rows: &[Vec<String>]) -> Result<()> {
    let mut text = String::from(
        "Made by `cargo xtask dist`.\n\n| package | file | packed | unpacked |\n|---|---|---:|---:|\n",
    );
    for row in rows.iter().skip(1) {
        text.push_str(&format!("| {} |\n", row.join(" | ")));
    }
    let path = paths::at("docs/packages.md");
    markers::write(
        &path,
        "# The packages and their sizes\n\nEach is one download with no dependency to fetch beside it; the crate's are what cargo builds with it.\n",
        "dist:sizes",
        &text,
    )?;
    report::say(&format!("dist: sizes written to {}", paths::shown(&path)));
    Ok(())
}

/// Leaves no older package behind that could be mistaken for the new one.
fn clear(folder: &Path, kind: &str) -> Result<()> {
    for file in files(folder, kind) {
        fs::remove_file(&file).doing(|| format!("cannot remove {}", paths::shown(&file)))?;
    }
    Ok(())
}

fn only(folder: &Path, kind: &str) -> Result<PathBuf> {
    let mut found = files(folder, kind);
    match (found.pop(), found.is_empty()) {
        (Some(file), true) => Ok(file),
        _ => Err(Failure::new(format!(
            "there should be one .{kind} in {}",
            paths::shown(folder)
        ))),
    }
}

fn files(folder: &Path, kind: &str) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| extension(path) == kind)
        .collect()
}

fn extension(file: &Path) -> String {
    file.extension()
        .map_or_else(String::new, |kind| kind.to_string_lossy().into_owned())
}

fn file_name(file: &Path) -> String {
    file.file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

fn size(file: &Path) -> Result<u64> {
    fs::metadata(file)
        .map(|metadata| metadata.len())
        .doing(|| format!("cannot read {}", paths::shown(file)))
}

fn unpacked_size(file: &Path) -> Result<u64> {
    let folder = paths::target().join("unpacked").join(extension(file));
    let _ = fs::remove_dir_all(&folder);
    unpack(file, &folder)?;
    Ok(folder_size(&folder))
}

fn folder_size(folder: &Path) -> u64 {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => folder_size(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

fn kib(bytes: u64) -> String {
    format!("{} KiB", bytes.div_ceil(1024))
}
