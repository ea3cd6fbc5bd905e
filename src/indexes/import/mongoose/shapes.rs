//! What the type of a path says: a value, a document, a list; and the index beside it.

use super::field::FieldIndex;
use super::paths::{Inner, PathReader, Shape};
use super::reader::{Field, why};
use super::resolve::{Located, Target};
use super::syntax::{ExprKind, Item};
use super::value::{Unfollowed, evaluate, is_truthy};

/// Packages that export types, not schemas.
const PACKAGES_OF_TYPES: [&str; 3] = ["mongoose", "mongodb", "bson"];

impl<'p> PathReader<'_, 'p> {
    /// A type that is only a name: most hold values; below a map the names of fields are not known.
    pub(super) fn special_type(
        &mut self,
        name: &str,
        field: &Field<'p>,
        options: Located<'p>,
        target: &Target<'p>,
    ) {
        let of = self.reader.project.member(options, "of");
        let holds_fields = of.is_some_and(|of| match self.reader.project.resolve(of) {
            Target::Value(found) => {
                self.reader.used.insert((found.file, found.expr.at));
                matches!(found.expr.kind, ExprKind::Object(_)) || self.reader.is_schema(found)
            }
            _ => false,
        });
        if holds_fields {
            self.unfollowed(name, field, "indexes inside a map, or an array with `of`, are not followed");
        } else if !is_type(target) {
            self.unfollowed(name, field, &why(target));
        }
    }

    /// `[…]`: what the list holds, the index that its items declare, and whether indexes inside do not count.
    pub(super) fn list(
        &mut self,
        name: &str,
        field: &Field<'p>,
        file: usize,
        items: &'p [Item],
    ) -> (Shape<'p>, Option<FieldIndex>, bool) {
        let leaf = (Shape::Leaf, None, false);
        let expr = match items.first() {
            None => return leaf,
            Some(Item::Value(expr)) => expr,
            Some(Item::Spread(_)) => {
                self.unfollowed(name, field, "a list that is spread in");
                return leaf;
            }
        };
        match self.reader.project.resolve(Located { file, expr }) {
            Target::Value(item) => match &item.expr.kind {
                ExprKind::Object(members) if members.is_empty() => leaf,
                ExprKind::Object(_) => self.listed_object(name, item),
                ExprKind::List(_) | ExprKind::Text(_) => leaf,
                _ if self.reader.is_schema(item) => (Shape::List(Inner::Schema(item)), None, false),
                _ => {
                    self.unfollowed(name, field, &why(&Target::Value(item)));
                    leaf
                }
            },
            target if is_type(&target) => leaf,
            target => {
                self.unfollowed(name, field, &why(&target));
                leaf
            }
        }
    }

    /// `[{ type: …, index: true }]` and `[{ a: … }]`
    fn listed_object(&mut self, name: &str, item: Located<'p>) -> (Shape<'p>, Option<FieldIndex>, bool) {
        let kind = self.reader.project.member(item, self.type_key);
        let Some(kind) = kind.filter(|kind| !self.is_field_named_type(*kind)) else {
            return (Shape::List(Inner::Object(item, self.type_key)), None, false);
        };
        let is_excluded = self.switch(item, "excludeIndexes");
        match self.reader.project.resolve(kind) {
            Target::Value(found) if self.reader.is_schema(found) => {
                (Shape::List(Inner::Schema(found)), None, is_excluded)
            }
            Target::Value(found) if matches!(&found.expr.kind, ExprKind::Object(members) if !members.is_empty()) => {
                (Shape::List(Inner::Object(found, self.type_key)), None, false)
            }
            _ => (Shape::Leaf, Some(self.index_of(name, item, kind)), false),
        }
    }

    /// The index that a field declares with its type.
    pub(super) fn index_of(&mut self, name: &str, options: Located<'p>, kind: Located<'p>) -> FieldIndex {
        let is_date = self.is_date(kind);
        let mut index = FieldIndex::default();
        for field in self.reader.fields(options) {
            if !FieldIndex::is_word(&field.name) {
                continue;
            }
            let (file, at) = (field.value.file, field.at);
            if field.name == "expires" && !is_date {
                let message = format!("`{name}`: `expires` has no effect, the field holds no dates");
                self.reader.remark(file, at, message);
                continue;
            }
            let value = evaluate(self.reader.project, field.value);
            let taken = value.map_err(|Unfollowed { reason, .. }| reason);
            let taken = taken.and_then(|value| index.take(&field.name, &value));
            if let Err(reason) = taken {
                self.reader.unfollowed(file, at, format!("`{name}`: {reason}"));
            }
        }
        index
    }

    /// `{ type: { type: String } }` is a field whose name is `type`.
    pub(super) fn is_field_named_type(&self, kind: Located<'p>) -> bool {
        let is_plain = self.type_key == "type";
        let inner = match self.reader.project.resolve(kind) {
            Target::Value(found) => self.reader.project.member(found, "type"),
            _ => None,
        };
        is_plain && inner.is_some()
    }

    fn is_date(&self, kind: Located<'p>) -> bool {
        match self.reader.project.resolve(kind) {
            Target::Global(name) => name == "Date",
            Target::Mongoose(path) => path.last().is_some_and(|last| last == "Date"),
            Target::Value(found) => {
                matches!(&found.expr.kind, ExprKind::Text(name) if name.eq_ignore_ascii_case("date"))
            }
            _ => false,
        }
    }

    pub(super) fn switch(&self, object: Located<'p>, name: &str) -> bool {
        let found = self.reader.project.member(object, name);
        found
            .and_then(|found| evaluate(self.reader.project, found).ok())
            .is_some_and(|value| is_truthy(&value))
    }
}

/// Whether what no file declares is taken for a type of values.
pub fn is_type(target: &Target<'_>) -> bool {
    match target {
        Target::Mongoose(_) | Target::Global(_) => true,
        Target::Package(package) => PACKAGES_OF_TYPES.contains(&package.as_str()),
        Target::Value(_) | Target::Module(_) | Target::Unknown(_) => false,
    }
}
