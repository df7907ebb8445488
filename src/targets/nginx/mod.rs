//! nginx: the gateways of an app as one include for the `http` level, `conf.d/<app>.conf`.
//!
//! It proxies to services that another target runs, whose networks it is taken to be on, and to those
//! that are written for nginx alone: they run on its own host ([`hosts`]). The same lowering gives a swarm the configuration of a gateway that runs there
//! as a service: [`gateway_conf`].

mod actions;
mod choices;
mod gateway;
mod grpc;
mod headers;
mod hosts;
mod limits;
mod listeners;
mod names;
mod pattern;
mod plan;
mod pools;
mod quote;
mod rewrites;
mod routes;
mod splits;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tokens;
mod values;
mod variables;
mod version;

pub use plan::Conf;
pub use version::NginxVersion;

use crate::graph::{Graph, ServiceView};
use crate::source::Span;
use crate::targets::{
    Artifact, Header, Ledger, Lowered, Object, Plan, Target, Unproved, contract, enter_app, patch,
};
use crate::vocabulary::{Node, TargetId, TargetSettings};
use gateway::Scene;
use names::Names;

/// The target.
pub struct Nginx;

/// One file, or none where no gateway is written for nginx; and what a plain host runs.
struct Files {
    path: String,
    conf: Conf,
    host: Option<hosts::Host>,
}

impl Target for Nginx {
    fn id(&self) -> TargetId {
        TargetId::Nginx
    }

    fn lower(&self, graph: &Graph) -> Lowered {
        let mut ledger = Ledger::new(TargetId::Nginx, &graph.deployment().written);
        let conf = conf(graph, &mut ledger);
        let services: Vec<_> = graph
            .services_on(TargetId::Nginx)
            .filter(|service| graph.is_on_host(*service))
            .collect();
        let app = file_name(graph.name());
        let host = hosts::lower(graph, &services, &app, &conf.includes, &mut ledger);
        // A gateway takes what it needs of services that only other targets have.
        ledger.declare_elsewhere(graph, TargetId::Nginx);
        let (diagnostics, accounts) = ledger.close();
        let plan = Box::new(Files {
            path: format!("nginx/conf.d/{app}.conf"),
            conf,
            host,
        });
        Lowered {
            diagnostics,
            accounts,
            plan,
        }
    }
}

impl Plan for Files {
    fn objects(&self) -> Vec<Object> {
        let conf =
            (!self.conf.is_empty()).then(|| Object::file(&self.path, self.conf.render().into()));
        let host = self.host.iter().flat_map(hosts::Host::artifacts);
        let host = host.map(|file| Object::file(&file.path, file.text));
        conf.into_iter().chain(host).collect()
    }

    fn unproved(self: Box<Self>) -> Unproved {
        let conf = (!self.conf.is_empty()).then(|| Artifact {
            target: Some(TargetId::Nginx),
            path: self.path.clone(),
            text: self.conf.render().into(),
            header: Header::Hash,
        });
        let host = self.host.iter().flat_map(hosts::Host::artifacts);
        let mut artifacts: Vec<Artifact> = conf.into_iter().chain(host).collect();
        artifacts.sort_by(|one, other| one.path.cmp(&other.path));
        artifacts.into()
    }
}

/// The configuration of one gateway that a target runs as a container in its own networks; its
/// version is its image's. Takes what the gateway has beside a service's body; the body is the caller's to
/// take.
pub fn gateway_conf(
    graph: &Graph,
    service: ServiceView<'_>,
    target: TargetId,
    ledger: &mut Ledger<'_>,
) -> Conf {
    let (version, span) = of_image(service).unwrap_or((NginxVersion::Unknown, None));
    let settings = graph.settings(TargetId::Nginx);
    let mut names = Names::default();
    let Some(scene) = scene(graph, service, target, settings, (version, span)) else {
        return Conf::default();
    };
    gateway::reserve_hosts(scene, &mut names);
    finish(gateway::lower(scene, &mut names, ledger), &names)
}

fn conf(graph: &Graph, ledger: &mut Ledger<'_>) -> Conf {
    if let Some(app) = graph.app() {
        let body = enter_app(ledger, app);
        if let Some(labels) = &body.labels {
            ledger.declare_block(labels, "nginx has no place for annotations");
        }
    }
    elsewhere(graph, ledger);
    let settings = graph.settings(TargetId::Nginx);
    let said = settings.and_then(|settings| written_version(settings, ledger));

    let mut scenes = Vec::new();
    for service in graph.services_on(TargetId::Nginx) {
        if graph.is_on_host(service) {
            continue;
        }
        let why = "nginx is a proxy: another target runs the services";
        ledger.declare_block(&service.node.service, why);
        contract(ledger, service);
        patch::no_objects(ledger, service, TargetId::Nginx);
        if service.node.gateway.is_none() {
            continue;
        }
        let assumed = (NginxVersion::ASSUMED, None);
        let version = said.or_else(|| known_image(service)).unwrap_or(assumed);
        scenes.extend(scene(graph, service, TargetId::Nginx, settings, version));
    }
    let mut names = Names::default();
    for scene in &scenes {
        gateway::reserve_hosts(*scene, &mut names);
    }
    let mut conf = Conf::default();
    for scene in scenes {
        conf.extend(gateway::lower(scene, &mut names, ledger));
    }
    finish(conf, &names)
}

/// Declares what only targets that run services have a word for.
fn elsewhere(graph: &Graph, ledger: &mut Ledger<'_>) {
    const WHY: &str = "nginx is on the networks that another target makes, and mounts nothing";
    let deployment = graph.deployment();
    for network in &deployment.networks {
        ledger.declare_block(network, WHY);
    }
    for volume in &deployment.volumes {
        ledger.declare_block(volume, WHY);
    }
    for config in &deployment.configs {
        ledger.declare_block(&config.config, WHY);
    }
    for secret in &deployment.secrets {
        ledger.declare_block(secret, WHY);
    }
}

fn finish(mut conf: Conf, names: &Names) -> Conf {
    conf.directives.extend(names.directives());
    grpc::share(&mut conf.servers);
    conf.comment_once();
    conf
}

fn scene<'g>(
    graph: &'g Graph,
    service: ServiceView<'g>,
    target: TargetId,
    settings: Option<&Node<TargetSettings>>,
    (version, version_span): (NginxVersion, Option<Span>),
) -> Option<Scene<'g>> {
    let resolver = settings.and_then(|settings| settings.resolver.as_ref());
    Some(Scene {
        graph,
        service,
        target,
        gateway: service.node.gateway.as_ref()?,
        version,
        version_span,
        resolver: gateway::resolver(resolver),
    })
}

/// The version that `target nginx` states.
fn written_version(
    settings: &Node<TargetSettings>,
    ledger: &mut Ledger<'_>,
) -> Option<(NginxVersion, Option<Span>)> {
    let body = ledger.enter(settings);
    ledger.take_from(body.resolver.as_ref());
    let written = body.version.as_ref()?;
    let text = ledger.take(written);
    if let Some(version) = NginxVersion::parse(text) {
        return Some((version, Some(written.span)));
    }
    let why = "write two or three numbers: `1.28`, `1.27.4`";
    ledger.report(*values::unwritable(
        "version of nginx",
        text,
        written.span,
        why,
    ));
    // An error was said; none about what this version cannot do shall follow from it.
    Some((NginxVersion::NEWEST, Some(written.span)))
}

/// The version of a gateway's image, where the image tells one.
fn known_image(service: ServiceView<'_>) -> Option<(NginxVersion, Option<Span>)> {
    of_image(service).filter(|(version, _)| *version != NginxVersion::Unknown)
}

fn of_image(service: ServiceView<'_>) -> Option<(NginxVersion, Option<Span>)> {
    let image = service.node.service.image.as_ref()?;
    Some((NginxVersion::of_image(&image.value), Some(image.span)))
}

/// A name for a file: letters, digits, `-`, `_` and `.`.
pub(super) fn file_name(app: &str) -> String {
    let keep = |char: char| {
        let plain = char.is_ascii_alphanumeric() || matches!(char, '-' | '_');
        if plain { char } else { '-' }
    };
    app.chars().map(keep).collect()
}
