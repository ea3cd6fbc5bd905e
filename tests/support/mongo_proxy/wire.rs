//! MongoDB's messages as they are on the wire, as far as a proxy must understand them.
//!
//! <https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/>

use std::io::{self, Read};

use mongodb::bson::{Bson, Document};

/// The length, two identifiers and the kind.
const HEADER: usize = 16;
/// The kinds of messages.
const OP_REPLY: i32 = 1;
const OP_QUERY: i32 = 2004;
const OP_MSG: i32 = 2013;
/// The flags of OP_MSG.
const CHECKSUM_PRESENT: u32 = 1;
const MORE_TO_COME: u32 = 1 << 1;
const EXHAUST_ALLOWED: u32 = 1 << 16;
/// No server takes more than 48 MB; a longer message is no message.
const LONGEST: usize = 64 << 20;
/// So many documents of a sequence (the documents of an insert) are read; the rest only passes through.
const DOCUMENTS_READ: usize = 100;

/// One message, whole.
#[derive(Clone, Debug)]
pub struct Message {
    bytes: Vec<u8>,
}

impl Message {
    /// Reads the next one; an error at the end of the stream.
    pub fn read(from: &mut impl Read) -> io::Result<Self> {
        let mut bytes = vec![0; HEADER];
        from.read_exact(&mut bytes)?;
        let length = usize::try_from(number(&bytes, 0)).unwrap_or_default();
        if !(HEADER..=LONGEST).contains(&length) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not a message of MongoDB's protocol"));
        }
        bytes.resize(length, 0);
        from.read_exact(&mut bytes[HEADER..])?;
        Ok(Self { bytes })
    }

    /// As it goes over the wire.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same without checksum and without leave to answer more than once.
    pub fn plain(mut self) -> Self {
        if self.kind() != OP_MSG {
            return self;
        }
        let flags = self.flags();
        if flags & CHECKSUM_PRESENT != 0 {
            self.bytes.truncate(self.bytes.len() - 4);
            let length = self.bytes.len() as u32;
            self.bytes[..4].copy_from_slice(&length.to_le_bytes());
        }
        let flags = flags & !(CHECKSUM_PRESENT | EXHAUST_ALLOWED);
        self.bytes[HEADER..HEADER + 4].copy_from_slice(&flags.to_le_bytes());
        self
    }

    /// Whether its sender waits for an answer.
    pub fn wants_answer(&self) -> bool {
        self.kind() != OP_MSG || self.flags() & MORE_TO_COME == 0
    }

    /// The command or the answer in it, the sequences among its fields; none when it is of another kind.
    pub fn document(&self) -> Option<Document> {
        match self.kind() {
            OP_MSG => sections(self.bytes.get(HEADER + 4..)?),
            OP_QUERY => {
                let name = self.bytes.get(HEADER + 4..)?;
                let end = name.iter().position(|&byte| byte == 0)?;
                let collection = String::from_utf8_lossy(&name[..end]).into_owned();
                let mut query = Document::from_reader(name.get(end + 9..)?).ok()?;
                query.insert("$db", collection.strip_suffix(".$cmd")?);
                Some(query)
            }
            OP_REPLY => Document::from_reader(self.bytes.get(HEADER + 20..)?).ok(),
            _ => None,
        }
    }

    /// An answer to this request, in the form in which it was asked.
    pub fn answered(&self, answer: &Document) -> Self {
        let mut body = Vec::new();
        answer.to_writer(&mut body).expect("a document can be written");
        let (kind, front) = match self.kind() {
            // Flags, cursor, first document, count.
            OP_QUERY => (OP_REPLY, [[0; 16].as_slice(), &1_i32.to_le_bytes()].concat()),
            // Flags, and one section of kind 0.
            _ => (OP_MSG, vec![0; 5]),
        };
        let length = HEADER + front.len() + body.len();
        let header = [length as i32, 0, number(&self.bytes, 4), kind];
        let header: Vec<u8> = header.iter().flat_map(|number| number.to_le_bytes()).collect();
        Self { bytes: [header, front, body].concat() }
    }

    /// A command of the proxy's own.
    pub fn asking(command: &Document) -> Self {
        let nobody = Self { bytes: vec![0; HEADER] };
        nobody.answered(command)
    }

    fn kind(&self) -> i32 {
        number(&self.bytes, 12)
    }

    fn flags(&self) -> u32 {
        number(&self.bytes, HEADER) as u32
    }
}

fn number(bytes: &[u8], at: usize) -> i32 {
    let bytes = bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
    bytes.map(i32::from_le_bytes).unwrap_or_default()
}

/// One section of kind 0 is the document; those of kind 1 are fields of it that hold documents.
fn sections(mut bytes: &[u8]) -> Option<Document> {
    let (mut body, mut fields) = (None, Document::new());
    while let Some((&kind, rest)) = bytes.split_first() {
        let length = usize::try_from(number(rest, 0)).ok()?;
        let (section, next) = rest.split_at_checked(length)?;
        match kind {
            0 => body = Document::from_reader(section).ok(),
            _ => {
                let end = section.get(4..)?.iter().position(|&byte| byte == 0)? + 4;
                let name = String::from_utf8_lossy(&section[4..end]).into_owned();
                fields.insert(name, sequence(&section[end + 1..]));
            }
        }
        bytes = next;
    }
    body.map(|mut body: Document| {
        body.extend(fields);
        body
    })
}

fn sequence(mut bytes: &[u8]) -> Vec<Bson> {
    let next = || Document::from_reader(&mut bytes).ok().map(Bson::Document);
    std::iter::from_fn(next).take(DOCUMENTS_READ).collect()
}
