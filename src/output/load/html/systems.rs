//! Charts of what the systems said of themselves, on the axis of time of the load's own.

use crate::load::metrics::sampler::{ServerPoint, ServerReport, ServerSeries};
use crate::output::chart::axis::{Axis, Unit};
use crate::output::chart::{Chart, Mark, Picture, Series, draw};

/// Series with a colour of their own.
const COLOURS: usize = 7;

/// Each with its name in the page: how near to their limits all are, then a chart for each system and unit. `end` is
/// where the other charts end.
pub fn all(server: &ServerReport, end: f64) -> Vec<(String, Picture)> {
    let mut charts = Vec::new();
    if let Some(chart) = limits(server, end) {
        charts.push(("systems-limits".to_owned(), draw(&chart)));
    }
    let mut groups: Vec<(&str, &str)> = Vec::new();
    for group in server.series.iter().map(|series| (series.source, series.unit)) {
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    for (source, unit) in groups {
        let of_group = |series: &&ServerSeries| (series.source, series.unit) == (source, unit);
        let members: Vec<_> = server.series.iter().filter(of_group).collect();
        for (number, members) in members.chunks(COLOURS).enumerate() {
            let id = format!("systems-{source}-{}{}", word(unit), if number > 0 { "-more" } else { "" });
            charts.push((id, draw(&amounts(source, members, end))));
        }
    }
    charts
}

/// The resources that came nearest to their limits.
fn limits(server: &ServerReport, end: f64) -> Option<Chart> {
    let most =
        |series: &ServerSeries| series.points.iter().filter_map(|point| point.saturation).fold(0.0, f64::max);
    let has_limit = |series: &&ServerSeries| series.points.iter().any(|point| point.saturation.is_some());
    let mut limited: Vec<_> = server.series.iter().filter(has_limit).collect();
    limited.sort_by(|one, other| most(other).total_cmp(&most(one)));
    limited.truncate(COLOURS);
    let line = |series: &&ServerSeries| {
        let name = format!("{} {}", series.source, series.name);
        // Twice its limit is as full as ten times it.
        line(&name, &series.points, end, |point| Some((100.0 * point.saturation?).min(200.0)))
    };
    let series: Vec<_> = limited.iter().map(line).collect();
    (!series.is_empty()).then(|| Chart {
        title: "How near the systems are to their limits".to_owned(),
        x: Axis::linear(Unit::Time).up_to(end),
        left: Axis::linear(Unit::Percent).up_to(100.0),
        right: None,
        series,
    })
}

fn amounts(source: &str, members: &[&ServerSeries], end: f64) -> Chart {
    let (unit, factor) = members.first().map_or((Unit::Count, 1.0), |series| unit(series.unit));
    let one =
        |series: &&ServerSeries| line(series.name, &series.points, end, |point| Some(factor * point.value));
    let what = match members {
        [only] => only.name,
        _ => word(members.first().map_or("", |series| series.unit)),
    };
    // Others are named on the axis.
    let named = match members.first().map(|series| series.unit) {
        Some("cores") if members.len() == 1 => " (cores)",
        Some("MiB") => " (MiB)",
        _ => "",
    };
    Chart {
        title: format!("{}: {what}{named}", who(source)),
        x: Axis::linear(Unit::Time).up_to(end),
        // Less is nothing, and its figures would all be 0.
        left: Axis::linear(unit).up_to(0.1),
        right: None,
        series: members.iter().map(one).collect(),
    }
}

fn line(name: &str, points: &[ServerPoint], end: f64, value: impl Fn(&ServerPoint) -> Option<f64>) -> Series {
    // What was asked after the last second of load would make this axis longer than the others.
    let within = points.iter().filter(|point| f64::from(point.at) < end);
    let points = within.map(|point| (f64::from(point.at), value(point))).collect();
    Series { name: name.to_owned(), mark: Mark::Line, is_right: false, points }
}

fn who(source: &str) -> &str {
    match source {
        "target" => "The target",
        "mongodb" => "MongoDB",
        "redis" => "Redis",
        _ => "This machine",
    }
}

/// What several quantities of a unit are, in a word.
fn word(unit: &str) -> &'static str {
    match unit {
        "cores" => "cores",
        "%" => "shares",
        "ms" => "times",
        "MiB" => "memory",
        "/s" => "rates",
        _ => "numbers",
    }
}

fn unit(unit: &str) -> (Unit, f64) {
    match unit {
        "%" => (Unit::Percent, 1.0),
        "/s" => (Unit::PerSecond, 1.0),
        "ms" => (Unit::Micros, 1e3),
        _ => (Unit::Count, 1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::{ServerPoint, ServerReport, ServerSeries, all};

    fn series(source: &'static str, name: &'static str, unit: &'static str) -> ServerSeries {
        let points = [0, 1, 9].map(|at| ServerPoint { at, value: 2.0, saturation: Some(0.5) });
        ServerSeries { source, name, unit, points: points.to_vec() }
    }

    #[test]
    fn quantities_of_a_system_and_unit_share_a_chart_that_ends_with_the_load() {
        let series = vec![
            series("target", "CPU", "cores"),
            series("redis", "clients", ""),
            series("redis", "blocked clients", ""),
        ];
        let charts = all(&ServerReport { series, ..ServerReport::default() }, 5.0);
        let ids: Vec<_> = charts.iter().map(|(id, picture)| (id.as_str(), picture.legend.len())).collect();
        assert_eq!(ids, [("systems-limits", 3), ("systems-target-cores", 1), ("systems-redis-numbers", 2)]);
        assert_eq!(charts[1].1.title, "The target: CPU (cores)");
        assert_eq!(charts[1].1.summary, "The target: CPU (cores). CPU: at most 2 (at 1s), in the end 2");
        assert!(
            charts.iter().all(|(_, picture)| picture.tips.at.len() == 2),
            "a look after the end is drawn"
        );
    }
}
