//! Stacks that are surely not deployed beside each other: variants of one, each for a swarm of its own, and those that both have had one port,
//! of which each is one service's in a swarm.

use super::ports::{Ports, clash, published};
use super::stack::Stack;
use crate::change::difference::at;
use crate::change::images;
use std::cell::OnceCell;
use std::collections::BTreeMap;

/// The stacks of both sides.
pub(super) struct Apart<'a> {
    old: &'a [Stack<'a>],
    new: &'a [Stack<'a>],
    /// The ports of each stack of before.
    ports: OnceCell<BTreeMap<&'a str, Ports>>,
}

impl<'a> Apart<'a> {
    pub(super) fn of(old: &'a [Stack<'a>], new: &'a [Stack<'a>]) -> Self {
        Self {
            old,
            new,
            ports: OnceCell::new(),
        }
    }

    /// Whether two stacks, by their names, are on different swarms.
    pub(super) fn are(&self, one: &str, other: &str) -> bool {
        if one == other {
            return false;
        }
        let of = |name: &str| {
            let mut stacks = self.new.iter().chain(self.old);
            stacks.find(|it| it.name == name)
        };
        let both = of(one).zip(of(other));
        both.is_some_and(|(one, other)| are_variants(one, other)) || self.share_a_port(one, other)
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

/// Whether two stacks are one, for a swarm each: their files say so, and of the services that both have each runs the same program. Two apps
/// whose files are called alike have others.
fn are_variants(one: &Stack<'_>, other: &Stack<'_>) -> bool {
    let runs = |stack: &Stack<'_>, name: &str| {
        let service = stack.services.iter().find(|it| it.name == name)?;
        let image = at(&service.content, &["image"])?;
        image.as_str().map(|it| images::repository(it).to_owned())
    };
    let mut both = one.services.iter().filter_map(|it| {
        let other = runs(other, &it.name)?;
        Some(runs(one, &it.name)? == other)
    });
    let are_called_so = one.variant_of.is_some() && one.variant_of == other.variant_of;
    are_called_so && both.next() == Some(true) && both.all(|is_same| is_same)
}
