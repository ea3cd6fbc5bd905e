//! Conversations of two, their messages and their read state.

use futures_util::future::join_all;

use super::support::{account, after, first, message};
use crate::domain::{ConversationId, Person, ReadConversation, UserId};
use crate::store::{Store, StoreError};

pub async fn run(store: &dyn Store) {
    messages_share_one_conversation(store).await;
    conversations_are_for_members_only(store).await;
    unread_messages_are_counted_for_their_receiver(store).await;
    messages_that_arrive_at_once_are_all_counted(store).await;
}

async fn messages_share_one_conversation(store: &dyn Store) {
    let (ann, ben) = (account(store, "ann").await, account(store, "ben").await);
    let hello = store.send_message(message(&ann, &ben, "hello")).await.unwrap();
    let reply = store.send_message(message(&ben, &ann, "hello yourself")).await.unwrap();
    assert_eq!(hello.conversation_id, reply.conversation_id);
    let page = store.messages(ann.id, hello.conversation_id, first(50)).await.unwrap().unwrap();
    assert_eq!(page.items, [reply.clone(), hello]);
    let cal = account(store, "cal").await;
    let newest = store.send_message(message(&cal, &ann, "me too")).await.unwrap();
    let conversations = store.conversations(ann.id, first(1)).await.unwrap();
    assert_eq!((&conversations.items[0].with, &conversations.items[0].last_message), (&cal, &newest));
    let older = store.conversations(ann.id, after(&conversations, 1)).await.unwrap();
    assert_eq!((&older.items[0].with, &older.items[0].last_message), (&ben, &reply));
    assert_eq!(older.next_cursor, None);
    let nobody = Person { id: UserId::new(), ..ben };
    let lost = store.send_message(message(&ann, &nobody, "anybody?")).await;
    assert!(matches!(lost, Err(StoreError::Missing("user"))));
}

async fn conversations_are_for_members_only(store: &dyn Store) {
    let (one, two) = (account(store, "one").await, account(store, "two").await);
    let sent = store.send_message(message(&one, &two, "secret")).await.unwrap();
    let nosy = account(store, "nosy").await;
    assert!(store.messages(nosy.id, sent.conversation_id, first(5)).await.unwrap().is_none());
    assert!(store.messages(one.id, ConversationId::new(), first(5)).await.unwrap().is_none());
    assert_eq!(store.mark_conversation_read(nosy.id, sent.conversation_id).await.unwrap(), None);
    assert_eq!(store.mark_conversation_read(one.id, ConversationId::new()).await.unwrap(), None);
}

async fn unread(store: &dyn Store, user: &Person) -> Vec<u64> {
    let page = store.conversations(user.id, first(10)).await.unwrap();
    page.items.iter().map(|conversation| conversation.unread).collect()
}

async fn unread_messages_are_counted_for_their_receiver(store: &dyn Store) {
    let (dan, eva) = (account(store, "dan").await, account(store, "eva").await);
    let sent = store.send_message(message(&dan, &eva, "hello")).await.unwrap();
    store.send_message(message(&dan, &eva, "are you there?")).await.unwrap();
    assert_eq!((unread(store, &dan).await, unread(store, &eva).await), (vec![0], vec![2]));
    for expected in [2, 0] {
        let read = store.mark_conversation_read(eva.id, sent.conversation_id).await.unwrap();
        assert_eq!(read, Some(ReadConversation { with: dan.id, read: expected }));
    }
    store.send_message(message(&eva, &dan, "now I am")).await.unwrap();
    assert_eq!((unread(store, &dan).await, unread(store, &eva).await), (vec![1], vec![0]));
}

async fn messages_that_arrive_at_once_are_all_counted(store: &dyn Store) {
    let (fay, gus) = (account(store, "fay").await, account(store, "gus").await);
    let both = (0..10).map(|n| if n % 2 == 0 { (&fay, &gus) } else { (&gus, &fay) });
    let sent = join_all(both.map(|(from, to)| store.send_message(message(from, to, "at once")))).await;
    let mut conversations: Vec<_> = sent.into_iter().map(|sent| sent.unwrap().conversation_id).collect();
    conversations.dedup();
    assert_eq!(conversations.len(), 1, "one conversation for two");
    assert_eq!((unread(store, &fay).await, unread(store, &gus).await), (vec![5], vec![5]));
}
