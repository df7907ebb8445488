//! What a condition says about `none`: inside `if x != none { … }`, `x` is there.

use super::Checker;
use crate::source::Str;
use crate::syntax::ast::{BinaryOperator, Expr, ExprKind, Literal, UnaryOperator};
use crate::types::Ty;

impl Checker<'_> {
    /// Takes a condition to hold, or not to hold, from here on.
    pub(super) fn assume(&mut self, condition: &Expr, holds: bool) {
        let mut condition = condition;
        // A long chain is deep on its left.
        while let ExprKind::Binary(left, operator, right) = &condition.kind
            && matches!(
                (operator, holds),
                (BinaryOperator::And, true) | (BinaryOperator::Or, false)
            )
        {
            self.assume(right, holds);
            condition = left;
        }
        match &condition.kind {
            ExprKind::Unary(UnaryOperator::Not, inner) => self.assume(inner, !holds),
            ExprKind::Binary(left, operator, right) => match (operator, holds) {
                (BinaryOperator::NotEqual, true) | (BinaryOperator::Equal, false) => {
                    if is_none(right) {
                        self.present.extend(path(left));
                    } else if is_none(left) {
                        self.present.extend(path(right));
                    }
                }
                _ => {}
            },
            _ => {}
        }
    }

    /// The type of a path, without its `?` where it is known to be there.
    pub(super) fn narrowed(&self, expr: &Expr, ty: Ty) -> Ty {
        match ty {
            Ty::Optional(inner) if path(expr).is_some_and(|path| self.present.contains(&path)) => {
                (*inner).clone()
            }
            ty => ty,
        }
    }
}

fn is_none(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Literal(Literal::None))
}

/// `a.b.c` as its words.
fn path(expr: &Expr) -> Option<Vec<Str>> {
    let mut words = Vec::new();
    let mut at = expr;
    loop {
        match &at.kind {
            ExprKind::Name(name) => {
                words.push(name.clone());
                words.reverse();
                return Some(words);
            }
            ExprKind::Field(object, field) => {
                words.push(field.text.clone());
                at = object;
            }
            _ => return None,
        }
    }
}
