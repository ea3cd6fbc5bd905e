//! Chats about cases.

use rusqlite::{Connection, Row, params};

use super::SqliteStore;
use super::row::{all, before, one, overfull, person, timestamp, word};
use crate::domain::{CaseChat, CaseId, CaseRef, ChatId, ChatMessage, MessageId, Page, PageRequest, UserId};
use crate::store::{Answer, CaseChatStore, StoreError};

impl CaseChatStore for SqliteStore {
    fn open_chat(&self, chat: CaseChat) -> Answer<'_, CaseChat> {
        self.write(move |db| open(db, chat))
    }

    fn chats(&self, participant: UserId, page: PageRequest) -> Answer<'_, Page<CaseChat>> {
        self.read(move |db| list(db, participant, page))
    }

    fn chat(&self, reader: UserId, chat: ChatId) -> Answer<'_, Option<CaseChat>> {
        self.read(move |db| find(db, reader, chat))
    }

    fn chat_messages(
        &self,
        reader: UserId,
        chat: ChatId,
        page: PageRequest,
    ) -> Answer<'_, Option<Page<ChatMessage>>> {
        self.read(move |db| messages(db, reader, chat, page))
    }

    fn add_chat_message(&self, message: ChatMessage) -> Answer<'_, Option<UserId>> {
        self.write(move |db| add_message(db, &message))
    }
}

/// A chat from the side of one participant, `p`.
const CHATS: &str = "
    SELECT c.id, c.kind, c.about, c.created_at, u.id, u.username, u.name, l.id, l.username, l.name,
           m.id, m.chat, m.sender, m.text, m.created_at
    FROM chat_participants p CROSS JOIN case_chats c ON c.id = p.chat
    CROSS JOIN users u ON u.id = c.citizen CROSS JOIN users l ON l.id = c.lawyer
    LEFT JOIN chat_messages m ON m.id = c.last_message";

const MESSAGES: &str = "
    SELECT id, chat, sender, text, created_at FROM chat_messages
    WHERE chat = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";

pub fn open(db: &Connection, chat: CaseChat) -> Result<CaseChat, StoreError> {
    let sql = "SELECT id FROM case_chats WHERE about = ?1 AND kind = ?2 AND lawyer = ?3";
    let (about, lawyer) = (chat.about, chat.lawyer.id);
    let same = params![about.id.as_bytes(), about.kind.as_str(), lawyer.as_bytes()];
    if let Some(id) = one(db, sql, same, |row| row.get(0))? {
        return find(db, lawyer, ChatId::from_bytes(id))?.ok_or(StoreError::Missing("chat"));
    }
    add(db, &chat)?;
    Ok(chat)
}

fn add(db: &Connection, chat: &CaseChat) -> Result<(), StoreError> {
    let sql = "INSERT INTO case_chats (id, kind, about, citizen, lawyer, created_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    db.prepare_cached(sql)?.execute(params![
        chat.id.as_bytes(),
        chat.about.kind.as_str(),
        chat.about.id.as_bytes(),
        chat.citizen.id.as_bytes(),
        chat.lawyer.id.as_bytes(),
        chat.created_at.micros()
    ])?;
    let sql = "INSERT INTO chat_participants (chat, user, activity) VALUES (?1, ?2, ?1)";
    for user in [chat.citizen.id, chat.lawyer.id] {
        db.prepare_cached(sql)?.execute([chat.id.as_bytes(), user.as_bytes()])?;
    }
    Ok(())
}

pub fn list(db: &Connection, participant: UserId, page: PageRequest) -> Result<Page<CaseChat>, StoreError> {
    let found = all(db, &list_sql(), params![participant.as_bytes(), before(&page), overfull(&page)], read)?;
    Ok(Page::from_overfull(found, page.limit, CaseChat::activity))
}

fn list_sql() -> String {
    format!("{CHATS} WHERE p.user = ?1 AND p.activity < ?2 ORDER BY p.activity DESC LIMIT ?3")
}

pub fn find(db: &Connection, reader: UserId, chat: ChatId) -> Result<Option<CaseChat>, StoreError> {
    let sql = format!("{CHATS} WHERE p.chat = ?1 AND p.user = ?2");
    one(db, &sql, [chat.as_bytes(), reader.as_bytes()], read)
}

fn read(row: &Row<'_>) -> rusqlite::Result<CaseChat> {
    let about = CaseRef { kind: word(row, 1)?, id: CaseId::from_bytes(row.get(2)?) };
    let last_message = row.get::<_, Option<[u8; 16]>>(10)?.map(|_| message(row, 10)).transpose()?;
    Ok(CaseChat {
        id: ChatId::from_bytes(row.get(0)?),
        about,
        citizen: person(row, 4)?,
        lawyer: person(row, 7)?,
        created_at: timestamp(row, 3)?,
        last_message,
    })
}

fn message(row: &Row<'_>, first: usize) -> rusqlite::Result<ChatMessage> {
    Ok(ChatMessage {
        id: MessageId::from_bytes(row.get(first)?),
        chat_id: ChatId::from_bytes(row.get(first + 1)?),
        from: UserId::from_bytes(row.get(first + 2)?),
        text: row.get(first + 3)?,
        created_at: timestamp(row, first + 4)?,
    })
}

pub fn messages(
    db: &Connection,
    reader: UserId,
    chat: ChatId,
    page: PageRequest,
) -> Result<Option<Page<ChatMessage>>, StoreError> {
    let participant = "SELECT 1 FROM chat_participants WHERE chat = ?1 AND user = ?2";
    if one(db, participant, [chat.as_bytes(), reader.as_bytes()], |_| Ok(()))?.is_none() {
        return Ok(None);
    }
    let parameters = params![chat.as_bytes(), before(&page), overfull(&page)];
    let found = all(db, MESSAGES, parameters, |row| message(row, 0))?;
    Ok(Some(Page::from_overfull(found, page.limit, |message| *message.id.as_bytes())))
}

pub fn add_message(db: &Connection, message: &ChatMessage) -> Result<Option<UserId>, StoreError> {
    let chat = message.chat_id;
    let Some(found) = find(db, message.from, chat)? else { return Ok(None) };
    let sql = "INSERT INTO chat_messages (id, chat, sender, text, created_at) VALUES (?1, ?2, ?3, ?4, ?5)";
    db.prepare_cached(sql)?.execute(params![
        message.id.as_bytes(),
        chat.as_bytes(),
        message.from.as_bytes(),
        message.text,
        message.created_at.micros()
    ])?;
    let newest = [chat.as_bytes(), message.id.as_bytes()];
    let sql = "UPDATE case_chats SET last_message = max(coalesce(last_message, ?2), ?2) WHERE id = ?1";
    db.prepare_cached(sql)?.execute(newest)?;
    let sql = "UPDATE chat_participants SET activity = max(activity, ?2) WHERE chat = ?1";
    db.prepare_cached(sql)?.execute(newest)?;
    Ok(Some(found.other(message.from)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::plan::{assert_costly_without_indexes, assert_reads_by};

    #[test]
    fn lists_read_by_index() {
        let by_user = "COVERING INDEX chat_participants_by_user (user=? AND activity<?)";
        assert_reads_by(&list_sql(), by_user);
        assert_costly_without_indexes(&list_sql());
        assert_reads_by(MESSAGES, "chat_messages_by_chat (chat=? AND id<?)");
        assert_costly_without_indexes(MESSAGES);
    }
}
