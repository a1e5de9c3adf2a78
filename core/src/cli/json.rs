//! Prints a JSON text again with other white space, and nothing else changed: the same fields in the
//! same order, every number and string as the service spelt it.
//!
//! The text has been parsed before, so it is known to be valid and not nested without bound.

use std::fmt::Write;

/// Two spaces a level, a line each.
pub(crate) fn pretty(text: &str) -> String {
    respace(text, true)
}

/// One line, no spaces.
pub(crate) fn compact(text: &str) -> String {
    respace(text, false)
}

fn respace(text: &str, lines: bool) -> String {
    let mut out = String::with_capacity(text.len() * if lines { 2 } else { 1 });
    let mut depth = 0_usize;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                out.push('"');
                while let Some(c) = chars.next() {
                    push_in_string(&mut out, c);
                    match c {
                        '\\' => out.extend(chars.next()),
                        '"' => break,
                        _ => {}
                    }
                }
            }
            '{' | '[' => {
                out.push(c);
                while chars.next_if(|c| c.is_ascii_whitespace()).is_some() {}
                if let Some(end) = chars.next_if(|c| matches!(c, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    newline(&mut out, depth, lines);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                newline(&mut out, depth, lines);
                out.push(c);
            }
            ',' => {
                out.push(',');
                newline(&mut out, depth, lines);
            }
            ':' => out.push_str(if lines { ": " } else { ":" }),
            c if c.is_ascii_whitespace() => {}
            c => out.push(c),
        }
    }
    out.push('\n');
    out
}

fn newline(out: &mut String, depth: usize, lines: bool) {
    if lines {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    }
}

/// Characters that JSON allows raw but that drive a terminal, or end a line in some readers, are escaped: the same string.
fn push_in_string(out: &mut String, c: char) {
    if matches!(c, '\x7f'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    {
        let _ = write!(out, "\\u{:04x}", u32::from(c));
    } else {
        out.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_white_space_changes() {
        let text =
            r#" {"z": 1.50, "a":[ ],"b": { }, "s":"a \" , : { \\", "n":[1,-2e3,null,true]} "#;
        let lines = pretty(text);
        assert_eq!(
            lines,
            "{\n  \"z\": 1.50,\n  \"a\": [],\n  \"b\": {},\n  \"s\": \"a \\\" , : { \\\\\",\n  \"n\": [\n    1,\n    -2e3,\n    null,\n    true\n  ]\n}\n"
        );
        let line = compact(text);
        assert_eq!(
            line,
            "{\"z\":1.50,\"a\":[],\"b\":{},\"s\":\"a \\\" , : { \\\\\",\"n\":[1,-2e3,null,true]}\n"
        );
        assert_eq!(compact(&lines), line);
        assert_eq!(pretty(&line), lines);
        assert_eq!(pretty("3"), "3\n");
    }

    #[test]
    fn raw_terminal_controls_are_escaped_and_mean_the_same() {
        let text = "{\"a\":\"\u{9b}2J\u{202e}\"}";
        let line = compact(text);
        assert_eq!(line, "{\"a\":\"\\u009b2J\\u202e\"}\n");
        let (before, after): (serde_json::Value, serde_json::Value) = (
            serde_json::from_str(text).unwrap(),
            serde_json::from_str(&line).unwrap(),
        );
        assert_eq!(before, after);
    }
}
