//! How the configuration of nginx refers to slots: by files that it includes and that the scripts
//! rewrite, `slots/APP/SERVICE/…` below the folder of `nginx.conf`.
//!
//! A folder, since a file that is mounted alone is not seen to be replaced by a rename
//! (moby/moby 15793).

use crate::diagnostics::Diagnostic;
use crate::graph::{Graph, ServiceView};
use crate::source::Span;
use crate::targets::content_hash;
use crate::targets::nginx::plan::Directive;
use crate::targets::nginx::values;
use crate::types::Duration;
use crate::vocabulary::{Label, Node, Server, TargetId};

/// A file that nginx includes: a line for each slot that requests go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::targets::nginx) struct Include {
    /// The service's zd name.
    pub(in crate::targets::nginx) service: String,
    /// The file's name in the service's folder.
    pub(in crate::targets::nginx) file: String,
    /// What stands before the port in a line.
    pub(in crate::targets::nginx) before: String,
    /// What stands after it.
    pub(in crate::targets::nginx) after: String,
}

impl Include {
    /// The path that the configuration names, from the folder of `nginx.conf`.
    pub(in crate::targets::nginx) fn path(&self, graph: &Graph) -> String {
        format!("{}/{}", folder(graph, &self.service), self.file)
    }

    /// Its text with these slots.
    pub(super) fn text(&self, slots: &[u64]) -> String {
        let lines = slots
            .iter()
            .map(|slot| format!("{}{slot}{}\n", self.before, self.after));
        lines.collect()
    }
}

/// A share of the requests for a service of a plain host.
pub(in crate::targets::nginx) fn no_share(service: &str, span: Span) -> Diagnostic {
    let what = format!("`{service}` runs on a plain host and takes no share of a route");
    let why = "its address is in an include that is switched as a whole";
    super::text::refused(
        span,
        what,
        why,
        "put it into an `upstream`, with a `weight`",
    )
}

/// How long workers that are to end leave clients' idle connections open: at every switch nginx
/// reloads, and a request on its way over a connection that closes under it is lost.
const KEPT: Duration = Duration::from_seconds(2);

/// The directive for it.
pub(in crate::targets::nginx) fn kept_connections() -> Directive {
    let why =
        "A reload closes kept connections once they were idle this long, not under a request.";
    Directive::new("keepalive_min_timeout", [format!("{}s", KEPT.seconds_up())]).comment(why)
}

/// How long a slot is left alone at most: its own drain, and what workers take to be gone.
pub(super) fn longest_wait(drain: Duration) -> Duration {
    drain.plus(KEPT)
}

/// The folder of a service's includes.
fn folder(graph: &Graph, service: &str) -> String {
    format!("slots/{}/{service}", super::super::file_name(graph.name()))
}

/// What a route straight to a service's slots includes: a variable with the address of the one that
/// is live. `None` for a service whose slots serve together: it has a pool.
pub(in crate::targets::nginx) fn route_of(
    graph: &Graph,
    service: ServiceView<'_>,
    scheme: &str,
) -> Option<Include> {
    let is_one =
        graph.is_on_host(service) && crate::rollout::hosts::policy(graph, service).blue_green;
    is_one.then(|| Include {
        service: service.name().to_owned(),
        file: "service-url.inc".to_owned(),
        before: format!(
            "set ${} {scheme}://127.0.0.1:",
            blue_green_variable(service)
        ),
        after: ";".to_owned(),
    })
}

/// The variable with the address of the live slot.
pub(in crate::targets::nginx) fn blue_green_variable(service: ServiceView<'_>) -> String {
    let name = service.name().replace('-', "_").to_ascii_lowercase();
    let name = format!("{name}_url");
    // A longer name would not fit nginx's hash of variables, which only the main file can widen.
    if values::hash_bucket(name.len()).is_none() && name.is_ascii() {
        return name;
    }
    format!("url_{}", content_hash(service.name()))
}

/// What a pool includes for a service's slots: a `server` line for each that is live. The order of
/// words is that of the pool's other members.
pub(in crate::targets::nginx) fn pool_of(
    service: ServiceView<'_>,
    pool: &str,
    parameters: &[String],
) -> Include {
    let mut after = String::new();
    for parameter in parameters {
        after.push(' ');
        after.push_str(parameter);
    }
    after.push(';');
    Include {
        service: service.name().to_owned(),
        file: format!("{pool}.inc"),
        before: "server 127.0.0.1:".to_owned(),
        after,
    }
}

/// Whether a gateway of nginx has this service in a pool or a route.
pub(super) fn is_led_to(graph: &Graph, service: ServiceView<'_>) -> bool {
    graph.edges_to(service.id).any(|(edge, from)| {
        edge.kind == crate::graph::EdgeKind::Routes && graph.runs_on(from, TargetId::Nginx)
    })
}

/// Whether a member of a pool is a port of this service.
pub(super) fn is_of(server: &Node<Server>, service: ServiceView<'_>) -> bool {
    matches!(&server.label, Label::Reference(crate::types::Reference::Port(name, _)) if **name == *service.name())
}
