//! What an index, or a change to one, asks of a server.

use std::collections::BTreeSet;
use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use crate::indexes::index::{Index, Kind};
use crate::indexes::spec::Spec;

/// What an index, or a change to one, asks of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OptionClass {
    /// Keys in ascending and descending order.
    Ordered,
    /// `unique`
    Unique,
    /// `sparse`
    Sparse,
    /// `partialFilterExpression`
    Partial,
    /// `expireAfterSeconds`
    Ttl,
    /// `hidden`
    Hidden,
    /// `collation`
    Collation,
    /// Keys that stand for all fields: `$**`
    Wildcard,
    /// `wildcardProjection`
    WildcardProjection,
    /// `text` keys
    Text,
    /// `2dsphere` keys
    #[serde(rename = "2dsphere")]
    Sphere,
    /// `2d` keys
    #[serde(rename = "2d")]
    Planar,
    /// `hashed` keys
    Hashed,
    /// `storageEngine`
    StorageEngine,
    /// `collMod` with `prepareUnique`
    PrepareUnique,
    /// `collMod` with `unique`, and its dry run
    ConvertUnique,
    /// `collMod` with `hidden`
    ChangeHidden,
    /// `collMod` with `expireAfterSeconds`
    ChangeTtl,
    /// `createIndexes` with `commitQuorum`
    CommitQuorum,
    /// `$indexStats`
    IndexStats,
    /// `explain` with `executionStats`
    Explain,
}

impl OptionClass {
    /// All there are.
    pub const ALL: [Self; 21] = [
        Self::Ordered,
        Self::Unique,
        Self::Sparse,
        Self::Partial,
        Self::Ttl,
        Self::Hidden,
        Self::Collation,
        Self::Wildcard,
        Self::WildcardProjection,
        Self::Text,
        Self::Sphere,
        Self::Planar,
        Self::Hashed,
        Self::StorageEngine,
        Self::PrepareUnique,
        Self::ConvertUnique,
        Self::ChangeHidden,
        Self::ChangeTtl,
        Self::CommitQuorum,
        Self::IndexStats,
        Self::Explain,
    ];

    /// What an index asks of a server.
    pub fn of(index: &Index) -> Vec<Self> {
        let options = &index.options;
        let wildcard = index.keys.iter().any(crate::indexes::index::Key::is_wildcard);
        let ordered = index.keys.iter().any(|key| key.kind.is_ordered() && !key.is_wildcard());
        let classes = [
            (ordered, Self::Ordered),
            (options.unique, Self::Unique),
            (options.sparse, Self::Sparse),
            (options.partial_filter_expression.is_some(), Self::Partial),
            (options.expire_after_seconds.is_some(), Self::Ttl),
            (options.hidden, Self::Hidden),
            (options.collation.is_some(), Self::Collation),
            (wildcard, Self::Wildcard),
            (options.wildcard_projection.is_some(), Self::WildcardProjection),
            (index.has(Kind::Text), Self::Text),
            (index.has(Kind::Sphere), Self::Sphere),
            (index.has(Kind::Planar), Self::Planar),
            (index.has(Kind::Hashed), Self::Hashed),
            (options.storage_engine.is_some(), Self::StorageEngine),
            (options.prepare_unique, Self::PrepareUnique),
        ];
        classes.into_iter().filter_map(|(is_used, class)| is_used.then_some(class)).collect()
    }

    /// What a specification asks of a server: its indexes, and what it takes to verify its queries.
    pub fn of_spec(spec: &Spec) -> BTreeSet<Self> {
        let collections = || spec.databases.iter().flat_map(|database| &database.collections);
        let indexes = collections().flat_map(|collection| &collection.indexes);
        let mut classes: BTreeSet<Self> = indexes.flat_map(|declared| Self::of(&declared.index)).collect();
        if spec.commit_quorum.is_some() {
            classes.insert(Self::CommitQuorum);
        }
        if collections().any(|collection| !collection.queries.is_empty()) {
            classes.insert(Self::Explain);
        }
        classes
    }

    /// As it is written in reports and plans.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ordered => "ordered keys",
            Self::Unique => "unique",
            Self::Sparse => "sparse",
            Self::Partial => "partial",
            Self::Ttl => "TTL",
            Self::Hidden => "hidden",
            Self::Collation => "collation",
            Self::Wildcard => "wildcard",
            Self::WildcardProjection => "wildcard projection",
            Self::Text => "text",
            Self::Sphere => "2dsphere",
            Self::Planar => "2d",
            Self::Hashed => "hashed",
            Self::StorageEngine => "storage engine",
            Self::PrepareUnique => "prepare unique",
            Self::ConvertUnique => "convert to unique",
            Self::ChangeHidden => "hide and unhide",
            Self::ChangeTtl => "change TTL",
            Self::CommitQuorum => "commit quorum",
            Self::IndexStats => "index statistics",
            Self::Explain => "explain",
        }
    }
}

impl fmt::Display for OptionClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::OptionClass;
    use crate::indexes::index::{Index, Key, Kind};

    #[test]
    fn an_index_asks_for_what_it_uses() {
        let mut index = Index::new(vec![Key::new("a", Kind::Ascending)]);
        assert_eq!(OptionClass::of(&index), [OptionClass::Ordered]);
        index.options.unique = true;
        index.options.partial_filter_expression = Some(doc! { "b": 1 });
        assert_eq!(
            OptionClass::of(&index),
            [OptionClass::Ordered, OptionClass::Unique, OptionClass::Partial]
        );
        let wildcard = Index::new(vec![Key::new("a.$**", Kind::Ascending)]);
        assert_eq!(OptionClass::of(&wildcard), [OptionClass::Wildcard]);
        let text = Index::new(vec![Key::new("a", Kind::Descending), Key::new("b", Kind::Text)]);
        assert_eq!(OptionClass::of(&text), [OptionClass::Ordered, OptionClass::Text]);
    }

    #[test]
    fn all_is_all() {
        let mut sorted = OptionClass::ALL;
        sorted.sort_unstable();
        assert_eq!(sorted, OptionClass::ALL);
    }
}
