//! The parts of an event, and what may stand in each: Sentry's protocol as one table.
//!
//! Sizes are those to which Sentry's own servers cut, so that what we send is not cut again and
//! says itself what is missing. Source: <https://develop.sentry.dev/sdk/data-model/event-payloads/>
//! and the attributes `max_chars`, `max_bytes` and `max_depth` in
//! <https://github.com/getsentry/relay/tree/master/relay-event-schema/src/protocol>.

use super::fingerprint::Mark;
use super::text::Kind;

/// What an object or a list is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Root,
    /// An object whose `values` are the list, the list itself, or one of it.
    Values(Group),
    List(Group),
    Exception,
    Mechanism,
    Stacktrace,
    Frames,
    Frame,
    Breadcrumb,
    Span,
    Thread,
    User,
    Request,
    /// Names and values, as an object or as a list of pairs.
    Pairs(Pairs),
    Contexts,
    Context,
    Trace,
    Message,
    /// Lines of source code.
    Lines,
    /// What the application says is one problem.
    Explicit,
    /// Fields whose names are the protocol's.
    Fixed,
    /// Whatever an application puts there.
    Bag,
    /// What the event says of its own fields.
    Meta,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    Exceptions,
    Breadcrumbs,
    Threads,
    Spans,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pairs {
    Tags,
    Headers,
    Cookies,
    Query,
    Environment,
}

/// What a value must be, or a server refuses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Any,
    /// An object; anything else becomes the `value` of one.
    Object,
    /// A list; anything else becomes its only item.
    List,
    /// No list and no object.
    Scalar,
    /// One line that is not empty.
    Line,
    Release,
    Environment,
    Dist,
    Level,
    Platform,
    /// A number from 0.
    Unsigned,
}

/// Room for whatever an application puts there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) bytes: usize,
    /// Objects and lists within each other.
    pub(super) depth: u8,
}

/// What may stand in a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rule {
    /// What an object or list there is.
    pub(super) place: Place,
    /// Characters of a text.
    pub(super) max: usize,
    pub(super) kind: Kind,
    pub(super) mark: Mark,
    pub(super) form: Form,
    pub(super) size: Option<Size>,
    /// Whether the application chose the name, which then may say that the value is secret.
    pub(super) is_named_freely: bool,
    /// Whether the event is still one without it.
    pub(super) is_optional: bool,
}

/// Characters of a text that is an error's message, or like it.
const LONG: usize = 8_192;
/// Of a name that is shown in a list.
const SHORT: usize = 200;
const WORD: usize = 128;
/// Of a path, which servers take at any length.
const PATH: usize = 1_024;

const fn rule(place: Place, max: usize, kind: Kind) -> Rule {
    Rule {
        place,
        max,
        kind,
        mark: Mark::None,
        form: Form::Any,
        size: None,
        is_named_freely: false,
        is_optional: false,
    }
}

const fn plain(max: usize) -> Rule {
    rule(Place::Fixed, max, Kind::Plain)
}

const fn prose(max: usize) -> Rule {
    rule(Place::Bag, max, Kind::Prose)
}

const fn path() -> Rule {
    rule(Place::Fixed, PATH, Kind::Place)
}

const fn part(place: Place) -> Rule {
    rule(place, LONG, Kind::Prose)
}

const fn bag(bytes: usize, depth: u8) -> Rule {
    Rule {
        size: Some(Size { bytes, depth }),
        form: Form::Object,
        ..part(Place::Bag)
    }
}

/// What the protocol does not name.
const OTHER: Rule = Rule {
    size: Some(Size {
        bytes: 16_384,
        depth: 5,
    }),
    is_named_freely: true,
    ..part(Place::Bag)
};

impl Rule {
    const fn marked(self, mark: Mark) -> Self {
        Self { mark, ..self }
    }

    const fn formed(self, form: Form) -> Self {
        Self { form, ..self }
    }

    const fn sized(self, bytes: usize, depth: u8) -> Self {
        Self {
            size: Some(Size { bytes, depth }),
            ..self
        }
    }

    const fn optional(self) -> Self {
        Self {
            is_optional: true,
            ..self
        }
    }

    const fn within(self, place: Place) -> Self {
        Self { place, ..self }
    }

    const fn free(self) -> Self {
        Self {
            is_named_freely: true,
            ..self
        }
    }
}

/// The event itself.
pub(super) const EVENT: Rule = part(Place::Root);

/// What may stand in a field of an object.
pub(super) fn field(place: Place, name: &str, whole: Rule) -> Rule {
    match place {
        Place::Root => root(name),
        Place::Values(group) => match name {
            "values" => rule(Place::List(group), LONG, Kind::Prose),
            _ => field(item_place(group), name, whole),
        },
        Place::Exception => match name {
            "type" => prose(256).marked(Mark::Type),
            "value" => prose(LONG).marked(Mark::Text),
            "module" => plain(256),
            "thread_id" => plain(WORD),
            "mechanism" => part(Place::Mechanism),
            "stacktrace" | "raw_stacktrace" => part(Place::Stacktrace),
            _ => OTHER,
        },
        Place::Mechanism => match name {
            "type" => plain(WORD),
            "description" => prose(LONG),
            "help_link" | "source" => rule(Place::Fixed, PATH, Kind::Place),
            "handled" | "synthetic" | "exception_id" | "parent_id" | "is_exception_group"
            | "meta" => part(Place::Fixed).sized(2_048, 3),
            "data" => bag(2_048, 3),
            _ => OTHER,
        },
        Place::Stacktrace => match name {
            "frames" => part(Place::Frames),
            "registers" | "lang" | "snapshot" | "instruction_addr_adjustment" => plain(WORD),
            _ => OTHER,
        },
        Place::Frame => frame(name),
        Place::Breadcrumb => match name {
            "timestamp" | "event_id" => plain(WORD),
            "level" => plain(WORD).formed(Form::Level),
            "type" | "category" => plain(WORD),
            "message" => prose(LONG),
            "data" => bag(2_048, 3),
            _ => OTHER,
        },
        Place::Span => match name {
            "op" | "status" | "origin" => plain(WORD),
            "span_id"
            | "trace_id"
            | "parent_span_id"
            | "segment_id"
            | "same_process_as_parent"
            | "start_timestamp"
            | "timestamp"
            | "exclusive_time"
            | "is_segment"
            | "kind"
            | "profile_id"
            | "measurements" => part(Place::Fixed),
            "description" => prose(LONG),
            "tags" => part(Place::Bag),
            "data" => bag(16_384, 5),
            _ => OTHER,
        },
        Place::Thread => match name {
            "id" | "name" | "state" | "crashed" | "current" | "main" => plain(PATH),
            "stacktrace" | "raw_stacktrace" => part(Place::Stacktrace),
            _ => OTHER,
        },
        Place::User => match name {
            "id" | "username" | "name" | "segment" => rule(Place::Bag, WORD, Kind::User),
            "email" => rule(Place::Bag, 75, Kind::User),
            "ip_address" => plain(WORD),
            "geo" => part(Place::Fixed),
            "data" => Rule {
                kind: Kind::User,
                ..bag(8_192, 5)
            },
            _ => Rule {
                kind: Kind::User,
                ..OTHER
            },
        },
        Place::Request => match name {
            "url" => prose(2_048),
            "method" => plain(WORD),
            "query_string" => rule(Place::Pairs(Pairs::Query), PATH, Kind::Query),
            "headers" => part(Place::Pairs(Pairs::Headers)).sized(8_192, 3),
            "cookies" => rule(Place::Pairs(Pairs::Cookies), PATH, Kind::Cookies),
            "env" => part(Place::Pairs(Pairs::Environment)).sized(8_192, 5),
            "data" => part(Place::Bag).sized(8_192, 5).optional(),
            "fragment" | "inferred_content_type" | "api_target" => prose(PATH),
            _ => OTHER,
        },
        Place::Pairs(pairs) => value_of(pairs),
        Place::Contexts => match name {
            "trace" => part(Place::Trace).formed(Form::Object),
            _ => Rule {
                place: Place::Context,
                ..bag(8_192, 5).optional()
            },
        },
        Place::Trace => match name {
            "trace_id" | "span_id" | "parent_span_id" | "op" | "status" | "origin" | "type"
            | "exclusive_time" | "sampled" | "client_sample_rate" => plain(WORD),
            "data" => bag(16_384, 5),
            "description" => prose(LONG / 2),
            _ => OTHER,
        },
        Place::Message => match name {
            "message" | "formatted" => prose(LONG).marked(Mark::Message),
            _ => OTHER,
        },
        Place::Fixed => rule(Place::Fixed, PATH, Kind::Plain),
        Place::Meta => rule(Place::Meta, PATH, Kind::Prose),
        Place::Context
        | Place::Bag
        | Place::Lines
        | Place::Explicit
        | Place::List(_)
        | Place::Frames => Rule {
            max: whole.max,
            kind: whole.kind,
            ..part(Place::Bag).free()
        },
    }
}

fn root(name: &str) -> Rule {
    match name {
        "event_id" | "timestamp" | "start_timestamp" | "received" | "type" | "site"
        | "checksum" | "transaction_info" | "version" => plain(WORD),
        "platform" => plain(64).formed(Form::Platform),
        "level" => plain(64).formed(Form::Level),
        "logger" => plain(64).formed(Form::Line),
        "transaction" | "culprit" => prose(SHORT),
        "server_name" => plain(256),
        "release" => plain(SHORT).formed(Form::Release),
        "dist" => plain(64).formed(Form::Dist),
        "environment" => plain(64).formed(Form::Environment),
        "message" => prose(LONG).marked(Mark::Message),
        "logentry" => part(Place::Message),
        "exception" => part(Place::Values(Group::Exceptions)),
        "threads" => part(Place::Values(Group::Threads)).optional(),
        "stacktrace" => part(Place::Stacktrace),
        "breadcrumbs" => part(Place::Values(Group::Breadcrumbs)).optional(),
        "tags" => part(Place::Pairs(Pairs::Tags)),
        "extra" => Rule {
            max: 16_384,
            ..bag(262_144, 5).optional()
        },
        "user" => rule(Place::User, WORD, Kind::User),
        "request" => part(Place::Request),
        "contexts" => part(Place::Contexts),
        "spans" => part(Place::List(Group::Spans))
            .sized(819_200, 12)
            .optional(),
        "fingerprint" => prose(SHORT)
            .marked(Mark::Explicit)
            .formed(Form::List)
            .within(Place::Explicit),
        "modules" => rule(Place::Fixed, PATH, Kind::Plain)
            .sized(8_192, 5)
            .optional(),
        "sdk" | "debug_meta" | "measurements" | "breakdowns" => {
            rule(Place::Fixed, PATH, Kind::Plain)
        }
        "_meta" => part(Place::Meta),
        _ => Rule {
            is_optional: true,
            ..OTHER
        },
    }
}

fn frame(name: &str) -> Rule {
    match name {
        "function" => plain(512).marked(Mark::Function),
        "raw_function" | "symbol" => plain(512),
        "filename" => path().marked(Mark::File),
        "module" => plain(PATH).marked(Mark::Module),
        "lineno" => plain(WORD).marked(Mark::Line).formed(Form::Unsigned),
        "colno" => plain(WORD).marked(Mark::Column).formed(Form::Unsigned),
        "instruction_addr" => plain(WORD).marked(Mark::Address),
        "image_addr" => plain(WORD).marked(Mark::Base),
        "abs_path" | "package" | "source_link" => path(),
        "in_app" | "platform" | "symbol_addr" | "addr_mode" | "trust" | "lang" | "stack_start"
        | "function_id" | "native" => plain(WORD),
        "context_line" => rule(Place::Bag, PATH, Kind::Code),
        "pre_context" | "post_context" => rule(Place::Lines, PATH, Kind::Code).optional(),
        "vars" => bag(2_048, 3).optional(),
        "data" => rule(Place::Fixed, 256, Kind::Place),
        _ => OTHER,
    }
}

/// What may stand in a list.
pub(super) fn item(place: Place, whole: Rule) -> Rule {
    match place {
        Place::Values(group) | Place::List(group) => part(item_place(group)),
        Place::Frames => part(Place::Frame),
        Place::Lines => rule(Place::Bag, PATH, Kind::Code),
        Place::Explicit => prose(SHORT).marked(Mark::Explicit).formed(Form::Scalar),
        Place::Fixed | Place::Meta => Rule {
            form: Form::Any,
            size: None,
            is_optional: false,
            ..whole
        },
        _ => Rule {
            place: Place::Bag,
            form: Form::Any,
            size: None,
            is_optional: false,
            is_named_freely: false,
            ..whole
        },
    }
}

fn item_place(group: Group) -> Place {
    match group {
        Group::Exceptions => Place::Exception,
        Group::Breadcrumbs => Place::Breadcrumb,
        Group::Threads => Place::Thread,
        Group::Spans => Place::Span,
    }
}

/// The value of a pair.
pub(super) fn value_of(pairs: Pairs) -> Rule {
    match pairs {
        Pairs::Tags => prose(SHORT).formed(Form::Line).free(),
        Pairs::Headers | Pairs::Query | Pairs::Cookies => prose(PATH).free(),
        Pairs::Environment => prose(LONG).free(),
    }
}
