//! scalectl.
fn main() {}
