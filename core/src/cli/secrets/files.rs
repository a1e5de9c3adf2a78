//! What `doctor` says of the files that secrets come from.
//!
//! The invariant: a file system that hangs holds up neither the others nor the end.

use super::findings::{Finding, Verdict};
use super::origin::Origin;
use super::say;
use super::session::Session;
use crate::cli::output::End;
use crate::secrets::failure::Failure;
use crate::secrets::file::{self, FromFile};
use crate::secrets::name::SecretName;

/// What there is to say of each secret that a file decides about.
pub(super) fn findings(
    names: &[SecretName],
    origins: &[Origin],
    session: &Session<'_>,
) -> Result<Vec<Option<Finding>>, End> {
    let all = || names.iter().zip(origins);
    let readings = all().filter_map(|(name, origin)| {
        let (name, located) = (name.clone(), origin.file.clone()?);
        Some(move || {
            finding(
                name.as_str(),
                &located.variable,
                file::read(&name, &located),
            )
        })
    });
    let readings: Vec<_> = readings.collect();
    let mut read = session.aside("reading files", readings)?.into_iter();
    Ok(all()
        .map(|(name, origin)| {
            let variable = &origin.file.as_ref()?.variable;
            let finding = read.next().flatten();
            Some(finding.unwrap_or_else(|| hangs(name.as_str(), variable)))
        })
        .collect())
}

fn finding(secret: &str, variable: &str, read: Result<FromFile, Failure>) -> Finding {
    match read.map(|read| read.warning) {
        Ok(None) => Finding::good(secret, format!("from the file that {variable} names")),
        Ok(Some(warning)) => {
            let (text, fix) = say::split_hint(&warning);
            Finding::warning(secret, text, fix.unwrap_or("`chmod o-r` it"))
        }
        Err(failure) => Finding::of(secret, Verdict::Bad, &failure),
    }
}

fn hangs(secret: &str, variable: &str) -> Finding {
    Finding::bad(
        secret,
        format!("the file that {variable} names does not answer in time"),
        "is its file system reachable?",
    )
}
