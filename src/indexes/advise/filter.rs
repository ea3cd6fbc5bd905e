//! Filters as index fields see them: which fields are given, which are ranges, which no index narrows.

use bson::{Bson, Document};

use super::branch::{Branch, Use};
use super::shape::RangeBy;

/// Values of a `$in` that a server takes apart so that a sort still comes from the index (MongoDB's manual, "The
/// ESR Guideline": from 201 on it behaves as a range).
const LIST_WITH_SORT: usize = 200;
/// A filter whose `$or` come to more branches is not taken apart.
const MAX_BRANCHES: usize = 16;
/// Servers refuse filters that are nested deeper than this; so does this.
const MAX_DEPTH: usize = 50;

/// Why a query is left out of the advice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOut {
    /// `$text`, `$search`.
    Text,
    /// `$near`, `$geoWithin` and the like.
    Place,
    /// A sort by what is no field.
    OddSort,
    /// Nested too deeply.
    Depth,
    /// Neither filter nor sort: the whole collection is wanted.
    Everything,
}

impl LeftOut {
    /// As notes say it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Text => "text search: text indexes are not proposed",
            Self::Place => "search by place: geospatial indexes are not proposed",
            Self::OddSort => "sorted by $natural or a score: no index serves that",
            Self::Depth => "filter nested too deeply",
            Self::Everything => "reads the whole collection: no filter, no sort",
        }
    }
}

/// Reads a filter: one branch, or one for each way through its `$or`.
pub fn read(filter: &Document, has_sort: bool) -> Result<Vec<Branch>, LeftOut> {
    Reader { has_sort }.conjunction(filter, "", 0)
}

struct Reader {
    has_sort: bool,
}

impl Reader {
    fn conjunction(&self, filter: &Document, prefix: &str, depth: usize) -> Result<Vec<Branch>, LeftOut> {
        if depth > MAX_DEPTH {
            return Err(LeftOut::Depth);
        }
        let mut branches = vec![Branch::default()];
        for (name, value) in filter {
            let found = match (name.as_str(), value) {
                ("$and", Bson::Array(parts)) => self.all_of(parts, prefix, depth)?,
                ("$or", Bson::Array(parts)) => self.any_of(parts, prefix, depth)?,
                ("$text", _) => return Err(LeftOut::Text),
                ("$comment" | "$alwaysTrue", _) => continue,
                (operator, _) if operator.starts_with('$') => vec![unserved("", operator)],
                (field, value) => self.predicate(&format!("{prefix}{field}"), value, depth)?,
            };
            branches = product(&branches, &found).unwrap_or_else(|| {
                let skipped = unserved("", "$or of too many branches");
                branches.into_iter().map(|branch| branch.and(&skipped)).collect()
            });
        }
        Ok(branches)
    }

    fn all_of(&self, parts: &[Bson], prefix: &str, depth: usize) -> Result<Vec<Branch>, LeftOut> {
        let mut branches = vec![Branch::default()];
        for part in parts.iter().filter_map(Bson::as_document) {
            let found = self.conjunction(part, prefix, depth + 1)?;
            branches = product(&branches, &found).unwrap_or(branches);
        }
        Ok(branches)
    }

    fn any_of(&self, parts: &[Bson], prefix: &str, depth: usize) -> Result<Vec<Branch>, LeftOut> {
        let mut branches = Vec::new();
        for part in parts.iter().filter_map(Bson::as_document) {
            branches.extend(self.conjunction(part, prefix, depth + 1)?);
        }
        Ok(if branches.is_empty() { vec![Branch::default()] } else { branches })
    }

    fn predicate(&self, field: &str, value: &Bson, depth: usize) -> Result<Vec<Branch>, LeftOut> {
        let mut branch = Branch::default();
        match value {
            Bson::Document(operators) if is_operators(operators) => {
                return self.operators(field, operators, depth);
            }
            Bson::RegularExpression(regex) => {
                pattern(&mut branch, field, regex.pattern.as_str(), regex.options.as_str());
            }
            value => branch.add(field, given(value)),
        }
        Ok(vec![branch])
    }

    fn operators(&self, field: &str, operators: &Document, depth: usize) -> Result<Vec<Branch>, LeftOut> {
        let mut branch = Branch::default();
        let mut nested = vec![Branch::default()];
        for (operator, operand) in operators {
            match (operator.as_str(), operand) {
                ("$eq", value) => branch.add(field, given(value)),
                ("$in", values) => branch.add(field, self.list(values)),
                ("$all", Bson::Array(_)) => {
                    branch.add(field, Use::Equality { is_list: false, may_be_null: false });
                }
                ("$gt" | "$gte" | "$lt" | "$lte", _) => branch.add(field, Use::Range(RangeBy::Comparison)),
                ("$exists", _) => branch.add(field, Use::Range(RangeBy::Existence)),
                ("$type", _) => branch.add(field, Use::Range(RangeBy::Type)),
                ("$regex", operand) => {
                    let options = operators.get_str("$options").unwrap_or_default();
                    match operand {
                        Bson::String(text) => pattern(&mut branch, field, text, options),
                        Bson::RegularExpression(regex) => {
                            pattern(&mut branch, field, regex.pattern.as_str(), regex.options.as_str());
                        }
                        _ => branch.skip(field, "$regex"),
                    }
                }
                ("$options" | "$maxDistance" | "$minDistance", _) => {}
                ("$near" | "$nearSphere" | "$geoNear" | "$geoWithin" | "$geoIntersects" | "$within", _) => {
                    return Err(LeftOut::Place);
                }
                ("$elemMatch", Bson::Document(element)) => {
                    let found = match is_operators(element) {
                        true => self.operators(field, element, depth + 1)?,
                        false => self.conjunction(element, &format!("{field}."), depth + 1)?,
                    };
                    nested = product(&nested, &found).unwrap_or(nested);
                }
                (other, _) => branch.skip(field, other),
            }
        }
        Ok(product(&[branch], &nested).unwrap_or_default())
    }

    fn list(&self, values: &Bson) -> Use {
        let Bson::Array(values) = values else {
            return Use::Equality { is_list: true, may_be_null: true };
        };
        let has_pattern = values.iter().any(|value| matches!(value, Bson::RegularExpression(_)));
        if has_pattern || (self.has_sort && values.len() > LIST_WITH_SORT) {
            return Use::Range(RangeBy::ManyValues);
        }
        Use::Equality { is_list: values.len() != 1, may_be_null: values.contains(&Bson::Null) }
    }
}

fn given(value: &Bson) -> Use {
    Use::Equality { is_list: false, may_be_null: matches!(value, Bson::Null | Bson::Undefined) }
}

fn unserved(field: &str, why: &str) -> Branch {
    let mut branch = Branch::default();
    branch.skip(field, why);
    branch
}

/// `{$gt: 5}` and not `{street: "…"}`; `$ref` and `$id` make a reference, which is a value.
fn is_operators(document: &Document) -> bool {
    let first = document.keys().next();
    first.is_some_and(|key| {
        key.starts_with('$') && !["$ref", "$id", "$db", "$and", "$or", "$nor"].contains(&key.as_str())
    })
}

/// Only a pattern that begins with a fixed text bounds the keys that are read.
fn pattern(branch: &mut Branch, field: &str, text: &str, options: &str) {
    let is_fixed = |c: char| c.is_alphanumeric() || "_-/ @#:".contains(c);
    let begins = text.strip_prefix('^').is_some_and(|rest| rest.starts_with(is_fixed));
    if begins && !text.contains('|') && !options.contains(['i', 'm', 'x']) {
        branch.add(field, Use::Range(RangeBy::Prefix));
    } else {
        branch.skip(field, "pattern without a fixed beginning");
    }
}

/// Every branch of the one with every branch of the other; nothing when that would be too many.
fn product(one: &[Branch], other: &[Branch]) -> Option<Vec<Branch>> {
    if one.len() * other.len() > MAX_BRANCHES {
        return None;
    }
    Some(one.iter().flat_map(|a| other.iter().map(|b| a.clone().and(b))).collect())
}

#[cfg(test)]
mod tests {
    use bson::{Bson, doc};

    use super::{LeftOut, read};

    /// Each branch as `equality | range | unserved`.
    fn seen(filter: &bson::Document, has_sort: bool) -> Vec<String> {
        let branches = read(filter, has_sort).unwrap();
        let words = branches.iter().map(|branch| {
            let equality: Vec<_> = branch.equality().into_iter().map(|field| field.field).collect();
            let range: Vec<_> = branch.range().into_iter().map(|field| field.field).collect();
            let unserved: Vec<_> = branch
                .unserved()
                .into_iter()
                .map(|skipped| format!("{}{}", skipped.field, skipped.why))
                .collect();
            format!("{} | {} | {}", equality.join(" "), range.join(" "), unserved.join(" "))
        });
        words.collect()
    }

    #[test]
    fn operators_are_sorted_by_what_an_index_can_do_with_them() {
        let filter = doc! {
            "a": 1, "b": { "$gt": 1, "$lt": 5 }, "c": { "$ne": 3 }, "d": { "$eq": 2, "$gt": 1 },
            "e": { "$regex": "^ab" }, "f": { "$regex": "ab" }, "g": { "street": "x" }, "$comment": "hi",
        };
        assert_eq!(seen(&filter, false), ["a d g | b e | c$ne fpattern without a fixed beginning"]);
    }

    #[test]
    fn long_lists_are_ranges_only_where_a_sort_follows() {
        let list = |count: i32| doc! { "a": { "$in": (0..count).map(Bson::Int32).collect::<Vec<_>>() } };
        assert_eq!(seen(&list(500), false), ["a |  | "]);
        assert_eq!(seen(&list(200), true), ["a |  | "]);
        assert_eq!(seen(&list(201), true), [" | a | "]);
    }

    #[test]
    fn each_way_through_an_or_is_a_branch() {
        let filter = doc! { "t": 1, "$or": [{ "a": 1 }, { "b": { "$lt": 2 } }] };
        assert_eq!(seen(&filter, false), ["a t |  | ", "t | b | "]);
    }

    #[test]
    fn elements_of_arrays_are_fields_below_the_array() {
        let filter = doc! { "items": { "$elemMatch": { "sku": 1, "n": { "$gt": 2 } } }, "tags": { "$elemMatch": { "$gt": 1 } } };
        assert_eq!(seen(&filter, false), ["items.sku | items.n tags | "]);
    }

    #[test]
    fn searches_for_texts_and_places_are_left_out() {
        assert_eq!(read(&doc! { "$text": { "$search": "x" } }, false).unwrap_err(), LeftOut::Text);
        assert_eq!(read(&doc! { "at": { "$near": [1, 2] } }, false).unwrap_err(), LeftOut::Place);
    }
}
