//! From domain values to BSON, and back. Identifiers are binary values of subtype 4 (UUID), which sort by
//! age; times are dates, to the millisecond.

use std::str::FromStr;

use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Bson, DateTime, Document, RawBsonRef, RawDocument, doc};

use crate::domain::{
    CaseId, ChatId, CommentId, ConsultationId, ConversationId, MessageId, NotificationId, PageRequest,
    Person, PostId, SessionId, Timestamp, UploadId, UserId,
};
use crate::store::StoreError;

/// An identifier that a field can hold.
pub trait Identifier: Sized {
    /// The identifier of these bytes.
    fn of(bytes: [u8; 16]) -> Self;
}

macro_rules! identifiers {
    ($($name:ident),+ $(,)?) => {$(
        impl Identifier for $name {
            fn of(bytes: [u8; 16]) -> Self {
                Self::from_bytes(bytes)
            }
        }

        impl From<$name> for Bson {
            fn from(id: $name) -> Self {
                uuid(id.as_bytes())
            }
        }
    )+};
}

identifiers!(
    CaseId,
    ChatId,
    CommentId,
    ConsultationId,
    ConversationId,
    MessageId,
    NotificationId,
    PostId,
    SessionId,
    UploadId,
    UserId,
);

/// Sixteen bytes as a UUID.
pub fn uuid(bytes: &[u8; 16]) -> Bson {
    Bson::Binary(Binary { subtype: BinarySubtype::Uuid, bytes: bytes.to_vec() })
}

impl From<Timestamp> for Bson {
    fn from(time: Timestamp) -> Self {
        Bson::DateTime(DateTime::from_millis(time.micros().div_euclid(1_000)))
    }
}

/// Bytes that are no identifier.
pub fn bytes(bytes: impl Into<Vec<u8>>) -> Bson {
    Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes: bytes.into() })
}

/// A count or another number that is never negative.
pub fn number(value: u64) -> Bson {
    Bson::Int64(i64::try_from(value).unwrap_or(i64::MAX))
}

/// A person of whom nothing but the identifier is known.
pub fn nameless(id: UserId) -> Person {
    Person { id, username: "".into(), name: "".into() }
}

/// Reads a document that this store wrote. A field of another type is a failure that names it.
pub struct Row<'a>(pub &'a RawDocument);

impl<'a> Row<'a> {
    /// An identifier.
    pub fn id<I: Identifier>(&self, field: &'static str) -> Result<I, StoreError> {
        self.bytes16(field).map(I::of)
    }

    /// A field that need not be there.
    pub fn optional<T>(
        &self,
        field: &'static str,
        read: impl FnOnce(&Self, &'static str) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        if self.value(field)?.is_some() { read(self, field).map(Some) } else { Ok(None) }
    }

    /// The sixteen bytes of an identifier.
    pub fn bytes16(&self, field: &'static str) -> Result<[u8; 16], StoreError> {
        self.required(field, uuid_bytes)
    }

    /// A text.
    pub fn text(&self, field: &'static str) -> Result<&'a str, StoreError> {
        self.required(field, RawBsonRef::as_str)
    }

    /// A text of its own.
    pub fn string(&self, field: &'static str) -> Result<String, StoreError> {
        self.text(field).map(str::to_owned)
    }

    /// A value that is kept as a word.
    pub fn word<T: FromStr>(&self, field: &'static str) -> Result<T, StoreError> {
        self.text(field)?.parse().map_err(|_| StoreError::Document(field))
    }

    /// Values that are kept as words in an array; none when it is not there.
    pub fn words<T: FromStr>(&self, field: &'static str) -> Result<Vec<T>, StoreError> {
        let Some(value) = self.value(field)? else { return Ok(Vec::new()) };
        let array = value.as_array().ok_or(StoreError::Document(field))?;
        let words = array.into_iter().map(|word| word.ok()?.as_str()?.parse().ok());
        words.collect::<Option<_>>().ok_or(StoreError::Document(field))
    }

    /// A document in the document.
    pub fn document(&self, field: &'static str) -> Result<&'a RawDocument, StoreError> {
        self.required(field, RawBsonRef::as_document)
    }

    /// A point in time.
    pub fn time(&self, field: &'static str) -> Result<Timestamp, StoreError> {
        let date = self.required(field, RawBsonRef::as_datetime)?;
        Ok(Timestamp::from_micros(date.timestamp_millis().saturating_mul(1_000)))
    }

    /// A count, zero when it is not there. Clients write whole numbers of several types.
    pub fn count(&self, field: &'static str) -> Result<u64, StoreError> {
        let whole = |value: RawBsonRef<'_>| value.as_i64().or_else(|| value.as_i32().map(i64::from));
        let count = self.optional(field, |row, field| row.required(field, whole))?.unwrap_or_default();
        Ok(u64::try_from(count).unwrap_or_default())
    }

    /// Yes or no; no when it is not there.
    pub fn flag(&self, field: &'static str) -> Result<bool, StoreError> {
        let read = |row: &Self, field| row.required(field, RawBsonRef::as_bool);
        Ok(self.optional(field, read)?.unwrap_or_default())
    }

    /// Bytes of any length.
    pub fn bytes(&self, field: &'static str) -> Result<Vec<u8>, StoreError> {
        self.required(field, |value| value.as_binary().map(|binary| binary.bytes.to_vec()))
    }

    /// A person of whom the document has the identifier only; `Database::with_people` adds the names.
    pub fn nameless(&self, field: &'static str) -> Result<Person, StoreError> {
        self.id(field).map(nameless)
    }

    /// The person of this document's fields `_id`, `username` and `name`.
    pub fn person(&self) -> Result<Person, StoreError> {
        Ok(Person {
            id: self.id("_id")?,
            username: self.text("username")?.into(),
            name: self.text("name")?.into(),
        })
    }

    /// An item of an array of identifiers.
    pub fn id_at<I: Identifier>(&self, field: &'static str, index: usize) -> Result<I, StoreError> {
        let item = |value: RawBsonRef<'_>| uuid_bytes(value.as_array()?.get(index).ok()??);
        self.required(field, item).map(I::of)
    }

    fn value(&self, field: &'static str) -> Result<Option<RawBsonRef<'a>>, StoreError> {
        let value = self.0.get(field).map_err(|_| StoreError::Document(field))?;
        Ok(value.filter(|value| !matches!(value, RawBsonRef::Null)))
    }

    fn required<T>(
        &self,
        field: &'static str,
        read: impl FnOnce(RawBsonRef<'a>) -> Option<T>,
    ) -> Result<T, StoreError> {
        self.value(field)?.and_then(read).ok_or(StoreError::Document(field))
    }
}

fn uuid_bytes(value: RawBsonRef<'_>) -> Option<[u8; 16]> {
    let binary = value.as_binary().filter(|binary| binary.subtype == BinarySubtype::Uuid)?;
    binary.bytes.try_into().ok()
}

/// The filter, for documents whose identifier in this field is older than the page's cursor.
pub fn before(mut filter: Document, field: &str, page: &PageRequest) -> Document {
    if let Some(cursor) = page.after {
        filter.insert(field, doc! { "$lt": uuid(cursor.item()) });
    }
    filter
}
