//! Lists with optional filters: one statement for each set of filters, so that each can use its own index.

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};

use super::row::{all, before, number, overfull};
use crate::domain::PageRequest;
use crate::store::StoreError;

/// What all rows of a list have in common.
#[derive(Default)]
pub struct Conditions {
    sql: String,
    values: Vec<Value>,
}

impl Conditions {
    /// Requires a condition with one `?` for this value.
    pub fn and(&mut self, condition: &str, value: impl Into<Value>) -> &mut Self {
        self.sql.push_str(if self.sql.is_empty() { " WHERE " } else { " AND " });
        self.sql.push_str(condition);
        self.values.push(value.into());
        self
    }

    /// The same, if there is a value.
    pub fn and_if<V: Into<Value>>(&mut self, condition: &str, value: Option<V>) -> &mut Self {
        match value {
            Some(value) => self.and(condition, value),
            None => self,
        }
    }

    /// The statement of a page, newest first by this column, and its parameters.
    pub fn page(mut self, select: &str, key: &str, page: &PageRequest) -> (String, Vec<Value>) {
        self.and(&format!("{key} < ?"), before(page).to_vec());
        self.values.push(overfull(page).into());
        (format!("{select}{} ORDER BY {key} DESC LIMIT ?", self.sql), self.values)
    }

    /// One row more than the page holds, if there are so many.
    pub fn list<T>(
        self,
        db: &Connection,
        select: &str,
        key: &str,
        page: &PageRequest,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let (sql, values) = self.page(select, key, page);
        all(db, &sql, params_from_iter(values), read)
    }

    /// How many rows have each word in this column.
    pub fn count_by(
        self,
        db: &Connection,
        table: &str,
        column: &str,
    ) -> Result<Vec<(String, u64)>, StoreError> {
        let sql = format!("SELECT {column}, count(*) FROM {table}{} GROUP BY {column}", self.sql);
        all(db, &sql, params_from_iter(self.values), |row| Ok((row.get(0)?, number(row, 1)?)))
    }
}
