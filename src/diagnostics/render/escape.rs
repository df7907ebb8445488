//! Text from a source, made harmless: a terminal obeys control characters, and a reader believes
//! what is drawn in a wrong order.

use std::borrow::Cow;
use std::fmt::Write;

/// One line: every control character, line breaks and tabs too, as zd writes it in a string.
pub fn escape_line(text: &str) -> Cow<'_, str> {
    escape(text, is_hostile)
}

/// Several lines: as [`escape_line`], line breaks and tabs kept.
pub fn escape_text(text: &str) -> Cow<'_, str> {
    escape(text, is_hostile_in_text)
}

/// Adds one character of a source line, as it may be shown; tabs are kept.
pub(super) fn push_shown(out: &mut String, character: char) {
    if is_hostile_in_text(character) {
        push_escaped(out, character);
    } else {
        out.push(character);
    }
}

/// JSON whose strings hold nothing a terminal obeys: what serde leaves as it is (DEL, C1 and the
/// marks of direction) becomes an escape too.
pub fn escape_json(json: &str) -> Cow<'_, str> {
    if is_plain(json) || !json.contains(is_hostile) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 16);
    for character in json.chars() {
        if is_hostile(character) {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                // Writing to a string never fails.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(character);
        }
    }
    Cow::Owned(out)
}

fn escape(text: &str, hostile: fn(char) -> bool) -> Cow<'_, str> {
    if is_plain(text) || !text.contains(hostile) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if hostile(character) {
            push_escaped(&mut out, character);
        } else {
            out.push(character);
        }
    }
    Cow::Owned(out)
}

/// Whether it is of letters, digits and signs of ASCII alone, as nearly all is: none of these is hostile, and bytes are looked through sooner.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

fn push_escaped(out: &mut String, character: char) {
    match character {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        // Writing to a string never fails.
        other => drop(write!(out, "\\u{{{:x}}}", u32::from(other))),
    }
}

fn is_hostile_in_text(character: char) -> bool {
    !matches!(character, '\n' | '\t') && is_hostile(character)
}

/// Controls of either set; the marks that turn the direction of writing (Unicode Standard Annex 9,
/// section 2); line and paragraph separators; characters without width that hide in names.
fn is_hostile(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}'
                | '\u{200b}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}
