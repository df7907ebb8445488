//! `deploy.sh` and `rollback.sh`: fixed scripts, and behind each what it finds of this program: its stacks in their
//! order, the networks that outlive them, and where the values of its secrets come from.

use super::format::Stack;
use super::resources::{hash_variable, network_options};
use crate::graph::Graph;
use crate::rollout::derivation::swarm as policy;
use crate::source::Str;
use crate::targets::shell::quoted;
use crate::types::{Duration, ResourceKind};
use crate::vocabulary::{RestartCondition, TargetId};
use petgraph::Direction;
use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use std::collections::{BTreeMap, BTreeSet};

/// Where the way there is written.
pub(super) const DEPLOY: &str = "swarm/deploy.sh";

/// Where the way back is written.
pub(super) const ROLLBACK: &str = "swarm/rollback.sh";

/// What both scripts do alike.
const COMMON: &str = include_str!("script/common.sh");

/// What is waited beyond what an update waits by itself, for pulling and placing: a Deployment's deadline by default.
const SLACK: Duration = Duration::from_seconds(600);

/// The scripts for these stacks, each with its path; none where there are no stacks.
pub(super) fn scripts(
    graph: &Graph,
    stacks: &[(String, Stack)],
    used: &BTreeSet<(ResourceKind, Str)>,
) -> Vec<(&'static str, String)> {
    if stacks.is_empty() {
        return Vec::new();
    }
    let names: Vec<String> = in_order(graph).into_iter().map(quoted).collect();
    let names = names.join(" ");
    let uses = |kind, name: &str| used.contains(&(kind, Str::from(name)));
    let networks = graph.deployment().networks.iter();
    let networks = networks.filter_map(|network| {
        let name = network.label.name();
        let made = network.external.is_none() && graph.is_external(name);
        (made && uses(ResourceKind::Network, name)).then(|| {
            let real = graph.real_network_name(name).to_owned();
            let options = network_options(graph, name);
            [vec!["network".to_owned(), real], options].concat()
        })
    });
    let secrets = graph.deployment().secrets.iter();
    let secrets = secrets.filter_map(|secret| {
        let name = secret.label.name();
        if !uses(ResourceKind::Secret, name) {
            return None;
        }
        let (kind, from) = match (&secret.from, &secret.file) {
            (Some(from), _) => ("env", from.value.0.to_string()),
            (None, Some(file)) => ("file", file.value.to_string()),
            (None, None) => return None,
        };
        let real = secret.name.as_ref().map_or(name, |real| &real.value);
        let words = ["secret_of", real, &hash_variable(name), kind, &from];
        Some(words.map(ToOwned::to_owned).to_vec())
    });
    let services = graph.services_on(TargetId::Swarm);
    let waits = services.map(|service| policy::standstill(graph, service));
    let patience = waits.max().unwrap_or_default().plus(SLACK).seconds_up();
    let stacks = format!(
        "\n# As long as these updates may wait by themselves, with the end and the start of a task, and ten minutes.\n\
         patience={patience}\n\n# What there is to deploy; who is called comes before its callers.\nstacks=({names})\n\
         # What ends by itself and is not started again, and what is where it failed.\n\
         once=({})\nuntil_done=({})\n",
        ending(graph, RestartCondition::Never),
        ending(graph, RestartCondition::OnFailure)
    );
    let (networks, secrets) = (function("networks", networks), function("secrets", secrets));
    let (deploy, rollback) = (
        include_str!("script/deploy.sh"),
        include_str!("script/rollback.sh"),
    );
    let end = "\nmain \"$@\"\n";
    vec![
        (
            DEPLOY,
            [deploy, COMMON, &stacks, &networks, &secrets, end].concat(),
        ),
        (
            ROLLBACK,
            [rollback, COMMON, &stacks, &rounds(graph), end].concat(),
        ),
    ]
}

/// The services that are there to end, and are started again under this condition alone.
fn ending(graph: &Graph, condition: RestartCondition) -> String {
    let services = graph.services_on(TargetId::Swarm);
    let ending = services.filter(|service| service.ends_by_itself(condition));
    let names = ending.map(|service| quoted(&graph.swarm_name(service)));
    names.collect::<Vec<_>>().join(" ")
}

/// The services in the order in which they go back: who calls before who is called, and those that call each other at once.
fn rounds(graph: &Graph) -> String {
    let mut calls: DiGraph<String, ()> = DiGraph::new();
    let mut nodes = BTreeMap::new();
    for service in graph.services_on(TargetId::Swarm) {
        nodes.insert(service.id, calls.add_node(graph.swarm_name(service)));
    }
    for (from, _, to) in graph.edges() {
        if let (Some(from), Some(to)) = (nodes.get(&from), nodes.get(&to)) {
            calls.update_edge(*from, *to, ());
        }
    }
    let mut at: BTreeMap<NodeIndex, usize> = BTreeMap::new();
    let mut rounds: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    // A component is found after all that it leads to.
    for circle in tarjan_scc(&calls).into_iter().rev() {
        let callers = circle
            .iter()
            .flat_map(|node| calls.neighbors_directed(*node, Direction::Incoming));
        let after = callers.filter_map(|caller| at.get(&caller)).max();
        let round = after.map_or(0, |round| round.saturating_add(1));
        for node in circle {
            at.insert(node, round);
            let name = calls.node_weight(node).map(String::as_str);
            rounds.entry(round).or_default().extend(name);
        }
    }
    let rounds = rounds.into_values().map(|mut names| {
        names.sort_unstable();
        quoted(&names.join(" "))
    });
    format!(
        "\n# What goes back together; who calls comes before who is called.\nrounds=({})\n",
        rounds.collect::<Vec<_>>().join(" ")
    )
}

/// A function of these commands.
fn function(name: &str, commands: impl Iterator<Item = Vec<String>>) -> String {
    let lines = commands.map(|words| {
        // No word of a shell can hold a NUL.
        let words = words
            .iter()
            .map(|word| quoted(&word.replace('\0', "\u{fffd}")));
        format!("  {}\n", words.collect::<Vec<_>>().join(" "))
    });
    let mut body: String = lines.collect();
    if body.is_empty() {
        "  :\n".clone_into(&mut body);
    }
    format!("\n{name}() {{\n{body}}}\n")
}

/// The stacks, each behind those that its services call; those that call each other as they were
/// declared.
fn in_order(graph: &Graph) -> Vec<&str> {
    let mut calls: DiGraph<&str, ()> = DiGraph::new();
    let mut nodes: BTreeMap<&str, NodeIndex> = BTreeMap::new();
    for service in graph.services_on(TargetId::Swarm) {
        let stack = graph.stack(service);
        nodes.entry(stack).or_insert_with(|| calls.add_node(stack));
    }
    for (from, _, to) in graph.edges() {
        let stack = |id| graph.service(id).map(|service| graph.stack(service));
        let ends = stack(from).zip(stack(to)).filter(|(from, to)| from != to);
        if let Some((from, to)) = ends
            && let (Some(from), Some(to)) = (nodes.get(from), nodes.get(to))
        {
            calls.update_edge(*from, *to, ());
        }
    }
    // A component is found after all that it leads to.
    let mut order = Vec::new();
    for mut circle in tarjan_scc(&calls) {
        circle.sort_unstable();
        order.extend(circle.iter().filter_map(|node| calls.node_weight(*node)));
    }
    order
}

#[cfg(test)]
mod tests {
    use crate::source::MemoryWorld;
    use crate::{Options, compile};

    fn script(text: &str) -> String {
        written(super::DEPLOY, text)
    }

    fn written(path: &str, text: &str) -> String {
        let text = format!("app shop {{ targets = [swarm] }}\n{text}");
        let world = MemoryWorld::single("app.zd", text);
        let artifacts = compile(&world, "app.zd", &Options::default())
            .artifacts
            .unwrap();
        let script = artifacts.iter().find(|it| it.path == path).unwrap();
        script.text.to_string()
    }

    fn told(text: &str) -> String {
        let script = script(text);
        let (_, told) = script.split_once("# What there is").unwrap();
        told.to_owned()
    }

    fn service(name: &str, more: &str) -> String {
        format!("service {name} {{ image = \"example/{name}:1\", stack = \"{name}\"\n{more} }}\n")
    }

    #[test]
    fn who_is_called_comes_before_its_callers() {
        let port = "port tcp { number = 1 }, join net";
        let calls = |of: &str| format!("{port}\n env {{ API = {of}.tcp.address }}");
        let chain = [
            "network net {}\n",
            &service("a", &calls("b")),
            &service("b", &calls("c")),
            &service("c", port),
        ];
        assert!(told(&chain.concat()).contains("stacks=(c b a)\n"));
        let circle = [
            "network net {}\n",
            &service("a", &calls("b")),
            &service("b", &calls("a")),
        ];
        assert!(told(&circle.concat()).contains("stacks=(a b)\n"));
    }

    /// Across stacks, and also where the service between two others is of a stack that calls itself.
    #[test]
    fn who_calls_goes_back_before_who_is_called() {
        let port = "port tcp { number = 1 }, join net";
        let calls = |of: &str| format!("{port}\n env {{ API = {of}.tcp.address }}");
        let text = [
            "network net {}\n",
            &service("c", port),
            &service("b", &calls("c")),
            &service("d", &calls("e")),
            &service("e", &calls("d")),
            &service("a", &calls("b")).replace("stack = \"a\"", "stack = \"c\""),
        ];
        let script = written(super::ROLLBACK, &text.concat());
        let line = "\nrounds=('c_a d_d e_e' b_b c_c)\n";
        assert!(script.contains(line), "{script}");
    }

    #[test]
    fn what_is_there_to_end_is_known() {
        let restart = |of: &str| format!("restart {{ condition = {of} }}");
        let text = [
            service("a", &restart("none")),
            service("b", &restart("on_failure")),
            service(
                "c",
                &[&restart("none"), "\nport tcp { number = 1 }"].concat(),
            ),
            service("d", ""),
            service("e", &[&restart("none"), "\nname = \"last\""].concat()),
        ];
        assert!(told(&text.concat()).contains("once=(a_a e_last)\nuntil_done=(b_b)\n"));
    }

    /// The end of a task, 10 s by default, its start, what is waited after it and at the end, and ten minutes.
    #[test]
    fn patience_outlasts_what_an_update_waits() {
        let short = service("b", "update rolling { delay = 20s, monitor = 30s }");
        for (more, seconds) in [
            ("", 10 + 20 + 30 + 600),
            ("update canary { monitor = 10m }", 10 + 2 * 600 + 600),
            ("update rolling { delay = 20m }", 10 + 2 * 1200 + 600),
            (
                "update rolling { delay = 1s, rollback { delay = 5m, monitor = 7m } }",
                10 + 300 + 420 + 600,
            ),
            (
                "timing { startup = 1m..20m }\n shutdown { grace = 2m }",
                120 + 1200 + 5 + 600,
            ),
            (
                "health exec { command = [\"true\"], start_period = 15m, interval = 10s, timeout = 5s }",
                10 + 900 + 3 * 15 + 5 + 600,
            ),
        ] {
            let script = script(&[&*short, &service("a", more)].concat());
            let line = format!("\npatience={seconds}\n");
            assert!(script.contains(&line), "{more}: {line}{script}");
        }
    }

    #[test]
    fn what_is_made_is_what_stacks_share_and_use() {
        let text = [
            "network shared { attachable = true, subnet = 10.1.0.0/16, name = \"real\" }\n",
            "network theirs { external = true }\nnetwork own {}\n",
            "secret token { from = env(\"TOKEN\"), name = \"it's\" }\nsecret there { external = true }\n",
            &service(
                "a",
                "join shared, join theirs, join own, secret token { path = \"/t\" }",
            ),
            &service(
                "b",
                "join shared, join theirs, secret there { path = \"/t\" }",
            ),
        ];
        let told = told(&text.concat());
        assert!(
            told.ends_with(
                "stacks=(a b)\n# What ends by itself and is not started again, and what is where it failed.\n\
                 once=()\nuntil_done=()\n\nnetworks() {\n  network real --attachable --subnet=10.1.0.0/16\n}\n\n\
                 secrets() {\n  secret_of 'it'\\''s' TOKEN_HASH env TOKEN\n}\n\nmain \"$@\"\n"
            ),
            "{told}"
        );
    }
}
