//! Where log lines and traces go. The one place where `serve` sets up `tracing`.

use std::fmt;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_appender::non_blocking::{NonBlocking, WorkerGuard};
use tracing_appender::rolling;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::cli::Error;

/// How the server is called in traces.
const SERVICE: &str = "scalectl-reference-server";

/// Logs and traces.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LogSettings {
    /// error, warn, info, debug, or directives of `tracing`.
    pub level: String,
    /// How lines are written; text on a terminal, else JSON.
    pub format: Option<LogFormat>,
    /// Files to write to instead of stderr; a date follows the name.
    pub file: Option<PathBuf>,
    /// When a new file is begun.
    pub rotation: LogRotation,
    /// Files that are kept.
    #[schemars(range(min = 1))]
    pub keep: usize,
    /// OpenTelemetry collector that takes traces over HTTP.
    pub otlp: Option<String>,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            level: "warn".into(),
            format: None,
            file: None,
            rotation: LogRotation::Daily,
            keep: 14,
            otlp: None,
        }
    }
}

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// When a new file is begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum LogRotation {
    /// Every hour.
    Hourly,
    /// Every day.
    Daily,
}

/// Keeps log and traces going; [`Log::close`] writes what is still on its way.
pub struct Log {
    _writer: Option<WorkerGuard>,
    traces: Option<SdkTracerProvider>,
}

impl Log {
    /// Starts logging. Every line carries the number of the instance, if there is one.
    pub async fn open(settings: &LogSettings, instance: Option<u32>) -> Result<Self, Error> {
        let filter = EnvFilter::try_new(&settings.level)
            .map_err(|error| Error::Usage(format!("--log {}: {error}", settings.level)))?;
        let (to, writer) = destination(settings)?;
        let mut layers = vec![lines(settings, instance, to).with_filter(filter).boxed()];
        let traces = match &settings.otlp {
            Some(url) => Some(traces(url.clone(), instance).await?),
            None => None,
        };
        if let Some(provider) = &traces {
            let ours = Targets::new()
                .with_targets(["scalectl", "reference_server"].map(|target| (target, LevelFilter::INFO)));
            let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("scalectl"));
            layers.push(layer.with_filter(ours).boxed());
        }
        tracing_subscriber::registry().with(layers).init();
        Ok(Self { _writer: writer, traces })
    }

    /// Sends the last traces.
    pub async fn close(self) {
        let Some(provider) = self.traces else { return };
        let sent = tokio::task::spawn_blocking(move || provider.shutdown()).await;
        if let Ok(Err(failure)) = sent {
            tracing::warn!(%failure, "the last traces were not sent");
        }
    }
}

type Destination = (BoxMakeWriter, Option<WorkerGuard>);

fn destination(settings: &LogSettings) -> Result<Destination, Error> {
    let Some(path) = &settings.file else { return Ok((BoxMakeWriter::new(std::io::stderr), None)) };
    let rotation = match settings.rotation {
        LogRotation::Hourly => rolling::Rotation::HOURLY,
        LogRotation::Daily => rolling::Rotation::DAILY,
    };
    let unusable = |why: String| Error::Usage(format!("--log-file {}: {why}", path.display()));
    let name =
        path.file_name().and_then(|name| name.to_str()).ok_or_else(|| unusable("no file name".into()))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let files = rolling::Builder::new().rotation(rotation).filename_prefix(name).max_log_files(settings.keep);
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let appender = files.build(folder).map_err(|error| unusable(error.to_string()))?;
    let (writer, guard): (NonBlocking, _) = tracing_appender::non_blocking(appender);
    Ok((BoxMakeWriter::new(writer), Some(guard)))
}

fn lines(
    settings: &LogSettings,
    instance: Option<u32>,
    to: BoxMakeWriter,
) -> Box<dyn Layer<Registry> + Send + Sync> {
    let is_terminal = settings.file.is_none() && std::io::stderr().is_terminal();
    let format = settings.format.unwrap_or(if is_terminal { LogFormat::Text } else { LogFormat::Json });
    let layer = tracing_subscriber::fmt::layer().with_writer(to).with_ansi(is_terminal);
    match format {
        LogFormat::Text => {
            let inner = tracing_subscriber::fmt::format();
            layer.event_format(Numbered { instance, inner, is_json: false }).boxed()
        }
        LogFormat::Json => {
            let inner = tracing_subscriber::fmt::format().json();
            layer
                .fmt_fields(JsonFields::new())
                .event_format(Numbered { instance, inner, is_json: true })
                .boxed()
        }
    }
}

/// Puts the number of the instance in front of what another format writes.
struct Numbered<F> {
    instance: Option<u32>,
    inner: F,
    is_json: bool,
}

impl<S, N, F> FormatEvent<S, N> for Numbered<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Some(instance) = self.instance else { return self.inner.format_event(context, writer, event) };
        if !self.is_json {
            write!(writer, "instance={instance} ")?;
            return self.inner.format_event(context, writer, event);
        }
        let mut line = String::new();
        self.inner.format_event(context, Writer::new(&mut line), event)?;
        match line.strip_prefix('{') {
            Some(rest) => write!(writer, "{{\"instance\":{instance},{rest}"),
            None => writer.write_str(&line),
        }
    }
}

/// The exporter's client blocks, and may not even be built on a thread of the runtime.
async fn traces(url: String, instance: Option<u32>) -> Result<SdkTracerProvider, Error> {
    let unusable = |why: String| Error::Usage(format!("--otlp: {why}"));
    let endpoint = endpoint(&url).map_err(|error| unusable(error.to_string()))?;
    let build = move || SpanExporter::builder().with_http().with_endpoint(endpoint).build();
    let exporter = tokio::task::spawn_blocking(build).await.map_err(|error| unusable(error.to_string()))?;
    let exporter = exporter.map_err(|error| unusable(error.to_string()))?;
    let number = instance.map_or_else(|| "1".to_owned(), |number| number.to_string());
    let resource = Resource::builder()
        .with_service_name(SERVICE)
        .with_attribute(KeyValue::new("service.instance.id", number))
        .build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

/// The collector's address alone stands for its endpoint for traces.
fn endpoint(url: &str) -> Result<String, url::ParseError> {
    let mut url = url::Url::parse(url)?;
    if url.path() == "/" {
        url.set_path("/v1/traces");
    }
    Ok(url.into())
}
