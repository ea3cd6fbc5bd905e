//! What a probe sees, and what it comes to.

use crate::indexes::IndexError;
use crate::indexes::capability::{Capability, OptionClass, Verdict};
use crate::text::{excerpt, one_line};

/// Why a probe ended before it had seen anything.
#[derive(Debug)]
pub enum Stop {
    /// The server refused: that is the answer.
    Refused(Refused),
    /// Nothing was learned.
    Fault(IndexError),
}

/// The server's refusal.
#[derive(Debug)]
pub struct Refused {
    /// Its number.
    pub code: Option<i32>,
    /// Its words.
    pub words: String,
}

impl Refused {
    /// What it comes to for the class.
    pub fn into_capability(self, class: OptionClass) -> Capability {
        let evidence = one_line(&excerpt(&self.words));
        Capability { class, verdict: Verdict::Rejected, code: self.code, evidence }
    }
}

/// What was seen of a class.
#[derive(Debug, Default)]
pub struct Findings {
    acts: Vec<String>,
    fails: Vec<String>,
    unseen: Vec<String>,
}

impl Findings {
    /// It does what it should.
    pub fn acts(&mut self, words: impl Into<String>) {
        self.acts.push(words.into());
    }

    /// It does not.
    pub fn fails(&mut self, words: impl Into<String>) {
        self.fails.push(words.into());
    }

    /// It could not be seen.
    pub fn unseen(&mut self, words: impl Into<String>) {
        self.unseen.push(words.into());
    }

    /// One of both.
    pub fn check(&mut self, does: bool, acts: &str, fails: &str) {
        if does { self.acts(acts) } else { self.fails(fails) }
    }

    /// What it comes to for the class: one failure is enough, and so is one thing that could not be seen.
    pub fn into_capability(self, class: OptionClass) -> Capability {
        let Self { acts, fails, unseen } = self;
        let (verdict, mut seen) = match (fails.is_empty(), unseen.is_empty()) {
            (false, _) => (Verdict::NotEnforced, fails),
            (true, false) => (Verdict::Unknown, unseen),
            (true, true) => (Verdict::Supported, acts),
        };
        seen.dedup();
        Capability { class, verdict, code: None, evidence: one_line(&seen.join("; ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::Findings;
    use crate::indexes::capability::{OptionClass, Verdict};

    #[test]
    fn one_failure_decides() {
        let mut findings = Findings::default();
        findings.acts("listed");
        findings.unseen("no explain");
        findings.fails("a duplicate was accepted");
        let capability = findings.into_capability(OptionClass::Unique);
        assert_eq!(capability.verdict, Verdict::NotEnforced);
        assert_eq!(capability.evidence, "a duplicate was accepted");
    }
}
