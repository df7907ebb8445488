//! Words as bash reads them, and how systemd and Groovy write a text: the quoting that every value
//! of a template gets, comments too, whether its author thought of it or not.

use crate::targets::shell::quoted;
use serde::Serialize;

/// One word of a script: text that stands for itself, and variables that the script fills in.
///
/// A variable stands between two NULs, which no word of a shell can hold: text has its own replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub(super) struct Word(String);

/// A variable of the scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variable<'a> {
    /// Which slot, from 1.
    SlotIndex,
    /// Its port.
    SlotPort,
    /// A deploy-time variable, by its name: letters, digits and `_`.
    Deploy(&'a str),
}

impl Word {
    /// A text that stands for itself.
    pub(super) fn text(text: &str) -> Self {
        let mut word = Word::default();
        word.push(text);
        word
    }

    /// With more text.
    pub(super) fn push(&mut self, text: &str) {
        self.0.push_str(&text.replace('\0', "\u{fffd}"));
    }

    /// With a variable.
    pub(super) fn push_variable(&mut self, variable: Variable<'_>) {
        let name = match variable {
            Variable::SlotIndex => "$slot_index".to_owned(),
            Variable::SlotPort => "$slot_port".to_owned(),
            Variable::Deploy(name) => format!("${{variables[{name}]}}"),
        };
        self.0.push('\0');
        self.0.push_str(&name);
        self.0.push('\0');
    }

    /// With all of another one.
    pub(super) fn join(&mut self, other: &Word) {
        self.0.push_str(&other.0);
    }
}

/// A word as bash reads it back: plain where a person would write it so.
///
/// Total, and of one line whatever the text.
pub(super) fn bash(word: &str) -> String {
    if word.is_empty() {
        return "''".to_owned();
    }
    let mut out = String::with_capacity(word.len() + 2);
    for (place, part) in word.split('\0').enumerate() {
        if place % 2 == 1 {
            // Made by `push_variable` alone.
            out.push('"');
            out.push_str(part);
            out.push('"');
        } else {
            // Between two variables there may be nothing.
            if !part.is_empty() {
                out.push_str(&quoted(part));
            }
        }
    }
    out
}

/// A value of a unit file: `%` begins a specifier (`systemd.unit`, "Specifiers"). Line breaks, which
/// a value cannot hold, become spaces; they are refused before.
pub(super) fn systemd(text: &str) -> String {
    text.replace('%', "%%")
        .chars()
        .map(|char| if char.is_control() { ' ' } else { char })
        .collect()
}

/// A Groovy string.
pub(super) fn groovy(text: &str) -> String {
    let mut out = String::from("'");
    for char in text.chars() {
        match char {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            char if char.is_control() => out.push(' '),
            char => out.push(char),
        }
    }
    out.push('\'');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::process::Command;

    #[test]
    fn plain_words_stay_plain() {
        for plain in [
            "java",
            "--server.port=8081",
            "/a/b",
            "example/web:1.0",
            "a=b",
        ] {
            assert_eq!(bash(plain), plain);
        }
    }

    #[test]
    fn hostile_words_are_quoted() {
        for (text, written) in [
            ("", "''"),
            ("a b", "'a b'"),
            ("$(id)", "'$(id)'"),
            ("it's", r"'it'\''s'"),
            ("a\nrm -rf /", r"$'a\nrm -rf /'"),
            ("~", "'~'"),
            ("\u{7}", r"$'\x07'"),
            ("!!", "'!!'"),
        ] {
            assert_eq!(bash(&Word::text(text).0), written);
        }
        assert_eq!(bash(&Word::text("a\0b").0), "'a\u{fffd}b'");
    }

    #[test]
    fn a_variable_is_filled_in_and_its_neighbours_are_not() {
        let mut word = Word::text("--port=");
        word.push_variable(Variable::SlotPort);
        word.push(" $x");
        word.push_variable(Variable::Deploy("TAG"));
        assert_eq!(
            bash(&word.0),
            "--port=\"$slot_port\"' $x'\"${variables[TAG]}\""
        );
    }

    #[test]
    fn units_and_pipelines() {
        assert_eq!(systemd("50% of\nit"), "50%% of it");
        assert_eq!(groovy(r"it's \n ${x}"), r"'it\'s \\n ${x}'");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn bash_reads_back_what_is_written(words in prop::collection::vec("[ -~]{0,12}|[\\\\\"'`$!{};#~\n\r\t ]{0,8}|[^\0]{0,8}", 1..5)) {
            let written: Vec<String> = words.iter().map(|word| bash(&Word::text(word).0)).collect();
            prop_assert!(written.iter().all(|word| !word.contains('\n')));
            let script = format!("printf '%s\\0' {}", written.join(" "));
            let output = Command::new("bash").args(["-c", &script]).output().unwrap();
            let read = String::from_utf8(output.stdout).unwrap();
            let read: Vec<&str> = read.split_terminator('\0').collect();
            prop_assert_eq!(read, words);
        }
    }
}
