//! Quantities, as `10Gi`, `1.5` or `250m` (kubernetes/kubernetes
//! `staging/src/k8s.io/apimachinery/pkg/api/resource/quantity.go`).

use serde_json::Value;

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
}
