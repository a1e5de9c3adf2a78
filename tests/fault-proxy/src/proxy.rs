//! The proxy itself: takes a request, asks the rules, and forwards it or answers with a fault.

use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::answers::{self, Fault};
use crate::batch;
use crate::call::Call;
use crate::connections::{Connections, Port, reset_on_close};
use crate::counts::{Counts, Entry, Ledger, Seen};
use crate::http::{Channel, Request, Response, invalid};
use crate::rule::{Decision, Mode, Rule, Rules};
use crate::upstream::{self, Gate};

/// A running proxy in this process. Dropping it closes its port and ends its connections.
pub struct FaultProxy {
    address: SocketAddr,
    port: Mutex<Port>,
    shared: Arc<Shared>,
}

/// What the connections' threads see. Its locks are held for moments only and never two at a time.
struct Shared {
    rules: Mutex<Rules>,
    upstream: Mutex<String>,
    ledger: Mutex<Ledger>,
    connections: Connections,
    gate: Gate,
}

impl FaultProxy {
    /// Starts one on a free port of the loopback interface, in front of `upstream` (`http://127.0.0.1:PORT`), forwarding
    /// everything.
    pub fn start(upstream: &str) -> io::Result<Self> {
        Self::start_on(0, upstream)
    }

    /// Starts one on this port; 0 takes a free one.
    pub fn start_on(port: u16, upstream: &str) -> io::Result<Self> {
        upstream::authority(upstream)?;
        let port = Port::take(port)?;
        let proxy = Self {
            address: port.address(),
            port: Mutex::new(port),
            shared: Arc::new(Shared {
                rules: Mutex::default(),
                upstream: Mutex::new(upstream.to_string()),
                ledger: Mutex::new(Ledger::new()),
                connections: Connections::default(),
                gate: Gate::new(),
            }),
        };
        proxy.open(&mut lock(&proxy.port))?;
        Ok(proxy)
    }

    /// Where it answers, as `http://127.0.0.1:PORT`: what `AWS_ENDPOINT_URL` is set to. It stays the same.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// One rule from now on, in place of all before. Fails for a rule that cannot work, and says why.
    pub fn mode(&self, rule: Rule) -> io::Result<()> {
        self.rules(vec![rule])
    }

    /// These rules from now on, in place of all before; the first that a request matches decides. None: all is forwarded.
    pub fn rules(&self, rules: Vec<Rule>) -> io::Result<()> {
        let rules = Rules::new(rules).map_err(invalid)?;
        // Held throughout, so that the port is as the rules say whatever two callers do.
        let mut port = lock(&self.port);
        let refuses = rules.refuses();
        *lock(&self.shared.rules) = rules;
        if refuses {
            port.close();
            self.shared.connections.end_all();
            return Ok(());
        }
        self.open(&mut port)
    }

    /// The rules in force, each with what is left of its `next`.
    pub fn current_rules(&self) -> Vec<Rule> {
        lock(&self.shared.rules).all().to_vec()
    }

    /// What came since the start or the last reset.
    pub fn counts(&self) -> Counts {
        let open = self.shared.connections.count();
        lock(&self.shared.ledger).counts(open)
    }

    /// The requests that came, oldest first, the newest 20,000.
    pub fn requests(&self) -> Vec<Seen> {
        lock(&self.shared.ledger).seen()
    }

    /// Forwards everything again, and counts from zero.
    pub fn reset(&self) -> io::Result<()> {
        self.rules(Vec::new())?;
        lock(&self.shared.ledger).reset();
        Ok(())
    }

    /// Counts from zero; the rules stay.
    pub fn reset_counts(&self) {
        lock(&self.shared.ledger).reset();
    }

    /// Another server behind it, from the next request on.
    pub fn set_upstream(&self, upstream: &str) -> io::Result<()> {
        upstream::authority(upstream)?;
        *lock(&self.shared.upstream) = upstream.to_string();
        Ok(())
    }

    fn open(&self, port: &mut Port) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        port.open(move |stream| shared.serve(stream))
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        lock(&self.port).close();
        self.shared.connections.end_all();
    }
}

/// What becomes of a connection after a request.
#[derive(PartialEq, Eq)]
enum After {
    Keep,
    Close,
    Reset,
}

impl Shared {
    fn serve(&self, stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let (id, stream) = self.connections.add(stream);
        lock(&self.ledger).connected();
        let mut channel = Channel::new(stream.as_ref());
        let after = self.converse(&mut channel);
        if after == After::Reset {
            reset_on_close(&stream);
        }
        // The last holder closes it, so the list must let go first.
        self.connections.remove(id);
        drop(stream);
    }

    fn converse(&self, channel: &mut Channel<&TcpStream>) -> After {
        loop {
            match channel.request() {
                Ok(Some(request)) => match self.answer(channel, &request) {
                    Ok(After::Keep) if request.keep => {}
                    Ok(After::Keep) | Err(_) => return After::Close,
                    Ok(after) => return after,
                },
                Ok(None) | Err(_) => return After::Close,
            }
        }
    }

    fn answer(&self, channel: &mut Channel<&TcpStream>, request: &Request) -> io::Result<After> {
        let call = Call::of(request);
        let Decision { rule, refused } = lock(&self.rules).decide(&call);
        let mode = match (&rule, refused.first()) {
            (Some(rule), _) => rule.mode,
            (None, Some((_, rule))) => rule.mode,
            (None, None) => Mode::Ok,
        };
        let flight = Flight {
            ledger: &self.ledger,
            entry: lock(&self.ledger).arrived(&call, mode),
        };
        let rule = rule.unwrap_or_else(|| Rule::new(Mode::Ok));
        let delay = refused
            .iter()
            .map(|(_, rule)| rule.delay_ms)
            .fold(rule.delay_ms, u64::max);
        if delay > 0 {
            thread::sleep(Duration::from_millis(delay));
        }
        match rule.mode {
            Mode::Reset | Mode::Refuse => return Ok(After::Reset),
            Mode::Hang => {
                channel.until_closed();
                return Ok(After::Close);
            }
            _ => {}
        }
        let response = match Fault::of(&rule, &call) {
            Some(fault) => fault.response(call.protocol),
            None => match answers::odd(&rule, &call) {
                Some(response) => response,
                None => self.forward(&call, request, &refused),
            },
        };
        flight.lands(&response);
        let bytes = response.to_bytes(request.keep);
        let stream = channel.stream();
        if rule.mode == Mode::Cut {
            // An orderly end: a reset could take the first half back from the client's buffer.
            let half = bytes.len() - response.body.len().div_ceil(2);
            stream.write_all(bytes.get(..half).unwrap_or_default())?;
            stream.shutdown(Shutdown::Write)?;
            return Ok(After::Close);
        }
        stream.write_all(&bytes)?;
        Ok(After::Keep)
    }

    fn forward(&self, call: &Call, request: &Request, refused: &[(String, Rule)]) -> Response {
        let ask = |request: &Request| {
            let upstream = lock(&self.upstream).clone();
            let _passage = self.gate.pass();
            lock(&self.ledger).forwarded();
            upstream::ask(&upstream, request).unwrap_or_else(|error| answers::no_upstream(&error))
        };
        if refused.is_empty() {
            return ask(request);
        }
        let rest = batch::without(call, request, refused);
        batch::with_errors(call, rest.map(|rest| ask(&rest)), refused)
    }
}

/// A request that has arrived. However it ends, it is in flight no longer.
struct Flight<'a> {
    ledger: &'a Mutex<Ledger>,
    entry: Entry,
}

impl Flight<'_> {
    /// Its answer is there. It is counted before it goes out, so that a client that has it finds it counted.
    fn lands(self, response: &Response) {
        lock(self.ledger).answered(self.entry, response);
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        lock(self.ledger).ended();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
