//! One gateway as a configuration: its pools, and a server for each set of host names.

use super::hosts::{self, Include};
use super::listeners::Serves;
use super::names::{Backends, Names};
use super::plan::{Conf, Directive, Location, Server};
use super::pools::Pools;
use super::quote::Word;
use super::version::NginxVersion;
use super::{grpc, headers, limits, listeners, pools, routes, values};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::{Graph, ServiceView, routing};
use crate::rollout::derivation::nginx as derivation;
use crate::source::Span;
use crate::targets::Ledger;
use crate::vocabulary::{Attribute, Capability, Gateway, Resolve, TargetId};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// Docker's name server, the same in every container (moby `libnetwork/resolver_unix.go`).
const DOCKER_RESOLVER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 11);

/// What lowering a gateway knows beside the gateway.
#[derive(Clone, Copy)]
pub(super) struct Scene<'g> {
    pub(super) graph: &'g Graph,
    pub(super) service: ServiceView<'g>,
    /// The target that it is written for.
    pub(super) target: TargetId,
    pub(super) gateway: &'g Gateway,
    pub(super) version: NginxVersion,
    /// Where that was written.
    pub(super) version_span: Option<Span>,
    pub(super) resolver: Ipv4Addr,
}

impl Scene<'_> {
    /// Whether nginx runs as the service itself, in a container with its secrets.
    pub(super) fn in_container(&self) -> bool {
        self.target.has(Capability::RunsGateways)
    }
}

/// What lowering a gateway adds to.
pub(super) struct Draft<'d, 'l> {
    pub(super) names: &'d mut Names,
    pub(super) ledger: &'d mut Ledger<'l>,
    pub(super) conf: Conf,
    pub(super) backends: Backends,
    pub(super) pools: Pools,
    /// The variables by which routes of one path are chosen, by the routes' places.
    pub(super) chosen: BTreeMap<Vec<usize>, String>,
}

impl Draft<'_, '_> {
    /// Says something of the gateway.
    pub(super) fn report(&mut self, scene: Scene<'_>, diagnostic: Diagnostic) {
        self.ledger.report(diagnostic.about(scene.service.name()));
    }
}

/// Lowers a gateway. `names` has what other gateways of the same file took.
///
/// Two decisions stand in no line of the output. `proxy_next_upstream` is left at nginx's own
/// `error timeout` unless `retry` says otherwise: it passes on what no server answered and never a
/// POST, PATCH or LOCK once it was sent (`ngx_http_proxy_module`): an instance that crashes is
/// covered, and nothing is done twice; what drains on time needs no retry at all. And there is no
/// `error_page 502 = @backup`, which does send a POST twice (19 of 22,067 requests in our
/// measurements).
pub(super) fn lower(scene: Scene<'_>, names: &mut Names, ledger: &mut Ledger<'_>) -> Conf {
    let gateway = scene.gateway;
    let pools = pools::lower(scene, names, ledger);
    let mut draft = Draft {
        names,
        ledger,
        conf: Conf::default(),
        backends: Backends::default(),
        pools,
        chosen: BTreeMap::new(),
    };
    let health = health(scene, draft.ledger);
    let routes = routes::lower(scene, &mut draft);
    draft.ledger.take_from(gateway.resolve.as_ref());

    let mut directives = logs(scene, draft.ledger);
    let body_size = gateway.body_size.as_ref();
    directives.extend(body_size.and_then(|size| limits::body_size(scene, size, &mut draft)));
    if let Some(limit) = &gateway.rate_limit {
        directives.extend(limits::rate(scene, "", limit, &mut draft));
    }
    if let Some(gzip) = &gateway.gzip {
        directives.extend(limits::gzip(scene, gzip, &mut draft));
    }
    draft.ledger.take_from(gateway.forwarded_headers.as_ref());
    let mut proxying = limits::gateway_timeouts(scene, &mut draft);
    proxying.extend(limits::retries(scene, gateway.retry.as_deref(), &mut draft));
    proxying.extend(headers::forwarded(forwarded_headers(scene)));
    let mut includes: Vec<Include> = draft.backends.included().cloned().collect();
    includes.extend(draft.pools.included().cloned());
    if !includes.is_empty() && scene.version.closes_gently() {
        directives.push(hosts::kept_connections());
    }
    let groups = [draft.backends.directives(scene.resolver), proxying];
    let groups: Vec<_> = groups
        .into_iter()
        .filter(|group| !group.is_empty())
        .collect();

    let listeners = listeners::lower(scene, &mut draft);
    let mut servers = Vec::new();
    for host in routing::virtual_hosts(gateway) {
        let mut locations: Vec<Location> = health.iter().cloned().collect();
        locations.extend(routes::locations(scene, &host, &routes, &mut draft));
        for (listener, what) in listeners.servers(&host) {
            servers.push(match what {
                Serves::Routes => Server {
                    directives: listener.into_iter().chain(directives.clone()).collect(),
                    groups: groups.clone(),
                    locations: locations.clone(),
                },
                Serves::Redirect(to) => {
                    elsewhere(listener, logs(scene, draft.ledger), health.as_ref(), to)
                }
            });
        }
    }
    grpc::serve(scene, &mut servers, &mut draft);
    let mut conf = draft.conf;
    conf.servers = servers;
    conf.includes = includes;
    conf.upstreams.splice(0..0, draft.pools.into_upstreams());
    conf
}

/// A server that sends everything to another address.
fn elsewhere(
    mut listener: Vec<Directive>,
    logs: Vec<Directive>,
    health: Option<&Location>,
    to: Directive,
) -> Server {
    listener.extend(logs);
    let Some(health) = health else {
        listener.push(to);
        return Server {
            directives: listener,
            ..Server::default()
        };
    };
    let mut all = Location::new(["/"]);
    all.directives.push(to);
    Server {
        directives: listener,
        locations: vec![health.clone(), all],
        ..Server::default()
    }
}

/// A beginning for names that all of one nginx shares, the files of other apps too: a `map` of the
/// same name in another file would silently take this one's place.
pub(super) fn shared_name(scene: Scene<'_>) -> String {
    let (app, gateway) = (scene.graph.name(), scene.service.name());
    if scene.in_container() || app == gateway {
        gateway.to_owned()
    } else {
        format!("{app}-{gateway}")
    }
}

/// Whether services are told who asked.
pub(super) fn forwarded_headers(scene: Scene<'_>) -> bool {
    let written = scene.gateway.forwarded_headers.as_ref();
    written.is_none_or(|written| written.value)
}

/// When a gateway looks names up, but for what a pool says of itself.
pub(super) fn resolve(scene: Scene<'_>) -> Resolve {
    let written = scene.gateway.resolve.as_ref();
    written.map_or(Resolve::AtRequest, |written| written.value)
}

/// Keeps the names of the hosts that a gateway reaches from the pools of one nginx.
pub(super) fn reserve_hosts(scene: Scene<'_>, names: &mut Names) {
    for (_, callee) in scene.graph.edges_from(scene.service.id) {
        if let Some(callee) = scene.graph.service(callee) {
            names.reserve_host(host_of(scene, callee));
        }
    }
}

/// The name server asked at request time.
pub(super) fn resolver(written: Option<&Attribute<Ipv4Addr>>) -> Ipv4Addr {
    written.map_or(DOCKER_RESOLVER, |written| written.value)
}

/// How the name server is asked. A second is as long as an answer may be kept where instances go
/// on accepting for a few seconds after they were told to stop; without `valid` Docker's TTL of
/// 600 s counts. Networks of containers have no IPv6 unless they are told to.
pub(super) fn resolver_directives(resolver: Ipv4Addr) -> [Directive; 2] {
    let address = resolver.to_string();
    let valid = format!("valid={}", derivation::VALID);
    let timeout = derivation::RESOLVER_TIMEOUT.to_string();
    [
        Directive::new("resolver", [address.as_str(), &valid, "ipv6=off"]),
        Directive::new("resolver_timeout", [timeout]),
    ]
}

/// The name by which the gateway reaches a service.
pub(super) fn host_of<'g>(scene: Scene<'g>, callee: ServiceView<'g>) -> &'g str {
    scene.graph.docker_name(scene.service, callee)
}

/// Whether a service's instances answer to `tasks.NAME` each with its own address.
pub(super) fn has_tasks(scene: Scene<'_>, callee: ServiceView<'_>) -> bool {
    let has_them =
        |target: TargetId| target.has(Capability::TaskNames) && scene.graph.runs_on(callee, target);
    if scene.in_container() {
        return has_them(scene.target);
    }
    scene.graph.targets().into_iter().any(has_them)
}

/// What the gateway's own health check asks for, answered by nginx itself: whether nginx runs must
/// not depend on the services behind it. A route to this very path goes before it.
fn health(scene: Scene<'_>, ledger: &mut Ledger<'_>) -> Option<Location> {
    let health = scene.service.node.service.health.as_ref()?;
    let path = health
        .path
        .as_ref()
        .filter(|_| health.label.name() == "http")?;
    if &*path.value == "/" || routes::lead_to(scene.gateway, &path.value) {
        return None;
    }
    let word: Word = match routes::path("health path", &path.value, path.span) {
        Ok(word) => word,
        Err(fault) => {
            ledger.report(fault.about(scene.service.name()));
            return None;
        }
    };
    ledger.take(path);
    let mut location = Location::new(["=".into(), word]);
    location.directives = vec![
        Directive::new("access_log", ["off"]),
        Directive::new("return", ["200", "ok\n"]),
    ];
    Some(location)
}

fn logs(scene: Scene<'_>, ledger: &mut Ledger<'_>) -> Vec<Directive> {
    let logs = [
        ("access_log", scene.gateway.access_log.as_ref()),
        ("error_log", scene.gateway.error_log.as_ref()),
    ];
    let mut out = Vec::new();
    for (name, file) in logs {
        let Some(file) = file else { continue };
        let text = ledger.take(file);
        let word = match &**text {
            "" => Err(values::unwritable("path", "", file.span, "it is empty")),
            "off" if name == "error_log" => Err(Box::new(no_off(file))),
            text => values::literal("path", text, file.span),
        };
        match word {
            Ok(word) => out.push(Directive::new(name, [word])),
            Err(fault) => ledger.report(fault.about(scene.service.name())),
        }
    }
    out
}

/// `error_log off` writes to a file of that name.
fn no_off(file: &Attribute<crate::source::Str>) -> Diagnostic {
    Diagnostic::new(
        &catalogue::UNWRITABLE_VALUE,
        "nginx cannot turn its error log off",
        file.span,
    )
    .labelled("it would write to a file named `off`")
    .help("write `/dev/null`, or leave it out for nginx's own")
}
