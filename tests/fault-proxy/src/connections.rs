//! The port and the open connections: listening, refusing for real, and ending connections by a reset.
//!
//! A port that refuses is still ours: a second socket stays bound to it without listening, so that nobody else can be
//! given it before it listens again.

use std::collections::HashMap;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

/// A thousand clients may connect in the same instant.
const QUEUE: i32 = 4096;
/// A connection's thread parses small JSON and waits; a thousand of them must cost little.
const STACK: usize = 512 * 1024;

/// A port of the loopback interface, which listens or refuses.
pub(crate) struct Port {
    address: SocketAddr,
    /// Bound and never listening.
    _holder: Option<Socket>,
    listening: Option<Listening>,
}

struct Listening {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Port {
    /// Takes a port of the loopback interface, a free one for 0; it refuses until it is opened.
    pub(crate) fn take(port: u16) -> io::Result<Self> {
        let holder = bound(SocketAddr::from(([127, 0, 0, 1], port)))?;
        let address = holder
            .local_addr()?
            .as_socket()
            .ok_or_else(|| io::Error::other("the port has no address"))?;
        Ok(Self {
            address,
            _holder: Some(holder),
            listening: None,
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Listens, and calls `serve` with each connection in a thread of its own. Nothing happens when it does already.
    pub(crate) fn open(
        &mut self,
        serve: impl Fn(TcpStream) + Clone + Send + 'static,
    ) -> io::Result<()> {
        if self.listening.is_some() {
            return Ok(());
        }
        let socket = match bound(self.address) {
            Ok(socket) => socket,
            Err(_) => {
                // Where the system lets no second socket have the port, it has to be free for a moment.
                self._holder = None;
                bound(self.address)?
            }
        };
        socket.listen(QUEUE)?;
        let listener = TcpListener::from(socket);
        let stop = Arc::new(AtomicBool::new(false));
        let stopping = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("accept".into())
            .spawn(move || accept(&listener, &stopping, serve))?;
        self.listening = Some(Listening { stop, thread });
        Ok(())
    }

    /// Stops listening: from its return on the port refuses.
    pub(crate) fn close(&mut self) {
        let Some(listening) = self.listening.take() else {
            return;
        };
        listening.stop.store(true, Ordering::SeqCst);
        // Nothing but a connection wakes a thread that waits for one.
        let woken = TcpStream::connect_timeout(&self.address, Duration::from_secs(5));
        if woken.is_ok() || listening.thread.is_finished() {
            let _ = listening.thread.join();
        }
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.close();
    }
}

fn bound(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

fn accept(
    listener: &TcpListener,
    stopping: &AtomicBool,
    serve: impl Fn(TcpStream) + Clone + Send + 'static,
) {
    loop {
        let accepted = listener.accept();
        if stopping.load(Ordering::SeqCst) {
            return;
        }
        match accepted {
            Ok((stream, _)) => {
                let serve = serve.clone();
                let started = thread::Builder::new()
                    .name("connection".into())
                    .stack_size(STACK)
                    .spawn(move || serve(stream));
                // Without a thread the connection is dropped, which the client sees.
                drop(started);
            }
            // Too many open files is the usual reason; some will close.
            Err(_) => thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// The connections that are open, so that all of them can be ended at once.
#[derive(Default)]
pub(crate) struct Connections {
    open: Mutex<HashMap<u64, Arc<TcpStream>>>,
    next: AtomicU64,
}

impl Connections {
    pub(crate) fn add(&self, stream: TcpStream) -> (u64, Arc<TcpStream>) {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let stream = Arc::new(stream);
        self.lock().insert(id, Arc::clone(&stream));
        (id, stream)
    }

    pub(crate) fn remove(&self, id: u64) {
        self.lock().remove(&id);
    }

    pub(crate) fn count(&self) -> usize {
        self.lock().len()
    }

    /// Ends every connection. Their threads find them closed and end too.
    pub(crate) fn end_all(&self) {
        let all = std::mem::take(&mut *self.lock());
        for stream in all.into_values() {
            reset_on_close(&stream);
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<TcpStream>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// From now on closing the connection sends RST, not FIN.
pub(crate) fn reset_on_close(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}
