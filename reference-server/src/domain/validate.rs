//! Rules for what clients send. All mistakes of a request are reported at once.

use serde::Serialize;
use utoipa::ToSchema;

/// Lengths in characters, each the most that is accepted.
pub mod limit {
    /// Shortest and longest username.
    pub const USERNAME: std::ops::RangeInclusive<usize> = 3..=30;
    /// Shortest and longest password.
    pub const PASSWORD: std::ops::RangeInclusive<usize> = 8..=128;
    /// Longest e-mail address.
    pub const EMAIL: usize = 254;
    /// Longest display name.
    pub const NAME: usize = 50;
    /// Longest words of an account about itself.
    pub const BIO: usize = 300;
    /// Longest post.
    pub const POST: usize = 2_000;
    /// Longest comment.
    pub const COMMENT: usize = 1_000;
    /// Longest message.
    pub const MESSAGE: usize = 4_000;
    /// Longest title of a query or dispute.
    pub const TITLE: usize = 120;
    /// Longest description of a query or dispute.
    pub const DESCRIPTION: usize = 5_000;
    /// Longest name of the other side in a dispute.
    pub const RESPONDENT: usize = 200;
    /// Longest answer to a query, and longest resolution of a dispute.
    pub const OUTCOME: usize = 10_000;
    /// Longest headline of a lawyer.
    pub const HEADLINE: usize = 200;
    /// Longest name of a chat room.
    pub const ROOM: usize = 64;
}

/// Words that stand in paths where a username may.
const RESERVED: [&str; 3] = ["me", "online", "suggested"];

/// One thing that is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Name of the field, as the client sent it.
    pub field: &'static str,
    /// Stable code.
    pub code: &'static str,
    /// For people.
    pub message: String,
}

/// Collects what is wrong with a request.
#[derive(Debug, Default)]
pub struct Validator {
    errors: Vec<FieldError>,
}

impl Validator {
    /// Three to thirty letters, digits, `_`, `-` and `.`.
    pub fn username(&mut self, value: &str) -> &mut Self {
        self.length("username", value, &limit::USERNAME);
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        self.check(value.chars().all(allowed), "username", "charset", || {
            "may hold letters, digits, '_', '-' and '.'".into()
        });
        let reserved = RESERVED.iter().any(|word| word.eq_ignore_ascii_case(value));
        self.check(!reserved, "username", "reserved", || "is a word of the API".into())
    }

    /// Something, an `@`, and a domain with a dot.
    pub fn email(&mut self, value: &str) -> &mut Self {
        self.length("email", value, &(3..=limit::EMAIL));
        self.check(is_email(value), "email", "format", || "must look like name@example.com".into())
    }

    /// Length only: what it is made of is nobody's business.
    pub fn password(&mut self, value: &str) -> &mut Self {
        self.length("password", value, &limit::PASSWORD)
    }

    /// A display name.
    pub fn name(&mut self, value: &str) -> &mut Self {
        self.text("name", value, limit::NAME)
    }

    /// Words about oneself, perhaps none.
    pub fn bio(&mut self, value: &str) -> &mut Self {
        if value.is_empty() { self } else { self.text("bio", value, limit::BIO) }
    }

    /// Text that is not blank, holds no control characters but line breaks and tabs, and is not too long.
    pub fn text(&mut self, field: &'static str, value: &str, longest: usize) -> &mut Self {
        self.length(field, value, &(1..=longest));
        self.check(value.is_empty() || !value.trim().is_empty(), field, "blank", || "is blank".into());
        let allowed = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
        self.check(value.chars().all(allowed), field, "charset", || "holds control characters".into())
    }

    /// Any other rule.
    pub fn check(
        &mut self,
        holds: bool,
        field: &'static str,
        code: &'static str,
        message: impl FnOnce() -> String,
    ) -> &mut Self {
        if !holds {
            self.errors.push(FieldError { field, code, message: message() });
        }
        self
    }

    /// All that was wrong, if anything was.
    pub fn finish(&mut self) -> Result<(), Vec<FieldError>> {
        let errors = std::mem::take(&mut self.errors);
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    fn length(
        &mut self,
        field: &'static str,
        value: &str,
        range: &std::ops::RangeInclusive<usize>,
    ) -> &mut Self {
        let length = value.chars().count();
        self.check(range.contains(&length), field, "length", || {
            format!("has {length} characters: {} to {} are allowed", range.start(), range.end())
        })
    }
}

fn is_email(value: &str) -> bool {
    let Some((local, domain)) = value.split_once('@') else { return false };
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && c != '@';
    !local.is_empty()
        && value.chars().filter(|c| *c != '@').all(plain)
        && !domain.contains('@')
        && domain.split('.').count() > 1
        && domain.split('.').all(|label| !label.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(validator: &mut Validator) -> Vec<(&'static str, &'static str)> {
        validator.finish().unwrap_err().iter().map(|e| (e.field, e.code)).collect()
    }

    #[test]
    fn every_mistake_is_reported() {
        let mut found = Validator::default();
        found.username("a b").email("nobody").password("short").name("");
        assert_eq!(
            codes(&mut found),
            [("username", "charset"), ("email", "format"), ("password", "length"), ("name", "length")]
        );
    }

    #[test]
    fn words_of_the_api_are_no_usernames() {
        assert_eq!(codes(Validator::default().username("Online")), [("username", "reserved")]);
    }

    #[test]
    fn ordinary_input_passes() {
        let mut found = Validator::default();
        found.username("ada.l-1_").email("ada@example.com").password("correct horse").name("Ada Λ");
        assert!(found.text("text", "line one\n\tline two", 40).finish().is_ok());
    }

    #[test]
    fn text_is_counted_in_characters_and_not_blank() {
        let mut found = Validator::default();
        assert!(found.text("text", "ééé", 3).finish().is_ok());
        assert_eq!(codes(found.text("text", "   ", 3)), [("text", "blank")]);
        assert_eq!(codes(found.text("text", "a\0b", 3)), [("text", "charset")]);
    }

    #[test]
    fn addresses_without_a_proper_domain_are_refused() {
        for bad in ["@example.com", "a@b", "a@.com", "a@b.", "a@@b.c", "a b@c.d", "a@b@c.d"] {
            assert!(!is_email(bad), "{bad}");
        }
    }
}
