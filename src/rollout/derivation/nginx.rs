//! What a proxy in front of a service must be told: how long it keeps an address, how long it tries
//! one, and when it gives one up.

use super::{Inequality, Number, Origin, Relation, Setting, Term};
use crate::graph::{EdgeKind, Graph, ServiceView};
use crate::types::{Duration, Reference};
use crate::vocabulary::{Label, Node, Resolve, Server, TargetId};

/// How long an answer of the name server is kept: the least that nginx has. Without `valid`
/// Docker's TTL of 600 s counts.
pub const VALID: Duration = Duration::from_seconds(1);
/// How long the name server may take.
pub const RESOLVER_TIMEOUT: Duration = Duration::from_seconds(2);
/// How long a connection may take where nothing is said: on one network it is there at once or not
/// at all, and nginx's own minute is as long as clients wait.
pub const CONNECT_TIMEOUT: Duration = Duration::from_seconds(1);
/// Failures that mark a server down: none do, since a pool whose members are all marked answers 502
/// to everyone.
pub const MAX_FAILS: u64 = 0;
/// nginx's own (`ngx_http_upstream_module`).
const FAIL_TIMEOUT: Duration = Duration::from_seconds(10);
/// nginx's own (`ngx_http_proxy_module`).
const CONNECT_DEFAULT: Duration = Duration::from_seconds(60);
/// Between a task's leaving the name server and its signal: see [`super::swarm`].
const LEAVING: Duration = Duration::from_seconds(2);
const SPARE: Duration = Duration::from_seconds(1);

const UPSTREAM: &str = "nginx.org, ngx_http_upstream_module; our load tests of pools";
const PROXY: &str = "nginx.org, ngx_http_proxy_module; our load tests of updates";
const RESOLVER: &str = "nginx.org, ngx_http_core_module resolver; our load tests of updates";

/// Whether a gateway that runs nginx on a swarm passes requests to this service.
pub(super) fn reaches(graph: &Graph, service: ServiceView<'_>) -> bool {
    proxies(graph, service, TargetId::Swarm).any(|from| from.id != service.id)
}

/// The gateways that run nginx on this target and pass requests to this service; the service itself
/// where it is one.
fn proxies<'g>(
    graph: &'g Graph,
    service: ServiceView<'g>,
    target: TargetId,
) -> impl Iterator<Item = ServiceView<'g>> {
    let itself = std::iter::once(service).filter(|service| service.node.gateway.is_some());
    let mut before: Vec<ServiceView<'g>> = graph
        .edges_to(service.id)
        .filter(|(edge, _)| edge.kind == EdgeKind::Routes)
        .map(|(_, from)| from)
        .collect();
    before.sort_by_key(|from| from.id);
    before.dedup_by_key(|from| from.id);
    itself
        .chain(before)
        .filter(move |from| graph.runs_on(*from, target))
}

/// Every number of the proxies in front of a service; of a gateway, its own.
pub(super) fn explain(graph: &Graph, service: ServiceView<'_>, target: TargetId) -> Vec<Setting> {
    let mut settings = Vec::new();
    for proxy in proxies(graph, service, target) {
        settings.extend(of_proxy(graph, proxy, service));
    }
    settings
}

fn of_proxy(graph: &Graph, proxy: ServiceView<'_>, service: ServiceView<'_>) -> Vec<Setting> {
    let name = proxy.name();
    let gateway = proxy.node.gateway.as_ref();
    let written = gateway.and_then(|gateway| Some(gateway.connect_timeout.as_ref()?.value));
    let connect = match written {
        Some(_) => Number::written_or(written, CONNECT_DEFAULT),
        None => Number::derived(CONNECT_TIMEOUT),
    };
    let mut settings: Vec<Setting> = resolver(graph, proxy, service).into_iter().collect();
    settings.push(
        Setting::new(format!("{name}: proxy_connect_timeout"), &connect)
            .must([Inequality::new(
                Term::Time("proxy_connect_timeout", connect.value),
                Relation::LessThan,
                Term::Fixed(CONNECT_DEFAULT),
            )])
            .because(
                "an address that nobody has any more answers nothing: a request waits this long \
                 for it, and then takes the next",
                PROXY,
            ),
    );
    let upstreams = proxy.node.gateway.iter().flat_map(|it| &it.upstream);
    for upstream in upstreams {
        for server in &upstream.server {
            let Label::Reference(Reference::Port(callee, _)) = &server.label else {
                continue;
            };
            let Some(callee) = graph.find(callee) else {
                continue;
            };
            if callee.id == service.id || proxy.id == service.id {
                settings.extend(marking(
                    graph,
                    (name, upstream.label.name()),
                    server,
                    callee,
                ));
            }
        }
    }
    settings
}

/// The slots of a plain host have addresses: there is nothing to ask.
fn resolver(graph: &Graph, proxy: ServiceView<'_>, service: ServiceView<'_>) -> Option<Setting> {
    let gateway = proxy.node.gateway.as_ref();
    let once = |resolve: Option<&crate::vocabulary::Attribute<Resolve>>| {
        resolve.is_some_and(|resolve| resolve.value == Resolve::AtStart)
    };
    let at_start = gateway.is_some_and(|gateway| {
        let pools = &gateway.upstream;
        once(gateway.resolve.as_ref())
            || (!pools.is_empty() && pools.iter().all(|pool| once(pool.resolve.as_ref())))
    });
    let title = format!("{}: resolver valid", proxy.name());
    if at_start {
        let never = Number {
            value: "at_start",
            origin: Origin::Written,
        };
        return Some(Setting::new(title, &never).because(
            "names are looked up once: an instance with a new address is not found until nginx is \
             reloaded",
            RESOLVER,
        ));
    }
    let callees: Vec<ServiceView<'_>> = if proxy.id == service.id {
        graph
            .edges_from(proxy.id)
            .filter(|(edge, _)| edge.kind == EdgeKind::Routes)
            .filter_map(|(_, callee)| graph.service(callee))
            .collect()
    } else {
        vec![service]
    };
    if !callees.is_empty() && callees.iter().all(|callee| graph.is_on_host(*callee)) {
        return None;
    }
    let drain = callees.iter().map(|callee| {
        let shutdown = callee.node.service.shutdown.as_ref();
        shutdown
            .and_then(|it| Some(it.drain.as_ref()?.value))
            .unwrap_or_default()
    });
    let must = drain.min().map(|drain| {
        Inequality::new(
            Term::Sum(vec![Term::Time("drain", drain), Term::Fixed(LEAVING)]),
            Relation::AtLeast,
            Term::Sum(vec![Term::Time("valid", VALID), Term::Fixed(SPARE)]),
        )
    });
    let setting = Setting::new(title, &Number::derived(VALID))
        .must(must)
        .because(
            "an address leaves the name server two seconds before the signal, and the program \
             accepts for `drain` after it: nginx must have forgotten it by then",
            RESOLVER,
        );
    Some(setting)
}

/// When a server of a pool is marked down.
fn marking(
    graph: &Graph,
    (proxy, pool): (&str, &str),
    server: &Node<Server>,
    callee: ServiceView<'_>,
) -> Vec<Setting> {
    let title = |what: &str| format!("{proxy}: {pool}: {}: {what}", callee.name());
    let fails = match &server.max_fails {
        Some(written) => Number {
            value: written.value.get(),
            origin: Origin::Written,
        },
        None => Number::derived(MAX_FAILS),
    };
    let written = server.fail_timeout.as_ref().map(|it| it.value);
    let timeout = Number::written_or(written, FAIL_TIMEOUT);
    let mut settings = vec![Setting::new(title("max_fails"), &fails).because(
        "a member that refused so often is left out for `fail_timeout`; with 0 none ever is, \
             and a pool never has nobody left",
        UPSTREAM,
    )];
    let replicas = graph.replicas(callee).least;
    let delay = super::swarm::numbers(graph, callee).update.delay.value;
    let gaps = Term::times(
        Term::without(Term::Count("replicas", replicas), Term::Number(1)),
        Term::Time("delay", delay),
    );
    let marked = Term::Sum(vec![
        Term::Time("fail_timeout", timeout.value),
        Term::Fixed(SPARE),
    ]);
    let must = (fails.value > 0 && !graph.is_on_host(callee))
        .then(|| Inequality::new(gaps, Relation::MoreThan, marked));
    settings.push(
        Setting::new(title("fail_timeout"), &timeout)
            .must(must)
            .because(
                "the first member must be taken back before the last one goes, or nobody is left \
                 for a while; it means nothing where `max_fails` is 0",
                UPSTREAM,
            ),
    );
    settings
}
