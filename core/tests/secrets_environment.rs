//! Without `init`, the settings of the environment hold for secrets all the same.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use tallylight::ErrorKind;
use tallylight::secrets::Request;

#[test]
fn a_setting_that_cannot_be_used_is_said_by_the_first_reading_and_never_ignored() {
    // SAFETY: this binary has one test, and it has started no thread yet.
    unsafe {
        std::env::set_var("TALLYLIGHT_SECRETS_SOURCES", "bogus");
        std::env::set_var("TALLYLIGHT_ENVIRONMENT", "development");
        std::env::set_var("CINEVIEW_GEMINI_API", "from the variable");
    }
    let tally = tallylight::global().unwrap();
    let request = Request::new("cineview-gemini-api");
    let error = tally.secrets().get_blocking(&request).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    assert!(error.to_string().contains("bogus"), "{error}");
    // Recording is not held up by it.
    tally
        .operation("op", &tallylight::Labels::new(), tallylight::Kind::Server)
        .unwrap()
        .record_ms(1.0);

    // SAFETY: as above; the I/O thread was never started.
    unsafe { std::env::set_var("TALLYLIGHT_SECRETS_SOURCES", "environment") };
    let config = tallylight::Config::from_env().unwrap();
    let tally = tallylight::init(config).unwrap();
    let secret = tally.secrets().get_blocking(&request).unwrap();
    assert_eq!(secret.reveal().unwrap(), "from the variable");
    tally.shutdown();
}
