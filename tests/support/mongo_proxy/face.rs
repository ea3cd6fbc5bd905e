//! As what a proxy presents the server behind it.
//!
//! <https://www.mongodb.com/docs/manual/reference/command/hello/> and
//! <https://www.mongodb.com/docs/manual/reference/command/replSetGetStatus/> name the fields.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, DateTime, Document, doc};

use super::locked;

/// As what a proxy presents the server behind it.
#[derive(Debug)]
pub enum Face {
    /// As what it is, at the proxy's address.
    Alone,
    /// As a member of a set.
    Member(Arc<Mutex<Cast>>, usize),
    /// As a router of a cluster with these shards.
    Router(Document),
}

/// Who is who in a set.
#[derive(Debug)]
pub struct Cast {
    /// Its name.
    pub name: String,
    /// The proxies, by number.
    pub members: Vec<CastMember>,
    /// The number of the primary.
    pub primary: usize,
    /// How many elections there were.
    pub elections: u32,
}

/// A member as the others see it.
#[derive(Debug)]
pub struct CastMember {
    /// Its proxy's address.
    pub address: String,
    /// Where its server is.
    pub upstream: std::net::SocketAddr,
    /// Whether it answers.
    pub is_there: bool,
    /// Whether writes to the primary reach it.
    pub follows: bool,
    /// How far behind it says it is.
    pub lag: Duration,
}

impl Face {
    /// Rewrites what the server says of itself; `own` and `shown` are its address and the proxy's.
    pub fn rewrite(&self, command: &str, answer: &mut Document, own: &str, shown: &str) {
        match (command, self) {
            ("hello" | "isMaster" | "ismaster", face) => {
                // Without these the driver asks again and again, and compresses nothing.
                answer.remove("topologyVersion");
                answer.remove("compression");
                match face {
                    Self::Alone => replace(answer, own, shown),
                    Self::Member(cast, number) => locked(cast).hello(*number, answer),
                    Self::Router(_) => router_hello(answer),
                }
            }
            ("replSetGetStatus", Self::Member(cast, number)) => *answer = locked(cast).status(*number),
            ("replSetGetStatus", Self::Alone) => replace(answer, own, shown),
            _ => {}
        }
    }

    /// The answer that the server behind could not give.
    pub fn answer(&self, command: &str) -> Option<Document> {
        match (command, self) {
            ("listShards", Self::Router(shards)) => Some(shards.clone()),
            ("replSetGetStatus", Self::Router(_)) => {
                Some(refusal(76, "replSetGetStatus is not supported through mongos"))
            }
            _ => None,
        }
    }

    /// Whether the server takes writes.
    pub fn is_primary(&self) -> bool {
        match self {
            Self::Member(cast, number) => locked(cast).primary == *number,
            _ => true,
        }
    }

    /// Its number in its set.
    pub fn number(&self) -> usize {
        match self {
            Self::Member(_, number) => *number,
            _ => 0,
        }
    }
}

impl Cast {
    fn hello(&self, number: usize, answer: &mut Document) {
        let is_primary = number == self.primary;
        for old in ["ismaster", "lastWrite", "electionId", "primary", "isreplicaset"] {
            answer.remove(old);
        }
        let addresses: Vec<&str> = self.members.iter().map(|member| member.address.as_str()).collect();
        answer.extend(doc! {
            "setName": &self.name, "setVersion": 1, "hosts": addresses, "me": &self.members[number].address,
            "isWritablePrimary": is_primary, "ismaster": is_primary, "secondary": !is_primary,
        });
        let primary = &self.members[self.primary];
        if primary.is_there {
            answer.insert("primary", &primary.address);
        }
        if is_primary {
            answer.insert("electionId", self.election());
        }
    }

    /// The identifiers that MongoDB gives elections: they only ever grow.
    fn election(&self) -> ObjectId {
        let mut bytes = [0; 12];
        bytes[0] = 0x7f;
        bytes[1..4].fill(0xff);
        bytes[8..].copy_from_slice(&(self.elections + 1).to_be_bytes());
        ObjectId::from_bytes(bytes)
    }

    fn status(&self, asked: usize) -> Document {
        let now = SystemTime::now();
        let members = self.members.iter().enumerate().map(|(number, member)| {
            let (state, word) = match (member.is_there, number == self.primary) {
                (false, _) => (8, "(not reachable/healthy)"),
                (true, true) => (1, "PRIMARY"),
                (true, false) => (2, "SECONDARY"),
            };
            let mut told = doc! {
                "_id": number as i32, "name": &member.address, "health": if member.is_there { 1.0 } else { 0.0 },
                "state": state, "stateStr": word, "optimeDate": DateTime::from_system_time(now - member.lag),
            };
            if number == asked {
                told.insert("self", true);
            }
            Bson::Document(told)
        });
        let members: Vec<Bson> = members.collect();
        let own = if asked == self.primary { 1 } else { 2 };
        doc! {
            "set": &self.name, "date": DateTime::from_system_time(now), "myState": own,
            "term": i64::from(self.elections + 1), "members": members, "ok": 1.0,
        }
    }
}

/// An error as servers answer it.
pub fn refusal(code: i32, message: &str) -> Document {
    doc! { "ok": 0.0, "errmsg": message, "code": code }
}

fn router_hello(answer: &mut Document) {
    for of_set in [
        "setName",
        "setVersion",
        "hosts",
        "me",
        "primary",
        "electionId",
        "secondary",
        "lastWrite",
        "passives",
    ] {
        answer.remove(of_set);
    }
    answer.extend(doc! { "msg": "isdbgrid", "isWritablePrimary": true, "ismaster": true });
}

/// Replaces an address wherever it stands alone.
fn replace(document: &mut Document, own: &str, shown: &str) {
    for (_, value) in document.iter_mut() {
        replace_value(value, own, shown);
    }
}

fn replace_value(value: &mut Bson, own: &str, shown: &str) {
    match value {
        Bson::String(text) if text == own => shown.clone_into(text),
        Bson::Array(items) => items.iter_mut().for_each(|item| replace_value(item, own, shown)),
        Bson::Document(document) => replace(document, own, shown),
        _ => {}
    }
}
