//! The course of a run as a table: a line for each point of time and row.

use std::io;

use crate::load::LoadReport;
use crate::load::timeline::{Point, PointTimes};
use crate::text::printable;

const HEADER: [&str; 10] = [
    "seconds",
    "step_seconds",
    "row",
    "count",
    "errors",
    "active_users",
    "p50_us",
    "p95_us",
    "p99_us",
    "max_us",
];

/// Renders `report`.
pub fn render(report: &LoadReport) -> io::Result<String> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(HEADER)?;
    for point in &report.timeline.points {
        let step = report.timeline.step_seconds;
        let total = (&report.total.name, point.count, point.errors, point.response);
        let rows = report.rows.iter().zip(&point.rows);
        let rows = rows.map(|(row, point)| (&row.name, point.count, point.errors, point.response));
        for (name, count, errors, times) in std::iter::once(total).chain(rows) {
            table.write_record(line(point, step, name, [count, errors], times))?;
        }
    }
    let bytes = table.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
    String::from_utf8(bytes).map_err(io::Error::other)
}

fn line(point: &Point, step: u32, name: &str, counts: [u64; 2], times: Option<PointTimes>) -> Vec<String> {
    let times = times.map(|times| [times.p50, times.p95, times.p99, times.max].map(|time| time.to_string()));
    let [count, errors] = counts.map(|count| count.to_string());
    let start =
        [point.at.to_string(), step.to_string(), inert(name), count, errors, point.active.to_string()];
    start.into_iter().chain(times.unwrap_or_default()).collect()
}

/// A spreadsheet takes what begins like this for a formula.
fn inert(name: &str) -> String {
    let name = printable(name);
    if name.starts_with(['=', '+', '-', '@']) { format!("'{name}") } else { name }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::render;

    #[test]
    fn every_point_has_a_line_for_all_and_for_each_row() {
        let report = sample::report();
        let text = render(&report).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 1 + 30 * 3, "{text}");
        assert_eq!(
            lines[0],
            "seconds,step_seconds,row,count,errors,active_users,p50_us,p95_us,p99_us,max_us"
        );
        assert!(lines[1].starts_with("0,1,all exchanges,"), "{}", lines[1]);
        assert!(lines[3].starts_with("0,1,'=SUM(<script>alert(1)</script>),"), "{}", lines[3]);
    }

    #[test]
    fn a_time_that_was_not_measured_is_empty() {
        let mut report = sample::report();
        report.timeline.points[0].response = None;
        let text = render(&report).unwrap();
        assert!(text.lines().nth(1).unwrap().ends_with(",,,,"), "{text}");
    }
}
