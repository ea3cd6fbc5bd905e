//! Identifiers: UUIDs of version 7, so that sorting by id is sorting by age.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// A new identifier, younger than all that this process made before.
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.0.as_hyphenated().encode_lower(&mut Uuid::encode_buffer()))
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                identifier_schema()
            }
        }

        impl ToSchema for $name {}

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(|_| serde::de::Error::custom("not an identifier"))
            }
        }
    )+};
}

fn identifier_schema() -> RefOr<Schema> {
    let format = SchemaFormat::KnownFormat(KnownFormat::Uuid);
    ObjectBuilder::new().schema_type(Type::String).format(Some(format)).build().into()
}

macro_rules! stored {
    ($($name:ident),+) => {$(
        impl $name {
            /// The sixteen bytes that a store keeps; their order is the order of the identifiers.
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// The identifier of these bytes.
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
        }
    )+};
}

ids! {
    /// An account.
    UserId,
    /// A post.
    PostId,
    /// A comment on a post.
    CommentId,
    /// A notification.
    NotificationId,
    /// A conversation of two accounts.
    ConversationId,
    /// A message in a conversation.
    MessageId,
    /// A chess room.
    RoomId,
    /// A query or a dispute.
    CaseId,
    /// A chat about a case.
    ChatId,
    /// An appointment with a lawyer.
    ConsultationId,
    /// A file that somebody sent.
    UploadId,
    /// A login and the tokens that followed it.
    SessionId,
}

stored!(UserId, PostId, CommentId, NotificationId, ConversationId, MessageId, UploadId);
stored!(CaseId, ChatId, ConsultationId, SessionId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_identifiers_are_greater() {
        let ids: Vec<_> = (0..1_000).map(|_| PostId::new()).collect();
        assert!(ids.is_sorted());
    }

    #[test]
    fn text_and_bytes_both_lead_back() {
        let id = UserId::new();
        assert_eq!(id.to_string().parse::<UserId>().unwrap(), id);
        assert_eq!(UserId::from_bytes(*id.as_bytes()), id);
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(serde_json::from_str::<UserId>(&json).unwrap(), id);
        assert!(serde_json::from_str::<UserId>("\"nobody\"").is_err());
    }
}
