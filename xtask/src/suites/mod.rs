//! The suites of `cargo xtask test`, in the order in which they run and are shown.

use crate::test::Lane::{Main, Side};
use crate::test::Suite;

pub(crate) mod node;
pub(crate) mod packages;
pub(crate) mod python;
mod rust;
mod sanitizers;
mod sentry;
mod snippets;

/// Every suite there is.
pub(crate) const ALL: &[Suite] = &[
    Suite {
        name: "fmt",
        about: "formatting, and Cargo.lock up to date",
        lane: Main,
        full_only: false,
        run: rust::format,
    },
    Suite {
        name: "clippy",
        about: "clippy over the workspace, all targets and features, warnings denied",
        lane: Main,
        full_only: false,
        run: rust::clippy,
    },
    Suite {
        name: "features",
        about: "the core alone, with no feature, with each one, and with all",
        lane: Main,
        full_only: false,
        run: rust::features,
    },
    Suite {
        name: "rust",
        about: "Rust unit, property and vector tests",
        lane: Main,
        full_only: false,
        run: rust::tests,
    },
    Suite {
        name: "doc",
        about: "doc tests, and the documentation without warnings",
        lane: Main,
        full_only: false,
        run: rust::docs,
    },
    Suite {
        name: "node",
        about: "the Node binding: build and tests",
        lane: Main,
        full_only: false,
        run: node::tests,
    },
    Suite {
        name: "node-types",
        about: "the Node binding: strict types, type tests, generated declarations",
        lane: Main,
        full_only: false,
        run: node::types,
    },
    Suite {
        name: "python",
        about: "the Python binding: build and tests",
        lane: Main,
        full_only: false,
        run: python::tests,
    },
    Suite {
        name: "python-types",
        about: "the Python binding: stubs against the module, type tests",
        lane: Main,
        full_only: false,
        run: python::types,
    },
    Suite {
        name: "sentry",
        about: "events of every language against Bugsink and Sentry's own validation",
        lane: Main,
        full_only: false,
        run: sentry::tests,
    },
    Suite {
        name: "examples",
        about: "the AI engine's tests and the Rust service, run",
        lane: Main,
        full_only: false,
        run: node::examples,
    },
    Suite {
        name: "generated",
        about: "generated files are what their generators make today",
        lane: Main,
        full_only: false,
        run: packages::generated,
    },
    Suite {
        name: "snippets",
        about: "the marked snippets of the documents, run",
        lane: Main,
        full_only: false,
        run: snippets::run,
    },
    Suite {
        name: "packages",
        about: "each package installed into an empty environment, one latency recorded and read",
        lane: Main,
        full_only: false,
        run: packages::smoke,
    },
    Suite {
        name: "loom",
        about: "the shard protocol in every interleaving that loom finds",
        lane: Side,
        full_only: false,
        run: sanitizers::loom,
    },
    Suite {
        name: "asan",
        about: "the unsafe modules under AddressSanitizer",
        lane: Side,
        full_only: false,
        run: sanitizers::address,
    },
    Suite {
        name: "tsan",
        about: "the unsafe modules under ThreadSanitizer",
        lane: Side,
        full_only: false,
        run: sanitizers::thread,
    },
    Suite {
        name: "miri",
        about: "the unsafe modules under Miri",
        lane: Side,
        full_only: false,
        run: sanitizers::miri,
    },
];
