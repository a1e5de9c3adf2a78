//! Credentials in a URL: `scheme://user:password@host`.

use super::Hits;

pub(super) const RULE: &str = "@urlauth:filter";
/// Bytes of credentials that are looked through for their end.
const MAX_CREDENTIALS: usize = 4_096;

pub(super) fn credentials(hits: &mut Hits<'_>) {
    let mut done = 0;
    for (at, _) in hits.text.match_indices("://") {
        if at < done {
            continue;
        }
        let start = at + 3;
        let bytes = &hits.text.as_bytes()[start..];
        // A password may hold an @ of its own, so the last one before the path counts.
        let authority = bytes
            .iter()
            .take(MAX_CREDENTIALS)
            .position(|byte| byte.is_ascii_whitespace() || b"/?#\"'<>\\`,;)]}".contains(byte))
            .unwrap_or_else(|| bytes.len().min(MAX_CREDENTIALS));
        if let Some(end) = bytes[..authority].iter().rposition(|byte| *byte == b'@') {
            hits.add(start, start + end, RULE);
            continue;
        }
        // A password that nobody escaped may hold a slash; then it is known by its colon and @.
        let Some(colon) = bytes[..authority].iter().position(|byte| *byte == b':') else {
            continue;
        };
        if bytes[colon + 1..authority].iter().all(u8::is_ascii_digit) {
            continue;
        }
        let word = bytes
            .iter()
            .take(MAX_CREDENTIALS)
            .take_while(|byte| !byte.is_ascii_whitespace() && !b"\"'<>`".contains(byte))
            .count();
        done = start + word;
        if let Some(end) = bytes[..word].iter().rposition(|byte| *byte == b'@') {
            hits.add(start, start + end, RULE);
        }
    }
}
