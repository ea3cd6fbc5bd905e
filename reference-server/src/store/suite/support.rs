//! What the promises are tried on.

use crate::domain::{
    ChessPost, Comment, CommentId, ConversationId, Message, MessageId, NewAccount, Page, PageRequest, Person,
    Post, PostId, Role, RoomId, Timestamp, UserId,
};
use crate::store::Store;

/// An account that nobody has yet.
pub fn new_account(username: &str, email: &str) -> NewAccount {
    NewAccount {
        person: Person { id: UserId::new(), username: username.into(), name: username.into() },
        role: Role::Citizen,
        active: true,
        email: Some(email.into()),
        password_hash: Some("$".into()),
        created_at: Timestamp::now(),
    }
}

pub async fn account(store: &dyn Store, username: &str) -> Person {
    let account = new_account(username, &format!("{username}@example.com"));
    let person = account.person.clone();
    store.create_account(account).await.unwrap();
    person
}

/// Accounts with these names and a number.
pub async fn accounts(store: &dyn Store, name: &str, count: usize) -> Vec<Person> {
    let mut people = Vec::with_capacity(count);
    for n in 0..count {
        people.push(account(store, &format!("{name}-{n}")).await);
    }
    people
}

pub async fn post_by(store: &dyn Store, author: &Person, text: &str) -> Post {
    kept(store, Post::of_text(author.clone(), text.into())).await
}

pub async fn game_by(store: &dyn Store, author: &Person, black: Option<&Person>) -> Post {
    let game = ChessPost {
        room_id: RoomId::new(),
        code: "ABC234".into(),
        white: author.clone(),
        black: black.cloned(),
        result: black.map(|_| "1/2-1/2".into()),
    };
    kept(store, Post::of_game(author.clone(), String::new(), game)).await
}

async fn kept(store: &dyn Store, post: Post) -> Post {
    store.create_post(post.clone()).await.unwrap();
    post
}

pub fn comment(post: PostId, author: &Person, text: &str) -> Comment {
    let (id, created_at) = (CommentId::new(), Timestamp::now());
    Comment { id, post_id: post, text: text.into(), created_at, author: author.clone() }
}

pub fn message(from: &Person, to: &Person, text: &str) -> Message {
    Message {
        id: MessageId::new(),
        conversation_id: ConversationId::new(),
        from: from.id,
        to: to.id,
        text: text.into(),
        created_at: Timestamp::now(),
    }
}

pub fn first(limit: usize) -> PageRequest {
    PageRequest { after: None, limit }
}

pub fn after<T>(page: &Page<T>, limit: usize) -> PageRequest {
    PageRequest { after: page.next_cursor, limit }
}
