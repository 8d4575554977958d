//! Text from the wire and from file names, made harmless for a terminal.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a terminal might act on a character, or show the text around it in another order or not at all: C0, DEL, C1,
/// and the controls of direction, format and lines.
pub(super) fn is_control(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// The text with each control character written out, as `\x1b` or `\u{202e}`.
pub fn for_terminal(text: &str) -> Cow<'_, str> {
    if !text.contains(is_control) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        push_escaped(&mut escaped, character);
    }
    Cow::Owned(escaped)
}

fn push_escaped(text: &mut String, character: char) {
    let code = u32::from(character);
    // Writing to a string cannot fail.
    _ = match character {
        _ if !is_control(character) => text.write_char(character),
        '\0'..='\u{ff}' => write!(text, "\\x{code:02x}"),
        _ => write!(text, "\\u{{{code:x}}}"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_acts_on_is_written_out() {
        let cases = [
            ("plain äöü 漢字", "plain äöü 漢字"),
            ("\u{1b}[31mred", "\\x1b[31mred"),
            ("\u{1b}]52;c;aGk=\u{7}", "\\x1b]52;c;aGk=\\x07"),
            ("a\rb\nc\td\0", "a\\x0db\\x0ac\\x09d\\x00"),
            ("\u{7f}\u{9b}2J", "\\x7f\\x9b2J"),
            ("abc\u{202e}fdp.exe", "abc\\u{202e}fdp.exe"),
            (
                "\u{2066}\u{200f}\u{61c}\u{feff}\u{2029}",
                "\\u{2066}\\u{200f}\\u{61c}\\u{feff}\\u{2029}",
            ),
        ];
        for (text, escaped) in cases {
            assert_eq!(for_terminal(text), escaped);
        }
    }
}
