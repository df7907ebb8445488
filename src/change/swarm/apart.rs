//! Stacks that are surely not deployed beside each other: variants of one, each for a swarm of its own, and those that both have had one port,
//! of which each is one service's in a swarm.

use super::ports::{Ports, clash, published};
use super::stack::Stack;
use std::cell::OnceCell;
use std::collections::BTreeMap;

/// The stacks of both sides.
pub(super) struct Apart<'a> {
    old: &'a [Stack<'a>],
    /// What the variants are of, by their names.
    variants: BTreeMap<&'a str, &'a str>,
    /// The ports of each stack of before.
    ports: OnceCell<BTreeMap<&'a str, Ports>>,
}

impl<'a> Apart<'a> {
    pub(super) fn of(old: &'a [Stack<'a>], new: &'a [Stack<'a>]) -> Self {
        let stacks = old.iter().chain(new);
        let variants = stacks.filter_map(|stack| Some((stack.name, stack.variant_of?)));
        Self {
            old,
            variants: variants.collect(),
            ports: OnceCell::new(),
        }
    }

    /// Whether two stacks, by their names, are on different swarms.
    pub(super) fn are(&self, one: &str, other: &str) -> bool {
        if one == other {
            return false;
        }
        let variants = self.variants.get(one).zip(self.variants.get(other));
        variants.is_some_and(|(one, other)| one == other) || self.share_a_port(one, other)
    }

    fn share_a_port(&self, one: &str, other: &str) -> bool {
        let ports = self.ports.get_or_init(|| {
            let all = self.old.iter();
            all.map(|stack| {
                let services = stack.services.iter();
                let mut ports: Ports = services.flat_map(|it| published(it)).collect();
                ports.retain(|port, _| !port.contains('$'));
                (stack.name, ports)
            })
            .collect()
        });
        let both = ports.get(one).zip(ports.get(other));
        both.is_some_and(|(ours, theirs)| ours.keys().any(|port| clash(ours, theirs, port)))
    }
}
