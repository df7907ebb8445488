//! What put a line of a written file there.
//!
//! Nothing is taken down while files are written, so that a build pays nothing for it. Asked for a
//! line, this changes one written property after the other and looks at whether the line changes
//! too: what it depends on is found by the compiler itself, for every target in the same way.

mod context;
mod place;
mod trial;

use crate::check::Checked;
use crate::eval::Inputs;
use crate::graph::{Graph, ServiceView};
use crate::rollout::derivation::{self, Origin, Setting};
use crate::source::{Span, World};
use crate::vocabulary::TargetId;
use context::Context;
use place::{Place, Resource};
use std::cmp::Reverse;
use std::collections::BTreeSet;
use trial::{Change, Laboratory, Outcome};

/// A file that a build writes, to be asked about its lines.
pub struct Traced<'a> {
    laboratory: Laboratory<'a>,
    target: TargetId,
    path: &'a str,
}

/// What put a line there.
#[derive(Debug, Default)]
pub struct Provenance {
    /// What was written and the line depends on; what decides the fewest other lines first.
    pub from: Vec<Influence>,
    /// The number of a policy that the line holds, with its inequalities.
    pub setting: Option<Setting>,
    /// Whose line it is; `None` where the target writes it for every program.
    pub of: Option<Owner>,
    /// How many resources were not looked at: what they do to the line is not told.
    pub unseen: usize,
}

/// Something written that a line depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Influence {
    /// Its name in its top-level block: `health.interval`; empty for the whole block.
    pub property: String,
    /// The top-level block.
    pub owner: Owner,
    /// Where its key stands, or the block's head.
    pub span: Span,
    /// Where its value was written; the block's head again.
    pub value: Span,
}

/// A top-level block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// `service`
    pub kind: String,
    /// Its label; may be empty.
    pub name: String,
    /// Its head.
    pub span: Span,
}

impl Provenance {
    /// The number, where zdc computed it or the language has it as a default.
    pub fn computed(&self) -> Option<&Setting> {
        self.setting
            .as_ref()
            .filter(|setting| matches!(setting.origin, Origin::Derived | Origin::Language))
    }
}

/// How many resources that a line does not name are looked at: each costs a compilation.
const MOST_OTHERS: usize = 100;

impl<'a> Traced<'a> {
    /// The file of this path under the output folder; `None` where the program writes none.
    pub fn new(
        world: &'a dyn World,
        checked: &'a Checked,
        inputs: &'a Inputs,
        target: TargetId,
        path: &'a str,
    ) -> Option<Self> {
        Some(Self {
            laboratory: Laboratory::new(world, checked, inputs, target, path)?,
            target,
            path,
        })
    }

    /// What put a line there, from 0 and without the mark of zdc; `None` where there is no such line.
    pub fn line(&self, index: usize) -> Option<Provenance> {
        let laboratory = &self.laboratory;
        let before = laboratory.lines().get(..=index)?;
        let context = Context::of(before, self.path);
        let (resources, unseen) = concerned(laboratory, index, &context);
        let mut from = influences(laboratory, index, &resources);
        if from.is_empty() {
            from = blocks(laboratory, index, &resources);
        }
        let setting = resources.iter().find_map(|resource| {
            let service = laboratory.graph().find(resource.name())?;
            setting(laboratory.graph(), service, self.target, &context)
        });
        Some(Provenance {
            from,
            setting,
            of: resources.first().map(|resource| resource.owner()),
            unseen,
        })
    }
}

/// The resources without which the line would be another or not be there, those that it names first;
/// and how many were not looked at.
fn concerned<'l>(
    laboratory: &'l Laboratory<'_>,
    index: usize,
    context: &Context<'_>,
) -> (Vec<&'l Resource>, usize) {
    let (mut named, mut others): (Vec<_>, Vec<_>) = laboratory
        .resources()
        .iter()
        .partition(|resource| context.rank(resource.name()).is_some());
    named.sort_by_key(|resource| (context.rank(resource.name()), resource.is_beside_services()));
    let graph = laboratory.graph();
    let near = neighbours(graph, &named);
    // Then what is not a service: there are few, and settings are for all.
    others.sort_by_key(|resource| {
        let is_near = near.contains(resource.name());
        (!is_near, !resource.is_beside_services())
    });
    let unseen = others.len().saturating_sub(MOST_OTHERS);
    let seen = named
        .into_iter()
        .chain(others.into_iter().take(MOST_OTHERS));
    let concerned = seen.filter(|resource| {
        let place = Place::block(resource.index, Vec::new());
        laboratory.run(index, &place, Change::Gone) != Outcome::Same
    });
    (concerned.collect(), unseen)
}

/// The names of the services that these refer to, and of those that refer to these.
fn neighbours<'g>(graph: &'g Graph, of: &[&Resource]) -> BTreeSet<&'g str> {
    let mut names = BTreeSet::new();
    for service in of.iter().filter_map(|resource| graph.find(resource.name())) {
        let to = graph.edges_from(service.id).map(|(_, to)| to);
        names.extend(to.filter_map(|to| graph.service(to)).map(ServiceView::name));
        names.extend(graph.edges_to(service.id).map(|(_, from)| from.name()));
    }
    names
}

/// The attributes that the line depends on. One on which most of the file depends is told only
/// where there is nothing nearer.
fn influences(
    laboratory: &Laboratory<'_>,
    index: usize,
    resources: &[&Resource],
) -> Vec<Influence> {
    let mut found: Vec<(usize, Influence)> = Vec::new();
    for resource in resources {
        for place in resource.attributes() {
            let outcome = match laboratory.run(index, &place, Change::Other) {
                Outcome::Same => laboratory.run(index, &place, Change::Gone),
                outcome => outcome,
            };
            let (Outcome::Changed { lines }, Some(influence)) = (outcome, resource.told(&place))
            else {
                continue;
            };
            // Of an attribute and what stands in its value the last is the nearest.
            found.retain(|(_, other)| other.span != influence.span);
            found.push((lines, influence));
        }
    }
    let nearest = found.iter().map(|(lines, _)| *lines).min().unwrap_or(0);
    let most = laboratory.lines().len() / 2;
    found.retain(|(lines, _)| *lines <= most.max(nearest));
    found.sort_by_key(|(lines, _)| *lines);
    found.into_iter().map(|(_, influence)| influence).collect()
}

/// The smallest block without which the line would not be there; of those that make the whole file
/// the innermost.
fn blocks(laboratory: &Laboratory<'_>, index: usize, resources: &[&Resource]) -> Vec<Influence> {
    let places = resources
        .iter()
        .flat_map(|resource| resource.blocks().map(move |place| (resource, place)));
    places
        .filter_map(
            |(resource, place)| match laboratory.run(index, &place, Change::Gone) {
                Outcome::Same => None,
                Outcome::Changed { lines } => Some((lines, place, resource)),
                Outcome::NoFile => Some((usize::MAX, place, resource)),
            },
        )
        .min_by_key(|(lines, place, _)| (*lines, Reverse(place.depth())))
        .and_then(|(_, place, resource)| resource.told(&place))
        .into_iter()
        .collect()
}

/// The number of the service's policy that the line holds.
fn setting(
    graph: &Graph,
    service: ServiceView<'_>,
    target: TargetId,
    context: &Context<'_>,
) -> Option<Setting> {
    graph.runs_on(service, target).then_some(())?;
    derivation::explain(graph, service, target)
        .into_iter()
        .find(|setting| context.holds(&setting.name))
}
