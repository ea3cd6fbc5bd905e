//! Advice for people.

use crate::indexes::advise::AdviseReport;
use crate::indexes::advise::report::{MissingIndex, Source, SourceReport, SourceState, Verdict, shown_age};
use crate::output::style;
use crate::output::table::{table, thousands};
use crate::text::one_line;

/// Widest line of running text.
const WIDTH: usize = 100;
/// Shapes and reasons that are shown of one index; the patch and JSON have them all.
const SHOWN: usize = 5;
/// Lines of the patch that are shown.
const PATCH_LINES: usize = 24;

/// The sources, the advice, and what it comes to.
pub fn render(report: &AdviseReport) -> String {
    let mut parts = vec![sources(&report.sources)];
    parts.extend(report.missing.iter().enumerate().map(|(number, index)| missing(number + 1, index)));
    parts.push(redundant(report));
    parts.push(unused(report));
    parts.push(list(
        "not judged, or kept for a reason",
        report.spared.iter().map(|spared| {
            format!("{}.{} {}: {}", spared.database, spared.collection, spared.name, spared.reason)
        }),
    ));
    parts.push(list("notes", report.notes.iter().cloned()));
    parts.push(report.patch.as_deref().map(patch).unwrap_or_default());
    parts.push(summary(report));
    parts.retain(|part| !part.is_empty());
    parts.join("\n")
}

fn sources(sources: &[SourceReport]) -> String {
    let rows = sources.iter().map(|source| {
        let state = match source.state {
            SourceState::Read => style::well("read"),
            SourceState::Off => style::look("off"),
            SourceState::Missing => style::dim("not there"),
            SourceState::Failed => style::bad("failed"),
        };
        let entries = thousands(source.entries);
        vec![
            word(source.source).to_owned(),
            one_line(&source.place),
            state,
            entries,
            one_line(&source.detail),
        ]
    });
    table(&["source", "where", "state", "gave", "detail"], 5, rows.collect::<Vec<_>>())
}

fn word(source: Source) -> &'static str {
    match source {
        Source::Profiler => "profiler",
        Source::QueryStats => "$queryStats",
        Source::Log => "log",
        Source::Explain => "explain",
        Source::IndexStats => "$indexStats",
        Source::Sample => "sample",
    }
}

fn missing(number: usize, index: &MissingIndex) -> String {
    let keys: Vec<String> =
        index.keys.iter().map(|key| format!("{}: {}", key.field, key.direction)).collect();
    let title = format!("missing {number}: {}.{} {{{}}}", index.database, index.collection, keys.join(", "));
    let mut text = format!("{}\n", style::bold(&wrapped(&title, 0)));
    let saved = thousands(index.docs_saved);
    text += &paragraph(&format!("saves examining {saved} documents, over what was seen"));
    if let Some(collation) = &index.collation {
        text += &paragraph(&format!("collation {collation}"));
    }
    for served in index.serves.iter().take(SHOWN) {
        let mut what = vec![format!("{} times", thousands(served.count))];
        if served.is_measured {
            let (examined, returned) = (thousands(served.docs_examined), thousands(served.returned));
            what.push(format!("{examined} documents examined for {returned}"));
        }
        if served.collection_scans > 0 {
            what.push("scans the collection".to_owned());
        }
        if served.memory_sorts > 0 {
            what.push("sorts in memory".to_owned());
        }
        text += &paragraph(&format!("serves {} ({})", served.title, what.join(", ")));
    }
    text += &more(index.serves.len(), "queries");
    for reason in index.reasons.iter().take(SHOWN) {
        text += &paragraph(reason);
    }
    text += &more(index.reasons.len(), "remarks");
    if !index.replaces.is_empty() {
        text += &paragraph(&format!("makes redundant: {}", index.replaces.join(", ")));
    }
    text
}

fn more(count: usize, what: &str) -> String {
    match count.saturating_sub(SHOWN) {
        0 => String::new(),
        more => paragraph(&format!("and {more} {what} more")),
    }
}

fn redundant(report: &AdviseReport) -> String {
    let lines = report.redundant.iter().map(|index| {
        let place = format!("{}.{}", index.database, index.collection);
        format!("{place} {} {}: {}{}", index.name, index.keys, index.reason, declared(index.declared_line))
    });
    list("redundant", lines)
}

fn unused(report: &AdviseReport) -> String {
    let lines = report.unused.iter().map(|index| {
        let place = format!("{}.{}", index.database, index.collection);
        let (age, members) = (shown_age(index.statistics_age_seconds), index.members.len());
        let members = if members == 1 { "its one member".to_owned() } else { format!("{members} members") };
        let line = declared(index.declared_line);
        format!("{place} {} {}: no query used it in {age} on {members}{line}", index.name, index.keys)
    });
    list("unused", lines)
}

fn declared(line: Option<usize>) -> String {
    line.map_or_else(String::new, |line| format!(" (declared in line {line})"))
}

fn list(title: &str, lines: impl Iterator<Item = String>) -> String {
    let lines: String = lines.map(|line| paragraph(&line)).collect();
    if lines.is_empty() { lines } else { format!("{}\n{lines}", style::bold(title)) }
}

fn patch(patch: &str) -> String {
    let mut lines: Vec<String> = patch.lines().filter(|line| !line.starts_with('#')).map(cut).collect();
    let more = lines.len().saturating_sub(PATCH_LINES);
    lines.truncate(PATCH_LINES);
    if more > 0 {
        lines.push(format!("… {more} lines more; --patch FILE writes all of them"));
    }
    format!("{}\n{}\n", style::bold("for the specification"), style::dim(&lines.join("\n")))
}

fn cut(line: &str) -> String {
    let line = one_line(line);
    match line.char_indices().nth(WIDTH - 1) {
        Some((end, _)) if line.chars().count() > WIDTH => format!("{}…", &line[..end]),
        _ => line,
    }
}

fn paragraph(text: &str) -> String {
    format!("{}\n", wrapped(text, 2))
}

/// Breaks a text between words; lines after the first are set in deeper.
fn wrapped(text: &str, indent: usize) -> String {
    let (mut out, mut width) = (" ".repeat(indent), indent);
    for word in one_line(text).split(' ') {
        let length = word.chars().count();
        if width + 1 + length > WIDTH && width > indent {
            out += &format!("\n{}", " ".repeat(indent + 2));
            width = indent + 2;
        } else if width > indent {
            out.push(' ');
            width += 1;
        }
        out += word;
        width += length;
    }
    out
}

fn summary(report: &AdviseReport) -> String {
    let (missing, redundant, unused) = (report.missing.len(), report.redundant.len(), report.unused.len());
    let counts = format!("{missing} missing, {redundant} redundant, {unused} unused");
    let shapes = report.shapes_seen;
    match report.verdict {
        Verdict::Advice => format!("{}: {counts}; {shapes} query shapes seen", style::look("ADVICE")),
        Verdict::NothingFound => {
            format!("{}: nothing to advise; {shapes} query shapes seen", style::well("OK"))
        }
        Verdict::Inconclusive => format!(
            "{}: no source told of queries, so what is missing cannot be said ({counts})",
            style::look("INCONCLUSIVE")
        ),
    }
}
