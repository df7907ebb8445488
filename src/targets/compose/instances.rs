//! How many containers a service has: what was written, or fewer, where a host has something once.

use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::{Graph, ServiceView};
use crate::source::Span;
use crate::targets::docker::{Lowering, Place, Replicas};
use crate::vocabulary::{Between, Staged};

/// The number of a service's containers.
pub(super) struct Instances<'g> {
    /// The most of them, whatever is given when it is deployed.
    most: u64,
    /// What holds them down to fewer than were written.
    held: Option<Once<'g>>,
}

/// Something of which a host has so many.
struct Once<'g> {
    what: String,
    span: Span,
    count: u64,
    service: ServiceView<'g>,
}

/// How many containers a service has.
pub(super) fn of<'g>(graph: &'g Graph, service: ServiceView<'g>) -> Instances<'g> {
    if graph.is_global(service) {
        return Instances {
            most: 1,
            held: None,
        };
    }
    let written = graph.replicas(service);
    let most = match &service.node.service.body.scale {
        Some(_) => written.least,
        None => written.most,
    };
    let mut scarcest = once(graph, service).into_iter().min_by_key(|it| it.count);
    if let Some(once) = &mut scarcest {
        once.count = once.count.min(written.default);
    }
    match scarcest {
        Some(once) if once.count < most => Instances {
            most: once.count,
            held: Some(once),
        },
        _ => Instances { most, held: None },
    }
}

impl Instances<'_> {
    /// Whether there is one at most.
    pub(super) fn is_one(&self) -> bool {
        self.most <= 1
    }

    /// The number as written, where it is not the 1 that it is anyway.
    pub(super) fn lower(&self, lowering: &mut Lowering<'_, '_>) -> Option<Replicas> {
        let body = &lowering.service.node.service.body;
        if let Some(mode) = &body.mode {
            lowering
                .ledger
                .declare(mode.id, "one host has one instance of a global service");
        }
        if let Some(scale) = &body.scale {
            let reason = "only the fewest instances are written";
            lowering.ledger.declare_block(scale, reason);
        }
        if let Some(once) = &self.held {
            let written = body.replicas.as_ref();
            let span = written.map_or(once.service.span(), |replicas| replicas.span);
            lowering.ledger.report(held(once, span));
        }
        let known = |count: u64| (count != 1).then_some(Replicas::Known(count));
        let Some(replicas) = &body.replicas else {
            return known(self.most);
        };
        if self.held.is_some() || body.scale.is_some() || lowering.graph.is_global(lowering.service)
        {
            let reason = "fewer run on one host";
            lowering.ledger.declare(replicas.id, reason);
            return known(self.most);
        }
        Some(match lowering.ledger.take(replicas) {
            Staged::Known(count) => Replicas::Known(count.get()),
            Staged::Variable(id) => {
                Replicas::Variable(lowering.variable(id, Place::Field, replicas.span))
            }
        })
    }
}

/// The published ports and static addresses of a service. Of a range of ports each container gets
/// one (docker/compose `pkg/compose/convergence.go`, `startContainer`).
fn once<'g>(graph: &'g Graph, service: ServiceView<'g>) -> Vec<Once<'g>> {
    let mut all = Vec::new();
    for port in service.ports() {
        let Some(publish) = &port.publish else {
            continue;
        };
        let Between { least, most } = publish.value;
        let count = most.get().saturating_sub(least.get()).saturating_add(1);
        let what = match count {
            1 => format!("port {}", least.get()),
            _ => format!("each of ports {}..{}", least.get(), most.get()),
        };
        all.push(Once {
            what,
            span: publish.span,
            count,
            service,
        });
    }
    let gateway = service.node.gateway.iter();
    for listen in gateway.flat_map(|gateway| &gateway.listen) {
        let number = listen.port.as_ref().map_or(80, |port| port.value.get());
        all.push(Once {
            what: format!("port {number}"),
            span: listen.span,
            count: 1,
            service,
        });
    }
    for (_, join) in graph.joins(service) {
        if let Some(address) = &join.address {
            all.push(Once {
                what: format!("address {}", address.value),
                span: address.span,
                count: 1,
                service,
            });
        }
    }
    all
}

fn held(once: &Once<'_>, replicas: Span) -> Diagnostic {
    let name = once.service.name();
    let many = match once.count {
        1 => "one instance".to_owned(),
        count => format!("{count} instances"),
    };
    let help = if once.service.node.gateway.is_some() {
        "nothing has to be done: one is enough there"
    } else {
        "nothing has to be done; to run several there, let a gateway publish the port"
    };
    Diagnostic::new(
        &catalogue::FEWER_INSTANCES_ON_COMPOSE,
        format!(
            "`{name}` runs as {many} on compose: a host has {} once",
            once.what
        ),
        replicas,
    )
    .and(once.span, "had by one container")
    .help(help)
    .about(name)
}
