//! What a proxy in front of a service must be told: how long it keeps an address, how long it tries
//! one, and when it gives one up.

use super::{INTERVAL, Inequality, Number, Origin, Relation, Setting, Term};
use crate::graph::{EdgeKind, Graph, ServiceView};
use crate::types::{Duration, Reference, Text};
use crate::vocabulary::{Attribute, Health, Label, Node, Resolve, Server, TargetId};

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
/// nginx counts in whole seconds, and asks again a second after `valid` (2.0 s lie between two
/// questions for `valid=1s` in our traces).
const WHOLE_SECOND: Duration = Duration::from_seconds(1);
/// nginx's own (`ngx_http_proxy_module`).
const READ_DEFAULT: Duration = Duration::from_seconds(60);

const UPSTREAM: &str = "nginx.org, ngx_http_upstream_module; our load tests of pools";
const PROXY: &str = "nginx.org, ngx_http_proxy_module; our load tests of updates";
const POOLS: &str = "our load tests of updates, with checks every second";
const RESOLVER: &str = "nginx.org, ngx_http_core_module resolver; our load tests of updates";

/// What a service has to say of its end where names are looked up.
pub(super) const DRAINS: &str =
    "`shutdown { drain = … }`: without it nothing says that a program accepts after the signal";

/// Until nginx has forgotten an address that left the name server, when that is slow.
pub(super) fn forgets() -> Term {
    Term::Sum(vec![
        Term::Time("valid", VALID),
        Term::Fixed(WHOLE_SECOND),
        Term::Time("resolver_timeout", RESOLVER_TIMEOUT),
    ])
}

/// Until a pool has members though its first question was lost, as happens while an engine is busy
/// (4.0 s after the start in our traces).
fn knows_pools() -> Term {
    Term::Sum(vec![forgets(), Term::Fixed(SPARE)])
}

/// Where nginx's image reads the configuration of a site.
pub const SITE: &str = "/etc/nginx/conf.d/default.conf";
/// Where it reads all of it: what this file does not include nobody reads.
const WHOLE: &str = "/etc/nginx/nginx.conf";

/// Whether an image is known to have curl and no wget: those on Debian install the one (`nginxinc/docker-nginx`,
/// Dockerfile-debian.template), those on Alpine have busybox.
pub fn has_only_curl(image: &Text) -> bool {
    is_official(image) && !image.to_string().contains("alpine")
}

/// Whether an image is one that the makers of nginx publish, by its name.
pub fn is_official(image: &Text) -> bool {
    let Text::Known(known) = image else {
        return false;
    };
    let known = known.split('@').next().unwrap_or_default();
    let name = match known.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => known,
    };
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    matches!(
        name,
        "nginx" | "library/nginx" | "nginxinc/nginx-unprivileged"
    )
}

/// Whether a gateway's user mounts a file of their own where its configuration would be, which is not written then.
pub fn is_configured_by_user(service: ServiceView<'_>) -> bool {
    mounts(service, SITE)
}

/// Whether nginx answers by what is written for a gateway, as far as its mounts tell.
pub(in crate::rollout) fn answers_as_written(service: ServiceView<'_>) -> bool {
    !is_configured_by_user(service) && !mounts(service, WHOLE)
}

fn mounts(service: ServiceView<'_>, path: &str) -> bool {
    let body = &service.node.service.body;
    body.mount.iter().any(|mount| mount.label.name() == path)
        || body.config.iter().any(|mount| {
            matches!(&mount.label, Label::Reference(Reference::Config(_)))
                && mount.path.as_ref().is_some_and(|it| &*it.value == path)
        })
}

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
    if target == TargetId::Swarm {
        settings.extend(first_probe(service));
    }
    for proxy in proxies(graph, service, target) {
        settings.extend(of_proxy(graph, proxy, service));
    }
    settings
}

/// How soon a gateway's own check may pass, where that is before its pools need have members, and the
/// least that would do. nginx alone answers the check, so that it does not fall with what stands
/// behind it.
pub fn early_probe(service: ServiceView<'_>) -> Option<(&Attribute<Duration>, Duration)> {
    let interval = checked(service)?.interval.as_ref()?;
    let least = knows_pools().time();
    (interval.value < least).then_some((interval, least))
}

/// The check of a gateway whose pools are looked up.
fn checked(service: ServiceView<'_>) -> Option<&Node<Health>> {
    let gateway = service.node.gateway.as_ref()?;
    let own = gateway.resolve.as_ref();
    let looked_up = gateway.upstream.iter().any(|pool| {
        let resolve = pool.resolve.as_ref().or(own);
        resolve.is_none_or(|resolve| resolve.value == Resolve::AtRequest)
    });
    let health = service.node.service.health.as_deref()?;
    (looked_up && health.label.name() != "none").then_some(health)
}

fn first_probe(service: ServiceView<'_>) -> Option<Setting> {
    let written = checked(service)?.interval.as_ref().map(|it| it.value);
    let interval = Number::written_or(written, INTERVAL);
    let setting = Setting::new("healthcheck.interval", &interval)
        .must([Inequality::new(
            Term::Time("interval", interval.value),
            Relation::AtLeast,
            knows_pools(),
        )])
        .because(
            "a pool has no members until its names are answered, and requests get 502 meanwhile: a \
             first question that is lost must have been asked again before the first probe",
            POOLS,
        );
    Some(setting)
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
                 for it, and then takes the next, unless the pool's addresses have changed \
                 meanwhile: it is lost then, which `resolver valid` keeps from happening",
                PROXY,
            ),
    );
    settings.extend(reading(graph, proxy, service));
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

/// A request that takes its time must not be given up.
fn reading(graph: &Graph, proxy: ServiceView<'_>, service: ServiceView<'_>) -> Option<Setting> {
    let gateway = proxy.node.gateway.as_ref()?;
    let written = gateway.read_timeout.as_ref().map(|it| it.value);
    let number = Number::written_or(written, READ_DEFAULT);
    let longest = callees(graph, proxy, service)
        .into_iter()
        .filter_map(|callee| {
            let timing = callee.node.service.timing.as_ref()?;
            Some(timing.longest_request.as_ref()?.value)
        })
        .max();
    let must = longest.map(|longest| {
        Inequality::new(
            Term::Time("proxy_read_timeout", number.value),
            Relation::MoreThan,
            Term::Time("longest_request", longest),
        )
    });
    let wants = must.is_none().then_some(
        "`timing { longest_request = … }`: without it nothing says how long an answer may take",
    );
    let setting = Setting::new(format!("{}: proxy_read_timeout", proxy.name()), &number)
        .must(must)
        .because(
            "an answer that is silent for longer is given up and becomes a 504; a route may say \
             otherwise for itself",
            PROXY,
        )
        .wants(wants);
    Some(setting)
}

/// What a proxy passes requests to; all of it where the proxy itself is asked about.
fn callees<'g>(
    graph: &'g Graph,
    proxy: ServiceView<'g>,
    service: ServiceView<'g>,
) -> Vec<ServiceView<'g>> {
    if proxy.id != service.id {
        return vec![service];
    }
    graph
        .edges_from(proxy.id)
        .filter(|(edge, _)| edge.kind == EdgeKind::Routes)
        .filter_map(|(_, callee)| graph.service(callee))
        .collect()
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
    let callees = callees(graph, proxy, service);
    if !callees.is_empty() && callees.iter().all(|callee| graph.is_on_host(*callee)) {
        return None;
    }
    let drains = callees.iter().map(|callee| {
        let shutdown = callee.node.service.shutdown.as_ref();
        shutdown.and_then(|it| Some(it.drain.as_ref()?.value))
    });
    let least = drains.min();
    let must = least.map(|drain| {
        let drain = Term::Time("drain", drain.unwrap_or_default());
        Inequality::new(
            Term::Sum(vec![drain, Term::Fixed(LEAVING)]),
            Relation::AtLeast,
            forgets(),
        )
    });
    let setting = Setting::new(title, &Number::derived(VALID))
        .must(must)
        .because(
            "an address leaves the name server two seconds before the signal, and the program \
             accepts for `drain` after it: nginx must have forgotten it by then. It asks again a \
             second after `valid`, and the answer may be slow",
            RESOLVER,
        )
        .wants((least == Some(None)).then_some(DRAINS));
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
    let replicas = graph.replicas(callee).least;
    let never = (fails.value == 0).then(|| {
        let left = Term::without(
            Term::Count("members", replicas),
            Term::Count("members marked down", 0),
        );
        Inequality::new(left, Relation::AtLeast, Term::Number(1))
    });
    let mut settings = vec![Setting::new(title("max_fails"), &fails).must(never).because(
        "a member that refused so often is left out for `fail_timeout`; with 0 none ever is, \
             and a pool never has nobody left",
        UPSTREAM,
    )];
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
