//! What Redis has of a key: its value, and the sidecar that says which version it is and who owns it.

use redis::aio::ConnectionLike;
use redis::{Pipeline, RedisResult, Value};
use state_map::Id;
use state_map::verify::Fingerprint;
use state_map::verify::digest::{fingerprint_of, of_value};
use state_map::wire::key::Key;

/// The fields of a sidecar, in the order in which they are read.
const FIELDS: [&str; 8] = ["run", "ce", "gen", "owner", "seq", "op", "del", "exp"];
/// Commands for each key.
const COMMANDS: usize = 3;

/// What Redis has of a key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stored {
    /// The sidecar; none where there is none.
    pub record: Option<Sidecar>,
    /// The value.
    pub value: Content,
    /// When Redis will take the value away; 0: never.
    pub expires_ms: u64,
}

/// A sidecar.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sidecar {
    /// The run.
    pub run: Id,
    /// Highest epoch that claimed or opened the key.
    pub claim_epoch: u64,
    /// Counts owners.
    pub generation: u64,
    /// Who owns the key; none: it is open.
    pub owner: Id,
    /// Place in the order of versions.
    pub seq: u64,
    /// The operation that wrote it.
    pub op: Id,
    /// Whether it is a tombstone.
    pub deleted: bool,
    /// When the value expires; 0: never.
    pub expires_ms: u64,
}

/// What stands under the name of a value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Content {
    /// Nothing.
    #[default]
    Absent,
    /// A value.
    Present(Vec<u8>),
    /// Another type, of value or of sidecar, than the protocol writes.
    WrongType,
    /// It could not be read.
    Unreadable,
}

impl Stored {
    /// Whether the sidecar is one of this run that was written.
    pub fn of_run(&self, run: Id) -> Option<&Sidecar> {
        self.record.as_ref().filter(|record| record.run == run && record.seq > 0)
    }

    /// The value's bytes.
    pub fn bytes(&self) -> Option<&[u8]> {
        match &self.value {
            Content::Present(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Fingerprint of the value alone.
    pub fn value_print(&self) -> Option<Id> {
        self.bytes().map(|bytes| Id(of_value(bytes).0))
    }

    /// Fingerprint of the version.
    pub fn fingerprint(&self, key: &Key, record: &Sidecar) -> Fingerprint {
        fingerprint_of(key, (record.seq, record.op, record.expires_ms), self.bytes())
    }
}

/// Reads these keys in one round trip.
pub async fn read(connection: &mut impl ConnectionLike, keys: &[Key]) -> RedisResult<Vec<Stored>> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let mut pipeline = Pipeline::with_capacity(keys.len() * COMMANDS);
    for key in keys {
        pipeline.cmd("HMGET").arg(key.sidecar()).arg(&FIELDS);
        pipeline.cmd("GET").arg(key.value());
        pipeline.cmd("PEXPIRETIME").arg(key.value());
    }
    let mut answers = connection.req_packed_commands(&pipeline, 0, keys.len() * COMMANDS).await?.into_iter();
    let mut next = || answers.next().unwrap_or_default();
    Ok(keys.iter().map(|_| stored(next(), next(), &next())).collect())
}

fn stored(sidecar: Value, value: Value, expires: &Value) -> Stored {
    let (record, is_malformed) = match sidecar {
        Value::Array(fields) => sidecar_of(&fields),
        _ => (None, true),
    };
    let value = match value {
        Value::Nil => Content::Absent,
        Value::BulkString(bytes) => Content::Present(bytes),
        Value::ServerError(error) if error.code() == "WRONGTYPE" => Content::WrongType,
        _ => Content::Unreadable,
    };
    let expires_ms = match expires {
        Value::Int(time) => u64::try_from(*time).unwrap_or(0),
        _ => 0,
    };
    Stored { record, value: if is_malformed { Content::WrongType } else { value }, expires_ms }
}

/// The record, and whether there is a sidecar that is none.
fn sidecar_of(fields: &[Value]) -> (Option<Sidecar>, bool) {
    if fields.iter().all(|field| *field == Value::Nil) {
        return (None, false);
    }
    let record = parsed(fields);
    let is_malformed = record.is_none();
    (record, is_malformed)
}

fn parsed(fields: &[Value]) -> Option<Sidecar> {
    let text = |at: usize| match fields.get(at) {
        Some(Value::BulkString(bytes)) => std::str::from_utf8(bytes).ok(),
        Some(Value::Nil) => Some(""),
        _ => None,
    };
    let number =
        |at: usize| text(at).and_then(|text| if text.is_empty() { Some(0) } else { text.parse().ok() });
    let id = |at: usize| text(at)?.parse::<Id>().ok();
    Some(Sidecar {
        run: id(0)?,
        claim_epoch: number(1)?,
        generation: number(2)?,
        owner: id(3)?,
        seq: number(4)?,
        op: id(5)?,
        deleted: text(6)? == "1",
        expires_ms: number(7)?,
    })
}
