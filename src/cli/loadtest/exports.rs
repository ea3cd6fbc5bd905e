//! Who is told of a run while it goes on.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use url::Url;

use super::sources::is_http;
use crate::cli::Error;
use crate::clients::SecretUrl;
use crate::config::topology::Reference;
use crate::load::Plan;
use crate::load::export::{Export, Place, Protocol};
use crate::load::onlooker::Onlooker;

/// Labels that figures have of themselves.
const TAKEN: [&str; 5] = ["row", "kind", "quantile", "scenario", "target"];

/// Receivers of a run's figures.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Export while it runs")]
pub struct ExportArgs {
    /// Send the figures of every second to a receiver: prometheus=URL (remote write) or otlp=URL (OTLP over HTTP); env:NAME
    /// or file:PATH for a URL with user and password; may be given several times
    #[arg(long, value_name = "PROTOCOL=URL", value_parser = destination)]
    export: Vec<(Protocol, Reference)>,
    /// The bearer token for receivers of a protocol, from a variable or a file
    #[arg(long, value_name = "PROTOCOL=env:NAME|file:PATH", value_parser = token, requires = "export")]
    export_token: Vec<(Protocol, Reference)>,
    /// A label on every figure, such as run=nightly; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = label, requires = "export")]
    export_label: Vec<(String, String)>,
}

impl ExportArgs {
    /// The receivers, with what they ask for.
    pub fn places(&self) -> Result<Vec<Place>, Error> {
        self.export.iter().map(|(protocol, reference)| self.place(*protocol, reference)).collect()
    }

    fn place(&self, protocol: Protocol, reference: &Reference) -> Result<Place, Error> {
        let wrong = |why: String| Error::Usage(format!("--export {}: {why}", protocol.word()));
        let secret = reference.resolve().map_err(|error| wrong(error.to_string()))?;
        let mut url = http_url(&secret).map_err(|why| wrong(why.to_owned()))?;
        let basic = basic(&url);
        // Neither can fail on a URL that has a host.
        url.set_username("").ok();
        url.set_password(None).ok();
        if url.path() == "/" {
            url.set_path(protocol.usual_path());
        }
        let authorization = match (basic, self.bearer(protocol)?) {
            (Some(_), Some(_)) => return Err(wrong("give either a password or a token".to_owned())),
            (basic, bearer) => basic.or(bearer),
        };
        Ok(Place { protocol, url, authorization })
    }

    fn bearer(&self, protocol: Protocol) -> Result<Option<SecretString>, Error> {
        let Some((_, reference)) = self.export_token.iter().find(|(of, _)| *of == protocol) else {
            return Ok(None);
        };
        let wrong = |why: String| Error::Usage(format!("--export-token {}: {why}", protocol.word()));
        let token = reference.resolve().map_err(|error| wrong(error.to_string()))?;
        Ok(Some(format!("Bearer {}", token.expose()).into()))
    }

    /// Begins to tell all of them; with each goes who has to look on.
    pub fn start(&self, places: Vec<Place>, plan: &Plan) -> Vec<(Export, Box<dyn Onlooker>)> {
        let own = [("scenario", plan.file.clone()), ("target", plan.target.origin().ascii_serialization())];
        let own = own.into_iter().map(|(name, value)| (name.to_owned(), value));
        let labels: Vec<_> = own.chain(self.export_label.iter().cloned()).collect();
        places.into_iter().map(|place| Export::start(place, plan, &labels)).collect()
    }
}

fn http_url(secret: &SecretUrl) -> Result<Url, &'static str> {
    match Url::parse(secret.expose()) {
        Ok(url) if is_http(&url) => Ok(url),
        _ => Err("it is no http:// or https:// URL"),
    }
}

fn basic(url: &Url) -> Option<SecretString> {
    let password = url.password()?;
    let plain = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let both = format!("{}:{}", plain(url.username()), plain(password));
    Some(format!("Basic {}", STANDARD.encode(both)).into())
}

fn destination(text: &str) -> Result<(Protocol, Reference), String> {
    let wanted = "write prometheus=URL or otlp=URL";
    let (protocol, url) = text.split_once('=').filter(|(_, url)| !url.is_empty()).ok_or(wanted)?;
    Ok((self::protocol(protocol).ok_or(wanted)?, reference(url)))
}

fn token(text: &str) -> Result<(Protocol, Reference), String> {
    let wanted =
        "write PROTOCOL=env:NAME or PROTOCOL=file:PATH; a token on the command line is seen by everybody";
    let (protocol, kept) = text.split_once('=').ok_or(wanted)?;
    match (self::protocol(protocol), reference(kept)) {
        (Some(protocol), kept @ Reference::Kept(_)) => Ok((protocol, kept)),
        _ => Err(wanted.to_owned()),
    }
}

fn reference(text: &str) -> Reference {
    let Ok(reference) = text.parse();
    reference
}

fn protocol(word: &str) -> Option<Protocol> {
    [Protocol::Prometheus, Protocol::Otlp].into_iter().find(|protocol| protocol.word() == word)
}

fn label(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    let is_letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    let is_name = name.starts_with(is_letter) && name.chars().all(|c| is_letter(c) || c.is_ascii_digit());
    match is_name && !name.starts_with("__") {
        false => Err(format!("`{name}` is no name of a label: use letters, digits and _")),
        true if TAKEN.contains(&name) => Err(format!("`{name}` is a label of every figure already")),
        true => Ok((name.to_owned(), value.to_owned())),
    }
}
