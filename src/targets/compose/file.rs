//! The project: its services, and the networks, volumes, configs and secrets that they use.

use super::format::{ConfigFile, Network, Project, Secret, Service};
use super::networks;
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::Graph;
use crate::source::Span;
use crate::targets::Ledger;
use crate::targets::docker::{
    Draft, Ipam, Map, Services, Subnet, escaped, host_path, shell_variable, volume,
};
use crate::vocabulary::TargetId;
use crate::yaml::{Commented, comment};

/// Why a volume's size is in no project.
const SIZE: &str = "kubernetes asks for it; a volume of the engine grows with its disk";

/// The whole project, its top-level sections taken from the graph.
pub(super) fn lower<'g>(
    graph: &'g Graph,
    draft: &Draft<'g>,
    services: Vec<(String, Service)>,
    ledger: &mut Ledger<'g>,
) -> Project {
    let joined = draft.networks().iter();
    let joined: Vec<_> = joined.filter_map(|name| graph.network(name)).collect();
    networks::check(graph, &joined, ledger);
    let networks = draft.networks().iter();
    let volumes = draft.volumes().iter();
    Project {
        name: project_name(graph.name()),
        services: Services(services),
        networks: networks
            .filter_map(|name| network(graph, name, ledger))
            .collect(),
        volumes: volumes
            .filter_map(|name| volume(graph, name, SIZE, ledger))
            .collect(),
        configs: configs(draft),
        secrets: secrets(graph, draft, ledger),
    }
}

/// The app's name as a project's: compose-go `loader/loader.go`, `NormalizeProjectName`.
fn project_name(app: &str) -> String {
    let lower = app.to_ascii_lowercase();
    let plain: String = lower
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        .collect();
    let name = plain.trim_start_matches(['-', '_']);
    if name.is_empty() { "app" } else { name }.to_owned()
}

fn network<'g>(
    graph: &'g Graph,
    name: &str,
    ledger: &mut Ledger<'g>,
) -> Option<(String, Commented<Network>)> {
    let network = ledger.enter(graph.network(name)?);
    let external = networks::is_external(network);
    ledger.take_from(network.external.as_ref());
    let real = ledger.take_from(network.name.as_ref());
    ledger.declare_from(
        network.attachable.as_ref(),
        "every container may join a network of one host",
    );
    let mut lowered = Network {
        external,
        name: real.map(|real| escaped(real)),
        ..Network::default()
    };
    if external {
        const BEFOREHAND: &str = "the network is made before the project, with these settings";
        ledger.declare_from(network.internal.as_ref(), BEFOREHAND);
        ledger.declare_from(network.subnet.as_ref(), BEFOREHAND);
        ledger.declare_from(network.gateway.as_ref(), BEFOREHAND);
        let mut words = vec!["Made before: docker network create".to_owned()];
        let internal = network.internal.as_ref();
        words.extend(
            internal
                .is_some_and(|it| it.value)
                .then(|| "--internal".to_owned()),
        );
        let subnet = network.subnet.as_ref();
        words.extend(subnet.map(|subnet| format!("--subnet {}", subnet.value)));
        let gateway = network.gateway.as_ref();
        words.extend(gateway.map(|gateway| format!("--gateway {}", gateway.value)));
        words.push(graph.real_network_name(name).to_owned());
        return Some((name.to_owned(), comment(words.join(" "), lowered)));
    }
    let internal = ledger.take_from(network.internal.as_ref());
    lowered.internal = internal.is_some_and(|internal| *internal);
    let subnet = ledger.take_from(network.subnet.as_ref());
    let gateway = ledger.take_from(network.gateway.as_ref());
    lowered.ipam = (subnet.is_some() || gateway.is_some()).then(|| Ipam {
        config: vec![Subnet {
            subnet: subnet.map(ToString::to_string),
            gateway: gateway.map(ToString::to_string),
        }],
    });
    Some((name.to_owned(), lowered.into()))
}

fn configs(draft: &Draft<'_>) -> Map<Commented<ConfigFile>> {
    let why = "Named by content: a change makes the containers that mount it anew.";
    let configs = draft.configs().iter().zip(0..).map(|(config, index)| {
        let file = ConfigFile {
            file: config.file.clone(),
        };
        let lowered = Commented {
            comment: (index == 0).then(|| why.to_owned()),
            value: file,
        };
        (config.key.clone(), lowered)
    });
    configs.collect()
}

/// The secrets that are mounted. There is no store of them (docker/compose `pkg/compose/create.go`,
/// `unsupported external secret`): one that production has already comes from a variable.
fn secrets<'g>(graph: &'g Graph, draft: &Draft<'g>, ledger: &mut Ledger<'g>) -> Map<Secret> {
    let mut lowered = Map::default();
    for name in draft.secrets() {
        let Some(node) = graph.secret(name) else {
            continue;
        };
        let secret = ledger.enter(node);
        ledger.take_from(secret.external.as_ref());
        ledger.declare_from(
            secret.name.as_ref(),
            "its name in the store of another target",
        );
        let from = ledger.take_from(secret.from.as_ref());
        let file = ledger.take_from(secret.file.as_ref());
        let section = match (from, file) {
            (Some(from), _) => Secret {
                environment: Some(from.0.to_string()),
                file: None,
            },
            (None, Some(file)) => Secret {
                environment: None,
                file: Some(host_path(TargetId::Compose, &escaped(file))),
            },
            (None, None) => Secret {
                environment: Some(shell_variable(name)),
                file: None,
            },
        };
        lowered.0.push((name.to_string(), section));
    }
    let mut all: Vec<_> = draft.secrets().iter().chain(draft.injected()).collect();
    all.sort_unstable();
    all.dedup();
    for node in all.into_iter().filter_map(|name| graph.secret(name)) {
        if node.from.is_none() && node.file.is_none() {
            let external = node.external.as_ref();
            let span = external.map_or(node.span, |external| external.key_span);
            ledger.report(from_variable(node.label.name(), span));
        }
    }
    lowered
}

fn from_variable(name: &str, span: Span) -> Diagnostic {
    let variable = shell_variable(name);
    Diagnostic::new(
        &catalogue::SECRET_FROM_VARIABLE,
        format!("on compose secret `{name}` is the variable `{variable}` of the shell"),
        span,
    )
    .labelled("docker compose has no store of secrets")
    .help(format!(
        "set it before: `{variable}=… docker compose up`, or in a `.env` file that is not committed"
    ))
}
