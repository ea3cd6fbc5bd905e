//! What a search comes to, in a few lines: the three numbers, recovery, bottleneck, laws.

use std::time::Duration;

use super::{level, micros};
use crate::config::duration::humanize;
use crate::load::capacity::CapacityReport;
use crate::load::capacity::bottleneck::{Bottleneck, Full};
use crate::load::capacity::law::{Cause, Fit, Point};
use crate::load::capacity::report::{Comfort, SearchReport};
use crate::load::capacity::scaling::{LawReport, Needed, Scaling};
use crate::load::capacity::step::Recovery;
use crate::load::metrics::Absent;
use crate::output::style;
use crate::output::table::{amount, table};
use crate::text::one_line;

/// Comfortable, peak and breaking, and what is known of the reasons.
pub fn numbers(search: &SearchReport, report: &CapacityReport) -> String {
    let rows = rows(search, report);
    let mut out: String =
        rows.iter().map(|[name, value, why]| format!("  {name:<12} {value:>10}  {why}\n")).collect();
    let (label, resources) = bottleneck(&search.bottleneck, report.unit);
    out += &format!("\n  {}{resources}\n", label.map(style::bold).unwrap_or_default());
    out += &format!("  {}\n", law(&search.law, "users under way"));
    for absent in &search.absent {
        out += &style::dim(&format!("  {}", not_asked(absent)));
        out.push('\n');
    }
    out
}

/// The numbers, each with its name and its evidence.
pub fn rows(search: &SearchReport, report: &CapacityReport) -> Vec<[String; 3]> {
    let rows = [comfortable(search), peak(search, report), breaking(search, report)];
    rows.into_iter().chain(recovery(search)).collect()
}

/// What is known of the reasons, a paragraph each.
pub fn reasons(search: &SearchReport, report: &CapacityReport) -> Vec<String> {
    let (label, resources) = bottleneck(&search.bottleneck, report.unit);
    let mut lines = vec![format!("{}{resources}", label.unwrap_or_default())];
    lines.push(law(&search.law, "users under way"));
    lines.extend(search.absent.iter().map(not_asked));
    lines
}

fn not_asked(absent: &Absent) -> String {
    format!("not asked: {} ({})", absent.source, one_line(&absent.reason))
}

fn row(name: &str, value: String, why: impl Into<String>) -> [String; 3] {
    [name.to_owned(), value, why.into()]
}

fn comfortable(search: &SearchReport) -> [String; 3] {
    let Some(comfortable) = &search.comfortable else { return row("comfortable", "-".to_owned(), "unknown") };
    let why = match comfortable.decided_by {
        Comfort::Knee => "response times rise from there".to_owned(),
        Comfort::PartOfPeak => "70 % of the peak".to_owned(),
        Comfort::OneInstanceLess => {
            format!("still held with {} instances", search.instances.map_or(0, |n| n - 1))
        }
    };
    row("comfortable", level(comfortable.level), why)
}

fn peak(search: &SearchReport, report: &CapacityReport) -> [String; 3] {
    let Some(peak) = &search.peak else { return row("peak", "-".to_owned(), "nothing passed") };
    let mut parts = vec![format!("goodput {} {}", level(peak.goodput), report.goodput_unit)];
    parts.extend(peak.response.map(|times| format!("p95 {}", micros(times.p95))));
    if let Some(confirmed) = peak.confirmed {
        parts.push(format!("confirmed {confirmed} of {}", report.settings.confirm));
    }
    parts.extend(peak.first_failing.map(|failing| format!("fails at {}", level(failing))));
    row("peak", level(peak.level), parts.join(", "))
}

fn breaking(search: &SearchReport, report: &CapacityReport) -> [String; 3] {
    let Some(breaking) = &search.breaking else {
        let highest = search.steps.iter().map(|step| step.level).fold(0.0, f64::max);
        let why = format!("not seen up to {} {}", level(highest), report.unit);
        return row("breaking", "-".to_owned(), why);
    };
    let holds = breaking.holds_up_to.map(|below| format!("; not at {}", level(below))).unwrap_or_default();
    row("breaking", level(breaking.level), format!("{}{holds}", one_line(&breaking.reason)))
}

fn recovery(search: &SearchReport) -> Option<[String; 3]> {
    let time = |seconds| humanize(Duration::from_secs_f64(seconds));
    Some(match search.recovery? {
        Recovery::After { seconds } => row("recovery", time(seconds), "after a quarter more than the peak"),
        Recovery::NotWithin { seconds } => {
            row("recovery", "-".to_owned(), format!("not within {} after the overload", time(seconds)))
        }
    })
}

/// A label, where there is one, and what follows it.
fn bottleneck(bottleneck: &Bottleneck, unit: &str) -> (Option<&'static str>, String) {
    match bottleneck {
        Bottleneck::Saturated { resources } => {
            let mut shown = resources.iter().map(|full| resource(full, unit));
            let first = shown.next().unwrap_or_default();
            let others: String = shown.take(3).map(|other| format!("\n    then {other}")).collect();
            (Some("first to be full"), format!(": {first}{others}"))
        }
        Bottleneck::NoneFull { nearest: Some(nearest) } => {
            (None, format!("nothing that was measured was full\n    nearest: {}", resource(nearest, unit)))
        }
        Bottleneck::NoneFull { nearest: None } => (None, "nothing with a limit was measured".to_owned()),
    }
}

fn resource(full: &Full, unit: &str) -> String {
    let Full { source, name, level: at, value, baseline, unit: of, saturation, was_full_before } = full;
    if *was_full_before {
        return format!("{source} {name}, which was full at the baseline already: something else uses it");
    }
    let from = baseline.map(|baseline| format!("{} → ", amount(baseline, ""))).unwrap_or_default();
    let saturation = (100.0 * saturation).min(999.0);
    format!(
        "{source} {name} {from}{} at {} {unit} ({saturation:.0} % of its limit)",
        amount(*value, of),
        level(*at)
    )
}

fn law(law: &LawReport, size: &str) -> String {
    match law {
        LawReport::Refused(refused) => format!("no scalability law: {refused}"),
        LawReport::Fitted(fit) => fitted(fit, size),
    }
}

fn fitted(fit: &Fit, size: &str) -> String {
    let cause = match fit.cause {
        Cause::Linear => "it grows in proportion",
        Cause::Contention => "they wait for each other (contention)",
        Cause::Coherency => "they keep each other informed (coherency)",
    };
    let best = fit.best_size.map(|best| format!(", most at {} {size}", level(best))).unwrap_or_default();
    let (alpha, beta) = (fit.alpha, fit.beta);
    format!(
        "scalability law: {cause}{best}\n    α {:.4} ({:.4} to {:.4}), β {:.2e} ({:.1e} to {:.1e}), R² {:.2}",
        alpha.value, alpha.low, alpha.high, beta.value, beta.low, beta.high, fit.r_squared
    )
}

/// The peaks over the numbers of instances, and how many are needed.
pub fn scaling(scaling: &Scaling, report: &CapacityReport) -> String {
    let header = instances_header(report);
    let mut out = format!("{}\n{}\n", style::bold("Instances"), table(&header, 0, instances_rows(scaling)));
    for line in forecasts(scaling, report) {
        out += &format!("  {line}\n");
    }
    out + "\n"
}

/// The columns of [`instances_rows`].
pub fn instances_header(report: &CapacityReport) -> [&'static str; 3] {
    ["instances", report.goodput_unit, "of proportional"]
}

/// The peak of each number of instances.
pub fn instances_rows(scaling: &Scaling) -> Vec<Vec<String>> {
    let points = by_size(scaling);
    let each = points.first().map_or(1.0, |first| first.throughput / first.size);
    let row = |point: &Point| {
        let efficiency = 100.0 * point.throughput / point.size / each;
        vec![level(point.size), level(point.throughput), format!("{efficiency:.0}%")]
    };
    points.iter().map(row).collect()
}

fn by_size(scaling: &Scaling) -> Vec<Point> {
    let mut points = scaling.points.clone();
    points.sort_by(|a, b| a.size.total_cmp(&b.size));
    points
}

/// The law, and what it expects.
pub fn forecasts(scaling: &Scaling, report: &CapacityReport) -> Vec<String> {
    let mut lines = vec![law(&scaling.law, "instances")];
    if let (Some(doubled), Some(most)) = (&scaling.doubled, by_size(scaling).last()) {
        let (from, to) = (level(doubled.low), level(doubled.high));
        let (size, value) = (level(2.0 * most.size), level(doubled.value));
        lines.push(format!("{size} instances would do {value} {} ({from} to {to})", report.goodput_unit));
    }
    lines.extend(scaling.needed.iter().map(|needed| instances(needed, report.goodput_unit)));
    lines
}

fn instances(needed: &Needed, unit: &str) -> String {
    match needed {
        Needed::Instances { load, instances } => format!(
            "{} {unit} need {} instances ({} to {} with 95 % confidence)",
            level(*load),
            level(instances.value),
            level(instances.low),
            level(instances.high)
        ),
        Needed::Unknown { load, refused } => {
            format!("it cannot be said how many instances {} {unit} need: {refused}", level(*load))
        }
    }
}
