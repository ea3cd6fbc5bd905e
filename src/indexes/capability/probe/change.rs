//! One probe for each way in which indexes are changed and observed.

use bson::{Bson, Document, doc};

use super::finding::{Findings, Stop};
use super::lab::{INDEX, Lab, first_batch};
use super::option::{expect_duplicate, on_a};
use crate::indexes::index::{Index, Options};
use crate::indexes::number::truncated;

type Found = Result<Findings, Stop>;

/// A quorum that no set has.
const NO_TAG: &str = "scalectl-no-such-tag";

impl Lab<'_> {
    fn modification(&self, change: Document) -> Document {
        let mut index = doc! { "name": INDEX };
        index.extend(change);
        doc! { "collMod": self.name, "index": index }
    }

    /// An index that is there as it should be; what its listing says is another class.
    async fn plain(&self, options: Options) -> Result<Index, Stop> {
        let index = on_a(options);
        self.demand(self.creation(&index)).await?;
        Ok(index)
    }
}

pub async fn prepare_unique(lab: &Lab<'_>) -> Found {
    let mut findings = Findings::default();
    let mut index = lab.plain(Options::default()).await?;
    lab.fill([doc! { "a": 1 }]).await?;
    lab.demand(lab.modification(doc! { "prepareUnique": true })).await?;
    index.options.prepare_unique = true;
    lab.compare(&index, &mut findings).await?;
    expect_duplicate(lab, doc! { "a": 1 }, "a second document with the same key", &mut findings).await?;
    Ok(findings)
}

/// A dry run over duplicates must fail, a conversion without them succeed.
pub async fn convert_unique(lab: &Lab<'_>) -> Found {
    let mut findings = Findings::default();
    let mut index = lab.plain(Options::default()).await?;
    lab.fill([doc! { "_id": 1, "a": 1 }, doc! { "_id": 2, "a": 1 }]).await?;
    lab.demand(lab.modification(doc! { "prepareUnique": true })).await?;
    let mut dry_run = lab.modification(doc! { "unique": true });
    dry_run.insert("dryRun", true);
    let over_duplicates = lab.ask(dry_run).await?;
    let (refused, accepted) =
        ("a dry run over duplicates was refused", "a dry run over duplicates was said to be fine");
    findings.check(over_duplicates.is_err(), refused, accepted);
    lab.demand(doc! { "delete": lab.name, "deletes": [{ "q": { "_id": 2 }, "limit": 1 }] }).await?;
    lab.demand(lab.modification(doc! { "unique": true })).await?;
    index.options.unique = true;
    lab.compare(&index, &mut findings).await?;
    Ok(findings)
}

pub async fn change_hidden(lab: &Lab<'_>) -> Found {
    let mut findings = Findings::default();
    let mut index = lab.plain(Options::default()).await?;
    for hidden in [true, false] {
        lab.demand(lab.modification(doc! { "hidden": hidden })).await?;
        index.options.hidden = hidden;
        lab.compare(&index, &mut findings).await?;
    }
    Ok(findings)
}

pub async fn change_ttl(lab: &Lab<'_>) -> Found {
    let mut findings = Findings::default();
    let mut index = lab.plain(Options { expire_after_seconds: Some(86_400), ..Options::default() }).await?;
    lab.demand(lab.modification(doc! { "expireAfterSeconds": 172_800 })).await?;
    index.options.expire_after_seconds = Some(172_800);
    lab.compare(&index, &mut findings).await?;
    Ok(findings)
}

/// A quorum that cannot be met is refused before anything is built, where quorums mean something.
pub async fn commit_quorum(lab: &Lab<'_>) -> Found {
    let mut findings = Findings::default();
    // Without a document there is nothing to build, and no quorum to wait for.
    lab.fill([doc! { "a": 1 }]).await?;
    let with_quorum = |quorum: &str| {
        let mut command = lab.creation(&on_a(Options::default()));
        command.insert("commitQuorum", quorum);
        command
    };
    let impossible = lab.ask(with_quorum(NO_TAG)).await?;
    let (refused, accepted) =
        ("an impossible one was refused", "one of a tag that does not exist was accepted");
    findings.check(impossible.is_err(), refused, accepted);
    lab.demand(with_quorum("majority")).await?;
    findings.acts("majority was accepted");
    Ok(findings)
}

/// A find that uses the index must be counted.
pub async fn index_stats(lab: &Lab<'_>) -> Found {
    let mut findings = Findings::default();
    lab.plain(Options::default()).await?;
    lab.fill([doc! { "a": 1 }]).await?;
    let _found = lab.find(doc! { "a": 1 }).await?;
    let pipeline = [Bson::Document(doc! { "$indexStats": {} })];
    let command = doc! { "aggregate": lab.name, "pipeline": pipeline.to_vec(), "cursor": {} };
    let told = first_batch(&lab.demand(command).await?);
    // One document from each member that was asked: a router asks the shards.
    let own = told.iter().filter(|told| told.get_str("name").is_ok_and(|name| name == INDEX));
    let counted: Vec<i64> =
        own.filter_map(|told| truncated(told.get_document("accesses").ok()?.get("ops")?)).collect();
    match counted.iter().max() {
        None => findings.fails("the index is not in it"),
        Some(most) => findings.check(*most > 0, "a use was counted", "a use was not counted"),
    }
    Ok(findings)
}

/// The counts must be those of an index scan: one key and one document of three.
pub async fn explain(lab: &Lab<'_>) -> Found {
    let mut findings = Findings::default();
    lab.plain(Options::default()).await?;
    lab.fill((1..=3).map(|number| doc! { "a": number })).await?;
    let find = doc! { "find": lab.name, "filter": { "a": 2 } };
    let told = lab.demand(doc! { "explain": find, "verbosity": "executionStats" }).await?;
    let stats = told.get_document("executionStats").ok();
    let count = |name: &str| stats.and_then(|stats| stats.get(name)).and_then(truncated);
    let counts = ["nReturned", "totalKeysExamined", "totalDocsExamined"].map(count);
    let (acts, fails) = (
        "the keys and documents examined were counted",
        "the keys and documents examined were not counted as MongoDB does",
    );
    findings.check(counts == [Some(1); 3], acts, fails);
    lab.expect_use(doc! { "a": 2 }, &mut findings).await?;
    Ok(findings)
}
