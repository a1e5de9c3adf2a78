//! Instructions per recording, counted by valgrind where it is installed: a number that no busy neighbour moves.
//!
//! The program starts itself under `callgrind`, which counts inside of [`counted`] only, on the recording thread only.

use std::hint::black_box;
use std::process::Command;

use crate::input::Input;
use crate::report::Row;
use crate::rounds::{Contender, Writer};

/// The hidden way in: `--record NAME`.
pub(crate) const FLAG: &str = "--record";

/// What the counted process does; false when the contender is not among these.
pub(crate) fn record(contenders: &[Contender], name: &str, input: &Input) -> bool {
    let Some(contender) = contenders.iter().find(|contender| contender.name == name) else {
        return false;
    };
    let mut write = (contender.open)();
    write(input);
    counted(&mut write, input);
    true
}

/// Found by its name: valgrind is told to count here.
#[inline(never)]
fn counted(write: &mut Writer, input: &Input) {
    write(black_box(input));
}

/// A row for each contender, or none where there is no valgrind.
pub(crate) fn rows(contenders: &[Contender], input: &Input) -> Vec<Row> {
    if Command::new("valgrind").arg("--version").output().is_err() {
        eprintln!("instructions: valgrind is not installed, skipped");
        return Vec::new();
    }
    let mut rows = Vec::new();
    for contender in contenders {
        eprint!("\rinstructions: {:60}", contender.name);
        if let Some(count) = count(contender.name) {
            let each = count / input.ns.len() as f64;
            let group = "Instructions per recording";
            rows.push(Row::of(
                group,
                contender.name,
                contender.peer,
                1,
                "count",
                vec![each],
            ));
        }
    }
    eprintln!();
    rows
}

fn count(name: &str) -> Option<f64> {
    let program = std::env::current_exe().ok()?;
    let output = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            "--collect-atstart=no",
        ])
        .arg("--toggle-collect=*instructions::counted*")
        .arg(program)
        .args([FLAG, name])
        .output()
        .ok()?;
    // "==12345== Collected : 1234567"
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().find(|line| line.contains("Collected :"))?;
    line.rsplit(':')
        .next()?
        .trim()
        .parse()
        .ok()
        .filter(|count| *count > 0.0)
}
