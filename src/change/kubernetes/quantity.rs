//! Quantities, as `10Gi`, `1.5` or `250m` (kubernetes/kubernetes
//! `staging/src/k8s.io/apimachinery/pkg/api/resource/quantity.go`).

use serde_json::Value;
use std::fmt;

/// An amount, and how it is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Quantity {
    /// In billionths.
    pub(super) amount: u128,
    /// Whether its suffix is a power of two.
    pub(super) is_binary: bool,
}

/// Billionths of one.
const ONE: u128 = 1_000_000_000;

/// The suffixes, each with its factor in billionths.
const UNITS: [(&str, u128); 15] = [
    ("Ki", ONE << 10),
    ("Mi", ONE << 20),
    ("Gi", ONE << 30),
    ("Ti", ONE << 40),
    ("Pi", ONE << 50),
    ("Ei", ONE << 60),
    ("n", 1),
    ("u", 1_000),
    ("m", 1_000_000),
    ("k", ONE * 1_000),
    ("M", ONE * 1_000_000),
    ("G", ONE * 1_000_000_000),
    ("T", ONE * 1_000_000_000_000),
    ("P", ONE * 1_000_000_000_000_000),
    ("E", ONE * 1_000_000_000_000_000_000),
];

/// A quantity as it is written: a text, or a number. Nothing where it is none, or is below zero.
pub(super) fn quantity(value: &Value) -> Option<Quantity> {
    match value {
        Value::String(text) => parse(text.trim()),
        Value::Number(number) => parse(&number.to_string()),
        _ => None,
    }
}

fn parse(text: &str) -> Option<Quantity> {
    let units = UNITS.iter();
    let found = units.filter_map(|(unit, factor)| Some((text.strip_suffix(unit)?, unit, *factor)));
    let (mut number, unit, mut factor) = found.into_iter().next().unwrap_or((text, &"", ONE));
    if let Some((before, power)) = number.split_once(['e', 'E']).filter(|_| unit.is_empty()) {
        number = before;
        factor = ONE.checked_mul(10_u128.checked_pow(power.parse().ok()?)?)?;
    }
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let places = u32::try_from(part.len()).ok()?;
    let digits: u128 = format!("{whole}{part}").parse().ok()?;
    // What is less than a billionth is rounded up.
    let amount = digits
        .checked_mul(factor)?
        .div_ceil(10_u128.checked_pow(places)?);
    Some(Quantity {
        amount,
        is_binary: unit.ends_with('i'),
    })
}

/// Why a text is none (`ParseQuantity`, `ErrFormatWrong`, `ErrSuffix`; `suffixer.interpret`).
pub(super) fn fault(text: &str) -> Option<&'static str> {
    let rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    let suffix = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let after = suffix.trim_start_matches(|c| "eEinumkKMGTP".contains(c));
    let after = after.strip_prefix(['+', '-']).unwrap_or(after);
    if suffix.len() == rest.len() || !after.chars().all(|c| c.is_ascii_digit()) {
        return Some(
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        );
    }
    let power = suffix.strip_prefix(['e', 'E']);
    let is_power = power.is_some_and(|it| it.parse::<i32>().is_ok());
    let is_unit = suffix.is_empty() || UNITS.iter().any(|(unit, _)| *unit == suffix);
    (!is_power && !is_unit).then_some("unable to parse quantity's suffix")
}

/// In the form that the API server writes (`CanonicalizeBytes`): the largest suffix of its kind that leaves no fraction.
impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Less than one of the smallest of the powers of two is written in those of ten.
        let is_binary = self.is_binary && self.amount >= ONE << 10;
        let plain = [("", ONE)];
        let units = UNITS.iter().chain(&plain);
        let kind = units.filter(|(unit, _)| unit.is_empty() || unit.ends_with('i') == is_binary);
        let whole = kind.filter(|(_, factor)| self.amount.is_multiple_of(*factor));
        match whole.max_by_key(|(_, factor)| *factor) {
            Some((unit, factor)) if self.amount > 0 => write!(f, "{}{unit}", self.amount / factor),
            _ => write!(f, "0"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_amount_is_the_same_in_every_form() {
        let amount = |value: Value| quantity(&value).map(|it| it.amount);
        for same in [
            [json!("1000m"), json!(1)],
            [json!("1"), json!(1)],
            [json!("0.1"), json!("100m")],
            [json!(0.5), json!("500m")],
            [json!("1Gi"), json!("1024Mi")],
            [json!("1.5Gi"), json!("1536Mi")],
            [json!("1Gi"), json!(1_073_741_824)],
            [json!("1e3"), json!("1k")],
        ] {
            let [one, other] = same;
            assert!(amount(one.clone()).is_some(), "{one}");
            assert_eq!(amount(one), amount(other));
        }
        assert!(amount(json!("1G")) < amount(json!("1Gi")));
        for none in [
            json!("much"),
            json!(""),
            json!("-1"),
            json!(true),
            json!("1e99"),
        ] {
            assert_eq!(quantity(&none), None, "{none}");
        }
        assert!(quantity(&json!("1Gi")).unwrap().is_binary);
    }

    #[test]
    fn an_amount_is_written_as_the_api_server_does() {
        for (given, written) in [
            ("1500m", "1500m"),
            ("1000m", "1"),
            ("0.5", "500m"),
            ("2048Mi", "2Gi"),
            ("1.5Gi", "1536Mi"),
            ("1000000", "1M"),
            ("0.5Ki", "512"),
            ("0", "0"),
        ] {
            assert_eq!(quantity(&json!(given)).unwrap().to_string(), written);
        }
    }

    #[test]
    fn what_is_no_amount_is_known() {
        for one in ["1", "-1", "1.5Gi", "100m", "1e3", "1E-3"] {
            assert!(fault(one).is_none(), "{one}");
        }
        for none in ["2 cores", "", "12mi", "512mb", "1g", "much", "1 Gi", "Gi"] {
            assert!(fault(none).is_some(), "{none}");
        }
    }
}
