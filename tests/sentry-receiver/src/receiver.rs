//! The server itself: takes a request, keeps its items or not, and answers as it was told.

use std::collections::HashSet;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::answer::{Answer, Mode};
use crate::connections::{Connections, Port, reset_on_close};
use crate::control;
use crate::envelope::{self, Item};
use crate::http::{Channel, Request, Response};
use crate::record::{Counts, Record, Seen};

/// What of a request's headers is remembered.
const HEADERS: [&str; 6] = [
    "content-encoding",
    "content-type",
    "host",
    "sentry-trace",
    "user-agent",
    "x-sentry-auth",
];

/// A running receiver in this process; cheap to clone. When the last clone goes its port closes.
#[derive(Clone)]
pub struct Receiver {
    pub(crate) server: Arc<Server>,
}

pub(crate) struct Server {
    address: SocketAddr,
    port: Mutex<Port>,
    shared: Shared,
}

/// What the connections' threads see. Its locks are held for moments only and never two at a time.
#[derive(Default)]
struct Shared {
    answer: Mutex<Answer>,
    record: Mutex<Record>,
    connections: Connections,
}

/// What becomes of a connection after a request.
#[derive(PartialEq, Eq)]
enum After {
    Keep,
    Close,
    Reset,
}

impl Receiver {
    /// Starts one on this port of the loopback interface; 0 takes a free one.
    ///
    /// # Errors
    /// When the port is taken.
    pub fn start(port: u16) -> io::Result<Self> {
        let port = Port::take(port)?;
        let server = Arc::new(Server {
            address: port.address(),
            port: Mutex::new(port),
            shared: Shared::default(),
        });
        Server::open(&server, &mut lock(&server.port))?;
        Ok(Self { server })
    }

    /// Where it answers, as `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// A DSN of it, for project 1.
    #[must_use]
    pub fn dsn(&self) -> String {
        format!("http://key@{}/1", self.server.address)
    }

    /// How requests are answered from now on. Connections that hang are ended.
    ///
    /// # Errors
    /// When the port cannot be opened again after [`Mode::Down`].
    pub fn set(&self, answer: Answer) -> io::Result<()> {
        // Held throughout, so that the port is as the mode says whatever two callers do.
        let mut port = lock(&self.server.port);
        let is_down = answer.mode == Mode::Down;
        let before = std::mem::replace(&mut *lock(&self.server.shared.answer), answer);
        if is_down {
            port.close();
        }
        if is_down || before.mode == Mode::Hang {
            self.server.shared.connections.end_all();
        }
        if is_down {
            return Ok(());
        }
        Server::open(&self.server, &mut port)
    }

    /// The mode alone, as [`Self::set`].
    ///
    /// # Errors
    /// As [`Self::set`].
    pub fn mode(&self, mode: Mode) -> io::Result<()> {
        self.set(Answer::new(mode))
    }

    /// How requests are answered now.
    #[must_use]
    pub fn answer(&self) -> Answer {
        lock(&self.server.shared.answer).clone()
    }

    /// The items that were kept, oldest first; of one type, or all.
    #[must_use]
    pub fn items(&self, kind: Option<&str>) -> Vec<Item> {
        lock(&self.server.shared.record)
            .items
            .iter()
            .filter(|item| kind.is_none_or(|kind| item.kind == kind))
            .cloned()
            .collect()
    }

    /// The ids of the events and transactions that were kept.
    #[must_use]
    pub fn event_ids(&self) -> HashSet<String> {
        lock(&self.server.shared.record).event_ids()
    }

    /// What arrived, added up.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let open = self.server.shared.connections.count();
        lock(&self.server.shared.record).counts(open)
    }

    /// The requests that arrived, oldest first, the first 20,000.
    #[must_use]
    pub fn requests(&self) -> Vec<Seen> {
        lock(&self.server.shared.record).seen.clone()
    }

    /// Forgets what arrived and answers with 200 again.
    ///
    /// # Errors
    /// As [`Self::set`].
    pub fn reset(&self) -> io::Result<()> {
        self.mode(Mode::Ok)?;
        *lock(&self.server.shared.record) = Record::default();
        Ok(())
    }

    /// Waits until `enough` says so of the counts, for at most `limit`; whether it did.
    #[must_use]
    pub fn wait_for(&self, limit: Duration, enough: impl Fn(&Counts) -> bool) -> bool {
        let until = Instant::now() + limit;
        loop {
            if enough(&self.counts()) {
                return true;
            }
            if Instant::now() > until {
                return false;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Server {
    fn open(this: &Arc<Self>, port: &mut Port) -> io::Result<()> {
        let server = Arc::downgrade(this);
        port.open(move |stream| {
            let _ = stream.set_nodelay(true);
            let Some(shared) = server.upgrade() else {
                return;
            };
            let (id, stream) = shared.shared.connections.add(stream);
            // Not held while the connection waits: the last handle of the receiver closes it.
            drop(shared);
            let mut channel = Channel::new(stream.as_ref());
            if converse(&mut channel, &server) == After::Reset {
                reset_on_close(&stream);
            }
            // The last holder closes it, so the list must let go first.
            if let Some(server) = server.upgrade() {
                server.shared.connections.remove(id);
            }
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        lock(&self.port).close();
        self.shared.connections.end_all();
    }
}

fn converse(channel: &mut Channel<&TcpStream>, server: &Weak<Server>) -> After {
    loop {
        let Ok(Some(request)) = channel.request() else {
            return After::Close;
        };
        let after = if request.target.contains("/api/") {
            take(channel, &request, server)
        } else {
            let Some(server) = server.upgrade() else {
                return After::Close;
            };
            let answer = control::answer(&Receiver { server }, &request, control::Side::Data);
            let bytes = answer.to_bytes(request.keep);
            channel.stream().write_all(&bytes).map(|()| After::Keep)
        };
        match after {
            Ok(After::Keep) if request.keep => {}
            Ok(After::Keep) | Err(_) => return After::Close,
            Ok(after) => return after,
        }
    }
}

fn take(
    channel: &mut Channel<&TcpStream>,
    request: &Request,
    server: &Weak<Server>,
) -> io::Result<After> {
    let (answer, response) = {
        let Some(server) = server.upgrade() else {
            return Ok(After::Close);
        };
        let answer = server.shared.next_answer();
        let response = server.shared.keep(request, &answer);
        (answer, response)
    };
    thread::sleep(Duration::from_millis(answer.delay_ms()));
    match answer.mode {
        Mode::Hang => {
            channel.until_closed();
            return Ok(After::Close);
        }
        Mode::Refuse | Mode::Down | Mode::Lost => return Ok(After::Reset),
        _ => {}
    }
    channel
        .stream()
        .write_all(&response.to_bytes(request.keep))?;
    Ok(After::Keep)
}

impl Shared {
    fn next_answer(&self) -> Answer {
        let mut answer = lock(&self.answer);
        let now = answer.clone();
        if let Some(times) = &mut answer.times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                *answer = Answer::default();
            }
        }
        now
    }

    /// Takes the envelope apart and keeps its items, if they are to be kept; what goes out for it.
    fn keep(&self, request: &Request, answer: &Answer) -> Response {
        let path = request.target.split('?').next().unwrap_or_default();
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let project = match parts.as_slice() {
            [.., "api", project, "envelope"] => Ok(*project),
            _ => Err("there is nothing but /api/PROJECT/envelope/".to_string()),
        };
        let bytes = project.clone().and_then(|project| {
            let encoding = request.headers.get("content-encoding");
            Ok((project, envelope::decoded(encoding, &request.body)?))
        });
        let mut record = lock(&self.record);
        let number = record.number();
        let parsed = bytes.and_then(|(project, bytes)| envelope::parse(&bytes, project, number));
        let (kinds, error) = match &parsed {
            Ok(envelope) => (
                envelope.items.iter().map(|i| i.kind.clone()).collect(),
                None,
            ),
            Err(why) => (Vec::new(), Some(why.clone())),
        };
        record.saw(Seen {
            number,
            at: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_millis() as u64),
            path: path.to_string(),
            headers: HEADERS
                .iter()
                .filter_map(|name| {
                    let value = request.headers.get(name)?;
                    Some(((*name).to_string(), value.to_string()))
                })
                .collect(),
            bytes: request.body.len(),
            items: kinds,
            mode: answer.mode,
            error,
        });
        match parsed {
            Ok(envelope) => {
                let id = envelope.headers.get("event_id");
                let id = id.and_then(|id| id.as_str()).map(str::to_string);
                if answer.keeps() {
                    record.keep(envelope.items);
                }
                answer.response(id.as_deref())
            }
            Err(why) => {
                let body = serde_json::json!({ "detail": why }).to_string();
                Response::new(400, "application/json", body)
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
