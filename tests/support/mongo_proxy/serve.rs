//! The way of a command through a proxy and of its answer back.

use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use mongodb::bson::{Bson, Document, doc};

use super::build::{self, Builds};
use super::face::{Face, refusal};
use super::locked;
use super::rule::{Action, Command, Fault, Rules};
use super::set::Followers;
use super::wire::Message;

/// What changes something; in a set it goes to the other members as well.
const WRITES: [&str; 13] = [
    "insert",
    "update",
    "delete",
    "findAndModify",
    "findandmodify",
    "create",
    "drop",
    "dropDatabase",
    "createIndexes",
    "dropIndexes",
    "collMod",
    "renameCollection",
    "bulkWrite",
];
/// What only a primary answers, unless the client says that any member will do.
const READS: [&str; 7] =
    ["find", "aggregate", "count", "distinct", "listCollections", "listIndexes", "explain"];
/// Answers that a proxy may have to rewrite.
const REWRITTEN: [&str; 4] = ["hello", "isMaster", "ismaster", "replSetGetStatus"];

/// What the threads of a proxy and its handle have in common.
#[derive(Debug)]
pub struct Shared {
    /// Where the proxy listens.
    pub address: SocketAddr,
    /// Where the server does.
    pub upstream: SocketAddr,
    /// As what the server is presented.
    pub face: Face,
    /// What is to be done with chosen commands.
    pub rules: Mutex<Rules>,
    /// What clients sent.
    pub seen: Mutex<Vec<Command>>,
    /// Builds that are held back.
    pub builds: Builds,
    /// Held while a write goes to all members of a set, so that each gets the writes in the same order.
    pub order: Arc<Mutex<()>>,
    /// Whether connections are closed as soon as they are made.
    pub is_away: AtomicBool,
    /// Whether the handle is gone.
    pub is_over: AtomicBool,
    /// The open connections with clients, and some that are closed already.
    pub connections: Mutex<Vec<TcpStream>>,
}

impl Shared {
    /// A proxy without rules.
    pub fn new(address: SocketAddr, upstream: SocketAddr, face: Face) -> Self {
        Self {
            address,
            upstream,
            face,
            rules: Mutex::default(),
            seen: Mutex::default(),
            builds: Builds::default(),
            order: Arc::default(),
            is_away: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            connections: Mutex::default(),
        }
    }

    /// Ends every connection with a client.
    pub fn close_connections(&self) {
        for connection in locked(&self.connections).drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    /// The connection may be used; not when the proxy has gone away in the meantime.
    fn admit(&self, connection: &TcpStream) -> bool {
        let Ok(kept) = connection.try_clone() else { return false };
        let mut connections = locked(&self.connections);
        connections.push(kept);
        !self.is_away.load(Ordering::SeqCst)
    }
}

/// Whether a command changes something.
pub fn is_write(command: &Command) -> bool {
    WRITES.contains(&command.name.as_str())
}

/// Serves every connection on a thread of its own until the proxy is over.
pub fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    while let Ok((client, _)) = listener.accept() {
        if shared.is_over.load(Ordering::SeqCst) {
            return;
        }
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            if shared.admit(&client) {
                // Ends when one of both sides does: nothing to report.
                let _ = Connection::open(&shared, &client).and_then(|mut connection| connection.serve());
            }
            let _ = client.shutdown(Shutdown::Both);
        });
    }
}

struct Connection<'a> {
    shared: &'a Shared,
    client: &'a TcpStream,
    upstream: TcpStream,
    followers: Followers,
}

impl<'a> Connection<'a> {
    fn open(shared: &'a Shared, client: &'a TcpStream) -> io::Result<Self> {
        client.set_nodelay(true)?;
        let upstream = TcpStream::connect(shared.upstream)?;
        upstream.set_nodelay(true)?;
        Ok(Self { shared, client, upstream, followers: Followers::default() })
    }

    fn serve(&mut self) -> io::Result<()> {
        loop {
            let request = Message::read(&mut self.client)?.plain();
            let Some(document) = request.document() else {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a message that no driver sends"));
            };
            let command = Command::of(document);
            locked(&self.shared.seen).push(command.clone());
            let actions = locked(&self.shared.rules).strike(&command);
            let answer = match self.stop(&command, &actions)? {
                Some(refusal) => Some(request.answered(&refusal)),
                None => self.ask(&request, &command)?,
            };
            hold_answer(&command, &actions)?;
            if let Some(answer) = answer {
                self.client.write_all(answer.bytes())?;
            }
        }
    }

    /// Lets the command wait, or ends it here: with an answer, or with the connection.
    fn stop(&self, command: &Command, actions: &[Action]) -> io::Result<Option<Document>> {
        for action in actions {
            match action {
                Action::Fail(Fault::CloseBefore) => return Err(io::ErrorKind::ConnectionAborted.into()),
                Action::Fail(Fault::Error(code, message)) => return Ok(Some(refusal(*code, message))),
                Action::Fail(Fault::Answer(answer)) => return Ok(Some(answer.clone())),
                Action::Fail(Fault::Delay(delay)) => thread::sleep(*delay),
                Action::Hold(gate) => {
                    build::shown_while(&self.shared.builds, command, gate, || gate.pass(command));
                }
                Action::Fail(Fault::CloseAfter) | Action::HoldAnswer(_) => {}
            }
        }
        let held = actions.iter().any(|action| matches!(action, Action::Hold(_)));
        Ok(self.refusal_of_role(command, held).or_else(|| self.shared.face.answer(&command.name)))
    }

    /// What a member that is not the primary answers; a command that began before it stepped down is interrupted.
    fn refusal_of_role(&self, command: &Command, has_begun: bool) -> Option<Document> {
        if self.shared.face.is_primary() {
            return None;
        }
        if is_write(command) {
            return Some(match has_begun {
                true => refusal(11602, "operation was interrupted"),
                false => refusal(10107, "not primary"),
            });
        }
        let preference = command.document.get_document("$readPreference").ok();
        let mode = preference.and_then(|wanted| wanted.get_str("mode").ok()).unwrap_or("primary");
        let is_read = READS.contains(&command.name.as_str()) && mode == "primary";
        is_read.then(|| refusal(13435, "not primary and secondaryOk=false"))
    }

    /// Asks the server, and in a set its followers; no answer where none is wanted.
    fn ask(&mut self, request: &Message, command: &Command) -> io::Result<Option<Message>> {
        let answer = match (&self.shared.face, is_write(command)) {
            (Face::Member(cast, number), true) => {
                let _one_at_a_time = locked(&self.shared.order);
                let answer = forward(&mut self.upstream, request)?;
                let said = answer.as_ref().and_then(Message::document);
                if said.is_none_or(|said| succeeded(&said)) {
                    self.followers.follow(cast, *number, request);
                }
                answer
            }
            _ => forward(&mut self.upstream, request)?,
        };
        answer.map(|answer| self.rewritten(request, command, answer)).transpose()
    }

    fn rewritten(&mut self, request: &Message, command: &Command, answer: Message) -> io::Result<Message> {
        if REWRITTEN.contains(&command.name.as_str()) {
            let Some(mut document) = answer.document() else { return Ok(answer) };
            let (own, shown) = (self.shared.upstream.to_string(), self.shared.address.to_string());
            self.shared.face.rewrite(&command.name, &mut document, &own, &shown);
            return Ok(request.answered(&document));
        }
        if asks_for_operations(command) {
            return self.with_builds(request, command, answer);
        }
        Ok(answer)
    }

    /// Adds the builds to what `$currentOp` said; the server itself puts them through the rest of the pipeline.
    fn with_builds(&mut self, request: &Message, command: &Command, answer: Message) -> io::Result<Message> {
        let Shared { builds, face, address, .. } = self.shared;
        let operations = build::operations(builds, face.number(), &address.to_string(), face.is_primary());
        let Some(mut document) = answer.document().filter(|_| !operations.is_empty()) else {
            return Ok(answer);
        };
        let operations = operations.into_iter().map(Bson::Document).collect();
        let mut pipeline = vec![Bson::Document(doc! { "$documents": Bson::Array(operations) })];
        pipeline.extend(command.document.get_array("pipeline").into_iter().flatten().skip(1).cloned());
        let filter = doc! { "aggregate": 1, "pipeline": pipeline, "cursor": {}, "$db": "admin" };
        let filtered = forward(&mut self.upstream, &Message::asking(&filter))?;
        let filtered = filtered.and_then(|filtered| filtered.document()).unwrap_or_default();
        let more = filtered.get_document("cursor").and_then(|cursor| cursor.get_array("firstBatch"));
        if let (Ok(more), Ok(cursor)) = (more, document.get_document_mut("cursor"))
            && let Ok(batch) = cursor.get_array_mut("firstBatch")
        {
            batch.extend(more.iter().cloned());
        }
        Ok(request.answered(&document))
    }
}

/// Sends a message to a server and reads its answer, where it wants one.
pub fn forward(server: &mut TcpStream, request: &Message) -> io::Result<Option<Message>> {
    server.write_all(request.bytes())?;
    if request.wants_answer() { Message::read(server).map(Some) } else { Ok(None) }
}

/// Lets the answer wait, or ends the connection instead of it.
fn hold_answer(command: &Command, actions: &[Action]) -> io::Result<()> {
    for action in actions {
        match action {
            Action::HoldAnswer(gate) => gate.pass(command),
            Action::Fail(Fault::CloseAfter) => return Err(io::ErrorKind::ConnectionAborted.into()),
            Action::Hold(_) | Action::Fail(_) => {}
        }
    }
    Ok(())
}

fn succeeded(answer: &Document) -> bool {
    match answer.get("ok") {
        Some(Bson::Double(ok)) => *ok == 1.0,
        Some(Bson::Int32(ok)) => *ok == 1,
        _ => false,
    }
}

fn asks_for_operations(command: &Command) -> bool {
    let pipeline = command.document.get_array("pipeline");
    let first = pipeline.ok().and_then(|stages| stages.first()).and_then(Bson::as_document);
    command.name == "aggregate" && first.is_some_and(|stage| stage.contains_key("$currentOp"))
}
