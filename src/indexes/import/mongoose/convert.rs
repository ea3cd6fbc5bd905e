//! From the parser's tree to the values that are kept.

use oxc_ast::ast::{
    Argument, ArrayExpressionElement, BinaryOperator, Expression, ObjectPropertyKind, PropertyKey,
    UnaryOperator,
};
use oxc_span::GetSpan;

use super::syntax::{Expr, ExprKind, Item, Member};

/// Values that lie deeper are not looked at: no model is written so.
const MAX_DEPTH: usize = 100;

/// A value of the scope of this number.
pub fn value(expression: &Expression<'_>, scope: usize) -> Expr {
    Converter { scope, depth: 0 }.value(expression)
}

/// The values between the brackets of a call.
pub fn arguments(arguments: &[Argument<'_>], scope: usize) -> Vec<Item> {
    Converter { scope, depth: 0 }.arguments(arguments)
}

struct Converter {
    scope: usize,
    depth: usize,
}

impl Converter {
    fn value(&mut self, expression: &Expression<'_>) -> Expr {
        let expression = expression.get_inner_expression();
        let at = expression.span().start;
        self.depth += 1;
        let kind = match self.depth > MAX_DEPTH {
            true => ExprKind::Other("a value that is nested too deeply"),
            false => self.kind(expression),
        };
        self.depth -= 1;
        Expr { at, kind }
    }

    fn kind(&mut self, expression: &Expression<'_>) -> ExprKind {
        match expression {
            Expression::StringLiteral(text) => ExprKind::Text(text.value.to_string()),
            Expression::NumericLiteral(number) => ExprKind::Number(number.value),
            Expression::BooleanLiteral(switch) => ExprKind::Switch(switch.value),
            Expression::NullLiteral(_) => ExprKind::Null,
            Expression::TemplateLiteral(template) => match template.single_quasi() {
                Some(text) => ExprKind::Text(text.to_string()),
                None => ExprKind::Other("a text that is put together"),
            },
            Expression::Identifier(name) => ExprKind::Name(name.name.to_string(), self.scope),
            Expression::ArrayExpression(list) => {
                ExprKind::List(list.elements.iter().filter_map(|item| self.element(item)).collect())
            }
            Expression::ObjectExpression(object) => {
                ExprKind::Object(object.properties.iter().map(|member| self.member(member)).collect())
            }
            Expression::StaticMemberExpression(member) => {
                ExprKind::Member(Box::new(self.value(&member.object)), member.property.name.to_string())
            }
            Expression::ComputedMemberExpression(member) => match &member.expression {
                Expression::StringLiteral(name) => {
                    ExprKind::Member(Box::new(self.value(&member.object)), name.value.to_string())
                }
                _ => ExprKind::Other("a member that is chosen when the code runs"),
            },
            Expression::CallExpression(call) => {
                ExprKind::Call(Box::new(self.value(&call.callee)), self.arguments(&call.arguments))
            }
            Expression::NewExpression(call) => {
                ExprKind::New(Box::new(self.value(&call.callee)), self.arguments(&call.arguments))
            }
            Expression::AssignmentExpression(assignment) => self.value(&assignment.right).kind,
            Expression::UnaryExpression(unary) => self.unary(unary.operator, &unary.argument),
            Expression::BinaryExpression(sum) => match operator(sum.operator) {
                Some(sign) => {
                    let (left, right) = (self.value(&sum.left), self.value(&sum.right));
                    ExprKind::Sum(Box::new(left), sign, Box::new(right))
                }
                None => ExprKind::Other("a comparison"),
            },
            other => ExprKind::Other(words(other)),
        }
    }

    fn unary(&mut self, operator: UnaryOperator, argument: &Expression<'_>) -> ExprKind {
        let argument = self.value(argument);
        match (operator, argument.kind) {
            (UnaryOperator::UnaryNegation, ExprKind::Number(number)) => ExprKind::Number(-number),
            (UnaryOperator::UnaryPlus, ExprKind::Number(number)) => ExprKind::Number(number),
            (UnaryOperator::LogicalNot, ExprKind::Number(number)) => ExprKind::Switch(number == 0.0),
            (UnaryOperator::LogicalNot, ExprKind::Switch(on)) => ExprKind::Switch(!on),
            _ => ExprKind::Other("a value with a sign"),
        }
    }

    fn arguments(&mut self, arguments: &[Argument<'_>]) -> Vec<Item> {
        let items = arguments.iter().map(|argument| match argument {
            Argument::SpreadElement(spread) => Item::Spread(self.value(&spread.argument)),
            other => Item::Value(other.as_expression().map_or_else(|| nothing(other), |it| self.value(it))),
        });
        items.collect()
    }

    fn element(&mut self, element: &ArrayExpressionElement<'_>) -> Option<Item> {
        match element {
            ArrayExpressionElement::SpreadElement(spread) => Some(Item::Spread(self.value(&spread.argument))),
            other => other.as_expression().map(|value| Item::Value(self.value(value))),
        }
    }

    fn member(&mut self, member: &ObjectPropertyKind<'_>) -> Member {
        match member {
            ObjectPropertyKind::SpreadProperty(spread) => Member::Spread(self.value(&spread.argument)),
            ObjectPropertyKind::ObjectProperty(property) => {
                let value = self.value(&property.value);
                match property.key.static_name().filter(|_| !property.computed) {
                    Some(name) => Member::Field { name: name.into_owned(), at: property.span.start, value },
                    None => Member::Computed(self.key(&property.key), value),
                }
            }
        }
    }

    fn key(&mut self, key: &PropertyKey<'_>) -> Expr {
        let unknown = || Expr { at: key.span().start, kind: ExprKind::Other("a key that is no text") };
        key.as_expression().map_or_else(unknown, |key| self.value(key))
    }
}

fn nothing(argument: &Argument<'_>) -> Expr {
    Expr { at: argument.span().start, kind: ExprKind::Other("something that is no value") }
}

fn operator(operator: BinaryOperator) -> Option<char> {
    match operator {
        BinaryOperator::Addition => Some('+'),
        BinaryOperator::Subtraction => Some('-'),
        BinaryOperator::Multiplication => Some('*'),
        BinaryOperator::Division => Some('/'),
        _ => None,
    }
}

fn words(expression: &Expression<'_>) -> &'static str {
    match expression {
        Expression::FunctionExpression(_) | Expression::ArrowFunctionExpression(_) => "a function",
        Expression::ConditionalExpression(_) | Expression::LogicalExpression(_) => {
            "a value that is chosen when the code runs"
        }
        Expression::AwaitExpression(_) => "a value that is waited for",
        Expression::ClassExpression(_) => "a class",
        Expression::RegExpLiteral(_) => "a regular expression",
        Expression::ThisExpression(_) => "`this`",
        _ => "an expression that is not followed",
    }
}
