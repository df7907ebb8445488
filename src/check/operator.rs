//! Operators: numbers keep their dimension, and only like is compared with like.

use super::fit::{Fit, bounded, fit, join, noun, unrefined, words_of};
use super::{Asked, Checker, Role, mismatch};
use crate::diagnostics::Diagnostic;
use crate::diagnostics::catalogue::WRONG_OPERANDS;
use crate::resolve::Binding;
use crate::source::Span;
use crate::syntax::ast::{BinaryOperator, Expr, ExprKind, Literal, UnaryOperator};
use crate::types::Ty;
use std::sync::Arc;

/// One operator of a chain with what stands right of it.
#[derive(Clone, Copy)]
pub(super) struct Link<'e> {
    pub(super) operator: BinaryOperator,
    pub(super) left: &'e Expr,
    pub(super) right: &'e Expr,
}

/// `a + b + c` as its first operand and its operators, the last one first: a long chain is a deep
/// tree, and is walked without recursion.
pub(super) fn chain(expr: &Expr) -> (&Expr, Vec<Link<'_>>) {
    let mut links = Vec::new();
    let mut first = expr;
    while let ExprKind::Binary(left, operator, right) = &first.kind {
        links.push(Link {
            operator: *operator,
            left,
            right,
        });
        first = left;
    }
    (first, links)
}

impl Checker<'_> {
    /// The type of operators in a row.
    pub(super) fn infer_binary(&mut self, expr: &Expr) -> Ty {
        let (first, links) = chain(expr);
        let depth = self.present.len();
        // The first operand's type may come from the second: `should == form`.
        let mut ty = None;
        for link in links.iter().rev() {
            let left = (link.left.id == first.id).then_some(first);
            ty = Some(self.link(*link, left, ty));
        }
        self.present.truncate(depth);
        ty.unwrap_or(Ty::Any)
    }

    /// One operator; `left` is its left operand where that was not looked at yet.
    fn link(&mut self, link: Link<'_>, left: Option<&Expr>, before: Option<Ty>) -> Ty {
        use BinaryOperator as B;
        match link.operator {
            B::And | B::Or => {
                let asked = Asked::by(Role::Rule("a condition"));
                match (left, before) {
                    (Some(left), _) => self.condition(left),
                    (None, Some(ty)) => self.require(link.left, &ty, &Ty::Bool, asked),
                    (None, None) => {}
                }
                // What stands left of an operator of the same kind was assumed with it.
                let known = match &link.left.kind {
                    ExprKind::Binary(_, operator, right) if *operator == link.operator => right,
                    _ => link.left,
                };
                self.assume(known, link.operator == B::And);
                self.condition(link.right);
                Ty::Bool
            }
            B::Equal | B::NotEqual => {
                self.compare(link, left, before, |_| true);
                Ty::Bool
            }
            B::Less | B::LessOrEqual | B::Greater | B::GreaterOrEqual => {
                self.compare(link, left, before, is_ordered);
                Ty::Bool
            }
            B::In => {
                self.membership(link, left, before);
                Ty::Bool
            }
            B::Add | B::Subtract | B::Multiply | B::Divide | B::Of => {
                let left_ty = self.operand(left, before);
                let right_ty = self.infer(link.right);
                self.arithmetic(link, &left_ty, &right_ty)
            }
        }
    }

    /// The type of a left operand: of the first by looking at it, of the others as it was found.
    fn operand(&mut self, left: Option<&Expr>, before: Option<Ty>) -> Ty {
        match left {
            Some(left) => self.infer(left),
            None => before.unwrap_or(Ty::Any),
        }
    }

    /// `==`, `<` and their like: both sides of one type.
    fn compare(
        &mut self,
        link: Link<'_>,
        left: Option<&Expr>,
        before: Option<Ty>,
        allowed: fn(&Ty) -> bool,
    ) {
        // A word or a literal is read as the other side's type.
        let (lead, follow) = match left {
            Some(left) if self.is_open(left) && !self.is_open(link.right) => (link.right, left),
            _ => (link.left, link.right),
        };
        let ty = if lead.id == link.left.id {
            self.operand(left, before)
        } else {
            self.infer(lead)
        };
        if self.too_late(lead, &ty) {
            return;
        }
        let allowed = |ty: &Ty| match ty {
            Ty::Either(types) if self.test.is_some() => types.iter().any(allowed),
            ty => allowed(ty),
        };
        if !allowed(&ty) {
            return self.report(not_ordered(lead.span, &ty));
        }
        let wanted = unrefined(&ty);
        if self.is_open(follow) {
            if matches!(follow.kind, ExprKind::Literal(Literal::None)) || wanted == Ty::None {
                return;
            }
            let asked = Asked::by(Role::Like(lead.span));
            return self.expect(follow, &wanted, asked);
        }
        let other = self.infer(follow);
        if self.too_late(follow, &other) {
            return;
        }
        let other = unrefined(&other);
        let words_meet = match (words_of(&wanted), words_of(&other)) {
            (Some(a), Some(b)) => a.iter().any(|word| b.contains(word)),
            _ => false,
        };
        if !words_meet && join(wanted.clone(), &other).is_none() {
            self.report(unlike(lead.span, &wanted, follow.span, &other));
        }
    }

    /// Whether an expression takes its type from its place: a literal or a word of no meaning.
    fn is_open(&self, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Literal(Literal::None | Literal::Int(_)) => true,
            ExprKind::Text(_) => expr.as_text().is_some(),
            ExprKind::Name(_) => self.program.binding(self.file, expr.id) == Binding::Unbound,
            ExprKind::List(items) => items.iter().all(|item| self.is_open(item)),
            _ => false,
        }
    }

    /// `x in list`
    fn membership(&mut self, link: Link<'_>, left: Option<&Expr>, before: Option<Ty>) {
        let asked_like = |span| Asked::by(Role::Like(span));
        let left_open = left.is_some_and(|left| self.is_open(left));
        if !left_open {
            let item = self.operand(left, before);
            if self.too_late(link.left, &item) {
                return;
            }
            if let ExprKind::List(items) = &link.right.kind {
                let wanted = unrefined(&item);
                for each in items {
                    self.expect(each, &wanted, asked_like(link.left.span));
                }
                return;
            }
            let whole = self.infer(link.right);
            match contained(&whole) {
                Some(inner) if join(unrefined(&item), &unrefined(&inner)).is_none() => {
                    self.report(unlike(link.right.span, &whole, link.left.span, &item));
                }
                Some(_) => {}
                None => self.report(no_members(link.right.span, &whole)),
            }
            return;
        }
        let whole = self.infer(link.right);
        match (contained(&whole), left) {
            (Some(inner), Some(left)) => {
                self.expect(left, &unrefined(&inner), asked_like(link.right.span));
            }
            (None, _) => self.report(no_members(link.right.span, &whole)),
            (Some(_), None) => {}
        }
    }

    fn arithmetic(&mut self, link: Link<'_>, left: &Ty, right: &Ty) -> Ty {
        if self.too_late(link.left, left) || self.too_late(link.right, right) {
            return Ty::Any;
        }
        for (expr, ty) in [(link.left, left), (link.right, right)] {
            if matches!(ty, Ty::Optional(_)) {
                self.report(mismatch::perhaps_none(
                    expr.span,
                    self.source(expr.span),
                    None,
                ));
                return Ty::Any;
            }
        }
        let whole = |expr: &Expr| matches!(expr.kind, ExprKind::Literal(Literal::Int(_)));
        let ty = result(
            link.operator,
            left,
            right,
            whole(link.left),
            whole(link.right),
        );
        ty.unwrap_or_else(|| {
            self.report(wrong_operands(link, left, right));
            Ty::Any
        })
    }

    /// Reports a value that is known only later where it is computed with.
    pub(super) fn too_late(&mut self, expr: &Expr, ty: &Ty) -> bool {
        let late = matches!(ty, Ty::Deploy(_));
        if late {
            self.report_late(expr, "to compute with it", None);
        }
        late
    }

    pub(super) fn infer_unary(&mut self, operator: UnaryOperator, operand: &Expr) -> Ty {
        if operator == UnaryOperator::Not {
            self.condition(operand);
            return Ty::Bool;
        }
        let ty = self.infer(operand);
        if self.too_late(operand, &ty) {
            return Ty::Any;
        }
        match ty {
            Ty::Any | Ty::Float => ty,
            Ty::Int(_) => Ty::INT,
            other => {
                self.report(
                    Diagnostic::new(
                        &WRONG_OPERANDS,
                        format!("there is no negative {}", noun(&other)),
                        operand.span,
                    )
                    .labelled(format!("this is {}", mismatch::with_article(&other)))
                    .help("only int and float go below zero"),
                );
                Ty::Any
            }
        }
    }

    pub(super) fn infer_range(&mut self, expr: &Expr, from: &Expr, to: &Expr) -> Ty {
        let left = self.infer(from);
        let right = self.infer(to);
        if self.too_late(from, &left) || self.too_late(to, &right) {
            return Ty::Any;
        }
        match join(unrefined(&left), &unrefined(&right)) {
            Some(ty) if is_ordered(&ty) => bounded(Ty::Range(Arc::new(ty))),
            Some(ty) => {
                self.report(not_ordered(expr.span, &ty));
                Ty::Any
            }
            None => {
                self.report(unlike(from.span, &left, to.span, &right));
                Ty::Any
            }
        }
    }
}

/// What `in` looks for in a value of this type.
fn contained(ty: &Ty) -> Option<Ty> {
    match ty {
        Ty::Any => Some(Ty::Any),
        Ty::List(item, _) | Ty::Range(item) => Some((**item).clone()),
        Ty::Map(_) | Ty::Record(_) | Ty::Text(_) => Some(Ty::TEXT),
        _ => None,
    }
}

fn is_ordered(ty: &Ty) -> bool {
    matches!(
        ty,
        Ty::Any
            | Ty::Int(_)
            | Ty::Float
            | Ty::Duration
            | Ty::Memory
            | Ty::Cpu
            | Ty::Percent
            | Ty::Date
            | Ty::Ip
            | Ty::Text(_)
    )
}

fn is_quantity(ty: &Ty) -> bool {
    matches!(ty, Ty::Duration | Ty::Memory | Ty::Cpu | Ty::Percent)
}

fn is_number(ty: &Ty) -> bool {
    matches!(ty, Ty::Int(_) | Ty::Float)
}

/// The type of an operation, if there is one. A whole literal may be a float beside a float.
fn result(
    operator: BinaryOperator,
    left: &Ty,
    right: &Ty,
    left_literal: bool,
    right_literal: bool,
) -> Option<Ty> {
    use BinaryOperator as B;
    if *left == Ty::Any || *right == Ty::Any {
        return Some(match (operator, left, right) {
            (B::Multiply, Ty::Any, quantity) | (B::Multiply | B::Of, quantity, Ty::Any)
                if is_quantity(quantity) && operator == B::Multiply =>
            {
                quantity.clone()
            }
            _ => Ty::Any,
        });
    }
    let floats = match (left, right) {
        (Ty::Float, Ty::Float) => true,
        (Ty::Float, Ty::Int(_)) => right_literal,
        (Ty::Int(_), Ty::Float) => left_literal,
        _ => false,
    };
    if floats && operator != B::Of {
        return Some(Ty::Float);
    }
    let ints = matches!((left, right), (Ty::Int(_), Ty::Int(_)));
    match operator {
        B::Add | B::Subtract | B::Multiply | B::Divide if ints => Some(Ty::INT),
        B::Add | B::Subtract if is_quantity(left) && left == right => Some(left.clone()),
        B::Add => (fit(left, &Ty::TEXT) == Fit::Yes && fit(right, &Ty::TEXT) == Fit::Yes)
            .then_some(Ty::TEXT),
        B::Multiply | B::Divide if is_quantity(left) && is_number(right) => Some(left.clone()),
        B::Multiply if is_number(left) && is_quantity(right) => Some(right.clone()),
        B::Divide if is_quantity(left) && left == right => Some(Ty::Float),
        B::Of if *left == Ty::Percent && matches!(right, Ty::Int(_)) => Some(Ty::INT),
        B::Of if *left == Ty::Percent && is_quantity(right) => Some(right.clone()),
        _ => None,
    }
}

/// The operator as it is written.
fn word(operator: BinaryOperator) -> &'static str {
    match operator {
        BinaryOperator::Add => "+",
        BinaryOperator::Subtract => "-",
        BinaryOperator::Multiply => "*",
        BinaryOperator::Divide => "/",
        BinaryOperator::Of => "of",
        _ => "this operator",
    }
}

fn wrong_operands(link: Link<'_>, left: &Ty, right: &Ty) -> Diagnostic {
    let operator = word(link.operator);
    let span = link.left.span.to(link.right.span);
    let diagnostic = Diagnostic::new(
        &WRONG_OPERANDS,
        format!(
            "`{operator}` does not take {} and {}",
            mismatch::with_article(left),
            mismatch::with_article(right)
        ),
        span,
    )
    .and(
        link.left.span,
        format!("this is {}", mismatch::with_article(left)),
    )
    .and(
        link.right.span,
        format!("this is {}", mismatch::with_article(right)),
    );
    match help(link, left, right) {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

fn help(link: Link<'_>, left: &Ty, right: &Ty) -> Option<String> {
    let literal = |expr: &Expr| match &expr.kind {
        ExprKind::Literal(Literal::Int(number)) => Some(*number),
        _ => None,
    };
    let operator = word(link.operator);
    match (link.operator, left, right) {
        (BinaryOperator::Add | BinaryOperator::Subtract, quantity, Ty::Int(_))
            if is_quantity(quantity) =>
        {
            let number = literal(link.right)?;
            Some(format!(
                "give the number its unit: `{operator} {}`",
                mismatch::with_unit(number, quantity)?
            ))
        }
        (BinaryOperator::Add | BinaryOperator::Subtract, Ty::Int(_), quantity)
            if is_quantity(quantity) =>
        {
            let number = literal(link.left)?;
            Some(format!(
                "give the number its unit: `{}`",
                mismatch::with_unit(number, quantity)?
            ))
        }
        (BinaryOperator::Add, Ty::List(..), Ty::List(..)) => {
            Some("write `concat(a, b)`".to_owned())
        }
        (BinaryOperator::Add, Ty::Text(_), _) | (BinaryOperator::Add, _, Ty::Text(_)) => {
            Some("put values into one string: `\"${a}${b}\"`".to_owned())
        }
        (_, Ty::Int(_), Ty::Float) | (_, Ty::Float, Ty::Int(_)) => {
            Some("an int is no float by itself; write the number with a point: `2.0`".to_owned())
        }
        (BinaryOperator::Multiply, a, b) if is_quantity(a) && is_quantity(b) => {
            Some("one of the two must be a plain number".to_owned())
        }
        (BinaryOperator::Of, ..) => Some("`of` takes a share and a number: `25% of 4`".to_owned()),
        _ => None,
    }
}

fn unlike(first: Span, first_ty: &Ty, second: Span, second_ty: &Ty) -> Diagnostic {
    let (a, b) = (
        mismatch::with_article(first_ty),
        mismatch::with_article(second_ty),
    );
    Diagnostic::new(
        &WRONG_OPERANDS,
        format!("{a} and {b} cannot be compared"),
        second,
    )
    .labelled(format!("this is {b}"))
    .and(first, format!("this is {a}"))
    .help("compare values of one type; no type turns into another by itself")
}

fn not_ordered(span: Span, ty: &Ty) -> Diagnostic {
    Diagnostic::new(
        &WRONG_OPERANDS,
        format!("{} has no order", mismatch::with_article(ty)),
        span,
    )
    .help("`<`, `<=`, `>`, `>=` and `..` take numbers, quantities, dates, addresses and text")
}

fn no_members(span: Span, ty: &Ty) -> Diagnostic {
    Diagnostic::new(
        &WRONG_OPERANDS,
        format!("nothing is in {}", mismatch::with_article(ty)),
        span,
    )
    .help("`in` takes a list, the keys of a map or record, a range or a text")
}
