//! The way of commands through a proxy and of their answers back.

use std::collections::VecDeque;
use std::io::{self, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::locked;
use super::resp::Frame;
use super::rule::{Act, Gate, Rules};

/// Time for the answer to a command that is delivered late.
const ANSWER: Duration = Duration::from_secs(5);

/// What the threads of a proxy and its handle have in common.
#[derive(Debug)]
pub struct Shared {
    /// Where the proxy listens.
    pub address: SocketAddr,
    /// Where the server does.
    pub upstream: Mutex<SocketAddr>,
    /// What goes wrong.
    pub rules: Mutex<Rules>,
    /// Whether nothing goes through at the moment, though connections stay.
    pub is_dark: Mutex<bool>,
    /// Wakes who waits for light.
    pub lit: Condvar,
    /// Whether connections are closed as soon as they are made.
    pub is_away: AtomicBool,
    /// Whether the proxy is to end.
    pub is_over: AtomicBool,
    /// Open connections, both sides of each.
    pub open: Mutex<Vec<TcpStream>>,
}

impl Shared {
    /// Closes all connections; what is held back still arrives.
    pub fn close_connections(&self) {
        for connection in locked(&self.open).drain(..) {
            // One that is closed already is no failure.
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    fn wait_for_light(&self) {
        let mut dark = locked(&self.is_dark);
        while *dark && !self.is_over() {
            dark = self.lit.wait(dark).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// What becomes of an answer.
enum Fate {
    Pass,
    Swallow,
    Close,
    Hold(Arc<Gate>),
}

/// What both threads of a connection know.
struct Line {
    shared: Arc<Shared>,
    client: TcpStream,
    server: TcpStream,
    fates: Mutex<VecDeque<Fate>>,
    is_subscribed: AtomicBool,
}

/// Accepts until the proxy is over.
pub fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for client in listener.incoming().flatten() {
        if shared.is_over() {
            return;
        }
        if !shared.is_away.load(Ordering::SeqCst) {
            // A server that is not there closes the connection of whoever asks.
            let _ = connect(client, shared);
        }
    }
}

fn connect(client: TcpStream, shared: &Arc<Shared>) -> io::Result<()> {
    let server = TcpStream::connect(*locked(&shared.upstream))?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    locked(&shared.open).extend([client.try_clone()?, server.try_clone()?]);
    let (fates, is_subscribed) = (Mutex::default(), AtomicBool::new(false));
    let line = Arc::new(Line { shared: Arc::clone(shared), client, server, fates, is_subscribed });
    let back = Arc::clone(&line);
    thread::spawn(move || {
        // An end of a connection, however it comes, is the end of its threads and nothing else.
        let _ = line.carry_commands();
        let _ = line.server.shutdown(Shutdown::Write);
    });
    thread::spawn(move || {
        let _ = back.carry_answers();
        back.close();
    });
    Ok(())
}

impl Line {
    fn carry_commands(&self) -> io::Result<()> {
        let mut source = BufReader::new(&self.client);
        loop {
            let command = Frame::read(&mut source)?;
            self.shared.wait_for_light();
            let act = locked(&self.shared.rules).strike(&command.strings);
            match act {
                None => self.forward(&command, [Fate::Pass])?,
                Some(act) => self.act(act, &command)?,
            }
        }
    }

    fn act(&self, act: Act, command: &Frame) -> io::Result<()> {
        match act {
            Act::Delay(time) => thread::sleep(time),
            Act::Hold(gate) => {
                gate.arrive(&command.strings);
                gate.pass();
            }
            Act::Twice => {
                self.forward(command, [Fate::Pass])?;
                return self.forward(command, [Fate::Swallow]);
            }
            Act::CloseBefore => return self.close_now(),
            Act::CloseAfter => return self.forward(command, [Fate::Close]),
            Act::Instead(words) => return self.forward(&Frame::of(words), [Fate::Pass]),
            Act::Lose => return self.go_dumb(),
            Act::HoldAnswer(gate) => {
                gate.arrive(&command.strings);
                return self.forward(command, [Fate::Hold(gate)]);
            }
            Act::Late(gate) => {
                self.deliver_later(gate, command);
                return self.close_now();
            }
            Act::Again(gate) => self.deliver_later(gate, command),
        }
        self.forward(command, [Fate::Pass])
    }

    fn forward<const N: usize>(&self, command: &Frame, fates: [Fate; N]) -> io::Result<()> {
        if command.strings.first().is_some_and(|name| name.to_ascii_uppercase().ends_with("SUBSCRIBE")) {
            self.is_subscribed.store(true, Ordering::SeqCst);
        }
        locked(&self.fates).extend(fates);
        (&self.server).write_all(&command.bytes)
    }

    /// Delivers on a connection of its own, whatever has become of this one by then.
    fn deliver_later(&self, gate: Arc<Gate>, command: &Frame) {
        gate.arrive(&command.strings);
        let (shared, bytes) = (Arc::clone(&self.shared), command.bytes.clone());
        thread::spawn(move || {
            gate.pass();
            let upstream = *locked(&shared.upstream);
            if let Ok(answer) = deliver(upstream, &bytes) {
                gate.answered(answer);
            }
        });
    }

    fn carry_answers(&self) -> io::Result<()> {
        let mut source = BufReader::new(&self.server);
        loop {
            let answer = Frame::read(&mut source)?;
            self.shared.wait_for_light();
            // Messages to a subscriber answer nothing: they have no fate.
            let fate = if answer.is_push() || self.is_subscribed.load(Ordering::SeqCst) {
                Fate::Pass
            } else {
                locked(&self.fates).pop_front().unwrap_or(Fate::Pass)
            };
            match fate {
                Fate::Pass => {}
                Fate::Swallow => continue,
                Fate::Close => return Ok(()),
                Fate::Hold(gate) => gate.pass(),
            }
            (&self.client).write_all(&answer.bytes)?;
        }
    }

    fn go_dumb(&self) -> io::Result<()> {
        // Reads on, so that the end of the connection is seen.
        io::copy(&mut &self.client, &mut io::sink())?;
        Err(io::ErrorKind::ConnectionAborted.into())
    }

    fn close_now(&self) -> io::Result<()> {
        self.close();
        Err(io::ErrorKind::ConnectionAborted.into())
    }

    fn close(&self) {
        for side in [&self.client, &self.server] {
            let _ = side.shutdown(Shutdown::Both);
        }
    }
}

fn deliver(upstream: SocketAddr, bytes: &[u8]) -> io::Result<Frame> {
    let mut server = TcpStream::connect(upstream)?;
    server.set_read_timeout(Some(ANSWER))?;
    server.write_all(bytes)?;
    Frame::read(&mut BufReader::new(server))
}
