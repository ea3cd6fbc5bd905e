//! Asking at a terminal.

use std::io::{BufRead, IsTerminal};

use super::{Error, io_error};
use crate::output::Output;

/// What came of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The wanted word was typed.
    Given,
    /// Something else was typed.
    Withheld,
    /// There is nobody to ask.
    NobodyThere,
}

/// Asks for a word at a terminal.
pub fn ask(output: Output, question: &str, word: &str) -> Result<Answer, Error> {
    if !std::io::stdin().is_terminal() {
        return Ok(Answer::NobodyThere);
    }
    output.note(&format!("{question} Type {word}:"));
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(io_error("the answer could not be read"))?;
    Ok(if answer.trim() == word { Answer::Given } else { Answer::Withheld })
}
