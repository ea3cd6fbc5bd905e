//! A collection whose indexes are migrated, wherever it can be reached.

use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use mongodb::Client;
use mongodb::bson::{Document, doc};
use scalectl::Exit;

use crate::support::{MongoProxy, MongoServer, MongoSet, Scalectl, WorkDir, block_on};

/// How long a line of scalectl, or its end, may take to come.
pub const SOON: Duration = Duration::from_secs(40);

/// What is changed: the index that is there, and what is declared.
#[derive(Clone, Debug)]
pub struct Case {
    /// As it is given to `createIndexes`.
    pub old: Document,
    /// What stands in the specification below the collection's name.
    pub declared: &'static str,
    /// How many steps lead there, with a soak.
    pub steps: usize,
    /// What the queries look for, by the first key of the index.
    pub filter: Document,
}

/// Old and new stand side by side for a while.
pub fn side_by_side() -> Case {
    Case {
        old: doc! { "key": { "author": 1, "at": -1 }, "name": "author_1_at_-1" },
        declared: "indexes:\n  - {keys: {author: 1, at: -1}, sparse: true}",
        steps: 5,
        filter: doc! { "author": 7 },
    }
}

/// Old and new exclude each other: a bridge serves between them.
pub fn by_bridge() -> Case {
    Case {
        old: doc! { "key": { "at": 1 }, "name": "at_1", "expireAfterSeconds": 86_400 },
        declared: "indexes:\n  - keys: {at: 1}",
        steps: 8,
        filter: doc! { "at": 7 },
    }
}

/// The same index, unique from now on.
pub fn made_unique() -> Case {
    Case {
        old: doc! { "key": { "slug": 1 }, "name": "slug_1" },
        declared: "indexes:\n  - {keys: {slug: 1}, unique: true}",
        steps: 4,
        filter: doc! { "slug": "s7" },
    }
}

/// An index goes.
pub fn dropped() -> Case {
    Case {
        old: doc! { "key": { "stray": 1 }, "name": "stray_1" },
        declared: "absent: [stray_1]",
        steps: 3,
        filter: doc! { "stray": 7 },
    }
}

/// The collection `things`, and a folder with a specification of its indexes.
#[derive(Debug)]
pub struct Site {
    uri: String,
    pub database: String,
    pub dir: Arc<WorkDir>,
}

impl Site {
    /// On a server.
    pub fn on(server: &MongoServer) -> Self {
        Self::at(server.uri(), server.database())
    }

    /// On a server, through its proxy.
    pub fn through(proxy: &MongoProxy, server: &MongoServer) -> Self {
        Self::at(&proxy.uri(), server.database())
    }

    /// On a set.
    pub fn on_set(set: &MongoSet) -> Self {
        Self::at(&set.uri(), set.database())
    }

    /// On the server of this address.
    pub fn at(uri: &str, database: &str) -> Self {
        let dir = Arc::new(WorkDir::new("faults"));
        Self { uri: uri.to_owned(), database: database.to_owned(), dir }
    }

    /// Where it is.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Declares the collection; `collection` is what stands below its name.
    pub fn declare(&self, collection: &str) {
        let lines: String = collection.lines().map(|line| format!("        {line}\n")).collect();
        let text = format!("soak: 0s\ndatabases:\n  app:\n    collections:\n      things:\n{lines}");
        self.dir.write("indexes.yaml", text);
    }

    /// `scalectl migrate indexes ARGS`.
    pub fn command(&self, args: &[&str]) -> Scalectl {
        let words = ["migrate", "indexes"].iter().chain(args).copied();
        let command = Scalectl::new(words).dir(&self.dir).arg("--database").arg(&self.database);
        command.env("SCALECTL_MONGODB_URI", &self.uri).env("USER", "tester")
    }

    /// `scalectl migrate indexes apply --yes ARGS`. What the server enforces is another test's: the probes would be
    /// among the commands that fail here.
    pub fn apply(&self, args: &[&str]) -> Scalectl {
        self.command(&[&["apply", "--yes", "--no-probes"], args].concat())
    }

    /// The collection is there anew, with so many documents and what the case finds.
    pub fn lay(&self, case: &Case, documents: i32) {
        self.declare(case.declared);
        self.fill(documents);
        self.create(case.old.clone());
    }

    /// The collection is there anew, with so many documents.
    pub fn fill(&self, documents: i32) {
        // Where there was none, there is none to drop.
        let _ = self.try_run(doc! { "drop": "things" });
        let documents: Vec<Document> = (0..documents)
            .map(|n| doc! { "author": n % 50, "at": n, "slug": format!("s{n}"), "stray": n })
            .collect();
        let inserted = block_on(async {
            let client = Client::with_uri_str(&self.uri).await?;
            let things = client.database(&self.database).collection::<Document>("things");
            for batch in documents.chunks(5_000) {
                things.insert_many(batch).await?;
            }
            Ok::<_, mongodb::error::Error>(())
        });
        inserted.expect("the server takes documents");
    }

    /// Creates an index as somebody else would.
    #[track_caller]
    pub fn create(&self, index: Document) {
        self.run(doc! { "createIndexes": "things", "indexes": [index] });
    }

    /// The answer of the database to a command.
    #[track_caller]
    pub fn run(&self, command: Document) -> Document {
        self.try_run(command).expect("the server answers the command")
    }

    fn try_run(&self, command: Document) -> mongodb::error::Result<Document> {
        block_on(async {
            Client::with_uri_str(&self.uri).await?.database(&self.database).run_command(command).await
        })
    }

    /// The names of the indexes, without the one on `_id`.
    pub fn names(&self) -> Vec<String> {
        let listed = block_on(async {
            let client = Client::with_uri_str(&self.uri).await?;
            let database = client.database(&self.database);
            let cursor = database.run_cursor_command(doc! { "listIndexes": "things" }).await?;
            cursor.try_collect::<Vec<Document>>().await
        });
        let listed = listed.expect("the server lists the indexes");
        let mut names: Vec<String> =
            listed.iter().map(|index| index.get_str("name").unwrap().to_owned()).collect();
        names.retain(|name| name != "_id_");
        names.sort();
        names
    }

    /// Nothing is left to do, and the history is whole.
    #[track_caller]
    pub fn is_done(&self) {
        let plan = self.command(&["plan", "--detailed-exit-code"]).run();
        plan.code(Exit::Done).stdout_has("Nothing to do");
        self.command(&["history"]).run().code(Exit::Done);
    }

    /// A second run finishes, without waiting for the lock of the first.
    #[track_caller]
    pub fn finishes(&self, args: &[&str]) {
        let again = self.apply(args).run();
        again.code(Exit::Done);
        assert!(again.took < Duration::from_secs(15), "it waited for the lock\n{}", again.report());
        self.is_done();
    }
}
