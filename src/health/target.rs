//! What to probe: parsed from an argument or taken from an environment of `scalectl.yaml`.

use mongodb::options::ConnectionString;
use url::Url;

use crate::clients::SecretUrl;
use crate::config::topology::{Environment, Reference, ReferenceError};

/// One named probe.
#[derive(Debug, Clone)]
pub struct Check {
    /// How reports call it.
    pub name: String,
    /// What it asks.
    pub target: Target,
}

/// A system and how it is spoken to.
#[derive(Debug, Clone)]
pub enum Target {
    /// `GET` answers 2xx.
    Http(Url),
    /// The Engine.IO handshake and the default namespace.
    SocketIo(Url),
    /// `PING`, and what `INFO` says of replication and loading.
    Redis(SecretUrl),
    /// `ping` and `hello`.
    MongoDb(SecretUrl),
    /// The port accepts a connection.
    Tcp(Url),
}

/// Why a text is no target.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// No known scheme.
    #[error(
        "`{0}` is no target; write http://…, https://…, socketio+http://…, redis://…, mongodb://… or \
         tcp://host:port"
    )]
    Unknown(String),
    /// Known scheme, malformed rest.
    #[error("`{target}`: {reason}")]
    Malformed {
        /// What was given, password masked.
        target: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The URL is kept elsewhere and was not found, or stands in the open and should not.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
}

impl Check {
    /// A check of what `argument` names: a URL, `env:NAME` or `file:PATH`.
    pub fn parse(argument: &str) -> Result<Self, TargetError> {
        let reference: Reference = argument.parse().unwrap_or_else(|never| match never {});
        let url = reference.resolve()?;
        let target = Target::parse(&url)?;
        let name = match &reference {
            Reference::Plain(_) => url.to_string(),
            Reference::Kept(_) => argument.to_owned(),
        };
        Ok(Self { name, target })
    }

    /// All that an environment names, each with the rest of its JSON pointer; what is wrong is wrong by itself.
    pub fn of_environment(environment: &Environment) -> Vec<(String, Result<Self, TargetError>)> {
        let mut checks = Vec::new();
        let mut add = |pointer: String, name: String, target: Result<Target, TargetError>| {
            checks.push((pointer, target.map(|target| Self { name, target })));
        };
        for (index, instance) in environment.app.iter().enumerate() {
            let at = |path: &str| format!("{}{path}", instance.url.trim_end_matches('/'));
            let pointer = format!("/app/{index}/url");
            add(pointer.clone(), format!("app[{index}]"), Target::parse_text(&at(&instance.health)));
            if let Some(path) = &instance.socketio {
                let target = Target::parse_text(&format!("socketio+{}", at(path)));
                add(pointer, format!("app[{index}] socket.io"), target);
            }
        }
        if let Some(url) = &environment.load_balancer {
            add("/loadBalancer".to_owned(), "load balancer".to_owned(), Target::parse_text(url));
        }
        for (name, reference) in [("mongodb", &environment.mongodb), ("redis", &environment.redis)] {
            if let Some(reference) = reference {
                let url = reference.resolve().map_err(TargetError::from);
                add(format!("/{name}"), name.to_owned(), url.and_then(|url| Target::parse(&url)));
            }
        }
        for (index, address) in environment.tcp.iter().enumerate() {
            let target = Target::parse_text(&format!("tcp://{address}"));
            add(format!("/tcp/{index}"), address.clone(), target);
        }
        checks
    }
}

impl Target {
    fn parse_text(url: &str) -> Result<Self, TargetError> {
        Self::parse(&SecretUrl::new(url))
    }

    fn parse(url: &SecretUrl) -> Result<Self, TargetError> {
        let text = url.expose();
        let scheme = text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        match scheme.as_deref() {
            Some("http" | "https") => parse_url(text).map(Self::Http),
            Some("socketio+http" | "socketio+https") => {
                parse_url(&text["socketio+".len()..]).map(Self::SocketIo)
            }
            Some("tcp") => tcp(text),
            Some("redis" | "rediss") => parse_url(text).map(|_| Self::Redis(url.clone())),
            Some("mongodb" | "mongodb+srv") => mongodb(url),
            _ => Err(TargetError::Unknown(url.to_string())),
        }
    }
}

fn parse_url(text: &str) -> Result<Url, TargetError> {
    let malformed =
        |reason: String| TargetError::Malformed { target: SecretUrl::new(text).to_string(), reason };
    let url = Url::parse(text).map_err(|error| malformed(error.to_string()))?;
    if url.host_str().unwrap_or_default().is_empty() {
        return Err(malformed("the host is missing".to_owned()));
    }
    Ok(url)
}

/// The driver's own parser: several hosts and SRV names are no URLs by the standard.
fn mongodb(uri: &SecretUrl) -> Result<Target, TargetError> {
    match ConnectionString::parse(uri.expose()) {
        Ok(_) => Ok(Target::MongoDb(uri.clone())),
        Err(error) => {
            let reason = uri.scrub(&error.kind.to_string());
            Err(TargetError::Malformed { target: uri.to_string(), reason })
        }
    }
}

fn tcp(text: &str) -> Result<Target, TargetError> {
    let url = parse_url(text)?;
    if url.port().is_none() {
        let reason = "the port is missing".to_owned();
        return Err(TargetError::Malformed { target: text.to_owned(), reason });
    }
    Ok(Target::Tcp(url))
}

#[cfg(test)]
mod tests {
    use super::{Check, Target};

    #[test]
    fn every_scheme_is_understood() {
        let target = |text: &str| Check::parse(text).map(|check| check.target);
        assert!(matches!(target("http://a:1/health"), Ok(Target::Http(_))));
        assert!(matches!(target("socketio+https://a"), Ok(Target::SocketIo(url)) if url.scheme() == "https"));
        assert!(matches!(target("redis://a"), Ok(Target::Redis(_))));
        assert!(matches!(target("mongodb://a:1,b:2/?replicaSet=r"), Ok(Target::MongoDb(_))));
        assert!(matches!(target("tcp://[::1]:80"), Ok(Target::Tcp(_))));
    }

    #[test]
    fn what_is_no_target_is_refused_in_words() {
        let refusal = |text: &str| Check::parse(text).unwrap_err().to_string();
        assert!(refusal("localhost:80").starts_with("`localhost:80` is no target; write http://"));
        assert_eq!(refusal("tcp://a"), "`tcp://a`: the port is missing");
        assert_eq!(refusal("http://"), "`http://`: empty host");
        assert_eq!(
            refusal("env:SCALECTL_NO_SUCH_VARIABLE"),
            "the environment variable SCALECTL_NO_SUCH_VARIABLE is not set"
        );
    }
}
