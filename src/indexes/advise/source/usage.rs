//! `$indexStats` of every member: how often each index was used, and since when that is counted.

use std::collections::BTreeMap;

use bson::{DateTime, Document, doc};
use futures_util::TryStreamExt;

use super::unreadable;
use crate::indexes::advise::catalog::Catalog;
use crate::indexes::advise::report::{Source, SourceReport, SourceState};
use crate::indexes::live::{Deployment, Member};
use crate::indexes::number::truncated;

/// What one member counted for an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// The member.
    pub member: String,
    /// Queries that used it.
    pub uses: i64,
    /// Since when they are counted.
    pub since: DateTime,
}

/// How the indexes of a deployment were used.
#[derive(Debug, Default)]
pub struct Usage {
    counts: BTreeMap<(String, String, String), Vec<Count>>,
    /// Members, each with the collection that it could not tell of.
    unread: Vec<(String, String, String)>,
}

impl Usage {
    /// Asks every member that holds data.
    pub async fn read(deployment: &Deployment, catalog: &Catalog) -> (Self, Vec<SourceReport>) {
        let (mut usage, mut reports) = (Self::default(), Vec::new());
        for member in deployment.data_members() {
            reports.push(usage.read_member(deployment, member, catalog).await);
        }
        (usage, reports)
    }

    async fn read_member(
        &mut self,
        deployment: &Deployment,
        member: &Member,
        catalog: &Catalog,
    ) -> SourceReport {
        let mut report = SourceReport {
            source: Source::IndexStats,
            place: member.address.clone(),
            state: SourceState::Read,
            entries: 0,
            detail: String::new(),
        };
        for (database, collection, known) in catalog.iter() {
            // Only the index on `_id`, which always stays.
            if known.live.is_empty() {
                continue;
            }
            // One member that does not answer need not be waited for again and again.
            let is_down = report.state == SourceState::Failed;
            let doing = format!("read $indexStats of {database}.{collection}");
            let counts =
                if is_down { Ok(None) } else { index_stats(member, database, collection).await.map(Some) };
            match counts {
                Ok(Some(counts)) => report.entries += self.take(member, database, collection, &counts),
                Ok(None) => self.miss(member, database, collection),
                Err(error) => {
                    self.miss(member, database, collection);
                    report = SourceReport {
                        entries: report.entries,
                        ..unreadable(Source::IndexStats, deployment, member, &doing, &error)
                    };
                }
            }
        }
        report
    }

    fn take(&mut self, member: &Member, database: &str, collection: &str, counts: &[Document]) -> u64 {
        let mut taken = 0;
        for stats in counts {
            let name = stats.get_str("name").unwrap_or_default().to_owned();
            let Ok(accesses) = stats.get_document("accesses") else { continue };
            let (Some(uses), Ok(since)) =
                (accesses.get("ops").and_then(truncated), accesses.get_datetime("since"))
            else {
                continue;
            };
            let count = Count { member: member.address.clone(), uses, since: *since };
            self.counts.entry((database.to_owned(), collection.to_owned(), name)).or_default().push(count);
            taken += 1;
        }
        taken
    }

    fn miss(&mut self, member: &Member, database: &str, collection: &str) {
        self.unread.push((member.address.clone(), database.to_owned(), collection.to_owned()));
    }

    /// What the members counted for an index.
    pub fn counts(&self, database: &str, collection: &str, index: &str) -> &[Count] {
        let key = (database.to_owned(), collection.to_owned(), index.to_owned());
        self.counts.get(&key).map_or(&[], Vec::as_slice)
    }

    /// The first member that could not tell of a collection.
    pub fn unread(&self, database: &str, collection: &str) -> Option<&str> {
        let found = self.unread.iter().find(|(_, of, named)| of == database && named == collection);
        found.map(|(member, ..)| member.as_str())
    }

    /// Takes in a count, for tests of what follows from it.
    #[cfg(test)]
    pub fn set(&mut self, index: &str, count: Count) {
        self.counts.entry(("d".to_owned(), "c".to_owned(), index.to_owned())).or_default().push(count);
    }

    /// Takes in a member that could not be read, likewise.
    #[cfg(test)]
    pub fn set_unread(&mut self, member: &str) {
        self.unread.push((member.to_owned(), "d".to_owned(), "c".to_owned()));
    }
}

async fn index_stats(
    member: &Member,
    database: &str,
    collection: &str,
) -> mongodb::error::Result<Vec<Document>> {
    let stats = [doc! { "$indexStats": {} }];
    member.database(database).collection::<Document>(collection).aggregate(stats).await?.try_collect().await
}
