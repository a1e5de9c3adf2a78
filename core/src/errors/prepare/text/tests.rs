use super::*;

const KEYS: Keys<'_> = Keys {
    further: &[],
    may_tell_people: false,
};

fn check(kind: Kind, cases: &[(&str, &str)]) {
    for (text, wanted) in cases {
        assert_eq!(scrub(text, kind, KEYS), *wanted, "of {text}");
        assert_eq!(scrub(wanted, kind, KEYS), *wanted, "again, of {text}");
    }
}

fn check_kept(kind: Kind, texts: &[&str]) {
    for text in texts {
        assert_eq!(scrub(text, kind, KEYS), *text);
    }
}

#[test]
fn numbers_of_cards_are_redacted_and_other_numbers_kept() {
    check(
        Kind::Prose,
        &[
            ("paid with 4111 1111 1111 1111.", "paid with [Filtered]."),
            ("4111111111111111", "[Filtered]"),
            ("5500-0000-0000-0004,", "[Filtered],"),
            ("amex 378282246310005 ok", "amex [Filtered] ok"),
            ("é6011111111111117é", "é[Filtered]é"),
            ("3530111333300000", "[Filtered]"),
        ],
    );
    check_kept(
        Kind::Prose,
        &[
            "4111111111111112",
            "1790000000000 1790000000000000",
            "id a4111111111111111",
            "0.4111111111111111",
            "12345678901234567890123456789012",
            "4111-1111",
            "2026-11-24 10:00:00.123456",
            "41111111111111114111111111111111",
        ],
    );
}

#[test]
fn addresses_of_people_are_redacted_and_versions_kept() {
    check(
        Kind::Prose,
        &[
            ("mail jane.doe+x@example.co.uk.", "mail [Filtered]."),
            ("<o'brien@example.com>", "<[Filtered]>"),
            ("to=joe@example.com&x", "to=[Filtered]&x"),
            ("a@b.de,c@d.fr", "[Filtered],[Filtered]"),
        ],
    );
    check_kept(
        Kind::Prose,
        &[
            "lodash@4.17.21",
            "@types/node",
            "a @ b.com",
            "user@localhost",
            "at async f@3",
        ],
    );
    check_kept(Kind::User, &["jane@example.com"]);
    let told = Keys {
        may_tell_people: true,
        ..KEYS
    };
    assert_eq!(
        scrub("jane@example.com", Kind::Prose, told),
        "jane@example.com"
    );
}

#[test]
fn what_a_url_carries_is_redacted() {
    for kind in [Kind::Prose, Kind::Place, Kind::Code] {
        check(
            kind,
            &[
                (
                    "postgres://app:hunter2@db.internal:5432/x",
                    "postgres://[Filtered]@db.internal:5432/x",
                ),
                ("https://key@host/1", "https://[Filtered]@host/1"),
                ("redis://:p%40ss@h/0", "redis://[Filtered]@h/0"),
                ("x://u:a@b@h/", "x://[Filtered]@h/"),
                (
                    "https://h/p?key=AIzaX&page=2&access_token=abc#f",
                    "https://h/p?key=[Filtered]&page=2&access_token=[Filtered]",
                ),
            ],
        );
    }
    check(
        Kind::Prose,
        &[("mysql://u:sl/ash@h/db", "mysql://[Filtered]@h/db")],
    );
    check_kept(
        Kind::Place,
        &[
            "https://h:8080/a@b/c?page=key",
            "file:///app/node_modules/.pnpm/a@1.0.0/index.js",
            "webpack://app/./src/token.ts?v=1",
        ],
    );
}

#[test]
fn credentials_are_known_by_their_beginning() {
    check(
        Kind::Prose,
        &[
            ("sent Bearer abc123DEF456.x", "sent Bearer [Filtered]"),
            ("basic dXNlcjpwYXNzd29yZA==", "basic [Filtered]"),
            (
                "jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl!",
                "jwt [Filtered]!",
            ),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----",
                "-----BEGIN RSA PRIVATE KEY-----[Filtered]-----END RSA PRIVATE KEY-----",
            ),
            (
                "-----BEGIN PRIVATE KEY-----\nMIIcut",
                "-----BEGIN PRIVATE KEY-----[Filtered]",
            ),
        ],
    );
    check_kept(
        Kind::Prose,
        &[
            "a basic instruction",
            "the bearer certificate",
            "Basic Authentication.",
            "-----BEGIN PUBLIC KEY-----\nMII\n-----END PUBLIC KEY-----",
            "eyJ",
            "eyJhbGci.short",
        ],
    );
}

#[test]
fn values_behind_a_sensitive_name_are_redacted() {
    check(
        Kind::Prose,
        &[
            ("password=hunter2 host=x", "password=[Filtered] host=x"),
            (
                "{'password': 'hun\\'ter2', 'a': 1}",
                "{'password': '[Filtered]', 'a': 1}",
            ),
            (
                "{\"api_key\":\"abc\",\"n\":1}",
                "{\"api_key\":\"[Filtered]\",\"n\":1}",
            ),
            (
                "{\\\"token\\\":\\\"abc\\\"}",
                "{\\\"token\\\":\\\"[Filtered]\\\"}",
            ),
            ("{ secret: 'x y' }", "{ secret: '[Filtered]' }"),
            (
                "{\"pin\": 1234, \"a\": 5}",
                "{\"pin\": [Filtered], \"a\": 5}",
            ),
            (
                "Cookie: a=b; c=d\r\nHost: h",
                "Cookie: [Filtered]\r\nHost: h",
            ),
            ("Authorization: AWS4 abc", "Authorization: [Filtered]"),
            ("dsn=\"a b\" x", "dsn=\"[Filtered]\" x"),
        ],
    );
    check_kept(
        Kind::Prose,
        &[
            "SyntaxError: Unexpected token : in JSON at position 5",
            "SyntaxError: Unexpected token ':'",
            "Invalid token: unexpected end",
            "{'password': None}",
            "author=jane tokens=5 max_tokens: 100",
            "expected = but found :",
            "a==b",
        ],
    );
}

#[test]
fn source_code_keeps_what_it_computes() {
    check(
        Kind::Code,
        &[
            ("PASSWORD = \"hunter2\"", "PASSWORD = \"[Filtered]\""),
            ("const apiKey = 'abc';", "const apiKey = '[Filtered]';"),
            ("connect(password=b'x')", "connect(password=b'[Filtered]')"),
            ("  token: `abc`,", "  token: `[Filtered]`,"),
        ],
    );
    check_kept(
        Kind::Code,
        &[
            "token = parse(line)",
            "connect(password=secret_value)",
            "def f(self, token: str) -> None:",
            "if (password === undefined) {",
        ],
    );
}

#[test]
fn a_query_and_a_cookie_lose_their_values() {
    check(
        Kind::Query,
        &[
            ("?token=a%20b&page=2", "?token=[Filtered]&page=2"),
            ("q=joe@example.com", "q=[Filtered]"),
        ],
    );
    check(
        Kind::Cookies,
        &[("a=b; theme=dark", "a=[Filtered]; theme=[Filtered]")],
    );
}

/// Each pattern's worst case takes time in proportion to the text.
#[test]
fn nothing_in_a_text_makes_it_slow() {
    for part in [
        "eyJ",
        "-eyJ",
        "=eyJ",
        ".eyJ",
        "://",
        "://a:b",
        "://a:b@",
        "a@",
        "@a.",
        "4",
        "4 ",
        "4-",
        "password=",
        "password=\"",
        "'password':",
        "token=\\\"",
        "bearer ",
        "basic a",
        "Bearer aA1",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----",
        "cookie:",
        "?key=",
        "=",
        ":",
        "\\\":",
    ] {
        let text = part.repeat(50_000 / part.len());
        let started = std::time::Instant::now();
        for kind in [
            Kind::Prose,
            Kind::Code,
            Kind::Place,
            Kind::Query,
            Kind::Cookies,
        ] {
            std::hint::black_box(scrub(&text, kind, KEYS));
        }
        let took = started.elapsed();
        // In quadratic time it would be minutes.
        assert!(took.as_secs() < 20, "{part}: {took:?}");
    }
}
