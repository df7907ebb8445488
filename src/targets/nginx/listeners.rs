//! Where a gateway listens: the servers of its host names.

use super::gateway::{Draft, Scene};
use super::names::Names;
use super::plan::Directive;
use super::{file_name, values};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::routing::{self, VirtualHost};
use crate::source::Span;
use crate::vocabulary::{Attribute, Label, Listen, Node, Protocol, SecretReference};
use std::collections::BTreeSet;

/// Where nginx on a host finds certificates and keys.
const TLS_FOLDER: &str = "/etc/nginx/tls";

/// The listeners of a gateway, by their places in it; `None` for one that cannot be had.
pub(super) struct Listeners {
    list: Vec<Option<Listener>>,
}

struct Listener {
    port: u64,
    /// Certificate and key.
    tls: Option<(String, String)>,
    redirect: Option<Directive>,
}

/// What a server answers with.
pub(super) enum Serves {
    /// What its routes say.
    Routes,
    /// One directive that sends everything elsewhere.
    Redirect(Directive),
}

/// Lowers the listeners of a gateway.
pub(super) fn lower(scene: Scene<'_>, draft: &mut Draft<'_, '_>) -> Listeners {
    let gateway = scene.gateway;
    if gateway.listen.is_empty() {
        draft.report(scene, listens_nowhere(scene));
    }
    let listens = gateway.listen.iter();
    let list: Vec<Option<Listener>> = listens
        .map(|listen| listener(scene, listen, draft))
        .collect();
    routes_hosts(scene, draft);
    Listeners { list }
}

/// What only routes name is listened for as well, wherever a listener covers it.
fn routes_hosts(scene: Scene<'_>, draft: &mut Draft<'_, '_>) {
    let gateway = scene.gateway;
    let own = |listen: &Listen| -> Vec<String> {
        let hosts = listen.hosts.iter().flat_map(|hosts| &hosts.value);
        hosts.map(|host| host.value.to_ascii_lowercase()).collect()
    };
    let listens: Vec<(u64, Option<Vec<String>>)> = gateway
        .listen
        .iter()
        .map(|listen| {
            (
                routing::port(listen),
                listen.hosts.is_some().then(|| own(listen)),
            )
        })
        .collect();
    let mut known: BTreeSet<(u64, String)> = BTreeSet::new();
    for (port, hosts) in &listens {
        let hosts = hosts.iter().flatten();
        known.extend(hosts.map(|host| (*port, host.clone())));
    }
    for name in gateway
        .route
        .iter()
        .flat_map(|route| &route.hosts)
        .flat_map(|it| &it.value)
    {
        let lower = name.value.to_ascii_lowercase();
        for (port, hosts) in &listens {
            let covers = hosts.as_ref().is_none_or(|hosts| {
                let mut hosts = hosts.iter();
                hosts.any(|host| routing::host_covers(host, &lower))
            });
            if covers && known.insert((*port, lower.clone())) {
                // A fault is said; there is nothing to leave out for it.
                let _ = take(scene, *port, &lower, name.span, draft);
            }
        }
    }
}

impl Listeners {
    /// The servers of some host names: the first directives of each, and what it answers with. One
    /// certificate is one server.
    pub(super) fn servers(&self, host: &VirtualHost<'_>) -> Vec<(Vec<Directive>, Serves)> {
        let here: Vec<&Listener> = host
            .listeners
            .iter()
            .filter_map(|at| self.list.get(*at)?.as_ref())
            .collect();
        let mut out = Vec::new();
        let redirects = here.iter().filter_map(|listener| {
            let to = listener.redirect.clone()?;
            Some((Self::server(host, &[*listener]), Serves::Redirect(to)))
        });
        out.extend(redirects);
        let serving = here.iter().filter(|listener| listener.redirect.is_none());
        let mut groups: Vec<Vec<&Listener>> = Vec::new();
        for listener in serving {
            let fits = |group: &&mut Vec<&Listener>| {
                let tls = group.iter().find_map(|other| other.tls.as_ref());
                tls.is_none() || listener.tls.is_none() || tls == listener.tls.as_ref()
            };
            match groups.iter_mut().find(fits) {
                Some(group) => group.push(listener),
                None => groups.push(vec![listener]),
            }
        }
        out.extend(
            groups
                .iter()
                .map(|group| (Self::server(host, group), Serves::Routes)),
        );
        out
    }

    fn server(host: &VirtualHost<'_>, listeners: &[&Listener]) -> Vec<Directive> {
        let mut ports = BTreeSet::new();
        let mut out = Vec::new();
        for listener in listeners {
            if ports.insert(listener.port) {
                out.push(listen(listener, &host.hosts));
            }
        }
        out.push(match host.hosts.as_slice() {
            [] => Directive::new("server_name", ["_"]),
            hosts => Directive::new("server_name", hosts.iter().map(String::as_str)),
        });
        let tls = listeners.iter().find_map(|listener| listener.tls.as_ref());
        if let Some((certificate, key)) = tls {
            out.push(Directive::new("ssl_certificate", [certificate.as_str()]));
            out.push(Directive::new("ssl_certificate_key", [key.as_str()]));
            // nginx before 1.27.3 takes TLS 1.0 and 1.1 too (nginx `CHANGES`).
            out.push(Directive::new("ssl_protocols", ["TLSv1.2", "TLSv1.3"]));
        }
        out
    }
}

/// A server for all host names must say that it is the default: else nginx takes the first server
/// it reads of the port, whichever file that stands in.
fn listen(listener: &Listener, hosts: &[String]) -> Directive {
    let mut words = vec![listener.port.to_string()];
    if listener.tls.is_some() {
        words.push("ssl".to_owned());
    }
    if hosts.is_empty() {
        words.push("default_server".to_owned());
    }
    Directive::new("listen", words)
}

/// A listener; `None` where it cannot be had.
fn listener(
    scene: Scene<'_>,
    listen: &Node<Listen>,
    draft: &mut Draft<'_, '_>,
) -> Option<Listener> {
    let body = draft.ledger.enter(listen);
    draft.ledger.take_from(body.port.as_ref());
    draft.ledger.take_from(body.protocol.as_ref());
    draft.ledger.take_from(body.hosts.as_ref());
    draft.ledger.take_from(body.redirect.as_ref());
    let tls = tls(scene, listen, draft);
    let protocol = routing::protocol(listen);
    if !matches!(protocol, Protocol::Http | Protocol::Https) {
        let span = body.protocol.as_ref().map_or(listen.span, |it| it.span);
        draft.report(scene, unspoken(protocol, span));
        return None;
    }
    if protocol == Protocol::Http && body.tls.is_some() {
        let span = body.protocol.as_ref().map_or(listen.span, |it| it.span);
        draft.report(scene, plain_with_tls(span, listen.span));
    }
    let port = routing::port(listen);
    let redirect = match &body.redirect {
        Some(written) => Some(to_https(scene, listen, written.span, draft)?),
        None => None,
    };
    if protocol == Protocol::Https && tls.is_none() {
        draft.report(scene, no_certificate(listen));
        return None;
    }
    match &body.hosts {
        None => take(scene, port, "", listen.span, draft)?,
        Some(written) => {
            for host in &written.value {
                let name = host.value.to_ascii_lowercase();
                take(scene, port, &name, host.span, draft)?;
            }
        }
    }
    Some(Listener {
        port,
        tls,
        redirect,
    })
}

/// The files of a certificate and its key.
fn tls(
    scene: Scene<'_>,
    listen: &Node<Listen>,
    draft: &mut Draft<'_, '_>,
) -> Option<(String, String)> {
    let body = draft.ledger.enter(listen.tls.as_deref()?);
    draft.ledger.take_from(body.certificate.as_ref());
    draft.ledger.take_from(body.key.as_ref());
    let certificate = file(scene, body.certificate.as_ref()?, "crt", draft);
    let key = file(scene, body.key.as_ref()?, "key", draft);
    if !scene.in_container() {
        let place = listen.tls.as_ref().map_or(listen.span, |tls| tls.span);
        draft.report(scene, to_place(&certificate, &key, place));
    }
    Some((certificate, key))
}

/// Where nginx finds a secret: mounted, in a container; else in a folder of the host's.
fn file(
    scene: Scene<'_>,
    secret: &Attribute<SecretReference>,
    extension: &str,
    draft: &mut Draft<'_, '_>,
) -> String {
    let name = &secret.value.0;
    if !scene.in_container() {
        let real = scene.graph.secret(name).and_then(|node| node.name.as_ref());
        let real = real.map_or(&**name, |real| &*real.value);
        return format!("{TLS_FOLDER}/{}.{extension}", file_name(real));
    }
    let mounts = scene.service.node.service.body.secret.iter();
    let mut mounts = mounts.filter(|mount| match &mount.label {
        Label::Reference(crate::types::Reference::Secret(mounted)) => mounted == name,
        _ => false,
    });
    let path = mounts.find_map(|mount| mount.path.as_ref());
    let path = path.map_or_else(
        || format!("/run/secrets/{name}"),
        |path| path.value.to_string(),
    );
    if let Err(fault) = values::literal("path", &path, secret.span) {
        draft.report(scene, *fault);
    }
    path
}

/// `return 301 https://…`, to the port where the same hosts are served by TLS.
fn to_https(
    scene: Scene<'_>,
    listen: &Node<Listen>,
    span: Span,
    draft: &mut Draft<'_, '_>,
) -> Option<Directive> {
    let Some(port) = secure_port(scene, listen) else {
        draft.report(scene, no_secure_listener(scene, listen, span));
        return None;
    };
    let port = match port {
        443 => String::new(),
        port => format!(":{port}"),
    };
    let to = format!("https://$host{port}$request_uri");
    Some(Directive::new("return", ["301", &to]))
}

fn secure_port(scene: Scene<'_>, listen: &Listen) -> Option<u64> {
    let covers = |other: &Node<Listen>| match (&other.hosts, &listen.hosts) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(theirs), Some(own)) => own.value.iter().all(|own| {
            let own = own.value.to_ascii_lowercase();
            let mut theirs = theirs.value.iter();
            theirs.any(|host| routing::host_covers(&host.value.to_ascii_lowercase(), &own))
        }),
    };
    let mut others = scene.gateway.listen.iter();
    others
        .find(|other| serves_https(other) && covers(other))
        .map(|other| routing::port(other))
}

fn serves_https(listen: &Node<Listen>) -> bool {
    routing::protocol(listen) == Protocol::Https && listen.redirect.is_none()
}

fn take(
    scene: Scene<'_>,
    port: u64,
    host: &str,
    span: Span,
    draft: &mut Draft<'_, '_>,
) -> Option<()> {
    let names: &mut Names = draft.names;
    let taken = names.listen(port, host, span);
    taken
        .map_err(|first| draft.report(scene, taken_twice(port, host, first, span)))
        .ok()
}

/// Two servers for one host name on one port: nginx would keep the first and only warn.
fn taken_twice(port: u64, host: &str, first: Span, span: Span) -> Diagnostic {
    let what = match host {
        "" => "requests of all host names".to_owned(),
        host => format!("requests for `{host}`"),
    };
    Diagnostic::new(
        &catalogue::LISTENER_TAKEN,
        format!("{what} on port {port} would have two servers"),
        span,
    )
    .and(first, "the first is here")
    .help("tell them apart by `port` or by `hosts`")
}

/// What a listener cannot speak.
fn unspoken(protocol: Protocol, span: Span) -> Diagnostic {
    let word = protocol.word();
    match protocol {
        Protocol::Tcp | Protocol::Udp => Diagnostic::new(
            &catalogue::NOT_HTTP,
            format!("a gateway passes on HTTP, not {word}"),
            span,
        )
        .help("publish the port of the service itself: `port NAME { number = …, publish = … }`"),
        Protocol::Http | Protocol::Https | Protocol::Grpc => Diagnostic::new(
            &catalogue::NOT_YET,
            format!("a gateway cannot listen for {word} yet"),
            span,
        )
        .help("listen for http or https"),
    }
}

/// `protocol = http` beside a certificate.
fn plain_with_tls(span: Span, listen: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::NO_CERTIFICATE,
        "a listener of plain http has a certificate",
        span,
    )
    .and(listen, "this listener")
    .help("leave `protocol` out, or take `tls` out")
}

/// https without a certificate.
fn no_certificate(listen: &Node<Listen>) -> Diagnostic {
    let missing = match &listen.tls {
        Some(tls) if tls.certificate.is_some() => "no key",
        Some(tls) if tls.key.is_some() => "no certificate",
        _ => "no certificate and no key",
    };
    let name = listen.label.name();
    Diagnostic::new(
        &catalogue::NO_CERTIFICATE,
        format!("listener `{name}` speaks https and has {missing}"),
        listen.span,
    )
    .help("declare two secrets and write `tls { certificate = NAME, key = NAME }` in it")
}

/// Files that zdc does not write.
fn to_place(certificate: &str, key: &str, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::CERTIFICATE_TO_PLACE,
        format!("nginx reads `{certificate}` and `{key}`"),
        span,
    )
    .labelled("in no file that zdc writes")
    .help("put the certificate, with those that lead to its root, and its key there")
}

/// Nothing to send clients to, or not for all of them.
fn no_secure_listener(scene: Scene<'_>, listen: &Node<Listen>, span: Span) -> Diagnostic {
    let secure = scene.gateway.listen.iter().find(|it| serves_https(it));
    let whose = secure.map_or("", |_| " for all of its hosts");
    let diagnostic = Diagnostic::new(
        &catalogue::NO_SECURE_LISTENER,
        format!(
            "listener `{}` sends everything to https, and none of the gateway's speaks it{whose}",
            listen.label.name()
        ),
        span,
    )
    .help("add `listen https { tls { certificate = NAME, key = NAME } }` for the same hosts");
    match secure.and_then(|it| it.hosts.as_ref()) {
        Some(hosts) => diagnostic.and(hosts.span, "https is for these alone here"),
        None => diagnostic,
    }
}

/// A gateway without a `listen`.
fn listens_nowhere(scene: Scene<'_>) -> Diagnostic {
    let name = scene.service.name();
    Diagnostic::new(
        &catalogue::NO_LISTENER,
        format!("gateway `{name}` listens nowhere"),
        scene.service.span(),
    )
    .labelled("no request can reach it")
    .help("write `listen http { port = 80 }` in it")
}
