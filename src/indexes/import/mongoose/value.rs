//! Values that can be known without running the code, as BSON.

use std::cell::Cell;

use bson::{Bson, DateTime, Document};

use super::resolve::{Located, Project, Target};
use super::syntax::{ExprKind, Item, Member};

/// Values that one value may consist of, names followed: a few lines of spreads could make millions.
const MAX_VALUES: usize = 10_000;

/// A value that is not known, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfollowed {
    /// The number of the file.
    pub file: usize,
    /// Where the value stands, in bytes.
    pub at: u32,
    /// Why.
    pub reason: String,
}

impl Unfollowed {
    /// A value that is not known.
    pub fn new(at: Located<'_>, reason: impl Into<String>) -> Self {
        Self { file: at.file, at: at.expr.at, reason: reason.into() }
    }
}

/// What a value comes to; `undefined` is told apart from `null`, because Mongoose passes over it.
pub fn evaluate(project: &Project, at: Located<'_>) -> Result<Bson, Unfollowed> {
    Evaluator { project, left: Cell::new(MAX_VALUES) }.value(at)
}

/// A value that has to be a text.
pub fn text(project: &Project, at: Located<'_>) -> Result<String, Unfollowed> {
    match evaluate(project, at)? {
        Bson::String(text) => Ok(text),
        _ => Err(Unfollowed::new(at, "a text is needed here")),
    }
}

/// Whether JavaScript takes a value for true.
pub fn is_truthy(value: &Bson) -> bool {
    match value {
        Bson::Boolean(on) => *on,
        Bson::Int32(n) => *n != 0,
        Bson::Int64(n) => *n != 0,
        Bson::Double(n) => *n != 0.0 && !n.is_nan(),
        Bson::String(text) => !text.is_empty(),
        Bson::Null | Bson::Undefined => false,
        _ => true,
    }
}

struct Evaluator<'p> {
    project: &'p Project,
    left: Cell<usize>,
}

impl<'p> Evaluator<'p> {
    fn value(&self, at: Located<'p>) -> Result<Bson, Unfollowed> {
        match self.left.get().checked_sub(1) {
            Some(left) => self.left.set(left),
            None => return Err(Unfollowed::new(at, "a value that goes on and on")),
        }
        match self.project.resolve(at) {
            Target::Value(found) => self.literal(found),
            Target::Global(name) => match name.as_str() {
                "undefined" => Ok(Bson::Undefined),
                name => Err(Unfollowed::new(at, format!("`{name}` is declared in none of the files"))),
            },
            Target::Mongoose(path) => {
                Err(Unfollowed::new(at, format!("`{}` is no plain value", shown("mongoose", &path))))
            }
            Target::Module(_) => Err(Unfollowed::new(at, "a whole module is no plain value")),
            Target::Package(package) => {
                Err(Unfollowed::new(at, format!("it comes from the package `{package}`")))
            }
            Target::Unknown(reason) => Err(Unfollowed::new(at, reason)),
        }
    }

    fn literal(&self, at: Located<'p>) -> Result<Bson, Unfollowed> {
        match &at.expr.kind {
            ExprKind::Text(text) => Ok(Bson::String(text.clone())),
            ExprKind::Number(number) => Ok(number_of(*number)),
            ExprKind::Switch(on) => Ok(Bson::Boolean(*on)),
            ExprKind::Null => Ok(Bson::Null),
            ExprKind::List(items) => self.list(at.file, items).map(Bson::Array),
            ExprKind::Object(members) => self.object(at.file, members).map(Bson::Document),
            ExprKind::Sum(left, sign, right) => {
                let of = |expr| self.value(Located { file: at.file, expr });
                sum(&of(left)?, *sign, &of(right)?).ok_or_else(|| Unfollowed::new(at, "no plain sum"))
            }
            ExprKind::New(callee, arguments) => match (&callee.kind, arguments.first().and_then(Item::value))
            {
                (ExprKind::Name(name, _), Some(expr)) if name == "Date" => {
                    let given = self.value(Located { file: at.file, expr })?;
                    date(&given).ok_or_else(|| Unfollowed::new(at, "a date that is not understood"))
                }
                _ => Err(Unfollowed::new(at, "an object that the code makes")),
            },
            ExprKind::Call(..) => Err(Unfollowed::new(at, "what a function gives is not followed")),
            ExprKind::Other(what) => Err(Unfollowed::new(at, *what)),
            ExprKind::Name(..) | ExprKind::Member(..) => {
                Err(Unfollowed::new(at, "a name that leads nowhere"))
            }
        }
    }

    fn list(&self, file: usize, items: &'p [Item]) -> Result<Vec<Bson>, Unfollowed> {
        let mut list = Vec::new();
        for item in items {
            match item {
                Item::Value(expr) => list.push(self.value(Located { file, expr })?),
                Item::Spread(expr) => match self.value(Located { file, expr })? {
                    Bson::Array(more) => list.extend(more),
                    _ => return Err(Unfollowed::new(Located { file, expr }, "a spread of what is no list")),
                },
            }
        }
        Ok(list)
    }

    fn object(&self, file: usize, members: &'p [Member]) -> Result<Document, Unfollowed> {
        let mut object = Document::new();
        for member in members {
            match member {
                Member::Field { name, value, .. } => {
                    object.insert(name.clone(), self.value(Located { file, expr: value })?);
                }
                Member::Computed(key, value) => {
                    let name = match self.value(Located { file, expr: key })? {
                        Bson::String(name) => name,
                        _ => {
                            return Err(Unfollowed::new(
                                Located { file, expr: key },
                                "a key that is no text",
                            ));
                        }
                    };
                    object.insert(name, self.value(Located { file, expr: value })?);
                }
                Member::Spread(expr) => match self.value(Located { file, expr })? {
                    Bson::Document(more) => object.extend(more),
                    _ => {
                        return Err(Unfollowed::new(Located { file, expr }, "a spread of what is no object"));
                    }
                },
            }
        }
        Ok(object)
    }
}

fn shown(first: &str, path: &[String]) -> String {
    std::iter::once(first).chain(path.iter().map(String::as_str)).collect::<Vec<_>>().join(".")
}

/// A number as the driver sends it.
fn number_of(number: f64) -> Bson {
    match number.fract() == 0.0 && number.abs() < 9e15 {
        true => i32::try_from(number as i64).map_or(Bson::Int64(number as i64), Bson::Int32),
        false => Bson::Double(number),
    }
}

fn sum(left: &Bson, sign: char, right: &Bson) -> Option<Bson> {
    if let (Bson::String(left), '+', Bson::String(right)) = (left, sign, right) {
        return Some(Bson::String(format!("{left}{right}")));
    }
    let (left, right) = (float(left)?, float(right)?);
    let number = match sign {
        '+' => left + right,
        '-' => left - right,
        '*' => left * right,
        _ => left / right,
    };
    number.is_finite().then(|| number_of(number))
}

fn float(value: &Bson) -> Option<f64> {
    match value {
        Bson::Int32(n) => Some(f64::from(*n)),
        Bson::Int64(n) => Some(*n as f64),
        Bson::Double(n) => Some(*n),
        _ => None,
    }
}

fn date(given: &Bson) -> Option<Bson> {
    let date = match given {
        Bson::String(text) if text.len() == 10 => {
            DateTime::parse_rfc3339_str(format!("{text}T00:00:00Z")).ok()?
        }
        Bson::String(text) => DateTime::parse_rfc3339_str(text).ok()?,
        number => DateTime::from_millis(float(number)? as i64),
    };
    Some(Bson::DateTime(date))
}
