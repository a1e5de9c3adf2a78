//! Source maps: from a place in a built script to where it was written.
//! Source: <https://tc39.es/ecma426/>.

use std::borrow::Cow;

use serde::Deserialize;

/// Places of one map; more are those of no program's.
const MAX_TOKENS: usize = 3_000_000;
const NONE: u32 = u32::MAX;

#[derive(Deserialize)]
struct Raw<'t> {
    #[serde(borrow, default)]
    mappings: Cow<'t, str>,
    #[serde(default)]
    sources: Vec<Option<String>>,
    #[serde(default, rename = "sourcesContent")]
    contents: Vec<Option<String>>,
    #[serde(default, rename = "sourceRoot")]
    root: Option<String>,
    #[serde(default)]
    names: Vec<String>,
    #[serde(borrow, default)]
    sections: Option<Vec<Section<'t>>>,
}

#[derive(Deserialize)]
struct Section<'t> {
    offset: Offset,
    /// `None` for a section that is a file of its own, which nobody writes any more.
    #[serde(borrow)]
    map: Option<Raw<'t>>,
}

#[derive(Deserialize, Clone, Copy, Default)]
struct Offset {
    line: u32,
    column: u32,
}

/// A place in the built script, and what was written there. Lines and columns count from 0.
#[derive(Clone, Copy)]
struct Token {
    line: u32,
    column: u32,
    source: u32,
    source_line: u32,
    source_column: u32,
    name: u32,
}

/// A map, ready to be asked.
#[derive(Default)]
pub(super) struct SourceMap {
    tokens: Vec<Token>,
    sources: Vec<Option<String>>,
    contents: Vec<Option<String>>,
    names: Vec<String>,
}

/// Where something was written. Lines and columns count from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place<'m> {
    pub(super) source: &'m str,
    /// What the source holds, if the map says so.
    pub(super) content: Option<&'m str>,
    pub(super) line: u32,
    pub(super) column: u32,
    /// What is named there.
    pub(super) name: Option<&'m str>,
}

impl SourceMap {
    /// Reads a map; `None` for what is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        // A first line that keeps the file from being run as a script.
        let text = match text.strip_prefix(")]}'") {
            Some(rest) => rest.split_once('\n')?.1,
            None => text,
        };
        // A list would be read as the fields of an object in their order.
        if !text.trim_start().starts_with('{') {
            return None;
        }
        let mut map = Self::default();
        map.add(serde_json::from_str(text).ok()?, Offset::default())?;
        map.tokens.sort_by_key(|token| (token.line, token.column));
        Some(map)
    }

    fn add(&mut self, raw: Raw<'_>, offset: Offset) -> Option<()> {
        let first_source = u32::try_from(self.sources.len()).ok()?;
        let first_name = u32::try_from(self.names.len()).ok()?;
        if let Some(sections) = raw.sections {
            for section in sections {
                let Some(map) = section.map else {
                    continue;
                };
                // A map of maps of maps is none by the specification.
                if map.sections.is_some() {
                    return None;
                }
                self.add(map, section.offset)?;
            }
            return Some(());
        }
        let root = raw.root.filter(|root| !root.is_empty());
        self.sources
            .extend(raw.sources.into_iter().map(|source| match (&root, source) {
                (Some(root), Some(source)) => {
                    Some(format!("{}/{source}", root.trim_end_matches('/')))
                }
                (None, source) => source,
                (_, None) => None,
            }));
        self.contents.extend(raw.contents);
        self.contents.resize_with(self.sources.len(), || None);
        self.names.extend(raw.names);
        self.read(&raw.mappings, offset, first_source, first_name)
    }

    fn read(
        &mut self,
        text: &str,
        offset: Offset,
        first_source: u32,
        first_name: u32,
    ) -> Option<()> {
        let mut state = [0_i64; 4];
        for (line, segments) in text.split(';').enumerate() {
            let line = u32::try_from(line).ok()?;
            let mut column = 0_i64;
            for segment in segments.split(',').filter(|it| !it.is_empty()) {
                let mut numbers = [0_i64; 5];
                let len = vlq(segment, &mut numbers)?;
                column += numbers[0];
                for (known, change) in state.iter_mut().zip(&numbers[1..]) {
                    *known += change;
                }
                let shift = if line == 0 { offset.column } else { 0 };
                let mut token = Token {
                    line: line.checked_add(offset.line)?,
                    column: u32::try_from(column).ok()?.checked_add(shift)?,
                    source: NONE,
                    source_line: 0,
                    source_column: 0,
                    name: NONE,
                };
                if len >= 4 {
                    token.source = u32::try_from(state[0]).ok()?.checked_add(first_source)?;
                    token.source_line = u32::try_from(state[1]).ok()?;
                    token.source_column = u32::try_from(state[2]).ok()?;
                }
                if len == 5 {
                    token.name = u32::try_from(state[3]).ok()?.checked_add(first_name)?;
                }
                if self.tokens.len() >= MAX_TOKENS {
                    return None;
                }
                self.tokens.push(token);
            }
        }
        Some(())
    }

    /// Where it was written what stands at a place of the built script; lines and columns from 0.
    pub(super) fn find(&self, line: u32, column: u32) -> Option<Place<'_>> {
        let after = self
            .tokens
            .partition_point(|token| (token.line, token.column) <= (line, column));
        let token = self.tokens.get(after.checked_sub(1)?)?;
        if token.line != line || token.source == NONE {
            return None;
        }
        let source = token.source as usize;
        Some(Place {
            source: self.sources.get(source)?.as_deref()?,
            content: self.contents.get(source).and_then(Option::as_deref),
            line: token.source_line,
            column: token.source_column,
            name: self.names.get(token.name as usize).map(String::as_str),
        })
    }

    /// Roughly the bytes that it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        let texts = self.names.iter().chain(self.sources.iter().flatten());
        let contents = self.contents.iter().flatten();
        self.tokens.len() * size_of::<Token>()
            + texts.chain(contents).map(String::len).sum::<usize>()
    }
}

/// Reads the numbers of a segment, each in base 64 with a bit that says that more digits follow;
/// answers how many there are: 1, 4 or 5.
fn vlq(segment: &str, numbers: &mut [i64; 5]) -> Option<usize> {
    let mut count = 0;
    let mut value = 0_u64;
    let mut shift = 0;
    for byte in segment.bytes() {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        value |= u64::from(digit & 31).checked_shl(shift)?;
        shift += 5;
        if digit & 32 != 0 {
            if shift > 30 {
                return None;
            }
            continue;
        }
        let size = i64::try_from(value >> 1).ok()?;
        *numbers.get_mut(count)? = if value & 1 == 1 { -size } else { size };
        count += 1;
        value = 0;
        shift = 0;
    }
    (shift == 0 && matches!(count, 1 | 4 | 5)).then_some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_in_the_source() {
        // Written by a compiler: line 1 of the script holds nothing, line 2 `throw new Error(...)`.
        let map = SourceMap::parse(
            r#"{"version":3,"sourceRoot":"src/","sources":["a.ts"],"sourcesContent":["x\ny"],"names":["fail"],"mappings":";AAEA,SAASA"}"#,
        )
        .unwrap();
        assert_eq!(map.find(0, 0), None);
        let place = map.find(1, 3).unwrap();
        assert_eq!(
            (place.source, place.line, place.column, place.name),
            ("src/a.ts", 2, 0, None)
        );
        assert_eq!(place.content, Some("x\ny"));
        let place = map.find(1, 100).unwrap();
        assert_eq!((place.line, place.column, place.name), (2, 9, Some("fail")));
        assert_eq!(map.find(2, 0), None);
    }

    #[test]
    fn a_map_of_maps_is_read() {
        let map = SourceMap::parse(
            r#")]}'
{"version":3,"sections":[
 {"offset":{"line":0,"column":0},"map":{"version":3,"sources":["a.js"],"names":[],"mappings":"AAAA"}},
 {"offset":{"line":0,"column":10},"map":{"version":3,"sources":["b.js"],"names":["n"],"mappings":"AAAAA;AACA"}}]}"#,
        )
        .unwrap();
        assert_eq!(map.find(0, 9).unwrap().source, "a.js");
        assert_eq!(map.find(0, 10).unwrap().name, Some("n"));
        let place = map.find(1, 0).unwrap();
        assert_eq!((place.source, place.line), ("b.js", 1));
    }

    #[test]
    fn what_is_no_map_is_none() {
        for text in [
            "",
            "[]",
            "1",
            "{\"mappings\":\"!\"}",
            "{\"mappings\":\"AA\"}",
            "{\"mappings\":\"g\"}",
            "{\"mappings\":\"D\"}",
            "{\"mappings\":\"ggggggggggggggA\"}",
            ")]}'",
            "{\"mappings\":5}",
            "{\"sections\":[{\"offset\":{\"line\":0,\"column\":0},\"map\":{\"sections\":[]}}]}",
        ] {
            assert!(SourceMap::parse(text).is_none(), "{text}");
        }
        let empty = SourceMap::parse("{}").unwrap();
        assert_eq!(empty.find(0, 0), None);
        let without_source = SourceMap::parse("{\"mappings\":\"AAAA\"}").unwrap();
        assert_eq!(without_source.find(0, 0), None);
    }
}
