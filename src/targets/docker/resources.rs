//! What a service may use and what is set aside for it.

use super::Lowering;
use super::format::{Amounts, Resources};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::types::{Cpu, Memory};
use crate::vocabulary::{Attribute, Node, ResourceAmounts, TargetId};

/// The `resources` of a service's `deploy`.
pub(in crate::targets) fn resources(lowering: &mut Lowering<'_, '_>) -> Option<Resources> {
    let node = lowering.service.node.service.body.resources.as_ref()?;
    let resources = lowering.ledger.enter(node);
    let amounts = Resources {
        limits: amounts(lowering, resources.limits.as_deref()),
        reservations: amounts(lowering, resources.reservations.as_deref()),
    };
    (amounts != Resources::default()).then_some(amounts)
}

fn amounts(
    lowering: &mut Lowering<'_, '_>,
    node: Option<&Node<ResourceAmounts>>,
) -> Option<Amounts> {
    let amounts = lowering.ledger.enter(node?);
    let least = least_memory(lowering.target);
    if let Some(memory) = amounts
        .memory
        .as_ref()
        .filter(|memory| memory.value.bytes < least.bytes)
    {
        let diagnostic = memory_too_small(lowering.target, memory, least);
        lowering
            .ledger
            .report(diagnostic.about(lowering.service.name()));
    }
    let amounts = Amounts {
        cpus: lowering
            .ledger
            .take_from(amounts.cpu.as_ref())
            .map(|cpu| cpus(*cpu)),
        memory: lowering
            .ledger
            .take_from(amounts.memory.as_ref())
            .map(|memory| bytes(*memory)),
    };
    (amounts != Amounts::default()).then_some(amounts)
}

/// What is refused below: 4 MiB by a swarm (swarmkit `controlapi/service.go`), 6 MiB by the engine
/// itself (moby `daemon/daemon_unix.go`, `linuxMinMemory`).
fn least_memory(target: TargetId) -> Memory {
    let bytes = if target == TargetId::Compose { 6 } else { 4 } << 20;
    Memory { bytes }
}

/// A number of processors, as text: a bare `0.5` is a number, which the schema refuses.
pub(in crate::targets) fn cpus(cpu: Cpu) -> String {
    let (whole, rest) = (cpu.millis / 1000, cpu.millis % 1000);
    if rest == 0 {
        return whole.to_string();
    }
    let digits = format!("{rest:03}");
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

/// docker/go-units `RAMInBytes`: `200M` is 200 MiB; every unit is a power of 1024. systemd reads the
/// same (`systemd.resource-control`, `MemoryMax=`).
pub(in crate::targets) fn bytes(memory: Memory) -> String {
    let (amount, unit) = memory.binary();
    let unit = ["", "K", "M", "G", "T"]
        .get(unit)
        .copied()
        .unwrap_or_default();
    format!("{amount}{unit}")
}

fn memory_too_small(target: TargetId, memory: &Attribute<Memory>, least: Memory) -> Diagnostic {
    Diagnostic::new(
        &catalogue::MEMORY_TOO_SMALL,
        format!(
            "{} refuses {}: it wants at least {least}",
            target.word(),
            memory.value
        ),
        memory.span,
    )
    .help("write what the program needs, in `MiB` or `GiB`")
}
