//! Nothing is dropped in silence. `tests/cases/ledger/app.zd` writes every property of the
//! vocabulary, and each target must take it, say what happens instead, or declare whose it is. A
//! property added to the vocabulary fails the first test until it is in that file, and then the
//! second until every target has an answer.

#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests read what they compare from the disk, and fail where they cannot"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use zdc::Options;
use zdc::graph::Graph;
use zdc::source::MemoryWorld;
use zdc::targets::{self, Account, Target};
use zdc::vocabulary::{BlockSchema, Shape, TOP, TargetId};

fn everything() -> Graph {
    everything_with("ingress")
}

/// With these routes on Kubernetes.
fn everything_with(routes: &str) -> Graph {
    let chosen = "gateway          = ingress";
    written(chosen, &format!("gateway = {routes}"))
}

/// With one text in the place of another.
fn written(chosen: &str, instead: &str) -> Graph {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/ledger");
    let text = fs::read_to_string(folder.join("app.zd")).unwrap();
    assert!(text.contains(chosen));
    let text = text.replace(chosen, instead);
    let world = MemoryWorld::single("app.zd", text).with("settings.yml", "greeting: hello\n");
    let compilation = zdc::compile(&world, "app.zd", &Options::default());
    let said: Vec<String> = compilation
        .diagnostics
        .iter()
        .map(|found| format!("{} {}", found.code.id, found.message))
        .collect();
    compilation
        .graph
        .unwrap_or_else(|| panic!("it does not compile:\n{}", said.join("\n")))
}

/// Every block and member of the vocabulary, by the names the ledger knows them under.
fn properties() -> BTreeSet<(String, String)> {
    fn walk(schema: &BlockSchema, name: &str, found: &mut BTreeSet<(String, String)>) {
        found.insert((name.to_owned(), String::new()));
        for member in schema.members {
            match member.shape {
                Shape::Attribute(_) | Shape::Entries(_) => {
                    found.insert((schema.kind.to_owned(), member.name.to_owned()));
                }
                Shape::Block(inner) | Shape::Blocks(inner) => walk(inner, member.name, found),
            }
        }
    }
    let mut found = BTreeSet::new();
    for root in TOP {
        walk(root, root.kind, &mut found);
    }
    found
}

#[test]
fn every_property_of_the_vocabulary_is_written_once() {
    let graph = everything();
    let written: BTreeSet<(String, String)> = graph
        .deployment()
        .written
        .iter()
        .map(|(_, entry)| {
            (
                entry.property.block.to_owned(),
                entry.property.member.to_owned(),
            )
        })
        .collect();
    let missing: Vec<_> = properties().difference(&written).cloned().collect();
    assert!(
        missing.is_empty(),
        "tests/cases/ledger/app.zd does not write {missing:?}"
    );
}

#[test]
fn every_target_has_an_answer_for_every_property() {
    assert_eq!(targets::ALL.len(), 4);
    for routes in ["ingress", "gateway_api"] {
        answers(&everything_with(routes));
    }
}

fn answers(graph: &Graph) {
    for target in targets::ALL {
        answer(*target, graph);
    }
}

#[test]
fn a_plain_host_has_an_answer_for_every_property() {
    let target = targets::find(TargetId::Nginx).unwrap();
    // With nginx alone the services run on a plain host.
    answer(
        target,
        &written("[swarm, nginx, kubernetes, compose]", "[nginx]"),
    );
}

fn answer(target: &dyn Target, graph: &Graph) {
    let lowered = target.lower(graph);
    let open: Vec<String> = graph
        .deployment()
        .written
        .iter()
        .filter(|(id, _)| lowered.accounts.get(*id) == Account::Open)
        .map(|(_, entry)| format!("{} {}", entry.property.block, entry.property.member))
        .collect();
    assert!(
        open.is_empty(),
        "target {} forgets {open:#?}",
        target.id().word()
    );
    let unexpressed = lowered
        .diagnostics
        .iter()
        .filter(|found| found.code.id == "ZD5000");
    assert_eq!(unexpressed.count(), 0);
}
