//! Artillery's `config.ensure`, as thresholds of ours.

use std::sync::LazyLock;

use regex::Regex;

use super::Compiler;
use crate::config::document::escape;
use crate::load::scenario::model::Ensure;
use crate::load::scenario::template::TemplateError;
use crate::load::slo::Slo;

const AT: &str = "/config/ensure";
const PLUGIN: &str = "/config/plugins/ensure";
static COMPARISON: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^[(\s]*http\.response_time\.(\w+)\s*(<=|>=|<|>)\s*(\d+(?:\.\d+)?)[)\s]*$").ok()
});
/// The one of Artillery's metrics that has the same meaning here.
const RESPONSE_TIME: &str = "http.response_time.";

impl Compiler<'_> {
    /// The thresholds that `ensure` names. Its limits are milliseconds, and may be reached.
    pub fn ensure(&mut self) -> Vec<Slo> {
        let mut slos = match &self.config.ensure {
            Some(ensure) => self.ensured(ensure, AT),
            None => Vec::new(),
        };
        // Artillery reads it from the plug-in's settings too.
        if let Some(settings) = self.config.plugins.get("ensure") {
            match serde_json::from_value::<Option<Ensure>>(settings.clone()) {
                Ok(Some(ensure)) => slos.extend(self.ensured(&ensure, PLUGIN)),
                Ok(None) => {}
                Err(error) => _ = self.refuse::<()>(PLUGIN, format!("`ensure`: {error}")),
            }
        }
        slos
    }

    fn ensured(&mut self, ensure: &Ensure, at: &str) -> Vec<Slo> {
        let Ensure {
            min,
            max,
            p50,
            median,
            p75,
            p90,
            p95,
            p99,
            p999,
            max_error_rate,
            thresholds,
            conditions,
        } = ensure;
        let plain = [
            ("min", min),
            ("max", max),
            ("p50", p50),
            ("median", median),
            ("p75", p75),
            ("p90", p90),
            ("p95", p95),
            ("p99", p99),
            ("p999", p999),
        ];
        let mut slos = Vec::new();
        for (measure, limit) in plain {
            slos.extend(limit.and_then(|limit| self.time_limit(measure, limit, &format!("{at}/{measure}"))));
        }
        if let Some(percent) = max_error_rate {
            slos.extend(self.slo(&format!("errors <= {percent}%"), &format!("{at}/maxErrorRate")));
        }
        let at_all = at;
        for (index, threshold) in thresholds.iter().enumerate() {
            for (metric, limit) in threshold {
                let at = format!("{at}/thresholds/{index}/{}", escape(metric));
                slos.extend(match metric.strip_prefix(RESPONSE_TIME) {
                    Some(measure) => self.time_limit(measure, *limit, &at),
                    None => self.refuse(
                        &at,
                        format!("`{metric}` is not measured here; write a threshold under `slo`"),
                    ),
                });
            }
        }
        for (index, condition) in conditions.iter().enumerate() {
            let at = format!("{at_all}/conditions/{index}/expression");
            match condition.strict {
                Some(false) => self.note(&at, "a condition that is not strict has no effect"),
                _ => slos.extend(self.condition(&condition.expression, &at)),
            }
        }
        slos
    }

    /// Comparisons of response times with milliseconds, joined by `and`.
    fn condition(&mut self, expression: &str, at: &str) -> Vec<Slo> {
        let part = |part: &str| {
            let found = COMPARISON.as_ref()?.captures(part)?;
            Some((found[1].to_owned(), found[2].to_owned(), found[3].parse::<f64>().ok()?))
        };
        let parts: Option<Vec<_>> = expression.split(" and ").map(part).collect();
        let Some(parts) = parts else {
            let message = format!("`{expression}` is more than is understood here");
            let help = "write response times joined by `and`, or thresholds under `slo`".to_owned();
            self.refuse_at(at, TemplateError { help: Some(help), ..TemplateError::new(message) });
            return Vec::new();
        };
        let slo = |(measure, comparison, limit): (String, String, f64)| {
            self.slo(&format!("{} {comparison} {limit}ms", named(&measure)), at)
        };
        parts.into_iter().filter_map(slo).collect()
    }

    fn time_limit(&mut self, measure: &str, milliseconds: f64, at: &str) -> Option<Slo> {
        self.slo(&format!("{} <= {milliseconds}ms", named(measure)), at)
    }

    fn slo(&mut self, text: &str, at: &str) -> Option<Slo> {
        match Slo::parse(text, &[]) {
            Ok(slo) => Some(slo),
            Err((message, _)) => self.refuse(at, message),
        }
    }
}

fn named(measure: &str) -> &str {
    match measure {
        "median" => "p50",
        "p999" => "p99.9",
        other => other,
    }
}
