//! Services behind Traefik, which reads the labels of a service, not those of its tasks: what they say counts at once for the tasks of both
//! versions (traefik/traefik `pkg/provider/docker/pswarm.go`, `parseService` and `parseTasks`).

use super::apart::Apart;
use super::asked;
use super::reached;
use super::service::{self, Service};
use super::stack::Stack;
use crate::change::{Change, Effect, Loss, Lost, images};
use crate::targets::{Content, Object};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Its labels, of which Traefik reads names in any case.
pub(super) type Labels = BTreeMap<String, String>;

/// How deep parentheses of a rule are looked into.
const MOST_PARENTHESES: usize = 8;

/// Says what a change of labels does, of services that stay.
pub(super) fn told(
    (old, new): (&[Stack<'_>], &[Stack<'_>]),
    objects: &[Object],
    apart: &Apart<'_>,
    changes: &mut [Change],
) {
    let has_other_labels = |it: &Change| {
        let mut fields = it.fields.iter();
        let stays = it.effect.replaces() || it.effect == Effect::InPlace;
        let counts = |path: &str| path.starts_with("deploy") || path.starts_with("networks");
        it.kind == "service" && stays && fields.any(|field| counts(&field.path))
    };
    if !changes.iter().any(has_other_labels) {
        return;
    }
    let (before, after) = (service::all(old), service::all(new));
    for change in changes.iter_mut().filter(|it| has_other_labels(it)) {
        let both = before.get(&change.name).zip(after.get(&change.name));
        let Some((was, is)) = both.filter(|(was, is)| !was.is_off() && !is.is_off()) else {
            continue;
        };
        let (had, has) = (labels(was), labels(is));
        if change.effect == Effect::Rolls && is_on(&had, None) && is_on(&has, None) {
            let moved = port_moved(change, (&had, &has));
            let moved = moved.or_else(|| asked::otherwise(change, (&had, &has)));
            change.losses.extend(moved);
        }
        // What is left behind goes on to answer.
        let left = before.iter().filter(|(name, _)| !after.contains_key(*name));
        let there = after.iter().chain(left).filter(|(name, it)| {
            **name != change.name && !apart.are_surely(is.stack.name, it.stack.name)
        });
        let there: Vec<&Service<'_>> = there.map(|(_, it)| it).collect();
        let takes_all = takes_all(&there);
        if change.effect.replaces() && is_on(&had, takes_all) && is_asked(&has, takes_all) {
            let known: Vec<&Service<'_>> = before.values().collect();
            let both = (known.as_slice(), there.as_slice());
            let left = reached::left(&change.name, (was, is), &has, both);
            change.losses.extend(left);
        }
        if is_on(&had, takes_all) {
            let others = there.iter().map(|it| labels(it));
            let others: Vec<Labels> = others.filter(|it| is_on(it, takes_all)).collect();
            let own = Some(&has).filter(|has| is_on(has, takes_all));
            let gone = hosts_gone(&had, others.iter().chain(own), objects);
            let hidden = is_hidden((&had, &has), takes_all);
            let hidden = hidden.then(|| hosts_gone(&had, others.iter(), objects));
            let is_sure = hidden.as_ref().is_none_or(|hidden| *hidden == gone);
            let gone = hidden.unwrap_or(gone);
            let stays = is_asked(&has, takes_all);
            change
                .losses
                .extend(unanswered(&change.name, &gone, (is_sure, stays)));
        }
    }
}

fn labels(service: &Service<'_>) -> Labels {
    let labels = service.labels().into_iter();
    labels
        .map(|(name, text)| (name.to_ascii_lowercase(), text))
        .collect()
}

/// Whether Traefik takes a service, or may.
fn is_on(labels: &Labels, takes_all: Option<bool>) -> bool {
    match labels.get("traefik.enable") {
        None => takes_all != Some(false),
        Some(said) => !said.eq_ignore_ascii_case("false"),
    }
}

/// Whether Traefik takes a service, or may, and has a rule for it.
fn is_asked(labels: &Labels, takes_all: Option<bool>) -> bool {
    is_on(labels, takes_all) && rules(labels).next().is_some()
}

/// Whether a service says no more that Traefik may take it, and nobody knows whether it has to.
fn is_hidden((had, has): (&Labels, &Labels), takes_all: Option<bool>) -> bool {
    let says = |labels: &Labels| labels.contains_key("traefik.enable");
    takes_all.is_none() && says(had) && !says(has)
}

/// The ports at which tasks are asked (doc.traefik.io/traefik/routing/providers/swarm, `loadbalancer.server.port`).
fn ports(labels: &Labels) -> BTreeSet<u16> {
    let of_http = labels.iter().filter(|(name, _)| {
        name.starts_with("traefik.http.services.") && name.ends_with(".loadbalancer.server.port")
    });
    of_http.filter_map(|(_, port)| port.parse().ok()).collect()
}

/// Of a service that is asked at another port while tasks of both versions run, where something else of it says that they listen there
/// instead, or may, since their image is another one. Who changes the label alone has tasks that listen at both.
fn port_moved(change: &Change, (had, has): (&Labels, &Labels)) -> Option<Loss> {
    let (were, are) = (ports(had), ports(has));
    let [was] = *(&were - &are).into_iter().collect::<Vec<_>>() else {
        return None;
    };
    let [is] = *(&are - &were).into_iter().collect::<Vec<_>>() else {
        return None;
    };
    let says = |value: Option<&Value>, number: u16| {
        let text = value.map(Value::to_string).unwrap_or_default();
        let number = number.to_string();
        let mut words = text.split(|it: char| !it.is_ascii_digit());
        words.any(|word| word == number)
    };
    let of_task = || {
        let fields = change.fields.iter();
        fields.filter(|field| !field.path.starts_with("deploy") && !field.path.starts_with("ports"))
    };
    let moves = of_task().any(|it| says(it.old.as_ref(), was) && says(it.new.as_ref(), is));
    let is_another_image = of_task().any(|it| it.path == "image");
    let asked = match (moves, is_another_image) {
        (true, _) => format!("its old tasks, which listen at {was}, at {is}, and answers with 502"),
        (false, true) => {
            format!("its old tasks at {is}, and answers with 502 where those listen at {was} alone")
        }
        (false, false) => return None,
    };
    let name = &change.name;
    Some(Loss {
        about: Lost::Routed,
        what: format!(
            "Traefik takes the labels of `{name}` at once, for the tasks of both versions: until the last old one is replaced it asks {asked}"
        ),
        way: format!(
            "have its tasks listen at {was} and {is} in one deploy, change the label in the next, and let {was} go in a third; or serve {is} from a \
             service of its own beside this one"
        ),
    })
}

/// Whether a service is Traefik itself, by its image.
pub(super) fn is_traefik(service: &Service<'_>) -> bool {
    let image = service.at(&["image"]);
    let image = image.as_deref().and_then(Value::as_str);
    image.is_some_and(|image| images::name(image) == "traefik")
}

/// Whether Traefik takes services that do not say so, as far as its arguments are known (doc.traefik.io/traefik/providers/swarm,
/// `exposedByDefault`).
fn takes_all(there: &[&Service<'_>]) -> Option<bool> {
    let all = there.iter().filter(|it| is_traefik(it));
    let known = all.filter_map(|it| {
        let words = it.at(&["command"])?.to_string();
        let words = words.to_ascii_lowercase();
        let is_said = words.contains("--providers.swarm") || words.contains("--providers.docker");
        is_said.then(|| !words.contains("exposedbydefault=false"))
    });
    known.min()
}

/// The rules of routers.
fn rules(labels: &Labels) -> impl Iterator<Item = &str> {
    let is_rule = |name: &str| {
        name.starts_with("traefik.http.routers.") && name.strip_suffix(".rule").is_some()
    };
    let rules = labels.iter().filter(move |(name, _)| is_rule(name));
    rules.map(|(_, rule)| rule.as_str())
}

/// The host names that Traefik answered for a service, and that no rule has any more. What a rule without a host, or with a variable in it,
/// may answer is not known, nor what Traefik is told in a file.
fn hosts_gone<'l>(
    had: &Labels,
    there: impl Iterator<Item = &'l Labels>,
    objects: &[Object],
) -> BTreeSet<String> {
    let answered: Option<Vec<BTreeSet<String>>> = there.flat_map(rules).map(hosts).collect();
    let Some(answered) = answered else {
        return BTreeSet::new();
    };
    let in_a_file = |host: &str| {
        let is_one = |it: &&Object| {
            let mut ends = [".yml", ".yaml", ".toml"].iter();
            it.kind == Object::FILE && ends.any(|end| it.file.ends_with(end))
        };
        let mut files = objects.iter().filter(is_one);
        files.any(|it| matches!(&it.content, Content::Text(text) if text.contains(host)))
    };
    let were = rules(had).filter_map(hosts).flatten();
    let gone = were.filter(|host| !answered.iter().any(|it| it.contains(host)));
    gone.filter(|host| !in_a_file(host)).collect()
}

/// The only host names that a rule answers (doc.traefik.io/traefik/routing/routers, Rule); `None` where it may answer others.
fn hosts(rule: &str) -> Option<BTreeSet<String>> {
    hosts_within(rule, MOST_PARENTHESES)
}

fn hosts_within(rule: &str, deeper: usize) -> Option<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for way in split(rule, "||") {
        // What stands beside a host narrows it.
        let mut matchers = split(way, "&&").into_iter();
        found.extend(matchers.find_map(|it| hosts_of(it, deeper))?);
    }
    Some(found)
}

/// Those of one matcher, or of what stands in parentheses.
fn hosts_of(matcher: &str, deeper: usize) -> Option<BTreeSet<String>> {
    let (word, inside) = matcher.strip_suffix(')')?.split_once('(')?;
    if word.is_empty() && inside.contains('(') {
        return hosts_within(inside, deeper.checked_sub(1)?);
    }
    let is_known = word.trim_end().eq_ignore_ascii_case("host") && !inside.contains(['$', '(']);
    let names = inside.split(',').filter(|_| is_known);
    let names = names.map(|it| {
        it.trim()
            .trim_matches(['`', '"', '\''])
            .to_ascii_lowercase()
    });
    let names: BTreeSet<String> = names.collect();
    (!names.is_empty()).then_some(names)
}

/// The parts of a rule between words that stand outside of parentheses and quotes.
fn split<'r>(rule: &'r str, word: &str) -> Vec<&'r str> {
    let (mut parts, mut rest) = (Vec::new(), rule);
    let (mut depth, mut quote, mut begin) = (0_i32, None, 0);
    for (at, character) in rule.char_indices() {
        match (quote, character) {
            (Some(of), it) if of == it => quote = None,
            (None, '`' | '"') => quote = Some(character),
            (None, '(') => depth = depth.saturating_add(1),
            (None, ')') => depth = depth.saturating_sub(1),
            (None, _) if depth == 0 && at >= begin => {
                let (before, behind) = rest.split_at_checked(at - begin).unwrap_or((rest, ""));
                if let Some(behind) = behind.strip_prefix(word) {
                    parts.push(before.trim());
                    (rest, begin) = (behind, at + word.len());
                }
            }
            _ => {}
        }
    }
    parts.push(rest.trim());
    parts
}

fn unanswered(name: &str, gone: &BTreeSet<String>, (is_sure, stays): (bool, bool)) -> Option<Loss> {
    let names: Vec<String> = gone.iter().map(|host| format!("`{host}`")).collect();
    let names = match names.split_last()? {
        (last, []) => last.clone(),
        (last, first) => format!("{} and {last}", first.join(", ")),
    };
    let when = if is_sure {
        ""
    } else {
        " where it takes only services with `traefik.enable=true` (`exposedByDefault=false`)"
    };
    let way = if is_sure && stays {
        "keep the host in a rule beside the new one (`||`) until no client asks for it"
    } else {
        "keep `traefik.enable=true` and the rule until no client asks there"
    };
    Some(Loss {
        about: Lost::Outside,
        what: format!(
            "`{name}` no longer answers for {names}: Traefik takes its labels at once{when}, and no other rule has that host"
        ),
        way: way.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_answers_the_hosts_of_each_of_its_ways() {
        for (rule, expected) in [
            ("Host(`a.b`)", Some("a.b")),
            ("Host(`A.b`, `c`) && PathPrefix(`/x`)", Some("a.b c")),
            ("Host(`a`) || (Host(`b`) && !Path(`/x`))", Some("a b")),
            (
                "Host(`a`) && (PathPrefix(`/x`) || PathRegexp(`^/(y||z)$$`))",
                Some("a"),
            ),
            ("(Host(`a`) || Host(`b`)) && Method(`GET`)", Some("a b")),
            ("Host(`a`) || PathPrefix(`/x`)", None),
            ("!Host(`a`)", None),
            ("HostRegexp(`.+`)", None),
            ("Host(`${A}`)", None),
            ("${RULE}", None),
            ("Host(`a`", None),
            ("))(&&é||", None),
        ] {
            let found = hosts(rule).map(|it| it.into_iter().collect::<Vec<_>>().join(" "));
            assert_eq!(found.as_deref(), expected, "{rule}");
        }
    }
}
