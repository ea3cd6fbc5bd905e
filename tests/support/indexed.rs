//! A collection whose indexes are migrated: a server, a folder with a specification, and what the server lists.

use std::sync::Arc;

use futures_util::TryStreamExt;
use mongodb::bson::{Bson, Document, doc};

use super::mongo::{MongoServer, block_on};
use super::scalectl::Scalectl;
use super::workdir::WorkDir;

/// A server, and a folder in which commands follow one another.
#[derive(Debug)]
pub struct Indexed {
    pub server: MongoServer,
    pub dir: Arc<WorkDir>,
}

impl Indexed {
    /// On the faithful server.
    pub fn start() -> Self {
        Self::on(MongoServer::start())
    }

    /// On this server.
    pub fn on(server: MongoServer) -> Self {
        Self { server, dir: Arc::new(WorkDir::new("indexes")) }
    }

    /// Declares the collection `things` of the test's database; `collection` is what stands below its name.
    pub fn declare(&self, collection: &str) -> &Self {
        let lines: String = collection.lines().map(|line| format!("        {line}\n")).collect();
        let text = format!("soak: 0s\ndatabases:\n  app:\n    collections:\n      things:\n{lines}");
        self.dir.write("indexes.yaml", text);
        self
    }

    /// `scalectl migrate indexes ARGS` for that specification and the test's database.
    pub fn command(&self, args: &[&str]) -> Scalectl {
        let words = ["migrate", "indexes"].iter().chain(args).copied();
        let command = Scalectl::new(words).dir(&self.dir);
        let command = command.arg("--database").arg(self.server.database());
        let named = command.hide_matches(self.server.database(), "[DB]");
        named.hide_times().env("SCALECTL_MONGODB_URI", self.server.uri()).env("USER", "tester")
    }

    /// Adds documents to the collection.
    pub fn insert(&self, documents: impl IntoIterator<Item = Document>) {
        let documents: Vec<Document> = documents.into_iter().collect();
        let inserted = block_on(async {
            let database = self.server.client().await.database(self.server.database());
            let things = database.collection::<Document>("things");
            for batch in documents.chunks(5_000) {
                things.insert_many(batch).await?;
            }
            Ok::<_, mongodb::error::Error>(())
        });
        inserted.expect("the server takes documents");
    }

    /// Runs a command on the test's database.
    pub fn run(&self, command: Document) -> mongodb::error::Result<Document> {
        block_on(async {
            self.server.client().await.database(self.server.database()).run_command(command).await
        })
    }

    /// Creates indexes as somebody else would.
    pub fn create(&self, indexes: impl IntoIterator<Item = Document>) {
        let indexes: Vec<Bson> = indexes.into_iter().map(Bson::Document).collect();
        let made = self.run(doc! { "createIndexes": "things", "indexes": indexes });
        made.expect("the server makes the indexes");
    }

    /// What the server lists, by name, without the index on `_id`.
    pub fn listed(&self) -> Vec<Document> {
        let listed = block_on(async {
            let database = self.server.client().await.database(self.server.database());
            let cursor = database.run_cursor_command(doc! { "listIndexes": "things" }).await?;
            cursor.try_collect::<Vec<Document>>().await
        });
        // A collection that is not there yet has none.
        let mut listed = listed.unwrap_or_default();
        listed.retain(|index| index.get_str("name").is_ok_and(|name| name != "_id_"));
        listed.sort_by_key(|index| index.get_str("name").map(str::to_owned).unwrap_or_default());
        listed
    }

    /// The names of what the server lists.
    pub fn names(&self) -> Vec<String> {
        self.listed().iter().map(|index| index.get_str("name").unwrap_or_default().to_owned()).collect()
    }
}
