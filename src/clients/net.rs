//! TCP and TLS connections to one origin, resolved once.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper::header::HeaderValue;
use nix::sys::socket::{setsockopt, sockopt};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::ConfigVerifierExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;
use url::Url;

use super::ClientError;

/// A connected byte stream, plain or TLS.
pub type Stream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// Opens connections to one `scheme://host:port`. Cheap to share: the address is looked up once.
#[derive(Debug, Clone)]
pub struct Connector {
    origin: Arc<Origin>,
    sources: Sources,
}

#[derive(Debug)]
struct Origin {
    host: String,
    authority: String,
    host_header: HeaderValue,
    addresses: Box<[SocketAddr]>,
    tls: bool,
}

/// Addresses to connect from, in turn; none: the system chooses.
#[derive(Debug, Clone, Default)]
struct Sources {
    addresses: Arc<[IpAddr]>,
    turn: Arc<AtomicUsize>,
}

impl Connector {
    /// Resolves the origin of `url` (`http`, `https`, `ws`, `wss`, `tcp`).
    pub async fn resolve(url: &Url) -> Result<Self, ClientError> {
        let host = url.host_str().unwrap_or_default().to_owned();
        let port = url.port_or_known_default().unwrap_or(0);
        let addresses = lookup(&host, port).await?;
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.clone(),
        };
        let host_header =
            HeaderValue::from_str(&authority).map_err(|error| ClientError::Protocol(error.to_string()))?;
        let tls = matches!(url.scheme(), "https" | "wss");
        let origin = Origin { host, authority, host_header, addresses, tls };
        Ok(Self { origin: Arc::new(origin), sources: Sources::default() })
    }

    /// The same, connecting from these addresses in turn: one address has ports for 28,000 connections to another.
    pub fn with_sources(self, sources: &[IpAddr]) -> Self {
        let sources = Sources { addresses: sources.into(), turn: Arc::default() };
        Self { sources, ..self }
    }

    /// The `Host` header of this origin.
    pub fn authority(&self) -> &str {
        &self.origin.authority
    }

    /// The same, ready to be sent.
    pub fn host_header(&self) -> &HeaderValue {
        &self.origin.host_header
    }

    /// `http` or `https`.
    pub fn http_scheme(&self) -> &'static str {
        if self.origin.tls { "https" } else { "http" }
    }

    /// Connects to the first address that answers, with TLS where the scheme asks for it.
    pub async fn connect(&self) -> Result<Stream, ClientError> {
        let tcp = match self.sources.next() {
            None => TcpStream::connect(&self.origin.addresses[..]).await?,
            Some(source) => connect_from(source, &self.origin.addresses).await?,
        };
        tcp.set_nodelay(true)?;
        if !self.origin.tls {
            return Ok(Either::Left(tcp));
        }
        let name = ServerName::try_from(self.origin.host.trim_matches(['[', ']']).to_owned())
            .map_err(|error| ClientError::Tls(error.to_string()))?;
        let stream = tls_connector()?.connect(name, tcp).await;
        stream.map(|stream| Either::Right(Box::new(stream))).map_err(|e| ClientError::Tls(e.to_string()))
    }
}

impl Sources {
    fn next(&self) -> Option<IpAddr> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        (!self.addresses.is_empty()).then(|| self.addresses[turn % self.addresses.len()])
    }
}

/// Connects from `source`. Its port is chosen when the other end is known: the same port can then serve several.
async fn connect_from(source: IpAddr, addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses.iter().filter(|address| address.is_ipv4() == source.is_ipv4()) {
        let socket = if source.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        setsockopt(&socket, sockopt::IpBindAddressNoPort, &true)?;
        socket.bind(SocketAddr::new(source, 0))?;
        match socket.connect(*address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn lookup(host: &str, port: u16) -> Result<Box<[SocketAddr]>, ClientError> {
    match tokio::net::lookup_host((host.trim_matches(['[', ']']), port)).await {
        Ok(addresses) => Ok(addresses.collect()),
        Err(source) => Err(ClientError::Resolve { host: host.to_owned(), source }),
    }
}

/// One TLS configuration for the process: the system's roots, built when first needed.
fn tls_connector() -> Result<TlsConnector, ClientError> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(Arc::clone(config).into());
    }
    let config = ClientConfig::with_platform_verifier().map_err(|e| ClientError::Tls(e.to_string()))?;
    Ok(Arc::clone(CONFIG.get_or_init(|| Arc::new(config))).into())
}

/// Runs `exchange` for at most `limit`.
pub async fn within<T>(
    limit: Duration,
    exchange: impl Future<Output = Result<T, ClientError>>,
) -> Result<T, ClientError> {
    tokio::time::timeout(limit, exchange).await.unwrap_or(Err(ClientError::Timeout(limit)))
}
