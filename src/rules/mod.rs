//! Faults that can be read off the graph and that are not about updates over time: one file each,
//! one line each in [`ALL`].

mod waivers;

pub use waivers::Waivers;

use crate::diagnostics::Diagnostics;
use crate::graph::Graph;

/// Looks for one kind of fault.
type Rule = fn(&Graph, &mut Diagnostics);

/// Every rule.
const ALL: &[Rule] = &[];

/// Runs every rule.
pub fn check(graph: &Graph) -> Diagnostics {
    let mut diagnostics = Diagnostics::default();
    for rule in ALL {
        rule(graph, &mut diagnostics);
    }
    diagnostics
}
