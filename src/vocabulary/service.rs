//! Services, and everything that a service's body may hold.

use super::{
    Amount, Between, Count, Disturbance, Endpoint, EntryValue, FailureAction, LabelRule, Labels,
    Mode, Order, PatchValue, PortNumber, ProbeClient, Protocol, PublishMode, Pull,
    RestartCondition, ServiceReference, Signal, Spread, Staged, TargetId, Whole,
};
use crate::source::{Spanned, Str};
use crate::types::{Cpu, Date, Duration, Memory, Percent, ResourceKind, Text};
use std::net::Ipv4Addr;

block! {
    /// A program that runs in a number of instances.
    pub struct Service = "service" LabelRule::Name; {
        /// swarm: the stack it is deployed in; the app's name by default.
        stack: attribute(Str),
        /// The emitted name, where that is not the label.
        name: attribute(Str),
        /// The targets it is written for; the app's by default.
        targets: attribute(Vec<Spanned<TargetId>>),
        /// The container image; on a plain host a `command` may run without one.
        image: attribute(Text),
        /// What runs instead of the image's entry point, one word an item.
        command: attribute(Vec<Spanned<Text>>),
        /// Its arguments, one word an item.
        args: attribute(Vec<Spanned<Text>>),
        /// The user it runs as.
        user: attribute(Str),
        /// The folder it runs in.
        workdir: attribute(Str),
        /// Its host name; may hold `${slot.index}`.
        hostname: attribute(Text),
        /// When the image is pulled.
        pull: attribute(Pull),
        /// Whether it runs a number of instances or one on each node (kubernetes: a `DaemonSet`);
        /// replicated by default.
        mode: attribute(Mode),
        /// How many instances; 1 by default.
        replicas: attribute(Staged<Count>),
        /// swarm: how its name answers; vip by default.
        endpoint: attribute(Endpoint),
        /// Services that should be up first; a hint, since compose alone waits.
        after: attribute(Vec<Spanned<ServiceReference>>),
        /// compose: what its image is built from.
        build: block(Build),
        /// A port it listens on.
        port: blocks(Port),
        /// Which versions of its interface it serves on a port.
        provides: blocks(Provides),
        /// Which version of an interface it asks for.
        needs: blocks(Needs),
        /// The form of its data, which it brings it to when it starts.
        schema: block(Schema),
        /// A network it is on.
        join: blocks(Join),
        /// Environment variables.
        env: block(Environment),
        /// Labels of its own.
        labels: block(Labels),
        /// What it may use and what is set aside for it.
        resources: block(Resources),
        /// Whether an instance can serve.
        health: block(Health),
        /// Kubernetes: whether an instance must be restarted.
        liveness: block(Liveness),
        /// How it is stopped.
        shutdown: block(Shutdown),
        /// Facts about the program that proofs need.
        timing: block(Timing),
        /// How a new version replaces the old one.
        update: block(Update),
        /// What is promised.
        availability: block(Availability),
        /// When an instance that ended is started again.
        restart: block(Restart),
        /// Where instances run.
        placement: block(Placement),
        /// How many instances, by load.
        scale: block(Scale),
        /// Where its output goes.
        logging: block(Logging),
        /// A volume at a path.
        volume: blocks(VolumeMount),
        /// A config at a path.
        config: blocks(ConfigMount),
        /// A secret at a path.
        secret: blocks(SecretMount),
        /// A path of the node at a path.
        mount: blocks(Mount),
        /// A diagnostic that is accepted, or `downtime`.
        allow: blocks(Allow),
        /// What is otherwise on one target.
        on: blocks(On),
    }
}

block! {
    /// What is otherwise on one target.
    pub struct On = "on" LabelRule::Variant(TargetId::WORDS); {
        /// Changes to an object that is written, by its kind: `patch deployment { … }`.
        patch: blocks(Patch),
        /// The names of objects, by their kinds.
        names: block(ObjectNames),
    }
}

block! {
    /// Changes to an object: paths with values. A record is merged into what is there, `none` takes
    /// it away, any other value takes its place.
    pub struct Patch = "patch" LabelRule::Name; {
        /// A path: `spec.template.spec.containers[0].tty`, keys with dots in quotes.
        entries: entries(PatchValue),
    }
}

block! {
    /// The names of objects, by their kinds.
    pub struct ObjectNames = "names" LabelRule::None; {
        /// A kind of object: `deployment`.
        entries: entries(Str),
    }
}

block! {
    /// What an image is built from on a developer's machine; elsewhere it is built and pushed before.
    pub struct Build = "build" LabelRule::None; {
        /// The folder, from the folder of the program; that folder itself by default.
        context: attribute(Str),
        /// The file, from `context`; `Dockerfile` by default.
        dockerfile: attribute(Str),
        /// The stage; the last by default.
        target: attribute(Str),
        /// Build arguments.
        args: block(BuildArguments),
    }
}

block! {
    /// Build arguments: any names.
    pub struct BuildArguments = "args" LabelRule::None; {
        /// An argument.
        entries: entries(EntryValue),
    }
}

block! {
    /// A port that a service listens on.
    pub struct Port = "port" LabelRule::Name; {
        /// The number it listens on, inside its container; the slot's on a plain host by default.
        number: attribute(PortNumber),
        /// What it speaks; http if so named, else tcp.
        protocol: attribute(Protocol),
        /// The port outside; a range on a plain host, with a port for each slot.
        publish: attribute(Between<PortNumber>),
        /// swarm: how it is published; ingress by default.
        mode: attribute(PublishMode),
        /// kubernetes: the port on every node.
        node_port: attribute(Whole<1, 65_535>),
    }
}

block! {
    /// A network that a service is on.
    pub struct Join = "join" LabelRule::Resource(ResourceKind::Network); {
        /// Names it answers to there.
        aliases: attribute(Vec<Spanned<Str>>),
        /// A static address; compose has one, swarm and Kubernetes refuse it.
        address: attribute(Ipv4Addr),
    }
}

block! {
    /// Environment variables: any names.
    pub struct Environment = "env" LabelRule::None; {
        /// A variable.
        entries: entries(EntryValue),
    }
}

block! {
    /// What a service may use and what is set aside for it.
    pub struct Resources = "resources" LabelRule::None; {
        /// The most it may use.
        limits: block(ResourceAmounts),
        /// What is set aside.
        reservations: block(ResourceAmounts),
    }
}

block! {
    /// Amounts.
    pub struct ResourceAmounts = "limits" LabelRule::None; {
        /// Memory.
        memory: attribute(Memory),
        /// Processor.
        cpu: attribute(Cpu),
    }
}

/// The kinds of health check.
pub const HEALTH_VARIANTS: &[&str] = &["http", "tcp", "exec", "grpc", "image", "none"];
/// The kinds of update.
pub const UPDATE_VARIANTS: &[&str] = &["rolling", "blue_green", "canary", "recreate"];

block! {
    /// Whether an instance can serve.
    pub struct Health = "health" LabelRule::Variant(HEALTH_VARIANTS); {
        /// http: what is asked for; `/` by default.
        path: attribute(Str),
        /// http, tcp, grpc: the port, by name; the only one, or `http`, by default.
        port: attribute(Str),
        /// exec: what is run, one word an item; 0 is healthy.
        command: attribute(Vec<Spanned<Text>>),
        /// The time between probes; 30s by default, as Docker has it.
        interval: attribute(Duration),
        /// How long a probe may take; 5s by default.
        timeout: attribute(Duration),
        /// Failures in a row that make it unhealthy; 3 by default.
        retries: attribute(Whole<1, 1_000>),
        /// How long failures do not count after the start; by default as long as `timing.startup`
        /// needs, 0s where that is not stated.
        start_period: attribute(Duration),
        /// http: swarm probes from inside the container, with this; by default wget, and curl where the image is
        /// `nginx`, which has no other on Debian.
        client: attribute(ProbeClient),
    }
}

block! {
    /// Kubernetes: whether an instance must be restarted.
    pub struct Liveness = "liveness" LabelRule::Variant(&["http", "tcp", "exec", "grpc"]); {
        /// http: what is asked for.
        path: attribute(Str),
        /// The port, by name.
        port: attribute(Str),
        /// exec: what is run.
        command: attribute(Vec<Spanned<Text>>),
        /// The time between probes.
        interval: attribute(Duration),
        /// How long a probe may take.
        timeout: attribute(Duration),
        /// Failures in a row that restart it.
        retries: attribute(Whole<1, 1_000>),
    }
}

block! {
    /// Which versions of its interface a service serves on a port, by the port's name; version 1 alone
    /// where it says nothing.
    pub struct Provides = "provides" LabelRule::Name; {
        /// The newest version that it serves.
        version: attribute(Whole<1, 1_000_000>),
        /// The oldest version that it still serves; 1 by default.
        since: attribute(Whole<1, 1_000_000>),
    }
}

block! {
    /// Which version of an interface a service asks for; version 1 where it says nothing of a port
    /// that it calls.
    pub struct Needs = "needs" LabelRule::Port; {
        /// The version.
        version: attribute(Whole<1, 1_000_000>),
    }
}

block! {
    /// The form of a service's data, and of what comes `after` it: a newer version of the program may bring it to a newer
    /// form, which no rollback takes back. Version 1 where it says nothing.
    pub struct Schema = "schema" LabelRule::None; {
        /// The version that it brings the data to.
        version: attribute(Whole<1, 1_000_000>),
        /// The oldest version whose programs can still live with that; only `version` by default.
        since: attribute(Whole<1, 1_000_000>),
    }
}

block! {
    /// How a service is stopped.
    pub struct Shutdown = "shutdown" LabelRule::None; {
        /// Sent first; the image's own, mostly SIGTERM, by default.
        signal: attribute(Signal),
        /// How long until it is killed; 10s on swarm and 30s on Kubernetes by default. Without a
        /// `shutdown` it is as long as `timing.longest_request` needs. On a plain host it is as long
        /// as its shutdown and its longest request by default.
        grace: attribute(Duration),
        /// How long it goes on accepting after it was told to stop; 0s by default. On a plain host
        /// the longest wait between the end of new requests and the signal; the longest request by
        /// default.
        drain: attribute(Duration),
    }
}

block! {
    /// Facts about the program, as ranges where they vary.
    pub struct Timing = "timing" LabelRule::None; {
        /// From the start of the process to its first answer.
        startup: attribute(Between<Duration>),
        /// The longest request.
        longest_request: attribute(Duration),
        /// How long its own graceful shutdown waits for requests.
        graceful_limit: attribute(Duration),
        /// How long it keeps an idle connection.
        idle_timeout: attribute(Duration),
        /// How long its clients keep an idle connection in their pool.
        pool_idle: attribute(Duration),
        /// How long its clients keep a DNS answer.
        dns_cache: attribute(Duration),
    }
}

block! {
    /// How a new version replaces the old one.
    pub struct Update = "update" LabelRule::Variant(UPDATE_VARIANTS); {
        /// Which goes first; `stop_first` by default, as swarm has it.
        order: attribute(Order),
        /// How many at once; 1 by default, 0 is all.
        parallelism: attribute(Count),
        /// The wait after each; 0s by default.
        delay: attribute(Duration),
        /// How long a new instance's failure counts; 5s by default, as swarm has it. `canary`: how long
        /// the first instance is watched before the others follow.
        monitor: attribute(Duration),
        /// The share of failures that is tolerated; 0% by default.
        max_failure_ratio: attribute(Percent),
        /// What a failure does; pause by default, as swarm has it, and rollback for `canary`.
        on_failure: attribute(FailureAction),
        /// How the old version comes back.
        rollback: block(Rollback),
        /// A plain host: the port of each slot; the range that `publish` names by default. Two for
        /// `blue_green`.
        slots: attribute(Vec<Spanned<PortNumber>>),
        /// A plain host: whether nginx tests its configuration before it takes it; true by default.
        config_test: attribute(bool),
        /// A plain host: whether one deploy runs at a time; true by default.
        lock: attribute(bool),
        /// `blue_green`: whether requests go back to the old slot where the new one fails after the
        /// switch; true by default.
        swap_back: attribute(bool),
    }
}

block! {
    /// How the old version comes back; swarm's own defaults for what is left out.
    pub struct Rollback = "rollback" LabelRule::None; {
        /// Which goes first; `stop_first` by default, whatever the update's order.
        order: attribute(Order),
        /// How many at once; 1 by default, 0 is all.
        parallelism: attribute(Count),
        /// The wait after each; 0s by default.
        delay: attribute(Duration),
        /// How long an instance's failure counts; 5s by default.
        monitor: attribute(Duration),
        /// The share of failures that is tolerated; 0% by default.
        max_failure_ratio: attribute(Percent),
        /// What a failure does; pause by default.
        on_failure: attribute(FailureAction),
    }
}

block! {
    /// What is promised.
    pub struct Availability = "availability" LabelRule::None; {
        /// The least that serve, at least 1: a count, or a share of the replicas, rounded up. None is `allow downtime`.
        min_available: attribute(Amount),
        /// What it holds through; all by default.
        through: attribute(Vec<Spanned<Disturbance>>),
    }
}

block! {
    /// When an instance that ended is started again.
    pub struct Restart = "restart" LabelRule::None; {
        /// When; any by default.
        condition: attribute(RestartCondition),
        /// The wait before; 5s by default.
        delay: attribute(Duration),
        /// How often; without end by default.
        max_attempts: attribute(Count),
        /// How long an instance must run to count as started.
        window: attribute(Duration),
    }
}

block! {
    /// Where instances run.
    pub struct Placement = "placement" LabelRule::None; {
        /// What they are spread over.
        spread: attribute(Spread),
        /// The most on one node; unlimited by default.
        max_per_node: attribute(Whole<1, 1_000_000>),
        /// The nodes that may run it.
        node: block(NodeChoice),
    }
}

block! {
    /// The nodes that may run a service.
    pub struct NodeChoice = "node" LabelRule::None; {
        /// Labels that a node must have.
        entries: entries(Str),
    }
}

block! {
    /// How many instances, by load.
    pub struct Scale = "scale" LabelRule::None; {
        /// The fewest.
        min: attribute(Whole<1, 1_000_000>),
        /// The most.
        max: attribute(Whole<1, 1_000_000>),
        /// The share of the reserved processor that is aimed at.
        cpu: attribute(Percent),
    }
}

block! {
    /// Where a service's output goes.
    pub struct Logging = "logging" LabelRule::None; {
        /// The engine's driver.
        driver: attribute(Str),
        /// Its options.
        options: block(LoggingOptions),
    }
}

block! {
    /// A logging driver's options: any names.
    pub struct LoggingOptions = "options" LabelRule::None; {
        /// An option.
        entries: entries(Str),
    }
}

block! {
    /// A volume at a path.
    pub struct VolumeMount = "volume" LabelRule::Resource(ResourceKind::Volume); {
        /// Where, inside.
        path: attribute(Str),
        /// Whether it cannot be written; false by default.
        read_only: attribute(bool),
    }
}

block! {
    /// A config at a path: a file for `file`, a folder of its keys for `data`.
    pub struct ConfigMount = "config" LabelRule::Resource(ResourceKind::Config); {
        /// Where, inside.
        path: attribute(Str),
    }
}

block! {
    /// A secret at a path.
    pub struct SecretMount = "secret" LabelRule::Resource(ResourceKind::Secret); {
        /// Where, inside; `/run/secrets/NAME` by default.
        path: attribute(Str),
    }
}

block! {
    /// A path of the node at a path.
    pub struct Mount = "mount" LabelRule::Text; {
        /// The node's path.
        bind: attribute(Str),
        /// Whether it cannot be written; false by default.
        read_only: attribute(bool),
    }
}

block! {
    /// A diagnostic that is accepted, by number or name, or `downtime`.
    pub struct Allow = "allow" LabelRule::Name; {
        /// Why; required.
        because: attribute(Str),
        /// The last day it is.
        until: attribute(Date),
    }
}
