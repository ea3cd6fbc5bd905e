//! Files whose rows become variables: what is in them, and who gets which row.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use rand::RngExt;
use serde_json::{Map, Value};

use super::chance::{Chance, Who, of_user};
use super::model::{Order, Payload, Per};
use crate::load::share::Share;

/// Rows beyond this are refused: they are kept in memory.
const MAX_ROWS: usize = 5_000_000;
/// A JSON file is read as a whole.
const MAX_JSON_BYTES: u64 = 256 << 20;

/// A file, read.
#[derive(Debug)]
pub struct PayloadTable {
    /// The file, for messages.
    pub name: String,
    /// The slot of each column.
    pub slots: Vec<usize>,
    /// The rows, each as long as `slots`.
    pub rows: Vec<Vec<Value>>,
    /// Which row an iteration gets.
    pub order: Order,
    /// For how long.
    pub per: Per,
}

impl PayloadTable {
    /// The row of an iteration; `None` when each has gone to somebody already. `next` counts the rows that this
    /// process has handed out.
    pub fn row(
        &self,
        share: Share,
        seed: u64,
        who: Who,
        chance: &Chance,
        next: impl FnOnce() -> u64,
    ) -> Option<&[Value]> {
        let rows = self.rows.len() as u64;
        let row = match (self.order, self.per) {
            (Order::Random, Per::Iteration) => chance.draw(|chance| chance.random_range(0..rows)),
            (Order::Random, Per::User) => of_user(seed, who.user) % rows,
            (Order::Sequence, Per::User) => who.user % rows,
            (Order::Unique, Per::User) => who.user,
            (Order::Sequence, Per::Iteration) => share.number(next() % share.of(rows).max(1)) % rows,
            (Order::Unique, Per::Iteration) => share.number(next()),
        };
        self.rows.get(usize::try_from(row).ok()?).map(Vec::as_slice)
    }
}

/// Names of columns and rows of values.
type Rows = (Vec<String>, Vec<Vec<Value>>);

/// The columns' names and the rows of the file that `payload` names, relative to `folder`.
/// A failure names the file and, where there is one, the line.
pub fn read(payload: &Payload, folder: &Path) -> Result<Rows, String> {
    let path = folder.join(&payload.path);
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let (fields, rows) = match extension {
        "json" => read_json(payload, &path),
        "jsonl" | "ndjson" => read_json_lines(payload, &path),
        _ => read_csv(payload, &path),
    }?;
    if rows.is_empty() { Err(format!("{}: no rows", path.display())) } else { Ok((fields, rows)) }
}

/// The rows as one list of mappings, for `loadAll`.
pub fn as_list((fields, rows): &Rows) -> Value {
    let mapping = |row: &Vec<Value>| {
        let entries = fields.iter().cloned().zip(row.iter().cloned());
        Value::Object(entries.collect::<Map<_, _>>())
    };
    Value::Array(rows.iter().map(mapping).collect())
}

fn read_csv(payload: &Payload, path: &Path) -> Result<Rows, String> {
    let name = path.display();
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(payload.fields.is_empty() || payload.skip_header)
        .delimiter(delimiter(payload)?)
        .trim(csv::Trim::All)
        .from_path(path)
        .map_err(|error| format!("{name}: {error}"))?;
    let fields = match payload.fields.is_empty() {
        true => reader.headers().map_err(|e| words(path, &e))?.iter().map(str::to_owned).collect(),
        false => payload.fields.clone(),
    };
    let is_cast = payload.cast.unwrap_or(true);
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| words(path, &error))?;
        if record.len() != fields.len() {
            let line = record.position().map_or(0, csv::Position::line);
            let (found, expected) = (record.len(), fields.len());
            return Err(format!("{name}:{line}: a row of {found} where {expected} columns are named"));
        }
        ensure_room(path, rows.len())?;
        rows.push(record.iter().map(|field| if is_cast { cast(field) } else { field.into() }).collect());
    }
    Ok((fields, rows))
}

fn ensure_room(path: &Path, rows: usize) -> Result<(), String> {
    if rows < MAX_ROWS { Ok(()) } else { Err(format!("{}: more than {MAX_ROWS} rows", path.display())) }
}

/// What a field looks like, unless that would lose something: `007` and `1.50` stay text.
fn cast(field: &str) -> Value {
    let typed = match field {
        "true" | "false" => Some(Value::Bool(field == "true")),
        _ => {
            field.parse::<i64>().map(Value::from).ok().or_else(|| field.parse::<f64>().ok().map(Value::from))
        }
    };
    typed.filter(|value| *value.to_string() == *field).unwrap_or_else(|| field.into())
}

fn read_json(payload: &Payload, path: &Path) -> Result<Rows, String> {
    let name = path.display();
    let mut text = Vec::new();
    let file = File::open(path).map_err(|error| format!("{name}: {error}"))?;
    file.take(MAX_JSON_BYTES + 1).read_to_end(&mut text).map_err(|error| format!("{name}: {error}"))?;
    if text.len() as u64 > MAX_JSON_BYTES {
        return Err(format!("{name}: more than {} MiB; write JSON lines (.jsonl)", MAX_JSON_BYTES >> 20));
    }
    let list: Vec<Value> = serde_json::from_slice(&text).map_err(|error| format!("{name}: {error}"))?;
    let mut table = JsonTable::new(payload);
    for (index, row) in list.into_iter().enumerate() {
        ensure_room(path, index)?;
        table.push(row).map_err(|message| format!("{name}: item {}: {message}", index + 1))?;
    }
    Ok((table.fields, table.rows))
}

fn read_json_lines(payload: &Payload, path: &Path) -> Result<Rows, String> {
    let name = path.display();
    let file = File::open(path).map_err(|error| format!("{name}: {error}"))?;
    let mut table = JsonTable::new(payload);
    for (index, line) in BufReader::new(file.take(MAX_JSON_BYTES)).lines().enumerate() {
        let line = line.map_err(|error| format!("{name}:{}: {error}", index + 1))?;
        if line.trim().is_empty() {
            continue;
        }
        ensure_room(path, table.rows.len())?;
        let row = serde_json::from_str(&line).map_err(|error| format!("{name}:{}: {error}", index + 1))?;
        table.push(row).map_err(|message| format!("{name}:{}: {message}", index + 1))?;
    }
    Ok((table.fields, table.rows))
}

/// Rows of JSON: mappings, whose keys are the columns, or lists and single values for the named `fields`.
struct JsonTable {
    fields: Vec<String>,
    rows: Vec<Vec<Value>>,
}

impl JsonTable {
    fn new(payload: &Payload) -> Self {
        Self { fields: payload.fields.clone(), rows: Vec::new() }
    }

    fn push(&mut self, row: Value) -> Result<(), String> {
        let row = match row {
            Value::Object(map) => {
                if self.fields.is_empty() {
                    self.fields = map.keys().cloned().collect();
                }
                let value = |field: &String| map.get(field).cloned().ok_or(format!("no `{field}`"));
                self.fields.iter().map(value).collect::<Result<_, _>>()?
            }
            Value::Array(items) => items,
            single => vec![single],
        };
        if row.len() != self.fields.len() {
            let (found, expected) = (row.len(), self.fields.len());
            return Err(format!("a row of {found} where {expected} columns are named in `fields`"));
        }
        self.rows.push(row);
        Ok(())
    }
}

fn delimiter(payload: &Payload) -> Result<u8, String> {
    match payload.delimiter.as_deref().map(str::as_bytes) {
        None => Ok(b','),
        Some([one]) if one.is_ascii() => Ok(*one),
        Some(_) => Err("`delimiter` must be one character".to_owned()),
    }
}

fn words(path: &Path, error: &csv::Error) -> String {
    let name = path.display();
    match error.kind() {
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            format!("{name}:{line}: a row of {len} where the rows before have {expected_len}")
        }
        csv::ErrorKind::Utf8 { pos, .. } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            format!("{name}:{line}: not UTF-8")
        }
        _ => format!("{name}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{Order, Payload, PayloadTable, Per, Share, as_list, cast, read};
    use crate::load::scenario::chance::{Chance, Who};

    fn read_file(name: &str, text: &str, fields: &[&str]) -> Result<(Vec<String>, Vec<Vec<Value>>), String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), text).unwrap();
        let fields = fields.iter().map(|f| (*f).to_owned()).collect();
        let payload = Payload { path: name.into(), fields, order: Order::Sequence, ..Payload::default() };
        read(&payload, folder.path()).map_err(|error| error.rsplit('/').next().unwrap_or_default().to_owned())
    }

    fn read_text(text: &str, fields: &[&str]) -> Result<(Vec<String>, usize), String> {
        read_file("u.csv", text, fields).map(|(fields, rows)| (fields, rows.len()))
    }

    #[test]
    fn the_first_line_names_the_columns_unless_fields_do() {
        assert_eq!(read_text("a,b\n1,2\n", &[]), Ok((vec!["a".into(), "b".into()], 1)));
        assert_eq!(read_text("1,2\n3,4\n", &["a", "b"]), Ok((vec!["a".into(), "b".into()], 2)));
    }

    #[test]
    fn ragged_rows_are_refused_with_their_line() {
        let refusal = read_text("a,b\n1,2\n3\n", &[]).unwrap_err();
        assert_eq!(refusal, "u.csv:3: a row of 1 where the rows before have 2");
        assert_eq!(
            read_text("1\n", &["a", "b"]).unwrap_err(),
            "u.csv:1: a row of 1 where 2 columns are named"
        );
        assert_eq!(read_text("a,b\n", &[]).unwrap_err(), "u.csv: no rows");
    }

    #[test]
    fn json_rows_keep_their_types() {
        let rows =
            read_file("u.json", r#"[{"a": 1, "b": [2]}, {"b": null, "a": "x", "c": 0}]"#, &[]).unwrap();
        assert_eq!(as_list(&rows), json!([{"a": 1, "b": [2]}, {"a": "x", "b": null}]));
        let rows = read_file("u.jsonl", "[1, 2]\n\n[3, 4]\n", &["x", "y"]).unwrap();
        assert_eq!(as_list(&rows), json!([{"x": 1, "y": 2}, {"x": 3, "y": 4}]));
        assert_eq!(read_file("u.jsonl", "{\"a\": 1}\n{}\n", &[]).unwrap_err(), "u.jsonl:2: no `a`");
        assert!(read_file("u.json", "{}", &[]).unwrap_err().starts_with("u.json: invalid type"));
    }

    #[test]
    fn fields_become_what_they_look_like_unless_that_would_change_them() {
        let all = ["12", "-3", "2.5", "true", "007", "1.50", "1e3", "", "NaN", "+1"].map(cast);
        assert_eq!(
            Value::Array(all.to_vec()),
            json!([12, -3, 2.5, true, "007", "1.50", "1e3", "", "NaN", "+1"])
        );
    }

    fn table(rows: usize, order: Order, per: Per) -> PayloadTable {
        let rows = (0..rows).map(|row| vec![row.into()]).collect();
        PayloadTable { name: "t".to_owned(), slots: vec![0], rows, order, per }
    }

    /// What the workers of a run hand out when each is asked `asked` times.
    fn handed_out(table: &PayloadTable, workers: u32, asked: u64) -> Vec<Option<u64>> {
        let chance = Chance::default();
        let shares = (0..workers).map(|index| Share { index, count: workers });
        let row = |share: Share, n: u64| {
            let who = Who { user: share.number(n), round: 0 };
            table.row(share, 1, who, &chance, || n)?.first()?.as_u64()
        };
        shares.flat_map(|share| (0..asked).map(move |n| row(share, n))).collect()
    }

    proptest! {
        #[test]
        fn a_unique_row_goes_to_one_only_and_every_row_is_used(
            rows in 1usize..200, workers in 1u32..8, extra in 0u64..5, per_user: bool,
        ) {
            let table = table(rows, Order::Unique, if per_user { Per::User } else { Per::Iteration });
            let asked = (rows as u64).div_ceil(workers.into()) + extra;
            let given: Vec<u64> = handed_out(&table, workers, asked).into_iter().flatten().collect();
            prop_assert_eq!(given.len(), rows);
            prop_assert_eq!(given.into_iter().collect::<BTreeSet<_>>().len(), rows);
        }

        #[test]
        fn a_sequence_uses_all_rows_equally_often(rows in 1usize..50, workers in 1u32..6, rounds in 1u64..4) {
            let table = table(rows * workers as usize, Order::Sequence, Per::Iteration);
            let given = handed_out(&table, workers, rows as u64 * rounds);
            for row in 0..table.rows.len() as u64 {
                prop_assert_eq!(given.iter().filter(|found| **found == Some(row)).count() as u64, rounds);
            }
        }
    }
}
