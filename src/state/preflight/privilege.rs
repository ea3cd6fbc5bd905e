//! Whether the account may use what the protocol needs: asked of the server, without doing it.

use redis::{Cmd, ErrorKind, RedisError, ServerErrorKind, cmd};

use super::report::Check;
use crate::state::StateError;
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

/// One check of each server.
pub async fn check(servers: &Servers) -> Result<Vec<Check>, StateError> {
    let mut checks = Vec::new();
    for server in &servers.masters {
        let lacking = lacking(servers, server).await?;
        checks.push(match &lacking[..] {
            [] => Check::well(NAME, &server.name, "all that the protocol needs"),
            lacking => {
                let rule = lacking.iter().map(Need::rule).collect::<Vec<_>>().join(" ");
                let words = lacking.iter().map(Need::words).collect::<Vec<_>>().join(", ");
                Check::refused(NAME, &server.name, format!("lacks {words}"), format!("ACL SETUSER … {rule}"))
            }
        });
    }
    Ok(checks)
}

/// Something that is needed.
struct Need {
    command: Vec<String>,
    channel: Option<String>,
}

impl Need {
    fn words(&self) -> String {
        let command = self.command.first().map_or("", String::as_str);
        match &self.channel {
            Some(channel) => format!("{command} on {channel}"),
            None => command.to_owned(),
        }
    }

    fn rule(&self) -> String {
        let command = self.command.first().map_or_else(String::new, |name| name.to_lowercase());
        match &self.channel {
            Some(channel) => format!("+{command} &{channel}"),
            None => format!("+{command}"),
        }
    }
}

fn needs(servers: &Servers) -> Vec<Need> {
    let space = servers.target.space();
    let (control, steering) = (space.control(), space.steering());
    let keyed: [&[&str]; 16] = [
        &["GET", &control],
        &["SET", &control, "x"],
        &["UNLINK", &control],
        &["DEL", &control],
        &["EXISTS", &control],
        &["PEXPIRE", &control, "1"],
        &["PEXPIREAT", &control, "1"],
        &["PEXPIRETIME", &control],
        &["HGET", &control, "f"],
        &["HMGET", &control, "f"],
        &["HSET", &control, "f", "v"],
        &["HDEL", &control, "f"],
        &["HGETALL", &control],
        &["XADD", &control, "*", "f", "v"],
        &["EVAL", "return 1", "1", &control],
        &["EVALSHA", "0000000000000000000000000000000000000000", "1", &control],
    ];
    let owned = |command: &[&str]| command.iter().map(|&word| word.to_owned()).collect();
    let all = keyed.iter().chain(&PLAIN).map(|command| Need { command: owned(command), channel: None });
    let channels = [vec!["PUBLISH", &steering, "x"], vec!["SUBSCRIBE", &steering]];
    let channels =
        channels.iter().map(|command| Need { command: owned(command), channel: Some(steering.clone()) });
    all.chain(channels).collect()
}

async fn lacking(servers: &Servers, server: &Server) -> Result<Vec<Need>, StateError> {
    let mut connection = server.connection.clone();
    let mut lacking = Vec::new();
    // An account that may not say who it is, or try, is asked by harmless use.
    let who: Option<String> = cmd("ACL").arg("WHOAMI").query_async(&mut connection).await.ok();
    let mut may_try = who.is_some();
    for need in needs(servers) {
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
        if allowed.is_none() && is_harmless(&need) {
            let used: Result<redis::Value, _> = command(&need).query_async(&mut connection).await;
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
    ];
    need.command.first().is_some_and(|name| reads.contains(&name.as_str()))
}

fn is_refusal(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoPerm)
}
