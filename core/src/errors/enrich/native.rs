//! Native frames: the functions, files and lines behind an address in a program.
//!
//! A capture keeps each frame as an address and the file that holds it, which costs next to
//! nothing. Here the file's debug information is read, or its table of symbols, if it is the file
//! that the event came from: by its build id, or, where it has none, if it was not changed since.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use addr2line::Loader;
use object::{Object, ObjectSegment};
use serde_json::Value;

use super::cache::Cache;
use super::files::Stamp;
use super::frames::{self, Frame};

/// Bytes of a program with its debug information.
const MAX_PROGRAM: u64 = 4 << 30;
/// Functions of one address: more are inlined into each other in no program.
const MAX_INLINED: usize = 64;
/// Programs that are kept open, in the bytes that each counts as.
const KEPT: usize = 8 * PROGRAM;
const PROGRAM: usize = 1 << 20;
/// The functions with which Rust's own part of a panic begins. Source:
/// <https://github.com/rust-lang/rust/blob/master/library/std/src/panicking.rs>.
const PANICS: [&str; 3] = [
    "__rust_end_short_backtrace",
    "begin_panic_handler",
    "rust_begin_unwind",
];
/// Crates whose code is never the application's own.
const FOREIGN: [&str; 13] = [
    "std",
    "core",
    "alloc",
    "backtrace",
    "sentry",
    "sentry_core",
    "tallylight",
    "tokio",
    "hyper",
    "futures_util",
    "futures_core",
    "tracing",
    "rayon_core",
];

/// Programs, each its owner's alone while it is asked.
static PROGRAMS: Cache<Program> = Cache::new(KEPT);

/// The build ids of the files that an event came from, by where they lay in memory.
#[derive(Default)]
pub(super) struct Images(BTreeMap<u64, Known>);

struct Known {
    path: Option<String>,
    build_id: Option<String>,
}

impl Images {
    pub(super) fn of(event: &Value) -> Self {
        let images = event
            .pointer("/debug_meta/images")
            .and_then(Value::as_array);
        Self(
            images
                .into_iter()
                .flatten()
                .filter_map(|image| {
                    let text = |name: &str| image.get(name).and_then(Value::as_str);
                    let known = Known {
                        path: text("code_file").map(str::to_owned),
                        build_id: text("code_id").map(str::to_ascii_lowercase),
                    };
                    Some((address(image.get("image_addr")?)?, known))
                })
                .collect(),
        )
    }
}

/// A program's debug information.
struct Program {
    loader: Loader,
    /// The address for which its first byte in memory is linked.
    base: u64,
    build_id: Option<String>,
}

// A cache hands a program to one thread at a time.
const _: fn() = || {
    fn is_send<T: Send>() {}
    is_send::<Program>();
};

/// Names the frames of a stack that are addresses. Frames that were inlined become frames of their
/// own, and Rust's own frames of a panic go.
pub(super) fn symbolicate(stack: &mut Vec<Value>, images: &Images, at: SystemTime) {
    let is_bare =
        |frame: &Frame| frame.contains_key("instruction_addr") && !frame.contains_key("function");
    if !stack.iter().filter_map(Value::as_object).any(is_bare) {
        return;
    }
    let mut programs = Programs {
        images,
        at,
        open: BTreeMap::new(),
    };
    let mut named = Vec::with_capacity(stack.len());
    for frame in std::mem::take(stack) {
        match frame {
            Value::Object(frame) if is_bare(&frame) => programs.name(frame, &mut named),
            other => named.push(other),
        }
    }
    programs.close();
    cut_panic(&mut named);
    *stack = named;
}

/// Leaves out the frames by which a panic gets to its hook, if nothing of the application's own is
/// among them.
fn cut_panic(stack: &mut Vec<Value>) {
    let begins_panic = |frame: &Value| {
        frame
            .get("function")
            .and_then(Value::as_str)
            .and_then(|name| name.rsplit("::").next())
            .is_some_and(|name| PANICS.contains(&name))
    };
    let is_own = |frame: &Value| frame.get("in_app").and_then(Value::as_bool) == Some(true);
    let Some(last) = stack.iter().rposition(begins_panic) else {
        return;
    };
    let begin = stack[..last]
        .iter()
        .rposition(|frame| !begins_panic(frame))
        .map_or(0, |before| before + 1);
    if begin > 0 && !stack[begin..].iter().any(is_own) {
        stack.truncate(begin);
    }
}

/// The programs of one stack.
struct Programs<'i> {
    images: &'i Images,
    at: SystemTime,
    open: BTreeMap<u64, Option<(PathBuf, Stamp, Program)>>,
}

impl Programs<'_> {
    /// Adds the frames of one address, outermost first.
    fn name(&mut self, frame: Frame, named: &mut Vec<Value>) {
        let before = named.len();
        if self.try_name(&frame, named).is_none() || named.len() == before {
            named.truncate(before);
            named.push(Value::Object(frame));
        }
    }

    fn try_name(&mut self, frame: &Frame, named: &mut Vec<Value>) -> Option<()> {
        let instruction = address(frame.get("instruction_addr")?)?;
        let image = address(frame.get("image_addr")?)?;
        let (path, _, program) = self.program(image, frames::text(frame, "package"))?;
        let is_library = is_system(path);
        // What is kept is where the call returns to, so the call is just before.
        let probe = instruction
            .checked_sub(image)?
            .checked_add(program.base)?
            .checked_sub(1)?;
        let mut inlined = Vec::new();
        if let Ok(mut found) = program.loader.find_frames(probe) {
            while let Ok(Some(it)) = found.next()
                && inlined.len() < MAX_INLINED
            {
                inlined.push(told(frame, &it, is_library));
            }
        }
        // Debug information of lines alone gives no paths of functions; the table of symbols does,
        // of those that were not inlined.
        let name = inlined.last().and_then(|it| frames::text(it, "function"));
        let is_bare = name.is_none_or(|name| !name.contains("::"));
        if is_bare && let Some(symbol) = program.loader.find_symbol(probe) {
            let function = demangled(symbol);
            if name.is_none_or(|name| is_end_of(&function, name)) {
                let mut outermost = inlined.pop().unwrap_or_else(|| frame.clone());
                let is_own = is_own(
                    Some(&function),
                    frames::text(&outermost, "abs_path"),
                    is_library,
                );
                outermost.insert("function".to_owned(), function.into());
                outermost.insert("in_app".to_owned(), is_own.into());
                inlined.push(outermost);
            }
        }
        // Where the innermost one stands may be known without debug information.
        if let Some(innermost) = inlined.first_mut()
            && !innermost.contains_key("lineno")
        {
            for name in ["filename", "lineno", "colno"] {
                if let Some(known) = frame.get(name) {
                    innermost.insert(name.to_owned(), known.clone());
                }
            }
        }
        named.extend(inlined.into_iter().rev().map(Value::Object));
        Some(())
    }

    fn program(&mut self, image: u64, package: Option<&str>) -> Option<&(PathBuf, Stamp, Program)> {
        let (images, at) = (self.images, self.at);
        self.open
            .entry(image)
            .or_insert_with(|| {
                let known = images.0.get(&image);
                let path = package.or_else(|| known?.path.as_deref())?;
                open(
                    Path::new(path),
                    known.and_then(|it| it.build_id.as_deref()),
                    at,
                )
            })
            .as_ref()
    }

    /// Keeps the programs for the next event.
    fn close(self) {
        for (path, stamp, program) in self.open.into_values().flatten() {
            PROGRAMS.put(&path, stamp, PROGRAM, program);
        }
    }
}

/// Opens the program that an event came from.
fn open(path: &Path, build_id: Option<&str>, at: SystemTime) -> Option<(PathBuf, Stamp, Program)> {
    if !path.is_absolute() {
        return None;
    }
    let stamp = Stamp::of_any(path, MAX_PROGRAM)?;
    let program = match PROGRAMS.take(path, stamp) {
        Some(known) => known,
        None => read(path)?,
    };
    let is_same = match (build_id, &program.build_id) {
        // A server's id of the code may be longer than the build id, never shorter.
        (Some(wanted), Some(found)) => wanted.starts_with(found.as_str()),
        _ => Stamp::of(path, MAX_PROGRAM, at).is_some(),
    };
    is_same.then(|| (path.to_owned(), stamp, program))
}

fn read(path: &Path) -> Option<Program> {
    let file = File::open(path).ok()?;
    let bytes = object::ReadCache::new(file);
    let object = object::File::parse(&bytes).ok()?;
    let build_id = object.build_id().ok().flatten().map(hex);
    let base = object
        .segments()
        .map(|segment| segment.address())
        .min()
        .unwrap_or(0);
    Some(Program {
        loader: Loader::new(path).ok()?,
        base: base & !0xfff,
        build_id,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A frame as the debug information tells it.
fn told<R: addr2line::gimli::Reader>(
    frame: &Frame,
    found: &addr2line::Frame<'_, R>,
    is_library: bool,
) -> Frame {
    let mut frame = frame.clone();
    for name in ["filename", "lineno", "colno"] {
        frame.remove(name);
    }
    let name = found.function.as_ref().and_then(|it| it.raw_name().ok());
    let function = name.map(|name| demangled(&name));
    let file = found.location.as_ref().and_then(|place| place.file);
    let is_own = is_own(function.as_deref(), file, is_library);
    if let Some(function) = function {
        frame.insert("function".to_owned(), function.into());
    }
    if let Some(file) = file {
        frame.insert("abs_path".to_owned(), file.into());
        frame.insert("filename".to_owned(), shown_name(file).into());
    }
    if let Some(place) = &found.location {
        for (name, number) in [("lineno", place.line), ("colno", place.column)] {
            if let Some(number) = number.filter(|number| *number > 0) {
                frame.insert(name.to_owned(), number.into());
            }
        }
    }
    frame.insert("in_app".to_owned(), is_own.into());
    frame
}

/// A function's name as it was written, without the hash at its end.
fn demangled(name: &str) -> String {
    rustc_demangle::try_demangle(name).map_or_else(|_| name.to_owned(), |name| format!("{name:#}"))
}

/// Whether a function's path ends in a name as debug information has it: with type parameters, and
/// with a closure's number.
fn is_end_of(function: &str, name: &str) -> bool {
    if name.starts_with("{closure") {
        return function.ends_with("{{closure}}");
    }
    let name = name.split('<').next().unwrap_or(name);
    !name.is_empty() && function.ends_with(name)
}

/// Whether code is the application's own: neither a library's nor a dependency's, by the file it was
/// written in, and by the function's path where that is not known.
fn is_own(function: Option<&str>, file: Option<&str>, is_library: bool) -> bool {
    let function = function.unwrap_or_default();
    let is_known = file.is_some() || function.contains("::");
    !is_library && is_known && !file.is_some_and(is_dependency) && !is_foreign(function)
}

/// Whether a function is of a crate that is never the application's own, or is what starts a
/// program.
fn is_foreign(function: &str) -> bool {
    let bare = function.trim_start_matches(['<', '&', '*', '(']);
    let first = bare
        .split("::")
        .next()
        .and_then(|it| it.rsplit(' ').next())
        .unwrap_or_default();
    FOREIGN.contains(&first) || function.starts_with("__") || matches!(function, "_start" | "main")
}

fn is_dependency(file: &str) -> bool {
    file.starts_with("/rustc/")
        || file.contains("/.cargo/")
        || file.contains("/cargo/registry/src/")
        || file.contains("/rustlib/src/")
}

fn is_system(path: &Path) -> bool {
    ["/lib", "/usr/lib", "/lib64", "/usr/lib64"]
        .iter()
        .any(|root| path.starts_with(root))
}

/// The part of a path that tells: from the crate of a dependency, or from `src`.
fn shown_name(file: &str) -> &str {
    if let Some((_, rest)) = file.split_once("/registry/src/") {
        return rest.split_once('/').map_or(rest, |(_, rest)| rest);
    }
    if let Some(rest) = file.strip_prefix("/rustc/") {
        return rest.split_once('/').map_or(rest, |(_, rest)| rest);
    }
    file.rfind("/src/").map_or(file, |at| &file[at + 1..])
}

/// `0x7f…`, or a number.
fn address(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_the_applications_own_by_its_file_and_path() {
        let dependency = "/home/someone/.cargo/registry/src/x/serde-1.0/src/lib.rs";
        for (function, file, wanted) in [
            ("std::rt::lang_start", None, false),
            (
                "<core::pin::Pin<P> as core::future::Future>::poll",
                Some("/app/src/a.rs"),
                false,
            ),
            ("<&mut core::x::Y>::z", None, false),
            ("_start", None, false),
            ("main", None, false),
            ("__libc_start_main", None, false),
            ("clone3", None, false),
            ("serde::de", Some(dependency), false),
            ("app::main", None, true),
            ("coreutils::ls", None, true),
            ("handler", Some("/app/src/a.rs"), true),
            (
                "<app::Handler as core::ops::Fn>::call",
                Some("/app/src/a.rs"),
                true,
            ),
        ] {
            assert_eq!(is_own(Some(function), file, false), wanted, "{function}");
        }
        assert!(!is_own(Some("app::main"), None, true));
    }

    #[test]
    fn the_end_of_a_panic_is_left_out() {
        let frame = |name: &str, own: bool| serde_json::json!({"function": name, "in_app": own});
        let names = |stack: &[Value]| stack.len();
        let mut stack = vec![
            frame("app::main", true),
            frame("app::fail", true),
            frame("core::panicking::panic_fmt", false),
            frame("__rustc::rust_begin_unwind", false),
            frame("std::sys::backtrace::__rust_end_short_backtrace", false),
            frame("std::panicking::rust_panic_with_hook", false),
        ];
        cut_panic(&mut stack);
        assert_eq!(names(&stack), 3);
        let mut within = vec![
            frame("app::main", true),
            frame("std::sys::backtrace::__rust_end_short_backtrace", false),
            frame("app::hook", true),
        ];
        cut_panic(&mut within);
        assert_eq!(names(&within), 3);
    }

    #[test]
    fn a_file_is_named_by_the_part_that_tells() {
        assert_eq!(
            shown_name("/home/someone/.cargo/registry/src/index-1/tokio-1.0/src/a.rs"),
            "tokio-1.0/src/a.rs"
        );
        assert_eq!(
            shown_name("/rustc/abc/library/std/src/rt.rs"),
            "library/std/src/rt.rs"
        );
        assert_eq!(shown_name("/srv/app/src/bin/a.rs"), "src/bin/a.rs");
    }
}
