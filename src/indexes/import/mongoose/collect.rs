//! Walks a parser's tree and keeps names, exports and the calls that may declare an index.

use oxc_ast::AstKind;
use oxc_ast::ast::{
    AssignmentExpression, AssignmentTarget, BindingPattern, CallExpression, Declaration,
    ExportDefaultDeclaration, ExportDefaultDeclarationKind, Expression, ImportDeclaration,
    ImportDeclarationSpecifier, TSEnumDeclaration, TSEnumMemberName, TSImportEqualsDeclaration,
    TSModuleReference,
};
use oxc_span::GetSpan;

use super::convert::{arguments, value};
use super::syntax::{Action, Binding, Expr, ExprKind, Item, Member, Module, Scope};

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
/// Methods of a schema that give the schema back.
const CHAINED: [&str; 13] = [
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
];

/// What is said of a name that is declared without a value.
const UNSET: &str = "a name whose value only the running code knows";

/// Keeps what matters of one file.
#[derive(Debug)]
pub struct Collector {
    module: Module,
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
                let (callee, at) = (value(&call.callee, self.scope()), call.span.start);
                // What it is given is kept where it is used: by its name, or in the call around it.
                self.module
                    .constructions
                    .push(Expr { at, kind: ExprKind::New(Box::new(callee), Vec::new()) });
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

    fn module_syntax(&mut self, kind: AstKind<'_>) {
        match kind {
            AstKind::ImportDeclaration(import) => self.import(import),
            AstKind::TSImportEqualsDeclaration(import) => self.import_equals(import),
            AstKind::TSEnumDeclaration(declared) => self.enumeration(declared),
            AstKind::ExportDeclaration(export) => self.export_declaration(&export.declaration),
            AstKind::ExportNamedDeclaration(export) => {
                for specifier in &export.specifiers {
                    let name = ExprKind::Name(specifier.local.name().to_string(), 0);
                    let value = Expr { at: specifier.span.start, kind: name };
                    self.export(&specifier.exported.name(), Binding::Value(value));
                }
            }
            AstKind::ExportFromDeclaration(export) => {
                for specifier in &export.specifiers {
                    let source = export.source.value.to_string();
                    let name = specifier.local.name().to_string();
                    self.export(&specifier.exported.name(), Binding::Import { source, name });
                }
            }
            AstKind::ExportAllDeclaration(export) => match &export.exported {
                None => self.module.passed_on.push(export.source.value.to_string()),
                Some(exported) => {
                    let source = export.source.value.to_string();
                    self.export(&exported.name(), Binding::Import { source, name: "*".to_owned() });
                }
            },
            AstKind::ExportDefaultDeclaration(export) => self.export_default(export),
            AstKind::TSExportAssignment(export) => self.module.whole = Some(value(&export.expression, 0)),
            _ => {}
        }
    }

    fn scope(&self) -> usize {
        self.open.last().copied().unwrap_or_default()
    }

    fn open_scope(&mut self) {
        let parent = Some(self.scope());
        self.open.push(self.module.scopes.len());
        self.module.scopes.push(Scope { parent, ..Scope::default() });
    }

    fn bind(&mut self, name: &str, binding: Binding) {
        let scope = self.scope();
        if let Some(scope) = self.module.scopes.get_mut(scope) {
            scope.names.insert(name.to_owned(), binding);
        }
    }

    fn export(&mut self, name: &str, binding: Binding) {
        self.module.exports.insert(name.to_owned(), binding);
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

    fn import(&mut self, import: &ImportDeclaration<'_>) {
        let source = import.source.value.to_string();
        for specifier in import.specifiers.iter().flatten() {
            let name = match specifier {
                ImportDeclarationSpecifier::ImportSpecifier(named) => named.imported.name().to_string(),
                ImportDeclarationSpecifier::ImportDefaultSpecifier(_) => "default".to_owned(),
                ImportDeclarationSpecifier::ImportNamespaceSpecifier(_) => "*".to_owned(),
            };
            self.bind(&specifier.name(), Binding::Import { source: source.clone(), name });
        }
    }

    /// `import a = require('b')`
    fn import_equals(&mut self, import: &TSImportEqualsDeclaration<'_>) {
        if let TSModuleReference::ExternalModuleReference(module) = &import.module_reference {
            let source = module.expression.value.to_string();
            self.bind(&import.id.name, Binding::Import { source, name: "*".to_owned() });
        }
    }

    fn enumeration(&mut self, declared: &TSEnumDeclaration<'_>) {
        let scope = self.scope();
        let members = declared.body.members.iter().enumerate().map(|(number, member)| {
            let at = member.span.start;
            let name = match &member.id {
                TSEnumMemberName::Identifier(id) => id.name.to_string(),
                TSEnumMemberName::String(name) | TSEnumMemberName::ComputedString(name) => {
                    name.value.to_string()
                }
                TSEnumMemberName::ComputedTemplateString(_) => String::new(),
            };
            let counted = || Expr { at, kind: ExprKind::Number(number as f64) };
            let value = member.initializer.as_ref().map_or_else(counted, |init| value(init, scope));
            Member::Field { name, at, value }
        });
        let object = ExprKind::Object(members.collect());
        self.bind(&declared.id.name, Binding::Value(Expr { at: declared.span.start, kind: object }));
    }

    fn export_declaration(&mut self, declaration: &Declaration<'_>) {
        let mut names = Vec::new();
        match declaration {
            Declaration::VariableDeclaration(declared) => {
                for declarator in &declared.declarations {
                    names
                        .extend(declarator.id.get_binding_identifiers().iter().map(|id| id.name.to_string()));
                }
            }
            Declaration::TSEnumDeclaration(declared) => names.push(declared.id.name.to_string()),
            _ => {}
        }
        for name in names {
            let kind = ExprKind::Name(name.clone(), 0);
            self.export(&name, Binding::Value(Expr { at: declaration.span().start, kind }));
        }
    }

    fn export_default(&mut self, export: &ExportDefaultDeclaration<'_>) {
        let binding = match &export.declaration {
            ExportDefaultDeclarationKind::FunctionDeclaration(_) => Binding::Unknown("a function"),
            ExportDefaultDeclarationKind::ClassDeclaration(_) => Binding::Unknown("a class"),
            other => {
                other.as_expression().map_or(Binding::Unknown("a type"), |it| Binding::Value(value(it, 0)))
            }
        };
        self.export("default", binding);
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

/// The schema at the start of a chain of calls.
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
