//! Why a proposed index is as it is, and what to look at before it is built.

use std::collections::BTreeSet;

use super::catalog::Collection;
use super::propose::Proposal;
use super::shape::Shape;
use super::source::sample::Sample;
use crate::indexes::index::Key;

impl Proposal {
    /// One sentence each.
    pub fn reasons(&self, collection: &Collection, sample: Option<&Sample>) -> Vec<String> {
        let Some(widest) = self.needs.iter().max_by_key(|need| need.shape.width()) else { return Vec::new() };
        let shape = &widest.shape;
        let mut reasons = vec![self.order(shape, sample)];
        let ranges =
            shape.range.iter().filter(|range| !shape.sort.iter().any(|sort| sort.field == range.field));
        let ranges: Vec<&str> = ranges.map(|range| range.field.as_str()).collect();
        if !shape.sort.is_empty() && !ranges.is_empty() {
            let fields = ranges.join(", ");
            reasons.push(format!(
                "if the range of {fields} leaves few documents, {fields} before the sort reads less; compare both"
            ));
        }
        for need in &self.needs {
            for skipped in &need.shape.unserved {
                let field = if skipped.field.is_empty() { "a condition" } else { skipped.field.as_str() };
                reasons.push(format!("not narrowed by an index: {field} ({})", skipped.why));
            }
        }
        if sample.is_some_and(|sample| self.keys.iter().any(|key| sample.array(&key.field).is_some())) {
            reasons.push(
                "a field is an array in some documents: the index has a key for each element".to_owned(),
            );
        }
        reasons.extend(same_keys(&self.keys, collection));
        if self.needs.iter().any(|need| !need.is_measured) {
            reasons.push("no source told what the queries cost: judged by shape and size alone".to_owned());
        }
        let mut said = BTreeSet::new();
        reasons.retain(|reason| said.insert(reason.clone()));
        reasons
    }

    /// Why the fields are in this order.
    fn order(&self, shape: &Shape, sample: Option<&Sample>) -> String {
        let of = |wanted: &dyn Fn(&str) -> bool| {
            let fields = self.keys.iter().map(|key| key.field.as_str()).filter(|field| wanted(field));
            fields.map(str::to_owned).collect::<Vec<_>>()
        };
        let sorts = |field: &str| shape.sort.iter().any(|sort| sort.field == field);
        let given = of(&|field| shape.gives(field));
        let counted = |field: &String| match sample {
            Some(sample) if given.len() > 1 => format!("{field} ({} values)", sample.distinct(field)),
            _ => field.clone(),
        };
        let mut parts = Vec::new();
        if !given.is_empty() {
            parts.push(format!("equality {}", given.iter().map(counted).collect::<Vec<_>>().join(", ")));
        }
        for (word, fields) in
            [("sort", of(&sorts)), ("range", of(&|field| !shape.gives(field) && !sorts(field)))]
        {
            if !fields.is_empty() {
                parts.push(format!("{word} {}", fields.join(", ")));
            }
        }
        let documents = sample
            .filter(|_| given.len() > 1)
            .map(|sample| format!("; values counted in a sample of {} documents", sample.documents));
        format!("{}{}", parts.join(", then "), documents.unwrap_or_default())
    }
}

/// An existing index with the same keys that does not do, and why not.
fn same_keys(keys: &[Key], collection: &Collection) -> Vec<String> {
    let same = collection.live.iter().filter(|live| live.keys == keys);
    let words = same.map(|live| {
        let options = live.shown_options();
        format!("`{}` has these keys and does not serve the queries, for it has {options}", live.name)
    });
    words.collect()
}
