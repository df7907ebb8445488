//! Operators in expressions: their operands, and what is said where they give no value.

use super::evaluator::{Evaluator, Scope};
use super::expression::wrong_type;
use super::operators::{self, Fault, Rounding};
use super::shown::{kind_of, shown};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::source::{Span, Spanned};
use crate::syntax::ast::{BinaryOperator, Expr, ExprKind, UnaryOperator};
use crate::types::{Text, Value};

impl<'a> Evaluator<'a> {
    pub(super) fn unary(
        &mut self,
        operator: UnaryOperator,
        operand: &'a Expr,
        expr: &'a Expr,
        scope: &mut Scope<'a>,
    ) -> Option<Value> {
        match operator {
            UnaryOperator::Not => self
                .condition(operand, scope)
                .map(|truth| Value::Bool(!truth)),
            UnaryOperator::Negate => {
                let value = self.expression(operand, scope)?;
                let value = self.forced(value)?;
                match operators::negated(&value.value) {
                    Ok(negated) => Some(negated),
                    Err(why) => self.report(fault(why, "-", &value, &value, expr.span)),
                }
            }
        }
    }

    /// A chain of operators, `a + b + c`, from its first operand on: a long chain is a deep tree.
    pub(super) fn binary(&mut self, expr: &'a Expr, scope: &mut Scope<'a>) -> Option<Value> {
        let mut chain = Vec::new();
        let mut first = expr;
        while let ExprKind::Binary(left, operator, right) = &first.kind {
            self.spend(1, first.span)?;
            chain.push((*operator, &**right, first.span));
            first = left;
        }
        let mut value = self.expression(first, scope);
        for (operator, right, span) in chain.into_iter().rev() {
            value = self
                .step(operator, value, right, span, scope)
                .map(|value| Spanned::new(value, span));
            if self.stopped() {
                return None;
            }
        }
        value.map(|value| value.value)
    }

    /// One operator of a chain.
    fn step(
        &mut self,
        operator: BinaryOperator,
        left: Option<Spanned<Value>>,
        right: &'a Expr,
        at: Span,
        scope: &mut Scope<'a>,
    ) -> Option<Value> {
        if let BinaryOperator::And | BinaryOperator::Or = operator {
            let left = self.forced(left?)?;
            let Value::Bool(truth) = left.value else {
                return self.report(wrong_type(&left, "bool"));
            };
            if truth == (operator == BinaryOperator::Or) {
                return Some(Value::Bool(truth));
            }
            return self.condition(right, scope).map(Value::Bool);
        }
        let right = self.expression(right, scope)?;
        self.operation(operator, &left?, &right, at, Rounding::Exact)
    }

    /// `left operator right` of two values.
    pub(super) fn operation(
        &mut self,
        operator: BinaryOperator,
        left: &Spanned<Value>,
        right: &Spanned<Value>,
        at: Span,
        rounding: Rounding,
    ) -> Option<Value> {
        if let (BinaryOperator::Add, Value::Text(a), Value::Text(b)) =
            (operator, &left.value, &right.value)
        {
            return self.joined(a, b, at);
        }
        let (left, right) = (self.forced(left.clone())?, self.forced(right.clone())?);
        match operator {
            BinaryOperator::Equal | BinaryOperator::NotEqual => {
                let (left, right) = if self.is_examining() {
                    self.comparable(left, right, at)?
                } else {
                    (self.settled(left)?, self.settled(right)?)
                };
                self.measure(&left.value, at)?;
                let same = operators::equal(&left.value, &right.value);
                Some(Value::Bool(same == (operator == BinaryOperator::Equal)))
            }
            BinaryOperator::Less
            | BinaryOperator::LessOrEqual
            | BinaryOperator::Greater
            | BinaryOperator::GreaterOrEqual => {
                let (left, right) = (self.settled(left)?, self.settled(right)?);
                let Some(order) = operators::compare(&left.value, &right.value) else {
                    let why = fault(Fault::Mismatch, word(operator), &left, &right, at);
                    return self.report(why);
                };
                Some(Value::Bool(match operator {
                    BinaryOperator::Less => order.is_lt(),
                    BinaryOperator::LessOrEqual => order.is_le(),
                    BinaryOperator::Greater => order.is_gt(),
                    _ => order.is_ge(),
                }))
            }
            BinaryOperator::In => self.contains(&left, &right, at).map(Value::Bool),
            _ => match operators::arithmetic(operator, &left.value, &right.value, rounding) {
                Ok(value) => Some(value),
                Err(Fault::Mismatch) => {
                    let (left, right) = (self.settled(left)?, self.settled(right)?);
                    self.report(fault(Fault::Mismatch, word(operator), &left, &right, at))
                }
                Err(why) => self.report(fault(why, word(operator), &left, &right, at)),
            },
        }
    }

    /// `item in whole`
    fn contains(
        &mut self,
        item: &Spanned<Value>,
        whole: &Spanned<Value>,
        at: Span,
    ) -> Option<bool> {
        let item = self.settled(item.clone())?;
        match (&item.value, &whole.value) {
            (item, Value::List(items)) => {
                self.spend_items(items.len(), at)?;
                Some(items.iter().any(|each| operators::equal(item, &each.value)))
            }
            (Value::Text(Text::Known(key)), Value::Record(fields)) => {
                self.spend_items(fields.len(), at)?;
                Some(fields.iter().any(|(known, _)| known == key))
            }
            (Value::Text(Text::Known(part)), Value::Text(Text::Known(text))) => {
                Some(text.contains(&**part))
            }
            (item, Value::Range(ends)) => {
                let above = operators::compare(&ends.0, item)?;
                let below = operators::compare(item, &ends.1)?;
                Some(above.is_le() && below.is_le())
            }
            _ => self.report(fault(Fault::Mismatch, "in", &item, whole, at)),
        }
    }
}

/// The operator as it is written.
fn word(operator: BinaryOperator) -> &'static str {
    match operator {
        BinaryOperator::Or => "||",
        BinaryOperator::And => "&&",
        BinaryOperator::Equal => "==",
        BinaryOperator::NotEqual => "!=",
        BinaryOperator::Less => "<",
        BinaryOperator::LessOrEqual => "<=",
        BinaryOperator::Greater => ">",
        BinaryOperator::GreaterOrEqual => ">=",
        BinaryOperator::In => "in",
        BinaryOperator::Add => "+",
        BinaryOperator::Subtract => "-",
        BinaryOperator::Multiply => "*",
        BinaryOperator::Divide => "/",
        BinaryOperator::Of => "of",
    }
}

/// An operator gives no value.
pub(super) fn fault(
    why: Fault,
    operator: &str,
    left: &Spanned<Value>,
    right: &Spanned<Value>,
    at: Span,
) -> Diagnostic {
    let (a, b) = (shown(&left.value), shown(&right.value));
    // `-a` is given as both of its sides.
    let said = if left.span == right.span {
        format!("`{operator}` of {a}")
    } else {
        format!("{a} {operator} {b}")
    };
    let kind = kind_of(&left.value);
    let diagnostic = match why {
        Fault::Overflow => {
            Diagnostic::new(&catalogue::ARITHMETIC, format!("{said} is too large"), at)
        }
        Fault::DivisionByZero => Diagnostic::new(
            &catalogue::ARITHMETIC,
            format!("{said} divides by zero"),
            at,
        ),
        Fault::Negative => Diagnostic::new(
            &catalogue::ARITHMETIC,
            format!("{said} is less than zero, which no {kind} is"),
            at,
        ),
        Fault::Inexact => Diagnostic::new(
            &catalogue::INEXACT,
            format!("{said} is not a whole number of the smallest unit"),
            at,
        )
        .help("say which way to round: `floor(…)` or `ceil(…)` around it"),
        Fault::Mismatch => Diagnostic::new(
            &catalogue::WRONG_OPERANDS,
            format!(
                "`{operator}` does not take {kind} and {}",
                kind_of(&right.value)
            ),
            at,
        ),
    };
    // What stands in the expression itself needs no second mark.
    let inside = |span: Span| span.file == at.file && at.start <= span.start && span.end <= at.end;
    [(left, a), (right, b)]
        .into_iter()
        .filter(|(side, _)| !inside(side.span))
        .fold(diagnostic, |diagnostic, (side, text)| {
            diagnostic.and(side.span, format!("this is {text}"))
        })
}
