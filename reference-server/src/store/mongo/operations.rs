//! What operators and the server itself ask.

use mongodb::bson::doc;

use super::MongoStore;
use super::collection::SECRETS;
use super::database::Database;
use super::value::bytes;
use crate::store::{Answer, OperationStore, StoreError};

impl OperationStore for MongoStore {
    fn secret(&self, name: &'static str, fresh: Vec<u8>) -> Answer<'_, Vec<u8>> {
        self.write(move |db| Box::pin(secret(db, name, fresh.clone())))
    }

    fn ping(&self) -> Answer<'_, ()> {
        self.write(|db| Box::pin(db.ping()))
    }
}

async fn secret(db: &mut Database, name: &str, fresh: Vec<u8>) -> Result<Vec<u8>, StoreError> {
    let update = doc! { "$setOnInsert": { "value": bytes(fresh) } };
    db.upsert(SECRETS, doc! { "_id": name }, update, |row| row.bytes("value")).await
}
