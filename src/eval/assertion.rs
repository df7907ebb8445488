//! Assertions: what a program demands of its own values.

use super::evaluator::{Evaluator, Scope};
use super::operators::Rounding;
use super::shown::shown;
use crate::diagnostics::{Diagnostic, catalogue};
use crate::syntax::ast;
use crate::types::Value;

impl<'a> Evaluator<'a> {
    /// `assert condition, "message"`
    pub(super) fn assertion(&mut self, assert: &'a ast::Assert, scope: &mut Scope<'a>) {
        let found = self.found.len();
        let condition = &assert.condition;
        let sides = match &condition.kind {
            ast::ExprKind::Binary(left, operator, right) if is_comparison(*operator) => {
                let left = self.expression(left, scope);
                let right = self.expression(right, scope);
                let (Some(left), Some(right)) = (left, right) else {
                    return;
                };
                let holds =
                    self.operation(*operator, &left, &right, condition.span, Rounding::Exact);
                match holds {
                    Some(Value::Bool(false)) => vec![left, right],
                    _ => return,
                }
            }
            _ => match self.condition(condition, scope) {
                Some(false) => Vec::new(),
                _ => return,
            },
        };
        let message = self
            .expression(&assert.message, scope)
            .and_then(|message| self.as_text(message));
        let Some(message) = message else {
            return;
        };
        let mut diagnostic = Diagnostic::new(
            &catalogue::ASSERTION_FAILED,
            message.to_string(),
            condition.span,
        )
        .labelled("does not hold");
        for (side, expr) in sides.into_iter().zip(operands(condition)) {
            if matches!(
                expr.kind,
                ast::ExprKind::Literal(_) | ast::ExprKind::Text(_)
            ) {
                continue;
            }
            let side = self.forced(side).map_or(Value::None, |side| side.value);
            let note = format!("`{}` is {}", self.source(expr.span), shown(&side));
            diagnostic = diagnostic.note(note);
        }
        self.found.truncate(found);
        self.report::<()>(diagnostic);
    }
}

fn is_comparison(operator: ast::BinaryOperator) -> bool {
    use ast::BinaryOperator as Is;
    matches!(
        operator,
        Is::Equal
            | Is::NotEqual
            | Is::Less
            | Is::LessOrEqual
            | Is::Greater
            | Is::GreaterOrEqual
            | Is::In
    )
}

fn operands(expr: &ast::Expr) -> Vec<&ast::Expr> {
    match &expr.kind {
        ast::ExprKind::Binary(left, _, right) => vec![left, right],
        _ => Vec::new(),
    }
}
