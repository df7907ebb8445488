//! Operators over values: checked, with units. Nothing here reads a program or reports; a
//! [`Fault`] says why there is no result, and the caller knows where.

use crate::source::Spanned;
use crate::syntax::ast::BinaryOperator;
use crate::types::{Cpu, Duration, Memory, Percent, Text, Value};
use std::cmp::Ordering;

/// What a quotient that is not whole becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rounding {
    /// A fault.
    Exact,
    /// The whole number below: `floor()`.
    Down,
    /// The whole number above: `ceil()`.
    Up,
}

/// Why an operator gives no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The result is larger than the type holds.
    Overflow,
    /// The divisor is zero.
    DivisionByZero,
    /// A quantity would be less than zero.
    Negative,
    /// The quotient is not whole in the type's smallest unit.
    Inexact,
    /// The operator does not take values of these types.
    Mismatch,
}

/// The dimension of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dimension {
    None,
    Duration,
    Memory,
    Cpu,
    Percent,
}

/// A number in its smallest unit, or a fraction.
#[derive(Clone, Copy, Debug)]
enum Number {
    Whole(i128, Dimension),
    Float(f64),
}

/// `left operator right` for the arithmetic operators.
pub(super) fn arithmetic(
    operator: BinaryOperator,
    left: &Value,
    right: &Value,
    rounding: Rounding,
) -> Result<Value, Fault> {
    let (Some(left), Some(right)) = (number(left), number(right)) else {
        return Err(Fault::Mismatch);
    };
    match operator {
        BinaryOperator::Add => sum(left, right, 1),
        BinaryOperator::Subtract => sum(left, right, -1),
        BinaryOperator::Multiply => product(left, right),
        BinaryOperator::Divide => quotient(left, right, rounding),
        BinaryOperator::Of => share(left, right, rounding),
        _ => Err(Fault::Mismatch),
    }
}

/// `-value`
pub(super) fn negated(value: &Value) -> Result<Value, Fault> {
    match number(value) {
        Some(Number::Whole(amount, dimension)) => whole(amount.checked_neg(), dimension),
        Some(Number::Float(number)) => float(-number),
        None => Err(Fault::Mismatch),
    }
}

/// Rounds a fraction to a whole number; whole numbers and quantities are themselves.
pub(super) fn rounded(value: &Value, rounding: Rounding) -> Result<Value, Fault> {
    match (value, rounding) {
        (Value::Float(number), Rounding::Down) => whole(truncated(number.floor()), Dimension::None),
        (Value::Float(number), Rounding::Up) => whole(truncated(number.ceil()), Dimension::None),
        (value, _) if number(value).is_some() => Ok(value.clone()),
        _ => Err(Fault::Mismatch),
    }
}

/// `quantity.unit`: how many of a unit a quantity is; `None` where its type has no such unit.
pub(super) fn in_unit(
    value: &Value,
    unit: &str,
    rounding: Rounding,
) -> Option<Result<Value, Fault>> {
    let size: i128 = match (value, unit) {
        (Value::Duration(_), "ms")
        | (Value::Memory(_), "bytes" | "B")
        | (Value::Cpu(_), "mcpu") => 1,
        (Value::Duration(_), "s") | (Value::Memory(_), "KB") | (Value::Cpu(_), "cpu") => 1_000,
        (Value::Duration(_), "m") => 60_000,
        (Value::Duration(_), "h") => 3_600_000,
        (Value::Duration(_), "d") => 86_400_000,
        (Value::Memory(_), "KiB") => 1 << 10,
        (Value::Memory(_), "MiB") => 1 << 20,
        (Value::Memory(_), "GiB") => 1 << 30,
        (Value::Memory(_), "TiB") => 1 << 40,
        (Value::Memory(_), "MB") => 1_000_000,
        (Value::Memory(_), "GB") => 1_000_000_000,
        (Value::Memory(_), "TB") => 1_000_000_000_000,
        _ => return None,
    };
    let Some(Number::Whole(amount, _)) = number(value) else {
        return None;
    };
    Some(divided(amount, size, rounding).and_then(|amount| whole(Some(amount), Dimension::None)))
}

/// The order of two values of one ordered type.
pub(super) fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Date(left), Value::Date(right)) => Some(left.cmp(right)),
        (Value::Ip(left), Value::Ip(right)) => Some(left.cmp(right)),
        (Value::Text(Text::Known(left)), Value::Text(Text::Known(right))) => Some(left.cmp(right)),
        _ => match (number(left)?, number(right)?) {
            (Number::Whole(left, a), Number::Whole(right, b)) if a == b => Some(left.cmp(&right)),
            (Number::Float(left), Number::Float(right)) => left.partial_cmp(&right),
            _ => None,
        },
    }
}

/// Whether two values are the same, wherever they were written.
pub(super) fn equal(left: &Value, right: &Value) -> bool {
    let same = |left: &Spanned<Value>, right: &Spanned<Value>| equal(&left.value, &right.value);
    match (left, right) {
        (Value::List(left), Value::List(right)) => {
            left.len() == right.len() && left.iter().zip(right.iter()).all(|(a, b)| same(a, b))
        }
        (Value::Record(left), Value::Record(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right.iter())
                    .all(|((a_key, a), (b_key, b))| {
                        if a_key == b_key {
                            return same(a, b);
                        }
                        // In another order.
                        right
                            .iter()
                            .any(|(key, value)| key == a_key && same(a, value))
                    })
        }
        (Value::Range(left), Value::Range(right)) => {
            equal(&left.0, &right.0) && equal(&left.1, &right.1)
        }
        (left, right) => left == right,
    }
}

fn number(value: &Value) -> Option<Number> {
    Some(match value {
        Value::Int(number) => Number::Whole(i128::from(*number), Dimension::None),
        Value::Float(number) => Number::Float(*number),
        Value::Duration(it) => Number::Whole(i128::from(it.millis), Dimension::Duration),
        Value::Memory(it) => Number::Whole(i128::from(it.bytes), Dimension::Memory),
        Value::Cpu(it) => Number::Whole(i128::from(it.millis), Dimension::Cpu),
        Value::Percent(it) => Number::Whole(i128::from(it.thousandths), Dimension::Percent),
        _ => return None,
    })
}

/// A value of a dimension. Quantities stay below 2^63, so that every target's own types hold them.
fn whole(amount: Option<i128>, dimension: Dimension) -> Result<Value, Fault> {
    let amount = amount.ok_or(Fault::Overflow)?;
    let amount = i64::try_from(amount).map_err(|_| {
        if amount < 0 && dimension != Dimension::None {
            Fault::Negative
        } else {
            Fault::Overflow
        }
    })?;
    if dimension == Dimension::None {
        return Ok(Value::Int(amount));
    }
    let amount = u64::try_from(amount).map_err(|_| Fault::Negative)?;
    Ok(match dimension {
        Dimension::Duration => Value::Duration(Duration::from_millis(amount)),
        Dimension::Memory => Value::Memory(Memory { bytes: amount }),
        Dimension::Cpu => Value::Cpu(Cpu { millis: amount }),
        Dimension::None | Dimension::Percent => Value::Percent(Percent {
            thousandths: amount,
        }),
    })
}

fn float(number: f64) -> Result<Value, Fault> {
    if number.is_finite() {
        Ok(Value::Float(number))
    } else {
        Err(Fault::Overflow)
    }
}

fn sum(left: Number, right: Number, sign: i8) -> Result<Value, Fault> {
    match (left, right) {
        (Number::Whole(left, a), Number::Whole(right, b)) if a == b => {
            whole(left.checked_add(right * i128::from(sign)), a)
        }
        (Number::Float(left), Number::Float(right)) => float(left + right * f64::from(sign)),
        _ => Err(Fault::Mismatch),
    }
}

fn product(left: Number, right: Number) -> Result<Value, Fault> {
    match (left, right) {
        (Number::Whole(left, dimension), Number::Whole(right, Dimension::None))
        | (Number::Whole(left, Dimension::None), Number::Whole(right, dimension)) => {
            whole(left.checked_mul(right), dimension)
        }
        (Number::Whole(amount, dimension), Number::Float(factor))
        | (Number::Float(factor), Number::Whole(amount, dimension))
            if dimension != Dimension::None =>
        {
            whole(truncated((fraction(amount) * factor).round()), dimension)
        }
        (Number::Float(left), Number::Float(right)) => float(left * right),
        _ => Err(Fault::Mismatch),
    }
}

fn quotient(left: Number, right: Number, rounding: Rounding) -> Result<Value, Fault> {
    match (left, right) {
        (Number::Whole(left, dimension), Number::Whole(right, Dimension::None)) => {
            whole(Some(divided(left, right, rounding)?), dimension)
        }
        (Number::Whole(left, a), Number::Whole(right, b)) if a == b => {
            whole(Some(divided(left, right, rounding)?), Dimension::None)
        }
        (_, Number::Float(0.0)) => Err(Fault::DivisionByZero),
        (Number::Whole(amount, dimension), Number::Float(divisor))
            if dimension != Dimension::None =>
        {
            whole(truncated((fraction(amount) / divisor).round()), dimension)
        }
        (Number::Float(left), Number::Float(right)) => float(left / right),
        _ => Err(Fault::Mismatch),
    }
}

/// `25% of 4`
fn share(left: Number, right: Number, rounding: Rounding) -> Result<Value, Fault> {
    let Number::Whole(thousandths, Dimension::Percent) = left else {
        return Err(Fault::Mismatch);
    };
    match right {
        Number::Whole(amount, dimension) => {
            let product = amount.checked_mul(thousandths).ok_or(Fault::Overflow)?;
            whole(Some(divided(product, 100_000, rounding)?), dimension)
        }
        Number::Float(amount) => float(fraction(thousandths) / 100_000.0 * amount),
    }
}

fn divided(left: i128, right: i128, rounding: Rounding) -> Result<i128, Fault> {
    let (Some(quotient), Some(rest)) = (
        left.checked_div_euclid(right),
        left.checked_rem_euclid(right),
    ) else {
        return Err(if right == 0 {
            Fault::DivisionByZero
        } else {
            Fault::Overflow
        });
    };
    // Euclid's quotient is the one below for a positive divisor and the one above otherwise.
    match (rest, rounding) {
        (0, _) => Ok(quotient),
        (_, Rounding::Exact) => Err(Fault::Inexact),
        (_, Rounding::Down) => Ok(if right > 0 { quotient } else { quotient - 1 }),
        (_, Rounding::Up) => Ok(if right > 0 { quotient + 1 } else { quotient }),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a product with a fraction is rounded all the same"
)]
fn fraction(amount: i128) -> f64 {
    amount as f64
}

/// The whole part, where it fits.
#[expect(
    clippy::cast_possible_truncation,
    reason = "bounded on the line above, and whole"
)]
fn truncated(number: f64) -> Option<i128> {
    (number.abs() < 1e30).then_some(number as i128)
}
