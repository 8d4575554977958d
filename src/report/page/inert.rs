//! Text from the wire and from file names, made inert for HTML: what a template fills in goes through here.

use std::fmt::{self, Write};

use askama::filters::Escaper;

use crate::report::escape::for_terminal;

/// Writes out control characters and those that change the order of text, then escapes markup.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inert;

impl Escaper for Inert {
    fn write_escaped_str<W: Write>(&self, mut dest: W, text: &str) -> fmt::Result {
        for character in for_terminal(text).chars() {
            match character {
                '<' => dest.write_str("&lt;")?,
                '>' => dest.write_str("&gt;")?,
                '&' => dest.write_str("&amp;")?,
                '"' => dest.write_str("&quot;")?,
                '\'' => dest.write_str("&#39;")?,
                other => dest.write_char(other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_controls_are_inert() {
        let cases = [
            ("plain äöü 漢字", "plain äöü 漢字"),
            (
                "</script><img src='x'>&\"",
                "&lt;/script&gt;&lt;img src=&#39;x&#39;&gt;&amp;&quot;",
            ),
            (
                "a\0\u{1b}\u{202e}\u{9b}b\n",
                "a\\x00\\x1b\\u{202e}\\x9bb\\x0a",
            ),
        ];
        for (text, escaped) in cases {
            let mut out = String::new();
            Inert.write_escaped_str(&mut out, text).unwrap();
            assert_eq!(out, escaped);
        }
    }
}
