//! What the pipeline goes by, read once from the configuration and, on the caller's thread, from
//! the environment.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::spool::folder;
use super::transport::Proxies;
use super::{ErrorsConfig, facts};
use crate::config::{Config, Environment};

#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) config: ErrorsConfig,
    /// Where all spools are.
    pub(crate) base: PathBuf,
    /// The folder below it.
    pub(crate) folder: String,
    pub(crate) proxies: Proxies,
    pub(crate) facts: Map<String, Value>,
    /// `facts` as text.
    pub(crate) facts_text: Arc<str>,
}

impl Settings {
    pub(crate) fn new(config: &Config, environment: &Environment) -> Self {
        let get = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let facts = facts::of_process(config, environment);
        Self {
            base: config
                .errors
                .spool_dir
                .clone()
                .unwrap_or_else(|| folder::default_base(&get)),
            folder: folder::name_for(config.errors.dsn.as_ref()),
            proxies: Proxies::from_variables(&get),
            facts_text: facts::text(&facts),
            facts,
            config: config.errors.clone(),
        }
    }

    /// The same with further facts.
    pub(crate) fn with_facts(&self, more: Map<String, Value>) -> Self {
        let mut facts = self.facts.clone();
        facts::merge(&mut facts, more);
        Self {
            config: self.config.clone(),
            base: self.base.clone(),
            folder: self.folder.clone(),
            proxies: self.proxies.clone(),
            facts_text: facts::text(&facts),
            facts,
        }
    }

    /// Whether events go nowhere but into the local store.
    pub(crate) fn is_local(&self) -> bool {
        self.config.dsn.is_none()
    }
}
