//! Plain HTTP/1.1 over one connection, strict about what a server may do with it.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

/// `GET path` on a connection of its own: status and body.
#[track_caller]
pub fn get(authority: &str, path: &str) -> (u16, String) {
    let answer = KeptAlive::new(authority).get(path);
    answer.unwrap_or_else(|error| panic!("GET {path} from {authority}: {error}"))
}

/// `POST path` with a JSON body on a connection of its own: status and body.
#[track_caller]
pub fn post(authority: &str, path: &str, body: &str) -> (u16, String) {
    let answer = KeptAlive::new(authority).post(path, body);
    answer.unwrap_or_else(|error| panic!("POST {path} to {authority}: {error}"))
}

/// Name and password of the administrator whom [`get_as_admin`] logs in.
pub const ADMIN: (&str, &str) = ("root", "correct-horse");

/// `GET path` as the administrator [`ADMIN`]: status and body.
#[track_caller]
pub fn get_as_admin(authority: &str, path: &str) -> (u16, String) {
    let mut client = KeptAlive::new(authority);
    let (username, password) = ADMIN;
    let login = format!(r#"{{"username":"{username}","password":"{password}"}}"#);
    let (status, session) = client.post("/api/auth/login", &login).expect("login is answered");
    assert_eq!(status, 200, "{session}");
    let session: serde_json::Value = serde_json::from_str(&session).expect("a session is JSON");
    let token = session["token"].as_str().unwrap_or_default();
    client.get_with(token, path).unwrap_or_else(|error| panic!("GET {path} from {authority}: {error}"))
}

/// A client that keeps its connection for as long as the server lets it, and never tries a request twice.
#[derive(Debug)]
pub struct KeptAlive {
    authority: String,
    connection: Option<BufReader<TcpStream>>,
    /// Connections made so far.
    pub connections: usize,
}

impl KeptAlive {
    /// Connects with its first request.
    pub fn new(authority: &str) -> Self {
        Self { authority: authority.to_owned(), connection: None, connections: 0 }
    }

    /// One request: status and body.
    pub fn get(&mut self, path: &str) -> io::Result<(u16, String)> {
        self.send("GET", path, "", "")
    }

    /// The same for whoever has this token.
    pub fn get_with(&mut self, token: &str, path: &str) -> io::Result<(u16, String)> {
        self.send("GET", path, &format!("authorization: Bearer {token}\r\n"), "")
    }

    fn post(&mut self, path: &str, body: &str) -> io::Result<(u16, String)> {
        let head = format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
        self.send("POST", path, &head, body)
    }

    fn send(&mut self, method: &str, path: &str, headers: &str, body: &str) -> io::Result<(u16, String)> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let host = &self.authority;
        write!(connection.get_mut(), "{method} {path} HTTP/1.1\r\nhost: {host}\r\n{headers}\r\n{body}")?;
        let (head, body) = response(&mut connection)?;
        if !head.to_lowercase().contains("\r\nconnection: close\r\n") {
            self.connection = Some(connection);
        }
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
        Ok((status.ok_or_else(|| io::Error::other(head.clone()))?, body))
    }

    fn connect(&mut self) -> io::Result<BufReader<TcpStream>> {
        let stream = TcpStream::connect(&self.authority)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        self.connections += 1;
        Ok(BufReader::new(stream))
    }
}

fn response(connection: &mut impl BufRead) -> io::Result<(String, String)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if connection.read_line(&mut head)? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("closed after {head:?}")));
        }
    }
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    let mut length =
        lines.filter(|(name, _)| name.eq_ignore_ascii_case("content-length")).map(|(_, n)| n.parse());
    let mut body = vec![0; length.next_back().and_then(Result::ok).unwrap_or(0)];
    connection.read_exact(&mut body)?;
    Ok((head, String::from_utf8_lossy(&body).into_owned()))
}
