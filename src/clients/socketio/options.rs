//! How a connection is opened.

use hyper::HeaderMap;
use hyper::header::{COOKIE, HOST, HeaderName, HeaderValue};

use crate::clients::cookies::CookieJar;
use crate::clients::{ClientError, Connector};

/// Which way packets take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Transport {
    /// A websocket from the start.
    #[default]
    Websocket,
    /// HTTP requests only.
    Polling,
    /// HTTP requests first, a websocket as soon as the server has answered on it: what browsers do.
    Upgrade,
}

/// The parameters that the protocol says itself.
const PROTOCOL: [&str; 3] = ["EIO", "transport", "sid"];

/// How to open a connection.
#[derive(Debug, Clone, Default)]
pub struct OpenOptions {
    /// Path of the Socket.IO endpoint, with or without its last slash; `/socket.io/` when empty.
    pub path: String,
    /// Additional query parameters.
    pub query: Vec<(String, String)>,
    /// Additional headers of every request.
    pub headers: Vec<(String, String)>,
    /// Which way packets take.
    pub transport: Transport,
    /// The user's cookies.
    pub cookies: CookieJar,
    /// Whether the connection shall be able to come back: it then keeps what it joined with.
    pub is_kept: bool,
}

/// The target and how to speak to it: what every request of a session needs.
#[derive(Debug, Clone)]
pub struct Dial {
    /// The way to the server.
    pub connector: Connector,
    /// How to speak to it.
    pub options: OpenOptions,
}

impl Dial {
    /// Path and query of a request.
    pub fn path(&self, transport: &str, sid: Option<&str>) -> String {
        // Servers look for the slash, and clients add it where it is left out.
        let path = match self.options.path.trim_end_matches('/') {
            "" => "/socket.io",
            path => path,
        };
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        // A parameter twice is none to a server: the protocol's own stand once, whatever a query says.
        let own = self.options.query.iter().filter(|(name, _)| !PROTOCOL.contains(&name.as_str()));
        query.extend_pairs(own).append_pair("EIO", "4").append_pair("transport", transport);
        if let Some(sid) = sid {
            query.append_pair("sid", sid);
        }
        format!("{path}/?{}", query.finish())
    }

    /// The headers of an HTTP request.
    pub fn headers(&self) -> Result<HeaderMap, ClientError> {
        let invalid = |name: &str| ClientError::Protocol(format!("header {name} is not valid"));
        let mut headers = HeaderMap::new();
        let host = HeaderValue::from_str(self.connector.authority()).map_err(|_| invalid("host"))?;
        headers.insert(HOST, host);
        for (name, value) in &self.options.headers {
            let known = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid(name))?;
            headers.insert(known, HeaderValue::from_str(value).map_err(|_| invalid(name))?);
        }
        if let Some(cookies) = self.options.cookies.header(headers.get(COOKIE)) {
            headers.insert(COOKIE, cookies);
        }
        Ok(headers)
    }

    /// The same for a websocket, whose library adds the headers of its own.
    pub fn websocket_headers(&self) -> Result<Vec<(String, String)>, ClientError> {
        let mut headers = self.headers()?;
        headers.remove(HOST);
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        Ok(headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect())
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::{Dial, OpenOptions};
    use crate::clients::Connector;

    #[tokio::test]
    async fn what_the_protocol_says_stands_once_whatever_a_query_says() {
        let said = [("EIO", "3"), ("user", "7"), ("transport", "x"), ("sid", "y")];
        let query = said.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let connector = Connector::resolve(&Url::parse("http://127.0.0.1:1").unwrap()).await.unwrap();
        let dial = Dial { connector, options: OpenOptions { query, ..OpenOptions::default() } };
        assert_eq!(dial.path("polling", None), "/socket.io/?user=7&EIO=4&transport=polling");
        assert_eq!(dial.path("polling", Some("s")), "/socket.io/?user=7&EIO=4&transport=polling&sid=s");
    }
}
