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
/// The functions between which a panic or a backtrace is Rust's own. Source:
/// <https://github.com/rust-lang/rust/blob/master/library/std/src/sys/backtrace.rs>.
const ENDS: &str = "__rust_end_short_backtrace";
const UNWINDS: [&str; 2] = ["rust_begin_unwind", "rust_panic"];
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
    let is_end = |frame: &Value| {
        frame
            .get("function")
            .and_then(Value::as_str)
            .is_some_and(|name| name.contains(ENDS) || UNWINDS.contains(&name))
    };
    // The last of these is where the application called into a panic; without it all stays.
    if let Some(end) = named.iter().position(is_end)
        && end > 0
    {
        named.truncate(end);
    }
    *stack = named;
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
        let is_nameless = |frame: &Frame| frames::text(frame, "function").is_none();
        if inlined.iter().all(is_nameless)
            && let Some(symbol) = program.loader.find_symbol(probe)
        {
            let function = demangled(symbol);
            let mut it = inlined.pop().unwrap_or_else(|| frame.clone());
            let is_own = !is_library && !is_foreign(&function);
            it.insert("function".to_owned(), function.into());
            it.insert("in_app".to_owned(), is_own.into());
            inlined.push(it);
        }
        // Where it stands is known for the innermost function, whatever the debug information says.
        if let Some(innermost) = inlined.first_mut() {
            for name in ["filename", "lineno", "colno"] {
                if let Some(known) = frame.get(name)
                    && innermost.get("lineno").is_none_or(|_| name == "colno")
                {
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
    let mut is_own = !is_library;
    let name = found.function.as_ref().and_then(|it| it.raw_name().ok());
    if let Some(name) = name {
        let function = demangled(&name);
        is_own &= !is_foreign(&function);
        frame.insert("function".to_owned(), function.into());
    }
    if let Some(place) = &found.location {
        if let Some(file) = place.file {
            is_own &= !is_dependency(file);
            frame.insert("abs_path".to_owned(), file.into());
            frame.insert("filename".to_owned(), shown_name(file).into());
        }
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

/// Whether a function is of a crate that is never the application's own.
fn is_foreign(function: &str) -> bool {
    let bare = function.trim_start_matches(['<', '&', '*', '(']);
    let first = bare
        .split("::")
        .next()
        .and_then(|it| it.rsplit(' ').next())
        .unwrap_or_default();
    FOREIGN.contains(&first)
        || function.starts_with("__")
        || function == "_start"
        || function == "main"
        || !function.contains("::")
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
    fn a_function_of_a_library_is_not_the_applications_own() {
        for name in [
            "std::rt::lang_start",
            "<core::pin::Pin<P> as core::future::Future>::poll",
            "_start",
            "main",
            "__libc_start_main",
            "<&mut core::x::Y>::z",
            "clone3",
        ] {
            assert!(is_foreign(name), "{name}");
        }
        for name in [
            "app::main",
            "<app::Handler as core::ops::Fn>::call",
            "coreutils::ls",
        ] {
            assert!(!is_foreign(name), "{name}");
        }
    }

    #[test]
    fn a_file_is_named_by_the_part_that_tells() {
        assert_eq!(
            shown_name("/root/.cargo/registry/src/index-1/tokio-1.0/src/a.rs"),
            "tokio-1.0/src/a.rs"
        );
        assert_eq!(
            shown_name("/rustc/abc/library/std/src/rt.rs"),
            "library/std/src/rt.rs"
        );
        assert_eq!(shown_name("/work/app/src/bin/a.rs"), "src/bin/a.rs");
    }
}
