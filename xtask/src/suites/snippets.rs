//! The snippets of the documents that say they run.
//!
//! A fenced block is run when the line before it is `<!-- snippet: run -->`. It runs as it stands: JavaScript and
//! TypeScript-free modules by Node, Python in the virtual environment. Rust needs no mark: the crate's README is part
//! of its documentation, whose blocks are doc tests.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::failure::{Doing, Failure, Result};
use crate::paths;
use crate::process::Step;
use crate::test::{Context, Outcome};

const MARK: &str = "<!-- snippet: run -->";

struct Snippet {
    language: String,
    code: String,
    line: usize,
}

pub(super) fn run(context: &Context, outcome: &mut Outcome) -> Result<()> {
    let folder = paths::target().join("snippets");
    let mut found = 0;
    for document in documents() {
        let text = fs::read_to_string(&document)
            .doing(|| format!("cannot read {}", paths::shown(&document)))?;
        for snippet in marked(&text) {
            found += 1;
            let from = format!("{}:{}", paths::shown(&document), snippet.line);
            let name = format!("snippet-{}", from.replace(['/', '.', ':'], "-"));
            match snippet.language.as_str() {
                "js" | "javascript" | "mjs" if context.node_build(outcome)? => {
                    link_package(&folder)?;
                    let file = write(&folder, &format!("{name}.mjs"), &snippet.code)?;
                    outcome.check(Step::new(&name, "node").arg(file).dir(&folder))?;
                }
                "python" | "py" if context.python_build(outcome)? => {
                    let file = write(&folder, &format!("{name}.py"), &snippet.code)?;
                    outcome.check(Step::python(&name, [file]).dir(&folder))?;
                }
                "js" | "javascript" | "mjs" | "python" | "py" => {}
                other => outcome.fail(format!(
                    "{from}: a marked snippet in `{other}` cannot be run"
                )),
            }
        }
    }
    if found == 0 {
        outcome.skip(format!("no document has a snippet marked `{MARK}`"));
    }
    Ok(())
}

/// The documents that users read: the READMEs and the guides.
fn documents() -> Vec<PathBuf> {
    let mut documents: Vec<PathBuf> = [
        "",
        "core",
        "bindings-node",
        "bindings-python",
        "examples/ai-engine",
    ]
    .iter()
    .map(|folder| paths::at(folder).join("README.md"))
    .collect();
    for entry in fs::read_dir(paths::at("docs"))
        .into_iter()
        .flatten()
        .flatten()
    {
        if entry.path().extension().is_some_and(|kind| kind == "md") {
            documents.push(entry.path());
        }
    }
    documents.retain(|document| document.exists());
    documents.sort();
    documents
}

fn marked(text: &str) -> Vec<Snippet> {
    let mut snippets = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((_, line)) = lines.next() {
        if line.trim() != MARK {
            continue;
        }
        let Some((number, fence)) = lines.next() else {
            break;
        };
        let Some(language) = fence.trim().strip_prefix("```") else {
            continue;
        };
        let code: Vec<&str> = lines
            .by_ref()
            .map(|(_, line)| line)
            .take_while(|line| line.trim() != "```")
            .collect();
        snippets.push(Snippet {
            language: language.trim().to_string(),
            code: code.join("\n") + "\n",
            line: number + 1,
        });
    }
    snippets
}

/// Makes `import … from 'tallylight'` find the binding.
fn link_package(folder: &Path) -> Result<()> {
    let modules = folder.join("node_modules");
    fs::create_dir_all(&modules).doing(|| format!("cannot make {}", paths::shown(&modules)))?;
    let link = modules.join("tallylight");
    if link.exists() {
        return Ok(());
    }
    let _ = fs::remove_file(&link);
    symlink(paths::at("bindings-node"), &link)
        .map_err(|error| Failure::new(format!("cannot link the binding: {error}")))
}

fn write(folder: &Path, name: &str, code: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&path, code))
        .doing(|| format!("cannot write {}", paths::shown(&path)))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_marked_blocks_are_taken() {
        let text = "# T\n```js\nnot();\n```\n<!-- snippet: run -->\n```js\nconst a = 1;\n\nuse(a);\n```\nafter\n\
                    <!-- snippet: run -->\nno fence\n<!-- snippet: run -->\n```python\nx = 1\n```\n";
        let snippets = marked(text);
        assert_eq!(snippets.len(), 2);
        assert_eq!(snippets[0].language, "js");
        assert_eq!(snippets[0].code, "const a = 1;\n\nuse(a);\n");
        assert_eq!(snippets[0].line, 6);
        assert_eq!(snippets[1].code, "x = 1\n");
    }
}
