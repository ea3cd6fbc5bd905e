//! One probe for each option of an index: make it, list it again, try whether it acts.

use bson::{Document, doc};

use super::finding::{Findings, Refused, Stop};
use super::lab::{DUPLICATE_KEY, INDEX, Lab};
use crate::indexes::index::{Index, Key, Kind, Options};

type Found = Result<Findings, Stop>;

/// An index on field `a`.
pub fn on_a(options: Options) -> Index {
    of_kind("a", Kind::Ascending, options)
}

fn of_kind(field: &str, kind: Kind, options: Options) -> Index {
    Index { name: INDEX.to_owned(), keys: vec![Key::new(field, kind)], options }
}

fn enforced() -> Options {
    Options { unique: true, ..Options::default() }
}

pub async fn ordered(lab: &Lab<'_>) -> Found {
    let mut findings = Findings::default();
    let mut index = on_a(Options::default());
    index.keys.push(Key::new("b", Kind::Descending));
    lab.make(&index, &mut findings).await?;
    lab.fill([doc! { "a": 1, "b": 1 }]).await?;
    lab.expect_use(doc! { "a": 1 }, &mut findings).await?;
    Ok(findings)
}

/// The document must be refused as a duplicate.
pub async fn expect_duplicate(
    lab: &Lab<'_>,
    document: Document,
    what: &str,
    findings: &mut Findings,
) -> Result<(), Stop> {
    let inserted = lab.try_insert(document).await?;
    findings.check(is_duplicate(&inserted), &format!("{what} was refused"), &format!("{what} was accepted"));
    Ok(())
}

/// The document must be accepted.
async fn expect_room(
    lab: &Lab<'_>,
    document: Document,
    what: &str,
    findings: &mut Findings,
) -> Result<(), Stop> {
    let inserted = lab.try_insert(document).await?;
    findings.check(inserted.is_ok(), &format!("{what} was accepted"), &format!("{what} was refused"));
    Ok(())
}

fn is_duplicate<T>(answer: &Result<T, Refused>) -> bool {
    answer.as_ref().is_err_and(|refused| refused.code == Some(DUPLICATE_KEY))
}

/// New duplicates are refused, and so is a build over old ones.
pub async fn unique(lab: &Lab<'_>) -> Found {
    let mut findings = Findings::default();
    lab.fill([doc! { "a": 1, "b": 1 }, doc! { "a": 2, "b": 1 }]).await?;
    lab.make(&on_a(enforced()), &mut findings).await?;
    expect_duplicate(lab, doc! { "a": 1 }, "a second document with the same key", &mut findings).await?;
    let mut dirty = of_kind("b", Kind::Ascending, enforced());
    dirty.name = "dirty".to_owned();
    let built = lab.ask(lab.creation(&dirty)).await?;
    let (refused, accepted) =
        ("a build over duplicates was refused", "a build over duplicates was said to be done");
    findings.check(is_duplicate(&built), refused, accepted);
    Ok(findings)
}

pub async fn sparse(lab: &Lab<'_>) -> Found {
    let mut findings = Findings::default();
    lab.make(&on_a(Options { sparse: true, ..enforced() }), &mut findings).await?;
    lab.fill([doc! { "b": 1 }]).await?;
    expect_room(lab, doc! { "b": 2 }, "a second document without the field", &mut findings).await?;
    lab.fill([doc! { "a": 1 }]).await?;
    expect_duplicate(lab, doc! { "a": 1 }, "a second document with the same key", &mut findings).await?;
    Ok(findings)
}

pub async fn partial(lab: &Lab<'_>) -> Found {
    let mut findings = Findings::default();
    let filter = Some(doc! { "b": { "$gt": 5 } });
    lab.make(&on_a(Options { partial_filter_expression: filter, ..enforced() }), &mut findings).await?;
    lab.fill([doc! { "a": 1, "b": 9 }]).await?;
    expect_room(lab, doc! { "a": 1, "b": 1 }, "the same key outside of the filter", &mut findings).await?;
    expect_duplicate(lab, doc! { "a": 1, "b": 8 }, "the same key within the filter", &mut findings).await?;
    Ok(findings)
}

/// Documents are deleted once a minute: that is not waited for.
pub async fn ttl(lab: &Lab<'_>) -> Found {
    let mut findings = Findings::default();
    let index = on_a(Options { expire_after_seconds: Some(86_400), ..Options::default() });
    lab.make(&index, &mut findings).await?;
    findings.acts("its deletions were not waited for");
    Ok(findings)
}

/// The planner decides; where it does not tell, a hint does.
pub async fn hidden(lab: &Lab<'_>) -> Found {
    let mut findings = Findings::default();
    lab.make(&on_a(Options { hidden: true, ..Options::default() }), &mut findings).await?;
    lab.fill([doc! { "a": 1 }]).await?;
    let hinted = lab.ask(doc! { "find": lab.name, "filter": { "a": 1 }, "hint": INDEX }).await?;
    match (lab.is_used(doc! { "a": 1 }).await?, hinted) {
        (Some(true), _) => findings.fails("explain uses it although it is hidden"),
        (_, Err(_)) => findings.acts("a hint to it was refused"),
        (Some(false), Ok(_)) => findings.acts("explain does not use it, though a hint to it was accepted"),
        (None, Ok(_)) => findings.fails("a hint to it was accepted although it is hidden"),
    }
    Ok(findings)
}

pub async fn collation(lab: &Lab<'_>) -> Found {
    let mut findings = Findings::default();
    let collation = Some(doc! { "locale": "en", "strength": 2 });
    lab.make(&on_a(Options { collation, ..enforced() }), &mut findings).await?;
    lab.fill([doc! { "a": "ada" }]).await?;
    let what = "a key that differs only in case, which the collation ignores,";
    expect_duplicate(lab, doc! { "a": "ADA" }, what, &mut findings).await?;
    Ok(findings)
}

pub async fn wildcard(lab: &Lab<'_>) -> Found {
    let mut findings = Findings::default();
    lab.make(&of_kind("$**", Kind::Ascending, Options::default()), &mut findings).await?;
    lab.fill([doc! { "a": 1 }]).await?;
    lab.expect_use(doc! { "a": 1 }, &mut findings).await?;
    Ok(findings)
}

pub async fn wildcard_projection(lab: &Lab<'_>) -> Found {
    let mut findings = Findings::default();
    let options = Options { wildcard_projection: Some(doc! { "a": 1 }), ..Options::default() };
    lab.make(&of_kind("$**", Kind::Ascending, options), &mut findings).await?;
    lab.fill([doc! { "a": 1, "b": 1 }]).await?;
    lab.expect_use(doc! { "a": 1 }, &mut findings).await?;
    if lab.is_used(doc! { "b": 1 }).await? == Some(true) {
        findings.fails("explain uses it for a field that the projection leaves out");
    }
    Ok(findings)
}

pub async fn text(lab: &Lab<'_>) -> Found {
    let search = || doc! { "$text": { "$search": "fox" } };
    needs_index(lab, doc! { "a": "a quick fox" }, of_kind("a", Kind::Text, Options::default()), search).await
}

pub async fn sphere(lab: &Lab<'_>) -> Found {
    let point = || doc! { "type": "Point", "coordinates": [13.4, 52.5] };
    let near = || doc! { "a": { "$near": { "$geometry": point(), "$maxDistance": 1_000 } } };
    needs_index(lab, doc! { "a": point() }, of_kind("a", Kind::Sphere, Options::default()), near).await
}

pub async fn planar(lab: &Lab<'_>) -> Found {
    let near = || doc! { "a": { "$near": [1.0, 2.0] } };
    needs_index(lab, doc! { "a": [1.0, 2.0] }, of_kind("a", Kind::Planar, Options::default()), near).await
}

/// A query that MongoDB answers only where there is an index of the kind: it is refused before, answered after.
async fn needs_index(lab: &Lab<'_>, document: Document, index: Index, query: impl Fn() -> Document) -> Found {
    let mut findings = Findings::default();
    lab.fill([document]).await?;
    let before = lab.find(query()).await?;
    lab.make(&index, &mut findings).await?;
    match (before, lab.find(query()).await?) {
        (Err(_), Ok(1)) => findings.acts("a query that needs it was refused before and answered after"),
        // It does not need it here; then it must at least make use of it.
        (Ok(_), Ok(1)) => lab.expect_use(query(), &mut findings).await?,
        (_, Ok(found)) => {
            findings.fails(format!("the query that needs it found {found} documents instead of 1"));
        }
        (_, Err(refused)) => {
            findings.fails(format!("the query that needs it was refused: {}", refused.words));
        }
    }
    Ok(findings)
}

pub async fn hashed(lab: &Lab<'_>) -> Found {
    let mut findings = Findings::default();
    lab.make(&of_kind("a", Kind::Hashed, Options::default()), &mut findings).await?;
    lab.fill([doc! { "a": 1 }]).await?;
    lab.expect_use(doc! { "a": 1 }, &mut findings).await?;
    Ok(findings)
}

pub async fn storage_engine(lab: &Lab<'_>) -> Found {
    let mut findings = Findings::default();
    let settings = Some(doc! { "wiredTiger": { "configString": "prefix_compression=true" } });
    lab.make(&on_a(Options { storage_engine: settings, ..Options::default() }), &mut findings).await?;
    Ok(findings)
}
