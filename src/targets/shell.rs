//! Words as a shell reads them: what every script that is written quotes its values with.

use std::fmt::Write as _;

/// A text that stands for itself, as bash reads it back: plain where a person would write it so.
///
/// Total, and of one line whatever the text; a NUL, which no word of a shell can hold, is for the
/// caller to keep out.
pub(crate) fn quoted(text: &str) -> String {
    let plain = |char: char| char.is_ascii_alphanumeric() || "_-./:=,@%+".contains(char);
    if text.is_empty() {
        return "''".to_owned();
    }
    if text.chars().all(plain) {
        return text.to_owned();
    }
    if text.chars().any(char::is_control) {
        return ansi(text);
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// `$'…'`, which alone writes a line break without one.
fn ansi(text: &str) -> String {
    let mut out = String::from("$'");
    for char in text.chars() {
        match char {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            char if char.is_control() => {
                let mut bytes = [0; 4];
                for byte in char.encode_utf8(&mut bytes).bytes() {
                    // Writing to a string cannot fail.
                    let _ = write!(out, "\\x{byte:02x}");
                }
            }
            char => out.push(char),
        }
    }
    out.push('\'');
    out
}
