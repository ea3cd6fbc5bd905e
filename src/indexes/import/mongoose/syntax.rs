//! What is kept of a source file: its names, what it exports, and the calls that may declare an index.
//!
//! Values are kept as they are written; what they come to is worked out where it is needed.

use std::collections::HashMap;

/// A value as it is written.
#[derive(Debug, Clone)]
pub struct Expr {
    /// Where it starts, in bytes.
    pub at: u32,
    /// What it is.
    pub kind: ExprKind,
}

/// What a value is.
#[derive(Debug, Clone)]
pub enum ExprKind {
    /// A text without anything put into it.
    Text(String),
    /// A number.
    Number(f64),
    /// `true` or `false`.
    Switch(bool),
    /// `null`.
    Null,
    /// `[a, ...b]`
    List(Vec<Item>),
    /// `{a: 1, ...b}`
    Object(Vec<Member>),
    /// A name, in the scope of this number.
    Name(String, usize),
    /// `a.b`
    Member(Box<Expr>, String),
    /// `a(b)`
    Call(Box<Expr>, Vec<Item>),
    /// `new a(b)`
    New(Box<Expr>, Vec<Item>),
    /// `a * b`: one of `+ - * /`.
    Sum(Box<Expr>, char, Box<Expr>),
    /// Something else, in words.
    Other(&'static str),
}

/// What stands in a list or between the brackets of a call.
#[derive(Debug, Clone)]
pub enum Item {
    /// A value.
    Value(Expr),
    /// `...a`
    Spread(Expr),
}

impl Item {
    /// The value, unless it is a spread one.
    pub fn value(&self) -> Option<&Expr> {
        match self {
            Self::Value(value) => Some(value),
            Self::Spread(_) => None,
        }
    }
}

/// What stands in an object.
#[derive(Debug, Clone)]
pub enum Member {
    /// `a: 1`
    Field {
        /// The key.
        name: String,
        /// Where it stands.
        at: u32,
        /// The value.
        value: Expr,
    },
    /// `[a]: 1`: the key, the value.
    Computed(Expr, Expr),
    /// `...a`
    Spread(Expr),
}

/// What a name stands for.
#[derive(Debug, Clone)]
pub enum Binding {
    /// A value.
    Value(Expr),
    /// What another module exports under a name; `*` is all of it.
    Import {
        /// The module, as it is written.
        source: String,
        /// The name there.
        name: String,
    },
    /// Something that only running the code would tell, in words.
    Unknown(&'static str),
}

/// Where names are declared.
#[derive(Debug, Default)]
pub struct Scope {
    /// The scope around it.
    pub parent: Option<usize>,
    /// What its names stand for.
    pub names: HashMap<String, Binding>,
}

/// A call that may declare an index or name a collection.
#[derive(Debug)]
pub struct Action {
    /// Where the method's name stands.
    pub at: u32,
    /// The value whose method is called; none for a plain function.
    pub on: Option<Expr>,
    /// The name of the method or function.
    pub method: String,
    /// What it is given.
    pub arguments: Vec<Item>,
    /// The scope in which it stands.
    pub scope: usize,
    /// Why it may run never or several times, in words.
    pub condition: Option<&'static str>,
}

/// One source file.
#[derive(Debug, Default)]
pub struct Module {
    /// Its name, as messages show it.
    pub name: String,
    /// Where each of its lines starts, in bytes.
    pub lines: Vec<usize>,
    /// Its text.
    pub text: String,
    /// Its scopes; the first is the file itself.
    pub scopes: Vec<Scope>,
    /// The calls, in the order of the file.
    pub actions: Vec<Action>,
    /// `new a(b)`, the outer ones first.
    pub constructions: Vec<Expr>,
    /// What it exports by name.
    pub exports: HashMap<String, Binding>,
    /// `module.exports = a`
    pub whole: Option<Expr>,
    /// `export * from 'a'`
    pub passed_on: Vec<String>,
    /// What cannot be followed, with its place.
    pub unfollowed: Vec<(u32, &'static str)>,
}

impl Module {
    /// Line and column of a byte, both from 1, the column in characters.
    pub fn place(&self, at: u32) -> (usize, usize) {
        let at = (at as usize).min(self.text.len());
        let line = self.lines.partition_point(|start| *start <= at).max(1);
        let start = self.lines.get(line - 1).copied().unwrap_or_default();
        let before = self.text.get(start..at).unwrap_or_default();
        (line, before.chars().count() + 1)
    }

    /// What a name stands for in a scope.
    pub fn lookup(&self, name: &str, scope: usize) -> Option<&Binding> {
        let mut scope = self.scopes.get(scope);
        while let Some(found) = scope {
            if let Some(binding) = found.names.get(name) {
                return Some(binding);
            }
            scope = found.parent.and_then(|parent| self.scopes.get(parent));
        }
        None
    }
}
