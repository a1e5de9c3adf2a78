//! Each package in an empty environment: installed as a user would, one latency recorded and read, the command line
//! called.
//!
//! The environments lie outside the repository, so that nothing of it can be found by accident.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::dist::unpack;
use crate::failure::{Doing, Failure, Result};
use crate::paths;
use crate::process::Step;
use crate::requirements::Requirements;

const NODE_MODULE: &str = "\
import assert from 'node:assert/strict';
import { accessSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { operation, status } from 'tallylight';

operation('smoke', {}, { kind: 'server' }).record(12.5);
const { metrics } = status();
assert.equal(metrics.totalRequests, 1);
assert.equal(metrics.maxDuration, 12.5);
assert.ok(Math.abs(metrics.p50Duration - 12.5) <= 0.125, `P50 is ${metrics.p50Duration}`);

// Every file that the package says it has.
const manifest = createRequire(import.meta.url).resolve('tallylight/package.json');
const { main, types, bin, exports } = JSON.parse(readFileSync(manifest, 'utf8'));
const files = (value) => (typeof value === 'string' ? [value] : Object.values(value).flatMap(files));
for (const file of files({ main, types, bin, exports })) accessSync(join(dirname(manifest), file));
";

const NODE_COMMONJS: &str = "\
const assert = require('node:assert/strict');
const { operation, status } = require('tallylight');

operation('smoke', {}, { kind: 'server' }).record(12.5);
assert.equal(status().metrics.totalRequests, 1);
";

const PYTHON: &str = "\
import tallylight

tallylight.operation('smoke', {}, kind='server').record(12.5)
metrics = tallylight.status()['metrics']
assert metrics['totalRequests'] == 1, metrics
assert metrics['maxDuration'] == 12.5, metrics
assert abs(metrics['p50Duration'] - 12.5) <= 0.125, metrics
";

const RUST: &str = "\
use std::time::Duration;
use tallylight::{Kind, Labels};

fn main() -> Result<(), tallylight::Error> {
    let tallylight = tallylight::global()?;
    let operation = tallylight.operation(\"smoke\", &Labels::new(), Kind::Server)?;
    operation.record(Duration::from_micros(12_500));
    let status: serde_json::Value = serde_json::from_str(&tallylight.status().to_json()).unwrap();
    let metrics = &status[\"metrics\"];
    assert_eq!(metrics[\"totalRequests\"], 1);
    let p50 = metrics[\"p50Duration\"].as_f64().unwrap();
    assert!((p50 - 12.5).abs() <= 0.125, \"P50 is {p50}\");
    Ok(())
}
";

/// The npm tarball in a fresh project.
pub(crate) fn npm(tarball: &Path) -> Result<()> {
    let room = Room::new("npm")?;
    room.write("package.json", "{ \"private\": true }\n")?;
    Step::npm(
        "smoke-npm-install",
        room.path(),
        ["install", "--no-audit", "--no-fund", "--loglevel=error"],
    )
    .arg(tarball)
    .run()?;
    let installed: Vec<String> = fs::read_dir(room.path().join("node_modules"))
        .doing(|| "npm installed nothing".into())?
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.'))
        .collect();
    if installed != ["tallylight"] {
        return Err(Failure::new(format!(
            "the npm package should bring nothing but itself, and brought {}",
            installed.join(", ")
        )));
    }
    for (name, file, code) in [
        ("smoke-npm-module", "main.mjs", NODE_MODULE),
        ("smoke-npm-commonjs", "main.cjs", NODE_COMMONJS),
    ] {
        let file = room.write(file, code)?;
        Step::new(name, "node").arg(file).dir(room.path()).run()?;
    }
    Step::new(
        "smoke-npm-command",
        room.path().join("node_modules/.bin/tallylight"),
    )
    .arg("version")
    .dir(room.path())
    .run()?;
    Ok(())
}

/// The wheel in a fresh virtual environment.
pub(crate) fn wheel(wheel: &Path, requirements: &Requirements) -> Result<()> {
    let python = requirements
        .python
        .as_ref()
        .map_err(|missing| missing.failure())?;
    let room = Room::new("wheel")?;
    Step::new("smoke-venv", &python.program)
        .args(["-m", "venv"])
        .arg(room.path().join("venv"))
        .run()?;
    let programs = room.path().join("venv/bin");
    Step::new("smoke-pip-install", programs.join("python"))
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-index",
        ])
        .arg(wheel)
        .dir(room.path())
        .run()?;
    let file = room.write("main.py", PYTHON)?;
    Step::new("smoke-python", programs.join("python"))
        .args(["-W", "error"])
        .arg(file)
        .dir(room.path())
        .run()?;
    Step::new("smoke-python-command", programs.join("tallylight"))
        .arg("version")
        .dir(room.path())
        .run()?;
    Ok(())
}

/// The crate in a fresh cargo project.
pub(crate) fn krate(package: &Path) -> Result<()> {
    let room = Room::new("crate")?;
    unpack(package, room.path())?;
    let folder = package
        .file_stem()
        .map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    room.write(
        "Cargo.toml",
        &format!(
            "[package]\nname = \"smoke\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n\
             tallylight = {{ path = \"{folder}\" }}\nserde_json = \"1\"\n\n[workspace]\n"
        ),
    )?;
    room.write("src/main.rs", RUST)?;
    // The versions that were tested; cargo leaves out what the project does not need.
    fs::copy(paths::at("Cargo.lock"), room.path().join("Cargo.lock"))
        .doing(|| "cannot copy Cargo.lock".into())?;
    // With a target folder of its own: every file of a package has the same date, so cargo would take an older version's
    // build for this one's.
    Step::cargo("smoke-crate", ["run", "--target-dir", "target"])
        .env("CARGO_INCREMENTAL", "0")
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .dir(room.path())
        .run()?;
    Ok(())
}

/// An empty folder outside the repository, gone when it is dropped.
struct Room(PathBuf);

impl Room {
    fn new(name: &str) -> Result<Self> {
        let path = env::temp_dir().join(format!("tallylight-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).doing(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }

    fn path(&self) -> &Path {
        &self.0
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.0.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).doing(|| format!("cannot make {}", folder.display()))?;
        }
        fs::write(&path, text).doing(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
