//! One service of a host: its slots, and what runs in them.

use super::account;
use super::includes::{Include, is_led_to};
use super::text::Texts;
use super::unit::{self, Unit};
use super::verification::{self, Verification};
use super::word::{Variable, Word};
use crate::graph::{Slots, protocol};
use crate::rollout::hosts::Policy;
use crate::targets::contract;
use crate::targets::docker::{bytes, cpus};
use crate::types::{Duration, Reference};
use crate::vocabulary::{Label, Protocol, Pull, RestartCondition};

/// What the scripts know of a service.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) policy: Policy,
    pub(super) slots: Vec<u64>,
    pub(super) replicas: u64,
    pub(super) health: Health,
    pub(super) verification: Option<Verification>,
    pub(super) includes: Vec<Include>,
    pub(super) run_as: String,
    pub(super) workdir: String,
    pub(super) pull: &'static str,
    pub(super) program: Program,
    /// Words of a probe that runs inside.
    pub(super) probe: Vec<Word>,
}

/// How a slot is probed.
#[derive(Debug)]
pub(super) struct Health {
    pub(super) kind: &'static str,
    pub(super) path: String,
}

/// What runs in a slot.
#[derive(Debug)]
pub(super) enum Program {
    /// A command of the host.
    Process {
        environment: Vec<Word>,
        command: Vec<Word>,
        unit: Unit,
    },
    /// A container.
    Container {
        options: Vec<Vec<Word>>,
        image: Word,
        command: Vec<Word>,
    },
}

/// Lowers a service; `None` where it has no slots or nothing to run, which is said elsewhere.
pub(super) fn lower(
    texts: &mut Texts<'_, '_>,
    policy: &Policy,
    includes: &[Include],
) -> Option<Service> {
    let (graph, service) = (texts.graph, texts.service);
    let body = texts.ledger.enter(&service.node.service);
    contract(texts.ledger, service);
    account::lower(texts);
    texts.ledger.take_from(body.replicas.as_ref());
    let ports = ports(texts);
    let health = health(texts);
    let environment = environment(texts);
    let command = texts.words(body.command.as_ref());
    let args = texts.words(body.args.as_ref());
    let run_as = texts.ledger.take_from(body.user.as_ref());
    let run_as = run_as.map(ToString::to_string).unwrap_or_default();
    let workdir = texts.ledger.take_from(body.workdir.as_ref());
    let workdir = workdir.map(ToString::to_string).unwrap_or_default();
    let probe = body
        .health
        .as_ref()
        .and_then(|health| health.command.as_ref());
    let probe = texts.words(probe);
    let slots = graph.slots(service);
    let verification = verification::lower(texts, policy);

    let program = match texts.taken(body.image.as_ref()) {
        Some(image) => {
            let mut options = options(texts, &environment, ports);
            let (first, rest) = split(&command);
            options.extend(first.map(|first| vec![Word::text("--entrypoint"), first.clone()]));
            let given = |option: &str, value: &str| {
                (!value.is_empty()).then(|| vec![Word::text(option), Word::text(value)])
            };
            options.extend(given("--user", &run_as));
            options.extend(given("--workdir", &workdir));
            Program::Container {
                options,
                image,
                command: rest.iter().chain(&args).cloned().collect(),
            }
        }
        None => Program::Process {
            unit: unit::lower(texts, policy, &run_as),
            environment,
            command: command.iter().chain(&args).cloned().collect(),
        },
    };
    let is_container = matches!(program, Program::Container { .. });
    let runs = is_container || !command.is_empty();
    let Slots { ports: slots, .. } = slots.filter(|_| runs)?;
    let includes = includes
        .iter()
        .filter(|include| include.service == service.name());
    let mut includes: Vec<Include> = includes.cloned().collect();
    if includes.is_empty() {
        // Nothing leads there: the file still says what is live.
        includes.push(super::pool_of(service, "unused", &[]));
    }
    Some(Service {
        name: service.name().to_owned(),
        policy: policy.clone(),
        slots,
        replicas: graph.replicas(service).least,
        health,
        verification,
        includes,
        pull: pull(texts, is_container),
        run_as: if is_container { String::new() } else { run_as },
        workdir: if is_container { String::new() } else { workdir },
        program,
        probe,
    })
}

/// The port inside a container; a slot's own where none is written.
fn ports(texts: &mut Texts<'_, '_>) -> Option<u64> {
    let (graph, service) = (texts.graph, texts.service);
    let slotted = graph.slotted_port(service).map(|port| port.id);
    let mut inside = None;
    for port in service.ports() {
        let body = texts.ledger.enter(port);
        if Some(port.id) != slotted {
            let what = format!(
                "port `{}` of `{}` is in no slot",
                port.label.name(),
                service.name()
            );
            let why = "a slot has one port";
            texts.refuse(
                port.span,
                what,
                why,
                "take it out, or make it a service of its own",
            );
        }
        texts.ledger.declare_from(
            body.mode.as_ref(),
            "a slot is published on the host's loopback",
        );
        texts
            .ledger
            .declare_from(body.node_port.as_ref(), "kubernetes publishes on it");
        texts.ledger.take_from(body.protocol.as_ref());
        texts.ledger.take_from(body.publish.as_ref());
        let number = texts.ledger.take_from(body.number.as_ref());
        if Some(port.id) == slotted {
            inside = number.map(|number| number.get());
        }
        if protocol(port) == Protocol::Udp {
            let what = format!(
                "port `{}` of `{}` speaks udp",
                port.label.name(),
                service.name()
            );
            let why = "nginx leads HTTP to a slot";
            texts.refuse(
                port.span,
                what,
                why,
                "run it as a service of the host's own",
            );
        }
    }
    inside
}

fn health(texts: &mut Texts<'_, '_>) -> Health {
    let service = texts.service;
    let Some(node) = &service.node.service.body.health else {
        return Health {
            kind: "none",
            path: String::new(),
        };
    };
    let body = texts.ledger.enter(node);
    let image = service.node.service.image.as_ref();
    for time in [&body.interval, &body.timeout, &body.start_period] {
        texts.ledger.take_from(time.as_ref());
    }
    texts.ledger.take_from(body.retries.as_ref());
    texts.ledger.take_from(body.port.as_ref());
    texts.ledger.declare_from(
        body.client.as_ref(),
        "a slot is probed from outside, with curl",
    );
    let path = texts.ledger.take_from(body.path.as_ref());
    let port = match &body.port {
        Some(name) => service.port(&name.value),
        None => service.default_port(),
    };
    let is_secure = port.is_some_and(|port| protocol(port) == Protocol::Https);
    let kind = match node.label.name() {
        "http" if is_secure => "https",
        "http" => "http",
        "tcp" => "tcp",
        "exec" => "exec",
        "image" if image.is_some() => "image",
        "none" => "none",
        kind => {
            let what = format!("a plain host has no `{kind}` probe");
            let why = "it asks with curl, opens a connection, or runs a command";
            texts.refuse(
                node.span,
                what,
                why,
                "write `health http`, `health tcp` or `health exec`",
            );
            "none"
        }
    };
    let path = path.map_or_else(|| "/".to_owned(), ToString::to_string);
    if matches!(kind, "http" | "https")
        && (!path.starts_with('/') || path.chars().any(|c| c.is_control() || c == ' '))
    {
        let span = body.path.as_ref().map_or(node.span, |path| path.span);
        let diagnostic = super::text::unwritable(
            &path,
            span,
            "a path of a request begins with `/` and has no spaces",
        );
        texts.ledger.report(diagnostic.about(service.name()));
    }
    Health { kind, path }
}

/// `NAME=value`, a word each.
fn environment(texts: &mut Texts<'_, '_>) -> Vec<Word> {
    let Some(node) = &texts.service.node.service.body.env else {
        return Vec::new();
    };
    let body = texts.ledger.enter(node);
    let mut out = Vec::new();
    for entry in &body.entries {
        let (name, value) = texts.ledger.take_entry(entry);
        let span = entry.attribute.key_span;
        if name.is_empty() || name.contains(['=', '\0']) {
            let why = "the name of a variable holds no `=` and is not empty";
            let diagnostic = super::text::unwritable(name, span, why);
            texts.ledger.report(diagnostic.about(texts.service.name()));
            continue;
        }
        let mut word = Word::text(name);
        word.push("=");
        word.join(&texts.value(value, entry.attribute.span));
        out.push(word);
    }
    out
}

/// The options of `docker run`, a line each.
fn options(texts: &mut Texts<'_, '_>, environment: &[Word], inside: Option<u64>) -> Vec<Vec<Word>> {
    let body = &texts.service.node.service.body;
    let pair = |option: &str, value: &str| vec![Word::text(option), Word::text(value)];
    let mut publish = Word::text("127.0.0.1:");
    publish.push_variable(Variable::SlotPort);
    publish.push(":");
    match inside {
        Some(port) => publish.push(&port.to_string()),
        None => publish.push_variable(Variable::SlotPort),
    }
    let mut out = vec![vec![Word::text("--publish"), publish]];
    if let Some(hostname) = texts.taken(body.hostname.as_ref()) {
        out.push(vec![Word::text("--hostname"), hostname]);
    }
    out.extend(
        environment
            .iter()
            .map(|entry| vec![Word::text("--env"), entry.clone()]),
    );
    if let Some(shutdown) = &body.shutdown {
        let shutdown = texts.ledger.enter(shutdown);
        texts.ledger.take_from(shutdown.grace.as_ref());
        texts.ledger.take_from(shutdown.drain.as_ref());
        let signal = texts.ledger.take_from(shutdown.signal.as_ref());
        out.extend(signal.map(|signal| pair("--stop-signal", signal.word())));
    }
    out.push(pair("--restart", &restart(texts)));
    if let Some(resources) = &body.resources {
        let resources = texts.ledger.enter(resources);
        if let Some(limits) = &resources.limits {
            let limits = texts.ledger.enter(limits);
            let memory = texts.ledger.take_from(limits.memory.as_ref());
            out.extend(memory.map(|memory| pair("--memory", &bytes(*memory))));
            let cpu = texts.ledger.take_from(limits.cpu.as_ref());
            out.extend(cpu.map(|cpu| pair("--cpus", &cpus(*cpu))));
        }
        if let Some(reserved) = &resources.reservations {
            let reserved = texts.ledger.enter(reserved);
            let memory = texts.ledger.take_from(reserved.memory.as_ref());
            let memory = memory.map(|memory| bytes(*memory));
            out.extend(memory.map(|memory| pair("--memory-reservation", &memory)));
            if let Some(cpu) = &reserved.cpu {
                let why = "docker shares processors by weight, and sets none aside";
                account::differs(
                    texts,
                    cpu.id,
                    cpu.key_span,
                    "reservations of processors",
                    why,
                );
            }
        }
    }
    out.extend(mounts(texts));
    out.extend(labels(texts));
    out
}

/// Docker's word for when a container is started again.
fn restart(texts: &mut Texts<'_, '_>) -> String {
    let Some(node) = &texts.service.node.service.body.restart else {
        return "unless-stopped".to_owned();
    };
    let body = texts.ledger.enter(node);
    let condition = texts.ledger.take_from(body.condition.as_ref());
    let attempts = texts.ledger.take_from(body.max_attempts.as_ref());
    for time in [&body.delay, &body.window].into_iter().flatten() {
        let why = "docker waits longer after each failure, and counts from the start";
        account::differs(texts, time.id, time.key_span, "times between restarts", why);
    }
    match (condition, attempts) {
        (Some(RestartCondition::Never), _) => "no".to_owned(),
        (Some(RestartCondition::OnFailure), None) => "on-failure".to_owned(),
        (_, Some(attempts)) => format!("on-failure:{}", attempts.get()),
        _ => "unless-stopped".to_owned(),
    }
}

fn mounts(texts: &mut Texts<'_, '_>) -> Vec<Vec<Word>> {
    let (graph, body) = (texts.graph, &texts.service.node.service.body);
    let mut out = Vec::new();
    for node in &body.volume {
        let volume = texts.ledger.enter(node);
        let path = texts.ledger.take_from(volume.path.as_ref());
        let read_only = texts.ledger.take_from(volume.read_only.as_ref()) == Some(&true);
        let Label::Reference(Reference::Volume(name)) = &node.label else {
            continue;
        };
        let real = graph.volume(name).and_then(|volume| volume.name.as_ref());
        let real = real.map_or(&**name, |real| &real.value);
        out.extend(path.map(|path| mount("volume", real, path, read_only)));
    }
    for node in &body.mount {
        let bind = texts.ledger.enter(node);
        let source = texts.ledger.take_from(bind.bind.as_ref());
        let read_only = texts.ledger.take_from(bind.read_only.as_ref()) == Some(&true);
        let Some(source) = source else { continue };
        if !source.starts_with('/') {
            let what = format!("`{source}` is no path that docker can mount");
            let why = "it would be looked for below another folder at every release";
            texts.refuse(node.span, what, why, "write the whole path, from `/`");
        }
        out.push(mount("bind", source, node.label.name(), read_only));
    }
    out
}

/// `docker run --mount`, whose fields are those of a line of CSV.
fn mount(kind: &str, source: &str, target: &str, read_only: bool) -> Vec<Word> {
    let field = |name: &str, value: &str| {
        let field = format!("{name}={value}");
        if field.contains([',', '"']) {
            format!("\"{}\"", field.replace('"', "\"\""))
        } else {
            field
        }
    };
    let mut fields = vec![
        field("type", kind),
        field("source", source),
        field("target", target),
    ];
    fields.extend(read_only.then(|| "readonly".to_owned()));
    vec![Word::text("--mount"), Word::text(&fields.join(","))]
}

fn labels(texts: &mut Texts<'_, '_>) -> Vec<Vec<Word>> {
    let body = &texts.service.node.service.body;
    let mut out = Vec::new();
    if let Some(labels) = &body.labels {
        let labels = texts.ledger.enter(labels);
        for entry in &labels.entries {
            let (key, value) = texts.ledger.take_entry(entry);
            out.push(vec![
                Word::text("--label"),
                Word::text(&format!("{key}={value}")),
            ]);
        }
    }
    if let Some(logging) = &body.logging {
        let logging = texts.ledger.enter(logging);
        let driver = texts.ledger.take_from(logging.driver.as_ref());
        out.extend(driver.map(|driver| vec![Word::text("--log-driver"), Word::text(driver)]));
        if let Some(options) = &logging.options {
            let options = texts.ledger.enter(options);
            for entry in &options.entries {
                let (key, value) = texts.ledger.take_entry(entry);
                out.push(vec![
                    Word::text("--log-opt"),
                    Word::text(&format!("{key}={value}")),
                ]);
            }
        }
    }
    out
}

fn pull(texts: &mut Texts<'_, '_>, is_container: bool) -> &'static str {
    let written = texts.service.node.service.pull.as_ref();
    if !is_container {
        texts.ledger.declare_from(written, "there is no image");
        return "never";
    }
    match texts.ledger.take_from(written) {
        Some(Pull::Always) => "always",
        Some(Pull::Never) => "never",
        Some(Pull::IfNotPresent) | None => "missing",
    }
}

fn split(command: &[Word]) -> (Option<&Word>, &[Word]) {
    match command.split_first() {
        Some((first, rest)) => (Some(first), rest),
        None => (None, &[]),
    }
}

/// Whether nothing on the host leads requests to a service.
pub(super) fn is_idle(texts: &Texts<'_, '_>) -> bool {
    !is_led_to(texts.graph, texts.service)
}

/// Whole seconds, rounded up, at least one.
pub(super) fn seconds(time: Duration) -> u64 {
    time.seconds_up().max(1)
}
