//! Steps: which action a step is, and the actions that steer (think, loop, if, set).

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::{Compiler, JAVASCRIPT, assigned};
use crate::config::duration::Span;
use crate::load::scenario::model::{Engine, Over, Request, Step as Model, ThinkTime};
use crate::load::scenario::plan::{Loop, Step, Think, Times};
use crate::load::scenario::template::{Expression, JsonTemplate};

impl Compiler<'_> {
    /// Compiles a list of steps at `pointer`.
    pub fn steps(&mut self, steps: &[Model], pointer: &str, engine: Engine) -> Vec<Step> {
        let steps = steps.iter().enumerate();
        steps.filter_map(|(index, step)| self.step(step, &format!("{pointer}/{index}"), engine)).collect()
    }

    fn step(&mut self, step: &Model, at: &str, engine: Engine) -> Option<Step> {
        let actions = actions(step);
        let [action] = actions.as_slice() else {
            let message = match actions.as_slice() {
                [] => "a step needs an action".to_owned(),
                several => format!("a step has one action, this one has {}", several.join(" and ")),
            };
            return self.refuse(at, message);
        };
        self.refuse_strangers(step, action, at)?;
        match *action {
            "function" => {
                self.refuse_key(&format!("{at}/function"), "`function` calls JavaScript", Some(JAVASCRIPT));
                None
            }
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
        match parse_think(think) {
            Ok((min, max)) if min <= max => Some(Step::Think(Think { min, max })),
            Ok(_) => self.refuse(at, "the range of a think time must go upwards"),
            Err(message) => self.refuse(at, message),
        }
    }

    fn repeat(&mut self, step: &Model, at: &str, engine: Engine) -> Option<Step> {
        let body = step.repeat.as_ref()?;
        let times = match (step.count, &step.over, &step.repeat_while) {
            (Some(count), None, None) => Some(Times::Count(count)),
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

    fn over(&mut self, over: &Over, at: &str) -> Option<Times> {
        let list = match over {
            Over::Items(items) => self.json(&Value::Array(items.clone()), at),
            Over::Variable(name) => self.expression(name, at).map(JsonTemplate::Typed),
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
    fn expression(&mut self, source: &str, at: &str) -> Option<Expression> {
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
        ("think", step.think.is_some()),
        ("loop", step.repeat.is_some()),
        ("if", step.condition.is_some()),
        ("set", step.set.is_some()),
        ("function", step.function.is_some()),
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

fn parse_think(think: &ThinkTime) -> Result<(Duration, Duration), String> {
    let text = match think {
        ThinkTime::Seconds(seconds) => {
            return Ok((Duration::from_secs_f64(*seconds), Duration::from_secs_f64(*seconds)));
        }
        ThinkTime::Text(text) => text,
    };
    let parse = |text: &str| text.parse::<Span>().map(|span| span.0);
    match text.split_once('-') {
        Some((min, max)) => Ok((parse(min)?, parse(max)?)),
        None => parse(text).map(|both| (both, both)),
    }
}
