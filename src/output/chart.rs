//! Charts as SVG text, drawn when a report is written. A page adds colours, a legend and what the pointer shows.
//!
//! Nothing in the picture itself comes from elsewhere: names of series are given back in [`Picture`], for the page to
//! escape in its own way.

pub mod axis;
pub mod heat;

use serde::Serialize;

use axis::{Axis, Scaled};

/// Size of a picture, in its own units; a page scales it.
const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 250.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 64.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 28.0;
/// Where the plot ends, to the right and below.
const END: f64 = WIDTH - RIGHT;
const FLOOR: f64 = HEIGHT - BOTTOM;
/// A sparkline's size.
const SPARK: (f64, f64) = (120.0, 22.0);

/// What is to be drawn.
#[derive(Debug)]
pub struct Chart {
    /// Its title.
    pub title: String,
    /// The axis below.
    pub x: Axis,
    /// The axis to the left.
    pub left: Axis,
    /// The axis to the right.
    pub right: Option<Axis>,
    /// What is on it.
    pub series: Vec<Series>,
}

/// One thing over `x`.
#[derive(Debug)]
pub struct Series {
    /// Its name; may come from elsewhere.
    pub name: String,
    /// How it is drawn.
    pub mark: Mark,
    /// Whether the axis to the right is its own.
    pub is_right: bool,
    /// Its points in order of `x`; nothing is drawn where there is no value.
    pub points: Vec<(f64, Option<f64>)>,
}

/// How a series is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mark {
    /// A line.
    Line,
    /// A line with its area down to the axis.
    Area,
    /// Bars so wide, each on top of those of the series before.
    Bars(f64),
    /// A dot for each point.
    Dots,
    /// The area within the points, which go around it; it says nothing in words.
    Within,
    /// A line from bottom to top at each `x`, whatever the value.
    Upright,
}

/// A drawn chart.
#[derive(Debug, Serialize)]
pub struct Picture {
    /// Its title.
    pub title: String,
    /// What it shows, in words.
    pub summary: String,
    /// Names of the series with the class that has their colour.
    pub legend: Vec<(String, String)>,
    /// The picture.
    pub svg: String,
    /// What the pointer shows, by place.
    pub tips: Tips,
}

/// What the pointer shows: places in the picture's own units, and lines of text for each.
#[derive(Debug, Default, Serialize)]
pub struct Tips {
    /// Places, from left to right.
    pub at: Vec<f64>,
    /// The first line is the place's own.
    pub lines: Vec<Vec<String>>,
}

/// Draws a chart.
pub fn draw(chart: &Chart) -> Picture {
    let x = chart.x.scaled(&xs(&chart.series), LEFT, END);
    let on = |is_right: bool| heights(chart, is_right);
    let left = chart.left.scaled(&on(false), FLOOR, TOP);
    let right = chart.right.as_ref().map(|axis| axis.scaled(&on(true), FLOOR, TOP));
    let mut body = axes(&x, &left, right.as_ref());
    let mut below: Vec<f64> = Vec::new();
    for (number, series) in chart.series.iter().enumerate() {
        let y = right.as_ref().filter(|_| series.is_right).unwrap_or(&left);
        body += &drawn(series, number, &x, y, &mut below);
    }
    Picture {
        title: chart.title.clone(),
        summary: summary(chart),
        legend: chart.series.iter().enumerate().map(|(n, s)| (s.name.clone(), format!("s{n}"))).collect(),
        svg: svg(&body),
        tips: tips(chart, &x),
    }
}

/// A small line without axes.
pub fn sparkline(values: &[Option<f64>]) -> String {
    let most = values.iter().flatten().copied().fold(0.0, f64::max);
    let (width, height) = SPARK;
    let step = width / values.len().saturating_sub(1).max(1) as f64;
    let place = |(index, value): (usize, &Option<f64>)| {
        let share = value.as_ref().map(|value| if most > 0.0 { value / most } else { 0.0 });
        (index as f64 * step, share.map(|share| height - 1.0 - share * (height - 2.0)))
    };
    let lines = polylines(values.iter().enumerate().map(place));
    format!("<svg class=\"spark\" viewBox=\"0 0 {width} {height}\" aria-hidden=\"true\">{lines}</svg>")
}

/// The whole picture around what is in it.
fn svg(body: &str) -> String {
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" aria-hidden=\"true\">{body}<line class=\"cross\" y1=\"{TOP}\" \
         y2=\"{FLOOR}\" x1=\"-9\" x2=\"-9\"/></svg>"
    )
}

fn xs(series: &[Series]) -> Vec<f64> {
    let widened = |series: &Series| {
        let width = if let Mark::Bars(width) = series.mark { width } else { 0.0 };
        series.points.iter().map(move |(x, _)| x + width).collect::<Vec<_>>()
    };
    let first = series.iter().filter_map(|series| series.points.first()).map(|(x, _)| *x);
    series.iter().flat_map(widened).chain(first).collect()
}

/// Values on one side; bars count with those that they stand on.
fn heights(chart: &Chart, is_right: bool) -> Vec<f64> {
    let mut below: Vec<f64> = Vec::new();
    let mut all = Vec::new();
    for series in chart.series.iter().filter(|series| series.is_right == is_right) {
        let is_bar = matches!(series.mark, Mark::Bars(_));
        below.resize(below.len().max(series.points.len()), 0.0);
        for (index, value) in series.points.iter().enumerate().filter_map(|(i, (_, v))| Some((i, (*v)?))) {
            if is_bar {
                below[index] += value;
            }
            all.push(if is_bar { below[index] } else { value });
        }
    }
    all
}

fn axes(x: &Scaled, left: &Scaled, right: Option<&Scaled>) -> String {
    let mut out = String::from("<g class=\"grid\">");
    for (y, label) in left.ticks() {
        out += &format!("<line x1=\"{LEFT}\" x2=\"{END}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>");
        out += &label_at(LEFT - 6.0, y + 4.0, "end", &label);
    }
    for (y, label) in right.map(Scaled::ticks).unwrap_or_default() {
        out += &label_at(END + 6.0, y + 4.0, "start", &label);
    }
    for (at, label) in x.ticks() {
        out += &format!("<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{FLOOR}\" y2=\"{:.1}\"/>", FLOOR + 4.0);
        out += &label_at(at, FLOOR + 18.0, "middle", &label);
    }
    out + "</g>"
}

/// Labels are figures of our own.
fn label_at(x: f64, y: f64, anchor: &str, label: &str) -> String {
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{label}</text>")
}

fn drawn(series: &Series, number: usize, x: &Scaled, y: &Scaled, below: &mut Vec<f64>) -> String {
    let places: Vec<_> =
        series.points.iter().map(|(at, value)| (x.place(*at), value.map(|value| y.place(value)))).collect();
    let inside = match series.mark {
        Mark::Line => polylines(places.into_iter()),
        Mark::Area => areas(&places) + &polylines(places.into_iter()),
        Mark::Bars(width) => bars(&series.points, width, x, y, below),
        Mark::Dots => places.into_iter().filter_map(|(x, y)| Some(dot(x, y?, 4.0))).collect(),
        Mark::Within => within(&places),
        Mark::Upright => places.into_iter().map(|(x, _)| upright(x)).collect(),
    };
    format!("<g class=\"s{number}\">{inside}</g>")
}

/// Lines, broken where there is no value.
fn polylines(places: impl Iterator<Item = (f64, Option<f64>)>) -> String {
    let mut out = String::new();
    let mut line: Vec<(f64, f64)> = Vec::new();
    for (x, y) in places.chain([(0.0, None)]) {
        match y {
            Some(y) => line.push((x, y)),
            None => out += &polyline(&std::mem::take(&mut line)),
        }
    }
    out
}

fn polyline(line: &[(f64, f64)]) -> String {
    match line {
        [] => String::new(),
        // A line of one point would not be seen.
        [(x, y)] => dot(*x, *y, 1.5),
        line => format!("<polyline points=\"{}\"/>", places(line)),
    }
}

fn dot(x: f64, y: f64, radius: f64) -> String {
    format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\"/>")
}

fn upright(x: f64) -> String {
    format!("<polyline class=\"upright\" points=\"{x:.1},{FLOOR} {x:.1},{TOP}\"/>")
}

fn within(around: &[(f64, Option<f64>)]) -> String {
    let around: Vec<_> = around.iter().filter_map(|(x, y)| Some((*x, (*y)?))).collect();
    format!("<polygon points=\"{}\"/>", places(&around))
}

fn places(line: &[(f64, f64)]) -> String {
    line.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ")
}

fn areas(places_of: &[(f64, Option<f64>)]) -> String {
    places_of
        .split(|(_, y)| y.is_none())
        .filter(|part| part.len() > 1)
        .map(|part| {
            let line: Vec<_> = part.iter().filter_map(|(x, y)| Some((*x, (*y)?))).collect();
            let (first, last) = (part[0].0, part[part.len() - 1].0);
            format!("<polygon points=\"{first:.1},{FLOOR} {} {last:.1},{FLOOR}\"/>", places(&line))
        })
        .collect()
}

/// One path for all bars of a series.
fn bars(points: &[(f64, Option<f64>)], width: f64, x: &Scaled, y: &Scaled, below: &mut Vec<f64>) -> String {
    below.resize(below.len().max(points.len()), 0.0);
    let mut path = String::new();
    for (index, (at, value)) in points.iter().enumerate() {
        let Some(value) = value.filter(|value| *value > 0.0) else { continue };
        let (from, to) = (x.place(*at), x.place(at + width));
        let (foot, head) = (y.place(below[index]), y.place(below[index] + value));
        path += &format!("M{from:.1} {foot:.1}H{to:.1}V{head:.1}H{from:.1}z");
        below[index] += value;
    }
    format!("<path class=\"bars\" d=\"{path}\"/>")
}

/// The highest and the last value of each series, for whoever does not see the picture.
fn summary(chart: &Chart) -> String {
    let axis = |series: &Series| chart.right.as_ref().filter(|_| series.is_right).unwrap_or(&chart.left);
    let told = chart.series.iter().filter(|series| series.mark != Mark::Within).filter_map(|series| {
        let values = || series.points.iter().filter_map(|(x, value)| Some((*x, (*value)?)));
        let (at, most) = values().max_by(|one, other| one.1.total_cmp(&other.1))?;
        let (_, last) = values().next_back()?;
        let (unit, name) = (axis(series).unit, &series.name);
        let (most, at, last) = (unit.show(most), chart.x.unit.show(at), unit.show(last));
        Some(format!("{name}: at most {most} (at {at}), in the end {last}"))
    });
    format!("{}. {}", chart.title, told.collect::<Vec<_>>().join("; "))
}

/// One place for every `x` that any series has.
fn tips(chart: &Chart, x: &Scaled) -> Tips {
    let told = || chart.series.iter().filter(|series| series.mark != Mark::Within);
    let mut places: Vec<f64> = told().flat_map(|series| series.points.iter().map(|(x, _)| *x)).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    let axis = |series: &Series| chart.right.as_ref().filter(|_| series.is_right).unwrap_or(&chart.left);
    let lines = |at: &f64| {
        let value = |series: &Series| {
            let found = series.points.binary_search_by(|(x, _)| x.total_cmp(at)).ok()?;
            let value = series.points[found].1?;
            Some(format!("{}: {}", series.name, axis(series).unit.show(value)))
        };
        std::iter::once(chart.x.unit.show(*at)).chain(told().filter_map(value)).collect()
    };
    Tips { lines: places.iter().map(lines).collect(), at: places.iter().map(|at| x.rounded(*at)).collect() }
}

#[cfg(test)]
mod tests {
    use super::axis::{Axis, Unit};
    use super::{Chart, Mark, Series, draw};

    fn chart(mark: Mark, points: &[(f64, Option<f64>)]) -> Chart {
        let series =
            Series { name: "users </script>".to_owned(), mark, is_right: false, points: points.to_vec() };
        Chart {
            title: "Users".to_owned(),
            x: Axis::linear(Unit::Time),
            left: Axis::linear(Unit::Count),
            right: None,
            series: vec![series],
        }
    }

    #[test]
    fn a_line_is_broken_where_nothing_was_measured_and_keeps_every_point() {
        let points: Vec<_> = (0..10).map(|n| (f64::from(n), (n != 4 && n != 6).then_some(1.0))).collect();
        let svg = draw(&chart(Mark::Line, &points)).svg;
        let coordinates: usize =
            svg.split("points=\"").skip(1).map(|p| p.split('"').next().unwrap().split(' ').count()).sum();
        assert_eq!(
            (svg.matches("<polyline").count(), coordinates, svg.matches("<circle").count()),
            (2, 7, 1)
        );
    }

    #[test]
    fn the_highest_value_is_within_the_picture_and_names_are_not() {
        let picture = draw(&chart(Mark::Area, &[(0.0, Some(0.0)), (60.0, Some(73.0))]));
        assert!(!picture.svg.contains("script"), "{}", picture.svg);
        assert!(picture.svg.contains(">80<") && picture.svg.contains(">1m00s<"), "{}", picture.svg);
        assert_eq!(picture.summary, "Users. users </script>: at most 73 (at 1m00s), in the end 73");
        assert_eq!(picture.tips.lines[1], ["1m00s", "users </script>: 73"]);
    }

    #[test]
    fn bars_stand_on_one_another() {
        let mut stacked = chart(Mark::Bars(1.0), &[(0.0, Some(4.0))]);
        let points = vec![(0.0, Some(6.0))];
        stacked.series.push(Series { name: String::new(), mark: Mark::Bars(1.0), is_right: false, points });
        let svg = draw(&stacked).svg;
        assert!(svg.contains("M64.0 222.0H796.0V137.2H64.0z"), "{svg}");
        assert!(svg.contains("M64.0 137.2H796.0V10.0H64.0z"), "{svg}");
    }

    #[test]
    fn an_upright_has_its_place_and_an_area_no_words() {
        let mut curve = chart(Mark::Dots, &[(10.0, Some(4.0))]);
        let series = |mark, points: &[(f64, Option<f64>)]| Series {
            name: "mark".to_owned(),
            mark,
            is_right: false,
            points: points.to_vec(),
        };
        curve.series.push(series(Mark::Upright, &[(5.0, None)]));
        let around = [(0.0, Some(1.0)), (10.0, Some(5.0)), (10.0, Some(3.0)), (0.0, Some(1.0))];
        curve.series.push(series(Mark::Within, &around));
        let picture = draw(&curve);
        assert!(picture.svg.contains("points=\"430.0,222 430.0,10\""), "{}", picture.svg);
        assert_eq!(picture.svg.matches("<circle").count(), 1);
        assert_eq!(picture.tips.lines, [vec!["5s"], vec!["10s", "users </script>: 4"]]);
        assert_eq!(picture.summary, "Users. users </script>: at most 4 (at 10s), in the end 4");
    }

    #[test]
    fn a_chart_of_nothing_is_drawn_too() {
        for mark in [Mark::Line, Mark::Area, Mark::Bars(1.0), Mark::Dots, Mark::Within, Mark::Upright] {
            let picture = draw(&chart(mark, &[]));
            assert!(!picture.svg.contains("NaN") && !picture.svg.contains("inf"), "{}", picture.svg);
        }
    }
}
