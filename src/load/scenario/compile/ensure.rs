//! Artillery's `config.ensure`, as thresholds of ours.

use super::Compiler;
use crate::config::document::escape;
use crate::load::scenario::model::Ensure;
use crate::load::slo::Slo;

const AT: &str = "/config/ensure";
/// The one of Artillery's metrics that has the same meaning here.
const RESPONSE_TIME: &str = "http.response_time.";

impl Compiler<'_> {
    /// The thresholds that `ensure` names. Its limits are milliseconds, and may be reached.
    pub fn ensure(&mut self) -> Vec<Slo> {
        let Some(ensure) = &self.config.ensure else { return Vec::new() };
        let Ensure { min, max, p50, p75, p90, p95, p99, p999, max_error_rate, thresholds, conditions } =
            ensure;
        let plain = [
            ("min", min),
            ("max", max),
            ("p50", p50),
            ("p75", p75),
            ("p90", p90),
            ("p95", p95),
            ("p99", p99),
            ("p999", p999),
        ];
        let mut slos = Vec::new();
        for (measure, limit) in plain {
            slos.extend(limit.and_then(|limit| self.time_limit(measure, limit, &format!("{AT}/{measure}"))));
        }
        if let Some(percent) = max_error_rate {
            slos.extend(self.slo(&format!("errors <= {percent}%"), &format!("{AT}/maxErrorRate")));
        }
        for (index, threshold) in thresholds.iter().enumerate() {
            for (metric, limit) in threshold {
                let at = format!("{AT}/thresholds/{index}/{}", escape(metric));
                slos.extend(match metric.strip_prefix(RESPONSE_TIME) {
                    Some(measure) => self.time_limit(measure, *limit, &at),
                    None => self.refuse(
                        &at,
                        format!("`{metric}` is not measured here; write a threshold under `slo`"),
                    ),
                });
            }
        }
        if conditions.is_some() {
            let help = "write thresholds under `slo`";
            self.refuse_key(
                &format!("{AT}/conditions"),
                "`conditions` are expressions of Artillery",
                Some(help),
            );
        }
        slos
    }

    fn time_limit(&mut self, measure: &str, milliseconds: f64, at: &str) -> Option<Slo> {
        let measure = match measure {
            "median" => "p50",
            "p999" => "p99.9",
            other => other,
        };
        self.slo(&format!("{measure} <= {milliseconds}ms"), at)
    }

    fn slo(&mut self, text: &str, at: &str) -> Option<Slo> {
        match Slo::parse(text, &[]) {
            Ok(slo) => Some(slo),
            Err((message, _)) => self.refuse(at, message),
        }
    }
}
