//! OTLP over HTTP in protobuf: the same figures as metrics of OpenTelemetry.
//!
//! <https://opentelemetry.io/docs/specs/otlp/> has the messages.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;

use super::figures::{Figure, Moment, Subject};
use crate::load::timeline::PointTimes;

/// The body of a request.
pub fn encode(subject: &Subject, moments: &[Moment]) -> Vec<u8> {
    let own = [("service.name", "scalectl"), ("service.version", env!("CARGO_PKG_VERSION"))];
    let labels = subject.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let attributes = own.into_iter().chain(labels).map(|(name, value)| attribute(name, value));
    let resource = Resource { attributes: attributes.collect(), ..Resource::default() };
    let scope = InstrumentationScope { name: "scalectl.load".to_owned(), ..InstrumentationScope::default() };
    let metrics = Gathered { subject, moments }.metrics();
    let scope_metrics = vec![ScopeMetrics { scope: Some(scope), metrics, ..ScopeMetrics::default() }];
    let all = ResourceMetrics { resource: Some(resource), scope_metrics, ..ResourceMetrics::default() };
    ExportMetricsServiceRequest { resource_metrics: vec![all] }.encode_to_vec()
}

/// Which row, of which kind; all exchanges have none.
type RowName<'s> = Option<&'s (String, &'static str)>;
/// How one row stands at a moment.
type Stand<'s> = (&'s Moment, RowName<'s>, &'s Figure);

struct Gathered<'s> {
    subject: &'s Subject,
    moments: &'s [Moment],
}

impl<'s> Gathered<'s> {
    fn metrics(&self) -> Vec<Metric> {
        let users =
            self.moments.iter().map(|moment| point(moment, Vec::new(), Number::AsInt(moment.users.into())));
        let lag = self.moments.iter().flat_map(|moment| times(moment, None, moment.lag));
        let mut metrics = vec![
            gauge("scalectl.load.users", "{user}", users.collect()),
            gauge("scalectl.load.generator.lag", "s", lag.collect()),
        ];
        let total = || self.moments.iter().map(|moment| (moment, None, &moment.total));
        metrics.extend(of_rows("scalectl.load.exchange", "{exchange}", &total().collect::<Vec<_>>()));
        metrics.extend(of_rows("scalectl.load.step", "{step}", &self.rows()));
        metrics
    }

    fn rows(&self) -> Vec<Stand<'s>> {
        let of_moment = |moment: &'s Moment| {
            let rows = self.subject.rows.iter().zip(&moment.rows);
            rows.map(move |(row, figure)| (moment, Some(row), figure))
        };
        self.moments.iter().flat_map(of_moment).collect()
    }
}

fn of_rows(name: &str, unit: &str, stands: &[Stand<'_>]) -> [Metric; 3] {
    let count = |pick: fn(&Figure) -> u64| {
        let one = |(moment, row, figure): &Stand<'_>| {
            point(moment, row_attributes(*row), Number::AsInt(pick(figure) as i64))
        };
        stands.iter().map(one).collect()
    };
    let response = stands.iter().flat_map(|(moment, row, figure)| times(moment, *row, figure.response));
    [
        sum(&format!("{name}.count"), unit, count(|figure| figure.count)),
        sum(&format!("{name}.errors"), unit, count(|figure| figure.errors)),
        gauge(&format!("{name}.response"), "s", response.collect()),
    ]
}

fn times<'m>(
    moment: &'m Moment,
    row: RowName<'m>,
    times: Option<PointTimes>,
) -> impl Iterator<Item = NumberDataPoint> {
    let quantiles: Vec<_> = times.iter().flat_map(PointTimes::quantiles).collect();
    quantiles.into_iter().map(move |(quantile, seconds)| {
        let mut attributes = row_attributes(row);
        attributes.push(attribute("quantile", quantile));
        point(moment, attributes, Number::AsDouble(seconds))
    })
}

fn row_attributes(row: RowName<'_>) -> Vec<KeyValue> {
    row.map(|(row, kind)| vec![attribute("row", row), attribute("kind", kind)]).unwrap_or_default()
}

fn point(moment: &Moment, attributes: Vec<KeyValue>, value: Number) -> NumberDataPoint {
    let nanos = |millis: u64| millis.saturating_mul(1_000_000);
    NumberDataPoint {
        attributes,
        start_time_unix_nano: nanos(moment.start),
        time_unix_nano: nanos(moment.at),
        value: Some(value),
        ..NumberDataPoint::default()
    }
}

fn sum(name: &str, unit: &str, data_points: Vec<NumberDataPoint>) -> Metric {
    let aggregation_temporality = AggregationTemporality::Cumulative.into();
    let data = Data::Sum(Sum { data_points, aggregation_temporality, is_monotonic: true });
    metric(name, unit, data)
}

fn gauge(name: &str, unit: &str, data_points: Vec<NumberDataPoint>) -> Metric {
    metric(name, unit, Data::Gauge(Gauge { data_points }))
}

fn metric(name: &str, unit: &str, data: Data) -> Metric {
    Metric { name: name.to_owned(), unit: unit.to_owned(), data: Some(data), ..Metric::default() }
}

fn attribute(name: &str, value: &str) -> KeyValue {
    let value = AnyValue { value: Some(Value::StringValue(value.to_owned())) };
    KeyValue { key: name.to_owned(), value: Some(value), ..KeyValue::default() }
}
