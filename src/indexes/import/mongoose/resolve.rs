//! What a name or a member comes to, across the files that were given.

use std::cell::Cell;
use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use super::collect::CHAINED;
use super::syntax::{Binding, Expr, ExprKind, Item, Member, Module};

/// A name of a name of a name …: longer ways go in circles.
const MAX_STEPS: usize = 64;
/// Names and members that one look-up may visit: a few lines of spreads could lead to millions.
const MAX_VISITS: usize = 20_000;

/// All files that were given.
#[derive(Debug)]
pub struct Project {
    /// The files.
    pub modules: Vec<Module>,
    by_path: HashMap<PathBuf, usize>,
    folders: Vec<PathBuf>,
    visits_left: Cell<usize>,
}

/// A value and the file it stands in.
#[derive(Debug, Clone, Copy)]
pub struct Located<'p> {
    /// The number of the file.
    pub file: usize,
    /// The value.
    pub expr: &'p Expr,
}

/// What a value comes to.
#[derive(Debug, Clone)]
pub enum Target<'p> {
    /// A value that stands in a file.
    Value(Located<'p>),
    /// Mongoose, or something in it: `["Schema", "Types"]`.
    Mongoose(Vec<String>),
    /// All that a file exports.
    Module(usize),
    /// A name that no file declares: `String`, `Math.PI`.
    Global(String),
    /// What another package exports.
    Package(String),
    /// Not known, and why.
    Unknown(String),
}

impl Project {
    /// Files with their paths.
    pub fn new(files: Vec<(PathBuf, Module)>) -> Self {
        let by_path = files.iter().enumerate().map(|(number, (path, _))| (flat(path), number)).collect();
        let folders = files.iter().map(|(path, _)| flat(path.parent().unwrap_or(Path::new("")))).collect();
        let modules = files.into_iter().map(|(_, module)| module).collect();
        Self { modules, by_path, folders, visits_left: Cell::new(0) }
    }

    /// What a value comes to.
    pub fn resolve<'p>(&'p self, at: Located<'p>) -> Target<'p> {
        self.visits_left.set(MAX_VISITS);
        self.follow(at, 0)
    }

    /// The part of Mongoose that a value of a file comes to; nothing when it is something else.
    pub fn part_of_mongoose(&self, file: usize, expr: &Expr) -> Option<Vec<String>> {
        match self.resolve(Located { file, expr }) {
            Target::Mongoose(path) => Some(path),
            _ => None,
        }
    }

    /// A field of an object that stands in a file.
    pub fn member<'p>(&'p self, object: Located<'p>, name: &str) -> Option<Located<'p>> {
        self.visits_left.set(MAX_VISITS);
        self.find_member(object, name, 0)
    }

    /// Counts a step; tells whether it may be taken.
    fn may_go_on(&self, steps: usize) -> bool {
        let left = self.visits_left.get();
        self.visits_left.set(left.saturating_sub(1));
        steps <= MAX_STEPS && left > 0
    }

    fn follow<'p>(&'p self, at: Located<'p>, steps: usize) -> Target<'p> {
        if !self.may_go_on(steps) {
            return Target::Unknown("a name that leads nowhere".to_owned());
        }
        match &at.expr.kind {
            ExprKind::Name(name, scope) => match self.modules[at.file].lookup(name, *scope) {
                Some(binding) => self.bound(at.file, name, binding, steps + 1),
                None if name == "mongoose" => Target::Mongoose(Vec::new()),
                None => Target::Global(name.clone()),
            },
            ExprKind::Member(object, name) => {
                let object = Located { file: at.file, expr: object };
                self.part(self.follow(object, steps + 1), name, steps + 1)
            }
            ExprKind::Call(callee, arguments) => self.called(at, callee, arguments, steps + 1),
            _ => Target::Value(at),
        }
    }

    fn bound<'p>(&'p self, file: usize, name: &str, binding: &'p Binding, steps: usize) -> Target<'p> {
        match binding {
            Binding::Value(expr) => self.follow(Located { file, expr }, steps),
            Binding::Import { source, name: imported } => self.imported(file, source, imported, name, steps),
            // `module.exports = (mongoose) => …`
            Binding::Unknown(_) if name == "mongoose" => Target::Mongoose(Vec::new()),
            Binding::Unknown(what) => Target::Unknown(format!("`{name}` is {what}")),
        }
    }

    fn imported<'p>(
        &'p self,
        file: usize,
        source: &str,
        name: &str,
        local: &str,
        steps: usize,
    ) -> Target<'p> {
        if source == "mongoose" {
            let whole = ["default", "*", "mongoose"].contains(&name);
            return Target::Mongoose(if whole { Vec::new() } else { vec![name.to_owned()] });
        }
        if !source.starts_with('.') {
            return Target::Package(source.to_owned());
        }
        match (self.file_of(file, source), name) {
            (Some(found), "*") => self.module(found, steps),
            (Some(found), name) => self.exported(found, name, steps),
            // A project's own file that sets Mongoose up and hands it on.
            (None, _) if local == "mongoose" => Target::Mongoose(Vec::new()),
            (None, _) => {
                Target::Unknown(format!("`{local}` comes from {source}, which is not among the files"))
            }
        }
    }

    /// All that a file exports: what it gave `module.exports`, or the names.
    fn module(&self, file: usize, steps: usize) -> Target<'_> {
        match &self.modules[file].whole {
            Some(expr) if self.may_go_on(steps) => self.follow(Located { file, expr }, steps + 1),
            _ => Target::Module(file),
        }
    }

    fn exported<'p>(&'p self, file: usize, name: &str, steps: usize) -> Target<'p> {
        let module = &self.modules[file];
        let unknown = || Target::Unknown(format!("{} does not export `{name}`", module.name));
        if !self.may_go_on(steps) {
            return unknown();
        }
        if let Some(binding) = module.exports.get(name) {
            return self.bound(file, name, binding, steps + 1);
        }
        if module.whole.is_some() {
            let whole = self.module(file, steps + 1);
            return if name == "default" { whole } else { self.part(whole, name, steps + 1) };
        }
        let mut passed = module.passed_on.iter().filter_map(|source| self.file_of(file, source));
        match passed.find(|other| *other != file && self.modules[*other].exports.contains_key(name)) {
            Some(other) => self.exported(other, name, steps + 1),
            None if name == "default" => Target::Module(file),
            None => unknown(),
        }
    }

    fn part<'p>(&'p self, whole: Target<'p>, name: &str, steps: usize) -> Target<'p> {
        match whole {
            Target::Mongoose(mut path) => {
                if !(path.is_empty() && ["default", "mongoose"].contains(&name)) {
                    path.push(name.to_owned());
                }
                Target::Mongoose(path)
            }
            Target::Module(file) => self.exported(file, name, steps),
            Target::Global(object) => Target::Global(format!("{object}.{name}")),
            Target::Package(package) => Target::Package(package),
            Target::Unknown(reason) => Target::Unknown(reason),
            Target::Value(object) => match (&object.expr.kind, name) {
                (ExprKind::Object(_), _) => match self.find_member(object, name, steps) {
                    Some(found) => self.follow(found, steps + 1),
                    None => Target::Unknown(format!("there is no `{name}` in that object")),
                },
                // `User.schema`, where `User` is what `model` gave.
                (ExprKind::Call(callee, arguments), "schema") if is_model(callee) => {
                    match arguments.get(1).and_then(Item::value) {
                        Some(expr) => self.follow(Located { file: object.file, expr }, steps + 1),
                        None => Target::Unknown("the schema of a model that is made elsewhere".to_owned()),
                    }
                }
                _ => Target::Unknown(format!("`.{name}` of something that is not followed")),
            },
        }
    }

    fn find_member<'p>(&'p self, object: Located<'p>, wanted: &str, steps: usize) -> Option<Located<'p>> {
        let ExprKind::Object(members) = &object.expr.kind else { return None };
        let file = object.file;
        members.iter().rev().find_map(|member| match member {
            Member::Field { name, value, .. } => (name == wanted).then_some(Located { file, expr: value }),
            Member::Spread(spread) if self.may_go_on(steps) => {
                match self.follow(Located { file, expr: spread }, steps + 1) {
                    Target::Value(spread) => self.find_member(spread, wanted, steps + 1),
                    _ => None,
                }
            }
            _ => None,
        })
    }

    fn called<'p>(
        &'p self,
        at: Located<'p>,
        callee: &'p Expr,
        arguments: &'p [Item],
        steps: usize,
    ) -> Target<'p> {
        let first = arguments.first().and_then(Item::value);
        if let (ExprKind::Name(name, _), Some(ExprKind::Text(source))) =
            (&callee.kind, first.map(|it| &it.kind))
            && name == "require"
        {
            return self.imported(at.file, source, "*", source, steps);
        }
        match (&callee.kind, first) {
            (ExprKind::Member(object, name), Some(frozen)) if name == "freeze" => match &object.kind {
                ExprKind::Name(name, _) if name == "Object" => {
                    self.follow(Located { file: at.file, expr: frozen }, steps)
                }
                _ => Target::Value(at),
            },
            // `new Schema(…).index(…)` is the schema still.
            (ExprKind::Member(object, name), _) if CHAINED.contains(&name.as_str()) => {
                match self.follow(Located { file: at.file, expr: object }, steps) {
                    Target::Value(made) if matches!(made.expr.kind, ExprKind::New(..)) => Target::Value(made),
                    _ => Target::Value(at),
                }
            }
            _ => Target::Value(at),
        }
    }

    /// The file that an import names, as Node and TypeScript look for it.
    fn file_of(&self, from: usize, source: &str) -> Option<usize> {
        let wanted = flat(&self.folders[from].join(source));
        let with = |ending: &str| PathBuf::from(format!("{}{ending}", wanted.display()));
        let mut tried = vec![wanted.clone()];
        tried.extend(super::files::EXTENSIONS.iter().map(|extension| with(&format!(".{extension}"))));
        // TypeScript imports `./user.js` and means `./user.ts`.
        for (written, meant) in [("js", "ts"), ("mjs", "mts"), ("cjs", "cts")] {
            if wanted.extension().is_some_and(|extension| extension == written) {
                tried.push(wanted.with_extension(meant));
            }
        }
        tried.extend(
            super::files::EXTENSIONS.iter().map(|extension| wanted.join(format!("index.{extension}"))),
        );
        tried.iter().find_map(|path| self.by_path.get(path)).copied()
    }
}

/// Whether something called is `model`, of Mongoose or of a connection.
pub fn is_model(callee: &Expr) -> bool {
    match &callee.kind {
        ExprKind::Name(name, _) | ExprKind::Member(_, name) => name == "model",
        _ => false,
    }
}

/// A path without `.` and `..`, as far as it goes.
fn flat(path: &Path) -> PathBuf {
    let mut flat = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(flat.components().next_back(), Some(Component::Normal(_))) => {
                flat.pop();
            }
            part => flat.push(part),
        }
    }
    flat
}
