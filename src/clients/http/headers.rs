//! Headers of an answer, where they stand in its head.

use std::ops::Range;

use bytes::Bytes;
use hyper::header::HeaderName;

/// The headers of an answer. Most of them nobody asks for, so none is taken out of the head before somebody does.
#[derive(Debug, Default)]
pub struct Headers {
    head: Bytes,
    places: Vec<Place>,
}

/// Where a header is in its head.
#[derive(Debug)]
pub struct Place {
    name: Range<usize>,
    value: Range<usize>,
}

impl Headers {
    /// Where `fields` are in the `head` that they were read from.
    pub(super) fn places(head: &[u8], fields: &[httparse::Header<'_>]) -> Vec<Place> {
        let range = |part: &[u8]| {
            let start = part.as_ptr().addr() - head.as_ptr().addr();
            start..start + part.len()
        };
        fields
            .iter()
            .map(|field| Place { name: range(field.name.as_bytes()), value: range(field.value) })
            .collect()
    }

    /// The headers at these places of a head.
    pub(super) fn at(head: Bytes, places: Vec<Place>) -> Self {
        Self { head, places }
    }

    /// All of them, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.places.iter().map(|place| (&self.head[place.name.clone()], &self.head[place.value.clone()]))
    }

    /// The values of those with this name.
    pub fn all(&self, name: &HeaderName) -> impl Iterator<Item = &[u8]> {
        let is_meant = move |found: &[u8]| found.eq_ignore_ascii_case(name.as_str().as_bytes());
        self.iter().filter(move |(found, _)| is_meant(found)).map(|(_, value)| value)
    }

    /// Those of them that are ASCII text.
    pub fn texts(&self, name: &HeaderName) -> impl Iterator<Item = &str> {
        self.all(name).filter_map(text)
    }

    /// The first value, if it is ASCII text.
    pub fn text(&self, name: &HeaderName) -> Option<&str> {
        self.all(name).next().and_then(text)
    }

    /// Whether there is one with this name.
    pub fn contains(&self, name: &HeaderName) -> bool {
        self.all(name).next().is_some()
    }
}

/// A value as text: what is not ASCII has no agreed meaning.
pub fn text(value: &[u8]) -> Option<&str> {
    str::from_utf8(value).ok().filter(|text| text.is_ascii())
}
