//! What a gateway adds to a service: listeners, upstreams and routes.

use super::{
    Balance, Count, LabelRule, ListenRedirect, Method, PortNumber, Protocol, Resolve, RetryOn,
    RouteTarget, Scheme, SecretReference, SplitBy, Whole,
};
use crate::source::{Spanned, Str};
use crate::types::{Duration, Memory, Percent};

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
        /// The longest wait for a connection to a service; 1s by default.
        connect_timeout: attribute(Duration),
        /// The longest silence of a response; 60s by default, as nginx has it.
        read_timeout: attribute(Duration),
        /// The longest a service may take to accept more of a request; 60s by default, as nginx
        /// has it.
        send_timeout: attribute(Duration),
        /// The longest a request may take from beginning to end; without a limit by default.
        request_timeout: attribute(Duration),
        /// When a request is passed to another server of its pool.
        retry: block(Retry),
        /// How many requests are taken.
        rate_limit: block(RateLimit),
        /// Compression of responses; none by default. `gzip {}` is enough.
        gzip: block(Gzip),
    }
}

block! {
    /// Where a gateway listens.
    pub struct Listen = "listen" LabelRule::Name; {
        /// The port; 80 by default, 443 for https.
        port: attribute(PortNumber),
        /// What it speaks; by default https where it is named so or has a `tls` block, else http.
        protocol: attribute(Protocol),
        /// The host names it answers to; all by default.
        hosts: attribute(Vec<Spanned<Str>>),
        /// The certificate it shows.
        tls: block(Tls),
        /// `https`: sends every request to the listener that speaks https.
        redirect: attribute(ListenRedirect),
    }
}

block! {
    /// The certificate of a listener.
    pub struct Tls = "tls" LabelRule::None; {
        /// The secret that holds the certificate and those that lead to its root, PEM. On
        /// Kubernetes it names the `kubernetes.io/tls` Secret that holds both.
        certificate: attribute(SecretReference),
        /// The secret that holds the certificate's key, PEM.
        key: attribute(SecretReference),
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
    /// Requests that go one way, to one of `to`, `root` and `redirect`. The label is a pattern of
    /// paths: `/x` is that path alone, `/x/**` it and everything below, `/` all. The longest path
    /// that a request has decides; of several routes for it the one with `methods` goes first, then
    /// the one with more `headers`, with `hosts`, and the one written first.
    pub struct Route = "route" LabelRule::Text; {
        /// The pattern of paths; the label by default. Several routes for the same paths have
        /// labels of their own and this.
        path: attribute(Str),
        /// The host names, with `*.` before one for all below it; all of the gateway by default.
        hosts: attribute(Vec<Spanned<Str>>),
        /// The methods; all by default.
        methods: attribute(Vec<Spanned<Method>>),
        /// Headers that a request must have.
        headers: block(HeaderMatches),
        /// Where they go: an upstream of this gateway, or a service's port.
        to: attribute(RouteTarget),
        /// A part of them that goes elsewhere.
        split: blocks(Split),
        /// Whether `split` decides for each request, as by default, or for each client's address.
        split_by: attribute(SplitBy),
        /// The folder whose files answer; the whole path is looked up below it.
        root: attribute(Str),
        /// Where clients are sent instead.
        redirect: block(Redirect),
        /// What becomes of the path.
        rewrite: block(Rewrite),
        /// Changes to the headers of requests.
        request_headers: block(HeaderChanges),
        /// Changes to the headers of responses.
        response_headers: block(HeaderChanges),
        /// Whether connections may become WebSockets; false by default.
        websocket: attribute(bool),
        /// The largest request body; the gateway's by default.
        body_size: attribute(Memory),
        /// The longest wait for a connection; the gateway's by default.
        connect_timeout: attribute(Duration),
        /// The longest silence of a response; the gateway's by default. A WebSocket on which
        /// nothing is sent ends then too.
        read_timeout: attribute(Duration),
        /// The longest a service may take to accept more of a request; the gateway's by default.
        send_timeout: attribute(Duration),
        /// The longest a request may take from beginning to end; the gateway's by default.
        request_timeout: attribute(Duration),
        /// When a request is passed to another server; what it leaves out is the gateway's.
        retry: block(Retry),
        /// How many requests are taken, instead of the gateway's.
        rate_limit: block(RateLimit),
    }
}

block! {
    /// Headers that a request must have: any names.
    pub struct HeaderMatches = "headers" LabelRule::None; {
        /// A header, and the one value it must have.
        entries: entries(Str),
    }
}

block! {
    /// A part of a route's requests that goes to another port; `to` has the rest.
    pub struct Split = "split" LabelRule::Port; {
        /// How much, in hundredths of a percent at the finest.
        share: attribute(Percent),
    }
}

block! {
    /// Where clients are sent. What is left out is as they asked for it.
    pub struct Redirect = "redirect" LabelRule::None; {
        /// The scheme.
        scheme: attribute(Scheme),
        /// The host name.
        host: attribute(Str),
        /// The port; with a `scheme` or a `host`, by default the usual one.
        port: attribute(PortNumber),
        /// The whole path; the query is kept.
        path: attribute(Str),
        /// 301, 302, 303, 307 or 308; 302 by default.
        status: attribute(Whole<301, 308>),
    }
}

block! {
    /// When a request is passed to another server of its pool. By default when a server cannot be
    /// reached or does not answer in time, as nginx has it.
    pub struct Retry = "retry" LabelRule::None; {
        /// After what; `[error, timeout]` by default, `[]` is never.
        on: attribute(Vec<Spanned<RetryOn>>),
        /// How often a request is sent at most, the first time too; as many as there are servers by
        /// default.
        tries: attribute(Whole<1, 100>),
        /// How long after the first time it may be sent again; without a limit by default.
        timeout: attribute(Duration),
        /// Whether also a POST, PATCH or LOCK that was already sent, which may then be done twice;
        /// false by default.
        non_idempotent: attribute(bool),
    }
}

block! {
    /// How many requests are taken of each client; more are refused.
    pub struct RateLimit = "rate_limit" LabelRule::None; {
        /// So many.
        requests: attribute(Whole<1, 1_000_000>),
        /// In this time; 1s by default.
        per: attribute(Duration),
        /// How many more may come at once and wait their turn; 0 by default.
        burst: attribute(Whole<0, 1_000_000>),
        /// Whether those of a burst are passed on at once; false by default.
        nodelay: attribute(bool),
        /// What tells clients apart, of nginx variables; their address, `$binary_remote_addr`, by
        /// default.
        key: attribute(Str),
        /// What the refused are answered; 429 by default.
        status: attribute(Whole<400, 599>),
    }
}

block! {
    /// Compression of responses for clients that take it.
    pub struct Gzip = "gzip" LabelRule::None; {
        /// The types of content beside HTML; CSS, JavaScript, JSON, plain text, XML and SVG by
        /// default.
        types: attribute(Vec<Spanned<Str>>),
        /// The shortest response worth it; 20 bytes by default, as nginx has it.
        min_length: attribute(Memory),
        /// From 1, the fastest, which is the default, to 9.
        level: attribute(Whole<1, 9>),
    }
}

block! {
    /// What becomes of the path: `prefix`, or `from` and `to`.
    pub struct Rewrite = "rewrite" LabelRule::None; {
        /// What the path of the route's pattern becomes; what follows it stays.
        prefix: attribute(Str),
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
