//! Checks that ask a port in what it does not speak.

use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{Graph, ServiceView, port_number, protocol};
use crate::source::{Span, Str};
use crate::vocabulary::{Attribute, Node, Port, ProbeClient, Protocol, TargetId};

/// A check over HTTP or TCP of a port that answers neither: no instance ever passes it. gRPC is HTTP/2 (grpc/grpc
/// `doc/PROTOCOL-HTTP2.md`), which neither wget nor kubelet's `httpGet` speaks unasked, and wget knows no `grpc://`.
pub(super) fn asked(graph: &Graph, diagnostics: &mut Diagnostics) {
    for service in graph.services() {
        let written = &service.node.service;
        let health = written.body.health.as_ref().map(|health| Asked {
            word: "health",
            kind: health.label.name(),
            port: health.port.as_ref(),
            span: health.span,
            fails: "no instance ever becomes healthy",
            is_own: matches!(
                health.client.as_ref().map(|client| &client.value),
                Some(ProbeClient::Command(_))
            ),
        });
        // Nobody else has a word for it.
        let on_cluster = graph.runs_on(service, TargetId::Kubernetes);
        let liveness = written.liveness.as_ref().filter(|_| on_cluster);
        let liveness = liveness.map(|liveness| Asked {
            word: "liveness",
            kind: liveness.label.name(),
            port: liveness.port.as_ref(),
            span: liveness.span,
            fails: "every instance is started again and again",
            is_own: false,
        });
        for asked in health.into_iter().chain(liveness) {
            diagnostics.extend(unanswered(graph, service, &asked));
        }
    }
}

/// A check, and what it asks.
struct Asked<'g> {
    /// What it is called in a program.
    word: &'static str,
    kind: &'g str,
    port: Option<&'g Attribute<Str>>,
    span: Span,
    /// What becomes of an instance where nothing answers.
    fails: &'static str,
    /// Whether the user's own program asks, of which nothing is known.
    is_own: bool,
}

fn unanswered(graph: &Graph, service: ServiceView<'_>, asked: &Asked<'_>) -> Option<Diagnostic> {
    let is_inside = |target: &TargetId| matches!(target, TargetId::Swarm | TargetId::Compose);
    if asked.is_own && graph.targets_of(service).iter().all(is_inside) {
        return None;
    }
    let answers = |port: &Node<Port>| match protocol(port) {
        Protocol::Udp => !matches!(asked.kind, "http" | "tcp" | "grpc"),
        Protocol::Grpc => asked.kind != "http",
        Protocol::Http | Protocol::Https | Protocol::Tcp => true,
    };
    let port = match asked.port {
        Some(name) => service.port(&name.value),
        None => service.default_port(),
    }?;
    let number = port_number(port);
    // What is asked is a number, and one may be a port of datagrams and one of connections.
    let is_same = |other: &&Node<Port>| number.is_some() && port_number(other) == number;
    if answers(port) || service.ports().filter(is_same).any(answers) {
        return None;
    }
    let name = port.label.name();
    let word = asked.word;
    let (speaks, help) = match protocol(port) {
        Protocol::Udp => (
            "datagrams",
            format!(
                "write a check that the program itself knows: `{word} exec {{ command = [\"…\"] }}`"
            ),
        ),
        _ => (
            "gRPC",
            format!("write `{word} {}`", grpc_check(graph, service, port)),
        ),
    };
    let kind = match asked.kind {
        "http" => "HTTP",
        "tcp" => "TCP",
        _ => "gRPC",
    };
    let what = format!(
        "`{}` is asked in {kind} at port `{name}`, which speaks {speaks}",
        service.name()
    );
    let spoken = port
        .protocol
        .as_ref()
        .map_or(port.span, |protocol| protocol.span);
    Some(
        Diagnostic::new(&catalogue::UNANSWERED_CHECK, what, asked.span)
            .labelled(asked.fails)
            .and(spoken, format!("port `{name}` speaks {speaks}"))
            .help(help)
            .about(service.name()),
    )
}

/// The check of a port that speaks gRPC, behind the word for it, as every target of its service can ask it: on a cluster kubelet does, elsewhere a
/// program of the image (github.com/grpc-ecosystem/grpc-health-probe).
pub(crate) fn grpc_check(graph: &Graph, service: ServiceView<'_>, port: &Node<Port>) -> String {
    let of_cluster = |target: &TargetId| *target == TargetId::Kubernetes;
    if !graph.targets_of(service).iter().all(of_cluster) {
        let number = port_number(port).map_or_else(|| "PORT".to_owned(), |it| it.to_string());
        return format!(
            "exec {{ command = [\"grpc_health_probe\", \"-addr=localhost:{number}\"] }}"
        );
    }
    let is_meant = service
        .default_port()
        .is_some_and(|meant| meant.label.name() == port.label.name());
    if is_meant {
        "grpc {}".to_owned()
    } else {
        format!("grpc {{ port = \"{}\" }}", port.label.name())
    }
}

#[cfg(test)]
mod tests {
    use crate::source::MemoryWorld;
    use crate::{Options, compile};

    /// What is said with a code of a service with these ports and checks.
    fn told(targets: &str, service: &str, code: &str) -> Vec<(String, String)> {
        let image = if service.contains("image") {
            ""
        } else {
            "image = \"ex/calls:1.0.0\"\n"
        };
        let text = format!(
            "app shop {{ targets = [{targets}] }}\nservice calls {{\n  replicas = 2\n{image}{service}\n}}\n"
        );
        let world = MemoryWorld::single("app.zd", &*text);
        let found = compile(&world, "app.zd", &Options::default()).diagnostics;
        let found = found.iter().filter(|it| it.code.id == code);
        found
            .cloned()
            .map(|it| (it.message, it.help.unwrap_or_default()))
            .collect()
    }

    #[test]
    fn a_check_that_nothing_answers_is_told_with_one_that_may_be() {
        let exec = "`health exec { command = [\"grpc_health_probe\", \"-addr=localhost:9000\"] }`";
        let grpc = "port grpc { number = 9000, protocol = grpc }";
        let admin = "port admin { number = 9001 }";
        let dns = "port dns { number = 53, protocol = udp }";
        let own = "health http { client = [\"ask\"] }";
        for (targets, ports, check, help) in [
            ("swarm", grpc, "health http {}", Some(exec)),
            ("compose", grpc, "health http {}", Some(exec)),
            ("swarm, kubernetes", grpc, "health http {}", Some(exec)),
            (
                "kubernetes",
                grpc,
                "health http {}",
                Some("`health grpc {}`"),
            ),
            ("kubernetes", grpc, "health grpc {}", None),
            ("kubernetes", grpc, "health tcp {}", None),
            (
                "kubernetes",
                "port grpc { number = 9000, protocol = grpc }\nport admin { number = 9001 }",
                "health http { port = grpc }",
                Some("`health grpc { port = \"grpc\" }`"),
            ),
            (
                "kubernetes",
                "port grpc { number = 9000, protocol = grpc }\nport admin { number = 9001 }",
                "health http { port = admin }",
                None,
            ),
            (
                "kubernetes",
                grpc,
                "health grpc {}\nliveness http { path = \"/\" }",
                Some("`liveness grpc {}`"),
            ),
            ("swarm", grpc, own, None),
            ("swarm, kubernetes", grpc, own, Some(exec)),
            ("kubernetes", dns, "health http {}", Some("`health exec {")),
            ("kubernetes", dns, "health tcp {}", Some("`health exec {")),
            (
                "kubernetes",
                dns,
                "health exec { command = [\"up\"] }",
                None,
            ),
            (
                "kubernetes",
                "port dns { number = 53, protocol = udp }\nport long { number = 53 }",
                "health tcp { port = dns }",
                None,
            ),
            // HTTP is bytes over TCP too, and most ports do not say what they speak.
            ("swarm", admin, "health http {}", None),
            (
                "kubernetes",
                "port web { number = 80, protocol = tcp }",
                "health http {}",
                None,
            ),
            (
                "swarm",
                "port web { number = 443, protocol = https }",
                "health http {}",
                None,
            ),
        ] {
            let told = told(targets, &format!("{ports}\n{check}"), "ZD3023");
            assert_eq!(
                told.len(),
                usize::from(help.is_some()),
                "{targets} {ports} {check}"
            );
            for ((_, told), help) in told.iter().zip(help) {
                assert!(told.contains(help), "{told}, not {help}");
            }
        }
    }

    #[test]
    fn no_check_is_advised_that_nothing_answers_or_nobody_asks() {
        let grpc = "port grpc { number = 9000, protocol = grpc, publish = 9000 }";
        let web = "port http { number = 80, publish = 80 }";
        for (targets, service, help) in [
            (
                "swarm",
                grpc,
                "`health exec { command = [\"grpc_health_probe\"",
            ),
            ("swarm", web, "`health http {"),
            (
                "swarm",
                "image = \"python:3.12-slim\"\nport http { number = 80, publish = 80 }",
                "`health exec { command = [\"…\"] }`",
            ),
        ] {
            let order = "update rolling { order = start_first, rollback { order = start_first } }";
            let told = told(targets, &format!("{service}\n{order}"), "ZD4003");
            assert!(!told.is_empty(), "{service}");
            for (_, told) in told {
                assert!(told.contains(help), "{told}, not {help}");
            }
        }
    }
}
