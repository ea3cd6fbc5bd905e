//! Files that a report is written to, beside what goes to stdout.

use std::io;
use std::path::PathBuf;

use clap::ValueEnum;

use crate::cli::{Error, io_error};
use crate::output::FileFormat;
use crate::whole_file;

/// Files to write.
#[derive(Debug, clap::Args)]
pub struct ReportArgs {
    /// Write the report to a file too: html, json, junit, markdown or csv; may be given several times
    #[arg(long, value_name = "FORMAT=FILE", value_parser = destination)]
    report: Vec<Destination>,
}

/// One of them.
#[derive(Debug, Clone)]
struct Destination {
    format: FileFormat,
    path: PathBuf,
}

impl ReportArgs {
    /// Refuses places that could not be written to when the load is over.
    pub fn ensure_writable(&self) -> Result<(), Error> {
        for (index, Destination { path, .. }) in self.report.iter().enumerate() {
            if self.report[..index].iter().any(|other| other.path == *path) {
                return Err(Error::Usage(format!("--report names {} twice", path.display())));
            }
            whole_file::ensure_writable(path).map_err(|reason| {
                Error::Usage(format!("the report cannot be written to {}: {reason}", path.display()))
            })?;
        }
        Ok(())
    }

    /// Writes them all, each whole; the first that could not be written is told when the others are there.
    pub fn write(&self, render: impl Fn(FileFormat) -> io::Result<String>) -> Result<(), Error> {
        let write = |Destination { format, path }: &Destination| {
            let written = render(*format).and_then(|text| whole_file::write(path, text.as_bytes()));
            written.map_err(io_error(format!("the report could not be written to {}", path.display())))
        };
        let results: Vec<_> = self.report.iter().map(write).collect();
        results.into_iter().collect()
    }
}

fn destination(text: &str) -> Result<Destination, String> {
    let wanted = "write FORMAT=FILE, where FORMAT is html, json, junit, markdown or csv";
    let (format, path) = text.split_once('=').filter(|(_, path)| !path.is_empty()).ok_or(wanted)?;
    let format = FileFormat::from_str(format, false).map_err(|_| wanted)?;
    Ok(Destination { format, path: path.into() })
}
