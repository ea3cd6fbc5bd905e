//! What an instance tells a verifier of its memory, and the fingerprints that both sides compare.
//!
//! Instances sit behind a load balancer, so a verifier asks through Redis: it leaves an [`Inquiry`], and every
//! instance leaves its [`answer`](answer::answer). `docs/state-verification.md` has the formats.

pub mod answer;
pub mod digest;
pub mod inquiry;
pub mod respond;
pub mod source;

pub use answer::{Entry, MapTold, Part, Told};
pub use digest::{Digests, Fingerprint, fingerprint, place};
pub use inquiry::{Inquiry, Question};
pub use respond::respond;
pub use source::{Holding, Holdings, Source, Who};
