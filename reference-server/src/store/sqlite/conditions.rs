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

    /// The statement that counts the rows of each word in this column, and its parameters.
    fn counts(self, table: &str, column: &str) -> (String, Vec<Value>) {
        (format!("SELECT {column}, count(*) FROM {table}{} GROUP BY {column}", self.sql), self.values)
    }

    /// How many rows have each word in this column.
    pub fn count_by(
        self,
        db: &Connection,
        table: &str,
        column: &str,
    ) -> Result<Vec<(String, u64)>, StoreError> {
        let (sql, values) = self.counts(table, column);
        all(db, &sql, params_from_iter(values), |row| Ok((row.get(0)?, number(row, 1)?)))
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::{UserId, Whose};
    use crate::store::sqlite::cases::whose_conditions;
    use crate::store::sqlite::plan::plan;

    /// Aggregates read an index in its order: no row of a table, no sorting.
    #[test]
    fn dashboards_count_by_covering_index() {
        for table in ["queries", "disputes", "consultations"] {
            for (whose, way) in [
                (Whose::Everybody, "_by_status"),
                (Whose::Citizen(UserId::new()), "_by_citizen_status (citizen=?)"),
                (Whose::Lawyer(UserId::new()), "_by_lawyer_status (lawyer=?)"),
            ] {
                let (sql, _) = whose_conditions(whose).counts(&format!("{table} c"), "status");
                let steps = plan(&sql, true).join("\n");
                assert!(steps.ends_with(&format!("c USING COVERING INDEX {table}{way}")), "{steps}");
            }
        }
    }
}
