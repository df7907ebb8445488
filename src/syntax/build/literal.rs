//! What number tokens are worth.

use super::Builder;
use super::meant::{self, Fault};
use crate::source::Span;
use crate::syntax::ast::{ExprKind, Literal};
use crate::syntax::grammar::Rule;
use crate::types::{Cidr, Cpu, Date, Duration, Memory, Percent};
use pest::iterators::Pair;
use std::net::Ipv4Addr;

impl<'i> Builder<'i> {
    /// A number token; a bad one is reported and broken.
    pub(super) fn number(&mut self, pair: &Pair<'i, Rule>, span: Span) -> ExprKind {
        let text = pair.as_str();
        let literal = match pair.as_rule() {
            Rule::amount => amount(text),
            Rule::address => address(text),
            Rule::date => date(text),
            _ => Err(meant::by(text)),
        };
        match literal {
            Ok(literal) => ExprKind::Literal(literal),
            Err(fault) => {
                self.diagnostics.push(fault.at(span));
                ExprKind::Broken
            }
        }
    }
}

fn amount(text: &str) -> Result<Literal, Fault> {
    if text.contains("__") || text.contains("_.") || text.contains("._") {
        return Err(underscore(text));
    }
    let unit_start = text
        .find(|c: char| c.is_ascii_alphabetic() || c == '%')
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at_checked(unit_start).unwrap_or((text, ""));
    if digits.ends_with('_') {
        return Err(underscore(text));
    }
    let scaled = |per: u64, smallest: &str| {
        scale(digits, per).ok_or_else(|| inexact(text, digits, smallest))
    };
    Ok(match unit {
        "" if digits.contains('.') => float(digits)?,
        "" => integer(digits)?,
        "%" => Literal::Percent(Percent {
            thousandths: scaled(1000, "a thousandth of a percent")?,
        }),
        "cpu" => Literal::Cpu(Cpu {
            millis: scaled(1000, "1mcpu")?,
        }),
        "mcpu" => Literal::Cpu(Cpu {
            millis: scaled(1, "1mcpu")?,
        }),
        _ => match memory_unit(unit) {
            Some(bytes) => Literal::Memory(Memory {
                bytes: scaled(bytes, "1B")?,
            }),
            None => Literal::Duration(duration(text)?),
        },
    })
}

fn integer(digits: &str) -> Result<Literal, Fault> {
    scale(digits, 1)
        .and_then(|value| i64::try_from(value).ok())
        .map(Literal::Int)
        .ok_or_else(|| {
            Fault::new(format!("the number `{digits}` is too large"))
                .help(format!("the largest is {}", i64::MAX))
        })
}

fn float(digits: &str) -> Result<Literal, Fault> {
    let plain: String = digits.chars().filter(|c| *c != '_').collect();
    match plain.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(Literal::Float(value)),
        _ => Err(Fault::new(format!("the number `{digits}` is too large"))),
    }
}

/// Bytes in a unit of memory.
fn memory_unit(unit: &str) -> Option<u64> {
    Some(match unit {
        "B" => 1,
        "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return None,
    })
}

/// A decimal number times `per`, where the product is whole and fits.
pub(super) fn scale(number: &str, per: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole = digits_value(whole)?.checked_mul(u128::from(per))?;
    let fraction = fraction.trim_end_matches(['0', '_']);
    let places = fraction.bytes().filter(u8::is_ascii_digit).count();
    let unit = 10u128.checked_pow(u32::try_from(places).ok()?)?;
    let part = digits_value(fraction)?.checked_mul(u128::from(per))?;
    if part % unit != 0 {
        return None;
    }
    u64::try_from(whole.checked_add(part / unit)?).ok()
}

fn digits_value(digits: &str) -> Option<u128> {
    digits
        .bytes()
        .filter(u8::is_ascii_digit)
        .try_fold(0u128, |value, digit| {
            value.checked_mul(10)?.checked_add(u128::from(digit - b'0'))
        })
}

fn underscore(text: &str) -> Fault {
    Fault::new(format!("`_` stands between two digits, not as in `{text}`")).help("write `1_000`")
}

fn inexact(text: &str, digits: &str, smallest: &str) -> Fault {
    if digits.contains('.') {
        Fault::new(
            format!("`{text}` is not a whole number of `{smallest}`")
                .replace("`a thousandth of a percent`", "thousandths of a percent"),
        )
        .help("nothing is rounded here: write a smaller unit or fewer digits")
    } else {
        Fault::new(format!("`{text}` is too large"))
    }
}

/// `1h30m`: parts of falling units, each once.
fn duration(text: &str) -> Result<Duration, Fault> {
    let mut rest = text;
    let mut total: u64 = 0;
    let mut last = u64::MAX;
    while !rest.is_empty() {
        let split = rest.find(|c: char| c.is_ascii_alphabetic());
        let (digits, after) = rest
            .split_at_checked(split.unwrap_or(rest.len()))
            .unwrap_or((rest, ""));
        let split = after.find(|c: char| !c.is_ascii_alphabetic());
        let (unit, after) = after
            .split_at_checked(split.unwrap_or(after.len()))
            .unwrap_or((after, ""));
        if digits.ends_with('_') || digits.starts_with('_') {
            return Err(underscore(text));
        }
        let millis = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => 86_400_000,
        };
        if millis >= last {
            return Err(
                Fault::new(format!("the parts of `{text}` are not in order"))
                    .help("each unit stands once, from days down to milliseconds: `1d2h30m`"),
            );
        }
        last = millis;
        total = scale(digits, millis)
            .and_then(|part| total.checked_add(part))
            .filter(|total| *total <= LONGEST)
            .ok_or_else(|| {
                Fault::new(format!("`{text}` is too long a time"))
                    .help("the longest is 106751d, which is what Go, and so Docker and Kubernetes, can hold")
            })?;
        rest = after;
    }
    Ok(Duration { millis: total })
}

/// Go's `time.Duration` counts nanoseconds in 64 bits with a sign: 106,751 whole days.
const LONGEST: u64 = 106_751 * 86_400_000;

fn address(text: &str) -> Result<Literal, Fault> {
    let (host, prefix) = match text.split_once('/') {
        Some((host, prefix)) => (host, Some(prefix)),
        None => (text, None),
    };
    let address: Ipv4Addr = host.parse().map_err(|_| meant::address(host))?;
    let Some(prefix) = prefix else {
        return Ok(Literal::Ip(address));
    };
    let length: Option<u8> = prefix.parse().ok().filter(|length| *length <= 32);
    let Some(length) = length else {
        return Err(Fault::new(format!("`/{prefix}` is no prefix length"))
            .help(format!("an IPv4 subnet has 0 to 32 bits: `{host}/24`")));
    };
    if let Some(cidr) = Cidr::new(address, length) {
        return Ok(Literal::Cidr(cidr));
    }
    let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
    let network = Ipv4Addr::from(u32::from(address) & mask);
    Err(
        Fault::new(format!("`{text}` has bits set beyond its prefix"))
            .help(format!(
                "the subnet is `{network}/{length}`; the address alone is `{address}`"
            ))
            .replace(format!("{network}/{length}")),
    )
}

fn date(text: &str) -> Result<Literal, Fault> {
    let mut parts = text.split('-').map(str::parse::<u16>);
    let mut next = || parts.next().and_then(Result::ok).unwrap_or(0);
    let (year, month, day) = (next(), next(), next());
    let byte = |value: u16| u8::try_from(value).unwrap_or(0);
    if let Some(date) = Date::new(year, byte(month), byte(day)) {
        return Ok(Literal::Date(date));
    }
    let fault = Fault::new(format!("there is no day `{text}`"));
    if (1..=12).contains(&month) {
        let last = (28..=31)
            .rev()
            .find(|last| Date::new(year, byte(month), *last).is_some());
        let last = last.unwrap_or(28);
        return Err(fault.help(format!(
            "that month's last day is `{year:04}-{month:02}-{last:02}`"
        )));
    }
    Err(fault.help("a date is year, month and day: `2026-03-31`"))
}
