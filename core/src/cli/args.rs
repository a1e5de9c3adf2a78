//! What can be typed: the commands, their options and their examples.

use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};

use super::USAGE;
use super::output::{Colour, Failure, Output};

/// The environment variable that holds the URL of `tallylight status`.
pub(crate) const STATUS_URL: &str = "TALLYLIGHT_STATUS_URL";

/// The commands whose help a usage error names.
const COMMANDS: [&str; 4] = ["status", "events", "test-error", "version"];

/// Where wrong arguments of `tallylight secrets` lead.
#[cfg(feature = "secrets-aws")]
const SECRETS_HINT: &str = "`tallylight secrets --help` shows the commands, `tallylight secrets <command> --help` their options and examples";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "tallylight",
    bin_name = "tallylight",
    version,
    about = "Production readiness at a glance: is this service well, and is it ready?",
    after_help = "Examples:
  tallylight status                        watch the service on this machine
  tallylight status api.internal:8080      watch another one
  tallylight status --json | jq .windows   read the status document in a script
  tallylight secrets doctor                can this machine read its secrets?
  tallylight events show latest            the newest error captured here, with its causes
  tallylight test-error                    does an error of this service reach its server?
  tallylight version --json

`tallylight <command> --help` shows each command's options and examples.",
    max_term_width = 100,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    /// When to colour: auto colours a terminal, unless NO_COLOR is set or CLICOLOR is 0
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Colour::Auto, global = true)]
    pub(crate) color: Colour,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show a service's status: live on a terminal, one plain frame elsewhere
    Status(StatusArgs),
    /// Set up, list, read, rotate and test the secrets of a service
    #[cfg(feature = "secrets-aws")]
    Secrets(Box<super::secrets::SecretsArgs>),
    /// Show the errors, traces and check-ins that were captured on this machine
    #[cfg(feature = "sentry")]
    Events(super::events::EventsArgs),
    /// Send a test error on the way that a service's errors take, and say what the server answered
    #[cfg(feature = "sentry")]
    TestError(super::test_error::TestErrorArgs),
    /// Print the version of this command
    Version(VersionArgs),
}

/// `tallylight status`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  tallylight status                                 live view of http://127.0.0.1:3000
  tallylight status :8080                           another port on this machine
  tallylight status https://shop.example            /api/monitoring/status is added
  tallylight status https://shop.example/ops/state  a path of your own is kept
  tallylight status --once                          one plain frame, for a log or a mail
  tallylight status --json | jq .metrics.errorRate  the document as the service sent it
  tallylight status --json --watch > status.ndjson  one line for each poll
  tallylight status --seconds 30                    end after 30 s with a summary

The light is judged on the last 5 minutes of requests served:
  YELLOW  error rate over 0.5 %, or P95 over 1500 ms
  RED     error rate over 2 %, or P95 over 3000 ms
It is never green on old data: when the service stops answering it says STALE.

Keys in the live view:
  q, Esc, Ctrl-C  quit       p  pause        r  refresh now
  arrows, PgUp/PgDn, Home/End  scroll the operations        s  sort them

Environment:
  TALLYLIGHT_STATUS_URL  the URL when none is given
  ALL_PROXY, HTTPS_PROXY, HTTP_PROXY, NO_PROXY  are followed, never to this machine itself
  SSL_CERT_FILE          certificates (PEM) to trust instead of the public authorities

Exit codes: 0 the service answered, 1 it did not or its answer was no status document,
2 wrong arguments, 130 interrupted.")]
pub(crate) struct StatusArgs {
    /// The service: a URL, host:port or :port [default: $TALLYLIGHT_STATUS_URL, else
    /// http://127.0.0.1:3000/api/monitoring/status]
    #[arg(value_name = "URL")]
    pub(crate) url: Option<String>,

    /// Print one plain frame and end
    #[arg(long, conflicts_with_all = ["watch", "interval", "seconds", "json"])]
    pub(crate) once: bool,

    /// Print the document as received; with --watch, --interval or --seconds one line each (NDJSON)
    #[arg(long)]
    pub(crate) json: bool,

    /// Keep polling without the live view: one line for each poll
    #[arg(long)]
    pub(crate) watch: bool,

    /// Time between two polls, such as 500ms, 2s, 1m [default: 1s]
    #[arg(long, value_name = "TIME", value_parser = interval)]
    pub(crate) interval: Option<Duration>,

    /// End after this many seconds, with a summary
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=31_536_000))]
    pub(crate) seconds: Option<u32>,

    /// How long one poll may take, from the name lookup to the last byte
    #[arg(long, value_name = "TIME", value_parser = timeout, default_value = "5s")]
    pub(crate) timeout: Duration,
}

/// `tallylight version`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  tallylight version
  tallylight version --json | jq -r .version")]
pub(crate) struct VersionArgs {
    /// Print a JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

/// What became of the arguments.
#[derive(Debug)]
pub(crate) enum Parsed {
    /// A command to run.
    Run(Cli),
    /// Everything is said (help, version, a usage error); end with this code.
    Said(i32),
}

/// Parses the arguments, and prints help, version or usage errors itself.
pub(crate) fn parse(args: &[String]) -> Parsed {
    let output = Output::automatic();
    let error = match Cli::try_parse_from(args) {
        Ok(cli) => return Parsed::Run(cli),
        Err(error) => error,
    };
    let rendered = error.render();
    let said = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let text = if output.colour() {
                rendered.ansi().to_string()
            } else {
                rendered.to_string()
            };
            return Parsed::Said(match output.data(&text) {
                Ok(()) => 0,
                Err(end) => end.code(),
            });
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            output.message(&rendered.to_string());
            return Parsed::Said(USAGE);
        }
        #[cfg(feature = "secrets-aws")]
        _ if args
            .get(1..)
            .is_some_and(|rest| rest.iter().any(|arg| arg == "secrets")) =>
        {
            output.failure(&super::secrets::refusal(&error).hint(SECRETS_HINT));
            return Parsed::Said(USAGE);
        }
        _ => rendered.to_string(),
    };
    // clap ends with a pointer to --help; ours is the hint line that every error here ends with.
    let said = said.trim_start_matches("error: ").trim_end();
    let said = said
        .trim_end_matches("For more information, try '--help'.")
        .trim_end();
    let command = if args
        .get(1)
        .is_some_and(|name| COMMANDS.contains(&name.as_str()))
    {
        args[1].as_str()
    } else {
        ""
    };
    let space = if command.is_empty() { "" } else { " " };
    output.failure(&Failure::new(super::text::clean_lines(said)).hint(format!(
        "`tallylight{space}{command} --help` shows the options and examples"
    )));
    Parsed::Said(USAGE)
}

pub(crate) fn interval(text: &str) -> Result<Duration, String> {
    within(
        text,
        Duration::from_millis(100),
        Duration::from_secs(24 * 3600),
    )
}

pub(crate) fn timeout(text: &str) -> Result<Duration, String> {
    within(text, Duration::from_millis(10), Duration::from_secs(3600))
}

fn within(text: &str, least: Duration, most: Duration) -> Result<Duration, String> {
    let wanted =
        duration(text).ok_or_else(|| "write a time such as 500ms, 2s, 1m or 1h".to_owned())?;
    if wanted < least || wanted > most {
        return Err(format!(
            "must lie between {} ms and {} s",
            least.as_millis(),
            most.as_secs()
        ));
    }
    Ok(wanted)
}

/// Reads `500ms`, `2s`, `1.5m`, `1h`, or bare seconds.
fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let unit_at = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let seconds = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    let number = number.trim();
    if !number.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return None;
    }
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn durations_are_read_in_their_usual_spellings() {
        for (text, millis) in [
            ("500ms", 500),
            ("2s", 2000),
            ("2", 2000),
            ("0.5", 500),
            ("1.5m", 90_000),
            ("1h", 3_600_000),
            ("1min", 60_000),
        ] {
            assert_eq!(
                duration(text),
                Some(Duration::from_millis(millis)),
                "{text}"
            );
        }
        for text in [
            "",
            "s",
            "-1s",
            "+1s",
            "1d",
            "1 s x",
            "inf",
            "nan",
            "1e400",
            "99999999999999999999h",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn times_outside_their_range_are_refused() {
        assert!(interval("10ms").is_err());
        assert!(interval("25h").is_err());
        assert!(timeout("0s").is_err());
        assert!(timeout("5s").is_ok());
    }
}
