//! What can be typed after `tallylight events`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::args::interval;
use crate::errors::Category;

/// `tallylight events`.
#[derive(Args, Debug)]
#[command(
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = "Examples:
  tallylight events list            what was captured here, the newest first
  tallylight events show latest     all of the newest: causes, frames, breadcrumbs
  tallylight events tail            each one as it comes

Without a DSN a service keeps its last events on this machine; with one they are here until the
server has taken them. The commands only read, while services go on, and send nothing.

Exit codes: 0 it worked, 1 it did not, 2 wrong arguments, 130 interrupted."
)]
pub(crate) struct EventsArgs {
    #[command(subcommand)]
    pub(super) command: EventsCommand,
}

/// The commands on events.
#[derive(Debug, Subcommand)]
pub(super) enum EventsCommand {
    /// List what was captured here, the newest first
    List(ListArgs),
    /// Show all of one event: causes, frames with their source, breadcrumbs, contexts
    Show(ShowArgs),
    /// Print each event as it is captured
    Tail(TailArgs),
}

/// Which events.
#[derive(Args, Debug, Default)]
pub(super) struct Which {
    /// The folder of the spool [default: $TALLYLIGHT_SPOOL_DIR, else
    /// $XDG_STATE_HOME/tallylight, else ~/.local/state/tallylight]
    #[arg(long, value_name = "PATH")]
    pub(super) dir: Option<PathBuf>,

    /// Only these kinds (repeat it, or separate them by commas)
    #[arg(long, value_enum, value_name = "KIND", value_delimiter = ',')]
    pub(super) kind: Vec<Kind>,
}

/// `tallylight events list`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  tallylight events list
  tallylight events list --limit 200 --kind error
  tallylight events list --json | jq -r '.events[] | select(.state == \"waiting\").id'
  tallylight events list --dir /var/lib/shop/spool

state:  waiting  not taken by the server yet
        sent     the server has it
        kept     there is no DSN, so this machine keeps it
        held     stands for identical events, which it counts")]
pub(super) struct ListArgs {
    #[command(flatten)]
    pub(super) which: Which,

    /// How many at most
    #[arg(long, short = 'n', value_name = "N", default_value_t = 50)]
    pub(super) limit: usize,

    /// Print a JSON document
    #[arg(long)]
    pub(super) json: bool,
}

/// `tallylight events show`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  tallylight events show latest
  tallylight events show 9ec79c33            the beginning of an id is enough
  tallylight events show latest --json | jq .event.exception.values

The most recent call comes first. Frames of the application's own code are marked with *.")]
pub(super) struct ShowArgs {
    /// Its id or the beginning of it, or `latest`
    #[arg(value_name = "ID")]
    pub(super) id: String,

    #[command(flatten)]
    pub(super) which: Which,

    /// Print a JSON document: what is known of the event, and in `event` the whole of it
    #[arg(long)]
    pub(super) json: bool,
}

/// `tallylight events tail`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  tallylight events tail
  tallylight events tail --kind error --json >> errors.ndjson
  tallylight events tail -n 0 --seconds 60     only what comes in the next minute

Ctrl-C ends it.")]
pub(super) struct TailArgs {
    #[command(flatten)]
    pub(super) which: Which,

    /// How many of those that are there already
    #[arg(long, short = 'n', value_name = "N", default_value_t = 10)]
    pub(super) lines: usize,

    /// One line of JSON for each (NDJSON)
    #[arg(long)]
    pub(super) json: bool,

    /// How often to look, such as 500ms or 2s
    #[arg(long, value_name = "TIME", value_parser = interval, default_value = "500ms")]
    pub(super) interval: Duration,

    /// End after this many seconds
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=31_536_000))]
    pub(super) seconds: Option<u32>,
}

/// A kind of event, as it is typed and shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    Error,
    Transaction,
    Profile,
    CheckIn,
    Session,
    Attachment,
}

impl Kind {
    pub(super) fn of(category: Category) -> Self {
        match category {
            Category::Error => Self::Error,
            Category::Transaction => Self::Transaction,
            Category::Profile => Self::Profile,
            Category::CheckIn => Self::CheckIn,
            Category::Session => Self::Session,
            Category::Attachment => Self::Attachment,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Transaction => "transaction",
            Self::Profile => "profile",
            Self::CheckIn => "check-in",
            Self::Session => "session",
            Self::Attachment => "attachment",
        }
    }
}
