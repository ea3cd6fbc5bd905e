//! Chats about cases.

use super::support::{account, after, first};
use crate::domain::{
    CaseChat, CaseId, CaseKind, CaseRef, ChatId, ChatMessage, MessageId, Person, Timestamp, UserId,
};
use crate::store::Store;

pub async fn run(store: &dyn Store) {
    a_case_and_a_lawyer_have_one_chat(store).await;
    chats_are_listed_by_their_newest_message(store).await;
    chats_are_for_their_participants(store).await;
    messages_are_paged_newest_first(store).await;
}

fn new_chat(citizen: &Person, lawyer: &Person, about: CaseRef) -> CaseChat {
    CaseChat {
        id: ChatId::new(),
        about,
        citizen: citizen.clone(),
        lawyer: lawyer.clone(),
        created_at: Timestamp::now(),
        last_message: None,
    }
}

fn some_case(kind: CaseKind) -> CaseRef {
    CaseRef { kind, id: CaseId::new() }
}

async fn open(store: &dyn Store, citizen: &Person, lawyer: &Person) -> CaseChat {
    store.open_chat(new_chat(citizen, lawyer, some_case(CaseKind::Query))).await.unwrap()
}

fn message(chat: &CaseChat, from: UserId, text: &str) -> ChatMessage {
    let (id, chat_id, created_at) = (MessageId::new(), chat.id, Timestamp::now());
    ChatMessage { id, chat_id, from, text: text.into(), created_at }
}

async fn say(store: &dyn Store, chat: &CaseChat, from: UserId, text: &str) -> ChatMessage {
    let said = message(chat, from, text);
    assert_eq!(store.add_chat_message(said.clone()).await.unwrap(), Some(chat.other(from)));
    said
}

async fn a_case_and_a_lawyer_have_one_chat(store: &dyn Store) {
    let (citizen, lawyer) = (account(store, "chat-cit").await, account(store, "chat-law").await);
    let about = some_case(CaseKind::Query);
    let wanted = new_chat(&citizen, &lawyer, about);
    let opened = store.open_chat(wanted.clone()).await.unwrap();
    assert_eq!(opened, wanted);
    let said = say(store, &opened, citizen.id, "hello").await;
    let again = store.open_chat(new_chat(&citizen, &lawyer, about)).await.unwrap();
    assert_eq!(again, CaseChat { last_message: Some(said), ..opened.clone() });
    let dispute = CaseRef { kind: CaseKind::Dispute, ..about };
    let other = store.open_chat(new_chat(&citizen, &lawyer, dispute)).await.unwrap();
    assert_ne!(other.id, opened.id);
    let successor = account(store, "chat-law-2").await;
    let other = store.open_chat(new_chat(&citizen, &successor, about)).await.unwrap();
    assert_ne!(other.id, opened.id);
    assert_eq!(store.chat(successor.id, opened.id).await.unwrap(), None);
}

async fn chats_are_listed_by_their_newest_message(store: &dyn Store) {
    let (citizen, lawyer) = (account(store, "order-cit").await, account(store, "order-law").await);
    let (one, two, three) = (
        open(store, &citizen, &lawyer).await,
        open(store, &citizen, &lawyer).await,
        open(store, &citizen, &lawyer).await,
    );
    let said = say(store, &one, lawyer.id, "me first").await;
    let one = CaseChat { last_message: Some(said), ..one };
    for participant in [citizen.id, lawyer.id] {
        let page = store.chats(participant, first(2)).await.unwrap();
        assert_eq!(page.items, [one.clone(), three.clone()]);
        let rest = store.chats(participant, after(&page, 2)).await.unwrap();
        assert_eq!((rest.items.as_slice(), rest.next_cursor), (&[two.clone()][..], None));
    }
}

async fn chats_are_for_their_participants(store: &dyn Store) {
    let (citizen, lawyer) = (account(store, "own-cit").await, account(store, "own-law").await);
    let nosy = account(store, "own-nosy").await;
    let chat = open(store, &citizen, &lawyer).await;
    assert_eq!(store.chat(citizen.id, chat.id).await.unwrap(), Some(chat.clone()));
    assert_eq!(store.chat(nosy.id, chat.id).await.unwrap(), None);
    assert_eq!(store.chat_messages(nosy.id, chat.id, first(5)).await.unwrap(), None);
    assert_eq!(store.add_chat_message(message(&chat, nosy.id, "hi")).await.unwrap(), None);
    assert_eq!(store.chats(nosy.id, first(5)).await.unwrap().items, []);
    assert_eq!(store.chat_messages(citizen.id, chat.id, first(5)).await.unwrap().unwrap().items, []);
    assert_eq!(store.chat_messages(citizen.id, ChatId::new(), first(5)).await.unwrap(), None);
}

async fn messages_are_paged_newest_first(store: &dyn Store) {
    let (citizen, lawyer) = (account(store, "talk-cit").await, account(store, "talk-law").await);
    let chat = open(store, &citizen, &lawyer).await;
    let mut said = Vec::new();
    for (n, from) in [citizen.id, lawyer.id, citizen.id].into_iter().enumerate() {
        said.insert(0, say(store, &chat, from, &n.to_string()).await);
    }
    let page = store.chat_messages(lawyer.id, chat.id, first(2)).await.unwrap().unwrap();
    assert_eq!(page.items, said[..2]);
    let rest = store.chat_messages(lawyer.id, chat.id, after(&page, 2)).await.unwrap().unwrap();
    assert_eq!((rest.items.as_slice(), rest.next_cursor), (&said[2..], None));
}
