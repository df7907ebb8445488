//! Values as words: what nginx can hold in a place, and what must be said of what it cannot.

use super::quote::{LONGEST_WORD, Word, quote};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::source::Span;
use crate::types::{Duration, Memory};

/// A text that stands for itself: `$` would start a variable, and nothing can undo that.
pub(super) fn literal(what: &str, text: &str, span: Span) -> Result<Word, Box<Diagnostic>> {
    if text.contains('$') {
        let why =
            "nginx would read a variable after `$`, and has no way to write a `$` that is none";
        return Err(unwritable(what, text, span, why));
    }
    line(what, text, span)
}

/// A text of one line that nginx can hold; `$` is as it may be.
pub(super) fn line(what: &str, text: &str, span: Span) -> Result<Word, Box<Diagnostic>> {
    // A tab may stand in a header (RFC 9110, 5.5); no other control character may stand anywhere.
    if text.chars().any(|char| char.is_control() && char != '\t') {
        let why = "it holds a control character or a line break";
        return Err(unwritable(what, text, span, why));
    }
    if quote(text).len() > LONGEST_WORD {
        let why = "nginx reads no word of more than 4094 bytes";
        return Err(unwritable(what, text, span, why));
    }
    Ok(text.into())
}

/// A name that is looked up: labels of letters, digits, `-` and `_`, as Docker has them too.
pub(super) fn host(what: &str, text: &str, span: Span) -> Result<Word, Box<Diagnostic>> {
    if is_host(text) {
        Ok(text.into())
    } else {
        let why = "a host name has letters, digits, `-`, `_` and single dots, at most 253";
        Err(unwritable(what, text, span, why))
    }
}

fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    text.len() <= 253 && text.split('.').all(label)
}

/// A time, in nginx's units: whole seconds, else milliseconds.
pub(super) fn time(what: &str, time: Duration, span: Span) -> Result<Word, Box<Diagnostic>> {
    let why = match time.millis {
        0 => "it must be longer than nothing",
        1..=2_147_483_647 if time.millis.is_multiple_of(1000) => {
            return Ok(format!("{}s", time.millis / 1000).into());
        }
        1..=2_147_483_647 => return Ok(format!("{}ms", time.millis).into()),
        _ => "it must be shorter than 25 days",
    };
    Err(unwritable(what, &time.to_string(), span, why))
}

/// A time that nginx counts in whole seconds.
pub(super) fn seconds(what: &str, value: Duration, span: Span) -> Result<Word, Box<Diagnostic>> {
    if value.millis.is_multiple_of(1000) {
        return time(what, value, span);
    }
    let why = "nginx counts it in whole seconds";
    Err(unwritable(what, &value.to_string(), span, why))
}

/// A size, in the largest of nginx's units that is exact.
pub(super) fn size(what: &str, size: Memory, span: Span) -> Result<Word, Box<Diagnostic>> {
    if size.bytes == 0 {
        let why = "to nginx 0 means without a limit";
        return Err(unwritable(what, &size.to_string(), span, why));
    }
    if i64::try_from(size.bytes).is_err() {
        let why = "it is more than nginx can count";
        return Err(unwritable(what, &size.to_string(), span, why));
    }
    let exact = [(30, "g"), (20, "m"), (10, "k")]
        .into_iter()
        .find(|(shift, _)| size.bytes.is_multiple_of(1 << shift));
    Ok(exact
        .map_or_else(
            || size.bytes.to_string(),
            |(shift, unit)| format!("{}{unit}", size.bytes >> shift),
        )
        .into())
}

/// The bucket of one of nginx's hashes that a name of this length needs; `None` where the default,
/// a cache line of 64 bytes, has room (nginx `src/core/ngx_hash.c`, `NGX_HASH_ELT_SIZE`).
pub(super) fn hash_bucket(longest: usize) -> Option<usize> {
    const POINTER: usize = 8;
    let element = POINTER + (longest + 2).next_multiple_of(POINTER);
    let bucket = (element + POINTER).next_power_of_two();
    (bucket > 64).then_some(bucket)
}

/// nginx has no way to say a value.
pub(super) fn unwritable(what: &str, value: &str, span: Span, why: &str) -> Box<Diagnostic> {
    let shown: String = value.chars().take(60).collect();
    let more = if shown.len() < value.len() { "…" } else { "" };
    Box::new(
        Diagnostic::new(
            &catalogue::UNWRITABLE_VALUE,
            format!(
                "nginx cannot take `{}{more}` as a {what}",
                shown.escape_debug()
            ),
            span,
        )
        .labelled(why),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    const SPAN: Span = Span {
        file: FileId(0),
        start: 0,
        end: 0,
    };

    #[test]
    fn values_are_in_nginx_units() {
        let word = |word: Result<Word, Box<Diagnostic>>| word.unwrap().as_str().to_owned();
        assert_eq!(word(time("t", Duration::from_millis(90_000), SPAN)), "90s");
        assert_eq!(word(time("t", Duration::from_millis(250), SPAN)), "250ms");
        assert!(time("t", Duration::default(), SPAN).is_err());
        assert!(time("t", Duration::from_seconds(u64::MAX), SPAN).is_err());
        assert!(seconds("t", Duration::from_millis(1500), SPAN).is_err());
        assert_eq!(word(size("s", Memory { bytes: 10 << 20 }, SPAN)), "10m");
        assert_eq!(word(size("s", Memory { bytes: 1500 }, SPAN)), "1500");
        assert_eq!(word(size("s", Memory { bytes: 3 << 40 }, SPAN)), "3072g");
        assert!(size("s", Memory { bytes: 0 }, SPAN).is_err());
        assert!(size("s", Memory { bytes: u64::MAX }, SPAN).is_err());
    }

    #[test]
    fn texts_are_kept_to_what_nginx_can_hold() {
        assert!(literal("path", "/var/log/a b.log", SPAN).is_ok());
        assert!(literal("path", "/var/log/$host.log", SPAN).is_err());
        for wrong in ["a\nb", "a\0", "\u{85}", "\u{7}"] {
            assert!(line("value", wrong, SPAN).is_err(), "{wrong:?}");
        }
        assert!(line("value", "a\tb \u{1f600}", SPAN).is_ok());
        assert!(line("value", &"x".repeat(4_094), SPAN).is_ok());
        assert!(line("value", &"x".repeat(4_095), SPAN).is_err());
        assert!(line("value", &"\"".repeat(2_047), SPAN).is_err());
    }

    #[test]
    fn host_names() {
        for right in ["a", "prod.api", "web_1", "tasks.webapp-real"] {
            assert!(host("host", right, SPAN).is_ok(), "{right}");
        }
        for wrong in ["", ".", "a..b", "a b", "a;b", "$host", "a:80", "é"] {
            assert!(host("host", wrong, SPAN).is_err(), "{wrong}");
        }
    }

    #[test]
    fn long_names_need_larger_buckets() {
        assert_eq!(hash_bucket(46), None);
        assert_eq!(hash_bucket(47), Some(128));
        assert_eq!(hash_bucket(253), Some(512));
    }
}
