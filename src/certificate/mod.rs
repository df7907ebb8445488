//! The certificate beside the manifests: what was proved of each service on each target, what that rests
//! on, what was accepted, and of which inputs. `PROOF.md` is for people, `proof.json` for programs.
//!
//! Not here: any judgement. It holds what the verifier found, and nothing that depends on the
//! machine, the time or a path outside the project. No value of a parameter or secret is in it: what a
//! parameter did is in the manifests, which are hashed as they are.

mod assumptions;
mod page;

use crate::diagnostics::catalogue;
use crate::graph::Graph;
use crate::rollout::table::{Least, Proof};
use crate::source::Sources;
use crate::targets::{Artifact, Header, digest};
use assumptions::{Basis, Facts};
use serde::Serialize;
use std::collections::BTreeMap;

/// Where the page for people stands, below the output folder.
pub const PAGE: &str = "PROOF.md";
/// Where the record for programs stands.
pub const RECORD: &str = "proof.json";

/// Whether the program asks for a certificate.
pub fn is_wanted(graph: &Graph) -> bool {
    let wanted = graph.app().and_then(|app| app.certificate.as_ref());
    wanted.is_some_and(|wanted| wanted.value)
}

/// The certificate's files, of what was proved and what will be written.
pub fn certificate(
    graph: &Graph,
    proofs: &[Proof],
    sources: &Sources,
    artifacts: &[Artifact],
) -> Vec<Artifact> {
    let mut targets = graph.targets();
    targets.sort_unstable();
    targets.dedup();
    let certificate = Certificate {
        zdc: env!("CARGO_PKG_VERSION"),
        app: graph.name(),
        inputs: inputs(sources),
        manifests: manifests(artifacts),
        targets: assumptions::engines(graph, &targets),
        proofs: proofs.iter().map(Row::of).collect(),
        facts: assumptions::facts(graph, proofs),
        accepted: accepted(graph),
    };
    // Strings, numbers and lists of them: JSON has a word for each.
    let record = serde_json::to_string_pretty(&certificate).unwrap_or_default() + "\n";
    let file = |path: &str, text: String, header| Artifact {
        target: None,
        path: path.to_owned(),
        text: text.into(),
        header,
    };
    vec![
        file(PAGE, page::page(&certificate, proofs), Header::Markup),
        file(RECORD, record, Header::Key),
    ]
}

/// All of it.
#[derive(Serialize)]
struct Certificate<'a> {
    /// Who proved it.
    zdc: &'static str,
    app: &'a str,
    /// The SHA-256 of every source, by its path in the project.
    inputs: BTreeMap<&'a str, String>,
    /// The SHA-256 of the manifests.
    manifests: String,
    targets: Vec<Basis>,
    proofs: Vec<Row<'a>>,
    facts: Vec<Facts<'a>>,
    accepted: Vec<Accepted<'a>>,
}

/// What was proved of a service; numbers are of instances, at the fewest replicas.
#[derive(Serialize)]
struct Row<'a> {
    service: &'a str,
    target: &'static str,
    /// The fewest and the most there may be; no most where nothing bounds them.
    replicas: (u64, Option<u64>),
    /// None where downtime is allowed.
    promised: Option<u64>,
    /// The kinds of change that the promise is held to: those that it names, or all but drains where it names none.
    through: Vec<&'static str>,
    /// None where no model tells.
    update: Option<u64>,
    rollback: Option<u64>,
    bad_version: Option<u64>,
    drain: Option<u64>,
}

impl<'a> Row<'a> {
    fn of(proof: &'a Proof) -> Self {
        let known = |least: Least| match least {
            Least::Known(least) => Some(least),
            Least::Unproved => None,
        };
        let most = proof.replicas.most;
        Row {
            service: &proof.service,
            target: proof.target.word(),
            replicas: (proof.replicas.least, (most < u64::MAX).then_some(most)),
            promised: proof.promised,
            through: proof.through.iter().map(|it| it.word()).collect(),
            update: known(proof.update),
            rollback: known(proof.rollback),
            bad_version: known(proof.bad_version),
            drain: known(proof.drain),
        }
    }
}

/// Something that a service accepts.
#[derive(Serialize)]
struct Accepted<'a> {
    service: &'a str,
    /// A code's name, or `downtime`.
    accepts: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<&'a str>,
    /// The last day.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
}

/// What is accepted, without what has ended: that accepts nothing.
fn accepted(graph: &Graph) -> Vec<Accepted<'_>> {
    let mut accepted = Vec::new();
    for service in graph.services() {
        let allowed = service.node.service.allow.iter();
        for allow in allowed.filter(|allow| graph.ended(allow).is_none()) {
            let what = allow.label.name();
            accepted.push(Accepted {
                service: service.name(),
                accepts: catalogue::find(what).map_or(what, |code| code.name),
                because: allow.because.as_ref().map(|because| &*because.value),
                until: allow.until.as_ref().map(|until| until.value.to_string()),
            });
        }
    }
    accepted
}

fn inputs(sources: &Sources) -> BTreeMap<&str, String> {
    let files = sources.iter();
    files
        .map(|(_, source)| (&*source.path, digest([&*source.text])))
        .collect()
}

/// The hash of the manifests, each behind its path; no file can end where another's path begins.
fn manifests(artifacts: &[Artifact]) -> String {
    let mut files: Vec<&Artifact> = artifacts.iter().collect();
    files.sort_by(|one, other| one.path.cmp(&other.path));
    let parts = files.iter().flat_map(|file| {
        let length = format!("{}\0{}\0", file.path, file.text.len());
        [length.into_bytes(), file.text.as_bytes().to_vec()]
    });
    digest(parts)
}
