//! Words as nginx reads them: what quoting can do, for any text at all. What a directive makes of
//! a word (variables, paths, patterns) is not known here.
//!
//! The rules are those of `ngx_conf_read_token` (nginx `src/core/ngx_conf_file.c`): a word ends at
//! white space, `;` or `{`; it may be quoted as a whole; `\"`, `\'`, `\\`, `\t`, `\r` and `\n` are
//! escapes in quotes and out of them; any other backslash stands for itself. `$` has no escape.

use serde::Serialize;

/// The longest word that nginx reads, as written: its buffer has 4,096 bytes, one for the end.
pub(super) const LONGEST_WORD: usize = 4_094;

/// One word of a directive. It holds what nginx is to understand; quotes come with rendering.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub(super) struct Word(String);

impl Word {
    /// What nginx is to understand.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Word {
    fn from(text: &str) -> Self {
        Word(text.to_owned())
    }
}

impl From<String> for Word {
    fn from(text: String) -> Self {
        Word(text)
    }
}

/// A word as it is written: plain where a person would write it so, else in double quotes.
///
/// Total: whatever the text, what is written is one word of one line. NUL, which nginx cannot
/// hold, becomes U+FFFD; values are refused before they come to that.
pub(super) fn quote(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    let mut rest = text.chars().peekable();
    while let Some(char) = rest.next() {
        match char {
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0' => out.push('\u{fffd}'),
            '\\' if stands_for_itself(rest.peek().copied()) => out.push('\\'),
            '\\' => out.push_str("\\\\"),
            char => out.push(char),
        }
    }
    out.push('"');
    out
}

/// Whether a backslash before this character is not the start of an escape.
fn stands_for_itself(next: Option<char>) -> bool {
    next.is_some_and(|next| {
        next.is_ascii() && !next.is_ascii_control() && !"\"'\\trn".contains(next)
    })
}

/// Whether a word needs no quotes.
fn is_plain(text: &str) -> bool {
    let mut rest = text.chars().peekable();
    while let Some(char) = rest.next() {
        let plain = match char {
            '\\' => rest
                .peek()
                .is_some_and(|next| stands_for_itself(Some(*next)) && is_plain_char(*next)),
            char => is_plain_char(char),
        };
        if !plain {
            return false;
        }
    }
    !text.is_empty()
}

fn is_plain_char(char: char) -> bool {
    char.is_ascii_alphanumeric() || "_-./:$=,*?()<>[]^+|~!@&%".contains(char)
}

#[cfg(test)]
mod tests {
    use super::super::tokens::{Token, tokens};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_words_stay_plain() {
        for plain in [
            "$http_host",
            "tasks.webapp-real:8080",
            "max_fails=0",
            r"^/user-service/(?<rest>\d+\.html)$",
            "($request_method",
        ] {
            assert_eq!(quote(plain), plain);
        }
    }

    #[test]
    fn hostile_words_are_quoted() {
        for (text, written) in [
            ("", r#""""#),
            ("a b", r#""a b""#),
            (r#"";} return 200;"#, r#""\";} return 200;""#),
            ("# no comment", r##""# no comment""##),
            ("one\ntwo\r\t", r#""one\ntwo\r\t""#),
            (r"ends in \", r#""ends in \\""#),
            (r"\n is no newline", r#""\\n is no newline""#),
            (r"^a{2}\;$", r#""^a{2}\;$""#),
            ("`$(id)`", r#""`$(id)`""#),
            ("${", r#""${""#),
            ("\0", "\"\u{fffd}\""),
        ] {
            assert_eq!(quote(text), written);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(words in prop::collection::vec("[ -~]{0,12}|[\\\\\"'ntr${};# \n]{0,8}|[^\0]{0,8}", 1..5)) {
            let written: Vec<String> = words.iter().map(|word| quote(word)).collect();
            let read = tokens(&format!("d {};", written.join(" "))).unwrap();
            let mut expected = vec![Token::Word("d".to_owned())];
            expected.extend(words.into_iter().map(Token::Word));
            expected.push(Token::End);
            prop_assert_eq!(read, expected);
        }
    }
}
