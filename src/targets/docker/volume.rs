//! A volume at the top of a file.

use super::format::Volume;
use super::text::escaped;
use crate::graph::Graph;
use crate::targets::Ledger;

/// A volume, by its zd name; `size` is why its size is in no file.
pub(in crate::targets) fn volume<'g>(
    graph: &'g Graph,
    name: &str,
    size: &'static str,
    ledger: &mut Ledger<'g>,
) -> Option<(String, Volume)> {
    let volume = ledger.enter(graph.volume(name)?);
    ledger.declare_from(volume.size.as_ref(), size);
    ledger.declare_from(volume.access.as_ref(), "a fact that the proof uses");
    let external = ledger.take_from(volume.external.as_ref());
    let real = ledger.take_from(volume.name.as_ref());
    let lowered = Volume {
        external: external.is_some_and(|external| *external),
        name: real.map(|real| escaped(real)),
    };
    Some((name.to_owned(), lowered))
}
