//! The Rust types attributes become, each with the language's type beside its reading.

use super::Typed;
use crate::source::{Spanned, Str};
use crate::types::{
    Cidr, Cpu, Date, Duration, IntRange, Memory, Percent, Reference, ResourceKind, Text, Ty, Value,
    VariableId,
};
use std::net::Ipv4Addr;
use std::sync::Arc;

macro_rules! simple {
    ($($rust:ty, $ty:expr, $pattern:pat => $value:expr;)*) => {
        $(impl Typed for $rust {
            fn ty() -> Ty {
                $ty
            }

            fn from_value(value: &Value) -> Option<Self> {
                match value {
                    $pattern => Some($value),
                    _ => None,
                }
            }
        })*
    };
}

simple! {
    bool, Ty::Bool, Value::Bool(value) => *value;
    Duration, Ty::Duration, Value::Duration(value) => *value;
    Memory, Ty::Memory, Value::Memory(value) => *value;
    Cpu, Ty::Cpu, Value::Cpu(value) => *value;
    Percent, Ty::Percent, Value::Percent(value) => *value;
    Ipv4Addr, Ty::Ip, Value::Ip(value) => *value;
    Cidr, Ty::Cidr, Value::Cidr(value) => *value;
    Date, Ty::Date, Value::Date(value) => *value;
}

/// A string known at build time.
impl Typed for Str {
    fn ty() -> Ty {
        Ty::TEXT
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Text(Text::Known(text)) => Some(text.clone()),
            _ => None,
        }
    }
}

/// A string that may hold deploy-time variables, slots and addresses.
impl Typed for Text {
    fn ty() -> Ty {
        Ty::Deploy(Arc::new(Ty::TEXT))
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        }
    }
}

/// A whole number between two bounds, both inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Whole<const MIN: i64, const MAX: i64>(pub i64);

/// A number of things: 0 and up.
pub type Count = Whole<0, { i64::MAX }>;
/// A TCP or UDP port.
pub type PortNumber = Whole<1, 65_535>;

impl<const MIN: i64, const MAX: i64> Whole<MIN, MAX> {
    /// The number; zero where it is negative.
    pub fn get(self) -> u64 {
        u64::try_from(self.0).unwrap_or(0)
    }
}

impl<const MIN: i64, const MAX: i64> Typed for Whole<MIN, MAX> {
    fn ty() -> Ty {
        Ty::Int(IntRange { min: MIN, max: MAX })
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Int(number) if (MIN..=MAX).contains(number) => Some(Self(*number)),
            _ => None,
        }
    }
}

/// A value known now, or a deploy-time variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Staged<T> {
    /// Known now.
    Known(T),
    /// Known when it is deployed; the deployment has its range and default.
    Variable(VariableId),
}

impl<T: Typed> Typed for Staged<T> {
    fn ty() -> Ty {
        Ty::Deploy(Arc::new(T::ty()))
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Variable(variable) => Some(Staged::Variable(variable.clone())),
            other => T::from_value(other).map(Staged::Known),
        }
    }
}

impl<T: Typed> Typed for Vec<Spanned<T>> {
    fn ty() -> Ty {
        Ty::list(T::ty())
    }

    fn from_value(value: &Value) -> Option<Self> {
        let Value::List(items) = value else {
            return None;
        };
        items
            .iter()
            .map(|item| Some(Spanned::new(T::from_value(&item.value)?, item.span)))
            .collect()
    }
}

/// Two ends, both inclusive; one value is both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Between<T> {
    /// The least.
    pub least: T,
    /// The most.
    pub most: T,
}

impl<T: Typed + Copy> Typed for Between<T> {
    fn ty() -> Ty {
        Ty::either([T::ty(), Ty::Range(Arc::new(T::ty()))])
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Range(ends) => Some(Self {
                least: T::from_value(&ends.0)?,
                most: T::from_value(&ends.1)?,
            }),
            other => T::from_value(other).map(|value| Self {
                least: value,
                most: value,
            }),
        }
    }
}

macro_rules! resource_references {
    ($($(#[doc = $doc:literal])* $name:ident = $kind:ident;)*) => {
        $($(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Str);

        impl Typed for $name {
            fn ty() -> Ty {
                Ty::Resource(ResourceKind::$kind)
            }

            fn from_value(value: &Value) -> Option<Self> {
                match value {
                    Value::Reference(Reference::$kind(name)) => Some(Self(name.clone())),
                    _ => None,
                }
            }
        })*
    };
}

resource_references! {
    /// A service or gateway, by zd name.
    ServiceReference = Service;
    /// A network, by zd name.
    NetworkReference = Network;
    /// A secret, by zd name.
    SecretReference = Secret;
}

/// What a route or a server points at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortReference {
    /// The service's zd name.
    pub service: Str,
    /// The port's name.
    pub port: Str,
}

impl Typed for PortReference {
    fn ty() -> Ty {
        Ty::PortReference
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Reference(Reference::Port(service, port)) => Some(Self {
                service: service.clone(),
                port: port.clone(),
            }),
            _ => None,
        }
    }
}

/// Where a route leads: an upstream of the same gateway, by name, or a service's port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteTarget {
    /// An upstream of the gateway.
    Upstream(Str),
    /// A service's port.
    Port(PortReference),
}

impl Typed for RouteTarget {
    // An upstream's name is local to its gateway: the check resolves it there before anything else.
    fn ty() -> Ty {
        Ty::PortReference
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Text(Text::Known(name)) => Some(RouteTarget::Upstream(name.clone())),
            other => PortReference::from_value(other).map(RouteTarget::Port),
        }
    }
}

/// A count or a share of the replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// So many.
    Count(u64),
    /// This share.
    Share(Percent),
}

impl Amount {
    /// Of so many replicas, rounded up.
    pub fn of_up(self, replicas: u64) -> u64 {
        match self {
            Amount::Count(count) => count,
            Amount::Share(share) => share.of_up(replicas),
        }
    }

    /// Whether it is nothing of any number.
    pub fn is_nothing(self) -> bool {
        self.of_up(u64::MAX) == 0
    }
}

impl Typed for Amount {
    fn ty() -> Ty {
        Ty::either([Ty::Int(IntRange::NATURAL), Ty::Percent])
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Int(count) => u64::try_from(*count).ok().map(Amount::Count),
            Value::Percent(share) => Some(Amount::Share(*share)),
            _ => None,
        }
    }
}

/// The value of an environment variable or a config's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryValue {
    /// Text; numbers and booleans as zd writes them.
    Text(Text),
    /// A config's key: `shared.gateway_ip`.
    ConfigKey {
        /// The config's zd name.
        config: Str,
        /// The key.
        key: Str,
    },
    /// A secret's value, where the target injects secrets.
    Secret(Str),
}

impl Typed for EntryValue {
    fn ty() -> Ty {
        Ty::either([
            Ty::Deploy(Arc::new(Ty::TEXT)),
            Ty::Deploy(Arc::new(Ty::INT)),
            Ty::Bool,
            Ty::Url,
            Ty::Ip,
            Ty::Cidr,
            Ty::Secret(Arc::new(Ty::TEXT)),
        ])
    }

    fn from_value(value: &Value) -> Option<Self> {
        let text = |text: String| Some(EntryValue::Text(Text::Known(text.into())));
        match value {
            Value::Text(value) => Some(EntryValue::Text(value.clone())),
            Value::Int(value) => text(value.to_string()),
            Value::Bool(value) => text(value.to_string()),
            Value::Ip(value) => text(value.to_string()),
            Value::Cidr(value) => text(value.to_string()),
            Value::Variable(variable) => Some(EntryValue::Text(Text::Pieces(vec![
                crate::types::Piece::Variable(variable.clone()),
            ]))),
            Value::Reference(Reference::ConfigKey(config, key)) => Some(EntryValue::ConfigKey {
                config: config.clone(),
                key: key.clone(),
            }),
            Value::Reference(Reference::Secret(name)) => Some(EntryValue::Secret(name.clone())),
            _ => None,
        }
    }
}

/// What a patch puts somewhere: any value; the target's own types say which.
#[derive(Clone, Debug, PartialEq)]
pub struct PatchValue(pub Value);

impl Typed for PatchValue {
    const KEEPS_NONE: bool = true;

    fn ty() -> Ty {
        Ty::Any
    }

    fn from_value(value: &Value) -> Option<Self> {
        Some(Self(value.clone()))
    }
}

/// `env("NAME")`: a variable of the shell that deploys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentName(pub Str);

impl Typed for EnvironmentName {
    fn ty() -> Ty {
        Ty::Environment
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Environment(name) => Some(Self(name.clone())),
            _ => None,
        }
    }
}

/// What probes an HTTP health check from inside a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeClient {
    /// `curl`
    Curl,
    /// `wget`
    Wget,
    /// A command, run without a shell; the URL is its last argument.
    Command(Vec<Spanned<Text>>),
}

impl Typed for ProbeClient {
    fn ty() -> Ty {
        Ty::either([
            Ty::words(&["curl", "wget"]),
            <Vec<Spanned<Text>> as Typed>::ty(),
        ])
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Text(Text::Known(word)) if &**word == "curl" => Some(ProbeClient::Curl),
            Value::Text(Text::Known(word)) if &**word == "wget" => Some(ProbeClient::Wget),
            other => Typed::from_value(other).map(ProbeClient::Command),
        }
    }
}

/// How an upstream chooses its server. One value, since nginx keeps only the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Balance {
    /// In turn, by weight.
    RoundRobin,
    /// The fewest open connections.
    LeastConn,
    /// By the client's address.
    IpHash,
    /// By a key of nginx variables: `hash("$request_uri")`.
    Hash(Str),
    /// Any.
    Random,
}

impl Typed for Balance {
    // `hash(key)` is a builtin function in this place; it evaluates to the text `hash KEY`.
    fn ty() -> Ty {
        Ty::either([
            Ty::words(&["round_robin", "least_conn", "ip_hash", "random"]),
            Ty::Text(None),
        ])
    }

    fn from_value(value: &Value) -> Option<Self> {
        let Value::Text(Text::Known(word)) = value else {
            return None;
        };
        match &**word {
            "round_robin" => Some(Balance::RoundRobin),
            "least_conn" => Some(Balance::LeastConn),
            "ip_hash" => Some(Balance::IpHash),
            "random" => Some(Balance::Random),
            other => other
                .strip_prefix("hash ")
                .map(|key| Balance::Hash(key.into())),
        }
    }
}

/// Declares a union of words.
macro_rules! words {
    ($($(#[doc = $doc:literal])* pub enum $name:ident {
        $($(#[doc = $member_doc:literal])* $member:ident = $word:literal,)*
    })*) => {
        $($(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[doc = $member_doc])* $member,)*
        }

        impl $name {
            /// Its words, in order.
            pub const WORDS: &'static [&'static str] = &[$($word),*];

            /// Its members, in order.
            pub const ALL: &'static [$name] = &[$($name::$member),*];

            /// The word in zd.
            pub fn word(self) -> &'static str {
                match self {
                    $($name::$member => $word,)*
                }
            }

            /// The member of this word.
            pub fn from_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some($name::$member),)*
                    _ => None,
                }
            }
        }

        impl Typed for $name {
            fn ty() -> Ty {
                Ty::words(Self::WORDS)
            }

            fn from_value(value: &Value) -> Option<Self> {
                match value {
                    Value::Text(Text::Known(word)) => Self::from_word(word),
                    _ => None,
                }
            }
        })*
    };
}

words! {
    /// What zdc writes for.
    pub enum TargetId {
        /// Docker Swarm.
        Swarm = "swarm",
        /// nginx.
        Nginx = "nginx",
        /// Kubernetes.
        Kubernetes = "kubernetes",
        /// docker compose, on a developer's machine.
        Compose = "compose",
    }

    /// Which of the old and the new instance goes first.
    pub enum Order {
        /// The new one serves before the old one stops.
        StartFirst = "start_first",
        /// The old one stops before the new one starts.
        StopFirst = "stop_first",
    }

    /// What an update does with a failure.
    pub enum FailureAction {
        /// Goes back to the previous version.
        Rollback = "rollback",
        /// Stops half-way.
        Pause = "pause",
        /// Goes on.
        Continue = "continue",
    }

    /// Whether a service runs a number of instances or one on each node.
    pub enum Mode {
        /// `replicas` instances.
        Replicated = "replicated",
        /// One on each node.
        Global = "global",
    }

    /// What a port speaks.
    pub enum Protocol {
        /// HTTP.
        Http = "http",
        /// HTTPS.
        Https = "https",
        /// Bytes.
        Tcp = "tcp",
        /// Datagrams.
        Udp = "udp",
        /// gRPC over HTTP/2.
        Grpc = "grpc",
    }

    /// How a swarm publishes a port.
    pub enum PublishMode {
        /// On every node, through the routing mesh.
        Ingress = "ingress",
        /// On the nodes that run an instance.
        Host = "host",
    }

    /// How a swarm's name answers.
    pub enum Endpoint {
        /// With one virtual address.
        Vip = "vip",
        /// With every instance's address.
        DnsRoundRobin = "dnsrr",
    }

    /// When an image is pulled.
    pub enum Pull {
        /// At every start.
        Always = "always",
        /// Where the node has none.
        IfNotPresent = "if_not_present",
        /// Never.
        Never = "never",
    }

    /// When an instance that ended is started again.
    pub enum RestartCondition {
        /// Always.
        Any = "any",
        /// After a failure only.
        OnFailure = "on_failure",
        /// Never.
        Never = "none",
    }

    /// What instances are spread over.
    pub enum Spread {
        /// Nodes.
        Node = "node",
        /// Zones.
        Zone = "zone",
    }

    /// What may disturb a service.
    pub enum Disturbance {
        /// A new version.
        Update = "update",
        /// Back to the old version.
        Rollback = "rollback",
        /// A node is emptied.
        Drain = "drain",
    }

    /// A signal.
    pub enum Signal {
        /// Asks to end.
        Term = "SIGTERM",
        /// nginx: ends when its requests have.
        Quit = "SIGQUIT",
        /// As from a keyboard.
        Int = "SIGINT",
        /// As from a lost terminal.
        Hup = "SIGHUP",
        /// The program's own.
        Usr1 = "SIGUSR1",
        /// The program's own.
        Usr2 = "SIGUSR2",
        /// Apache: ends when its requests have.
        Winch = "SIGWINCH",
        /// Ends at once.
        Kill = "SIGKILL",
    }

    /// Who may write to a volume at once.
    pub enum VolumeAccess {
        /// One instance.
        SingleWriter = "single_writer",
        /// Many instances.
        ManyWriters = "many_writers",
        /// None; all read.
        ReadOnly = "read_only",
    }

    /// When a gateway looks a name up.
    pub enum Resolve {
        /// At each request, as long as the answer is fresh.
        AtRequest = "at_request",
        /// When it starts, and never again.
        AtStart = "at_start",
    }

    /// What carries routes on Kubernetes.
    pub enum KubernetesGateway {
        /// An Ingress.
        Ingress = "ingress",
        /// Gateway API routes.
        GatewayApi = "gateway_api",
    }

    /// What becomes of deploy-time variables on Kubernetes.
    pub enum DeployVariables {
        /// The value of `--set`, else the default.
        Build = "build",
        /// `${NAME:=default}`, for envsubst and Flux.
        Substitute = "substitute",
    }

    /// Where a listener sends everything.
    pub enum ListenRedirect {
        /// To the listener that speaks https.
        Https = "https",
    }

    /// The scheme of a URL.
    pub enum Scheme {
        /// http.
        Http = "http",
        /// https.
        Https = "https",
    }

    /// For what a share of requests is chosen.
    pub enum SplitBy {
        /// Each request.
        Request = "request",
        /// Each client's address.
        Client = "client",
    }

    /// What makes a gateway send a request to another server (nginx `proxy_next_upstream`).
    pub enum RetryOn {
        /// No connection, or one that broke.
        Error = "error",
        /// No answer in time.
        Timeout = "timeout",
        /// An answer that is empty or no HTTP.
        InvalidHeader = "invalid_header",
        /// 403.
        Http403 = "http_403",
        /// 404.
        Http404 = "http_404",
        /// 429.
        Http429 = "http_429",
        /// 500.
        Http500 = "http_500",
        /// 502.
        Http502 = "http_502",
        /// 503.
        Http503 = "http_503",
        /// 504.
        Http504 = "http_504",
    }

    /// An HTTP method.
    pub enum Method {
        /// GET.
        Get = "GET",
        /// HEAD.
        Head = "HEAD",
        /// POST.
        Post = "POST",
        /// PUT.
        Put = "PUT",
        /// PATCH.
        Patch = "PATCH",
        /// DELETE.
        Delete = "DELETE",
        /// OPTIONS.
        Options = "OPTIONS",
    }
}
