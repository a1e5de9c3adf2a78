//! Generated sections in documents that people write: what stands between two markers is ours, the rest is theirs.

use std::fs;
use std::path::Path;

use crate::failure::{Doing, Failure, Result};
use crate::paths;

fn begin(name: &str) -> String {
    format!("<!-- {name}:begin -->")
}

fn end(name: &str) -> String {
    format!("<!-- {name}:end -->")
}

/// The document with the section replaced; appended at the end when it is not there yet.
fn replaced(document: &str, name: &str, section: &str) -> Result<String> {
    let (begin, end) = (begin(name), end(name));
    let body = format!("{begin}\n{}\n{end}", section.trim());
    match (document.split_once(&begin), document.split_once(&end)) {
        (Some((before, _)), Some((until_end, after))) if before.len() < until_end.len() => {
            Ok(format!("{before}{body}{after}"))
        }
        (None, None) => Ok(format!("{}\n\n{body}\n", document.trim_end())),
        _ => Err(Failure::new(format!(
            "one of the markers `{begin}` and `{end}` is missing, or they are in the wrong order"
        ))),
    }
}

/// Writes the section into the document, which is begun with `opening` when there is none yet.
pub(crate) fn write(path: &Path, opening: &str, name: &str, section: &str) -> Result<()> {
    let document = if path.exists() {
        fs::read_to_string(path).doing(|| format!("cannot read {}", paths::shown(path)))?
    } else {
        opening.to_string()
    };
    let document = replaced(&document, name, section)
        .map_err(|failure| Failure::new(format!("{}: {failure}", paths::shown(path))))?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).doing(|| format!("cannot make {}", paths::shown(folder)))?;
    }
    fs::write(path, document).doing(|| format!("cannot write {}", paths::shown(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn section_is_replaced_and_the_rest_is_kept() {
        let document = "# Title\n\n<!-- x:begin -->\nold\n<!-- x:end -->\n\nafter\n";
        assert_eq!(
            replaced(document, "x", "new\n").unwrap(),
            "# Title\n\n<!-- x:begin -->\nnew\n<!-- x:end -->\n\nafter\n"
        );
    }

    #[test]
    fn section_is_appended_when_there_is_none() {
        assert_eq!(
            replaced("# Title\n", "x", "new").unwrap(),
            "# Title\n\n<!-- x:begin -->\nnew\n<!-- x:end -->\n"
        );
    }

    #[test]
    fn half_a_pair_of_markers_is_refused_rather_than_guessed() {
        assert!(replaced("<!-- x:begin -->\n", "x", "new").is_err());
        assert!(replaced("<!-- x:end -->\n<!-- x:begin -->\n", "x", "new").is_err());
    }
}
