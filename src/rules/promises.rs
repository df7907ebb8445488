//! Promises that no policy can keep, and such as are none.

use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{Graph, Promise};

/// More instances promised than run. With none the proof says so itself, and one a node is promised node by node.
pub(super) fn above_replicas(graph: &Graph, diagnostics: &mut Diagnostics) {
    for service in graph.services() {
        let body = &service.node.service;
        let stated = body.availability.as_ref();
        let Some(stated) = stated.and_then(|stated| stated.min_available.as_ref()) else {
            continue;
        };
        let replicas = graph.replicas(service);
        let promised = stated.value.of_up(replicas.least);
        let holds = matches!(graph.promise(service), Promise::Capacity { .. });
        if !holds || graph.is_global(service) || replicas.least == 0 || promised <= replicas.least {
            continue;
        }
        let name = service.name();
        let may = if replicas.least == replicas.most {
            "has"
        } else {
            "may have"
        };
        let (least, plural) = (replicas.least, if replicas.least == 1 { "" } else { "s" });
        let diagnostic = Diagnostic::new(
            &catalogue::PROMISE_ABOVE_REPLICAS,
            format!("`{name}` {may} {least} instance{plural}, and {promised} are promised"),
            stated.span,
        )
        .labelled("no way to update keeps that")
        .help(format!(
            "run {promised} or more, or promise at most {least}: each that may be missing for a moment is one more to run"
        ))
        .about(name);
        let scale = body.scale.as_ref().and_then(|scale| scale.min.as_ref());
        let counted = scale.map(|min| min.span);
        let counted = counted.or_else(|| body.replicas.as_ref().map(|replicas| replicas.span));
        diagnostics.push(match counted {
            Some(span) => diagnostic.and(span, "so many run at least"),
            None => diagnostic,
        });
    }
}

/// A promise of nothing. What a service does without is said with a reason, and not by a number.
pub(super) fn of_nothing(graph: &Graph, diagnostics: &mut Diagnostics) {
    for service in graph.services() {
        let stated = service.node.service.availability.as_ref();
        let stated = stated.and_then(|stated| stated.min_available.as_ref());
        let holds = matches!(graph.promise(service), Promise::Capacity { .. });
        let Some(stated) = stated.filter(|stated| holds && stated.value.is_nothing()) else {
            continue;
        };
        let name = service.name();
        diagnostics.push(
            Diagnostic::new(
                &catalogue::OUT_OF_RANGE,
                format!("`{name}` promises nothing: `min_available` is at least 1"),
                stated.span,
            )
            .labelled("none is promised")
            .help("promise 1 or more; or say that it may be down, `allow downtime { because = \"…\" }`")
            .about(name),
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::source::MemoryWorld;
    use crate::{Options, compile};

    #[test]
    fn a_promise_of_nothing_is_none() {
        let said = |promise: &str| {
            let text = format!(
                "app shop {{ targets = [swarm] }}\nservice web {{\n  image = \"example/web:1.0.0\"\n  \
                 port http {{ number = 80 }}\n  health http {{}}\n  update recreate {{}}\n  {promise}\n}}\n"
            );
            let world = MemoryWorld::single("app.zd", text);
            let found = compile(&world, "app.zd", &Options::default()).diagnostics;
            let found = found.iter().map(|it| it.code.id);
            found.collect::<Vec<_>>()
        };
        assert_eq!(said("availability { min_available = 0 }"), ["ZD2014"]);
        assert_eq!(said("availability { min_available = 0% }"), ["ZD2014"]);
        assert_eq!(said("availability { min_available = 1 }"), ["ZD4004"]);
        let down = "allow downtime { because = \"nobody minds\" }";
        assert!(said(&format!("availability {{ min_available = 0 }}\n  {down}")).is_empty());
    }
}
