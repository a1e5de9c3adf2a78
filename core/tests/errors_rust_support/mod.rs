//! A client of the `sentry` crate as `init` binds it, whose envelopes stay here.
#![allow(dead_code, reason = "each test uses some of it")]

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tallylight::errors::sentry::protocol::Event;
use tallylight::errors::sentry::{
    Client, ClientOptions, Envelope, Hub, Transport, TransportFactory, TransportOptions,
};
use tallylight::errors::sentry_options;
use tallylight::{Config, Tallylight};

/// Keeps what a client sends.
#[derive(Clone, Default)]
pub(crate) struct Recorder(Arc<Mutex<Vec<Envelope>>>);

impl Recorder {
    pub(crate) fn events(&self) -> Vec<Event<'static>> {
        let envelopes = self.0.lock().unwrap();
        envelopes
            .iter()
            .filter_map(|envelope| envelope.event().cloned())
            .collect()
    }
}

impl Transport for Recorder {
    fn send_envelope(&self, envelope: Envelope) {
        self.0.lock().unwrap().push(envelope);
    }
}

impl TransportFactory for Recorder {
    fn create_transport_with_options(&self, _: TransportOptions) -> Arc<dyn Transport> {
        Arc::new(self.clone())
    }
}

/// An instance with a folder of its own, which goes with it.
pub(crate) struct Instance {
    pub(crate) tally: Tallylight,
    folder: PathBuf,
}

impl Instance {
    pub(crate) fn new(change: impl FnOnce(&mut Config)) -> Self {
        let folder = folder();
        let mut config = Config::default();
        config.errors.spool_dir = Some(folder.clone());
        change(&mut config);
        Self {
            tally: Tallylight::new(config).unwrap(),
            folder,
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A folder that nobody else uses.
pub(crate) fn folder() -> PathBuf {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("tallylight-rust-{}-{number}", std::process::id()))
}

/// A hub of a client with these options, alone.
pub(crate) fn hub(options: ClientOptions) -> Arc<Hub> {
    let client = Arc::new(Client::with_options(options));
    Arc::new(Hub::new(Some(client), Arc::default()))
}

/// The events that `body` captures by a client as `init` binds it.
pub(crate) fn recorded(body: impl FnOnce()) -> Vec<Event<'static>> {
    let instance = Instance::new(|_| {});
    let recorder = Recorder::default();
    let options = sentry_options(&instance.tally).transport(recorder.clone());
    Hub::run(hub(options), body);
    recorder.events()
}
