//! Pools of servers: `upstream` blocks.
//!
//! A pool has a `zone`, so that all workers know the same of its members, and its method stands
//! before its members: behind them nginx does not see that a method refuses `backup`
//! (`ngx_http_upstream_module`). On a swarm a member is `tasks.NAME`, which answers with the address
//! of each instance: the plain name is one virtual address, which `least_conn` and `max_fails` can
//! only take or leave as a whole (moby `libnetwork/network.go`, `addSvcRecords`).

use super::gateway::{self, Scene};
use super::grpc;
use super::hosts::{self, Include};
use super::names::Names;
use super::plan::{Directive, Upstream};
use super::version::NginxVersion;
use super::{values, variables};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::{self, ServiceView};
use crate::rollout::derivation::nginx as derivation;
use crate::source::Span;
use crate::targets::Ledger;
use crate::types::Reference;
use crate::vocabulary::{self, Balance, Label, Node, Port, Protocol, Resolve};
use std::sync::Arc;

/// The pools of a gateway.
#[derive(Debug, Default)]
pub(super) struct Pools {
    list: Vec<Pool>,
    /// What they include for the slots of a plain host.
    includes: Vec<Include>,
}

#[derive(Debug)]
struct Pool {
    label: String,
    name: String,
    scheme: &'static str,
    /// The name of its first member.
    host: String,
    upstream: Upstream,
}

impl Pools {
    /// The scheme and the name of the pool of this label, and the host of its first member.
    pub(super) fn find(&self, label: &str) -> Option<(&'static str, &str, &str)> {
        let pool = self.list.iter().find(|pool| pool.label == label)?;
        Some((pool.scheme, &pool.name, &pool.host))
    }

    /// The scheme and the name of the pool that has a host's service alone, for routes to it.
    pub(super) fn find_slots(&self, service: &str) -> Option<(&'static str, &str)> {
        let label = slots_label(service);
        let pool = self.list.iter().find(|pool| pool.label == label)?;
        Some((pool.scheme, &pool.name))
    }

    /// What they include.
    pub(super) fn included(&self) -> impl Iterator<Item = &Include> {
        self.includes.iter()
    }

    /// A pool of the slots of one service, for routes straight to it.
    fn add_slots(
        &mut self,
        scene: Scene<'_>,
        (service, port): (ServiceView<'_>, &Node<Port>),
        names: &mut Names,
    ) {
        let name = names.pool(scene.service.name(), &format!("{}-slots", service.name()));
        let include = hosts::pool_of(service, &name, &["max_fails=0".to_owned()]);
        let directives = vec![
            Directive::new("zone", [name.as_str(), &zone(1)]),
            Directive::new("include", [include.path(scene.graph)]),
        ];
        self.includes.push(include);
        self.list.push(Pool {
            label: slots_label(service.name()),
            scheme: graph::scheme(graph::protocol(port)),
            host: service.name().to_owned(),
            upstream: Upstream {
                name: name.as_str().into(),
                directives,
            },
            name,
        });
    }

    pub(super) fn into_upstreams(self) -> Vec<Upstream> {
        self.list.into_iter().map(|pool| pool.upstream).collect()
    }
}

/// Lowers the pools of a gateway.
pub(super) fn lower(scene: Scene<'_>, names: &mut Names, ledger: &mut Ledger<'_>) -> Pools {
    let mut pools = Pools::default();
    for upstream in &scene.gateway.upstream {
        let pool = pool(scene, upstream, names, &mut pools.includes, ledger);
        pools.list.push(pool);
    }
    for service in rolled(scene) {
        pools.add_slots(scene, service, names);
    }
    pools
}

/// The services of a plain host that a route of the gateway leads to and whose slots serve together.
fn rolled<'g>(scene: Scene<'g>) -> Vec<(ServiceView<'g>, &'g Node<Port>)> {
    let mut out: Vec<(ServiceView<'g>, &'g Node<Port>)> = Vec::new();
    for route in &scene.gateway.route {
        let Some(vocabulary::RouteTarget::Port(to)) = route.to.as_ref().map(|to| &to.value) else {
            continue;
        };
        let callee = scene.graph.find(&to.service);
        let callee = callee.filter(|callee| scene.graph.is_on_host(*callee));
        let port = callee.and_then(|callee| callee.port(&to.port));
        if let (Some(callee), Some(port)) = (callee, port)
            && hosts::route_of(scene.graph, callee, "http").is_none()
            && out.iter().all(|(known, _)| known.id != callee.id)
        {
            out.push((callee, port));
        }
    }
    out
}

/// What no pool of a user is called: a label has no `/`.
fn slots_label(service: &str) -> String {
    format!("{service}/slots")
}

fn pool(
    scene: Scene<'_>,
    upstream: &Node<vocabulary::Upstream>,
    names: &mut Names,
    includes: &mut Vec<Include>,
    ledger: &mut Ledger<'_>,
) -> Pool {
    let about = scene.service.name();
    let body = ledger.enter(upstream);
    let written = ledger.take_from(body.resolve.as_ref());
    let resolve = written.copied().unwrap_or_else(|| gateway::resolve(scene));
    // The slots of a plain host have addresses and no names.
    let named = |server: &Arc<Node<vocabulary::Server>>| {
        target(scene, &server.label).is_none_or(|(callee, _)| !scene.graph.is_on_host(callee))
    };
    let at_request = resolve == Resolve::AtRequest && body.server.iter().any(named);
    if at_request && !scene.version.has_resolve() {
        ledger.report(too_old(scene, upstream));
    }
    for fault in faults(upstream) {
        ledger.report(fault.about(about));
    }

    let label = upstream.label.name();
    let name = names.pool(about, label);
    let mut directives = vec![Directive::new(
        "zone",
        [name.as_str(), &zone(body.server.len())],
    )];
    if at_request {
        directives.extend(gateway::resolver_directives(scene.resolver));
    }
    directives.extend(balance(scene, body, ledger));
    let (members, scheme) = members(scene, upstream, at_request, &name, includes, ledger);
    directives.extend(members);
    if scene.version.keeps_connections() {
        let why = "A request on a kept connection is lost when its instance stops.";
        directives.push(Directive::new("keepalive", ["0"]).comment(why));
    }
    Pool {
        label: label.to_owned(),
        scheme,
        host: host(scene, upstream),
        upstream: Upstream {
            name: name.as_str().into(),
            directives,
        },
        name,
    }
}

fn host(scene: Scene<'_>, upstream: &vocabulary::Upstream) -> String {
    let first = upstream.server.first();
    let callee = first.and_then(|server| target(scene, &server.label));
    let host = callee.map(|(callee, _)| gateway::host_of(scene, callee));
    host.unwrap_or_default().to_owned()
}

/// Room for 32 members or names; nginx refuses a pool that its zone cannot hold.
fn zone(members: usize) -> String {
    format!("{}k", 64 * members.div_ceil(32).max(1))
}

fn balance(
    scene: Scene<'_>,
    body: &vocabulary::Upstream,
    ledger: &mut Ledger<'_>,
) -> Option<Directive> {
    let written = body.balance.as_ref()?;
    let none: [&str; 0] = [];
    match ledger.take(written) {
        Balance::RoundRobin => None,
        Balance::LeastConn => Some(Directive::new("least_conn", none)),
        Balance::IpHash => Some(Directive::new("ip_hash", none)),
        Balance::Random => Some(Directive::new("random", none)),
        Balance::Hash(key) => {
            let mut faults = variables::check(key, None, written.span);
            faults.extend(
                values::line("key", key, written.span)
                    .err()
                    .map(|fault| *fault),
            );
            for fault in faults {
                ledger.report(fault.about(scene.service.name()));
            }
            // Without `consistent` most keys change their server whenever an instance comes or goes.
            Some(Directive::new("hash", [&**key, "consistent"]))
        }
    }
}

/// The `server` lines, and the one scheme of all members.
fn members(
    scene: Scene<'_>,
    upstream: &Node<vocabulary::Upstream>,
    at_request: bool,
    pool: &str,
    includes: &mut Vec<Include>,
    ledger: &mut Ledger<'_>,
) -> (Vec<Directive>, &'static str) {
    let about = scene.service.name();
    let mut out = Vec::new();
    let mut first: Option<(&'static str, Span)> = None;
    for server in &upstream.server {
        let Some((callee, port)) = target(scene, &server.label) else {
            continue;
        };
        let scheme = match scheme(callee, port, server.span) {
            Ok(scheme) => scheme,
            Err(fault) => {
                ledger.declare_block(server, "refused with a diagnostic");
                ledger.report(fault.about(about));
                continue;
            }
        };
        match first {
            None => first = Some((scheme, server.span)),
            Some((other, span)) if other != scheme => {
                ledger.report(mixed(upstream, scheme, other, span, server.span).about(about));
            }
            Some(_) => {}
        }
        let arguments = arguments(scene, server, callee, port, at_request, ledger);
        let mut line = if scene.graph.is_on_host(callee) {
            let parameters = arguments.get(1..).unwrap_or_default();
            let include = hosts::pool_of(callee, pool, parameters);
            let path = include.path(scene.graph);
            includes.push(include);
            Directive::new("include", [path])
        } else {
            Directive::new("server", arguments)
        };
        if server.max_fails.is_none() {
            line = line.comment(
                "max_fails=0: a pool whose members are all marked down answers 502 to everyone.",
            );
        }
        out.push(line);
    }
    (out, first.map_or("http", |(scheme, _)| scheme))
}

fn arguments(
    scene: Scene<'_>,
    server: &Node<vocabulary::Server>,
    callee: ServiceView<'_>,
    port: &Node<Port>,
    at_request: bool,
    ledger: &mut Ledger<'_>,
) -> Vec<String> {
    let about = scene.service.name();
    let body = ledger.enter(server);
    let host = gateway::host_of(scene, callee);
    if let Err(fault) = values::host("host name", host, server.span) {
        ledger.report(fault.about(about));
    }
    let tasks = if at_request && gateway::has_tasks(scene, callee) {
        "tasks."
    } else {
        ""
    };
    let number = ledger
        .take_from(port.number.as_ref())
        .map_or(0, |number| number.get());
    let mut out = vec![format!("{tasks}{host}:{number}")];
    if at_request {
        out.push("resolve".to_owned());
    }
    let weight = ledger.take_from(body.weight.as_ref());
    out.extend(weight.map(|weight| format!("weight={}", weight.get())));
    let max_fails = ledger
        .take_from(body.max_fails.as_ref())
        .map_or(derivation::MAX_FAILS, |fails| fails.get());
    out.push(format!("max_fails={max_fails}"));
    if let Some(timeout) = &body.fail_timeout {
        ledger.take(timeout);
        match values::seconds("time for failures", timeout.value, timeout.span) {
            Ok(_) => out.push(format!("fail_timeout={}s", timeout.value.seconds_up())),
            Err(fault) => ledger.report(fault.about(about)),
        }
    }
    let max_conns = ledger.take_from(body.max_conns.as_ref());
    out.extend(max_conns.map(|most| format!("max_conns={}", most.get())));
    if ledger.take_from(body.backup.as_ref()) == Some(&true) {
        out.push("backup".to_owned());
    }
    out
}

/// The service and port that a label refers to.
pub(super) fn target<'g>(
    scene: Scene<'g>,
    label: &Label,
) -> Option<(ServiceView<'g>, &'g Node<Port>)> {
    let Label::Reference(Reference::Port(service, port)) = label else {
        return None;
    };
    let callee = scene.graph.find(service)?;
    Some((callee, callee.port(port)?))
}

/// The scheme that a port is spoken to with.
pub(super) fn scheme(
    callee: ServiceView<'_>,
    port: &Node<Port>,
    span: Span,
) -> Result<&'static str, Box<Diagnostic>> {
    match graph::protocol(port) {
        Protocol::Http => Ok("http"),
        Protocol::Https => Ok("https"),
        Protocol::Grpc => Ok(grpc::SCHEME),
        Protocol::Tcp | Protocol::Udp => Err(Box::new(not_http(callee, port, span))),
    }
}

/// What can be told of a pool before anything else of it is known.
fn faults(upstream: &Node<vocabulary::Upstream>) -> Vec<Diagnostic> {
    let is_backup = |server: &&Arc<Node<vocabulary::Server>>| {
        server.backup.as_ref().is_some_and(|backup| backup.value)
    };
    let mut found = Vec::new();
    if upstream.server.iter().all(|server| is_backup(&server)) {
        found.push(no_primary(upstream));
    }
    if let Some(balance) = &upstream.balance {
        let method = match &balance.value {
            Balance::IpHash => "ip_hash",
            Balance::Hash(_) => "hash",
            Balance::Random => "random",
            Balance::RoundRobin | Balance::LeastConn => return found,
        };
        let backups = upstream.server.iter().filter(is_backup);
        found.extend(backups.filter_map(|server| {
            let backup = server.backup.as_ref()?;
            Some(no_backup_with(method, backup.key_span, balance.span))
        }));
    }
    found
}

/// `resolve` in a pool for an nginx that refuses it.
fn too_old(scene: Scene<'_>, upstream: &Node<vocabulary::Upstream>) -> Diagnostic {
    let label = upstream.label.name();
    let version = match scene.version {
        NginxVersion::Unknown => "this nginx is of an unknown version".to_owned(),
        known @ NginxVersion::Known(..) => format!("this nginx is {known}"),
    };
    let diagnostic = Diagnostic::new(
        &catalogue::RESOLVE_NEEDS_NEWER_NGINX,
        format!("pool `{label}` looks names up at request time, which needs nginx 1.27.3"),
        upstream.span,
    );
    let diagnostic = match scene.version_span {
        Some(span) => diagnostic.and(span, version),
        None => diagnostic.labelled(format!("{version}, as nothing else is said")),
    };
    diagnostic
        .help(
            "name a newer nginx (`target nginx { version = \"1.28\" }`, or the tag of the \
             gateway's image), or write `resolve = at_start` and reload nginx whenever an address \
             changes, or route straight to the service's port without a pool",
        )
        .about(scene.service.name())
}

/// A backup beside a method that has none.
fn no_backup_with(method: &str, backup: Span, balance: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::BACKUP_REFUSED,
        format!("nginx has no backup with `{method}`"),
        backup,
    )
    .and(
        balance,
        format!("`{method}` sends each key to one server, backup or not"),
    )
    .help("write `balance = least_conn` or `round_robin`, or take the backup out")
}

/// A pool in which every server is a backup, or that is empty.
fn no_primary(upstream: &Node<vocabulary::Upstream>) -> Diagnostic {
    let label = upstream.label.name();
    let diagnostic = Diagnostic::new(
        &catalogue::NO_PRIMARY,
        format!("pool `{label}` has no server that is not a backup"),
        upstream.span,
    );
    match upstream.server.first() {
        Some(server) => diagnostic
            .and(server.span, "a backup")
            .help("take `backup` out of one of its servers"),
        None => diagnostic.help("write a `server SERVICE.PORT` in it"),
    }
}

/// Servers of two schemes in one pool: `proxy_pass` has one for all.
fn mixed(
    upstream: &Node<vocabulary::Upstream>,
    scheme: &str,
    other: &str,
    first: Span,
    span: Span,
) -> Diagnostic {
    let label = upstream.label.name();
    Diagnostic::new(
        &catalogue::MIXED_POOL,
        format!("pool `{label}` has servers of {other} and of {scheme}"),
        span,
    )
    .labelled(format!("speaks {scheme}"))
    .and(first, format!("speaks {other}"))
    .help("nginx speaks one of the two to all members of a pool: make two pools of it")
}

/// A port that does not speak HTTP.
fn not_http(callee: ServiceView<'_>, port: &Node<Port>, span: Span) -> Diagnostic {
    let (service, name) = (callee.name(), port.label.name());
    let protocol = graph::protocol(port).word();
    let diagnostic = Diagnostic::new(
        &catalogue::NOT_HTTP,
        format!("a gateway passes on HTTP, and `{service}.{name}` speaks {protocol}"),
        span,
    );
    match &port.protocol {
        Some(written) => diagnostic
            .and(written.span, "said here")
            .help("publish the port of the service itself: `publish = …` in its `port`"),
        None => diagnostic
            .and(
                port.span,
                "a port of another name than `http` speaks tcp unless it says otherwise",
            )
            .help(format!(
                "write `protocol = http` in `port {name}` if that is what it speaks"
            )),
    }
}
