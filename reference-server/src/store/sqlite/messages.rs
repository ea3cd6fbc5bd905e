//! Conversations of two, and their messages.

use rusqlite::{Connection, Row, params};

use super::SqliteStore;
use super::row::{all, before, number, one, overfull, person, require_user, timestamp};
use crate::domain::{
    Conversation, ConversationId, Message, MessageId, Page, PageRequest, ReadConversation, UserId,
};
use crate::store::{Answer, MessageStore, StoreError};

const CONVERSATIONS: &str = "
    SELECT m.id, m.conversation, m.sender, m.receiver, m.text, m.created_at,
           u.id, u.username, u.name, b.unread
    FROM members b CROSS JOIN messages m ON m.id = b.last_message
    CROSS JOIN users u ON u.id = iif(m.sender = ?1, m.receiver, m.sender)
    WHERE b.user = ?1 AND b.last_message < ?2 ORDER BY b.last_message DESC LIMIT ?3";

const MESSAGES: &str = "
    SELECT id, conversation, sender, receiver, text, created_at FROM messages
    WHERE conversation = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";

impl MessageStore for SqliteStore {
    fn send_message(&self, message: Message) -> Answer<'_, Message> {
        self.write(move |db| send(db, message))
    }

    fn conversations(&self, user: UserId, page: PageRequest) -> Answer<'_, Page<Conversation>> {
        self.read(move |db| conversations(db, user, page))
    }

    fn messages(
        &self,
        reader: UserId,
        conversation: ConversationId,
        page: PageRequest,
    ) -> Answer<'_, Option<Page<Message>>> {
        self.read(move |db| list(db, reader, conversation, page))
    }

    fn mark_conversation_read(
        &self,
        reader: UserId,
        conversation: ConversationId,
    ) -> Answer<'_, Option<ReadConversation>> {
        self.write(move |db| mark_read(db, reader, conversation))
    }
}

pub fn send(db: &Connection, message: Message) -> Result<Message, StoreError> {
    require_user(db, message.to)?;
    let conversation_id = conversation_of(db, &message)?;
    let message = Message { conversation_id, ..message };
    let sql = "INSERT INTO messages (id, conversation, sender, receiver, text, created_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    db.prepare_cached(sql)?.execute(params![
        message.id.as_bytes(),
        conversation_id.as_bytes(),
        message.from.as_bytes(),
        message.to.as_bytes(),
        message.text,
        message.created_at.micros()
    ])?;
    let sql = "UPDATE members SET last_message = max(last_message, ?2), unread = unread + (user = ?3)
               WHERE conversation = ?1";
    let parameters = [conversation_id.as_bytes(), message.id.as_bytes(), message.to.as_bytes()];
    db.prepare_cached(sql)?.execute(parameters)?;
    Ok(message)
}

fn conversation_of(db: &Connection, message: &Message) -> Result<ConversationId, StoreError> {
    let (low, high) = (message.from.min(message.to), message.from.max(message.to));
    let found = "SELECT id FROM conversations WHERE low = ?1 AND high = ?2";
    if let Some(id) = one(db, found, [low.as_bytes(), high.as_bytes()], |row| row.get(0))? {
        return Ok(ConversationId::from_bytes(id));
    }
    let fresh = message.conversation_id;
    db.prepare_cached("INSERT INTO conversations (id, low, high) VALUES (?1, ?2, ?3)")?.execute([
        fresh.as_bytes(),
        low.as_bytes(),
        high.as_bytes(),
    ])?;
    let member = "INSERT INTO members (conversation, user, last_message) VALUES (?1, ?2, ?3)";
    for user in [low, high] {
        db.prepare_cached(member)?.execute([fresh.as_bytes(), user.as_bytes(), message.id.as_bytes()])?;
    }
    Ok(fresh)
}

pub fn conversations(
    db: &Connection,
    user: UserId,
    page: PageRequest,
) -> Result<Page<Conversation>, StoreError> {
    let parameters = params![user.as_bytes(), before(&page), overfull(&page)];
    let found = all(db, CONVERSATIONS, parameters, |row| {
        let last_message = read(row)?;
        let (id, with) = (last_message.conversation_id, person(row, 6)?);
        Ok(Conversation { id, with, last_message, unread: number(row, 9)? })
    })?;
    Ok(Page::from_overfull(found, page.limit, |conversation| *conversation.last_message.id.as_bytes()))
}

pub fn list(
    db: &Connection,
    reader: UserId,
    conversation: ConversationId,
    page: PageRequest,
) -> Result<Option<Page<Message>>, StoreError> {
    let member = "SELECT 1 FROM members WHERE conversation = ?1 AND user = ?2";
    if one(db, member, [conversation.as_bytes(), reader.as_bytes()], |_| Ok(()))?.is_none() {
        return Ok(None);
    }
    let found = all(db, MESSAGES, params![conversation.as_bytes(), before(&page), overfull(&page)], read)?;
    Ok(Some(Page::from_overfull(found, page.limit, |message| *message.id.as_bytes())))
}

pub fn mark_read(
    db: &Connection,
    reader: UserId,
    conversation: ConversationId,
) -> Result<Option<ReadConversation>, StoreError> {
    let sql = "SELECT iif(c.low = b.user, c.high, c.low), b.unread
               FROM members b CROSS JOIN conversations c ON c.id = b.conversation
               WHERE b.conversation = ?1 AND b.user = ?2";
    let key = [conversation.as_bytes(), reader.as_bytes()];
    let found = one(db, sql, key, |row| {
        Ok(ReadConversation { with: UserId::from_bytes(row.get(0)?), read: number(row, 1)? })
    })?;
    if found.is_some_and(|found| found.read > 0) {
        db.prepare_cached("UPDATE members SET unread = 0 WHERE conversation = ?1 AND user = ?2")?
            .execute(key)?;
    }
    Ok(found)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Message> {
    Ok(Message {
        id: MessageId::from_bytes(row.get(0)?),
        conversation_id: ConversationId::from_bytes(row.get(1)?),
        from: UserId::from_bytes(row.get(2)?),
        to: UserId::from_bytes(row.get(3)?),
        text: row.get(4)?,
        created_at: timestamp(row, 5)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::plan::{assert_costly_without_indexes, assert_reads_by};

    #[test]
    fn messages_are_read_by_index_only() {
        assert_reads_by(CONVERSATIONS, "SEARCH b USING INDEX members_by_user (user=? AND last_message<?)");
        assert_reads_by(
            MESSAGES,
            "SEARCH messages USING INDEX messages_by_conversation (conversation=? AND id<?)",
        );
        assert_costly_without_indexes(CONVERSATIONS);
        assert_costly_without_indexes(MESSAGES);
    }
}
