//! Reads JavaScript and TypeScript; only the parser's tree is walked, nothing is run.

use std::path::Path;

use oxc_allocator::Allocator;
use oxc_ast::AstKind;
use oxc_ast_visit::Visit;
use oxc_parser::{ParseOptions, Parser};
use oxc_span::{LabeledSpan, SourceType};

use super::collect::Collector;
use super::syntax::Module;
use crate::config::{Diagnostic, Mistakes, Place};

/// What a thread needs that parses nothing.
const BASE_STACK: usize = 4 << 20;
/// What one byte of source can cost in stack: the parser and the walk call themselves for each level of nesting,
/// and one character (`!`) can be a level. Brackets cost more, and are counted before.
const STACK_PER_BYTE: usize = 3 << 10;
/// Brackets inside one another: no source that people write comes near.
const MAX_BRACKETS: usize = 500;
/// What a level of brackets can cost in stack.
const STACK_PER_BRACKET: usize = 64 << 10;

/// The stack of a thread on which sources of up to so many bytes can be parsed, whatever is in them.
pub fn stack_for(bytes: usize) -> usize {
    BASE_STACK + bytes * STACK_PER_BYTE + MAX_BRACKETS * STACK_PER_BRACKET
}

/// Reads a source; `name` stands for the file in messages.
pub fn parse(name: &str, path: &Path, text: String) -> Result<Module, Mistakes> {
    if let Some(at) = too_deep(&text) {
        let module = module_of(name, text);
        let message = format!("more than {MAX_BRACKETS} brackets inside one another");
        return Err(mistake(&module, at, message, None));
    }
    let source_type = source_type(path);
    let allocator = Allocator::default();
    let options = ParseOptions { allow_return_outside_function: true, ..ParseOptions::default() };
    let parsed = Parser::new(&allocator, &text, source_type).with_options(options).parse();
    let error = parsed.diagnostics.errors().next();
    if let Some(error) = error {
        let at = error.labels.first().map_or(0, LabeledSpan::offset);
        let help = error.help.as_ref().map(ToString::to_string);
        let message = error.message.to_string();
        return Err(mistake(&module_of(name, text.clone()), at, message, help));
    }
    let mut collector = Collector::default();
    collector.visit_program(&parsed.program);
    let collected = collector.finish();
    Ok(Module { name: name.to_owned(), lines: line_starts(&text), text, ..collected })
}

impl<'a> Visit<'a> for Collector {
    fn enter_node(&mut self, kind: AstKind<'a>) {
        self.enter(kind);
    }

    fn leave_node(&mut self, kind: AstKind<'a>) {
        self.leave(kind);
    }
}

/// A file that is no module by its name may still be one; JSX does no harm where it is not TypeScript.
fn source_type(path: &Path) -> SourceType {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("mjs") => SourceType::mjs(),
        Some("cjs") => SourceType::cjs(),
        Some("ts" | "mts" | "cts") => SourceType::ts(),
        _ => SourceType::unambiguous().with_jsx(true),
    }
}

/// Where brackets first lie too deep. Those in texts and comments count too: it is a bound, not a parser.
fn too_deep(text: &str) -> Option<u32> {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_BRACKETS {
            return u32::try_from(at).ok();
        }
    }
    None
}

fn module_of(name: &str, text: String) -> Module {
    Module { name: name.to_owned(), lines: line_starts(&text), text, ..Module::default() }
}

fn mistake(module: &Module, at: u32, message: String, help: Option<String>) -> Mistakes {
    let (line, column) = module.place(at);
    let place = Some(Place { line, column });
    Mistakes::new(&module.name, &module.text, vec![Diagnostic { place, message, help }])
}

fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}
