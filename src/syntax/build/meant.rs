//! What was meant by a token that begins like a number and is none.

use super::literal::scale;
use crate::diagnostics::Diagnostic;
use crate::diagnostics::catalogue::INVALID_LITERAL;
use crate::source::Span;

/// Why a token is no literal.
pub(super) struct Fault {
    message: String,
    help: Option<String>,
    replacement: Option<String>,
}

impl Fault {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: None,
            replacement: None,
        }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(super) fn replace(mut self, text: impl Into<String>) -> Self {
        self.replacement = Some(text.into());
        self
    }

    /// The diagnostic, at the token.
    pub(super) fn at(self, span: Span) -> Diagnostic {
        let mut diagnostic = Diagnostic::new(&INVALID_LITERAL, self.message, span);
        diagnostic.help = self.help;
        match self.replacement {
            Some(text) => diagnostic.replace(span, text),
            None => diagnostic,
        }
    }
}

/// The fault of a malformed number.
pub(super) fn by(text: &str) -> Fault {
    let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '_' | '.')));
    let (number, suffix) = text
        .split_at_checked(end.unwrap_or(text.len()))
        .unwrap_or((text, ""));
    hyphenated(text)
        .or_else(|| rate(text))
        .or_else(|| unit(text, number, suffix))
        .or_else(|| notation(text, suffix))
        .unwrap_or_else(|| {
            Fault::new(format!("`{text}` is neither a number nor a name"))
                .help(format!(
                    "a name begins with a letter; text stands in quotes: `\"{text}\"`"
                ))
                .replace(format!("\"{text}\""))
        })
}

/// `5-3`, `2026-3-1`
fn hyphenated(text: &str) -> Option<Fault> {
    let parts: Vec<&str> = text.split('-').collect();
    let numbers: Option<Vec<u16>> = parts.iter().map(|part| part.parse().ok()).collect();
    match (parts.as_slice(), numbers.as_deref()) {
        ([year, ..], Some([y, month, day])) if year.len() == 4 => Some(
            Fault::new(format!("`{text}` is not written as a date"))
                .help("a date has two digits for month and day: `2026-03-31`")
                .replace(format!("{y:04}-{month:02}-{day:02}")),
        ),
        ([left, right], _) if !left.is_empty() && !right.is_empty() => Some(
            Fault::new(format!("`{text}` is neither a number nor a name"))
                .help(format!(
                    "a minus stands between blanks, `{left} - {right}`; text stands in quotes, `\"{text}\"`"
                )),
        ),
        _ => None,
    }
}

/// `1GB/s`
fn rate(text: &str) -> Option<Fault> {
    let (amount, _) = text.split_once('/')?;
    Some(
        Fault::new(format!("there are no rates: `{text}`")).help(format!(
            "write the amount, `{amount}`, where an amount is asked for, or the text in quotes"
        )),
    )
}

/// `200M`, `10sec`, `1.5s`
fn unit(text: &str, number: &str, suffix: &str) -> Option<Fault> {
    let whole = !number.contains('.');
    let memory = |unit: &str| {
        Fault::new(format!("`{suffix}` is no unit"))
            .help(format!("write `{number}{unit}`"))
            .replace(format!("{number}{unit}"))
    };
    let both = |binary: &str, decimal: &str, docker: bool| {
        let who = if docker {
            format!(
                "; Docker reads `{text}` as `{number}{binary}`, Kubernetes as `{number}{decimal}`"
            )
        } else {
            String::new()
        };
        Fault::new(format!("`{suffix}` is no unit of memory")).help(format!(
            "write `{number}{binary}` (powers of 1024) or `{number}{decimal}` (powers of 1000){who}"
        ))
    };
    if is_time(suffix) && !whole {
        return Some(fraction_of_time(text, number, suffix));
    }
    Some(match suffix {
        "K" | "k" => both("KiB", "KB", true),
        "M" => both("MiB", "MB", true),
        "G" | "g" => both("GiB", "GB", true),
        "T" | "t" => both("TiB", "TB", true),
        "kb" | "Kb" | "kB" => both("KiB", "KB", false),
        "mb" | "Mb" | "mB" => both("MiB", "MB", false),
        "gb" | "Gb" | "gB" => both("GiB", "GB", false),
        "tb" | "Tb" | "tB" => both("TiB", "TB", false),
        "Ki" | "ki" | "kib" | "kiB" | "Kib" => memory("KiB"),
        "Mi" | "mi" | "mib" | "miB" | "Mib" => memory("MiB"),
        "Gi" | "gi" | "gib" | "giB" | "Gib" => memory("GiB"),
        "Ti" | "ti" | "tib" | "tiB" | "Tib" => memory("TiB"),
        "b" | "byte" | "bytes" | "Bytes" => memory("B"),
        "msec" | "msecs" | "millis" | "milliseconds" => memory("ms"),
        "sec" | "secs" | "second" | "seconds" | "S" => memory("s"),
        "min" | "mins" | "minute" | "minutes" => memory("m"),
        "hr" | "hrs" | "hour" | "hours" | "H" => memory("h"),
        "day" | "days" | "D" => memory("d"),
        "w" | "week" | "weeks" => match number.parse::<u64>().ok()?.checked_mul(7) {
            Some(days) => Fault::new("there is no unit of weeks")
                .help(format!("write `{days}d`"))
                .replace(format!("{days}d")),
            None => return None,
        },
        "us" | "ns" => Fault::new(format!("`{suffix}` is too small a unit"))
            .help("the smallest unit of time is `1ms`"),
        "cpus" | "core" | "cores" | "vcpu" | "vcpus" | "CPU" | "Cpu" => memory("cpu"),
        "millicpu" | "millicpus" | "mcpus" | "mCPU" => memory("mcpu"),
        _ => return None,
    })
}

fn is_time(suffix: &str) -> bool {
    matches!(suffix, "ms" | "s" | "m" | "h" | "d")
}

/// `1.5s`: Go takes it, zd writes whole parts.
fn fraction_of_time(text: &str, number: &str, suffix: &str) -> Fault {
    let per = match suffix {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => 86_400_000,
    };
    let fault = Fault::new(format!("`{text}`: times are written in whole parts"));
    match scale(number, per) {
        Some(millis) => {
            let whole = crate::types::Duration { millis }.to_string();
            fault.help(format!("write `{whole}`")).replace(whole)
        }
        None => fault.help("the smallest unit of time is `1ms`"),
    }
}

/// `0x1F`, `1e6`, `1.2.3`
fn notation(text: &str, suffix: &str) -> Option<Fault> {
    let lower = text.to_ascii_lowercase();
    for (prefix, radix) in [("0x", 16), ("0b", 2), ("0o", 8)] {
        if let Some(digits) = lower.strip_prefix(prefix)
            && let Ok(value) = i64::from_str_radix(digits, radix)
        {
            return Some(
                Fault::new(format!("`{text}`: numbers are written in decimal"))
                    .help(format!("write `{value}`"))
                    .replace(value.to_string()),
            );
        }
    }
    if suffix.is_empty() && text.matches('.').count() == 2 {
        return Some(
            Fault::new(format!("`{text}` is no number"))
                .help(format!("a version is text: `\"{text}\"`"))
                .replace(format!("\"{text}\"")),
        );
    }
    if suffix.is_empty() && text.contains('.') && !text.contains("..") {
        return Some(address(text));
    }
    let exponent = lower.split_once('e')?;
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    (exponent.0.parse::<f64>().is_ok() && digits(exponent.1)).then(|| {
        Fault::new(format!("`{text}`: numbers have no exponent"))
            .help("write all digits, with `_` between groups: `1_000_000`")
    })
}

/// Four or more numbers with dots that are no IPv4 address.
pub(super) fn address(text: &str) -> Fault {
    let parts: Vec<&str> = text.split('.').collect();
    let fault = Fault::new(format!("`{text}` is no IPv4 address"));
    if parts.len() != 4 {
        return fault.help(format!(
            "an address has four numbers, this has {}; a version is text: `\"{text}\"`",
            parts.len()
        ));
    }
    let too_large = parts
        .iter()
        .find(|part| part.parse::<u16>().map_or(true, |number| number > 255));
    if let Some(part) = too_large {
        return fault.help(format!("each number is 0 to 255, `{part}` is not"));
    }
    let plain: Vec<String> = parts
        .iter()
        .map(|part| part.trim_start_matches('0'))
        .map(|part| if part.is_empty() { "0" } else { part }.to_owned())
        .collect();
    let plain = plain.join(".");
    fault
        .help(format!(
            "a leading zero is octal to some programs: write `{plain}`"
        ))
        .replace(plain)
}
