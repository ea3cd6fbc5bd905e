//! A Prometheus of the test's own.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::http::get;
use super::process::Process;
use super::tools::find_program;
use super::wait::STARTUP;
use super::workdir::WorkDir;

/// A real `prometheus` on a free port of 127.0.0.1 that takes remote writes.
#[derive(Debug)]
pub struct PrometheusServer {
    authority: String,
    _process: Process,
    _dir: WorkDir,
}

impl PrometheusServer {
    /// Starts it and waits until it is ready.
    #[track_caller]
    pub fn start() -> Self {
        let dir = WorkDir::new("prometheus");
        dir.write("prometheus.yml", "global: {}\n");
        let mut command = Command::new(find_program("prometheus"));
        command.args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"]).current_dir(dir.path());
        command.args(["--web.listen-address=127.0.0.1:0", "--web.enable-remote-write-receiver"]);
        let process = Process::start("prometheus", command, &[], &dir.join("prometheus.log"));
        let process = process.expect("prometheus starts");
        let line = process.wait_for_line(STARTUP, |line| line.contains("msg=\"Listening on\""));
        let authority = line.rsplit("address=").next().expect("an address follows").trim().to_owned();
        process.wait_for_line(STARTUP, |line| line.contains("Server is ready"));
        Self { authority, _process: process, _dir: dir }
    }

    /// Its address, `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.authority)
    }

    /// What an expression comes to a little after now: labels and value of each series.
    #[track_caller]
    pub fn query(&self, expression: &str) -> Vec<(Value, f64)> {
        // The last second of a run may have been told before it was over.
        let at = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs() + 5;
        let expression: String = url::form_urlencoded::byte_serialize(expression.as_bytes()).collect();
        let (status, body) = get(&self.authority, &format!("/api/v1/query?time={at}&query={expression}"));
        assert_eq!(status, 200, "{body}");
        let answer: Value = serde_json::from_str(&body).expect("JSON");
        let series = answer["data"]["result"].as_array().expect("a vector").iter();
        let value = |series: &Value| series["value"][1].as_str().and_then(|value| value.parse().ok());
        series.map(|series| (series["metric"].clone(), value(series).expect("a number"))).collect()
    }
}
