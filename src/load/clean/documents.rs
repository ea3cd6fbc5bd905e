//! Documents that have the name of a run in a field.

use std::time::Duration;

use futures_util::TryStreamExt;
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::Error;
use mongodb::{Client, Collection};
use tokio_util::sync::CancellationToken;

use super::{BATCH, Runs};
use crate::clients::mongodb::client_error;
use crate::clients::{ClientError, SecretUrl};
use crate::load::scenario::test_data::MarkedDocuments;

/// Documents of a field of a collection.
#[derive(Debug)]
pub struct Documents {
    uri: SecretUrl,
    limit: Duration,
    collection: Collection<Document>,
    filter: Document,
}

impl Documents {
    /// The documents of some runs.
    pub fn new(
        client: &Client,
        (uri, limit): (&SecretUrl, Duration),
        marked: &MarkedDocuments,
        runs: &Runs,
    ) -> Result<Self, ClientError> {
        let named = marked.database.as_deref().map(|name| client.database(name));
        let database = named.or_else(|| client.default_database());
        let database = database.ok_or_else(|| {
            let words = "neither the URI nor `database` in the scenario names a database";
            ClientError::Protocol(words.to_owned())
        })?;
        let filter = doc! {&marked.field: {"$regex": runs.patterns().join("|")}};
        let collection = database.collection(&marked.collection);
        Ok(Self { uri: uri.clone(), limit, collection, filter })
    }

    /// How many there are.
    pub async fn count(&self) -> Result<u64, ClientError> {
        let counted = self.collection.count_documents(self.filter.clone()).await;
        counted.map_err(|error| self.error(&error))
    }

    /// Removes them, and tells how many are gone so far.
    pub async fn remove(
        &self,
        stop: &CancellationToken,
        mut tell: impl FnMut(u64),
    ) -> Result<u64, ClientError> {
        let mut removed = 0;
        while !stop.is_cancelled() {
            let gone = self.remove_some().await.map_err(|error| self.error(&error))?;
            removed += gone;
            tell(removed);
            if gone == 0 {
                break;
            }
        }
        Ok(removed)
    }

    async fn remove_some(&self) -> Result<u64, Error> {
        let found = self.collection.find(self.filter.clone()).projection(doc! {"_id": 1});
        let found: Vec<Document> = found.limit(BATCH as i64).await?.try_collect().await?;
        let ids: Vec<Bson> = found.into_iter().filter_map(|mut found| found.remove("_id")).collect();
        if ids.is_empty() {
            return Ok(0);
        }
        // One that was changed in between and is no test data any more stays.
        let meant = doc! {"$and": [{"_id": {"$in": ids}}, self.filter.clone()]};
        Ok(self.collection.delete_many(meant).await?.deleted_count)
    }

    fn error(&self, error: &Error) -> ClientError {
        client_error(&self.uri, self.limit, error)
    }
}
