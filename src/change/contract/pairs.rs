//! Which service of the new program goes on as which of the old one: the one of the same zd name, or else the one that had its
//! name where it runs, so that an orchestrator takes both for one.

use crate::graph::{Graph, ServiceView};
use std::collections::BTreeMap;

/// The services that have another zd name in the new program, and the same one where they run.
#[derive(Default)]
pub(super) struct Pairs<'a> {
    before: BTreeMap<&'a str, &'a str>,
    now: BTreeMap<&'a str, &'a str>,
}

impl<'a> Pairs<'a> {
    pub(super) fn of(old: Option<&'a Graph>, new: Option<&'a Graph>) -> Self {
        let mut pairs = Self::default();
        let (Some(old), Some(new)) = (old, new) else {
            return pairs;
        };
        let gone = alone(old, new);
        let come = alone(new, old);
        for (name, was) in gone {
            if let Some(is) = come.get(&name) {
                pairs.before.insert(is, was);
                pairs.now.insert(was, is);
            }
        }
        pairs
    }

    /// The zd name that a service of the new program had.
    pub(super) fn before<'n>(&self, name: &'n str) -> &'n str
    where
        'a: 'n,
    {
        self.before.get(name).copied().unwrap_or(name)
    }

    /// The zd name that a service of the old program has now.
    pub(super) fn now<'n>(&self, name: &'n str) -> &'n str
    where
        'a: 'n,
    {
        self.now.get(name).copied().unwrap_or(name)
    }
}

/// The services of a program whose zd names the other one does not have, by their stacks and the names that they run under.
fn alone<'a>(graph: &'a Graph, other: &Graph) -> BTreeMap<(&'a str, &'a str), &'a str> {
    let alone = graph
        .services()
        .filter(|it| other.find(it.name()).is_none());
    alone.map(|it| (place(graph, it), it.name())).collect()
}

/// The stack and the name that a service runs under.
pub(super) fn place<'a>(graph: &'a Graph, service: ServiceView<'a>) -> (&'a str, &'a str) {
    (graph.stack(service), service.emitted_name())
}
