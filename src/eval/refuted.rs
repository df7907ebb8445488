//! Why an expectation does not hold: both sides of what was compared, where they differ, and where
//! each comes from.

use super::evaluator::{Evaluator, Scope};
use super::operators::equal;
use super::shown::{kind_of, shown};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::source::{Span, Spanned};
use crate::syntax::ast::{BinaryOperator, Expr, ExprKind, UnaryOperator};
use crate::types::{Text, Value};
use std::fmt::Write as _;

/// The longest source that a message repeats, in characters.
const LONGEST: usize = 100;

impl<'a> Evaluator<'a> {
    /// Why an expectation does not hold, if it does not; the outer `None` where it cannot be
    /// evaluated, which was reported.
    #[expect(
        clippy::option_option,
        reason = "the outer one tells whether there is an answer, the inner one is it"
    )]
    pub(super) fn refuted(
        &mut self,
        expr: &'a Expr,
        scope: &mut Scope<'a>,
    ) -> Option<Option<Diagnostic>> {
        // Of `a && b && c` the first that fails is what is told.
        let mut conjuncts = Vec::new();
        let mut first = expr;
        while let ExprKind::Binary(left, BinaryOperator::And, right) = &first.kind {
            conjuncts.push(&**right);
            first = left;
        }
        conjuncts.push(first);
        for conjunct in conjuncts.into_iter().rev() {
            if !self.condition(conjunct, scope)? {
                return Some(Some(self.refutation(conjunct, scope)));
            }
        }
        Some(None)
    }

    fn refutation(&mut self, expr: &'a Expr, scope: &mut Scope<'a>) -> Diagnostic {
        let absent = self
            .test
            .as_mut()
            .map(|test| std::mem::take(&mut test.absent));
        let found = self.found.len();
        let mut sides = Vec::new();
        self.sides(expr, scope, &mut sides);
        let difference = self.difference(expr, scope);
        self.found.truncate(found);
        let source = one_line(self.source(expr.span));
        let mut diagnostic = Diagnostic::new(
            &catalogue::EXPECTATION_FAILED,
            format!("`{source}` does not hold"),
            sides.first().map_or(expr.span, |(span, _)| *span),
        );
        if sides.is_empty() {
            diagnostic = diagnostic.labelled("this is `false`");
        }
        for (index, (span, value)) in sides.iter().enumerate() {
            let text = format!("this is {}", shown(&value.value));
            diagnostic = match index {
                0 => diagnostic.labelled(text),
                _ => diagnostic.and(*span, text),
            };
        }
        let outside = |span: &Span| {
            span.file != expr.span.file
                || span.end <= expr.span.start
                || span.start >= expr.span.end
        };
        let mut origins: Vec<Span> = sides.iter().map(|(_, value)| value.span).collect();
        origins.retain(|origin| outside(origin) && origin.end > origin.start);
        origins.dedup();
        for origin in origins {
            diagnostic = diagnostic.and(origin, "it comes from here");
        }
        let mut notes: Vec<String> = difference
            .into_iter()
            .chain(absent.into_iter().flatten())
            .collect();
        notes.dedup();
        notes.into_iter().fold(diagnostic, Diagnostic::note)
    }

    /// The parts of an expression whose values say why it is what it is.
    fn sides(
        &mut self,
        expr: &'a Expr,
        scope: &mut Scope<'a>,
        sides: &mut Vec<(Span, Spanned<Value>)>,
    ) {
        match &expr.kind {
            ExprKind::Binary(left, _, right) => {
                for side in [&**left, &**right] {
                    match &side.kind {
                        ExprKind::Binary(_, operator, _) if is_logical(*operator) => {
                            self.sides(side, scope, sides);
                        }
                        ExprKind::Unary(UnaryOperator::Not, _) => self.sides(side, scope, sides),
                        _ => self.side(side, scope, sides),
                    }
                }
            }
            ExprKind::Unary(UnaryOperator::Not, inner) => match &inner.kind {
                ExprKind::Binary(..) | ExprKind::Call(..) => self.sides(inner, scope, sides),
                _ => self.side(inner, scope, sides),
            },
            ExprKind::Call(_, arguments) => {
                for argument in arguments {
                    self.side(&argument.value, scope, sides);
                }
            }
            ExprKind::Name(_) | ExprKind::Field(..) | ExprKind::Index(..) => {
                self.side(expr, scope, sides);
            }
            _ => {}
        }
    }

    fn side(
        &mut self,
        expr: &'a Expr,
        scope: &mut Scope<'a>,
        sides: &mut Vec<(Span, Spanned<Value>)>,
    ) {
        if is_plain(expr) || self.is_member(scope.file, expr) {
            return;
        }
        let value = self.expression(expr, scope);
        if let Some(value) = value.and_then(|value| self.forced(value)) {
            sides.push((expr.span, value));
        }
    }

    /// What `==` and `contains` do not show by their sides alone.
    fn difference(&mut self, expr: &'a Expr, scope: &mut Scope<'a>) -> Option<String> {
        match &expr.kind {
            ExprKind::Binary(left, BinaryOperator::Equal, right) => {
                let left = self.expression(left, scope)?;
                let right = self.expression(right, scope)?;
                let (left, right) = (self.forced(left)?, self.forced(right)?);
                different_kinds(&left.value, &right.value)
                    .or_else(|| first_difference(&left.value, &right.value))
            }
            ExprKind::Call(callee, arguments) => {
                let is_contains = callee.as_name().is_some_and(|name| &**name == "contains");
                let [whole, part] = arguments.as_slice() else {
                    return None;
                };
                let whole = self.expression(&whole.value, scope)?;
                let part = self.expression(&part.value, scope)?;
                is_contains
                    .then(|| missing_part(&whole.value, &part.value, true))
                    .flatten()
            }
            _ => None,
        }
    }

    /// `contains(whole, part)`
    pub(super) fn contains_part(
        &mut self,
        whole: &Spanned<Value>,
        part: &Spanned<Value>,
        at: Span,
    ) -> Option<Value> {
        let (whole, part) = (self.settled(whole.clone())?, self.settled(part.clone())?);
        self.measure(&whole.value, at)?;
        self.measure(&part.value, at)?;
        let missing = missing_part(&whole.value, &part.value, true);
        Some(Value::Bool(missing.is_none()))
    }
}

/// Source text on one line, cut where it is long.
pub(super) fn one_line(source: &str) -> String {
    let line = source.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= LONGEST {
        return line;
    }
    let cut: String = line.chars().take(LONGEST).collect();
    format!("{cut}…")
}

fn is_logical(operator: BinaryOperator) -> bool {
    use BinaryOperator as Is;
    matches!(
        operator,
        Is::And
            | Is::Or
            | Is::Equal
            | Is::NotEqual
            | Is::Less
            | Is::LessOrEqual
            | Is::Greater
            | Is::GreaterOrEqual
            | Is::In
    )
}

/// Whether an expression says its value itself.
fn is_plain(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Literal(_) => true,
        ExprKind::Text(_) => expr.as_text().is_some(),
        ExprKind::List(items) => items.iter().all(is_plain),
        ExprKind::Record(fields) => fields.iter().all(|field| is_plain(&field.value)),
        ExprKind::Unary(_, inner) => is_plain(inner),
        ExprKind::Range(from, to) => is_plain(from) && is_plain(to),
        _ => false,
    }
}

fn different_kinds(left: &Value, right: &Value) -> Option<String> {
    let (a, b) = (kind_of(left), kind_of(right));
    let absent = matches!((left, right), (Value::None, _) | (_, Value::None));
    (a != b && !absent).then(|| format!("{a} and {b} are never equal: no type turns into another"))
}

/// Where two records, lists or texts first differ.
fn first_difference(left: &Value, right: &Value) -> Option<String> {
    let path = diverging(left, right, &mut String::new())?;
    Some(format!("they first differ {path}"))
}

fn diverging(left: &Value, right: &Value, path: &mut String) -> Option<String> {
    let depth = path.len();
    match (left, right) {
        (Value::Record(a), Value::Record(b)) => {
            let keys = a.iter().chain(b.iter()).map(|(key, _)| key);
            for key in keys {
                let of = |fields: &[(_, Spanned<Value>)]| {
                    let found = fields.iter().find(|(known, _)| known == key);
                    found.map_or(Value::None, |(_, field)| field.value.clone())
                };
                let (a, b) = (of(a), of(b));
                if !equal(&a, &b) {
                    path.push('.');
                    path.push_str(key);
                    let found = diverging(&a, &b, path);
                    path.truncate(depth);
                    return found;
                }
            }
            None
        }
        (Value::List(a), Value::List(b)) if a.len() == b.len() => {
            let index = a
                .iter()
                .zip(b.iter())
                .position(|(a, b)| !equal(&a.value, &b.value))?;
            let (a, b) = (a.get(index)?, b.get(index)?);
            // Writing to a string never fails.
            let _ = write!(path, "[{index}]");
            let found = diverging(&a.value, &b.value, path);
            path.truncate(depth);
            found
        }
        (Value::List(a), Value::List(b)) if path.is_empty() => {
            Some(format!("in length: {} and {} items", a.len(), b.len()))
        }
        (Value::Text(Text::Known(a)), Value::Text(Text::Known(b)))
            if path.is_empty() && (a.contains('\n') || b.contains('\n')) =>
        {
            let line = a.lines().zip(b.lines()).take_while(|(a, b)| a == b).count();
            let of = |text: &str| {
                let line = text.lines().nth(line).unwrap_or_default();
                one_line(line)
            };
            Some(format!("in line {}: `{}` and `{}`", line + 1, of(a), of(b)))
        }
        _ if path.is_empty() => None,
        (a, b) => Some(format!("at `{path}`: {} and {}", shown(a), shown(b))),
    }
}

/// What of `part` is not in `whole`; `None` where all of it is. A text is looked for in a text at
/// the top alone: within records and lists texts are equal or not.
fn missing_part(whole: &Value, part: &Value, top: bool) -> Option<String> {
    match (whole, part) {
        (Value::Text(Text::Known(whole)), Value::Text(Text::Known(part))) if top => {
            (!whole.contains(&**part)).then(|| "the text is not in it".to_owned())
        }
        (Value::Record(whole), Value::Record(part)) => part.iter().find_map(|(key, wanted)| {
            match whole.iter().find(|(known, _)| known == key) {
                None => Some(format!("`{key}` is not there")),
                Some((_, found)) => {
                    let missing = missing_part(&found.value, &wanted.value, false)?;
                    Some(format!("in `{key}`: {missing}"))
                }
            }
        }),
        (Value::List(whole), Value::List(part)) => part
            .iter()
            .find(|wanted| !is_among(whole, &wanted.value))
            .map(|wanted| format!("no item is {}", shown(&wanted.value))),
        (Value::List(whole), part) => {
            (!is_among(whole, part)).then(|| format!("no item is {}", shown(part)))
        }
        (found, wanted) => (!equal(found, wanted))
            .then(|| format!("it is {}, not {}", shown(found), shown(wanted))),
    }
}

fn is_among(whole: &[Spanned<Value>], part: &Value) -> bool {
    whole
        .iter()
        .any(|item| missing_part(&item.value, part, false).is_none())
}
