//! Plain scalars that the readers of docker and kubectl take for something else than YAML 1.2 does: `022` is 18 to both, and `yes` is true to
//! one of them. Once a document is read, nobody knows whether `022` stood in quotes. So it is settled in the text.
//!
//! docker/cli reads with gopkg.in/yaml.v3, kubectl with `sigs.k8s.io/yaml/goyaml.v2`; each has its `resolve.go`. A test reads the same words
//! with both.

use saphyr_parser::{Event, Parser, ScalarStyle};
use std::borrow::Cow;

/// Who reads a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// `docker stack deploy`: a date is the time that Go prints of it.
    Docker,
    /// `kubectl apply`: words such as `on` are true or false.
    Kubectl,
}

/// The text with each of these scalars written so that YAML 1.2 takes it for what that reader does. Keys stay as they are, and so does what is
/// no YAML.
#[must_use]
pub fn as_read_by(reader: Reader, text: &str) -> Cow<'_, str> {
    let is_between = |c: char| c.is_ascii_whitespace() || ",[]{}".contains(c);
    if !text
        .split(is_between)
        .any(|word| may_be_meant(reader, word))
    {
        return text.into();
    }
    let mut settled = String::with_capacity(text.len());
    let mut rest = Rest { text, at: 0 };
    for (start, end, scalar) in values(text) {
        let Some(meant) = meant(reader, &scalar) else {
            continue;
        };
        settled.push_str(rest.until(start));
        // An anchor may stand first; what goes on for several lines is not what it reads as.
        let written = rest.until(end);
        match written.strip_suffix(&*scalar) {
            Some(first) => settled.extend([first, &meant]),
            None => settled.push_str(written),
        }
    }
    settled.push_str(rest.text);
    settled.into()
}

/// What of a text is not copied yet.
struct Rest<'t> {
    text: &'t str,
    /// How many characters are.
    at: usize,
}

impl<'t> Rest<'t> {
    /// All that stands before a character of the whole text.
    fn until(&mut self, character: usize) -> &'t str {
        let count = character.saturating_sub(self.at);
        let end = self.text.char_indices().nth(count);
        let end = end.map_or(self.text.len(), |(end, _)| end);
        let (before, rest) = self.text.split_at_checked(end).unwrap_or((self.text, ""));
        (self.text, self.at) = (rest, self.at + count);
        before
    }
}

/// How deep a text is looked into, which `serde_yaml` reads no deeper.
const MOST_LEVELS: usize = 128;

/// Whether a text is nested deeper than `serde_yaml` reads, which takes the square of that depth to find out.
#[must_use]
pub fn is_too_deep(text: &str) -> bool {
    // What stands in quotes or comments is counted, too, so that this is a reason to look and no more.
    let mut depth = 0_usize;
    let opens = text.bytes().any(|byte| {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > MOST_LEVELS
    });
    let mut depth = 0_usize;
    let mut parser = Parser::new_from_str(text);
    while opens && let Some(event) = parser.next_event() {
        match event {
            Ok((Event::SequenceStart(..) | Event::MappingStart(..), _)) => depth += 1,
            Ok((Event::SequenceEnd | Event::MappingEnd, _)) => depth = depth.saturating_sub(1),
            Ok(_) => {}
            // It looks ahead, and has a limit of its own, which is higher.
            Err(why) => return why.info().contains("recursion limit"),
        }
        if depth > MOST_LEVELS {
            return true;
        }
    }
    false
}

/// Where a node stands.
enum Level {
    Sequence,
    /// Whether a key comes next.
    Mapping(bool),
}

/// The plain scalars that are no keys and have no tag, with the characters where each begins and ends; none of what is no YAML.
fn values(text: &str) -> Vec<(usize, usize, String)> {
    let mut found = Vec::new();
    let mut levels: Vec<Level> = Vec::new();
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let Ok((event, span)) = event else {
            return Vec::new();
        };
        let is_key = matches!(levels.last(), Some(Level::Mapping(true)));
        match event {
            Event::Scalar(ref scalar, ScalarStyle::Plain, _, None) if !is_key => {
                let scalar = scalar.clone().into_owned();
                found.push((span.start.index(), span.end.index(), scalar));
            }
            Event::SequenceEnd | Event::MappingEnd => _ = levels.pop(),
            _ => {}
        }
        let begins = match event {
            Event::Scalar(..) | Event::Alias(_) => None,
            Event::SequenceStart(..) => Some(Level::Sequence),
            Event::MappingStart(..) => Some(Level::Mapping(true)),
            _ => continue,
        };
        if let Some(Level::Mapping(is_key)) = levels.last_mut() {
            *is_key = !*is_key;
        }
        levels.extend(begins);
    }
    found
}

/// Whether a word of a text is worth a closer look: most are not, and of most texts none.
fn may_be_meant(reader: Reader, word: &str) -> bool {
    match word.as_bytes() {
        [b'1'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit) => rest.len() > 17,
        [b'0'..=b'9' | b'+' | b'-' | b'.', _, ..] => {
            number(word).is_some()
                || reader == Reader::Docker && word.as_bytes().get(4) == Some(&b'-')
        }
        _ => reader == Reader::Kubectl && truth(word).is_some(),
    }
}

/// What a reader takes a plain scalar for, where YAML 1.2 takes it for something else, or may.
fn meant(reader: Reader, scalar: &str) -> Option<String> {
    let else_meant = || match reader {
        Reader::Docker => time(scalar).map(|time| format!("\"{time}\"")),
        Reader::Kubectl => truth(scalar).map(|truth| truth.to_string()),
    };
    number(scalar).or_else(else_meant)
}

fn truth(word: &str) -> Option<bool> {
    match word {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// The number that a scalar is to Go, where it is not written like that: without underscores, and a leading zero makes it octal where all
/// its digits are.
fn number(scalar: &str) -> Option<String> {
    let first = scalar.trim_start_matches(['+', '-']);
    if !first.starts_with(|c: char| c.is_ascii_digit() || c == '.' && !scalar.contains('_')) {
        return None;
    }
    let plain = scalar.replace('_', "");
    let number = match whole(&plain) {
        Some(number) => number.to_string(),
        None => format!("{:?}", fraction(&plain)?),
    };
    (number != scalar).then_some(number)
}

/// `strconv.ParseInt` and `ParseUint` of any base, and YAML's own octal.
fn whole(plain: &str) -> Option<i128> {
    let digits = plain.strip_prefix(['+', '-']).unwrap_or(plain);
    let bases = [
        ("0x", 16),
        ("0X", 16),
        ("0b", 2),
        ("0B", 2),
        ("0o", 8),
        ("0O", 8),
        ("0", 8),
    ];
    let based = bases.into_iter().find_map(|(prefix, base)| {
        let digits = digits.strip_prefix(prefix)?;
        (!digits.is_empty()).then_some((digits, base))
    });
    let (digits, base) = based.unwrap_or((digits, 10));
    // A sign may stand in front alone.
    let is_number = digits.chars().all(|c| c.is_digit(base));
    let number = i128::from_str_radix(digits, base)
        .ok()
        .filter(|_| is_number)?;
    let number = if plain.starts_with('-') {
        -number
    } else {
        number
    };
    let most = if plain.starts_with('+') {
        i64::MAX.into()
    } else {
        u64::MAX.into()
    };
    (i128::from(i64::MIN)..=most)
        .contains(&number)
        .then_some(number)
}

/// `yamlStyleFloat` of either `resolve.go`.
fn fraction(plain: &str) -> Option<f64> {
    let is_number = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
    let number: f64 = plain.parse().ok()?;
    (plain.chars().all(is_number) && number.is_finite()).then_some(number)
}

/// What Go prints of a time (`time.Time.String`) that a scalar is to go-yaml (`resolve.go`, `allowedTimestampFormats`).
fn time(scalar: &str) -> Option<String> {
    let (date, clock) = match scalar.split_once([' ', 'T', 't']) {
        Some((date, clock)) => (date, Some(clock)),
        None => (scalar, None),
    };
    let [year, month, day] = numbers(date, '-').filter(|_| date.find('-') == Some(4))?;
    let days = match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=days).contains(&day) {
        return None;
    }
    let date = format!("{year:04}-{month:02}-{day:02}");
    let Some(clock) = clock else {
        return Some(format!("{date} 00:00:00 +0000 UTC"));
    };
    let (clock, zone) = if scalar.contains(' ') {
        (clock, "+0000 UTC".to_owned())
    } else {
        zoned(clock)?
    };
    let (clock, part) = clock.split_once('.').unwrap_or((clock, "0"));
    let [hour, minute, second] = numbers(clock, ':')?;
    let is_time = hour < 24 && minute < 60 && second < 60;
    if !is_time || part.is_empty() || !part.bytes().all(|it| it.is_ascii_digit()) {
        return None;
    }
    let part = part.get(..9).unwrap_or(part).trim_end_matches('0');
    let point = if part.is_empty() { "" } else { "." };
    Some(format!(
        "{date} {hour:02}:{minute:02}:{second:02}{point}{part} {zone}"
    ))
}

/// A time of day without its zone, which has to be there, and the zone as Go prints it.
fn zoned(clock: &str) -> Option<(&str, String)> {
    if let Some(clock) = clock.strip_suffix('Z') {
        return Some((clock, "+0000 UTC".to_owned()));
    }
    let (clock, zone) = clock.split_at_checked(clock.rfind(['+', '-'])?)?;
    let (sign, offset) = zone.split_at_checked(1)?;
    let [hours, minutes] = numbers(offset, ':')?;
    if offset.len() != 5 || hours > 24 || minutes > 60 {
        return None;
    }
    let name = match (hours, minutes) {
        (0, 0) => "+0000 UTC".to_owned(),
        _ => format!("{sign}{hours:02}{minutes:02} {sign}{hours:02}{minutes:02}"),
    };
    Some((clock, name))
}

/// Numbers of one or two digits, but for a year.
fn numbers<const N: usize>(text: &str, between: char) -> Option<[u32; N]> {
    let numbers = text.split(between).map(|digits| {
        let is_number = digits.bytes().all(|it| it.is_ascii_digit());
        let is_short = digits.len() <= 2 || between == '-' && digits.len() == 4;
        digits.parse().ok().filter(|_| is_number && is_short)
    });
    let numbers: Vec<u32> = numbers.collect::<Option<_>>()?;
    numbers.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(reader: Reader, scalar: &str) -> String {
        let text = format!("a: {scalar}");
        let settled = as_read_by(reader, &text);
        settled.strip_prefix("a: ").unwrap_or_default().to_owned()
    }

    #[test]
    fn a_number_is_what_go_takes_it_for() {
        for (scalar, meant) in [
            ("022", "18"),
            ("-017", "-15"),
            ("+022", "18"),
            ("0_7", "7"),
            ("1_000", "1000"),
            ("0X1F", "31"),
            ("0O17", "15"),
            ("089", "89.0"),
            ("07.5", "7.5"),
            ("1_0.5", "10.5"),
            ("1_e3", "1000.0"),
            ("18446744073709551616", "1.8446744073709552e19"),
        ] {
            assert_eq!(read(Reader::Docker, scalar), meant, "{scalar}");
            assert_eq!(read(Reader::Kubectl, scalar), meant, "{scalar}");
        }
    }

    #[test]
    fn what_is_no_number_stays() {
        for scalar in [
            "80",
            "0",
            "_1",
            "0o8",
            "0xg",
            "0x",
            "1.2.3",
            "5:30",
            "1-2",
            "1e400",
            "10:20:30",
            "v022",
            "\"022\"",
            "'022'",
            "!!str 022",
            "18446744073709551615",
            "true",
            "~",
            "-",
            "|\n  022\n",
            "022\n  023",
            "[\"022\"]",
            "x # 022",
            "\"x\n  022\"",
        ] {
            assert_eq!(read(Reader::Docker, scalar), scalar);
            assert_eq!(read(Reader::Kubectl, scalar), scalar);
        }
    }

    #[test]
    fn words_are_true_to_kubectl_and_a_date_is_a_time_to_docker() {
        for (word, truth) in [
            ("yes", "true"),
            ("Off", "false"),
            ("y", "true"),
            ("N", "false"),
        ] {
            assert_eq!(read(Reader::Kubectl, word), truth);
            assert_eq!(read(Reader::Docker, word), word);
        }
        for (scalar, time) in [
            ("2024-01-01", "2024-01-01 00:00:00 +0000 UTC"),
            ("2024-2-9", "2024-02-09 00:00:00 +0000 UTC"),
            ("2024-02-29T10:00:00Z", "2024-02-29 10:00:00 +0000 UTC"),
            ("2024-02-29 10:00:00.50", "2024-02-29 10:00:00.5 +0000 UTC"),
            (
                "2024-02-29t1:00:00-03:30",
                "2024-02-29 01:00:00 -0330 -0330",
            ),
        ] {
            assert_eq!(read(Reader::Docker, scalar), format!("\"{time}\""));
            assert_eq!(read(Reader::Kubectl, scalar), scalar);
        }
        for scalar in [
            "2024-13-01",
            "2023-02-29",
            "24-01-01",
            "2024-01-01T10:00:00",
            "2024-01-01 10:00:00Z",
            "2024-01-01 24:00:00",
        ] {
            assert_eq!(read(Reader::Docker, scalar), scalar);
        }
    }

    #[test]
    fn values_are_settled_and_nothing_else() {
        let text = "# ä 022\n022: ö\nä: [022, '022', {yes: yes}]\nb:\n- 022\n- &x 0440 # yes\n- *x\n--- # yes\nc: |\n  a: 022\nd: 022";
        let settled = "# ä 022\n022: ö\nä: [18, '022', {yes: true}]\nb:\n- 18\n- &x 288 # yes\n- *x\n--- # yes\nc: |\n  a: 022\nd: 18";
        assert_eq!(as_read_by(Reader::Kubectl, text), settled);
        let deep = format!("a: 022\nb: {}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(as_read_by(Reader::Docker, &deep), deep);
        assert!(is_too_deep(&deep));
        let quoted = format!("a: \"{}\"\nb: [[]]", "[".repeat(1000));
        assert!(!is_too_deep(&quoted) && !is_too_deep(&"[],".repeat(1000)));
        let broken = "a: 022\nb: [";
        assert_eq!(as_read_by(Reader::Docker, broken), broken);
    }
}
