//! Chats about cases.

use std::collections::HashMap;

use mongodb::bson::{Document, doc};

use super::MongoStore;
use super::collection::{CHAT_MESSAGES, CHATS};
use super::database::{Database, Query, add_names};
use super::value::{Row, uuid};
use crate::domain::{CaseChat, CaseRef, ChatId, ChatMessage, MessageId, Page, PageRequest, UserId};
use crate::store::{Answer, CaseChatStore, StoreError};

impl CaseChatStore for MongoStore {
    fn open_chat(&self, chat: CaseChat) -> Answer<'_, CaseChat> {
        self.write(move |db| Box::pin(open(db, chat.clone())))
    }

    fn chats(&self, participant: UserId, page: PageRequest) -> Answer<'_, Page<CaseChat>> {
        self.read(move |db| Box::pin(list(db, participant, page)))
    }

    fn chat(&self, reader: UserId, chat: ChatId) -> Answer<'_, Option<CaseChat>> {
        self.read(move |db| Box::pin(find(db, of(reader, chat))))
    }

    fn chat_messages(
        &self,
        reader: UserId,
        chat: ChatId,
        page: PageRequest,
    ) -> Answer<'_, Option<Page<ChatMessage>>> {
        self.read(move |db| Box::pin(messages(db, reader, chat, page)))
    }

    fn add_chat_message(&self, message: ChatMessage) -> Answer<'_, Option<UserId>> {
        self.transact(move |db| Box::pin(add_message(db, message.clone())))
    }
}

/// A chat as it is kept: its newest message and the names are elsewhere.
type Found = (CaseChat, Option<MessageId>);

/// One chat, if this account takes part in it.
fn of(participant: UserId, chat: ChatId) -> Document {
    doc! { "_id": chat, "participants": participant }
}

/// What makes the chat about a case with a lawyer the only one.
fn chat_id(chat: &CaseChat) -> String {
    format!("{}:{}:{}", chat.about.kind.as_str(), chat.about.id, chat.lawyer.id)
}

async fn open(db: &mut Database, chat: CaseChat) -> Result<CaseChat, StoreError> {
    let CaseChat { id, about, citizen, lawyer, created_at, .. } = &chat;
    let key = doc! { "chatId": chat_id(&chat) };
    let fresh = doc! {
        "_id": *id,
        "kind": about.kind.as_str(),
        "about": about.id,
        "citizen": citizen.id,
        "lawyer": lawyer.id,
        "participants": [citizen.id, lawyer.id],
        "activity": uuid(id.as_bytes()),
        "lastMessageAt": *created_at,
        "createdAt": *created_at,
    };
    if db.insert_unless(CHATS, key.clone(), fresh).await? {
        return Ok(chat);
    }
    find(db, key).await?.ok_or(StoreError::Missing("chat"))
}

async fn find(db: &mut Database, filter: Document) -> Result<Option<CaseChat>, StoreError> {
    let found = db.all(CHATS, Query::new(filter), read).await?;
    let page = Page { items: found, next_cursor: None };
    Ok(complete(db, page).await?.items.pop())
}

async fn list(
    db: &mut Database,
    participant: UserId,
    page: PageRequest,
) -> Result<Page<CaseChat>, StoreError> {
    let query = Query::page(doc! { "participants": participant }, "activity", &page);
    let found = db.all(CHATS, query, |row| Ok((row.bytes16("activity")?, read(row)?))).await?;
    let found = Page::from_overfull(found, page.limit, |(activity, _)| *activity).map(|(_, chat)| chat);
    complete(db, found).await
}

/// Adds names and newest messages, in two queries.
async fn complete(db: &mut Database, page: Page<Found>) -> Result<Page<CaseChat>, StoreError> {
    let participants = page.items.iter().flat_map(|(chat, _)| [chat.citizen.id, chat.lawyer.id]);
    let people = db.people(participants.collect()).await?;
    let newest: Vec<MessageId> = page.items.iter().filter_map(|(_, newest)| *newest).collect();
    let messages = match newest.is_empty() {
        true => Vec::new(),
        false => db.all(CHAT_MESSAGES, Query::new(doc! { "_id": { "$in": newest } }), read_message).await?,
    };
    let mut messages: HashMap<_, _> = messages.into_iter().map(|message| (message.id, message)).collect();
    Ok(page.map(|(mut chat, newest)| {
        for person in [&mut chat.citizen, &mut chat.lawyer] {
            add_names(person, &people);
        }
        CaseChat { last_message: newest.and_then(|id| messages.remove(&id)), ..chat }
    }))
}

async fn messages(
    db: &mut Database,
    reader: UserId,
    chat: ChatId,
    page: PageRequest,
) -> Result<Option<Page<ChatMessage>>, StoreError> {
    if !db.exists(CHATS, of(reader, chat)).await? {
        return Ok(None);
    }
    let found = db.all(CHAT_MESSAGES, Query::page(doc! { "chat": chat }, "_id", &page), read_message).await?;
    Ok(Some(Page::from_overfull(found, page.limit, |message| *message.id.as_bytes())))
}

/// The chat names its newest message last: it never points to a message that is not there.
async fn add_message(db: &mut Database, message: ChatMessage) -> Result<Option<UserId>, StoreError> {
    let ChatMessage { id, chat_id, from, text, created_at } = message;
    let Some((chat, _)) = db.one(CHATS, Query::new(of(from, chat_id)), read).await? else { return Ok(None) };
    let document = doc! { "_id": id, "chat": chat_id, "sender": from, "text": text, "createdAt": created_at };
    db.insert(CHAT_MESSAGES, document).await?;
    let newest = doc! { "lastMessageId": id, "activity": id, "lastMessageAt": created_at };
    db.update(CHATS, doc! { "_id": chat_id }, doc! { "$max": newest }).await?;
    Ok(Some(chat.other(from)))
}

fn read(row: &Row<'_>) -> Result<Found, StoreError> {
    let chat = CaseChat {
        id: row.id("_id")?,
        about: CaseRef { kind: row.word("kind")?, id: row.id("about")? },
        citizen: row.nameless("citizen")?,
        lawyer: row.nameless("lawyer")?,
        created_at: row.time("createdAt")?,
        last_message: None,
    };
    Ok((chat, row.optional("lastMessageId", Row::id)?))
}

fn read_message(row: &Row<'_>) -> Result<ChatMessage, StoreError> {
    Ok(ChatMessage {
        id: row.id("_id")?,
        chat_id: row.id("chat")?,
        from: row.id("sender")?,
        text: row.string("text")?,
        created_at: row.time("createdAt")?,
    })
}
