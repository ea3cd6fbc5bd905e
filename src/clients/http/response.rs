//! Heads of answers: what they say, and how the body after them ends.

use std::mem::MaybeUninit;

use bytes::BytesMut;
use httparse::{ParserConfig, Status};
use hyper::header::{CONNECTION, CONTENT_LENGTH, HeaderName, TRANSFER_ENCODING};
use hyper::{Method, StatusCode};

use super::headers::Headers;
use super::{MAX_BODY_BYTES, has_token, malformed, tokens};
use crate::clients::ClientError;

const MAX_HEADERS: usize = 100;

/// Status line and headers.
#[derive(Debug)]
pub struct Head {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: Headers,
    is_http_1_0: bool,
}

/// How a body ends (RFC 9112, 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// After so many bytes.
    Length(usize),
    /// With a chunk of no length.
    Chunked,
    /// With the connection.
    UntilClose,
}

impl Head {
    /// Takes a head from the beginning of what was read, once all of it is there.
    pub fn take(read: &mut BytesMut) -> Result<Option<Self>, ClientError> {
        let mut fields = [const { MaybeUninit::uninit() }; MAX_HEADERS];
        let mut parsed = httparse::Response::new(&mut []);
        let outcome =
            ParserConfig::default().parse_response_with_uninit_headers(&mut parsed, read, &mut fields);
        let Status::Complete(length) =
            outcome.map_err(|error| malformed(format!("invalid answer: {error}")))?
        else {
            return Ok(None);
        };
        let status = StatusCode::from_u16(parsed.code.unwrap_or_default())
            .map_err(|_| malformed("the answer has no valid status"))?;
        let places = Headers::places(read, parsed.headers);
        let is_http_1_0 = parsed.version == Some(0);
        let headers = Headers::at(read.split_to(length).freeze(), places);
        Ok(Some(Self { status, headers, is_http_1_0 }))
    }

    /// Whether the answer itself is still to come.
    pub fn is_interim(&self) -> Result<bool, ClientError> {
        match self.status {
            StatusCode::SWITCHING_PROTOCOLS => {
                Err(malformed("the server changes to a protocol that nobody asked for"))
            }
            status => Ok(status.is_informational()),
        }
    }

    /// Whether the server says that it leaves the connection open.
    pub fn keeps_alive(&self) -> bool {
        let says = |token| has_token(self.headers.all(&CONNECTION), token);
        if self.is_http_1_0 { says("keep-alive") } else { !says("close") }
    }

    /// How the body ends.
    pub fn framing(&self, method: &Method) -> Result<Framing, ClientError> {
        let is_empty = *method == Method::HEAD
            || matches!(self.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if is_empty {
            return Ok(Framing::Length(0));
        }
        if self.headers.contains(&TRANSFER_ENCODING) {
            if self.is_http_1_0 {
                return Err(malformed("an answer of HTTP/1.0 cannot come in chunks"));
            }
            // What is coded once more over the chunks ends as that coding does, which only the connection tells.
            let last = self.words(&TRANSFER_ENCODING).last();
            let is_chunked = last.is_some_and(|word| word.eq_ignore_ascii_case("chunked"));
            return Ok(if is_chunked { Framing::Chunked } else { Framing::UntilClose });
        }
        match self.length()? {
            None => Ok(Framing::UntilClose),
            Some(length) if length > MAX_BODY_BYTES as u64 => {
                Err(ClientError::TooLarge { limit_bytes: MAX_BODY_BYTES })
            }
            Some(length) => Ok(Framing::Length(length as usize)),
        }
    }

    /// What all `Content-Length` say.
    fn length(&self) -> Result<Option<u64>, ClientError> {
        let mut length = None;
        for value in self.words(&CONTENT_LENGTH) {
            let number = value.parse().ok().filter(|_| value.bytes().all(|byte| byte.is_ascii_digit()));
            if number.is_none() || (length.is_some() && length != number) {
                return Err(malformed("the answer does not say how long it is"));
            }
            length = number;
        }
        Ok(length)
    }

    /// The words of a header that is a list.
    fn words(&self, name: &HeaderName) -> impl Iterator<Item = &str> {
        tokens(self.headers.all(name))
    }
}
