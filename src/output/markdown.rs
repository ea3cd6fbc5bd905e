//! Foreign text in Markdown.

use crate::text::one_line;

/// Text that ends neither its cell nor its line.
pub fn cell(text: &str) -> String {
    one_line(text).replace('|', "\\|").replace('`', "'").replace('<', "&lt;")
}

/// Text in which nothing is markup or calls somebody by name.
pub fn code(text: &str) -> String {
    format!("`{}`", one_line(text).replace('|', "\\|").replace('`', "'"))
}

#[cfg(test)]
mod tests {
    use super::{cell, code};

    #[test]
    fn foreign_text_stays_where_it_is() {
        assert_eq!(cell("a|b`c\n<script>"), "a\\|b'c &lt;script>");
        assert_eq!(code("GET /a|b`@all\n<b>"), "`GET /a\\|b'@all <b>`");
    }
}
