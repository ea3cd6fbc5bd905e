//! What a plan and its figures mean for a declared query. Nothing here speaks to a server.

use super::explain::Explained;
use super::finding::{Finding, FindingKind};
use super::report::Figures;
use crate::indexes::spec::{DeclaredQuery, Operation};

/// Keys and documents that may be examined beyond the limit: the end of a range is one key too many, each branch
/// of an `$in` or `$or` another, and a query that returns nothing may look at a few.
pub const ALLOWANCE: u64 = 10;

/// Judges a query by its plan and by its figures. `names` are those under which its index may be listed.
pub fn judge(query: &DeclaredQuery, names: &[String], explained: &Explained) -> Vec<Finding> {
    let mut found = judge_plan(query, names, explained);
    // A plan that scans is told once; its figures say the same again.
    let scans = found.iter().any(|finding| finding.kind == FindingKind::CollectionScan);
    if let (Some(figures), false) = (&explained.figures, scans) {
        found.extend(judge_figures(query, figures));
    }
    found
}

/// Judges a query by its plan alone.
pub fn judge_plan(query: &DeclaredQuery, names: &[String], explained: &Explained) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut find = |kind, message: String| found.push(Finding::new(kind, message));
    if explained.is_void {
        let message = "the server sees without looking that nothing can match, so that it chose no plan";
        find(FindingKind::NothingToMeasure, message.to_owned());
        return found;
    }
    if explained.scans_collection {
        let message = "the whole collection is scanned: no index serves this query";
        find(FindingKind::CollectionScan, message.to_owned());
    }
    if explained.scans_joined {
        let message = "`$lookup` scans the whole collection that it joins: no index serves its foreignField";
        find(FindingKind::CollectionScan, message.to_owned());
    }
    if explained.sorts && !query.allow_sort {
        let help = match (explained.sorts_groups, explained.scans_collection) {
            (true, _) => "no index can order groups; if that is meant, declare `allowSort: true`",
            (false, true) => "no index gives this order",
            (false, false) => "the index that serves it does not give this order",
        };
        find(FindingKind::InMemorySort, format!("the result is sorted in memory: {help}"));
    }
    if let Some(message) = other_index(query, names, explained) {
        find(FindingKind::OtherIndex, message);
    }
    found
}

fn other_index(query: &DeclaredQuery, names: &[String], explained: &Explained) -> Option<String> {
    let wanted = query.index.as_ref()?;
    let others: Vec<String> = explained
        .indexes
        .iter()
        .filter(|used| !names.contains(used))
        .map(|used| format!("`{used}`"))
        .collect();
    match (&others[..], &explained.indexes[..]) {
        ([], [_, ..]) => None,
        ([], []) if explained.scans_collection => None,
        ([], []) => Some(format!("no index serves it, where `{wanted}` should")),
        (others, _) => Some(format!("{} serves it, where `{wanted}` should", others.join(" and "))),
    }
}

fn judge_figures(query: &DeclaredQuery, figures: &Figures) -> Vec<Finding> {
    let of = [
        (
            FindingKind::KeysExamined,
            "keys",
            "keysPerReturned",
            figures.keys_examined,
            query.keys_per_returned,
        ),
        (
            FindingKind::DocsExamined,
            "documents",
            "docsPerReturned",
            figures.docs_examined,
            query.docs_per_returned,
        ),
    ];
    let too_many = of.into_iter().filter_map(|(kind, what, name, examined, limit)| {
        let returned = figures.returned;
        let allowed = limit * returned.max(1) as f64 + ALLOWANCE as f64;
        (examined as f64 > allowed).then(|| {
            let each = examined as f64 / returned.max(1) as f64;
            let help = if has_skip(query) { "; what is skipped is examined too: page by a range" } else { "" };
            let message = format!(
                "{examined} {what} examined for {returned} returned: {each:.1} each, where `{name}` allows {limit}{help}"
            );
            Finding::new(kind, message)
        })
    });
    too_many.collect()
}

fn has_skip(query: &DeclaredQuery) -> bool {
    matches!(query.operation, Operation::Find { skip: Some(1..), .. })
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::judge;
    use crate::config::Place;
    use crate::indexes::spec::{DeclaredQuery, Operation};
    use crate::indexes::verify::explain::Explained;
    use crate::indexes::verify::finding::FindingKind;
    use crate::indexes::verify::report::Figures;

    fn query() -> DeclaredQuery {
        DeclaredQuery {
            name: "q".to_owned(),
            operation: Operation::Count(doc! {}),
            collation: None,
            index: Some("a_1".to_owned()),
            keys_per_returned: 2.0,
            docs_per_returned: 1.0,
            samples: 3,
            allow_sort: false,
            place: Place { line: 1, column: 1 },
        }
    }

    fn plan(index: &str, returned: u64, keys: u64, docs: u64) -> Explained {
        Explained {
            stages: vec!["IXSCAN".to_owned()],
            indexes: vec![index.to_owned()],
            figures: Some(Figures::new(returned, keys, docs)),
            ..Explained::default()
        }
    }

    fn kinds(query: &DeclaredQuery, explained: &Explained) -> Vec<FindingKind> {
        let names = ["a_1".to_owned(), "a_1_r0a1b2c3d".to_owned()];
        judge(query, &names, explained).into_iter().map(|finding| finding.kind).collect()
    }

    #[test]
    fn a_few_keys_too_many_are_allowed_whatever_is_returned() {
        assert_eq!(kinds(&query(), &plan("a_1", 0, 12, 11)), []);
        assert_eq!(kinds(&query(), &plan("a_1", 0, 13, 11)), [FindingKind::KeysExamined]);
        assert_eq!(kinds(&query(), &plan("a_1", 0, 12, 12)), [FindingKind::DocsExamined]);
        assert_eq!(kinds(&query(), &plan("a_1", 100, 210, 110)), []);
        let both = [FindingKind::KeysExamined, FindingKind::DocsExamined];
        assert_eq!(kinds(&query(), &plan("a_1", 100, 211, 111)), both);
    }

    #[test]
    fn the_replacement_of_an_index_serves_as_well_another_does_not() {
        assert_eq!(kinds(&query(), &plan("a_1_r0a1b2c3d", 1, 1, 1)), []);
        assert_eq!(kinds(&query(), &plan("b_1", 1, 1, 1)), [FindingKind::OtherIndex]);
        let free = DeclaredQuery { index: None, ..query() };
        assert_eq!(kinds(&free, &plan("b_1", 1, 1, 1)), []);
    }

    #[test]
    fn a_sort_may_be_allowed_a_scan_may_not() {
        let sorted = Explained { sorts: true, ..plan("a_1", 1, 1, 1) };
        assert_eq!(kinds(&query(), &sorted), [FindingKind::InMemorySort]);
        assert_eq!(kinds(&DeclaredQuery { allow_sort: true, ..query() }, &sorted), []);
        let scanned = Explained { scans_collection: true, indexes: Vec::new(), ..plan("", 1, 0, 900) };
        assert_eq!(kinds(&query(), &scanned), [FindingKind::CollectionScan]);
    }

    #[test]
    fn a_plan_that_was_never_made_proves_nothing() {
        let void = Explained { is_void: true, ..plan("a_1", 0, 0, 0) };
        assert_eq!(kinds(&query(), &void), [FindingKind::NothingToMeasure]);
    }
}
