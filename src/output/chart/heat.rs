//! Heat maps: how many samples were in which bucket at what time.

use super::axis::{Axis, Unit};
use super::{END, FLOOR, LEFT, Picture, TOP, Tips, axes, svg};
use crate::text::thousands;

/// Shades, from few to many.
const SHADES: usize = 8;

/// What is to be drawn.
#[derive(Debug)]
pub struct HeatMap {
    /// Its title.
    pub title: &'static str,
    /// How long each column lasts, in seconds.
    pub step: f64,
    /// By time: upper bounds of buckets, in microseconds, with the number in each.
    pub columns: Vec<(f64, Vec<(u64, u64)>)>,
    /// How much further each bucket reaches than the one before it.
    pub factor: f64,
}

/// Draws a heat map.
pub fn draw(map: &HeatMap) -> Picture {
    let bounds =
        || map.columns.iter().flat_map(|(_, buckets)| buckets.iter().map(|(bound, _)| *bound as f64));
    let ends: Vec<f64> = map.columns.iter().map(|(at, _)| at + map.step).collect();
    let x = Axis::linear(Unit::Time).scaled(&ends, LEFT, END);
    let reach: Vec<f64> = bounds().map(|bound| bound / map.factor).chain(bounds()).collect();
    let y = Axis::log(Unit::Micros).scaled(&reach, FLOOR, TOP);
    let most =
        map.columns.iter().flat_map(|(_, buckets)| buckets).map(|(_, count)| *count).max().unwrap_or(1);
    let mut shades = vec![String::new(); SHADES];
    for (at, buckets) in &map.columns {
        let (from, to) = (x.place(*at), x.place(at + map.step));
        for (bound, count) in buckets {
            let bound = *bound as f64;
            let (foot, head) = (y.place(bound / map.factor), y.place(bound));
            shades[shade(*count, most)] += &format!("M{from:.1} {foot:.1}H{to:.1}V{head:.1}H{from:.1}z");
        }
    }
    let cells = |(number, path): (usize, &String)| format!("<path class=\"h{number}\" d=\"{path}\"/>");
    let body = axes(&x, &y, None) + &shades.iter().enumerate().map(cells).collect::<String>();
    Picture {
        title: map.title.to_owned(),
        summary: summary(map),
        legend: vec![("few".to_owned(), "h0".to_owned()), ("many".to_owned(), format!("h{}", SHADES - 1))],
        svg: svg(&body),
        tips: tips(map, &x),
    }
}

/// By the logarithm, so that a few slow ones are seen beside many quick ones.
fn shade(count: u64, most: u64) -> usize {
    let share = (1.0 + count as f64).ln() / (1.0 + most as f64).ln();
    ((share * SHADES as f64).ceil() as usize).clamp(1, SHADES) - 1
}

fn tips(map: &HeatMap, x: &super::axis::Scaled) -> Tips {
    let line = |(bound, count): &(u64, u64)| {
        format!("up to {}: {}", Unit::Micros.show(*bound as f64), thousands(*count))
    };
    let lines = |(at, buckets): &(f64, Vec<(u64, u64)>)| {
        std::iter::once(Unit::Time.show(*at)).chain(buckets.iter().rev().map(line)).collect()
    };
    Tips {
        at: map.columns.iter().map(|(at, _)| x.rounded(at + map.step / 2.0)).collect(),
        lines: map.columns.iter().map(lines).collect(),
    }
}

fn summary(map: &HeatMap) -> String {
    let mut totals = std::collections::BTreeMap::<u64, u64>::new();
    for (bound, count) in map.columns.iter().flat_map(|(_, buckets)| buckets) {
        *totals.entry(*bound).or_default() += count;
    }
    let told = totals
        .iter()
        .map(|(bound, count)| format!("up to {}: {}", Unit::Micros.show(*bound as f64), thousands(*count)));
    format!("{}. {}", map.title, told.collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use super::{HeatMap, draw, shade};

    #[test]
    fn every_bucket_is_a_cell_and_few_are_seen_beside_many() {
        let columns = vec![(0.0, vec![(1_000, 5_000), (1_778, 1)]), (1.0, vec![(1_000, 40)])];
        let picture = draw(&HeatMap { title: "Times", step: 1.0, columns, factor: 1.778 });
        assert_eq!(picture.svg.matches('z').count(), 3);
        assert_eq!(picture.summary, "Times. up to 1ms: 5,040; up to 1.78ms: 1");
        assert_eq!(picture.tips.lines[0], ["0s", "up to 1.78ms: 1", "up to 1ms: 5,000"]);
        assert_eq!([shade(1, 5_000), shade(40, 5_000), shade(5_000, 5_000), shade(1, 1)], [0, 3, 7, 7]);
    }
}
