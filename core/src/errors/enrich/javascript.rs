//! Frames of built scripts, told as they were written: the file, line and column that a source map
//! names, and the source around them.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::cache::Cache;
use super::context;
use super::files::{self, Source, Stamp};
use super::frames::{self, Frame};
use super::source_map::SourceMap;

/// Bytes of a script, and of a map.
const MAX_SCRIPT: u64 = 32 << 20;
const MAX_MAP: u64 = 64 << 20;
/// Bytes of maps that are kept.
const KEPT: usize = 64 << 20;
/// What names the map, in a comment at the script's end.
const MARK: &str = "sourceMappingURL=";
/// The longest function name that a minifier makes.
const MAX_MINIFIED: usize = 2;

/// The map of each script; `None` for one that has none.
static MAPS: Cache<Option<Arc<Mapped>>> = Cache::new(KEPT);

/// A script's map.
struct Mapped {
    map: SourceMap,
    /// Where the map was found, which is what its sources are relative to.
    folder: PathBuf,
    /// The map's name, as the script gives it.
    name: String,
}

/// Tells the frames of a stack as they were written, where a map says how.
pub(super) fn map_back(stack: &mut [Value], at: SystemTime) {
    // What is named at a call is the function called, which is that of the next frame.
    let mut called = None;
    for frame in stack {
        let Value::Object(frame) = frame else {
            called = None;
            continue;
        };
        called = map_frame(frame, called.take(), at).unwrap_or_default();
    }
}

/// Tells one frame; answers what is named where it calls the next one.
fn map_frame(frame: &mut Frame, called: Option<String>, at: SystemTime) -> Option<Option<String>> {
    let place = frames::place(frame)?;
    let path = files::absolute(place)?;
    if !matches!(path.extension()?.to_str()?, "js" | "mjs" | "cjs") {
        return None;
    }
    if frame
        .get("data")
        .is_some_and(|data| data.get("orig_filename").is_some())
    {
        return None;
    }
    let mapped = map_of(&path, at)?;
    let line = frames::number(frame, "lineno")?.checked_sub(1)?;
    let column = frames::number(frame, "colno").unwrap_or(1).max(1) - 1;
    let found = mapped
        .map
        .find(u32::try_from(line).ok()?, u32::try_from(column).ok()?)?;

    keep_original(frame, &mapped.name);
    let source = resolved(&mapped.folder, found.source);
    let shown = match &source {
        Some(source) => shown_name(frame, &path, source),
        None => found.source.to_owned(),
    };
    let is_dependency = shown.contains("node_modules/") || shown.starts_with("webpack/");
    if is_dependency {
        frame.insert("in_app".to_owned(), false.into());
    }
    let absolute = source.as_ref().map_or_else(
        || found.source.to_owned(),
        |it| it.to_string_lossy().into_owned(),
    );
    let function = frames::text(frame, "function").unwrap_or_default();
    if let Some(called) = called
        && function.len() <= MAX_MINIFIED
    {
        frame.insert("function".to_owned(), called.into());
    }
    frame.insert("filename".to_owned(), shown.into());
    frame.insert("abs_path".to_owned(), absolute.into());
    frame.insert("lineno".to_owned(), (found.line + 1).into());
    frame.insert("colno".to_owned(), (found.column + 1).into());
    // A module is derived from the built file's name.
    frame.remove("module");
    if let Some(content) = found.content {
        let source = Arc::new(Source::new(content.to_owned()));
        if frames::in_app(frame) != Some(false) {
            context::show(frame, &source, found.line as usize + 1);
        }
    }
    Some(found.name.map(str::to_owned))
}

/// Keeps what a frame said before, under the names that Sentry's own symbolication uses.
fn keep_original(frame: &mut Frame, map: &str) {
    let mut data = match frame.remove("data") {
        Some(Value::Object(data)) => data,
        _ => Map::new(),
    };
    for (from, to) in [
        ("filename", "orig_filename"),
        ("function", "orig_function"),
        ("lineno", "orig_lineno"),
        ("colno", "orig_colno"),
    ] {
        if let Some(value) = frame.get(from) {
            data.insert(to.to_owned(), value.clone());
        }
    }
    data.insert("sourcemap".to_owned(), json!(map));
    data.insert("symbolicated".to_owned(), json!(true));
    frame.insert("data".to_owned(), Value::Object(data));
}

/// The map of a script, read once.
fn map_of(path: &Path, at: SystemTime) -> Option<Arc<Mapped>> {
    let stamp = Stamp::of(path, MAX_SCRIPT, at)?;
    if let Some(known) = MAPS.get(path, stamp) {
        return known;
    }
    let mapped = read_map(path, at).map(Arc::new);
    let bytes = mapped.as_ref().map_or(0, |it| it.map.bytes());
    MAPS.put(path, stamp, bytes, mapped.clone());
    mapped
}

fn read_map(path: &Path, at: SystemTime) -> Option<Mapped> {
    let folder = path.parent()?;
    let script = files::read(path, MAX_SCRIPT)?;
    let Some(url) = mapping_url(&script) else {
        // Some builds write the map beside the script and do not say so.
        let mut beside = path.as_os_str().to_owned();
        beside.push(".map");
        return read_map_file(Path::new(&beside), at);
    };
    if let Some(data) = url.strip_prefix("data:") {
        return Some(Mapped {
            map: SourceMap::parse(&inline(data)?)?,
            folder: folder.to_owned(),
            name: "inline".to_owned(),
        });
    }
    if url.contains("://") && !url.starts_with("file://") {
        return None;
    }
    let place = match files::absolute(url) {
        Some(place) => place,
        None => folder.join(files::percent_decoded(url)?),
    };
    read_map_file(&normal(&place), at)
}

fn read_map_file(path: &Path, at: SystemTime) -> Option<Mapped> {
    Stamp::of(path, MAX_MAP, at)?;
    Some(Mapped {
        map: SourceMap::parse(&files::read(path, MAX_MAP)?)?,
        folder: path.parent()?.to_owned(),
        name: path.file_name()?.to_string_lossy().into_owned(),
    })
}

/// What the last comment of a script says of its map.
fn mapping_url(script: &str) -> Option<&str> {
    script.rmatch_indices(MARK).find_map(|(at, _)| {
        let before = script[..at].trim_end_matches([' ', '\t']);
        let is_comment = ["//#", "//@", "/*#", "/*@"]
            .iter()
            .any(|it| before.ends_with(it));
        let url = script[at + MARK.len()..].split_whitespace().next()?;
        let url = url.trim_end_matches("*/");
        // A program that writes such comments holds the mark too, in a literal.
        let is_url = !url.is_empty() && !url.contains(['"', '\'', '`', '$', '{']);
        (is_comment && is_url).then_some(url)
    })
}

/// The text of a `data:` URL, behind its scheme.
fn inline(data: &str) -> Option<String> {
    let (kind, body) = data.split_once(',')?;
    if kind.ends_with(";base64") {
        String::from_utf8(STANDARD.decode(body).ok()?).ok()
    } else {
        files::percent_decoded(body)
    }
}

/// Where a source lies; `None` where that is no file, as `webpack://app/./src/a.ts`.
fn resolved(folder: &Path, source: &str) -> Option<PathBuf> {
    if let Some(path) = files::absolute(source) {
        return Some(normal(&path));
    }
    if source.contains("://") || source.starts_with("webpack:") {
        return None;
    }
    let relative = files::percent_decoded(source)?;
    Some(normal(&folder.join(relative)))
}

/// A path without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                normal.pop();
            }
            part => normal.push(part),
        }
    }
    normal
}

/// How a source is named: below the folder that the frame's own name is below.
fn shown_name(frame: &Frame, script: &Path, source: &Path) -> String {
    let below = frames::text(frame, "filename")
        .filter(|name| !name.starts_with('/') && !name.contains("://"))
        .and_then(|name| {
            let script = script.to_str()?;
            let root = script.strip_suffix(name.trim_start_matches("./"))?;
            source.strip_prefix(root).ok()
        });
    below.unwrap_or(source).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_comment_names_the_map() {
        for (script, wanted) in [
            ("a\n//# sourceMappingURL=a.js.map\n", Some("a.js.map")),
            ("//@ sourceMappingURL=old.map", Some("old.map")),
            ("/*# sourceMappingURL=c.map */", Some("c.map")),
            (
                "//# sourceMappingURL=one\n//# sourceMappingURL=two",
                Some("two"),
            ),
            ("x = \"//# sourceMappingURL=\" + y", None),
            (
                "//# sourceMappingURL=real\nx = `//# sourceMappingURL=${url}`",
                Some("real"),
            ),
            ("sourceMappingURL=a", None),
            ("", None),
        ] {
            assert_eq!(mapping_url(script), wanted, "{script}");
        }
    }

    #[test]
    fn a_source_lies_where_its_map_says() {
        let at = |source: &str| {
            resolved(Path::new("/app/dist"), source).map(|it| it.to_string_lossy().into_owned())
        };
        assert_eq!(at("../src/a.ts").as_deref(), Some("/app/src/a.ts"));
        assert_eq!(at("/x/./b.ts").as_deref(), Some("/x/b.ts"));
        assert_eq!(at("file:///x/a%20b.ts").as_deref(), Some("/x/a b.ts"));
        assert_eq!(at("webpack://app/./src/a.ts"), None);
    }
}
