//! Addresses of people: `name@host.tld`.

use super::Hits;

pub(super) const RULE: &str = "@email:filter";
/// Bytes of a local part, by RFC 5321.
const MAX_LOCAL: usize = 64;
const MAX_DOMAIN: usize = 255;

/// Looks for addresses, but where what was found from `urls` on holds the @ or ends at it: there it
/// parts a URL's credentials from its host.
pub(super) fn addresses(hits: &mut Hits<'_>, urls: usize) {
    let bytes = hits.text.as_bytes();
    let mut from = 0;
    let mut urls = urls..hits.found.len();
    for (at, _) in hits.text.match_indices('@') {
        while hits.found[urls.clone()]
            .first()
            .is_some_and(|it| it.end < at)
        {
            urls.start += 1;
        }
        if hits.found[urls.clone()]
            .first()
            .is_some_and(|it| it.start <= at)
        {
            from = at + 1;
            continue;
        }
        let local = bytes[from..at]
            .iter()
            .rev()
            .take(MAX_LOCAL)
            .take_while(|byte| byte.is_ascii_alphanumeric() || b"._%+-'~#$!*".contains(byte))
            .count();
        let domain = bytes[at + 1..]
            .iter()
            .take(MAX_DOMAIN)
            .take_while(|byte| byte.is_ascii_alphanumeric() || b".-".contains(byte))
            .count();
        let mut end = at + 1 + domain;
        // A sentence may end behind it.
        while end > at + 1 && matches!(bytes[end - 1], b'.' | b'-') {
            end -= 1;
        }
        let mut start = at - local;
        // What opens a text rather than a name.
        while start < at && b"'.!*#".contains(&bytes[start]) {
            start += 1;
        }
        if start < at && is_domain(&hits.text[at + 1..end]) {
            hits.add(start, end, RULE);
        }
        from = at + 1;
    }
}

/// Whether it is labels with a top-level domain of letters; `1.2.3` of `package@1.2.3` is none.
fn is_domain(domain: &str) -> bool {
    domain.rsplit_once('.').is_some_and(|(labels, top)| {
        top.len() >= 2
            && top.bytes().all(|byte| byte.is_ascii_alphabetic())
            && labels.split('.').all(|label| !label.is_empty())
    })
}
