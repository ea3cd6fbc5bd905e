//! `scalectl.yaml`: the environments and the systems in each. One file that every command reads.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use super::suggest::did_you_mean;
use super::{Diagnostic, Document, Mistakes, schema};
use crate::clients::SecretUrl;

/// The file that is read when none is named.
pub const DEFAULT_FILE: &str = "scalectl.yaml";

/// The whole file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Topology {
    /// The environment that is meant when none is named; may be left out when there is one only.
    pub default: Option<String>,
    /// The environments by name.
    pub environments: BTreeMap<String, Environment>,
}

/// One environment: what runs in it and where.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Environment {
    /// The application's instances.
    #[serde(default)]
    pub app: Vec<Instance>,
    /// The load balancer in front of them.
    pub load_balancer: Option<String>,
    /// MongoDB connection URI.
    pub mongodb: Option<Reference>,
    /// Redis connection URL.
    pub redis: Option<Reference>,
    /// Whether people depend on it: load on it asks for its name.
    #[serde(default)]
    pub production: bool,
    /// Hosts that load may go to.
    #[serde(default)]
    pub load: Vec<String>,
    /// Further addresses that must accept a TCP connection, as `host:port`.
    #[serde(default)]
    pub tcp: Vec<String>,
}

/// One instance of the application.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Instance {
    /// Base URL, `http://host:port`.
    pub url: String,
    /// Path of the health check.
    #[serde(default = "default_health_path")]
    pub health: String,
    /// Path of the Socket.IO endpoint; left out when there is none.
    pub socketio: Option<String>,
}

fn default_health_path() -> String {
    "/health".to_owned()
}

/// A URL, or where to find one that carries a secret.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Reference {
    /// The URL itself; may not contain a password.
    Plain(String),
    /// Kept elsewhere.
    Kept(Kept),
}

/// Where a secret is kept: one of the two.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// Name of an environment variable.
    pub env: Option<String>,
    /// Path of a file whose first line it is.
    pub file: Option<PathBuf>,
}

/// Why a reference gave no URL.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {
    /// The password stands in the open.
    #[error("{0} contains a password; keep it in a variable or a file and write env:NAME or file:PATH")]
    PasswordInTheOpen(SecretUrl),
    /// The variable is not there.
    #[error("the environment variable {0} is not set")]
    NoVariable(String),
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    NoFile {
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// Neither or both were named.
    #[error("name either `env` or `file`")]
    Ambiguous,
}

impl Reference {
    /// The URL, read from where it is kept.
    pub fn resolve(&self) -> Result<SecretUrl, ReferenceError> {
        match self {
            Self::Plain(url) => {
                let url = SecretUrl::new(url);
                if url.has_password() { Err(ReferenceError::PasswordInTheOpen(url)) } else { Ok(url) }
            }
            Self::Kept(Kept { env: Some(name), file: None }) => match std::env::var(name) {
                Ok(url) => Ok(SecretUrl::new(url)),
                Err(_) => Err(ReferenceError::NoVariable(name.clone())),
            },
            Self::Kept(Kept { env: None, file: Some(path) }) => first_line(path),
            Self::Kept(_) => Err(ReferenceError::Ambiguous),
        }
    }
}

impl std::str::FromStr for Reference {
    type Err = std::convert::Infallible;

    /// `env:NAME`, `file:PATH`, or the URL itself.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let kept = match text.split_once(':') {
            Some(("env", name)) => Kept { env: Some(name.to_owned()), file: None },
            Some(("file", path)) => Kept { env: None, file: Some(path.into()) },
            _ => return Ok(Self::Plain(text.to_owned())),
        };
        Ok(Self::Kept(kept))
    }
}

fn first_line(path: &Path) -> Result<SecretUrl, ReferenceError> {
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|source| ReferenceError::NoFile { path: path.to_owned(), source })?;
    Ok(SecretUrl::new(text.lines().next().unwrap_or_default().trim()))
}

impl Topology {
    /// Reads `path` and checks it whole.
    pub fn load(path: &Path) -> Result<(Document, Self), Mistakes> {
        let document = Document::load(path)?;
        let topology = schema::check(&document)?;
        Ok((document, topology))
    }

    /// The environment called `name`, or the default one.
    pub fn environment<'a>(
        &'a self,
        document: &Document,
        name: Option<&'a str>,
    ) -> Result<(&'a str, &'a Environment), Mistakes> {
        let only = || (self.environments.len() == 1).then(|| self.environments.keys().next()).flatten();
        let Some(name) = name.or(self.default.as_deref()).or_else(|| only().map(String::as_str)) else {
            return Err(self.refuse(document, "/environments", "no environment was named", ""));
        };
        match self.environments.get_key_value(name) {
            Some((name, environment)) => Ok((name, environment)),
            None => {
                let message = format!("there is no environment `{name}`");
                Err(self.refuse(document, "/environments", &message, name))
            }
        }
    }

    fn refuse(&self, document: &Document, pointer: &str, message: &str, name: &str) -> Mistakes {
        let known: Vec<&str> = self.environments.keys().map(String::as_str).collect();
        let help = did_you_mean(name, known.iter().copied())
            .unwrap_or_else(|| format!("choose one with --env: {}", known.join(", ")));
        let mistake = Diagnostic::new(document.key_place(pointer), message).with_help(help);
        Mistakes::new(&document.name, &document.text, vec![mistake])
    }
}

#[cfg(test)]
mod tests {
    use super::{Document, Reference, Topology};
    use crate::config::schema;

    const TEXT: &str = "\
environments:
  staging:
    app:
      - url: http://127.0.0.1:5000
        socketio: /socket.io/
    redis: redis://127.0.0.1:6379
    mongodb: {env: MONGODB_URI}
  prod: {}
";

    #[test]
    fn environments_are_found_by_name() {
        let document = Document::parse("scalectl.yaml", TEXT.to_owned()).unwrap();
        let topology: Topology = schema::check(&document).unwrap();
        let (name, environment) = topology.environment(&document, Some("staging")).unwrap();
        assert_eq!((name, environment.app[0].health.as_str()), ("staging", "/health"));
        let unnamed = topology.environment(&document, None).unwrap_err().to_string();
        assert!(unnamed.contains("choose one with --env: prod, staging"), "{unnamed}");
        let misspelt = topology.environment(&document, Some("stagin")).unwrap_err().to_string();
        assert!(misspelt.contains("did you mean `staging`?"), "{misspelt}");
    }

    #[test]
    fn a_password_in_the_open_is_refused_without_repeating_it() {
        let reference: Reference = "redis://:hunter2@host".parse().unwrap();
        let error = reference.resolve().unwrap_err().to_string();
        assert!(error.starts_with("redis://:***@host contains a password"), "{error}");
        assert!(!error.contains("hunter2"));
    }

    #[test]
    fn a_secret_is_read_from_its_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "redis://:hunter2@host\n").unwrap();
        let reference: Reference = format!("file:{}", file.path().display()).parse().unwrap();
        assert_eq!(reference.resolve().unwrap().expose(), "redis://:hunter2@host");
    }
}
