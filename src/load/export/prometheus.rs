//! Prometheus remote write, version 1: series with their samples in protobuf, compressed with Snappy.
//!
//! <https://prometheus.io/docs/specs/prw/remote_write_spec/> has the messages.

use std::collections::BTreeMap;

use prost::Message;

use super::figures::{Figure, Moment, Subject};
use crate::load::timeline::PointTimes;

/// What is sent at once.
#[derive(Clone, PartialEq, Message)]
pub struct WriteRequest {
    /// Each once, with all its samples.
    #[prost(message, repeated, tag = "1")]
    pub timeseries: Vec<TimeSeries>,
}

/// A series.
#[derive(Clone, PartialEq, Message)]
pub struct TimeSeries {
    /// Its name and its labels, in the order of their names.
    #[prost(message, repeated, tag = "1")]
    pub labels: Vec<Label>,
    /// Its values in order of time.
    #[prost(message, repeated, tag = "2")]
    pub samples: Vec<Sample>,
}

/// A label.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Label {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its value.
    #[prost(string, tag = "2")]
    pub value: String,
}

/// A value.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Sample {
    /// The value.
    #[prost(double, tag = "1")]
    pub value: f64,
    /// Milliseconds since 1970.
    #[prost(int64, tag = "2")]
    pub timestamp: i64,
}

/// The body of a request.
pub fn encode(subject: &Subject, moments: &[Moment]) -> Result<Vec<u8>, snap::Error> {
    let mut all = Gathered { subject, series: BTreeMap::new() };
    moments.iter().for_each(|moment| all.take(moment));
    let timeseries = all.series.into_iter().map(|(labels, samples)| TimeSeries {
        labels: labels.into_iter().map(|(name, value)| Label { name, value }).collect(),
        samples,
    });
    let request = WriteRequest { timeseries: timeseries.collect() };
    snap::raw::Encoder::new().compress_vec(&request.encode_to_vec())
}

/// Samples by the labels of their series, which have to be in order of name.
struct Gathered<'s> {
    subject: &'s Subject,
    series: BTreeMap<BTreeMap<String, String>, Vec<Sample>>,
}

impl Gathered<'_> {
    fn take(&mut self, moment: &Moment) {
        let at = moment.at as i64;
        let subject = self.subject;
        self.add(at, "scalectl_load_users", &[], moment.users.into());
        self.figure(at, "scalectl_load_exchange", &[], &moment.total);
        for ((row, kind), figure) in subject.rows.iter().zip(&moment.rows) {
            self.figure(at, "scalectl_load_step", &[("row", row), ("kind", kind)], figure);
        }
        self.times(at, "scalectl_load_generator_lag_seconds", &[], moment.lag);
    }

    fn figure(&mut self, at: i64, name: &str, labels: &[(&str, &str)], figure: &Figure) {
        self.add(at, &format!("{name}s_total"), labels, figure.count as f64);
        self.add(at, &format!("{name}_errors_total"), labels, figure.errors as f64);
        self.times(at, &format!("{name}_response_seconds"), labels, figure.response);
    }

    fn times(&mut self, at: i64, name: &str, labels: &[(&str, &str)], times: Option<PointTimes>) {
        for (quantile, seconds) in times.iter().flat_map(PointTimes::quantiles) {
            self.add(at, name, &[labels, &[("quantile", quantile)]].concat(), seconds);
        }
    }

    fn add(&mut self, timestamp: i64, name: &str, labels: &[(&str, &str)], value: f64) {
        let own = [&[("__name__", name)], labels].concat();
        let own = own.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        let labels = self.subject.labels.iter().cloned().chain(own).collect();
        self.series.entry(labels).or_default().push(Sample { value, timestamp });
    }
}
