//! What number tokens are worth, and what was meant by those that are none.

use super::{Builder, Rule};
use crate::diagnostics::Diagnostic;
use crate::diagnostics::catalogue::SYNTAX_ERROR;
use crate::source::Span;
use crate::syntax::ast::{ExprKind, Literal};
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
            _ => Err(Fault::new(format!("`{text}` is not a number"))),
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

/// Why a token is no literal.
struct Fault {
    message: String,
    help: Option<String>,
}

impl Fault {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: None,
        }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    fn at(self, span: Span) -> Diagnostic {
        let diagnostic = Diagnostic::new(&SYNTAX_ERROR, self.message, span);
        match self.help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }
}

fn amount(text: &str) -> Result<Literal, Fault> {
    let unit_start = text
        .find(|c: char| c.is_ascii_alphabetic() || c == '%')
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at_checked(unit_start).unwrap_or((text, ""));
    let scaled = |per: u64| scale(digits, per).ok_or_else(|| inexact(text, unit));
    Ok(match unit {
        "" if digits.contains('.') => float(digits)?,
        "" => integer(digits)?,
        "%" => Literal::Percent(Percent {
            thousandths: scaled(1000)?,
        }),
        "cpu" => Literal::Cpu(Cpu {
            millis: scaled(1000)?,
        }),
        "mcpu" => Literal::Cpu(Cpu { millis: scaled(1)? }),
        _ => match memory_unit(unit) {
            Some(bytes) => Literal::Memory(Memory {
                bytes: scaled(bytes)?,
            }),
            None => duration(text)?,
        },
    })
}

fn integer(digits: &str) -> Result<Literal, Fault> {
    scale(digits, 1)
        .and_then(|value| i64::try_from(value).ok())
        .map(Literal::Int)
        .ok_or_else(|| {
            Fault::new(format!("`{digits}` is too large"))
                .help(format!("the largest whole number is {}", i64::MAX))
        })
}

fn float(digits: &str) -> Result<Literal, Fault> {
    let plain: String = digits.chars().filter(|c| *c != '_').collect();
    match plain.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(Literal::Float(value)),
        _ => Err(Fault::new(format!("`{digits}` is too large"))),
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
fn scale(number: &str, per: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole = digits_value(whole)?.checked_mul(u128::from(per))?;
    let mut rest = u128::from(per);
    let mut part: u128 = 0;
    let fraction = fraction.trim_end_matches(['0', '_']);
    let mut denominator: u128 = 1;
    for digit in fraction.bytes().filter(u8::is_ascii_digit) {
        part = part
            .checked_mul(10)?
            .checked_add(u128::from(digit - b'0'))?;
        denominator = denominator.checked_mul(10)?;
    }
    rest = rest.checked_mul(part)?;
    if rest % denominator != 0 {
        return None;
    }
    u64::try_from(whole.checked_add(rest / denominator)?).ok()
}

fn digits_value(digits: &str) -> Option<u128> {
    digits
        .bytes()
        .filter(u8::is_ascii_digit)
        .try_fold(0u128, |value, digit| {
            value.checked_mul(10)?.checked_add(u128::from(digit - b'0'))
        })
}

fn inexact(text: &str, unit: &str) -> Fault {
    Fault::new(format!("`{text}` is too large or not exact in `{unit}`"))
}

/// `1h30m`: parts of falling units, each once.
fn duration(text: &str) -> Result<Literal, Fault> {
    let mut rest = text;
    let mut total: u64 = 0;
    let mut last = u64::MAX;
    while !rest.is_empty() {
        let split = rest
            .find(|c: char| c.is_ascii_alphabetic())
            .unwrap_or(rest.len());
        let (digits, after) = rest.split_at_checked(split).unwrap_or((rest, ""));
        let split = after
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(split).unwrap_or((after, ""));
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
                    .help("write each unit once, from days down to milliseconds: `1d2h30m`"),
            );
        }
        last = millis;
        total = scale(digits, millis)
            .and_then(|part| total.checked_add(part))
            .ok_or_else(|| Fault::new(format!("`{text}` is too long a time")))?;
        rest = after;
    }
    Ok(Literal::Duration(Duration { millis: total }))
}

fn address(text: &str) -> Result<Literal, Fault> {
    let (host, prefix) = match text.split_once('/') {
        Some((host, prefix)) => (host, Some(prefix)),
        None => (text, None),
    };
    let address: Ipv4Addr = host
        .parse()
        .map_err(|_| Fault::new(format!("`{host}` is not an IPv4 address")))?;
    let Some(prefix) = prefix else {
        return Ok(Literal::Ip(address));
    };
    let length: Option<u8> = prefix.parse().ok().filter(|length| *length <= 32);
    let Some(length) = length else {
        return Err(Fault::new(format!("`/{prefix}` is no prefix length")));
    };
    Cidr::new(address, length)
        .map(Literal::Cidr)
        .ok_or_else(|| Fault::new(format!("`{text}` has host bits set")))
}

fn date(text: &str) -> Result<Literal, Fault> {
    let mut parts = text.split('-').map(str::parse::<u16>);
    let mut next = || parts.next().and_then(Result::ok).unwrap_or(0);
    let (year, month, day) = (next(), next(), next());
    let byte = |value: u16| u8::try_from(value).unwrap_or(0);
    Date::new(year, byte(month), byte(day))
        .map(Literal::Date)
        .ok_or_else(|| Fault::new(format!("there is no `{text}` in the calendar")))
}
