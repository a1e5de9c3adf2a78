//! `tallylight version`.

use super::args::VersionArgs;
use super::document::SCHEMA_VERSION;
use super::output::{End, Output};

const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(crate) fn run(options: &VersionArgs, output: &Output) -> Result<i32, End> {
    let (arch, os) = (std::env::consts::ARCH, std::env::consts::OS);
    let text = if options.json {
        let document = serde_json::json!({
            "name": "tallylight",
            "version": VERSION,
            "statusSchemaVersion": SCHEMA_VERSION,
            "os": os,
            "arch": arch,
        });
        format!("{document:#}\n")
    } else {
        format!("tallylight {VERSION} ({os} {arch}, status document v{SCHEMA_VERSION})\n")
    };
    output.data(&text)?;
    Ok(0)
}
