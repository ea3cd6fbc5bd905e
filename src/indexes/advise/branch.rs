//! One way through a filter: each field with the narrowest condition on it.

use std::collections::{BTreeMap, BTreeSet};

use super::shape::{EqualityField, RangeBy, RangeField, Unserved};

/// What a condition makes of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Its value is given.
    Equality {
        /// As one of several.
        is_list: bool,
        /// Null may be among them.
        may_be_null: bool,
    },
    /// A range of it is wanted.
    Range(RangeBy),
}

/// What one branch of a filter asks for.
#[derive(Debug, Clone, Default)]
pub struct Branch {
    fields: BTreeMap<String, Use>,
    unserved: BTreeSet<Unserved>,
}

impl Branch {
    /// The fields whose values are given, by name.
    pub fn equality(&self) -> Vec<EqualityField> {
        let given = self.fields.iter().filter_map(|(field, usage)| match *usage {
            Use::Equality { is_list, may_be_null } => {
                Some(EqualityField { field: field.clone(), is_list, may_be_null })
            }
            Use::Range(_) => None,
        });
        given.collect()
    }

    /// The fields of which a range is wanted, by name.
    pub fn range(&self) -> Vec<RangeField> {
        let ranges = self.fields.iter().filter_map(|(field, usage)| match *usage {
            Use::Range(by) => Some(RangeField { field: field.clone(), by }),
            Use::Equality { .. } => None,
        });
        ranges.collect()
    }

    /// The conditions that no index narrows.
    pub fn unserved(&self) -> Vec<Unserved> {
        self.unserved.iter().cloned().collect()
    }

    /// Adds a condition that holds as well.
    pub fn add(&mut self, field: &str, new: Use) {
        if !is_path(field) {
            self.skip(field, "no path that an index could have");
            return;
        }
        let merged = match (self.fields.get(field).copied(), new) {
            (None, new) => new,
            // All conditions hold at once: the narrowest decides.
            (
                Some(Use::Equality { is_list, may_be_null }),
                Use::Equality { is_list: other_list, may_be_null: other_null },
            ) => Use::Equality { is_list: is_list && other_list, may_be_null: may_be_null && other_null },
            (Some(known @ Use::Equality { .. }), Use::Range(_)) => known,
            (Some(Use::Range(_)), new @ Use::Equality { .. }) => new,
            (Some(Use::Range(known)), Use::Range(by)) => Use::Range(known.min(by)),
        };
        self.fields.insert(field.to_owned(), merged);
    }

    /// Adds a condition that no index narrows.
    pub fn skip(&mut self, field: &str, why: &str) {
        self.unserved.insert(Unserved { field: field.to_owned(), why: why.to_owned() });
    }

    /// Both together.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        for (field, usage) in &other.fields {
            self.add(field, *usage);
        }
        self.unserved.extend(other.unserved.iter().cloned());
        self
    }
}

/// A path that an index key may have.
fn is_path(field: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && !part.starts_with('$');
    field.split('.').all(is_part) && !field.contains('\0')
}
