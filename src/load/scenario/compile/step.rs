//! Steps: which action a step is, and the actions that steer (think, loop, if, set).

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::{Compiler, JAVASCRIPT, assigned};
use crate::config::duration::Span;
use crate::load::scenario::model::{Count, Engine, Jitter, Over, Request, Step as Model, ThinkTime};
use crate::load::scenario::plan::{Loop, Parallel, Step, Think, Times};
use crate::load::scenario::prepare::human_duration;
use crate::load::scenario::template::{Expression, JsonTemplate};

/// Requests of `parallel` that may be under way at once when nothing is said: what browsers allow a host.
const AT_ONCE: u32 = 6;

impl Compiler<'_> {
    /// Compiles a list of steps at `pointer`.
    pub fn steps(&mut self, steps: &[Model], pointer: &str, engine: Engine) -> Vec<Step> {
        let steps = steps.iter().enumerate();
        steps.filter_map(|(index, step)| self.step(step, &format!("{pointer}/{index}"), engine)).collect()
    }

    fn step(&mut self, step: &Model, at: &str, engine: Engine) -> Option<Step> {
        let actions = actions(step);
        if actions.is_empty() && self.is_mended(at) {
            return None;
        }
        let [action] = actions.as_slice() else {
            let message = match actions.as_slice() {
                [] => "a step needs an action".to_owned(),
                several => format!("a step has one action, this one has {}", several.join(" and ")),
            };
            return self.refuse(at, message);
        };
        self.refuse_strangers(step, action, at)?;
        let scenario = self.tags.clone();
        self.tags.extend(step.tags.clone());
        let compiled = self.action(step, action, at, engine);
        self.tags = scenario;
        compiled
    }

    fn action(&mut self, step: &Model, action: &str, at: &str, engine: Engine) -> Option<Step> {
        self.speaks = if request(step, action).is_some() { Engine::Http } else { engine };
        match action {
            "function" => {
                self.refuse_key(&format!("{at}/function"), "`function` calls JavaScript", Some(JAVASCRIPT));
                None
            }
            "log" => self.log(step.log.as_ref()?, &format!("{at}/log")),
            "parallel" => self.parallel(step, at),
            "think" => self.think(step.think.as_ref()?, &format!("{at}/think")),
            "loop" => self.repeat(step, at, engine),
            "if" => self.branch(step, at, engine),
            "set" => self.set(step.set.as_ref()?, &format!("{at}/set")),
            "connect" | "receive" if engine == Engine::Http => {
                let message = format!("`{action}` needs `engine: socketio` or `engine: ws` on its scenario");
                self.refuse(at, message)
            }
            "emit" if engine != Engine::Socketio => {
                self.refuse(at, "`emit` needs `engine: socketio` on its scenario")
            }
            "fanout" if engine != Engine::Socketio => {
                self.refuse(at, "`fanout` needs `engine: socketio` on its scenario")
            }
            "send" if engine != Engine::Ws => self.refuse(at, "`send` needs `engine: ws` on its scenario"),
            "connect" if engine == Engine::Ws => {
                self.ws_connect(step.connect.as_ref()?, &format!("{at}/connect"))
            }
            "receive" if engine == Engine::Ws => {
                self.ws_receive(step.receive.as_ref()?, &format!("{at}/receive"))
            }
            "send" => self.ws_send(step.send.as_ref()?, &format!("{at}/send")),
            "connect" => self.connect(step.connect.as_ref()?, &format!("{at}/connect")),
            "emit" => self.emit(step, at),
            "fanout" => self.fanout(step.fanout.as_ref()?, &format!("{at}/fanout")),
            "receive" => self.receive(step, at),
            method => self.http(request(step, method)?, method, &format!("{at}/{method}")),
        }
    }

    /// Keys that belong to another action than this step's.
    fn refuse_strangers(&mut self, step: &Model, action: &str, at: &str) -> Option<()> {
        let present = [
            ("count", step.count.is_some(), "loop"),
            ("over", step.over.is_some(), "loop"),
            ("while", step.repeat_while.is_some(), "loop"),
            ("whileTrue", step.while_true.is_some(), "loop"),
            ("atOnce", step.at_once.is_some(), "parallel"),
            ("then", step.then.is_some(), "if"),
            ("else", step.otherwise.is_some(), "if"),
            ("acknowledge", step.acknowledge.is_some(), "emit"),
            ("response", step.response.is_some(), "emit"),
        ];
        let known = self.found.len();
        for (key, _, owner) in present.iter().filter(|(_, is_present, owner)| *is_present && *owner != action)
        {
            self.refuse_key(
                &format!("{at}/{key}"),
                &format!("`{key}` belongs to `{owner}`, not to `{action}`"),
                None,
            );
        }
        if step.namespace.is_some() && !matches!(action, "emit" | "receive") {
            self.refuse_key(&format!("{at}/namespace"), "`namespace` belongs to `emit` or `receive`", None);
        }
        (self.found.len() == known).then_some(())
    }

    fn think(&mut self, think: &ThinkTime, at: &str) -> Option<Step> {
        if let ThinkTime::Text(text) = think
            && text.contains("{{")
        {
            return self.text(text, at).map(Step::ThinkComputed);
        }
        match parse_think(think) {
            Ok(think) if think.min < think.max => Some(Step::Think(think)),
            Ok(think) if think.min == think.max => self.jitter(think).map(Step::Think),
            Ok(_) => self.refuse(at, "the range of a think time must go upwards"),
            Err(message) => self.refuse(at, message),
        }
    }

    /// Spreads a pause as the file's `think.jitter` says.
    fn jitter(&mut self, think: Think) -> Option<Think> {
        let defaults = [("http/defaults", &self.config.http.defaults), ("defaults", &self.config.defaults)];
        let found = defaults.into_iter().find_map(|(at, d)| Some((at, d.think.jitter.as_ref()?)));
        let Some((at, jitter)) = found else { return Some(think) };
        let by = match jitter {
            Jitter::Milliseconds(ms) => Duration::from_secs_f64(ms / 1e3),
            Jitter::Text(text) => match parse_jitter(text, think.min) {
                Some(by) => by,
                None => {
                    let message = format!("`{text}` is no jitter; write 200ms or 20%");
                    return self.refuse(&format!("/config/{at}/think/jitter"), message);
                }
            },
        };
        Some(Think { min: think.min.saturating_sub(by), max: think.max + by })
    }

    /// Its expressions are checked; a console has no use for the lines of thousands of users.
    fn log(&mut self, log: &Value, at: &str) -> Option<Step> {
        self.json(log, at);
        self.idle(at, "nothing is written under load");
        None
    }

    fn parallel(&mut self, step: &Model, at: &str) -> Option<Step> {
        let mut requests = Vec::new();
        let at = format!("{at}/parallel");
        for (index, item) in step.parallel.as_ref()?.iter().enumerate() {
            let item_at = format!("{at}/{index}");
            match self.step(item, &item_at, Engine::Http) {
                Some(Step::Http(request)) => requests.push(*request),
                Some(_) => _ = self.refuse::<()>(&item_at, "`parallel` holds requests, without `ifTrue`"),
                None => {}
            }
        }
        let at_once = step.at_once.unwrap_or(AT_ONCE) as usize;
        Some(Step::Parallel(Parallel { steps: requests, at_once }))
    }

    fn repeat(&mut self, step: &Model, at: &str, engine: Engine) -> Option<Step> {
        let body = step.repeat.as_ref()?;
        if step.while_true.is_some() {
            self.refuse_key(
                &format!("{at}/whileTrue"),
                "`whileTrue` calls JavaScript",
                Some("write an expression under `while`"),
            );
        }
        let times = match (&step.count, &step.over, &step.repeat_while) {
            (Some(count), None, None) => self.count(count, &format!("{at}/count")),
            (None, Some(over), None) => self.over(over, &format!("{at}/over")),
            (None, None, Some(source)) => self.expression(source, &format!("{at}/while")).map(Times::While),
            (None, None, None) => Some(Times::Forever),
            _ => self.refuse(at, "`loop` takes one of `count`, `over`, `while`"),
        };
        // What a later step of the body sets is there for the earlier ones from the second round on.
        assigned(body).iter().for_each(|name| _ = self.symbols.declare(name));
        let body = self.steps(body, &format!("{at}/loop"), engine);
        Some(Step::Loop(Loop { times: times?, body }))
    }

    pub(super) fn count(&mut self, count: &Count, at: &str) -> Option<Times> {
        let text = match count {
            Count::Number(number) => {
                return Some(u64::try_from(*number).map_or(Times::Forever, |n| Times::Count(0, n)));
            }
            Count::Text(text) => text.trim(),
        };
        let range =
            text.split_once('-').map(|(from, to)| (from.trim().parse::<u64>(), to.trim().parse::<u64>()));
        match (text.parse::<u64>(), range) {
            (Ok(number), _) => Some(Times::Count(0, number)),
            (_, Some((Ok(from), Ok(to)))) if from <= to => Some(Times::Count(from, to)),
            _ if text == "-1" => Some(Times::Forever),
            _ if text.contains("{{") => self.text(text, at).map(Times::Computed),
            _ => self.refuse(at, format!("`{text}` is no count; write 5, 5-10, or an expression")),
        }
    }

    fn over(&mut self, over: &Over, at: &str) -> Option<Times> {
        let list = match over {
            Over::Items(items) => self.json(&Value::Array(items.clone()), at),
            Over::Variable(name) => self.expression(name, at).map(|expression| match expression {
                Expression::Constant(list) => JsonTemplate::Static(Value::clone(&list)),
                expression => JsonTemplate::Typed(expression),
            }),
        };
        list.map(Times::Over)
    }

    fn branch(&mut self, step: &Model, at: &str, engine: Engine) -> Option<Step> {
        let condition = self.expression(step.condition.as_ref()?, &format!("{at}/if"));
        let Some(then) = &step.then else {
            return self.refuse(at, "`if` needs `then`");
        };
        let then = self.steps(then, &format!("{at}/then"), engine);
        let otherwise = step.otherwise.as_deref().unwrap_or_default();
        let otherwise = self.steps(otherwise, &format!("{at}/else"), engine);
        Some(Step::If { condition: condition?, then, otherwise })
    }

    fn set(&mut self, set: &BTreeMap<String, Value>, at: &str) -> Option<Step> {
        let mut values = Vec::new();
        for (name, value) in set {
            let template = self.json(value, &format!("{at}/{}", crate::config::document::escape(name)));
            values.push((self.symbols.declare(name), template?));
        }
        Some(Step::Set(values))
    }

    /// A condition may be written with or without its braces.
    pub(super) fn expression(&mut self, source: &str, at: &str) -> Option<Expression> {
        let bare = source.trim().strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
        let compiled = Expression::compile(bare.unwrap_or(source), &self.symbols);
        compiled.map_err(|error| self.refuse_at(at, error)).ok()
    }
}

fn actions(step: &Model) -> Vec<&'static str> {
    let requests = ["get", "post", "put", "patch", "delete", "head", "options"];
    let mut found: Vec<_> = requests.into_iter().filter(|method| request(step, method).is_some()).collect();
    let others = [
        ("connect", step.connect.is_some()),
        ("emit", step.emit.is_some()),
        ("send", step.send.is_some()),
        ("receive", step.receive.is_some()),
        ("fanout", step.fanout.is_some()),
        ("think", step.think.is_some()),
        ("loop", step.repeat.is_some()),
        ("if", step.condition.is_some()),
        ("set", step.set.is_some()),
        ("function", step.function.is_some()),
        ("log", step.log.is_some()),
        ("parallel", step.parallel.is_some()),
    ];
    found.extend(others.iter().filter(|(_, is_present)| *is_present).map(|(name, _)| *name));
    found
}

fn request<'m>(step: &'m Model, method: &str) -> Option<&'m Request> {
    match method {
        "get" => step.get.as_ref(),
        "post" => step.post.as_ref(),
        "put" => step.put.as_ref(),
        "patch" => step.patch.as_ref(),
        "delete" => step.delete.as_ref(),
        "head" => step.head.as_ref(),
        "options" => step.options.as_ref(),
        _ => None,
    }
}

/// Percent of a pause, or a duration.
fn parse_jitter(text: &str, of: Duration) -> Option<Duration> {
    let text = text.trim();
    match text.strip_suffix('%').map(|percent| percent.trim().parse::<f64>()) {
        Some(Ok(percent)) if (0.0..=1_000.0).contains(&percent) => Some(of.mul_f64(percent / 100.0)),
        Some(_) => None,
        // Artillery's number alone is milliseconds.
        None => match text.parse::<f64>() {
            Ok(milliseconds) => Duration::try_from_secs_f64(milliseconds / 1e3).ok(),
            Err(_) => parse_duration(text).ok(),
        },
    }
}

/// Reads a pause: a number of seconds, a duration, or a range of them.
pub fn parse_think(think: &ThinkTime) -> Result<Think, String> {
    let text = match think {
        ThinkTime::Seconds(seconds) => {
            let both = Duration::from_secs_f64(*seconds);
            return Ok(Think { min: both, max: both });
        }
        ThinkTime::Text(text) => text,
    };
    match text.split_once('-') {
        Some((min, max)) => Ok(Think { min: parse_duration(min)?, max: parse_duration(max)? }),
        None => parse_duration(text).map(|both| Think { min: both, max: both }),
    }
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let read = text.parse::<Span>().map(|span| span.0);
    read.or_else(|message| human_duration(text).ok_or(message))
}
