//! What is secret in a secret, and what ordinary text may go on saying.

use serde_json::json;

use super::{known, scrub};
use crate::scrub::json;

#[test]
fn of_a_database_s_secret_the_password_goes_and_the_names_stay() {
    let secret = r#"{"username":"cineview_app","password":"q7)Lz$0vK2pX;nRt","engine":"postgres",
        "host":"cineview-prod.cluster-abc123def456.us-east-1.rds.amazonaws.com","port":5432,
        "dbname":"cineview","dbInstanceIdentifier":"cineview-prod-database-1"}"#;
    let known = known(&[secret]);
    for ordinary in [
        "could not connect to cineview-prod.cluster-abc123def456.us-east-1.rds.amazonaws.com:5432",
        "role \"cineview_app\" of database cineview (postgres), instance cineview-prod-database-1",
        "{\"username\":\"cineview_app\",\"engine\":\"postgres\"}",
    ] {
        assert_eq!(scrub(&known, ordinary), ordinary);
    }
    assert_eq!(
        scrub(
            &known,
            "postgres://cineview_app:q7)Lz$0vK2pX;nRt@db/cineview"
        ),
        "postgres://cineview_app:[redacted]@db/cineview"
    );
    assert_eq!(scrub(&known, &format!("got {secret}!")), "got [redacted]!");
    assert_eq!(
        scrub(&known, &serde_json::to_string(secret).unwrap()),
        "\"[redacted]\""
    );
    let other_order = r#"{"password": "q7)Lz$0vK2pX;nRt", "port": 5432}"#;
    assert_eq!(
        scrub(&known, other_order),
        r#"{"password": "[redacted]", "port": 5432}"#
    );
}

#[test]
fn of_a_service_account_the_private_key_goes() {
    let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\nMzEfYyjiWA4R4Klm4n1e2cDb3s8xQpY6hU0vRtGwZaXcVbNmLkJhGfDsAqWeRtYu";
    let secret = json!({
        "type": "service_account",
        "project_id": "cineview-prod-412233",
        "private_key_id": "9d5e0c1b2a3f4e5d6c7b8a9f0e1d2c3b4a5f6e7d",
        "private_key": format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n"),
        "client_email": "robot@cineview-prod-412233.iam.gserviceaccount.com",
        "client_id": "103456789012345678901",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": "https://oauth2.googleapis.com/token",
        "client_x509_cert_url": "https://www.googleapis.com/robot/v1/metadata/x509/robot"
    });
    let known = known(&[secret.to_string()]);
    let ordinary = "POST https://oauth2.googleapis.com/token for robot@cineview-prod-412233.iam.gserviceaccount.com \
        of service_account cineview-prod-412233: 400, -----BEGIN PRIVATE KEY----- expected";
    assert_eq!(scrub(&known, ordinary), ordinary);
    assert_eq!(scrub(&known, &format!("key\n{body}\n.")), "key[redacted].");
    let (first, second) = body.split_once('\n').unwrap();
    assert_eq!(
        scrub(&known, &format!("{second} {first}")),
        "[redacted] [redacted]"
    );
}

#[test]
fn the_password_of_a_connection_string_goes_from_any_text() {
    for (secret, password) in [
        (
            "postgresql://app:kL9-vXz2_Qw@db.internal:5432/cineview?sslmode=require",
            "kL9-vXz2_Qw",
        ),
        ("redis://:kL9-vXz2_Qw@cache:6379/0", "kL9-vXz2_Qw"),
        (
            "mongodb+srv://u:p%40ss%2Fw0rd!x@a.example.net,b.example.net/db",
            "p%40ss%2Fw0rd!x",
        ),
        (
            "mongodb+srv://u:p%40ss%2Fw0rd!x@a.example.net,b.example.net/db",
            "p@ss/w0rd!x",
        ),
        ("postgres://app:kL9/vXz2#Qw@db/cineview", "kL9/vXz2#Qw"),
        (
            "https://5f0c1d2e3b4a59687a8b9c0d1e2f3a4b@o1.ingest.example.io/12",
            "5f0c1d2e3b4a59687a8b9c0d1e2f3a4b",
        ),
        (
            "Server=db;Database=cineview;User Id=app;Password=kL9-vXz2_Qw;",
            "kL9-vXz2_Qw",
        ),
        (
            "host=db user=app password='kL9-vXz2_Qw' dbname=cineview",
            "kL9-vXz2_Qw",
        ),
        (
            "# settings\nDB_HOST=db\nexport DB_PASSWORD=\"kL9-vXz2_Qw\"\nNODE_ENV=production\n",
            "kL9-vXz2_Qw",
        ),
        (
            r#"{"url":"mysql://app:kL9-vXz2_Qw@db/cineview"}"#,
            "kL9-vXz2_Qw",
        ),
        (
            r#"{"config":"{\"db\":{\"host\":\"db\",\"pass\":\"kL9-vXz2_Qw\"}}"}"#,
            "kL9-vXz2_Qw",
        ),
        (
            r#"{"credentials":[{"user":"app","value":"kL9-vXz2_Qw"}]}"#,
            "kL9-vXz2_Qw",
        ),
        (r#"{"a":{"apiKey":"kL9-vXz2_Qw"},"b":["x"]}"#, "kL9-vXz2_Qw"),
        (
            r#"["AIzaSyA-1234567890abcdefghijklmnopqrst"]"#,
            "AIzaSyA-1234567890abcdefghijklmnopqrst",
        ),
        (r#""kL9-vXz2_Qw""#, "kL9-vXz2_Qw"),
        (r#"{"pin":4815162342}"#, "4815162342"),
    ] {
        let known = known(&[secret]);
        let text =
            format!("refused: {password}, at db.internal:5432/cineview of app in production");
        assert_eq!(
            scrub(&known, &text),
            "refused: [redacted], at db.internal:5432/cineview of app in production",
            "{secret}"
        );
        assert_eq!(scrub(&known, secret.trim()), "[redacted]", "{secret}");
    }
}

#[test]
fn a_url_s_host_may_be_named_and_its_path_may_not() {
    let known = known(&["https://hooks.example.com/services/T01ABCDEF/B02GHIJKL/mN3oP4qR5sT6uV7w"]);
    assert_eq!(
        scrub(&known, "POST https://hooks.example.com/services failed"),
        "POST https://hooks.example.com/services failed"
    );
    assert_eq!(
        scrub(
            &known,
            "path=/services/T01ABCDEF/B02GHIJKL/mN3oP4qR5sT6uV7w?x"
        ),
        "path=[redacted]?x"
    );
}

#[test]
fn common_words_are_redacted_only_where_they_are_all() {
    let known = known(&[
        "postgres",
        "password",
        "production",
        "true",
        "localhost",
        "us-east-1",
        "pw12",
    ]);
    let text = "postgres at localhost in us-east-1: password of production is true, pw12";
    assert_eq!(scrub(&known, text), text);
    for whole in ["postgres", "us-east-1", "true", "pw12"] {
        assert_eq!(scrub(&known, whole), "[redacted]");
    }
    assert_eq!(scrub(&known, " \"localhost\"\n"), " \"[redacted]\"\n");
    assert_eq!(scrub(&known, "true\""), "true\"");
    assert_eq!(scrub(&known, ""), "");
    let escaped = super::known(&["a\"b/"]);
    for whole in [r#"a\"b\/"#, "a%22b%2f", r#""a\"b/""#] {
        assert!(scrub(&escaped, whole).contains("[redacted]"), "{whole}");
    }
}

#[test]
fn a_document_stays_one() {
    let known = known(&[
        "hunter2!",
        "db01",
        "correct horse battery staple",
        "48151623",
        "1234",
    ]);
    let mut document = json!({
        "user": "hunter2!",
        "host": "db01",
        "text": "db01 refused hunter2!; correct horse battery staple.",
        "list": ["db01", 48151623, 1234, 1.5, null, true, "1234"],
        "correct horse battery staple": {"hunter2!": 1, "[redacted]": 2},
    });
    json::scrub(&known, &mut document);
    assert_eq!(
        document,
        json!({
            "user": "[redacted]",
            "host": "[redacted]",
            "text": "db01 refused [redacted]; [redacted].",
            "list": ["[redacted]", "[redacted]", 1234, 1.5, null, true, "[redacted]"],
            "[redacted]": {"[redacted]": 2, "[redacted] 2": 1},
        })
    );
}

#[test]
fn a_written_document_stays_one_with_its_fields_in_order() {
    let known = known(&["hunter2!", "db01", "back\\slash\"12", "48151623", "1234"]);
    let document = r#"{"z": "db01", "b":[48151623,1234,-1.5e3,null,true,"back\\slash\"12 \n"],
        "hunter2!":{"é\u00e9":"\\ hunter2!\\"},"a":"db01."}"#;
    let clean = r#"{"z": "[redacted]", "b":["[redacted]",1234,-1.5e3,null,true,"[redacted] \n"],
        "[redacted]":{"é\u00e9":"\\ [redacted]\\"},"a":"db01."}"#;
    assert_eq!(json::scrub_text(&known, document).as_deref(), Some(clean));
    assert_eq!(json::scrub_text(&known, clean), None);
    assert_eq!(
        json::scrub_text(&known, "no {json}: hunter2!").as_deref(),
        Some("no {json}: [redacted]")
    );
    let long = super::known(&["correct horse battery staple"]);
    assert_eq!(json::scrub_text(&long, document), None);
}

#[test]
fn neighbours_are_replaced_as_one() {
    let known = known(&[
        "hunter2!",
        "correct horse battery staple",
        "tery staple, and clip",
    ]);
    for (text, clean) in [
        ("(correct horse battery staple, and clip)", "([redacted])"),
        ("correct horse battery staplehunter2!", "[redacted]"),
        ("hunter2!correct horse battery staple", "[redacted]"),
        ("hunter2!hunter2!", "[redacted]"),
        (
            "correct horse battery staple hunter2!",
            "[redacted] [redacted]",
        ),
    ] {
        assert_eq!(scrub(&known, text), clean);
    }
}
