//! Pages that need nothing beside themselves: what all of them have in common.
//!
//! Names and causes come from servers and files: the templates escape whatever they are given, and a page's own policy
//! runs no script but its own.

use std::io;

use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

use super::chart::Picture;

const CSS: &str = include_str!("page/report.css");
const SCRIPT: &str = include_str!("page/report.js");
const CHART: &str = include_str!("page/chart.html");
const FRAME: &str = include_str!("page/frame.html");

/// What every page has.
#[derive(Debug, Serialize)]
pub struct Frame {
    css: &'static str,
    script: &'static str,
    /// Scripts and styles without it are not the page's own.
    nonce: String,
    version: &'static str,
}

/// A figure with its name.
#[derive(Debug, Serialize)]
pub struct Fact {
    /// What it is.
    pub label: &'static str,
    /// How much.
    pub value: String,
}

/// A chart with its name in the page.
#[derive(Debug, Serialize)]
pub struct Placed {
    id: String,
    #[serde(flatten)]
    picture: Picture,
}

impl Frame {
    /// Of a new page.
    pub fn new() -> Self {
        let nonce = uuid::Uuid::new_v4().simple().to_string();
        Self { css: CSS, script: SCRIPT, nonce, version: env!("CARGO_PKG_VERSION") }
    }
}

impl From<(String, Picture)> for Placed {
    fn from((id, picture): (String, Picture)) -> Self {
        Self { id, picture }
    }
}

/// Makes a page of `content`; the template says what it puts into the frame.
pub fn render(template: &str, content: impl Serialize) -> io::Result<String> {
    let failed = |error| io::Error::other(format!("the page could not be rendered: {error:#}"));
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_template("chart.html", CHART).map_err(failed)?;
    environment.add_template("frame.html", FRAME).map_err(failed)?;
    // The name's ending is what makes it escape.
    environment.render_named_str("page.html", template, Serde(content)).map_err(failed)
}
