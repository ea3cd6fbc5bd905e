//! What Artillery files hold that is no part of this language: JavaScript, programs of others, settings without
//! a meaning here. What would change the load is refused with its place; the rest is noted.

use super::{Compiler, JAVASCRIPT};
use crate::config::document::escape;
use crate::load::scenario::model::Scenario;

/// The plug-ins of Artillery whose work is built in.
const BUILT_IN: [&str; 3] = ["ensure", "expect", "metrics-by-endpoint"];
/// Plug-ins that only pass on what was measured.
const REPORTERS: [(&str, &str); 3] = [
    ("publish-metrics", "nothing is published; see --output"),
    ("apdex", "no Apdex score is worked out; write a threshold under `slo`"),
    ("slack", "nothing is sent to Slack; see --output"),
];

impl Compiler<'_> {
    /// Looks through `config`.
    pub fn refuse_foreign(&mut self) {
        let config = self.config;
        if config.processor.is_some() {
            self.has_unknown_variables = true;
            self.refuse_key("/config/processor", "`processor` names a JavaScript file", Some(JAVASCRIPT));
        }
        for plugin in config.plugins.keys() {
            self.plugin(plugin);
        }
        for engine in config.engines.keys() {
            let at = format!("/config/engines/{}", escape(engine));
            let message = format!("the engine `{engine}` is a program of its own");
            self.refuse_key(&at, &message, Some("`http` and `socketio` are built in"));
        }
        if config.tls.reject_unauthorized == Some(false) {
            let help = "name the certificate of its authority in SSL_CERT_FILE";
            self.refuse_key("/config/tls/rejectUnauthorized", "certificates are always checked", Some(help));
        }
        let elsewhere = "nothing runs elsewhere";
        let idle = [
            ("apdex", &config.apdex, "no Apdex score is worked out; write a threshold under `slo`"),
            ("includeFiles", &config.include_files, elsewhere),
            ("bundling", &config.bundling, elsewhere),
            ("http/pool", &config.http.pool, "each user has a connection of its own"),
            ("http/maxSockets", &config.http.max_sockets, "each user has one connection; see `parallel`"),
            (
                "http/extendedMetrics",
                &config.http.extended_metrics,
                "response and service times are always there",
            ),
        ];
        for (key, _, reason) in idle.iter().filter(|(_, value, _)| value.is_some()) {
            self.idle(&format!("/config/{key}"), reason);
        }
    }

    /// Notes that a key has no effect.
    pub fn idle(&mut self, at: &str, reason: &str) {
        let key = at.rsplit('/').next().unwrap_or(at);
        self.note(at, &format!("`{key}` has no effect: {reason}"));
    }

    fn plugin(&mut self, plugin: &str) {
        let at = format!("/config/plugins/{}", escape(plugin));
        if BUILT_IN.contains(&plugin) {
            return;
        }
        match REPORTERS.iter().find(|(name, _)| *name == plugin) {
            Some((_, reason)) => self.idle(&at, reason),
            None => {
                let known: Vec<&str> =
                    BUILT_IN.into_iter().chain(REPORTERS.iter().map(|(name, _)| *name)).collect();
                let help = format!("known are {}; others are programs of their own", known.join(", "));
                self.refuse_key(&at, &format!("the plug-in `{plugin}` is not known"), Some(&help));
            }
        }
    }

    /// The JavaScript of a scenario.
    pub fn refuse_hooks_of(&mut self, scenario: &Scenario, at: &str) {
        let hooks = [
            ("beforeScenario", &scenario.before_scenario),
            ("afterScenario", &scenario.after_scenario),
            ("beforeRequest", &scenario.before_request),
            ("afterResponse", &scenario.after_response),
            ("onError", &scenario.on_error),
            ("testFunction", &scenario.test_function),
            ("flowFunction", &scenario.flow_function),
        ];
        for (hook, _) in hooks.iter().filter(|(_, value)| value.is_some()) {
            self.refuse_key(&format!("{at}/{hook}"), &format!("`{hook}` calls JavaScript"), Some(JAVASCRIPT));
        }
    }
}
