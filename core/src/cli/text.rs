//! Makes strings from outside fit to print: no control over the terminal, a known width.
//!
//! Every string of a status document, a URL or an error passes through [`clean`] before it is shown.

use ratatui::text::Span;

/// How many columns a terminal gives to `text`.
pub(crate) fn width(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        Span::raw(text).width()
    }
}

/// `text` without anything that moves the cursor, changes colours, or reorders or hides letters, and
/// with at most `most` characters.
pub(crate) fn clean(text: &str, most: usize) -> String {
    clean_with(text, most, |_| false)
}

/// As [`clean`], for our own messages of several lines.
pub(crate) fn clean_lines(text: &str) -> String {
    clean_with(text, 4000, |c| c == '\n')
}

fn clean_with(text: &str, most: usize, keep: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len().min(most * 4));
    let mut buffer = [0; 4];
    let (mut count, mut marks) = (0, 0);
    for c in text.chars() {
        if count == most {
            out.push('…');
            break;
        }
        let shown = match c {
            c if keep(c) => c,
            // The control pictures say what was there: ␛ for escape.
            '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
            '\x7f' => '\u{2421}',
            '\u{80}'..='\u{9f}' => '\u{fffd}',
            c if hides_or_reorders(c) => continue,
            c => c,
        };
        let mark = shown != '\n' && width(shown.encode_utf8(&mut buffer)) == 0;
        marks = if mark { marks + 1 } else { 0 };
        // Two marks on a letter occur in real languages; a tower of them covers the lines above.
        if marks > 2 || (mark && out.is_empty()) {
            continue;
        }
        out.push(shown);
        count += 1;
    }
    out
}

fn hides_or_reorders(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}'
        | '\u{200b}'..='\u{200f}'      // zero width, direction marks
        | '\u{2028}'..='\u{202e}'      // separators, direction overrides
        | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}'      // variation selectors change a width after the fact
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// The beginning of `text` in at most `columns` columns, with `…` where something is missing.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    let mut buffer = [0; 4];
    for c in text.chars() {
        let wide = width(c.encode_utf8(&mut buffer));
        if used + wide + 1 > columns {
            break;
        }
        used += wide;
        out.push(c);
    }
    if columns > 0 {
        out.push('…');
    }
    out
}

/// The beginning and the end of `text`: names that are alike in front differ at their end.
pub(crate) fn cut_middle(text: &str, columns: usize) -> String {
    if width(text) <= columns || columns < 8 {
        return cut(text, columns);
    }
    let end_columns = (columns - 1) / 2;
    let mut end = text.len();
    for (at, _) in text.char_indices().rev() {
        if width(&text[at..]) > end_columns {
            break;
        }
        end = at;
    }
    let start = cut(text, columns - width(&text[end..]));
    start + &text[end..]
}

/// `text` in exactly `columns` columns, cut or padded.
pub(crate) fn fit(text: &str, columns: usize, right: bool) -> String {
    let text = cut(text, columns);
    let space = " ".repeat(columns.saturating_sub(width(&text)));
    if right { space + &text } else { text + &space }
}

/// Breaks `text` between words into at most `most` lines of `columns` columns; what is left over is cut.
pub(crate) fn wrap(text: &str, columns: usize, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() && lines.len() < most {
        if lines.len() + 1 == most || width(rest) <= columns {
            lines.push(cut(rest, columns));
            break;
        }
        let mut end = 0;
        for (at, _) in rest.match_indices(' ') {
            if width(&rest[..at]) > columns {
                break;
            }
            end = at;
        }
        if end == 0 {
            // One word longer than the line: cut it rather than break it.
            end = rest.find(' ').unwrap_or(rest.len());
        }
        lines.push(cut(&rest[..end], columns));
        rest = rest[end..].trim_start();
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_drives_a_terminal_survives() {
        assert_eq!(clean("a\x1b[31mb\x07\r\n", 100), "a␛[31mb␇␍␊");
        assert_eq!(clean("\u{9b}2J", 100), "\u{fffd}2J");
        assert_eq!(clean("abc\u{202e}def\u{200b}\u{feff}", 100), "abcdef");
        assert_eq!(clean_lines("a\nb\x1b"), "a\nb␛");
    }

    #[test]
    fn towers_of_marks_are_cut_down() {
        let tower = format!("e{}", "\u{301}".repeat(50));
        assert_eq!(clean(&tower, 100), "e\u{301}\u{301}");
        assert_eq!(clean("\u{301}a", 100), "a");
    }

    #[test]
    fn long_and_wide_text_fits_its_columns() {
        assert_eq!(clean(&"x".repeat(10_000), 5), "xxxxx…");
        assert_eq!(cut("分析する", 5), "分析…");
        assert_eq!(cut("分析する", 4), "分…");
        assert_eq!(fit("分析", 6, true), "  分析");
        assert_eq!(fit("abc", 2, false), "a…");
        assert_eq!(cut("abc", 0), "");
        for columns in 0..12 {
            assert_eq!(width(&fit("a分b析c", columns, false)), columns, "{columns}");
        }
    }

    #[test]
    fn a_name_keeps_both_ends() {
        assert_eq!(
            cut_middle("gen_ai.client.token.usage{type=input}", 21),
            "gen_ai.cli…ype=input}"
        );
        assert_eq!(cut_middle("short", 21), "short");
        assert_eq!(cut_middle("分析する分析する", 9), "分析…する");
        for columns in 0..20 {
            assert!(
                width(&cut_middle("a分b析cdefghi分j", columns)) <= columns,
                "{columns}"
            );
        }
    }

    #[test]
    fn lines_break_between_words() {
        assert_eq!(
            wrap("one two three four", 9, 5),
            ["one two", "three", "four"]
        );
        assert_eq!(wrap("one two three four", 9, 2), ["one two", "three fo…"]);
        assert_eq!(wrap("unbreakable word", 5, 3), ["unbr…", "word"]);
        assert!(wrap("  ", 5, 3).is_empty());
        assert!(wrap("x", 5, 0).is_empty());
    }
}
