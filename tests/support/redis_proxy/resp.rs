//! Frames of Redis' protocol, versions 2 and 3, kept as the bytes that came.

use std::io::{self, BufRead};

/// One command, answer or push.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// All of it.
    pub bytes: Vec<u8>,
    /// Its strings, in their order, however deep they lie.
    pub strings: Vec<String>,
}

impl Frame {
    /// Reads one; an error at the end of the stream.
    pub fn read(source: &mut impl BufRead) -> io::Result<Self> {
        let mut frame = Self::default();
        frame.read_item(source)?;
        Ok(frame)
    }

    /// A command of these words.
    pub fn of(words: Vec<String>) -> Self {
        let word = |word: &String| format!("${}\r\n{word}\r\n", word.len());
        let text: String = words.iter().map(word).collect();
        Self { bytes: format!("*{}\r\n{text}", words.len()).into_bytes(), strings: words }
    }

    /// Whether the server sent it of itself (version 3).
    pub fn is_push(&self) -> bool {
        self.bytes.first() == Some(&b'>')
    }

    fn read_item(&mut self, source: &mut impl BufRead) -> io::Result<()> {
        let start = self.bytes.len();
        if source.read_until(b'\n', &mut self.bytes)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = String::from_utf8_lossy(&self.bytes[start..]).trim_end().to_owned();
        let (kind, rest) = line.split_at_checked(1).ok_or(io::ErrorKind::InvalidData)?;
        let length = || rest.parse::<i64>().map_err(|_| io::Error::from(io::ErrorKind::InvalidData));
        match kind {
            "$" | "=" | "!" => self.read_string(source, length()?),
            "*" | "~" | ">" => self.read_items(source, length()?),
            "%" => self.read_items(source, 2 * length()?),
            _ => {
                self.strings.push(rest.to_owned());
                Ok(())
            }
        }
    }

    fn read_items(&mut self, source: &mut impl BufRead, count: i64) -> io::Result<()> {
        (0..count).try_for_each(|_| self.read_item(source))
    }

    /// Of a string of a negative length, null, nothing follows.
    fn read_string(&mut self, source: &mut impl BufRead, length: i64) -> io::Result<()> {
        let Ok(length) = usize::try_from(length) else { return Ok(()) };
        let start = self.bytes.len();
        self.bytes.resize(start + length + "\r\n".len(), 0);
        source.read_exact(&mut self.bytes[start..])?;
        self.strings.push(String::from_utf8_lossy(&self.bytes[start..start + length]).into_owned());
        Ok(())
    }
}
