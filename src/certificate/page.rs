//! `PROOF.md`: the certificate as a page for people.

use super::Certificate;
use super::assumptions::Facts;
use crate::rollout::table::Proof;
use std::fmt::Write as _;

/// The page, without the line that says who made it.
pub(super) fn page(certificate: &Certificate<'_>, proofs: &[Proof]) -> String {
    let mut page = String::new();
    // Writing to a string never fails.
    let _ = writeln!(
        page,
        "# What is proved of {}\n\nBy zdc {}. `zdc build --check` fails when it no longer matches the program or the manifests.\n",
        cell(certificate.app),
        certificate.zdc
    );
    page += "## Proofs\n\nInstances that serve at the worst moment, at the fewest replicas there may be; a bad version is one that \
             never gets healthy. Where `only` stands fewer serve than are promised: in a kind of change that the service's `through` does not name, as \
             drains must be, or since the service accepts it below.\n\n";
    table(
        &mut page,
        &Proof::HEAD,
        proofs.iter().map(|proof| proof.cells().to_vec()),
    );
    page += "\n## What they rest on\n\n";
    for target in &certificate.targets {
        let engine = target
            .engine
            .map_or(String::new(), |it| format!(" as {it} does it"));
        let _ = writeln!(
            page,
            "- {}{engine}: {}",
            target.target,
            target.assumes.join("; ")
        );
    }
    page += "\nEach service is taken at its word. What stands neither above nor here no proof relies on.\n\n";
    let head = [
        "service",
        "health check",
        "startup",
        "longest request",
        "graceful limit",
        "drain",
        "idle timeout",
        "pool idle",
        "DNS cache",
        "nodes",
    ];
    table(&mut page, &head, certificate.facts.iter().map(facts));
    page += "\n## What is accepted\n\n";
    if certificate.accepted.is_empty() {
        page += "Nothing.\n";
    } else {
        let rows = certificate.accepted.iter().map(|accepted| {
            let until = accepted
                .until
                .clone()
                .unwrap_or_else(|| "for good".to_owned());
            [
                accepted.service,
                accepted.accepts,
                &until,
                accepted.because.unwrap_or_default(),
            ]
            .map(ToOwned::to_owned)
            .to_vec()
        });
        table(&mut page, &["service", "what", "until", "because"], rows);
    }
    page += "\n## Of what\n\n";
    let files = certificate.inputs.iter();
    let files = files.map(|(path, hash)| ((*path).to_owned(), hash.clone()));
    let manifests = ("the manifests".to_owned(), certificate.manifests.clone());
    let rows = files
        .chain([manifests])
        .map(|(path, hash)| vec![path, hash]);
    table(&mut page, &["input", "SHA-256"], rows);
    page
}

fn facts(facts: &Facts<'_>) -> Vec<String> {
    let stated = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    let check = if facts.health_check { "yes" } else { "no" };
    vec![
        facts.service.to_owned(),
        check.to_owned(),
        stated(&facts.startup),
        stated(&facts.longest_request),
        stated(&facts.graceful_limit),
        stated(&facts.drain),
        stated(&facts.idle_timeout),
        stated(&facts.pool_idle),
        stated(&facts.dns_cache),
        stated(&facts.nodes.map(|nodes| format!("{nodes} or more"))),
    ]
}

fn table(page: &mut String, head: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    page.push_str(&line(head.iter().map(|it| (*it).to_owned()).collect()));
    page.push_str(&line(head.iter().map(|_| "---".to_owned()).collect()));
    for row in rows {
        page.push_str(&line(row.iter().map(|it| cell(it)).collect()));
    }
}

/// Text that stays text in a cell of a table.
fn cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '|' | '\\' | '*' | '[' | ']' => out.extend(['\\', char]),
            '<' => out += "&lt;",
            '&' => out += "&amp;",
            '@' => out += "&#64;",
            char if char.is_control() => out.push(' '),
            char => out.push(char),
        }
    }
    out
}
