//! Conversations of two, their messages and their read state.

use std::collections::HashMap;

use mongodb::bson::{Document, doc};

use super::MongoStore;
use super::collection::{CONVERSATIONS, MESSAGES};
use super::database::{Database, Query};
use super::value::{Row, bytes};
use crate::domain::{
    Conversation, ConversationId, Message, MessageId, Page, PageRequest, ReadConversation, UserId,
};
use crate::store::{Answer, MessageStore, StoreError};

/// Messages that each of the two members has not read: fields in the order of the members' identifiers.
pub const UNREAD: [&str; 2] = ["unreadLow", "unreadHigh"];

impl MessageStore for MongoStore {
    fn send_message(&self, message: Message) -> Answer<'_, Message> {
        self.transact(move |db| Box::pin(send(db, message.clone())))
    }

    fn conversations(&self, user: UserId, page: PageRequest) -> Answer<'_, Page<Conversation>> {
        self.read(move |db| Box::pin(conversations(db, user, page)))
    }

    fn messages(
        &self,
        reader: UserId,
        conversation: ConversationId,
        page: PageRequest,
    ) -> Answer<'_, Option<Page<Message>>> {
        self.read(move |db| Box::pin(list(db, reader, conversation, page)))
    }

    fn mark_conversation_read(
        &self,
        reader: UserId,
        conversation: ConversationId,
    ) -> Answer<'_, Option<ReadConversation>> {
        self.transact(move |db| Box::pin(mark_read(db, reader, conversation)))
    }
}

/// The conversation names its newest message last: it never points to a message that is not there.
async fn send(db: &mut Database, message: Message) -> Result<Message, StoreError> {
    db.require_user(message.to).await?;
    let conversation_id = conversation_of(db, &message).await?;
    let message = Message { conversation_id, ..message };
    db.insert(MESSAGES, document(&message)).await?;
    let unread = UNREAD[usize::from(message.to > message.from)];
    let newest = doc! { "$max": { "lastMessageId": message.id }, "$inc": { unread: 1_i64 } };
    db.update(CONVERSATIONS, doc! { "_id": conversation_id }, newest).await?;
    Ok(message)
}

async fn conversation_of(db: &mut Database, message: &Message) -> Result<ConversationId, StoreError> {
    let (low, high) = (message.from.min(message.to), message.from.max(message.to));
    let fresh = doc! {
        "_id": message.conversation_id,
        "participants": [low, high],
        "createdAt": message.created_at,
    };
    let update = doc! { "$setOnInsert": fresh };
    db.upsert(CONVERSATIONS, pair(low, high), update, |row| row.id("_id")).await
}

/// What makes the conversation of two the only one.
pub fn pair(low: UserId, high: UserId) -> Document {
    doc! { "pair": bytes([low.as_bytes().as_slice(), high.as_bytes()].concat()) }
}

/// The document of a message.
pub fn document(message: &Message) -> Document {
    doc! {
        "_id": message.id,
        "conversationId": message.conversation_id,
        "sender": message.from,
        "receiver": message.to,
        "text": &message.text,
        "createdAt": message.created_at,
    }
}

/// A conversation as one of its members sees it, without its messages.
struct Side {
    newest: Option<MessageId>,
    with: UserId,
    unread: u64,
}

impl Side {
    fn read(row: &Row<'_>, member: UserId) -> Result<Self, StoreError> {
        let (low, high): (UserId, UserId) = (row.id_at("participants", 0)?, row.id_at("participants", 1)?);
        let is_low = member == low;
        let unread = row.count(UNREAD[usize::from(!is_low)])?;
        let newest = row.optional("lastMessageId", Row::id)?;
        Ok(Self { newest, with: if is_low { high } else { low }, unread })
    }
}

async fn conversations(
    db: &mut Database,
    user: UserId,
    page: PageRequest,
) -> Result<Page<Conversation>, StoreError> {
    let filter = doc! { "participants": user, "lastMessageId": { "$exists": true } };
    let query = Query::page(filter, "lastMessageId", &page);
    let found =
        db.all(CONVERSATIONS, query, |row| Ok((row.bytes16("lastMessageId")?, Side::read(row, user)?)));
    let found = Page::from_overfull(found.await?, page.limit, |(place, _)| *place).map(|(_, side)| side);
    let newest: Vec<MessageId> = found.items.iter().filter_map(|side| side.newest).collect();
    let messages = db.all(MESSAGES, Query::new(doc! { "_id": { "$in": newest } }), read).await?;
    let mut messages: HashMap<_, _> = messages.into_iter().map(|message| (message.id, message)).collect();
    let page = db.with_people(found, |side| side.with, |side, with| (side, with)).await?;
    let items = page.items.into_iter().filter_map(|(side, with)| {
        let last_message = messages.remove(&side.newest?)?;
        Some(Conversation { id: last_message.conversation_id, with, last_message, unread: side.unread })
    });
    Ok(Page { items: items.collect(), next_cursor: page.next_cursor })
}

async fn list(
    db: &mut Database,
    reader: UserId,
    conversation: ConversationId,
    page: PageRequest,
) -> Result<Option<Page<Message>>, StoreError> {
    if !db.exists(CONVERSATIONS, doc! { "_id": conversation, "participants": reader }).await? {
        return Ok(None);
    }
    let query = Query::page(doc! { "conversationId": conversation }, "_id", &page);
    let found = db.all(MESSAGES, query, read).await?;
    Ok(Some(Page::from_overfull(found, page.limit, |message| *message.id.as_bytes())))
}

/// Takes off as many as it has seen: a message that comes meanwhile stays unread.
async fn mark_read(
    db: &mut Database,
    reader: UserId,
    conversation: ConversationId,
) -> Result<Option<ReadConversation>, StoreError> {
    let query = Query::new(doc! { "_id": conversation, "participants": reader });
    let found = db.one(CONVERSATIONS, query, |row| Side::read(row, reader)).await?;
    let Some(Side { with, unread: read, .. }) = found else { return Ok(None) };
    if read > 0 {
        let counter = UNREAD[usize::from(reader > with)];
        let seen = i64::try_from(read).unwrap_or(i64::MAX);
        db.update(CONVERSATIONS, doc! { "_id": conversation }, doc! { "$inc": { counter: -seen } }).await?;
    }
    Ok(Some(ReadConversation { with, read }))
}

fn read(row: &Row<'_>) -> Result<Message, StoreError> {
    Ok(Message {
        id: row.id("_id")?,
        conversation_id: row.id("conversationId")?,
        from: row.id("sender")?,
        to: row.id("receiver")?,
        text: row.string("text")?,
        created_at: row.time("createdAt")?,
    })
}
