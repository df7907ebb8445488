//! Volumes of which it is written that one instance writes at a time, and that several have. What the default says is nobody's
//! word: a swarm makes a volume on each node, and what several write there may be meant.

use super::derivation;
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{Graph, ServiceView};
use crate::source::Span;
use crate::types::Reference;
use crate::vocabulary::{Label, Node, RestartCondition, TargetId, VolumeAccess, VolumeMount};

/// Checks a service on a swarm.
pub(super) fn check(graph: &Graph, service: ServiceView<'_>, diagnostics: &mut Diagnostics) {
    for mount in &service.node.service.volume {
        let Some((volume, written)) = written(graph, mount) else {
            continue;
        };
        let instances = graph.replicas(service).least;
        if instances > 1 && !has_a_node_each(graph, service) {
            let who = format!("`{}` has {instances} instances", service.name());
            let help = "write `placement { max_per_node = 1 }`, and each has a volume of its own; or `access = many_writers`, where its \
                        program takes that";
            diagnostics.push(told(service, mount, (volume, written), &who).help(help));
            continue;
        }
        let others = graph.services_on(TargetId::Swarm);
        // Of two the later one is told.
        let mut others = others.take_while(|other| other.id != service.id);
        if let Some(other) = others
            .find(|other| writes(graph, *other, volume) && may_meet(graph, service, *other, volume))
        {
            let who = format!("`{}` and `{}` mount it", other.name(), service.name());
            let help = "write `read_only = true` where one only reads; or `access = many_writers`, where both programs take that";
            let diagnostic = told(service, mount, (volume, written), &who).help(help);
            diagnostics.push(diagnostic.and(other.span(), "the other one"));
        }
    }
}

/// The volume, and where it is said that one instance writes to it. Of one that somebody else makes it is not known whose it is.
fn written<'g>(graph: &'g Graph, mount: &'g Node<VolumeMount>) -> Option<(&'g str, Span)> {
    let Label::Reference(Reference::Volume(name)) = &mount.label else {
        return None;
    };
    let volume = graph.volume(name)?;
    let access = volume.access.as_ref()?;
    let is_external = volume.external.as_ref().is_some_and(|it| it.value);
    let is_said = !is_external && access.value == VolumeAccess::SingleWriter;
    (is_said && derivation::is_sole_writer(graph, mount)).then_some((&**name, access.span))
}

/// Whether no two instances of it are on one node, each of which has a volume of its own.
fn has_a_node_each(graph: &Graph, service: ServiceView<'_>) -> bool {
    let placement = service.node.service.placement.as_ref();
    let most = placement.and_then(|placement| placement.max_per_node.as_ref());
    graph.is_global(service) || most.is_some_and(|most| most.value.get() == 1)
}

fn writes(graph: &Graph, service: ServiceView<'_>, volume: &str) -> bool {
    let mut mounts = service.node.service.volume.iter();
    mounts.any(|mount| written(graph, mount).is_some_and(|(name, _)| name == volume))
}

/// Whether both may run at once on one node, and a volume is the same one to both: without a name each stack has its own.
fn may_meet(graph: &Graph, one: ServiceView<'_>, other: ServiceView<'_>, volume: &str) -> bool {
    let has_name = graph.volume(volume).is_some_and(|it| it.name.is_some());
    let is_same = has_name || graph.stack(one) == graph.stack(other);
    let runs_once = |service: ServiceView<'_>| {
        let restart = service.node.service.restart.as_ref();
        let condition = restart.and_then(|restart| restart.condition.as_ref());
        condition.is_some_and(|condition| condition.value != RestartCondition::Any)
    };
    let apart = one.node_labels().iter().any(|label| {
        let mut others = other.node_labels().iter();
        others.any(|it| {
            it.key == label.key
                && !it
                    .attribute
                    .value
                    .eq_ignore_ascii_case(&label.attribute.value)
        })
    });
    is_same && !apart && ![one, other].into_iter().any(runs_once)
}

fn told(
    service: ServiceView<'_>,
    mount: &Node<VolumeMount>,
    (volume, written): (&str, Span),
    who: &str,
) -> Diagnostic {
    Diagnostic::new(
        &catalogue::SEVERAL_WRITERS,
        format!("`{volume}` takes one writer at a time, and {who}"),
        mount.span,
    )
    .and(written, "it says so here")
    .note("on a swarm tasks of one node have one volume, and those of another node another one: where both run on one, both write")
    .about(service.name())
}

#[cfg(test)]
mod tests {
    use crate::source::MemoryWorld;
    use crate::{Options, compile};

    /// How often a program of two services with one volume is told of.
    fn told(volume: &str, db: &str, other: &str) -> usize {
        let text = format!(
            "app shop {{ targets = [swarm] }}\nvolume data {{ {volume} }}\n\
             service db {{\n  image = \"example/db:1.0.0\"\n  {db}\n  allow downtime {{ because = \"a test\" }}\n}}\n\
             service other {{\n  image = \"example/db:1.0.0\"\n  {other}\n  allow downtime {{ because = \"a test\" }}\n}}\n"
        );
        let world = MemoryWorld::single("app.zd", text);
        let found = compile(&world, "app.zd", &Options::default()).diagnostics;
        found.iter().filter(|it| it.code.id == "ZD4023").count()
    }

    const SAID: &str = "access = single_writer";
    const HAS_IT: &str = "volume data { path = \"/data\" }";

    #[test]
    fn several_instances_of_one_service() {
        let several = format!("replicas = 2\n  {HAS_IT}");
        assert_eq!(told(SAID, &several, ""), 1);
        assert_eq!(told(SAID, HAS_IT, ""), 0);
        assert_eq!(told("", &several, ""), 0);
        assert_eq!(
            told("access = single_writer, external = true", &several, ""),
            0
        );
        for apart in ["placement { max_per_node = 1 }", "mode = global"] {
            let replicas = if apart.starts_with("mode") {
                ""
            } else {
                "replicas = 2\n  "
            };
            assert_eq!(
                told(SAID, &format!("{replicas}{apart}\n  {HAS_IT}"), ""),
                0,
                "{apart}"
            );
        }
    }

    #[test]
    fn two_services_where_they_may_meet() {
        assert_eq!(told(SAID, HAS_IT, HAS_IT), 1);
        assert_eq!(told("", HAS_IT, HAS_IT), 0);
        for apart in [
            "volume data { path = \"/data\", read_only = true }".to_owned(),
            format!("{HAS_IT}\n  restart {{ condition = none }}"),
            format!("{HAS_IT}\n  stack = \"apart\""),
        ] {
            assert_eq!(told(SAID, HAS_IT, &apart), 0, "{apart}");
        }
        let named = "access = single_writer, name = \"data\"";
        assert_eq!(
            told(named, HAS_IT, &format!("{HAS_IT}\n  stack = \"apart\"")),
            1
        );
        let on = |disk: &str| format!("{HAS_IT}\n  placement {{ node {{ disk = \"{disk}\" }} }}");
        assert_eq!(told(SAID, &on("a"), &on("b")), 0);
        assert_eq!(told(SAID, &on("a"), &on("A")), 1);
    }
}
