//! Verifications for people.

use crate::indexes::spec::Unmanaged;
use crate::indexes::verify::report::{
    CollectionProof, Difference, Figures, FoundIndex, IndexProof, MemberProof, MemberState, QueryProof, Usage,
};
use crate::indexes::verify::{Verdict, VerifyReport};
use crate::output::style;
use crate::output::table::{table, thousands};
use crate::text::one_line;

/// The proofs as two tables, what is wrong, what to do next, and what it comes to.
pub fn render(report: &VerifyReport) -> String {
    let mut text = String::new();
    let deployment = &report.deployment;
    let members = deployment.members.len();
    let noun = if members == 1 { "member" } else { "members" };
    text += &format!(
        "{}: {}, version {}, {members} {noun}\n",
        one_line(&deployment.address),
        one_line(&deployment.topology),
        one_line(&deployment.version)
    );
    text += &indexes(report);
    text += &queries(report);
    for collection in &report.collections {
        text += &wrong(&report.spec, collection);
    }
    for note in &report.notes {
        text += &format!("{}: {}\n", style::dim("note"), one_line(note));
    }
    text + "\n" + &summary(report)
}

fn indexes(report: &VerifyReport) -> String {
    let rows = report.collections.iter().flat_map(|collection| {
        collection.indexes.iter().map(|index| {
            let name = format!("{}.{}", collection.database, collection.collection);
            let (on, uses) = (on_members(index), uses(index));
            vec![word(index.verdict), one_line(&name), one_line(&index.index), on, uses]
        })
    });
    titled(&["verdict", "collection", "index", "on members", "uses"], 4, rows.collect())
}

fn queries(report: &VerifyReport) -> String {
    let rows = report.collections.iter().flat_map(|collection| {
        collection.queries.iter().map(|query| {
            let name = one_line(&format!("{}: {}", collection.collection, query.query));
            let figure =
                |of: fn(&Figures) -> String| query.figures.as_ref().map_or_else(|| "-".to_owned(), of);
            vec![
                word(query.verdict),
                name,
                served_by(query),
                figure(|figures| thousands(figures.returned)),
                figure(|figures| thousands(figures.keys_examined)),
                figure(|figures| thousands(figures.docs_examined)),
                figure(|figures| format!("{:.1}", figures.examined_per_returned)),
            ]
        })
    });
    let header = ["verdict", "query", "served by", "returned", "keys", "documents", "per returned"];
    titled(&header, 3, rows.collect())
}

fn titled(header: &[&str], numbers_from: usize, rows: Vec<Vec<String>>) -> String {
    if rows.is_empty() { String::new() } else { format!("\n{}", table(header, numbers_from, rows)) }
}

fn on_members(index: &IndexProof) -> String {
    let count = |state| index.members.iter().filter(|member| member.state == state).count();
    let all = index.members.len() - count(MemberState::NotOnThisShard);
    format!("{} of {all}", count(MemberState::Present))
}

/// Uses on all members, and the moment from which on all of them counted.
fn uses(index: &IndexProof) -> String {
    let usages: Vec<&Usage> = index.members.iter().filter_map(|member| member.usage.as_ref()).collect();
    let Some(since) = usages.iter().map(|usage| usage.since.as_deref()).max() else { return "-".to_owned() };
    let uses = thousands(usages.iter().map(|usage| usage.operations).sum());
    // Seconds would take room and tell nothing.
    match since.and_then(|since| since.get(..16)) {
        Some(minute) => format!("{uses} since {minute}Z"),
        None => uses,
    }
}

fn served_by(query: &QueryProof) -> String {
    match &query.indexes[..] {
        [] => "-".to_owned(),
        indexes => one_line(&indexes.join(", ")),
    }
}

fn wrong(spec: &str, collection: &CollectionProof) -> String {
    let name = format!("{}.{}", collection.database, collection.collection);
    let complaints = complaints(spec, &name, collection).into_iter();
    let mut text: String =
        complaints.map(|(verdict, line)| format!("{}: {}\n", word(verdict), one_line(&line))).collect();
    for index in &collection.unmanaged {
        text += &unmanaged(collection.unmanaged_policy, &name, index);
    }
    if text.is_empty() { text } else { format!("\n{text}") }
}

/// What is wrong with a collection, with the line of the specification that asks for it.
fn complaints(spec: &str, name: &str, collection: &CollectionProof) -> Vec<(Verdict, String)> {
    let problems = collection.problems.iter().map(|problem| (Verdict::Failed, problem.clone()));
    let indexes = collection.indexes.iter().flat_map(|index| {
        let ailments = index.members.iter().filter_map(move |member| ailment(index, member));
        let at = format!("{spec}:{}: {name}, index {}", index.line, index.index);
        ailments.map(move |ailment| (Verdict::Failed, format!("{at}: {ailment}")))
    });
    let still_there = collection.still_there.iter().map(|index| {
        let on = index.members.join(", ");
        (Verdict::Failed, format!("{name}, index {}: must be gone, and is still on {on}", index.name))
    });
    let queries = collection.queries.iter().flat_map(|query| {
        let at = format!("{spec}:{}: {name}, query {}", query.line, query.query);
        query
            .findings
            .iter()
            .map(move |finding| (finding.kind.verdict(), format!("{at}: {}", finding.message)))
    });
    problems.chain(indexes).chain(still_there).chain(queries).collect()
}

/// How a member has an index otherwise than declared; nothing when all is well.
fn ailment(index: &IndexProof, member: &MemberProof) -> Option<String> {
    let at = &member.member;
    match member.state {
        MemberState::Present | MemberState::NotOnThisShard => None,
        MemberState::Missing => Some(format!("missing on {at}: {}", index.definition)),
        MemberState::Building => Some(format!("still being built on {at}")),
        MemberState::Hidden => Some(format!("hidden on {at}, and not declared so")),
        MemberState::Different => {
            let differences: Vec<String> = member.differences.iter().map(difference).collect();
            Some(format!("differs on {at}: {}", differences.join("; ")))
        }
    }
}

fn difference(difference: &Difference) -> String {
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "not set".to_owned());
    format!("{} declared {}, found {}", difference.of, shown(&difference.declared), shown(&difference.found))
}

/// What is not named by the specification is told as its policy says; where members differ, always.
fn unmanaged(policy: Unmanaged, collection: &str, index: &FoundIndex) -> String {
    let told = match policy {
        Unmanaged::Keep if index.missing_on.is_empty() => return String::new(),
        Unmanaged::Keep | Unmanaged::Report => "not in the specification",
        Unmanaged::Hide => "not in the specification; `apply` hides it",
    };
    let where_not = match &index.missing_on[..] {
        [] => String::new(),
        members => format!("; on {}, and not on {}", index.members.join(", "), members.join(", ")),
    };
    let line = format!("{collection}, index {} {}: {told}{where_not}", index.name, index.definition);
    format!("{}: {}\n", style::dim("note"), one_line(&line))
}

fn summary(report: &VerifyReport) -> String {
    let collections = &report.collections;
    let indexes: Vec<Verdict> =
        collections.iter().flat_map(|collection| &collection.indexes).map(|index| index.verdict).collect();
    let queries: Vec<Verdict> =
        collections.iter().flat_map(|collection| &collection.queries).map(|query| query.verdict).collect();
    let passed = |of: &[Verdict]| of.iter().filter(|verdict| **verdict == Verdict::Passed).count();
    let line = format!(
        "{}: {} of {} indexes and {} of {} queries proved",
        title(report.verdict),
        passed(&indexes),
        indexes.len(),
        passed(&queries),
        queries.len()
    );
    format!("{line}\n{}", next(report))
}

/// What to do next, where the lines above do not say it.
fn next(report: &VerifyReport) -> &'static str {
    let is_other_than_declared = |collection: &CollectionProof| {
        let has_failed = |index: &IndexProof| index.verdict == Verdict::Failed;
        !collection.still_there.is_empty() || collection.indexes.iter().any(has_failed)
    };
    let is_unserved = |collection: &CollectionProof| {
        collection.queries.iter().any(|query| query.verdict == Verdict::Failed)
    };
    let any = |is: &dyn Fn(&CollectionProof) -> bool| report.collections.iter().any(is);
    if any(&is_other_than_declared) {
        "next: scalectl migrate indexes plan, which shows what has to change\n"
    } else if any(&is_unserved) {
        "next: declare what serves the queries, then scalectl migrate indexes plan\n"
    } else {
        ""
    }
}

fn word(verdict: Verdict) -> String {
    match verdict {
        Verdict::Passed => style::well("passed"),
        Verdict::Inconclusive => style::look("inconclusive"),
        Verdict::Failed => style::bad("failed"),
    }
}

fn title(verdict: Verdict) -> String {
    match verdict {
        Verdict::Passed => style::well("PASSED"),
        Verdict::Inconclusive => style::look("INCONCLUSIVE"),
        Verdict::Failed => style::bad("FAILED"),
    }
}

#[cfg(test)]
mod tests {
    use super::{queries, render};
    use crate::indexes::spec::Unmanaged;
    use crate::indexes::verify::report::{
        CollectionProof, DeploymentReport, Figures, FoundIndex, QueryProof,
    };
    use crate::indexes::verify::{Verdict, VerifyReport};

    fn report(collection: CollectionProof) -> VerifyReport {
        VerifyReport {
            schema: "scalectl.indexes.verify/1",
            verdict: Verdict::Passed,
            spec: "indexes.yaml".to_owned(),
            spec_hash: String::new(),
            deployment: DeploymentReport {
                address: "mongodb://a".to_owned(),
                topology: "standalone".to_owned(),
                version: "8.0".to_owned(),
                members: Vec::new(),
            },
            collections: vec![collection],
            notes: Vec::new(),
        }
    }

    fn collection() -> CollectionProof {
        CollectionProof {
            database: "app".to_owned(),
            collection: "posts".to_owned(),
            verdict: Verdict::Passed,
            problems: Vec::new(),
            indexes: Vec::new(),
            still_there: Vec::new(),
            unmanaged_policy: Unmanaged::Keep,
            unmanaged: Vec::new(),
            queries: Vec::new(),
        }
    }

    #[test]
    fn the_longest_names_fit_the_width() {
        let query = QueryProof {
            query: "the feed of an author with everything that one could want of it".to_owned(),
            line: 7,
            operation: "find",
            verdict: Verdict::Inconclusive,
            wanted_index: None,
            indexes: vec!["a_rather_long_name_1_and_another_-1_and_a_third_field_1".to_owned()],
            stages: Vec::new(),
            figures: Some(Figures::new(1_234_567_890, 1_234_567_890, 1_234_567_890)),
            keys_per_returned_limit: 2.0,
            docs_per_returned_limit: 2.0,
            samples: 3,
            findings: Vec::new(),
        };
        let text = queries(&report(CollectionProof { queries: vec![query], ..collection() }));
        let text = anstream::adapter::strip_str(&text).to_string();
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        assert!(text.contains("1,234,567,890"), "{text}");
    }

    #[test]
    fn an_index_that_only_some_members_have_is_told_whatever_the_policy() {
        let index = |missing_on: &[&str]| FoundIndex {
            name: "old".to_owned(),
            definition: "{z: 1}".to_owned(),
            members: vec!["a:1".to_owned()],
            missing_on: missing_on.iter().map(|member| (*member).to_owned()).collect(),
        };
        let shown = |index| render(&report(CollectionProof { unmanaged: vec![index], ..collection() }));
        assert!(!shown(index(&[])).contains("old"));
        assert!(shown(index(&["b:1"])).contains("on a:1, and not on b:1"));
    }
}
