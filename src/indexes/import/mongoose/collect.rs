//! Walks a parser's tree and keeps names, exports and the calls that may declare an index.

use oxc_ast::AstKind;
use oxc_ast::ast::{AssignmentExpression, AssignmentTarget, BindingPattern, CallExpression, Expression};

use super::convert::{arguments, value};
use super::syntax::{Action, Binding, Expr, ExprKind, Item, Module, Scope};

/// Methods that matter, of schemas, of their paths, of models and of Mongoose itself.
const METHODS: [&str; 15] = [
    "index",
    "add",
    "plugin",
    "set",
    "discriminator",
    "model",
    "unique",
    "sparse",
    "text",
    "expires",
    "pluralize",
    "clearIndexes",
    "removeIndex",
    "remove",
    "searchIndex",
];
/// Methods of a schema, or of a path, that give it back.
pub const CHAINED: [&str; 17] = [
    "index",
    "add",
    "plugin",
    "set",
    "pre",
    "post",
    "method",
    "static",
    "remove",
    "clearIndexes",
    "removeIndex",
    "searchIndex",
    "loadClass",
    "unique",
    "sparse",
    "text",
    "expires",
];

/// What is said of a name that is declared without a value.
const UNSET: &str = "a name whose value only the running code knows";

/// Keeps what matters of one file.
#[derive(Debug)]
pub struct Collector {
    pub(super) module: Module,
    /// The scopes that are open, from the file inwards.
    open: Vec<usize>,
    /// Why the code here may run never or several times.
    conditions: Vec<&'static str>,
}

impl Default for Collector {
    fn default() -> Self {
        let module = Module { scopes: vec![Scope::default()], ..Module::default() };
        Self { module, open: vec![0], conditions: Vec::new() }
    }
}

impl Collector {
    /// What was kept. Of chained calls the last one is seen first.
    pub fn finish(mut self) -> Module {
        self.module.actions.sort_by_key(|action| action.at);
        self.module
    }

    /// On the way down.
    pub fn enter(&mut self, kind: AstKind<'_>) {
        match kind {
            AstKind::Function(function) => {
                if let Some(id) = function.id.as_ref().filter(|_| function.is_declaration()) {
                    self.bind(&id.name, Binding::Unknown("a function"));
                }
                self.open_scope();
            }
            AstKind::ArrowFunctionExpression(_) | AstKind::BlockStatement(_) => self.open_scope(),
            AstKind::Class(class) => {
                if let Some(id) = class.id.as_ref().filter(|_| class.is_declaration()) {
                    self.bind(&id.name, Binding::Unknown("a class"));
                }
            }
            AstKind::FormalParameter(parameter) => self.parameter(&parameter.pattern),
            AstKind::VariableDeclarator(declared) => {
                let init = declared.init.as_ref().map(|init| value(init, self.scope()));
                self.pattern(&declared.id, init);
            }
            AstKind::AssignmentExpression(assignment) => self.assignment(assignment),
            AstKind::CallExpression(call) => self.call(call),
            AstKind::NewExpression(call) => {
                let (scope, at) = (self.scope(), call.span.start);
                let callee = Box::new(value(&call.callee, scope));
                let kind = ExprKind::New(callee, arguments(&call.arguments, scope));
                self.module.constructions.push(Expr { at, kind });
            }
            AstKind::Decorator(decorator) => self.decorator(&decorator.expression, decorator.span.start),
            AstKind::IfStatement(_)
            | AstKind::ConditionalExpression(_)
            | AstKind::LogicalExpression(_)
            | AstKind::SwitchStatement(_) => self.conditions.push("inside a condition"),
            kind if is_loop(&kind) => {
                self.open_scope();
                self.conditions.push("inside a loop");
            }
            kind => self.module_syntax(kind),
        }
    }

    /// On the way up.
    pub fn leave(&mut self, kind: AstKind<'_>) {
        match kind {
            AstKind::Function(_) | AstKind::ArrowFunctionExpression(_) | AstKind::BlockStatement(_) => {
                self.open.pop();
            }
            AstKind::IfStatement(_)
            | AstKind::ConditionalExpression(_)
            | AstKind::LogicalExpression(_)
            | AstKind::SwitchStatement(_) => {
                self.conditions.pop();
            }
            kind if is_loop(&kind) => {
                self.conditions.pop();
                self.open.pop();
            }
            _ => {}
        }
    }

    pub(super) fn scope(&self) -> usize {
        self.open.last().copied().unwrap_or_default()
    }

    fn open_scope(&mut self) {
        let parent = Some(self.scope());
        self.open.push(self.module.scopes.len());
        self.module.scopes.push(Scope { parent, ..Scope::default() });
    }

    pub(super) fn bind(&mut self, name: &str, binding: Binding) {
        let scope = self.scope();
        if let Some(scope) = self.module.scopes.get_mut(scope) {
            scope.names.insert(name.to_owned(), binding);
        }
    }

    fn parameter(&mut self, pattern: &BindingPattern<'_>) {
        match pattern {
            BindingPattern::AssignmentPattern(pattern) => self.parameter(&pattern.left),
            BindingPattern::BindingIdentifier(id) => self.bind(&id.name, Binding::Unknown("a parameter")),
            other => self.pattern(other, None),
        }
    }

    /// `const { a, b: c } = d` makes `a` stand for `d.a`, and `c` for `d.b`.
    fn pattern(&mut self, pattern: &BindingPattern<'_>, init: Option<Expr>) {
        match pattern {
            BindingPattern::BindingIdentifier(id) => {
                let binding = init.map_or(Binding::Unknown(UNSET), Binding::Value);
                self.bind(&id.name, binding);
            }
            BindingPattern::ObjectPattern(object) => {
                let whole = init.map(|init| self.hidden_name(init));
                for property in &object.properties {
                    let name = property.key.static_name().filter(|_| !property.computed);
                    let part = whole.as_ref().zip(name).map(|(whole, name)| Expr {
                        at: property.span.start,
                        kind: ExprKind::Member(Box::new(whole.clone()), name.into_owned()),
                    });
                    self.pattern(&property.value, part);
                }
            }
            BindingPattern::AssignmentPattern(pattern) => self.pattern(&pattern.left, init),
            BindingPattern::ArrayPattern(list) => {
                for element in list.elements.iter().flatten() {
                    self.pattern(element, None);
                }
            }
        }
    }

    /// A name of our own for a value that several names take parts of: it is kept once.
    fn hidden_name(&mut self, init: Expr) -> Expr {
        let (at, scope) = (init.at, self.scope());
        let name = format!("{{{}}}", self.module.scopes[scope].names.len());
        self.bind(&name, Binding::Value(init));
        Expr { at, kind: ExprKind::Name(name, scope) }
    }

    fn assignment(&mut self, assignment: &AssignmentExpression<'_>) {
        let scope = self.scope();
        match &assignment.left {
            AssignmentTarget::AssignmentTargetIdentifier(id) => {
                let given = Binding::Value(value(&assignment.right, scope));
                self.assign(&id.name, given);
            }
            AssignmentTarget::StaticMemberExpression(member) => {
                let name = member.property.name.as_str();
                match &member.object {
                    Expression::Identifier(object) if object.name == "module" && name == "exports" => {
                        self.module.whole = Some(value(&assignment.right, scope));
                    }
                    object if is_exports(object) => {
                        let given = Binding::Value(value(&assignment.right, scope));
                        self.export(name, given);
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// `let a; a = b`: the first value is taken; a second one is a matter of running the code.
    fn assign(&mut self, name: &str, given: Binding) {
        let declared =
            self.open.iter().rev().find(|scope| self.module.scopes[**scope].names.contains_key(name));
        let scope = declared.copied().unwrap_or(0);
        let names = &mut self.module.scopes[scope].names;
        let is_free = matches!(names.get(name), None | Some(Binding::Unknown(UNSET)));
        let binding = if is_free { given } else { Binding::Unknown("a name that is given several values") };
        names.insert(name.to_owned(), binding);
    }

    fn call(&mut self, call: &CallExpression<'_>) {
        let scope = self.scope();
        let (on, method, at) = match call.callee.get_inner_expression() {
            Expression::StaticMemberExpression(callee)
                if METHODS.contains(&callee.property.name.as_str()) =>
            {
                let on = value(unchained(&callee.object), scope);
                (Some(on), callee.property.name.to_string(), callee.property.span.start)
            }
            // Whether it is Mongoose's `model`, by whatever name, is seen when its name is looked up.
            Expression::Identifier(name) if self.may_be_model(&name.name) => {
                (None, name.name.to_string(), name.span.start)
            }
            _ => return,
        };
        let arguments = arguments(&call.arguments, scope);
        let condition = self.conditions.last().copied();
        self.module.actions.push(Action { at, on, method, arguments, scope, condition });
    }

    fn may_be_model(&self, name: &str) -> bool {
        match self.module.lookup(name, self.scope()) {
            Some(Binding::Import { source, name }) => source == "mongoose" && name == "model",
            Some(Binding::Value(value)) => {
                matches!(&value.kind, ExprKind::Member(_, name) if name == "model")
            }
            _ => false,
        }
    }

    fn decorator(&mut self, expression: &Expression<'_>, at: u32) {
        let callee = match expression {
            Expression::CallExpression(call) => &call.callee,
            other => other,
        };
        let is_of_schema = matches!(callee, Expression::Identifier(name)
            if ["Schema", "Prop", "prop", "index", "modelOptions"].contains(&name.name.as_str()));
        if is_of_schema {
            self.module.unfollowed.push((at, "schemas that are declared by decorators are not followed"));
        }
    }
}

fn is_loop(kind: &AstKind<'_>) -> bool {
    matches!(
        kind,
        AstKind::ForStatement(_)
            | AstKind::ForInStatement(_)
            | AstKind::ForOfStatement(_)
            | AstKind::WhileStatement(_)
            | AstKind::DoWhileStatement(_)
    )
}

/// `exports` and `module.exports`
fn is_exports(expression: &Expression<'_>) -> bool {
    expression.is_specific_id("exports") || expression.is_specific_member_access("module", "exports")
}

/// What stands at the start of a chain of calls: a schema, or a path of one.
fn unchained<'e, 'a>(mut expression: &'e Expression<'a>) -> &'e Expression<'a> {
    while let Expression::CallExpression(call) = expression.get_inner_expression()
        && let Expression::StaticMemberExpression(callee) = call.callee.get_inner_expression()
        && CHAINED.contains(&callee.property.name.as_str())
    {
        expression = &callee.object;
    }
    expression
}

/// The values between the brackets, up to the first spread one.
pub fn plain(arguments: &[Item]) -> impl Iterator<Item = &Expr> {
    arguments.iter().map_while(Item::value)
}
