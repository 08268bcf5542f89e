//! The way between a program and its server, which a test can cut, hold up and lead elsewhere.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Where bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    ToServer,
    ToClient,
}

/// A place in what passes at which every connection breaks: what comes before it arrives, even if it is half a message.
#[derive(Debug, Clone, Copy)]
pub struct Cut {
    /// What the client says to the server, such as `commit`, and how often before anything is counted.
    pub said: (&'static str, u32),
    pub way: Way,
    /// Bytes that still pass that way.
    pub after: u64,
    /// How long nothing passes before the connections end.
    pub silence: Duration,
    /// Whether nobody can connect afterwards, until it is healed.
    pub stays: bool,
}

/// A proxy for one server. Connections through it end when it is dropped.
pub struct Wire {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    server: SocketAddr,
    cut: Option<Cut>,
    cuts: u64,
    is_held: bool,
    is_down: bool,
    is_over: bool,
    open: Vec<TcpStream>,
}

impl Wire {
    /// Leads to the server of a database's URL.
    pub fn to(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = State {
            server: server(url),
            cut: None,
            cuts: 0,
            is_held: false,
            is_down: false,
            is_over: false,
            open: Vec::new(),
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let taking = shared.clone();
        std::thread::spawn(move || taking.take(&listener));
        Self { address, shared }
    }

    /// The URL, by way of this wire.
    pub fn url(&self, url: &str) -> String {
        let (before, _, after) = parts(url);
        format!("{before}{}{after}", self.address)
    }

    /// Breaks once, there.
    pub fn cut(&self, cut: Cut) {
        self.shared.state().cut = Some(cut);
    }

    /// Breaks every connection now.
    pub fn cut_now(&self) {
        self.shared.state().break_all();
    }

    /// Lets everything pass again.
    pub fn heal(&self) {
        let mut state = self.shared.state();
        (state.cut, state.is_held, state.is_down) = (None, false, false);
        self.shared.changed.notify_all();
    }

    /// Lets nothing pass, and breaks nothing.
    pub fn hold(&self) {
        self.shared.state().is_held = true;
    }

    /// How often it broke where it was told to.
    pub fn cuts(&self) -> u64 {
        self.shared.state().cuts
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.is_over = true;
        state.break_all();
        self.shared.changed.notify_all();
        drop(state);
        // The listener waits for one more.
        TcpStream::connect(self.address).ok();
    }
}

impl State {
    fn break_all(&mut self) {
        for stream in self.open.drain(..) {
            // It may have ended by itself.
            stream.shutdown(Shutdown::Both).ok();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(self: &Arc<Self>, listener: &TcpListener) {
        for client in listener.incoming().map_while(Result::ok) {
            let mut state = self.state();
            if state.is_over {
                return;
            }
            if state.is_down {
                continue;
            }
            let Ok(server) = TcpStream::connect(state.server) else { continue };
            client.set_nodelay(true).and(server.set_nodelay(true)).unwrap();
            state.open.extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
            let ends = (client.try_clone().unwrap(), server.try_clone().unwrap());
            let (there, back) = (self.clone(), self.clone());
            std::thread::spawn(move || there.pass(Way::ToServer, ends.0, server));
            std::thread::spawn(move || back.pass(Way::ToClient, ends.1, client));
        }
    }

    /// Carries bytes one way until either end is gone.
    fn pass(&self, way: Way, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = [0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let (may_pass, cut) = self.judge(way, &buffer[..count]);
            let went = to.write_all(&buffer[..may_pass]);
            if let Some(cut) = cut {
                std::thread::sleep(cut.silence);
                self.state().break_all();
            }
            if went.is_err() || cut.is_some() {
                break;
            }
        }
        // The other end hears that there is no more.
        to.shutdown(Shutdown::Both).ok();
        from.shutdown(Shutdown::Both).ok();
    }

    /// How much of a piece passes, and the cut in it.
    fn judge(&self, way: Way, piece: &[u8]) -> (usize, Option<Cut>) {
        let mut state = self.state();
        while state.is_held && !state.is_over {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let count = piece.len() as u64;
        match &mut state.cut {
            Some(Cut { said: (word, times @ 1..), .. }) => {
                *times -= u32::from(way == Way::ToServer && holds(piece, word));
            }
            Some(cut) if cut.way == way && cut.after < count => {
                let cut = *cut;
                state.cut = None;
                state.cuts += 1;
                state.is_down = cut.stays;
                return (usize::try_from(cut.after).unwrap(), Some(cut));
            }
            Some(cut) if cut.way == way => cut.after -= count,
            _ => {}
        }
        (piece.len(), None)
    }
}

fn holds(piece: &[u8], word: &str) -> bool {
    piece.windows(word.len()).any(|window| window == word.as_bytes())
}

/// What stands before, in and after the host and port of a URL.
fn parts(url: &str) -> (&str, &str, &str) {
    let begin = url.find("://").expect("a url") + 3;
    let end = url[begin..].find('/').map_or(url.len(), |at| begin + at);
    let begin = url[begin..end].rfind('@').map_or(begin, |at| begin + at + 1);
    (&url[..begin], &url[begin..end], &url[end..])
}

fn server(url: &str) -> SocketAddr {
    parts(url).1.to_socket_addrs().unwrap().next().unwrap()
}
