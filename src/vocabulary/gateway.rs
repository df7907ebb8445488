//! What a gateway adds to a service: listeners, upstreams and routes.

use super::{Balance, Count, LabelRule, Method, PortNumber, Protocol, Resolve, RouteTarget};
use crate::source::{Spanned, Str};
use crate::types::{Duration, Memory};

block! {
    /// A service that takes requests and passes them on: what it has beside a service's body.
    pub struct Gateway = "gateway" LabelRule::Name, extends super::Service; {
        /// Where it listens.
        listen: blocks(Listen),
        /// A pool of servers.
        upstream: blocks(Upstream),
        /// Requests that go one way.
        route: blocks(Route),
        /// Whether `Host`, `X-Real-IP`, `X-Forwarded-For` and `X-Forwarded-Proto` are set; true by
        /// default.
        forwarded_headers: attribute(bool),
        /// When names are looked up; `at_request` by default.
        resolve: attribute(Resolve),
        /// The file of its access log; standard output by default.
        access_log: attribute(Str),
        /// The file of its error log; standard error by default.
        error_log: attribute(Str),
        /// The largest request body; 1 MiB by default, as nginx has it.
        body_size: attribute(Memory),
    }
}

block! {
    /// Where a gateway listens.
    pub struct Listen = "listen" LabelRule::Name; {
        /// The port; 80 by default.
        port: attribute(PortNumber),
        /// What it speaks; http by default.
        protocol: attribute(Protocol),
        /// The host names it answers to; all by default.
        hosts: attribute(Vec<Spanned<Str>>),
    }
}

block! {
    /// A pool of servers.
    pub struct Upstream = "upstream" LabelRule::Name; {
        /// How a server is chosen; `round_robin` by default.
        balance: attribute(Balance),
        /// When names are looked up; `at_request` by default.
        resolve: attribute(Resolve),
        /// A member of the pool.
        server: blocks(Server),
    }
}

block! {
    /// A member of a pool: a service's port.
    pub struct Server = "server" LabelRule::Port; {
        /// Its share of the requests; 1 by default.
        weight: attribute(super::Whole<1, 1_000_000>),
        /// Failures within `fail_timeout` that mark it down; 0, never, by default. nginx's own
        /// default is 1.
        max_fails: attribute(Count),
        /// How long failures count, and how long it stays marked.
        fail_timeout: attribute(Duration),
        /// Whether it is used only when no other member is.
        backup: attribute(bool),
        /// The most connections at once; unlimited by default.
        max_conns: attribute(Count),
    }
}

block! {
    /// Requests that go one way. `/x` is that path alone, `/x/**` everything below, `/` all.
    pub struct Route = "route" LabelRule::Text; {
        /// Where they go: an upstream of this gateway, or a service's port.
        to: attribute(RouteTarget),
        /// The methods; all by default.
        methods: attribute(Vec<Spanned<Method>>),
        /// What becomes of the path.
        rewrite: block(Rewrite),
        /// Changes to the headers of requests.
        request_headers: block(HeaderChanges),
        /// Changes to the headers of responses.
        response_headers: block(HeaderChanges),
        /// The longest wait for a connection; 1s by default.
        connect_timeout: attribute(Duration),
        /// The longest silence of a response; 60s by default, as nginx has it.
        read_timeout: attribute(Duration),
    }
}

block! {
    /// What becomes of the path.
    pub struct Rewrite = "rewrite" LabelRule::None; {
        /// A regular expression over the path.
        from: attribute(Str),
        /// The new path; `$1` and `$name` are groups.
        to: attribute(Str),
    }
}

block! {
    /// Changes to headers.
    pub struct HeaderChanges = "request_headers" LabelRule::None; {
        /// Headers to take out.
        remove: attribute(Vec<Spanned<Str>>),
        /// Headers to set; nginx variables are replaced.
        set: block(HeaderValues),
    }
}

block! {
    /// Headers with values: any names.
    pub struct HeaderValues = "set" LabelRule::None; {
        /// A header.
        entries: entries(Str),
    }
}
