//! Several routes for one path: which of them takes a request, by its method and headers.
//!
//! `map` finds the first that does, and its location is reached with `error_page … = @name`, which
//! keeps method, body and path (nginx `src/http/ngx_http_special_response.c`). An `if` around
//! `proxy_pass` cannot hold two conditions, and inherits no headers.

use super::gateway::{self, Draft, Scene};
use super::headers;
use super::plan::{Directive, Location, Map};
use super::routes::Body;
use super::values;
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::routing::{self, Candidate};
use crate::vocabulary::{HeaderMatches, Node, Route};

/// A status that no client is to see: it leads to the location that was chosen.
const CHOSEN: &str = "418";

/// Where a request goes that none of the routes takes.
pub(super) const NONE: &str = "@none";

/// Writes the choice into a location.
pub(super) fn lower(
    scene: Scene<'_>,
    hint: &str,
    candidates: &[Candidate<'_>],
    bodies: &[&Body],
    location: &mut Location,
    draft: &mut Draft<'_, '_>,
) {
    let sizes: Vec<_> = bodies.iter().map(|body| &body.size_limit).collect();
    if let Some(odd) = sizes.iter().position(|size| Some(size) != sizes.first())
        && let (Some(one), Some(other)) = (candidates.first(), candidates.get(odd))
    {
        draft.report(scene, several_sizes(one.route, other.route));
    }
    let hint = format!("{}_{hint}", gateway::shared_name(scene));
    // What a guard lets through, one of the routes takes.
    let otherwise = if location.guards.is_empty() { NONE } else { "" };
    let variable = variable(&hint, otherwise, candidates, bodies, draft);
    location
        .directives
        .extend(sizes.first().copied().cloned().flatten());
    location.directives.extend([
        Directive::new("error_page", [CHOSEN, "=", variable.as_str()])
            .comment("To the first of its routes that takes the request."),
        Directive::new("return", [CHOSEN]),
    ]);
}

/// One thing that a route asks of a request: a variable, and the patterns of `map` for it.
type Condition = (String, Vec<String>);

/// Where a request goes: a location, or what a later `map` says.
#[derive(Clone)]
enum Next {
    Location(String),
    Map(usize),
}

/// The variable that holds the name of the location. Built from the last route to the first: what
/// one does not take is the next one's.
fn variable(
    hint: &str,
    otherwise: &str,
    candidates: &[Candidate<'_>],
    bodies: &[&Body],
    draft: &mut Draft<'_, '_>,
) -> String {
    let key: Vec<usize> = candidates.iter().map(|candidate| candidate.index).collect();
    if let Some(known) = draft.chosen.get(&key) {
        return known.clone();
    }
    let mut maps: Vec<Choice> = Vec::new();
    let mut next = Next::Location(otherwise.to_owned());
    // Whether the last map asks for one thing only, and so may choose among more values of it.
    let mut single = false;
    for (candidate, body) in candidates.iter().zip(bodies).rev() {
        let conditions = conditions(candidate.route);
        let mut chosen = Next::Location(body.name.clone());
        if let ([(source, patterns)], true) = (conditions.as_slice(), single)
            && let Some(map) = maps.last_mut()
            && map.source == *source
        {
            map.prefer(patterns, &chosen);
            continue;
        }
        single = conditions.len() == 1;
        for (source, patterns) in conditions.into_iter().rev() {
            maps.push(Choice {
                source,
                entries: patterns
                    .into_iter()
                    .map(|it| (it, chosen.clone()))
                    .collect(),
                otherwise: next.clone(),
            });
            chosen = Next::Map(maps.len() - 1);
        }
        next = chosen;
    }
    let mut names: Vec<String> = maps
        .iter()
        .map(|_| draft.names.variable("route", hint))
        .collect();
    // The one that is asked first has the name without a number, and stands first.
    names.reverse();
    let text = |next: &Next| match next {
        Next::Location(name) => name.clone(),
        Next::Map(index) => names
            .get(*index)
            .map_or_else(String::new, |it| format!("${it}")),
    };
    for (map, name) in maps.iter().zip(&names).rev() {
        let entries: Vec<(String, String)> = map
            .entries
            .iter()
            .map(|(pattern, next)| (pattern.clone(), text(next)))
            .collect();
        let map = Map::new(&map.source, name, &text(&map.otherwise), &entries);
        draft.conf.maps.push(map);
    }
    let variable = text(&next);
    draft.chosen.insert(key, variable.clone());
    variable
}

/// A `map` whose variables have no names yet.
struct Choice {
    source: String,
    entries: Vec<(String, Next)>,
    otherwise: Next,
}

impl Choice {
    /// Gives these patterns another value, in front of all others.
    fn prefer(&mut self, patterns: &[String], chosen: &Next) {
        self.entries
            .retain(|(pattern, _)| !patterns.contains(pattern));
        let new = patterns.iter().map(|it| (it.clone(), chosen.clone()));
        self.entries.splice(0..0, new);
    }
}

fn conditions(route: &Route) -> Vec<Condition> {
    let methods = routing::methods(route).map(|methods| {
        let words = methods.iter().map(|method| method.word().to_owned());
        ("$request_method".to_owned(), words.collect())
    });
    let headers = routing::headers(route).into_iter().map(|(name, value)| {
        let variable = format!("$http_{}", name.replace('-', "_"));
        (variable, vec![exactly(value)])
    });
    methods.into_iter().chain(headers).collect()
}

/// A pattern of `map` for one value: without a letter it stands for itself, else it is an
/// expression, since `map` does not tell capitals from small letters (`ngx_http_map_module`).
fn exactly(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_');
    if value.bytes().all(plain) {
        return value.to_owned();
    }
    format!("~^{}$", literal(value))
}

/// A text in an expression that stands for itself (pcre2pattern(3), "Backslash").
pub(super) fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_ascii()
            && !char.is_ascii_alphanumeric()
            && !"-_/ ,:;=@%&\"'<>~`!#".contains(char)
        {
            out.push('\\');
        }
        out.push(char);
    }
    out
}

/// What can be asked of headers.
pub(super) fn check(scene: Scene<'_>, node: &Node<HeaderMatches>, draft: &mut Draft<'_, '_>) {
    let mut seen: Vec<(String, crate::source::Span)> = Vec::new();
    for entry in &draft.ledger.enter(node).entries {
        let (name, value) = draft.ledger.take_entry(entry);
        let (key, span) = (entry.attribute.key_span, entry.attribute.span);
        let earlier = seen
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        if let Some(fault) = headers::name_fault(name, &[], earlier, key) {
            draft.report(scene, fault);
        } else if name.contains(|char: char| !char.is_ascii_alphanumeric() && char != '-') {
            draft.report(scene, no_variable(name, key));
        }
        if let Err(fault) = values::line("header's value", value, span) {
            draft.report(scene, *fault);
        }
        if value.is_empty() || value.trim() != &**value {
            draft.report(scene, not_seen(span));
        }
        seen.push((name.to_owned(), key));
    }
}

/// A header whose variable is also another one's, or that nginx drops.
fn no_variable(name: &str, span: crate::source::Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::INVALID_HEADER,
        format!("nginx cannot see the header `{name}`"),
        span,
    )
    .labelled("it ignores headers whose names have other characters than letters, digits and `-`")
    .help("match another header")
}

/// A value that no header has.
fn not_seen(span: crate::source::Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::INVALID_HEADER,
        "no header has a value that is empty or begins or ends with a space",
        span,
    )
    .labelled("an absent header would look the same")
    .help("write the value that the header must have")
}

/// Bodies of different sizes on one path.
fn several_sizes(one: &Node<Route>, other: &Node<Route>) -> Diagnostic {
    let place = |route: &Node<Route>| {
        let written = route.body_size.as_ref();
        written.map_or(route.span, |size| size.key_span)
    };
    Diagnostic::new(
        &catalogue::SEVERAL_BODY_SIZES,
        format!(
            "routes `{}` and `{}` are for one path, and their body sizes differ",
            one.label.name(),
            other.label.name()
        ),
        place(one),
    )
    .and(place(other), "the other one")
    .help("nginx knows the path before it chooses the route: write the same `body_size` in both")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_for_themselves() {
        assert_eq!(exactly("1"), "1");
        assert_eq!(exactly("beta"), "~^beta$");
        assert_eq!(exactly("a.b|c"), r"~^a\.b\|c$");
        assert_eq!(exactly("~^x"), r"~^~\^x$");
        assert_eq!(exactly("\\"), r"~^\\$");
    }
}
