//! Imports, exports and enumerations of a file.

use oxc_ast::AstKind;
use oxc_ast::ast::{
    Declaration, ExportDefaultDeclaration, ExportDefaultDeclarationKind, ImportDeclaration,
    ImportDeclarationSpecifier, TSEnumDeclaration, TSEnumMemberName, TSImportEqualsDeclaration,
    TSModuleReference,
};
use oxc_span::GetSpan;

use super::collect::Collector;
use super::convert::value;
use super::syntax::{Binding, Expr, ExprKind, Member};

impl Collector {
    /// Keeps what a file takes from other files and hands to them.
    pub(super) fn module_syntax(&mut self, kind: AstKind<'_>) {
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

    /// Keeps what is handed to other files under a name.
    pub(super) fn export(&mut self, name: &str, binding: Binding) {
        self.module.exports.insert(name.to_owned(), binding);
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
