//! scalectl.
