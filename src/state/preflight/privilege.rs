//! Whether the account may use what the protocol needs: asked of the server, without doing it.

use redis::{Cmd, ErrorKind, RedisError, ServerErrorKind, cmd};

use state_map::Id;
use state_map::wire::key::{Key, fence, mark};

use super::report::Check;
use crate::state::StateError;
use crate::state::verify::maps::Maps;
use crate::state::verify::servers::{Server, Servers};

const NAME: &str = "privileges";
/// Commands that take no key.
const PLAIN: [&[&str]; 7] = [
    &["PING"],
    &["TIME"],
    &["INFO", "all"],
    &["SCAN", "0"],
    &["DBSIZE"],
    &["WAIT", "0", "1"],
    &["SCRIPT", "LOAD", "return 1"],
];

/// One check of each server: what steering needs.
pub async fn check(servers: &Servers) -> Result<Vec<Check>, StateError> {
    let needs = steering(servers);
    let mut checks = Vec::new();
    for server in &servers.masters {
        let found = lacking(servers, server, &needs).await?;
        let well = || Check::well(NAME, &server.name, "all that the protocol needs");
        checks.push(refusal(&server.name, &found).unwrap_or_else(well));
    }
    Ok(checks)
}

/// What is lacking on the keys of the maps, on each server.
pub async fn check_maps(servers: &Servers, maps: &Maps) -> Result<Vec<Check>, StateError> {
    let needs: Vec<Need> = maps.iter().flat_map(|map| of_map(&map.prefix)).chain(of_slots()).collect();
    let mut checks = Vec::new();
    for server in &servers.masters {
        checks.extend(refusal(&server.name, &lacking(servers, server, &needs).await?));
    }
    Ok(checks)
}

fn refusal(server: &str, lacking: &[&Need]) -> Option<Check> {
    let join = |of: fn(&Need) -> &str, between: &str| {
        let mut all: Vec<&str> = lacking.iter().map(|need| of(need)).collect();
        all.dedup();
        all.join(between)
    };
    let words = join(|need| &need.words, ", ");
    let rules = join(|need| &need.rule, " ");
    (!lacking.is_empty())
        .then(|| Check::refused(NAME, server, format!("lacks {words}"), format!("ACL SETUSER … {rules}")))
}

/// Something that is needed.
struct Need {
    command: Vec<String>,
    words: String,
    /// What grants it.
    rule: String,
}

impl Need {
    fn command(command: &[&str]) -> Self {
        let name = command.first().copied().unwrap_or_default();
        Self { command: owned(command), words: name.to_owned(), rule: format!("+{}", name.to_lowercase()) }
    }

    fn channel(command: &[&str], channel: &str, all: &str) -> Self {
        let Self { command, words, rule } = Self::command(command);
        Self { command, words: format!("{words} on {channel}"), rule: format!("{rule} &{all}") }
    }

    /// A command that may be used, on keys that may not be.
    fn keys(command: &[&str], pattern: &str) -> Self {
        let words = format!("keys {pattern}");
        Self { command: owned(command), words, rule: format!("~{pattern}") }
    }
}

fn owned(command: &[&str]) -> Vec<String> {
    command.iter().map(|&word| word.to_owned()).collect()
}

fn steering(servers: &Servers) -> Vec<Need> {
    let space = servers.target.space();
    let control = space.control();
    let keyed: [&[&str]; 21] = [
        &["GET", &control],
        &["SET", &control, "x"],
        &["INCR", &control],
        &["UNLINK", &control],
        &["DEL", &control],
        &["EXISTS", &control],
        &["EXPIRE", &control, "1"],
        &["PEXPIRE", &control, "1"],
        &["PEXPIREAT", &control, "1"],
        &["PEXPIRETIME", &control],
        &["PERSIST", &control],
        &["HGET", &control, "f"],
        &["HMGET", &control, "f"],
        &["HSET", &control, "f", "v"],
        &["HDEL", &control, "f"],
        &["HGETALL", &control],
        &["HVALS", &control],
        &["XADD", &control, "*", "f", "v"],
        &["XRANGE", &control, "-", "+"],
        &["EVAL", "return 1", "1", &control],
        &["EVALSHA", "0000000000000000000000000000000000000000", "1", &control],
    ];
    let mut needs: Vec<Need> = keyed.iter().chain(&PLAIN).map(|command| Need::command(command)).collect();
    let (inbox, all) = (space.inbox(Id::NONE), format!("{}:*", servers.target.namespace));
    for channel in [space.steering(), inbox] {
        needs.push(Need::channel(&["PUBLISH", &channel, "x"], &channel, &all));
        needs.push(Need::channel(&["SUBSCRIBE", &channel], &channel, &all));
    }
    needs
}

/// Reading and writing a value and its sidecar.
fn of_map(prefix: &str) -> Vec<Need> {
    let key = Key::new(prefix, "x");
    let (value, sidecar) = (format!("{prefix}*"), format!("{{{prefix}*"));
    vec![
        Need::keys(&["GET", key.value()], &value),
        Need::keys(&["SET", key.value(), "x"], &value),
        Need::keys(&["HMGET", &key.sidecar(), "f"], &sidecar),
        Need::keys(&["HSET", &key.sidecar(), "f", "v"], &sidecar),
    ]
}

/// What every slot has: a fence and a mark.
fn of_slots() -> Vec<Need> {
    vec![
        Need::keys(&["GET", &fence(0)], "{*}:f"),
        Need::keys(&["SET", &fence(0), "1"], "{*}:f"),
        Need::keys(&["SET", &mark(0), "1"], "{*}:b"),
    ]
}

async fn lacking<'n>(
    servers: &Servers,
    server: &Server,
    needs: &'n [Need],
) -> Result<Vec<&'n Need>, StateError> {
    let mut connection = server.connection.clone();
    let mut lacking = Vec::new();
    // An account that may not say who it is, or try, is asked by harmless use.
    let who: Option<String> = cmd("ACL").arg("WHOAMI").query_async(&mut connection).await.ok();
    let mut may_try = who.is_some();
    for need in needs {
        let mut allowed = None;
        if let (Some(who), true) = (&who, may_try) {
            let tried = cmd("ACL")
                .arg("DRYRUN")
                .arg(who)
                .arg(&need.command)
                .query_async::<String>(&mut connection)
                .await;
            match tried {
                Ok(answer) => allowed = Some(answer == "OK"),
                Err(error) if is_refusal(&error) => may_try = false,
                Err(error) => return Err(servers.target.fault("try its privileges", &error)),
            }
        }
        if allowed.is_none() && is_harmless(need) {
            let used: Result<redis::Value, _> = command(need).query_async(&mut connection).await;
            allowed = used.err().map(|error| !is_refusal(&error));
        }
        if allowed == Some(false) {
            lacking.push(need);
        }
    }
    Ok(lacking)
}

fn command(need: &Need) -> Cmd {
    let mut command = Cmd::new();
    command.arg(&need.command);
    command
}

/// Whether using it changes nothing.
fn is_harmless(need: &Need) -> bool {
    let reads = [
        "PING",
        "TIME",
        "INFO",
        "SCAN",
        "DBSIZE",
        "GET",
        "EXISTS",
        "PEXPIRETIME",
        "HGET",
        "HMGET",
        "HGETALL",
        "HVALS",
        "XRANGE",
    ];
    need.command.first().is_some_and(|name| reads.contains(&name.as_str()))
}

fn is_refusal(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoPerm)
}
