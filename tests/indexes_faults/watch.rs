//! Looks at the indexes of a collection all the time, and at what the planner makes of them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use mongodb::Client;
use mongodb::bson::{Bson, Document, doc};
use tokio::runtime::Builder;

use super::site::{Case, Site};

/// The planner is asked at every so many looks.
const EVERY: usize = 4;

/// What was seen.
#[derive(Debug, Default)]
struct Seen {
    /// Every set of indexes, by name.
    sets: BTreeSet<Vec<String>>,
    /// When no index served the queries.
    gaps: Vec<String>,
    looks: usize,
}

/// Looks until it is ended.
#[derive(Debug)]
pub struct Watch {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<Seen>,
}

impl Watch {
    /// Begins; the queries of the case must be served from now on.
    pub fn over(site: &Site, case: &Case) -> Self {
        let (uri, database, case) = (site.uri().to_owned(), site.database.clone(), case.clone());
        let is_over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&is_over);
        let thread = thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(look(&uri, &database, &case, &told))
        });
        Self { is_over, thread }
    }

    /// Ends, and asserts that there was no gap; gives every set of indexes that was seen.
    #[track_caller]
    pub fn end(self) -> BTreeSet<Vec<String>> {
        self.is_over.store(true, Ordering::SeqCst);
        let seen = self.thread.join().expect("the watcher does not panic");
        assert!(seen.looks > 0, "nothing was seen");
        assert!(seen.gaps.is_empty(), "{:#?} of {} looks", seen.gaps, seen.looks);
        seen.sets
    }
}

async fn look(uri: &str, database: &str, case: &Case, is_over: &AtomicBool) -> Seen {
    let database = Client::with_uri_str(uri).await.expect("the address is well formed").database(database);
    let keys: Vec<&String> = case.old.get_document("key").unwrap().keys().collect();
    let mut seen = Seen::default();
    while !is_over.load(Ordering::SeqCst) {
        // What is not answered (the server is gone, there is no primary) is not seen.
        let listed =
            database.run_command(doc! { "listIndexes": "things", "cursor": { "batchSize": 1_000 } }).await;
        if let Ok(listed) = listed {
            seen.looks += 1;
            let indexes = listed.get_document("cursor").unwrap().get_array("firstBatch").unwrap();
            let indexes: Vec<&Document> = indexes.iter().filter_map(Bson::as_document).collect();
            let serves = |index: &&Document| {
                let own = index.get_document("key").unwrap().keys();
                own.zip(&keys).filter(|(own, wanted)| own == *wanted).count() == keys.len()
            };
            if !indexes.iter().any(serves) {
                seen.gaps.push(format!("listed: {indexes:?}"));
            }
            let names = indexes.iter().map(|index| index.get_str("name").unwrap().to_owned());
            seen.sets.insert(names.collect());
        }
        if seen.looks.is_multiple_of(EVERY) {
            let explain = doc! {
                "explain": { "find": "things", "filter": case.filter.clone() }, "verbosity": "queryPlanner",
            };
            if let Ok(plan) = database.run_command(explain).await
                && plan.to_string().contains("COLLSCAN")
            {
                seen.gaps.push(format!("a scan of the collection: {plan}"));
            }
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    seen
}
