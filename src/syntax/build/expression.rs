//! Expressions: a row of operands and operators becomes a tree.

use super::item::take;
use super::{Builder, Rule};
use crate::diagnostics::Diagnostic;
use crate::diagnostics::catalogue::SYNTAX_ERROR;
use crate::source::Span;
use crate::syntax::ast::{
    Argument, Attribute, BinaryOperator, Comprehension, Expr, ExprKind, Literal, Name,
    UnaryOperator,
};
use pest::iterators::{Pair, Pairs};
use std::iter::Peekable;

/// How tightly an operator binds; the table is in the grammar, at `operator`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Binding {
    Or,
    And,
    Compare,
    Range,
    Add,
    Multiply,
}

#[derive(Clone, Copy)]
enum Operator {
    Binary(BinaryOperator),
    Range,
}

type Row<'i> = Peekable<Pairs<'i, Rule>>;

impl<'i> Builder<'i> {
    /// A whole expression.
    pub(super) fn operators(&mut self, pair: Pair<'i, Rule>) -> Option<Expr> {
        let mut row = pair.into_inner().peekable();
        let left = self.operand(&mut row)?;
        if row.peek().is_none() {
            return Some(left);
        }
        self.climb(left, &mut row, Binding::Or)
    }

    /// Precedence climbing: takes every operator that binds at least as tightly as `floor`.
    fn climb(&mut self, mut left: Expr, row: &mut Row<'i>, floor: Binding) -> Option<Expr> {
        let mut before: Option<(Binding, Span)> = None;
        while let Some(next) = row.peek() {
            let text = next.as_str().trim_end();
            let start = next.as_span().start();
            let at = self.place(start, start + text.len());
            let (operator, binding) = operator(text)?;
            if binding < floor {
                break;
            }
            row.next();
            if let Some((last, first_at)) = before
                && last == binding
                && matches!(binding, Binding::Compare | Binding::Range)
            {
                self.diagnostics.push(chained(binding, first_at, at));
            }
            before = Some((binding, at));
            let mut right = self.operand(row)?;
            while let Some(next) = row.peek() {
                let (_, tighter) = self::operator(next.as_str().trim_end())?;
                if tighter <= binding {
                    break;
                }
                right = self.climb(right, row, tighter)?;
            }
            let span = left.span.to(right.span);
            let (left_box, right_box) = (Box::new(left), Box::new(right));
            let kind = match operator {
                Operator::Binary(operator) => ExprKind::Binary(left_box, operator, right_box),
                Operator::Range => ExprKind::Range(left_box, right_box),
            };
            left = self.expression(span, kind);
        }
        Some(left)
    }

    fn operand(&mut self, row: &mut Row<'i>) -> Option<Expr> {
        let sign = take(row, Rule::sign);
        let primary = row.next()?;
        let mut value = self.primary(primary)?;
        if row
            .peek()
            .is_some_and(|next| next.as_rule() != Rule::operator)
        {
            value = self.postfixes(value, row)?;
        }
        let Some(sign) = sign else {
            return Some(value);
        };
        let operator = if sign.as_str() == "-" {
            UnaryOperator::Negate
        } else {
            UnaryOperator::Not
        };
        let span = self.span(&sign).to(value.span);
        Some(self.expression(span, ExprKind::Unary(operator, Box::new(value))))
    }

    /// `.b`, `[0]` and `(x)` after an operand, up to the next operator.
    pub(super) fn postfixes(
        &mut self,
        mut base: Expr,
        row: &mut Peekable<impl Iterator<Item = Pair<'i, Rule>>>,
    ) -> Option<Expr> {
        while let Some(pair) = row.next_if(|pair| pair.as_rule() != Rule::operator) {
            let span = base.span.to(self.span(&pair));
            let base_box = Box::new(base);
            let kind = match pair.as_rule() {
                Rule::field => ExprKind::Field(base_box, self.name(&pair.into_inner().next()?)),
                Rule::index => {
                    let index = self.operators(pair.into_inner().next()?)?;
                    ExprKind::Index(base_box, Box::new(index))
                }
                Rule::call => ExprKind::Call(base_box, self.arguments(pair)?),
                _ => return None,
            };
            base = self.expression(span, kind);
        }
        Some(base)
    }

    pub(super) fn arguments(&mut self, pair: Pair<'i, Rule>) -> Option<Vec<Argument>> {
        pair.into_inner()
            .map(|argument| {
                let mut inner = argument.into_inner().peekable();
                let name = take(&mut inner, Rule::name).map(|name| self.name(&name));
                let value = self.operators(inner.next()?)?;
                Some(Argument { name, value })
            })
            .collect()
    }

    fn primary(&mut self, pair: Pair<'i, Rule>) -> Option<Expr> {
        let span = self.span(&pair);
        let kind = match pair.as_rule() {
            Rule::plain | Rule::text | Rule::block_text | Rule::raw => {
                return Some(self.string(pair));
            }
            Rule::amount | Rule::address | Rule::date | Rule::malformed => self.number(&pair, span),
            Rule::reference => match pair.as_str() {
                "true" => ExprKind::Literal(Literal::Bool(true)),
                "false" => ExprKind::Literal(Literal::Bool(false)),
                "none" => ExprKind::Literal(Literal::None),
                _ => ExprKind::Name(self.name(&pair).text),
            },
            Rule::list => self.list(pair)?,
            Rule::record => ExprKind::Record(self.record(pair)?),
            Rule::group => {
                let mut inside = self.operators(pair.into_inner().next()?)?;
                inside.span = span;
                return Some(inside);
            }
            Rule::conditional => self.conditional(pair)?,
            _ => return None,
        };
        Some(self.expression(span, kind))
    }

    fn list(&mut self, pair: Pair<'i, Rule>) -> Option<ExprKind> {
        let mut inner = pair.into_inner().peekable();
        if let Some(pair) = take(&mut inner, Rule::comprehension) {
            return self.comprehension(pair);
        }
        let items = inner
            .map(|item| self.operators(item))
            .collect::<Option<_>>()?;
        Some(ExprKind::List(items))
    }

    fn comprehension(&mut self, pair: Pair<'i, Rule>) -> Option<ExprKind> {
        let mut inner = pair.into_inner().peekable();
        let (first, second, over) = self.variables(inner.next()?)?;
        let condition = match take(&mut inner, Rule::condition) {
            Some(condition) => Some(self.operators(condition.into_inner().next()?)?),
            None => None,
        };
        let value = self.branch(inner.next()?)?;
        Some(ExprKind::Comprehension(Box::new(Comprehension {
            first,
            second,
            over,
            condition,
            value,
        })))
    }

    fn record(&mut self, pair: Pair<'i, Rule>) -> Option<Vec<Attribute>> {
        let inner = pair.into_inner();
        let mut entries = Vec::with_capacity(inner.len());
        for pair in inner {
            if pair.as_rule() == Rule::attribute {
                entries.push(self.attribute(pair)?);
            } else {
                self.unread(&pair, Rule::lone_attribute);
            }
        }
        Some(entries)
    }

    /// `x in xs`, `i, x in xs`
    pub(super) fn variables(&mut self, pair: Pair<'i, Rule>) -> Option<(Name, Option<Name>, Expr)> {
        let mut inner = pair.into_inner().peekable();
        let first = self.name(&inner.next()?);
        let second = take(&mut inner, Rule::name).map(|name| self.name(&name));
        take(&mut inner, Rule::in_word)?;
        Some((first, second, self.operators(inner.next()?)?))
    }

    fn conditional(&mut self, pair: Pair<'i, Rule>) -> Option<ExprKind> {
        let mut parts = pair
            .into_inner()
            .filter(|pair| pair.as_rule() != Rule::else_word);
        let mut branches = Vec::new();
        loop {
            let part = parts.next()?;
            if part.as_rule() == Rule::branch {
                return Some(ExprKind::If(branches, Box::new(self.branch(part)?)));
            }
            let condition = self.operators(part)?;
            branches.push((condition, self.branch(parts.next()?)?));
        }
    }

    /// `{ e }`
    fn branch(&mut self, pair: Pair<'i, Rule>) -> Option<Expr> {
        self.operators(pair.into_inner().next()?)
    }
}

fn operator(text: &str) -> Option<(Operator, Binding)> {
    use BinaryOperator as B;
    let (operator, binding) = match text {
        "||" => (B::Or, Binding::Or),
        "&&" => (B::And, Binding::And),
        "==" => (B::Equal, Binding::Compare),
        "!=" => (B::NotEqual, Binding::Compare),
        "<" => (B::Less, Binding::Compare),
        "<=" => (B::LessOrEqual, Binding::Compare),
        ">" => (B::Greater, Binding::Compare),
        ">=" => (B::GreaterOrEqual, Binding::Compare),
        "in" => (B::In, Binding::Compare),
        ".." => return Some((Operator::Range, Binding::Range)),
        "+" => (B::Add, Binding::Add),
        "-" => (B::Subtract, Binding::Add),
        "*" => (B::Multiply, Binding::Multiply),
        "/" => (B::Divide, Binding::Multiply),
        "of" => (B::Of, Binding::Multiply),
        _ => return None,
    };
    Some((Operator::Binary(operator), binding))
}

fn chained(binding: Binding, first: Span, second: Span) -> Diagnostic {
    let (message, help) = if binding == Binding::Range {
        ("a range has two ends", "write `first..last`")
    } else {
        (
            "comparisons do not chain",
            "write `a < b && b < c`, or put parentheses around one of them",
        )
    };
    Diagnostic::new(&SYNTAX_ERROR, message, second)
        .and(first, "the first is here")
        .help(help)
}
