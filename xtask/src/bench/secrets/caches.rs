//! Which caches are compared.

use crate::bench::contender::{Contender, Language, ours, peer};

pub(super) type Cache = Contender;

pub(super) const CACHES: [Cache; 7] = [
    peer(Language::Rust, "caching", "aws_secretsmanager_caching"),
    ours(Language::Rust),
    peer(Language::Node, "powertools", "Powertools"),
    ours(Language::Node),
    peer(Language::Python, "caching", "aws-secretsmanager-caching"),
    peer(Language::Python, "powertools", "Powertools"),
    ours(Language::Python),
];
