//! What can be typed after `tallylight secrets`.
//!
//! The invariant: no option takes a value of a secret. Arguments can be read by every user of the
//! machine (`ps`) and stay in the shell's history.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::generate::Charset;
use crate::cli::args::timeout;

/// `tallylight secrets`.
#[derive(Args, Debug)]
#[command(
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = "Examples:
  tallylight secrets setup                    ask for each declared secret, input hidden
  tallylight secrets setup --file .env        take them from a file, and say what changed
  tallylight secrets list                     what exists, how old it is, what would answer
  tallylight secrets get cineview-gemini-api  where a value comes from, without the value
  tallylight secrets rotate cineview-gemini-api --generate 40
  tallylight secrets doctor                   what works of the way to AWS, and the fix

A value is never an argument: others could read it in `ps` and in the shell's history. It is typed
hidden, or comes from a file, from standard input or from the environment. No output shows one
unless `get --reveal` is asked to.

Exit codes: 0 it worked, 1 it did not, 2 wrong arguments, 3 a --dry-run found something to do,
130 interrupted."
)]
pub(crate) struct SecretsArgs {
    #[command(subcommand)]
    pub(super) command: SecretsCommand,
}

/// The commands on secrets.
#[derive(Debug, Subcommand)]
pub(super) enum SecretsCommand {
    /// Create or update the declared secrets in AWS Secrets Manager
    Setup(SetupArgs),
    /// Show which secrets exist, how old they are and what would answer here
    List(ListArgs),
    /// Read one secret as a service would; the value only with --reveal
    Get(GetArgs),
    /// Put a new value in use: pending, checked, promoted
    Rotate(RotateArgs),
    /// Read the newest version past every cache
    Refresh(RefreshArgs),
    /// Test the way to AWS: credentials, region, permissions, clock
    Doctor(DoctorArgs),
}

impl SecretsCommand {
    pub(super) fn connection(&self) -> &Connection {
        match self {
            Self::Setup(args) => &args.connection,
            Self::List(args) => &args.connection,
            Self::Get(args) => &args.connection,
            Self::Rotate(args) => &args.connection,
            Self::Refresh(args) => &args.connection,
            Self::Doctor(args) => &args.connection,
        }
    }
}

/// How AWS is reached; each option has a variable.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "AWS (credentials and AWS_PROFILE as in AWS's own tools)")]
pub(super) struct Connection {
    /// The region [default: $TALLYLIGHT_SECRETS_REGION, $AWS_REGION, the profile's]
    #[arg(long, value_name = "REGION")]
    pub(super) region: Option<String>,

    /// A role to assume, for secrets of another account [default: $TALLYLIGHT_SECRETS_ROLE_ARN]
    #[arg(long, value_name = "ARN")]
    pub(super) role_arn: Option<String>,

    /// What stands in for AWS's own endpoints [default: $TALLYLIGHT_SECRETS_ENDPOINT,
    /// $AWS_ENDPOINT_URL]
    #[arg(long, value_name = "URL")]
    pub(super) endpoint_url: Option<String>,

    /// How long each step may take, such as 500ms, 10s, 1m [default: get and refresh 5s, doctor 30s,
    /// else 15s]
    #[arg(long, value_name = "TIME", value_parser = timeout)]
    pub(super) deadline: Option<Duration>,
}

/// `tallylight secrets setup`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  tallylight secrets setup                            ask for each, input hidden, typed twice
  tallylight secrets setup cineview-gemini-api        only this one
  tallylight secrets setup --multiline                values of several lines, such as PEM keys
  tallylight secrets setup --file .env                entries of declared secrets, by name,
                                                      variable or alias; others are left out
  sops -d secrets.json | tallylight secrets setup --from-stdin
  tallylight secrets setup --from-env                 $CINEVIEW_GEMINI_API, $GEMINI_API_KEY, ...
  tallylight secrets setup --value-file cineview-gemini-api=key.txt
  pass show gemini | tallylight secrets setup --value-file cineview-gemini-api=-
  tallylight secrets setup --name prod/db --value-file prod/db=db.json
  tallylight secrets setup --file .env --dry-run --json

Input of --from-stdin and --file is a JSON object, or lines of NAME=VALUE as in a .env file:
  {\"cineview-gemini-api\": \"...\", \"prod/db\": {\"user\": \"...\", \"password\": \"...\"}}
  GEMINI_API_KEY='...'

What is unchanged is not written, so a second run does nothing. On a terminal it shows the plan and
asks before it writes, unless --yes; without one it goes ahead.

Exit codes: 0 all is as given, 1 some secret failed, 2 wrong arguments or input,
3 --dry-run found something to create or update.")]
pub(super) struct SetupArgs {
    /// Declared secrets, all unless named
    #[arg(value_name = "NAME")]
    pub(super) names: Vec<String>,

    /// A secret that is not declared; may come more than once
    #[arg(long = "name", value_name = "NAME")]
    pub(super) others: Vec<String>,

    /// Read values from standard input
    #[arg(long, conflicts_with_all = ["file", "from_env"])]
    pub(super) from_stdin: bool,

    /// Read values from a file
    #[arg(long, value_name = "PATH", conflicts_with = "from_env")]
    pub(super) file: Option<PathBuf>,

    /// Take values from the environment: each secret's variable, else its aliases
    #[arg(long)]
    pub(super) from_env: bool,

    /// One secret's value from a file of its own, `-` for standard input; one newline at its end is
    /// left out
    #[arg(long = "value-file", value_name = "NAME=PATH")]
    pub(super) value_files: Vec<String>,

    /// Store --value-file's bytes as binary, every byte as it is
    #[arg(long, requires = "value_files")]
    pub(super) binary: bool,

    /// Ask for values of several lines, ended by an empty line
    #[arg(long, conflicts_with_all = ["from_stdin", "file", "from_env", "value_files"])]
    pub(super) multiline: bool,

    /// A description for secrets that are created
    #[arg(long, value_name = "TEXT")]
    pub(super) description: Option<String>,

    /// The KMS key for secrets that are created, instead of AWS's own
    #[arg(long, value_name = "KEY")]
    pub(super) kms_key: Option<String>,

    /// Show what would be done, and change nothing
    #[arg(long)]
    pub(super) dry_run: bool,

    /// Do not ask before writing
    #[arg(long, short)]
    pub(super) yes: bool,

    /// Print a JSON document
    #[arg(long)]
    pub(super) json: bool,

    #[command(flatten)]
    pub(super) connection: Connection,
}

/// `tallylight secrets list`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  tallylight secrets list
  tallylight secrets list --all
  tallylight secrets list --prefix prod/
  tallylight secrets list --json | jq '.secrets[] | select(.exists == false).name'

\"from here\" is what would answer a service with this environment: its file, AWS, or in development
its variable. No value is read.")]
pub(super) struct ListArgs {
    /// Every secret that these credentials see, not only the declared ones
    #[arg(long)]
    pub(super) all: bool,

    /// Those alone whose names start so, declared or not
    #[arg(long, value_name = "PREFIX", conflicts_with = "all")]
    pub(super) prefix: Option<String>,

    /// Print a JSON document
    #[arg(long)]
    pub(super) json: bool,

    #[command(flatten)]
    pub(super) connection: Connection,
}

/// `tallylight secrets get`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  tallylight secrets get cineview-gemini-api            all but the value
  tallylight secrets get cineview-gemini-api --reveal | pbcopy
  KEY=$(tallylight secrets get cineview-gemini-api --reveal)
  tallylight secrets get prod/db --key password --reveal
  tallylight secrets get cineview-gemini-api --stage AWSPREVIOUS
  tallylight secrets get tls/key --reveal > key.der     binary, byte by byte

Asks the sources in a service's own order (file, AWS, in development the variable) and says which
answered. With --reveal stdout gets the value's bytes and nothing else, and stderr the rest.")]
pub(super) struct GetArgs {
    /// Its name or ARN
    #[arg(value_name = "NAME")]
    pub(super) name: String,

    /// One key of a JSON secret; with a leading / a JSON Pointer
    #[arg(long, value_name = "KEY")]
    pub(super) key: Option<String>,

    /// The version with this stage, such as AWSPREVIOUS
    #[arg(long, value_name = "STAGE", conflicts_with = "version")]
    pub(super) stage: Option<String>,

    /// The version with this id
    #[arg(long, value_name = "ID")]
    pub(super) version: Option<String>,

    /// Write the value to standard output
    #[arg(long)]
    pub(super) reveal: bool,

    /// End the value with a newline, as is done on a terminal
    #[arg(long, requires = "reveal", conflicts_with = "json")]
    pub(super) newline: bool,

    /// Print a JSON document; its value only with --reveal
    #[arg(long)]
    pub(super) json: bool,

    #[command(flatten)]
    pub(super) connection: Connection,
}

/// `tallylight secrets rotate`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  tallylight secrets rotate cineview-gemini-api                asks, input hidden, typed twice
  tallylight secrets rotate cineview-ai-engine-api --generate 40
  new-key | tallylight secrets rotate cineview-gemini-api --from-stdin --yes
  tallylight secrets rotate cineview-gemini-api --check './try-key.sh'
  tallylight secrets rotate prod/db --lambda                   by its rotation function in AWS
  tallylight secrets rotate cineview-gemini-api --cancel       end a rotation that hangs

The new value is put as AWSPENDING. --check gets it on standard input (and the variables
TALLYLIGHT_SECRET_NAME, TALLYLIGHT_SECRET_VERSION) and ends with 0 if it is good. Then it becomes
AWSCURRENT, and the old one AWSPREVIOUS. If anything fails before that, or on Ctrl-C, the pending
version is taken back and the old value stays in use.

Exit codes: 0 rotated, or nothing to do; 1 failed, the old value in use; 2 wrong arguments;
3 --dry-run found something to do.")]
pub(super) struct RotateArgs {
    /// Its name or ARN
    #[arg(value_name = "NAME")]
    pub(super) name: String,

    /// Read the new value from standard input; one newline at its end is left out
    #[arg(long, group = "new_value")]
    pub(super) from_stdin: bool,

    /// Read the new value from a file; one newline at its end is left out
    #[arg(long, value_name = "PATH", group = "new_value")]
    pub(super) value_file: Option<PathBuf>,

    /// Make the new value of this many random characters
    #[arg(long, value_name = "N", group = "new_value", value_parser = length)]
    pub(super) generate: Option<u16>,

    /// Of which characters
    #[arg(
        long,
        value_enum,
        value_name = "SET",
        requires = "generate",
        default_value_t
    )]
    pub(super) charset: Charset,

    /// Store it as binary, every byte as it is
    #[arg(long, conflicts_with = "generate")]
    pub(super) binary: bool,

    /// Ask for a value of several lines, ended by an empty line
    #[arg(long, conflicts_with = "new_value")]
    pub(super) multiline: bool,

    /// A command that tests the new value before it is in use, run by sh
    #[arg(long, value_name = "COMMAND")]
    pub(super) check: Option<String>,

    /// How long that command may take
    #[arg(long, value_name = "TIME", requires = "check", value_parser = timeout, default_value = "60s")]
    pub(super) check_timeout: Duration,

    /// Have AWS run the secret's own rotation function
    #[arg(long, conflicts_with_all = ["new_value", "check", "binary", "multiline"])]
    pub(super) lambda: bool,

    /// Take back a version that is pending, and nothing else
    #[arg(long, conflicts_with_all = ["new_value", "check", "binary", "multiline", "lambda"])]
    pub(super) cancel: bool,

    /// Show what would be done, and change nothing; no new value is read
    #[arg(long)]
    pub(super) dry_run: bool,

    /// Do not ask first; required where there is no terminal
    #[arg(long, short)]
    pub(super) yes: bool,

    /// Print a JSON document
    #[arg(long)]
    pub(super) json: bool,

    #[command(flatten)]
    pub(super) connection: Connection,
}

/// `tallylight secrets refresh`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  tallylight secrets refresh cineview-gemini-api
  tallylight secrets refresh --json | jq -r '.secrets[].version'

Asks the source itself, and rewrites the sealed cache where TALLYLIGHT_SECRETS_CACHE_FILE names one.
A running service keeps a cache of its own, and sees a new version when that is refreshed.")]
pub(super) struct RefreshArgs {
    /// Names or ARNs [default: the declared secrets]
    #[arg(value_name = "NAME")]
    pub(super) names: Vec<String>,

    /// Print a JSON document
    #[arg(long)]
    pub(super) json: bool,

    #[command(flatten)]
    pub(super) connection: Connection,
}

/// `tallylight secrets doctor`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  tallylight secrets doctor
  tallylight secrets doctor cineview-gemini-api --role-arn arn:aws:iam::123456789012:role/reader
  tallylight secrets doctor --policy > policy.json             what a service needs
  tallylight secrets doctor --policy=operator > policy.json    what setup and rotate need

Makes each call that reads once, and none that writes. Each problem ends with its fix.
Exit codes: 0 a service here can read its secrets, 1 it cannot, or its sealed cache is of no use.")]
pub(super) struct DoctorArgs {
    /// Names or ARNs [default: the declared secrets]
    #[arg(value_name = "NAME")]
    pub(super) names: Vec<String>,

    /// Print the smallest IAM policy that suffices, and nothing else
    #[arg(long, value_enum, value_name = "WHO", num_args = 0..=1, require_equals = true,
          default_missing_value = "service", conflicts_with = "json")]
    pub(super) policy: Option<Who>,

    /// Print a JSON document
    #[arg(long)]
    pub(super) json: bool,

    #[command(flatten)]
    pub(super) connection: Connection,
}

fn length(text: &str) -> Result<u16, String> {
    let length = text
        .parse()
        .ok()
        .filter(|length| (16..=4096).contains(length));
    length.ok_or_else(|| "give a number from 16 to 4096".to_owned())
}

/// For whom a policy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Who {
    /// Reads secrets
    Service,
    /// Creates and rotates them too
    Operator,
}
