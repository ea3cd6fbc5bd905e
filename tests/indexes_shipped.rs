//! The specifications in `indexes/` on the reference server's own data: after one apply, every query is proved.

use mongodb::bson::{DateTime, Document, doc};
use scalectl::Exit;

use crate::support::{MongoServer, Scalectl, served_at};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/indexes");

/// What the seed does not make, in the collections and with the fields that the specifications ask for.
fn beside_the_seed() -> [(&'static str, Document); 7] {
    let at = DateTime::now();
    [
        ("posts", doc! { "postedBy": "u1", "createdAt": at, "game": { "roomId": "room" } }),
        ("queries", doc! { "citizen": "u1", "assignedLawyer": "u2", "status": "open" }),
        ("disputes", doc! { "citizen": "u1", "assignedLawyer": "u2", "status": "open" }),
        ("chats", doc! { "citizen": "u1", "chatId": "c1", "participants": ["u1", "u2"], "activity": at }),
        ("chatmessages", doc! { "chat": "c1", "text": "hello" }),
        ("consultations", doc! { "citizen": "u1", "lawyer": "u2", "status": "confirmed", "startsAt": at }),
        ("sessions", doc! { "user": "u1", "expiresAt": at }),
    ]
}

/// The reference server fills the store, without the indexes that it would declare by itself.
async fn filled_store() -> MongoServer {
    let server = MongoServer::start();
    let uri = format!("{}/{}", server.uri(), server.database());
    let args = ["serve", "--listen", "127.0.0.1:0", "--no-indexes", "--seed", "users=200,posts=400"];
    let serve = Scalectl::new(args).arg("--mongodb").arg("env:STORE").env("STORE", uri).spawn();
    served_at(&serve);
    let database = server.client().await.database(server.database());
    for (collection, document) in beside_the_seed() {
        database.collection(collection).insert_one(document).await.unwrap();
    }
    server
}

#[tokio::test]
async fn after_one_apply_every_query_of_every_shipped_specification_is_proved() {
    let server = filled_store().await;
    for file in ["social-chess.yaml", "legal-help.yaml", "chat-app.yaml", "chess-rooms.yaml"] {
        let command = |args: &[&str]| {
            let command = Scalectl::new(["migrate", "indexes"].iter().chain(args));
            let command = command.arg("--spec").arg(format!("{FOLDER}/{file}"));
            command.arg("--database").arg(server.database()).arg("--uri").arg(server.uri())
        };
        command(&["apply", "--yes", "--soak", "0s"]).run().code(Exit::Done);
        command(&["plan", "--detailed-exit-code"]).run().code(Exit::Done);
        command(&["verify"]).run().code(Exit::Done);
    }
}
