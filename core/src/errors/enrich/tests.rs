use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::*;

/// A folder of its own for each test.
fn folder(name: &str) -> PathBuf {
    let folder =
        std::env::temp_dir().join(format!("tallylight-enrich-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn enriched(frames: Value, at: SystemTime) -> Value {
    let mut event =
        json!({"exception": {"values": [{"type": "E", "stacktrace": {"frames": frames}}]}});
    enrich(&mut event, at);
    event
        .pointer("/exception/values/0/stacktrace/frames")
        .unwrap()
        .clone()
}

fn at(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

fn now() -> SystemTime {
    SystemTime::now()
}

#[test]
fn the_source_around_a_frame_is_shown() {
    let folder = folder("source");
    let file = folder.join("views.py");
    let lines: Vec<String> = (1..=20).map(|n| format!("line {n}")).collect();
    fs::write(&file, lines.join("\r\n")).unwrap();
    let frames = enriched(
        json!([
            {"abs_path": at(&file), "lineno": 10, "in_app": true},
            {"abs_path": at(&file), "lineno": 2, "in_app": true},
            {"abs_path": at(&file), "lineno": 20, "in_app": true},
            {"abs_path": at(&file), "lineno": 21, "in_app": true},
            {"abs_path": at(&file), "lineno": 0, "in_app": true},
            {"abs_path": at(&file), "lineno": 5, "in_app": false},
            {"abs_path": format!("file://{}", at(&file)), "lineno": 1, "in_app": true, "context_line": "kept"},
        ]),
        now(),
    );
    assert_eq!(frames[0]["context_line"], "line 10");
    assert_eq!(
        frames[0]["pre_context"],
        json!(["line 5", "line 6", "line 7", "line 8", "line 9"])
    );
    assert_eq!(
        frames[0]["post_context"],
        json!(["line 11", "line 12", "line 13", "line 14", "line 15"])
    );
    assert_eq!(frames[1]["pre_context"], json!(["line 1"]));
    assert_eq!(frames[2]["post_context"], json!([]));
    for index in [3, 4, 5] {
        assert!(frames[index].get("context_line").is_none(), "{index}");
    }
    assert_eq!(frames[6]["context_line"], "kept");
}

#[test]
fn all_frames_are_shown_where_none_is_known_to_be_the_applications_own() {
    let folder = folder("foreign");
    let file = folder.join("a.py");
    fs::write(&file, "one\ntwo").unwrap();
    let frames = enriched(
        json!([{"filename": at(&file), "lineno": 1, "in_app": false}, {"filename": at(&file), "lineno": 2}]),
        now(),
    );
    assert_eq!(frames[0]["context_line"], "one");
    assert_eq!(frames[1]["context_line"], "two");
}

#[test]
fn what_was_changed_since_or_is_no_source_is_not_shown() {
    let folder = folder("refused");
    let source = folder.join("a.py");
    fs::write(&source, "x").unwrap();
    let secret = folder.join("passwd");
    fs::write(&secret, "root").unwrap();
    let large = folder.join("large.js");
    fs::File::create(&large)
        .unwrap()
        .set_len(files::MAX_SOURCE + 1)
        .unwrap();
    fs::create_dir(folder.join("dir.py")).unwrap();
    for (path, time) in [
        (at(&source), now() - Duration::from_secs(60)),
        (at(&secret), now()),
        (at(&large), now()),
        (at(&folder.join("dir.py")), now()),
        (at(&folder.join("none.py")), now()),
        ("a.py".to_owned(), now()),
        ("<string>".to_owned(), now()),
        ("node:internal/process".to_owned(), now()),
    ] {
        let frames = enriched(
            json!([{"abs_path": path, "lineno": 1, "in_app": true}]),
            time,
        );
        assert!(frames[0].get("context_line").is_none(), "{path}");
    }
}

#[test]
fn a_changed_file_is_read_again() {
    let folder = folder("changed");
    let file = folder.join("a.py");
    for text in ["first", "and now the second"] {
        fs::write(&file, text).unwrap();
        let frames = enriched(
            json!([{"abs_path": at(&file), "lineno": 1, "in_app": true}]),
            now(),
        );
        assert_eq!(frames[0]["context_line"], text);
    }
}

/// `export function fail(): never {\n  throw new Error("boom");\n}\nfail();` as a compiler writes it.
const SCRIPT: &str =
    "\"use strict\";\nfunction fail() {\n    throw new Error(\"boom\");\n}\nfail();\n";
const TYPESCRIPT: &str =
    "// The original.\nexport function fail(): never {\n  throw new Error(\"boom\");\n}\nfail();\n";
/// Each line of the script from its first column: to the line of the same content.
const MAPPINGS: &str = ";AACA;IACE;AACF;AACA";

#[test]
fn a_built_script_shows_where_it_was_written() {
    let folder = folder("map");
    fs::create_dir_all(folder.join("dist")).unwrap();
    let script = folder.join("dist/a.js");
    fs::write(&script, format!("{SCRIPT}//# sourceMappingURL=a.js.map\n")).unwrap();
    let map = json!({"version": 3, "sources": ["../src/a.ts"], "sourcesContent": [TYPESCRIPT], "names": [], "mappings": MAPPINGS});
    fs::write(folder.join("dist/a.js.map"), map.to_string()).unwrap();
    let frames = enriched(
        json!([
            {"abs_path": at(&script), "filename": "dist/a.js", "function": "Object.<anonymous>", "lineno": 5, "colno": 1, "in_app": true, "module": "dist.a"},
            {"abs_path": format!("file://{}", at(&script)), "filename": "dist/a.js", "function": "fail", "lineno": 3, "colno": 11, "in_app": true},
        ]),
        now(),
    );
    let frame = &frames[1];
    assert_eq!(
        (&frame["filename"], &frame["lineno"], &frame["colno"]),
        (&json!("src/a.ts"), &json!(3), &json!(3))
    );
    assert_eq!(frame["abs_path"], json!(at(&folder.join("src/a.ts"))));
    assert_eq!(frame["context_line"], "  throw new Error(\"boom\");");
    assert_eq!(frame["pre_context"][0], "// The original.");
    assert_eq!(frame["function"], "fail");
    assert_eq!(frame["data"]["orig_lineno"], 3);
    assert_eq!(frame["data"]["orig_filename"], "dist/a.js");
    assert_eq!(frames[0]["lineno"], 5);
    assert_eq!(frames[0]["context_line"], "fail();");
    assert!(frames[0].get("module").is_none());
    // Once more, as the command line does with what was enriched before.
    assert_eq!(enriched(frames.clone(), now()), frames);
}

#[test]
fn a_map_may_stand_in_the_script_or_beside_it() {
    use base64::Engine as _;
    let folder = folder("inline");
    fs::create_dir_all(folder.join("src")).unwrap();
    fs::write(folder.join("src/a.ts"), TYPESCRIPT).unwrap();
    let map = json!({"version": 3, "sources": ["src/a.ts"], "names": [], "mappings": MAPPINGS})
        .to_string();
    let inline = base64::engine::general_purpose::STANDARD.encode(&map);
    for (name, end) in [
        (
            "inline.mjs",
            format!("//# sourceMappingURL=data:application/json;charset=utf-8;base64,{inline}"),
        ),
        ("beside.cjs", String::new()),
    ] {
        fs::write(folder.join(name), format!("{SCRIPT}{end}")).unwrap();
        fs::write(folder.join("beside.cjs.map"), &map).unwrap();
        let frames = enriched(
            json!([{"abs_path": at(&folder.join(name)), "lineno": 3, "colno": 11, "in_app": true}]),
            now(),
        );
        assert_eq!(
            frames[0]["context_line"], "  throw new Error(\"boom\");",
            "{name}"
        );
        assert_eq!(frames[0]["abs_path"], json!(at(&folder.join("src/a.ts"))));
    }
}

#[test]
fn a_broken_map_leaves_a_frame_as_it_is() {
    let folder = folder("broken");
    for (name, url, map) in [
        ("a.js", "a.map", "{"),
        ("b.js", "none.map", ""),
        ("c.js", "https://x/c.map", ""),
        ("d.js", "data:application/json;base64,!!", ""),
        ("e.js", "..", ""),
    ] {
        let script = folder.join(name);
        fs::write(&script, format!("one();\n//# sourceMappingURL={url}")).unwrap();
        fs::write(folder.join("a.map"), map).unwrap();
        let frames = enriched(
            json!([{"abs_path": at(&script), "filename": name, "lineno": 1, "colno": 1, "in_app": true}]),
            now(),
        );
        assert_eq!(
            (&frames[0]["filename"], &frames[0]["context_line"]),
            (&json!(name), &json!("one();"))
        );
    }
}

#[test]
fn a_minified_function_is_named_as_it_is_called() {
    let folder = folder("minified");
    let script = folder.join("m.js");
    // `function t(){throw x}t()`, where `t` at column 21 is named `fail`.
    let map = json!({"version": 3, "sources": ["m.ts"], "sourcesContent": ["a\nb"], "names": ["fail"], "mappings": "AAAA,qBACAA"});
    fs::write(
        &script,
        format!(
            "function t(){{throw x}}t()\n//# sourceMappingURL=data:application/json,{}",
            map.to_string()
                .replace('%', "%25")
                .replace('"', "%22")
                .replace('{', "%7B")
        ),
    )
    .unwrap();
    let frames = enriched(
        json!([
            {"abs_path": at(&script), "function": "<anonymous>", "lineno": 1, "colno": 22, "in_app": true},
            {"abs_path": at(&script), "function": "t", "lineno": 1, "colno": 14, "in_app": true},
        ]),
        now(),
    );
    assert_eq!(
        (&frames[1]["function"], &frames[1]["data"]["orig_function"]),
        (&json!("fail"), &json!("t"))
    );
}

/// Where this process has loaded the file that holds an address.
fn image_of(address: usize) -> (u64, String) {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let path = maps
        .lines()
        .find_map(|line| {
            let (range, rest) = line.split_once(' ')?;
            let (start, end) = range.split_once('-')?;
            let parse = |text: &str| usize::from_str_radix(text, 16).unwrap();
            (parse(start)..parse(end))
                .contains(&address)
                .then(|| rest[rest.find('/').unwrap()..].to_owned())
        })
        .unwrap();
    let first = maps.lines().find(|line| line.ends_with(&path)).unwrap();
    let start = u64::from_str_radix(first.split_once('-').unwrap().0, 16).unwrap();
    (start, path)
}

#[cfg(target_os = "linux")]
#[test]
fn an_address_becomes_a_function_and_a_line() {
    let function = an_address_becomes_a_function_and_a_line as *const () as usize;
    let (base, path) = image_of(function);
    // Just behind its first instruction, as a return address is behind a call.
    let frame = json!({"instruction_addr": format!("{:#x}", function + 1), "image_addr": format!("{base:#x}"), "package": path});
    for frames in [
        enriched(json!([frame]), now()),
        enriched(json!([frame]), now()),
    ] {
        let told = frames.as_array().unwrap().last().unwrap();
        assert!(
            told["function"]
                .as_str()
                .unwrap()
                .contains("an_address_becomes_a_function_and_a_line"),
            "{told}"
        );
        assert!(
            told["abs_path"]
                .as_str()
                .unwrap()
                .ends_with("src/errors/enrich/tests.rs"),
            "{told}"
        );
        assert!(told["function"].as_str().unwrap().contains("::"), "{told}");
        // Ours is never the application's own.
        assert_eq!(told["in_app"], false);
        assert!(told["lineno"].as_u64().unwrap() > 100, "{told}");
        assert!(told["instruction_addr"].is_string());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn another_build_of_a_program_tells_nothing() {
    let function = another_build_of_a_program_tells_nothing as *const () as usize;
    let (base, path) = image_of(function);
    let mut event = json!({
        "exception": {"values": [{"stacktrace": {"frames": [{"instruction_addr": format!("{:#x}", function + 1), "image_addr": format!("{base:#x}"), "package": path}]}}]},
        "debug_meta": {"images": [{"type": "elf", "image_addr": format!("{base:#x}"), "code_id": "00112233445566778899aabbccddeeff00112233"}]},
    });
    let before = event.clone();
    enrich(&mut event, now());
    assert_eq!(event, before);
}

#[test]
fn what_was_added_is_scrubbed_too() {
    let folder = folder("scrubbed");
    let file = folder.join("a.py");
    let canary = "canary-of-enrich-8Kq2Zt";
    crate::scrub::register(canary.as_bytes());
    fs::write(
        &file,
        format!("password = \"hunter2\"\nuse({canary:?})\ntoken = parse(x)\n"),
    )
    .unwrap();
    let event = json!({"message": "m", "exception": {"values": [{"type": "E", "stacktrace": {"frames": [{"abs_path": at(&file), "lineno": 2, "in_app": true}]}}]}});
    let text = enrich_json(&event.to_string(), now(), &ErrorsConfig::default()).unwrap();
    assert!(
        text.contains("password = \\\"[Filtered]\\\"") && text.contains("token = parse(x)"),
        "{text}"
    );
    assert!(!text.contains("canary-of"), "{text}");
}

#[test]
fn an_event_that_nothing_is_added_to_stays_as_it_is() {
    for text in [
        "{}",
        "{\"message\":\"m\"}",
        "{\"exception\":{\"values\":[{\"stacktrace\":{\"frames\":[{\"function\":\"f\"}]}}]}}",
        "{\"frames\":",
        "[\"frames\"]",
        "{\"exception\":5,\"threads\":null,\"frames\":1}",
    ] {
        assert!(
            enrich_json(text, now(), &ErrorsConfig::default()).is_none(),
            "{text}"
        );
    }
}
