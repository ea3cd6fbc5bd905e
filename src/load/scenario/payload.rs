//! CSV files whose rows become variables.

use std::path::Path;

use serde_json::Value;

use super::model::{Order, Payload};

/// Rows beyond this are refused: they are kept in memory.
const MAX_ROWS: usize = 5_000_000;

/// A CSV file, read.
#[derive(Debug)]
pub struct PayloadTable {
    /// The slot of each column.
    pub slots: Vec<usize>,
    /// The rows, each as long as `slots`.
    pub rows: Vec<Vec<Value>>,
    /// Which row an iteration gets.
    pub order: Order,
}

/// The columns' names and the rows of the file that `payload` names, relative to `folder`.
/// A failure names the file and, where there is one, the line.
pub fn read(payload: &Payload, folder: &Path) -> Result<(Vec<String>, Vec<Vec<Value>>), String> {
    let path = folder.join(&payload.path);
    let name = path.display();
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(payload.fields.is_empty() || payload.skip_header)
        .delimiter(delimiter(payload)?)
        .trim(csv::Trim::All)
        .from_path(&path)
        .map_err(|error| format!("{name}: {error}"))?;
    let fields = match payload.fields.is_empty() {
        true => reader.headers().map_err(|e| words(&path, &e))?.iter().map(str::to_owned).collect(),
        false => payload.fields.clone(),
    };
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| words(&path, &error))?;
        if record.len() != fields.len() {
            let line = record.position().map_or(0, csv::Position::line);
            let (found, expected) = (record.len(), fields.len());
            return Err(format!("{name}:{line}: a row of {found} where {expected} columns are named"));
        }
        if rows.len() == MAX_ROWS {
            return Err(format!("{name}: more than {MAX_ROWS} rows"));
        }
        rows.push(record.iter().map(|field| Value::String(field.to_owned())).collect());
    }
    if rows.is_empty() { Err(format!("{name}: no rows")) } else { Ok((fields, rows)) }
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
    use super::{Order, Payload, read};

    fn read_text(text: &str, fields: &[&str]) -> Result<(Vec<String>, usize), String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("u.csv"), text).unwrap();
        let payload = Payload {
            path: "u.csv".into(),
            fields: fields.iter().map(|f| (*f).to_owned()).collect(),
            order: Order::Sequence,
            skip_header: false,
            delimiter: None,
        };
        let result = read(&payload, folder.path()).map(|(fields, rows)| (fields, rows.len()));
        result.map_err(|error| error.rsplit('/').next().unwrap_or_default().to_owned())
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
}
