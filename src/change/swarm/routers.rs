//! What a router of Traefik answers, by its rule (doc.traefik.io/traefik/routing/routers, Rule).

use std::collections::BTreeSet;

/// How deep parentheses of a rule are looked into.
const MOST_PARENTHESES: usize = 8;

/// What takes every path.
const EVERY_PATH: &str = "PathPrefix(`/`)";

/// Host names that a rule answers, and what narrows them.
struct Way<'r> {
    hosts: BTreeSet<String>,
    beside: Vec<&'r str>,
}

/// The only host names that a rule answers; `None` where it may answer others.
pub(super) fn hosts(rule: &str) -> Option<BTreeSet<String>> {
    let ways = ways(rule, MOST_PARENTHESES)?;
    Some(ways.into_iter().flat_map(|it| it.hosts).collect())
}

/// The host names that rules answer for every request, be it that one of them takes what another one leaves out.
pub(super) fn wholes<'r>(rules: impl Iterator<Item = &'r str>) -> BTreeSet<String> {
    let ways = rules.filter_map(|it| ways(it, MOST_PARENTHESES)).flatten();
    let ways: Vec<Way<'_>> = ways.collect();
    let takes = |host: &str, left_out: &str| {
        let mut taking = ways.iter().filter(|it| it.hosts.contains(host));
        taking.any(|it| matches!(*it.beside, [matcher] if matcher == left_out))
    };
    let is_whole = |way: &Way<'_>, host: &str| {
        let mut beside = way.beside.iter();
        beside.all(|it| {
            let left_out = it.strip_prefix('!');
            left_out.is_some_and(|it| takes(host, it.trim_start()))
        })
    };
    let mut found = BTreeSet::new();
    for way in &ways {
        let hosts = way.hosts.iter().filter(|host| is_whole(way, host));
        found.extend(hosts.cloned());
    }
    found
}

fn ways(rule: &str, deeper: usize) -> Option<Vec<Way<'_>>> {
    let mut found = Vec::new();
    for way in split(rule, "||") {
        // What stands beside a host narrows it.
        let mut matchers = split(way, "&&");
        let (place, ways) = matchers
            .iter()
            .enumerate()
            .find_map(|(place, it)| Some((place, ways_of(it, deeper)?)))?;
        matchers.remove(place);
        matchers.retain(|it| *it != EVERY_PATH);
        found.extend(ways.into_iter().map(|mut way| {
            way.beside.extend(&matchers);
            way
        }));
    }
    Some(found)
}

/// Those of one matcher, or of what stands in parentheses.
fn ways_of(matcher: &str, deeper: usize) -> Option<Vec<Way<'_>>> {
    let (word, inside) = matcher.strip_suffix(')')?.split_once('(')?;
    if word.is_empty() && inside.contains('(') {
        return ways(inside, deeper.checked_sub(1)?);
    }
    let is_known = word.trim_end().eq_ignore_ascii_case("host") && !inside.contains(['$', '(']);
    let names = inside.split(',').filter(|_| is_known);
    let names = names.map(|it| {
        it.trim()
            .trim_matches(['`', '"', '\''])
            .to_ascii_lowercase()
    });
    let hosts: BTreeSet<String> = names.collect();
    let beside = Vec::new();
    (!hosts.is_empty()).then(|| vec![Way { hosts, beside }])
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
