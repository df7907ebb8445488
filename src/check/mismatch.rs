//! A value in a place of another type: what is said of it, and what to write instead.

use super::fit::{Fit, fit, noun, part};
use super::{Asked, Checker, Role};
use crate::diagnostics::catalogue::{
    KNOWN_TOO_LATE, OUT_OF_RANGE, PERHAPS_NONE, TYPE_MISMATCH, UNKNOWN_FIELD, UNKNOWN_MEMBER,
};
use crate::diagnostics::{Diagnostic, nearest};
use crate::resolve::Binding;
use crate::source::{Span, Str};
use crate::syntax::ast::{Expr, ExprKind, Item, Literal};
use crate::types::{IntRange, Pattern, ResourceKind, Ty};

impl Checker<'_> {
    /// Reports a value whose type does not fit its place.
    pub(super) fn require(&mut self, expr: &Expr, actual: &Ty, expected: &Ty, asked: Asked<'_>) {
        let diagnostic = match fit(actual, expected) {
            Fit::Yes => return,
            Fit::TooLate => {
                let who = asked.who();
                return self.report_late(expr, &format!("for {who}"), Some((expected, asked)));
            }
            Fit::PerhapsNone => {
                perhaps_none(expr.span, self.source(expr.span), Some((expected, asked)))
            }
            Fit::OutOfRange => self.never_in_range(expr, actual, expected, asked),
            Fit::No => self.mismatch(expr, actual, expected, asked),
        };
        let diagnostic = self.with_origin(expr, diagnostic);
        self.report(diagnostic);
    }

    fn mismatch(&self, expr: &Expr, actual: &Ty, expected: &Ty, asked: Asked<'_>) -> Diagnostic {
        let message = format!(
            "{} takes {}, not {}",
            asked.who(),
            noun(expected),
            plain(actual)
        );
        let mut diagnostic = Diagnostic::new(&TYPE_MISMATCH, message, expr.span)
            .labelled(format!("this is {}", with_article(actual)));
        diagnostic = asked.point(diagnostic, expected);
        match instead(expr, actual, expected, self.source(expr.span)) {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }

    fn never_in_range(
        &self,
        expr: &Expr,
        actual: &Ty,
        expected: &Ty,
        asked: Asked<'_>,
    ) -> Diagnostic {
        let whole = |ty| match ty {
            &Ty::Int(range) => Some(range),
            _ => None,
        };
        let (given, wanted) = (part(actual, &whole), part(expected, &whole));
        let (given, wanted) = (
            given.unwrap_or(IntRange::ALL),
            wanted.unwrap_or(IntRange::ALL),
        );
        let message = format!("{} takes {wanted}, and this is {given}", asked.who());
        let diagnostic = Diagnostic::new(&OUT_OF_RANGE, message, expr.span)
            .labelled(format!("`{}` is {given}", self.source(expr.span)));
        asked
            .point(diagnostic, expected)
            .help(format!("declare it within {wanted}"))
    }

    /// Reports a value that is known only when it is deployed, where it is needed at build.
    pub(super) fn report_late(
        &mut self,
        expr: &Expr,
        needed: &str,
        place: Option<(&Ty, Asked<'_>)>,
    ) {
        let source = self.late_source(expr);
        // Addresses, paths of secrets and slots have no declaration to point at.
        let when = if source.is_some() {
            "at deploy time"
        } else {
            "to the target"
        };
        let mut diagnostic = Diagnostic::new(
            &KNOWN_TOO_LATE,
            format!("this is known only {when}, and needed when it is built {needed}"),
            expr.span,
        )
        .labelled(format!("known only {when}"));
        if let Some((expected, asked)) = place {
            diagnostic = asked.point(diagnostic, expected);
            if let Role::Parameter(..) = asked.role {
                diagnostic = diagnostic.help(format!(
                    "declare the parameter as `deploy<{}>`, and use it whole or inside a string",
                    noun(expected)
                ));
            }
        }
        let help = match source {
            Some((span, text)) => {
                diagnostic = diagnostic.and(span, text);
                "make it a `param`, which is given when it is built, or use it whole or inside a string where the target fills it in, as in `env`"
            }
            None => "use it whole or inside a string where the target fills it in, as in `env`",
        };
        if diagnostic.help.is_none() {
            diagnostic = diagnostic.help(help);
        }
        self.report(diagnostic);
    }

    /// The declaration that makes a value late.
    fn late_source(&self, expr: &Expr) -> Option<(Span, String)> {
        match &expr.kind {
            ExprKind::Name(name) => match self.program.binding(self.file, expr.id) {
                Binding::Item(file, index) => {
                    let item = self.program.item(file, index)?;
                    let declared = super::order::name(item)?;
                    Some(match item {
                        Item::Deploy(_) => {
                            (declared.span, format!("`{name}` is a deploy-time variable"))
                        }
                        _ => (declared.span, format!("`{name}` is declared here")),
                    })
                }
                Binding::Local => {
                    let local = self.local(name)?;
                    Some((local.span, format!("`{name}` is declared here")))
                }
                _ => None,
            },
            ExprKind::Text(parts) => parts.iter().find_map(|part| match part {
                crate::syntax::ast::TextPart::Interpolation(inner) => self.late_source(inner),
                crate::syntax::ast::TextPart::Literal(_) => None,
            }),
            ExprKind::Field(object, field) => {
                let Binding::Import(module) = self.program.binding(self.file, object.id) else {
                    return self.late_source(object);
                };
                let definition = self.program.definition(module, &field.text)?;
                Some((definition.span, format!("`{field}` is declared here")))
            }
            _ => None,
        }
    }

    /// Points at the declaration of a name whose value does not fit.
    fn with_origin(&self, expr: &Expr, diagnostic: Diagnostic) -> Diagnostic {
        let origin = match &expr.kind {
            ExprKind::Name(_) | ExprKind::Field(..) => self.late_source(expr),
            _ => None,
        };
        match origin {
            Some((span, text)) if diagnostic.labels.iter().all(|label| label.span != span) => {
                diagnostic.and(span, text)
            }
            _ => diagnostic,
        }
    }
}

impl Asked<'_> {
    /// Who asks: `memory`, an item of `args`, a condition.
    pub(super) fn who(self) -> String {
        let who = match self.role {
            Role::Attribute(name, _) | Role::Parameter(name, _) | Role::Declaration(name, _) => {
                format!("`{name}`")
            }
            Role::Result(name, _) => format!("the result of `{name}`"),
            Role::Field(name, _) => format!("the field `{name}`"),
            Role::Like(_) => "this place".to_owned(),
            Role::Rule(what) => what.to_owned(),
        };
        if self.within {
            format!("an item of {who}")
        } else {
            who
        }
    }

    /// Where it says so.
    pub(super) fn span(self) -> Option<Span> {
        match self.role {
            Role::Attribute(_, span)
            | Role::Parameter(_, span)
            | Role::Declaration(_, span)
            | Role::Result(_, span)
            | Role::Field(_, span)
            | Role::Like(span) => Some(span),
            Role::Rule(_) => None,
        }
    }

    /// Points at the place that asks.
    fn point(self, diagnostic: Diagnostic, expected: &Ty) -> Diagnostic {
        let Some(span) = self.span() else {
            return diagnostic;
        };
        let items = if self.within { "items of " } else { "" };
        let text = match self.role {
            Role::Declaration(name, _) | Role::Parameter(name, _) => {
                format!("`{name}` is declared with {items}{}", noun(expected))
            }
            Role::Result(..) => format!("declared to give {items}{}", noun(expected)),
            Role::Field(name, _) => format!("the field `{name}` is {}", noun(expected)),
            Role::Like(_) => format!("because this is {}", with_article(expected)),
            Role::Attribute(name, _) => format!("`{name}` takes {items}{}", noun(expected)),
            Role::Rule(_) => String::new(),
        };
        diagnostic.and(span, text)
    }
}

/// A type as what a value is: stages and choices as they are read aloud.
fn plain(ty: &Ty) -> String {
    match ty {
        Ty::Deploy(inner) => format!("a deploy-time {}", noun(inner)),
        Ty::None => "`none`".to_owned(),
        _ => noun(ty),
    }
}

/// The type of a value with its article, for `this is …`.
pub(super) fn with_article(ty: &Ty) -> String {
    match ty {
        Ty::Any => "any value".to_owned(),
        Ty::None => "`none`".to_owned(),
        Ty::Deploy(inner) => format!("a deploy-time {}", noun(inner)),
        Ty::Optional(inner) => format!("{}, or `none`", with_article(inner)),
        Ty::Words(words) if words.len() == 1 => format!("the word {}", noun(ty)),
        Ty::Words(_) => format!("one of {}", noun(ty)),
        Ty::Cidr => "a subnet (cidr)".to_owned(),
        Ty::Record(_) => "a record".to_owned(),
        Ty::PortReference => "a service's port".to_owned(),
        Ty::Memory => "an amount of memory".to_owned(),
        Ty::Cpu => "an amount of cpu".to_owned(),
        Ty::Environment => "a variable of the deploying shell".to_owned(),
        _ => {
            let noun = noun(ty);
            let vowel = noun.starts_with(['a', 'e', 'i', 'o', 'u']) && !noun.starts_with("ur");
            format!("{} {noun}", if vowel { "an" } else { "a" })
        }
    }
}

/// What to write instead.
fn instead(expr: &Expr, actual: &Ty, expected: &Ty, source: &str) -> Option<String> {
    let is = |wanted: &Ty| part(expected, &|ty| (ty == wanted).then_some(())).is_some();
    let any = |pick: fn(&Ty) -> bool| part(expected, &|ty| pick(ty).then_some(())).is_some();
    let quantity = [Ty::Memory, Ty::Duration, Ty::Cpu, Ty::Percent]
        .into_iter()
        .find(|ty| is(ty));
    match (&expr.kind, actual) {
        (ExprKind::Literal(Literal::Int(number)), _) if quantity.is_some() => {
            let unit = with_unit(*number, &quantity?)?;
            Some(format!("give it a unit: `{unit}`"))
        }
        (ExprKind::Literal(Literal::Float(_)), _) if is(&Ty::Cpu) => {
            Some(format!("give it a unit: `{source}cpu`"))
        }
        (ExprKind::Text(_), _) if any(unquoted) => from_text(expr.as_text()?, quantity.as_ref()),
        (ExprKind::Text(_), _) if is(&Ty::PortReference) => {
            Some("name the port without quotes: `SERVICE.PORT`".to_owned())
        }
        (ExprKind::Text(_), _) if is(&Ty::Environment) => Some(format!("write `env({source})`")),
        (ExprKind::Literal(literal), _) if any(is_text) && *literal != Literal::None => {
            Some(format!("write it as text: `\"{source}\"`"))
        }
        (_, Ty::Duration) if any(is_text) => {
            Some(format!("say the unit: `{source}.s`, `.ms`, `.m` or `.h`"))
        }
        (_, Ty::Memory) if any(is_text) => Some(format!(
            "say the unit: `{source}.MiB`, `.bytes`, `.KiB` or `.GiB`"
        )),
        (_, Ty::Resource(ResourceKind::Service)) if is(&Ty::PortReference) => {
            Some(format!("add the port: `{source}.http`"))
        }
        (_, Ty::Resource(ResourceKind::Service)) if any(is_text) => {
            Some(format!("say which port and part: `{source}.http.url`"))
        }
        (_, Ty::Resource(ResourceKind::Config)) if any(is_text) => {
            Some(format!("name one of its keys: `{source}.KEY`"))
        }
        (_, Ty::Resource(ResourceKind::Secret)) if any(is_text) => {
            Some(format!("write `{source}.path`, the file it is mounted as"))
        }
        (_, Ty::PortReference) if any(is_text) => Some(format!(
            "say which part of its address: `{source}.url`, `.address`, `.host` or `.number`"
        )),
        (_, Ty::PortReference) if is(&Ty::Resource(ResourceKind::Service)) => {
            Some("leave the port out".to_owned())
        }
        (_, Ty::Int(_) | Ty::Bool | Ty::Ip | Ty::Cidr) if any(is_text) => {
            Some(format!("make it text: `\"${{{source}}}\"`"))
        }
        (_, Ty::Int(_)) if is(&Ty::Float) => {
            Some("an int is no float by itself; write numbers with a point: `2.0`".to_owned())
        }
        (_, Ty::Float) if any(|ty| matches!(ty, Ty::Int(_))) => {
            Some(format!("round it: `floor({source})` or `ceil({source})`"))
        }
        _ => listed(actual, expected, source),
    }
}

/// A single value where a list is asked for.
fn listed(actual: &Ty, expected: &Ty, source: &str) -> Option<String> {
    let (item, _) = super::expression::list_of(expected)?;
    (fit(actual, item) == Fit::Yes).then(|| format!("write a list: `[{source}]`"))
}

fn is_text(ty: &Ty) -> bool {
    matches!(ty, Ty::Text(_))
}

/// Types whose literals have no quotes.
fn unquoted(ty: &Ty) -> bool {
    matches!(
        ty,
        Ty::Bool
            | Ty::Int(_)
            | Ty::Float
            | Ty::Duration
            | Ty::Memory
            | Ty::Cpu
            | Ty::Percent
            | Ty::Ip
            | Ty::Cidr
            | Ty::Date
    )
}

fn from_text(text: &str, quantity: Option<&Ty>) -> Option<String> {
    if let Ok(number) = text.parse::<i64>() {
        let literal = match quantity {
            Some(quantity) => with_unit(number, quantity)?,
            None => number.to_string(),
        };
        return Some(format!("without quotes: `{literal}`"));
    }
    let begins = text.starts_with(|first: char| first.is_ascii_digit());
    let literal = begins || matches!(text, "true" | "false");
    literal.then(|| format!("without quotes: `{text}`"))
}

/// A number with the unit that is most likely meant.
pub(super) fn with_unit(number: i64, quantity: &Ty) -> Option<String> {
    let unit = match quantity {
        Ty::Memory => "MiB",
        Ty::Duration => "s",
        Ty::Cpu => "cpu",
        Ty::Percent => "%",
        _ => return None,
    };
    Some(format!("{number}{unit}"))
}

pub(super) fn perhaps_none(at: Span, source: &str, place: Option<(&Ty, Asked<'_>)>) -> Diagnostic {
    let diagnostic = Diagnostic::new(&PERHAPS_NONE, format!("`{source}` may be `none`"), at).help(
        format!("ask first: `if {source} != none {{ … }} else {{ … }}`"),
    );
    match place {
        Some((expected, asked)) => asked.point(diagnostic, expected),
        None => diagnostic,
    }
}

/// A word or a string that is none of a union's; `bare` where it has no quotes.
pub(super) fn unknown_member(
    word: &str,
    at: Span,
    words: &[Str],
    asked: Asked<'_>,
    bare: bool,
) -> Diagnostic {
    let listed: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    let diagnostic = Diagnostic::new(
        &UNKNOWN_MEMBER,
        format!("{} does not take `{word}`", asked.who()),
        at,
    );
    let diagnostic = match asked.span() {
        Some(span) => diagnostic.and(
            span,
            format!("this takes {}", super::fit::one_of(listed.clone())),
        ),
        None => diagnostic,
    };
    let mut near = nearest(word, words.iter().map(|word| &**word));
    // Other tools write `start-first` and `IfNotPresent`.
    let folded = |word: &str| word.to_ascii_lowercase().replace(['-', '_'], "");
    if near.is_none() {
        let same = |known: &&Str| folded(known) == folded(word);
        near = words.iter().find(same).map(|word| &**word);
    }
    match near {
        Some(near) => {
            let text = if bare {
                near.to_owned()
            } else {
                format!("\"{near}\"")
            };
            diagnostic
                .help(format!("did you mean `{near}`?"))
                .replace(at, text)
        }
        None => diagnostic.help(format!("write {}", super::fit::one_of(listed))),
    }
}

pub(super) fn no_match(text: &str, at: Span, pattern: &Pattern, asked: Asked<'_>) -> Diagnostic {
    let message = format!(
        "{} takes text that matches `{}`, and `{text}` does not",
        asked.who(),
        pattern.source
    );
    let diagnostic = Diagnostic::new(&OUT_OF_RANGE, message, at);
    match asked.span() {
        Some(span) => diagnostic.and(span, "this asks for the pattern"),
        None => diagnostic,
    }
    .note("a pattern matches the text as a whole")
}

pub(super) fn out_of_range(number: i64, at: Span, range: IntRange, asked: Asked<'_>) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        &OUT_OF_RANGE,
        format!("{} takes {range}, and this is {number}", asked.who()),
        at,
    );
    let near = number.clamp(range.min, range.max);
    match asked.span() {
        Some(span) => diagnostic.and(span, format!("this takes {range}")),
        None => diagnostic,
    }
    .help(format!("the nearest it takes is `{near}`"))
}

pub(super) fn wrong_length(length: i64, at: Span, range: IntRange, asked: Asked<'_>) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        &OUT_OF_RANGE,
        format!("{} takes {range} items, and this has {length}", asked.who()),
        at,
    );
    match asked.span() {
        Some(span) => diagnostic.and(span, "this says how many"),
        None => diagnostic,
    }
}

pub(super) fn unknown_field(name: &str, at: Span, fields: &[&str], asked: Asked<'_>) -> Diagnostic {
    let diagnostic = no_field(name, at, fields);
    match asked.span() {
        Some(span) => diagnostic.and(span, "the fields are declared by what is asked for here"),
        None => diagnostic,
    }
}

/// There is no field of this name.
pub(super) fn no_field(name: &str, at: Span, fields: &[&str]) -> Diagnostic {
    let diagnostic = Diagnostic::new(&UNKNOWN_FIELD, format!("there is no field `{name}`"), at);
    if let Some(near) = nearest(name, fields.iter().copied()) {
        return diagnostic
            .help(format!("did you mean `{near}`?"))
            .replace(at, near);
    }
    let listed = fields.iter().map(|field| format!("`{field}`")).collect();
    diagnostic.help(format!("the fields are {}", and_list(listed)))
}

/// `a, b and c`
pub(super) fn and_list(words: Vec<String>) -> String {
    let mut words = words;
    match (words.pop(), words.is_empty()) {
        (None, _) => "none".to_owned(),
        (Some(last), true) => last,
        (Some(last), false) => format!("{} and {last}", words.join(", ")),
    }
}

pub(super) fn missing_field(name: &str, ty: &Ty, at: Span, asked: Asked<'_>) -> Diagnostic {
    let diagnostic = Diagnostic::new(&TYPE_MISMATCH, format!("the field `{name}` is missing"), at)
        .help(format!("add `{name} = …`, {}", with_article(ty)));
    match asked.span() {
        Some(span) => diagnostic.and(span, "the fields are declared by what is asked for here"),
        None => diagnostic,
    }
}

pub(super) fn not_walked(ty: &Ty, at: Span) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        &TYPE_MISMATCH,
        format!(
            "a loop takes a list, a map, a record or a range, not {}",
            plain(ty)
        ),
        at,
    )
    .labelled(format!("this is {}", with_article(ty)));
    match ty {
        Ty::Int(_) => diagnostic.help("to count, write a range: `1..3`"),
        _ => diagnostic,
    }
}
