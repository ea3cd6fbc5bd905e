//! The Prometheus text format, as far as it is needed: names, labels, values.

/// More series than this are somebody's mistake.
const MAX_SERIES: usize = 100_000;

/// All series of one scrape.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scrape {
    series: Vec<Series>,
}

/// One series at one moment.
#[derive(Debug, Clone, PartialEq)]
struct Series {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

impl Scrape {
    /// Reads a scrape; lines that are none of the format are left out.
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self { series: lines.filter_map(series).take(MAX_SERIES).collect() }
    }

    /// Whether there is anything.
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// The values of all series of that name.
    pub fn values<'s>(&'s self, name: &'s str) -> impl Iterator<Item = f64> + 's {
        self.named(name).map(|series| series.value)
    }

    /// Their sum; none where there is no such series.
    pub fn sum(&self, name: &str) -> Option<f64> {
        self.values(name).reduce(|a, b| a + b)
    }

    /// The largest of them.
    pub fn max(&self, name: &str) -> Option<f64> {
        self.values(name).reduce(f64::max)
    }

    /// By how much each series of that name has grown since `before`. One that began anew counts from nothing.
    pub fn growth(&self, name: &str, before: &Self) -> Vec<f64> {
        let grown = |series: &Series| {
            let earlier = before.named(name).find(|earlier| earlier.labels == series.labels);
            let earlier = earlier.map_or(0.0, |earlier| earlier.value);
            if series.value >= earlier { series.value - earlier } else { series.value }
        };
        self.named(name).map(grown).collect()
    }

    /// A quantile of what a histogram has counted since `before`: the upper end of the bucket that holds it.
    pub fn quantile(&self, name: &str, quantile: f64, before: &Self) -> Option<f64> {
        let bucket_name = format!("{name}_bucket");
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        for (series, grown) in self.named(&bucket_name).zip(self.growth(&bucket_name, before)) {
            let (_, end) = series.labels.iter().find(|(label, _)| label == "le")?;
            let end: f64 = if end == "+Inf" { f64::INFINITY } else { end.parse().ok()? };
            match buckets.iter_mut().find(|(known, _)| *known == end) {
                Some((_, count)) => *count += grown,
                None => buckets.push((end, grown)),
            }
        }
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        let all = buckets.last().map(|(_, count)| *count).filter(|count| *count > 0.0)?;
        let largest_finite = buckets.iter().rev().map(|(end, _)| *end).find(|end| end.is_finite());
        let (end, _) = buckets.iter().find(|(_, count)| *count >= quantile * all)?;
        if end.is_finite() { Some(*end) } else { largest_finite }
    }

    fn named<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s Series> {
        self.series.iter().filter(move |series| series.name == name)
    }
}

/// `name{label="value",…} 1.5`, maybe with a time after it.
fn series(line: &str) -> Option<Series> {
    let end = line.find(|c: char| c == '{' || c.is_whitespace())?;
    let (name, rest) = line.split_at(end);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Vec::new(), rest),
    };
    let value = rest.split_whitespace().next()?.parse().ok().filter(|value: &f64| value.is_finite())?;
    Some(Series { name: name.to_owned(), labels, value })
}

/// The labels up to their closing brace, and what follows.
fn labels(mut rest: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut labels = Vec::new();
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(rest) = rest.strip_prefix('}') {
            return Some((labels, rest));
        }
        let (name, after) = rest.split_once("=\"")?;
        let (value, after) = quoted(after)?;
        labels.push((name.trim().to_owned(), value));
        rest = after;
    }
}

/// A text up to its closing quote, with its escapes undone.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((index, c)) = characters.next() {
        match c {
            '"' => return Some((value, &text[index + 1..])),
            '\\' => match characters.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Scrape;

    const BEFORE: &str = r#"
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total{instance_id="1"} 5
process_cpu_seconds_total{instance_id="2"} 7 1700000000000
odd{a="x\"}y", b="\\"} 1
lag_bucket{le="0.01"} 10
lag_bucket{le="0.1"} 10
lag_bucket{le="+Inf"} 10
not a line
nan NaN
"#;

    const AFTER: &str = r#"
process_cpu_seconds_total{instance_id="1"} 6.5
process_cpu_seconds_total{instance_id="2"} 0.5
lag_bucket{le="0.01"} 100
lag_bucket{le="0.1"} 109
lag_bucket{le="+Inf"} 110
"#;

    #[test]
    fn values_growth_and_quantiles_are_read() {
        let (before, after) = (Scrape::parse(BEFORE), Scrape::parse(AFTER));
        assert_eq!(before.sum("process_cpu_seconds_total"), Some(12.0));
        assert_eq!(before.sum("odd"), Some(1.0));
        assert_eq!((before.sum("nan"), before.sum("not"), before.max("none")), (None, None, None));
        // The second process began anew in between.
        assert_eq!(after.growth("process_cpu_seconds_total", &before), [1.5, 0.5]);
        assert_eq!(after.quantile("lag", 0.5, &before), Some(0.01));
        assert_eq!(after.quantile("lag", 0.99, &before), Some(0.1));
        assert_eq!(after.quantile("lag", 0.99, &after), None);
    }

    proptest! {
        #[test]
        fn whatever_a_server_says_is_read_without_harm(text in "(\\PC|[{}\"=,\\\\\n ])*") {
            let scrape = Scrape::parse(&text);
            scrape.quantile("a", 0.5, &scrape);
        }
    }
}
