//! The `fanout` step.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::Compiler;
use super::socket::argument_path;
use crate::load::scenario::model::{EmitParts, Fanout, FanoutRole};
use crate::load::scenario::plan::{
    FanoutRow, FanoutStep, JsonPath, Listening, MetricKind, Publishing, Step, Times,
};

const STAMP: &str = "$._stamp";
/// The default of `linger`, and its most: less than what a run waits for its users at the end.
const LINGER: Duration = Duration::from_secs(2);
const LONGEST_LINGER: Duration = Duration::from_secs(8);
const EVERY: Duration = Duration::from_secs(1);
const SHORTEST_EVERY: Duration = Duration::from_millis(1);

impl Compiler<'_> {
    /// Compiles `fanout`.
    pub fn fanout(&mut self, model: &Fanout, at: &str) -> Option<Step> {
        if self.section.is_some() {
            return self
                .refuse(at, "`fanout` belongs into a scenario: what is done once has nobody to reach");
        }
        let (publishes, listens) = self.role(model, at)?;
        let namespace = self.namespace(model.namespace.as_deref(), &format!("{at}/namespace"))?;
        let join = self.implicit_join(namespace)?;
        let name = model.name.clone().unwrap_or_else(|| format!("fanout {}", model.event));
        let metric = self.metric(&name, MetricKind::Delivery);
        let linger = model.linger.map_or(LINGER, |span| span.0);
        if linger > LONGEST_LINGER {
            return self.refuse(&format!("{at}/linger"), "`linger` is at most 8s");
        }
        self.keep_fanout(FanoutRow { metric, linger });
        let room = self.text(model.room.as_deref().unwrap_or_default(), &format!("{at}/room"))?;
        let listen = if listens { Some(self.listening(model, linger, at)?) } else { None };
        let publish = if publishes { Some(self.publishing(model, at)?) } else { None };
        Some(Step::Fanout(Arc::new(FanoutStep { metric, join, room, listen, publish })))
    }

    /// Whether the user publishes, and whether it listens. What it does not do needs no words.
    fn role(&mut self, model: &Fanout, at: &str) -> Option<(bool, bool)> {
        let is_publisher = model.channel.is_some();
        let role = model.role.unwrap_or(if is_publisher { FanoutRole::Both } else { FanoutRole::Subscriber });
        if role != FanoutRole::Subscriber {
            return match is_publisher {
                true => Some((true, role == FanoutRole::Both)),
                false => self.refuse(at, "whoever publishes needs the `channel` to do it on"),
            };
        }
        let publishing = [
            ("channel", is_publisher),
            ("data", model.data.is_some()),
            ("args", model.args.is_some()),
            ("count", model.count.is_some()),
            ("every", model.every.is_some()),
            ("stamp", model.stamp.is_some()),
        ];
        let known = self.found.len();
        for (key, _) in publishing.iter().filter(|(_, is_there)| *is_there) {
            let message = format!("`{key}` belongs to whoever publishes, and this one only listens");
            self.refuse_key(&format!("{at}/{key}"), &message, Some("name the `channel`, or leave it out"));
        }
        (self.found.len() == known).then_some((false, true))
    }

    /// The longest wait of all steps of a row holds for it.
    fn keep_fanout(&mut self, row: FanoutRow) {
        match self.fanouts.iter_mut().find(|known| known.metric == row.metric) {
            Some(known) => known.linger = known.linger.max(row.linger),
            None => self.fanouts.push(row),
        }
    }

    fn listening(&mut self, model: &Fanout, linger: Duration, at: &str) -> Option<Listening> {
        let stamp_at = match &model.stamp_at {
            Some(path) => Some(self.json_path(&argument_path(path), &format!("{at}/stampAt"))?),
            None => None,
        };
        Some(Listening { event: model.event.clone(), stamp_at, linger })
    }

    fn publishing(&mut self, model: &Fanout, at: &str) -> Option<Publishing> {
        let channel = model.channel.clone()?;
        let metric = self.metric(&format!("emit {channel}"), MetricKind::Sent);
        let stamp = self.stamp(model, at)?;
        let times = match &model.count {
            Some(count) => self.count(count, &format!("{at}/count"))?,
            None => Times::Count(0, 1),
        };
        if matches!(times, Times::Count(1.., _)) {
            return self.refuse(&format!("{at}/count"), "`count` of `fanout` is no range");
        }
        let every = model.every.map_or(EVERY, |span| span.0);
        if every < SHORTEST_EVERY {
            return self.refuse(&format!("{at}/every"), "`every` is at least 1ms");
        }
        let data =
            model.data.clone().or_else(|| model.args.is_none().then(|| Value::Object(Default::default())));
        let parts = EmitParts { channel, data, args: model.args.clone(), ..EmitParts::default() };
        let payload = self.event_payload(&parts, at)?;
        Some(Publishing { metric, payload, stamp, times, every })
    }

    /// Where the stamp goes: a place that can be written to.
    fn stamp(&mut self, model: &Fanout, at: &str) -> Option<JsonPath> {
        let at = format!("{at}/stamp");
        let path = self.json_path(&argument_path(model.stamp.as_deref().unwrap_or(STAMP)), &at)?;
        if !path.is_place() {
            return self.refuse(&at, "`stamp` names one place, such as `$.text` or `$[1].id`");
        }
        let first = model.data.as_ref().or_else(|| model.args.as_ref()?.first());
        if let Some(first) = first
            && model.stamp.is_none()
            && !is_mapping(first)
        {
            let key = if model.args.is_some() { "args" } else { "data" };
            let message = "the stamp has no place here: this is no mapping";
            self.refuse_key(
                &at.replace("stamp", key),
                message,
                Some("say where it goes, such as `stamp: $[0]`"),
            );
            return None;
        }
        Some(path)
    }
}

/// Whether a value has room for a stamp; what an expression gives is not known.
fn is_mapping(value: &Value) -> bool {
    match value {
        Value::Object(_) | Value::Null => true,
        Value::String(text) => text.contains("{{"),
        _ => false,
    }
}
