//! Query shapes: what a query asks of an index, without its values.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use crate::indexes::index::{Key, Kind};

/// Fields that one index may have.
pub const MAX_KEYS: usize = 32;

/// What a query does with the documents that it finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Verb {
    /// Reads them.
    Find,
    /// Begins an aggregation with them.
    Aggregate,
    /// Counts them.
    Count,
    /// Reads the values of a field.
    Distinct,
    /// Changes them.
    Update,
    /// Deletes them.
    Delete,
    /// Changes one and reads it.
    FindAndModify,
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Find => "find",
            Self::Aggregate => "aggregate",
            Self::Count => "count",
            Self::Distinct => "distinct",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::FindAndModify => "findAndModify",
        })
    }
}

/// A field whose value is given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EqualityField {
    /// Its path.
    pub field: String,
    /// Whether it is given as `$in` with several values, which counts as equality: without a sort always, with a
    /// sort up to 200 values.
    pub is_list: bool,
    /// Whether the value can be null, so that an index that leaves documents out does not do.
    pub may_be_null: bool,
}

/// A field of which a range is wanted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RangeField {
    /// Its path.
    pub field: String,
    /// By what.
    pub by: RangeBy,
}

/// By what a range is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum RangeBy {
    /// `$gt`, `$gte`, `$lt`, `$lte`.
    Comparison,
    /// `$in` with a sort and more than 200 values, or with patterns.
    ManyValues,
    /// A pattern that begins with `^` and a fixed text.
    Prefix,
    /// `$type`.
    Type,
    /// `$exists`.
    Existence,
}

impl RangeBy {
    fn word(self) -> &'static str {
        match self {
            Self::Comparison => "comparison",
            Self::ManyValues => "$in with many values",
            Self::Prefix => "prefix pattern",
            Self::Type => "$type",
            Self::Existence => "$exists",
        }
    }
}

/// A field of the order in which documents are wanted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SortField {
    /// Its path.
    pub field: String,
    /// Whether the greatest comes first.
    pub is_descending: bool,
}

impl SortField {
    /// The field as an index keeps it.
    pub fn key(&self) -> Key {
        let kind = if self.is_descending { Kind::Descending } else { Kind::Ascending };
        Key::new(&self.field, kind)
    }
}

/// A condition that no index narrows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
pub struct Unserved {
    /// The field; empty for a condition on the whole document.
    pub field: String,
    /// The operator, or why.
    pub why: String,
}

/// What a query, or one branch of its `$or`, asks of an index.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Shape {
    /// What is done with the documents.
    pub verb: Verb,
    /// The field whose values a `distinct` wants.
    pub distinct: Option<String>,
    /// Fields whose values are given, by name.
    pub equality: Vec<EqualityField>,
    /// The order; fields with one given value make no difference to it and are left out.
    pub sort: Vec<SortField>,
    /// Fields of which a range is wanted, by name.
    pub range: Vec<RangeField>,
    /// Conditions that no index narrows.
    pub unserved: Vec<Unserved>,
    /// The collation, as one line of JSON; none is simple comparison.
    pub collation: Option<String>,
}

impl Shape {
    /// How many fields an index for it would have.
    pub fn width(&self) -> usize {
        let more = self.range.iter().filter(|range| !self.sort.iter().any(|sort| sort.field == range.field));
        self.equality.len() + self.sort.len() + more.count()
    }

    /// The fields that an index for it would have.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        let equality = self.equality.iter().map(|field| field.field.as_str());
        let sort = self.sort.iter().map(|field| field.field.as_str());
        equality.chain(sort).chain(self.range.iter().map(|field| field.field.as_str()))
    }

    /// Whether a value for the field is given.
    pub fn gives(&self, field: &str) -> bool {
        self.equality.iter().any(|given| given.field == field)
    }

    /// The same without conditions on some fields; an order that begins to lack a field ends there.
    #[must_use]
    pub fn without(mut self, fields: &[String], why: &str) -> Self {
        for field in fields {
            self.equality.retain(|given| given.field != *field);
            self.range.retain(|range| range.field != *field);
            if self.sort.iter().any(|sort| sort.field == *field) {
                self.sort.clear();
            }
            self.unserved.push(Unserved { field: field.clone(), why: why.to_owned() });
        }
        self
    }

    /// The same with no more fields than an index may have.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        const WHY: &str = "more fields than an index may have";
        let mut left = Vec::new();
        left.extend(self.equality.split_off(self.equality.len().min(MAX_KEYS)).into_iter().map(|f| f.field));
        if self.equality.len() + self.sort.len() > MAX_KEYS {
            left.extend(self.sort.drain(..).map(|sort| sort.field));
        }
        while self.width() > MAX_KEYS {
            left.extend(self.range.pop().map(|range| range.field));
        }
        self.unserved.extend(left.into_iter().map(|field| Unserved { field, why: WHY.to_owned() }));
        self
    }
}

impl fmt::Display for Shape {
    /// As `find: customer =, sort at -1, range total`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = Vec::new();
        parts.extend(self.distinct.iter().map(|field| format!("values of {field}")));
        for given in &self.equality {
            let operator = if given.is_list { "$in" } else { "=" };
            parts.push(format!("{} {operator}", given.field));
        }
        let sort: Vec<String> = self.sort.iter().map(|sort| shown_key(&sort.key())).collect();
        if !sort.is_empty() {
            parts.push(format!("sort {}", sort.join(" ")));
        }
        for range in &self.range {
            match range.by {
                RangeBy::Comparison => parts.push(format!("range {}", range.field)),
                by => parts.push(format!("range {} ({})", range.field, by.word())),
            }
        }
        write!(f, "{}: {}", self.verb, parts.join(", "))
    }
}

fn shown_key(key: &Key) -> String {
    format!("{} {}", key.field, key.kind.word())
}
