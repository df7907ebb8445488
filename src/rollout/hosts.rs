//! Plain hosts: the policy that the scripts follow, and the conditions under which it loses nothing.
//!
//! Rows B01 to B12 of the catalogue of faults. Those that an order of steps excludes have no
//! diagnostic, since the scripts take no other order: requests go to a slot only after it was healthy
//! (B01), the old one stops last (B03), nginx reloads (B10) what one rename put in place (B09), and a
//! slot that takes no requests is left out, never `down` (B11). What a program can undo is checked
//! here.

use super::instances::unchecked_on_a_host;
use super::promises::{are, instances};
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{Graph, Promise, ServiceView, Slots};
use crate::source::Span;
use crate::types::Duration;
use crate::vocabulary::{
    Attribute, Disturbance, FailureAction, Health, Node, Order, Signal, TargetId, Update,
};

/// How long a request may take that nobody states: nginx ends one whose answer is silent for 60 s
/// (`proxy_read_timeout` of `ngx_http_proxy_module`).
const SILENCE: Duration = Duration::from_seconds(60);
/// Docker's own time until a container is killed (`docker stop --time`).
const GRACE: Duration = Duration::from_seconds(10);
/// CodeDeploy's own limit of a hook (AppSpec `hooks`, `timeout`).
const HOOK: Duration = Duration::from_seconds(3_600);
/// What `switch.sh` waits for nginx to take a configuration.
const RELOAD: Duration = Duration::from_seconds(10);

/// The policy of a service on a plain host, with every default filled in.
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a word of the language that is on or off"
)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Whether an include is switched between two slots; else slot after slot is replaced.
    pub blue_green: bool,
    /// Whether only the first slot is watched for `monitor`, and each of the others for `delay`.
    pub canary: bool,
    /// Which goes first. Without a free slot it is the old one.
    pub order: Order,
    /// The wait after each slot.
    pub delay: Duration,
    /// How long a new slot's failure counts.
    pub monitor: Duration,
    /// What a failure does; `continue` is a pause.
    pub on_failure: FailureAction,
    /// Sent first.
    pub signal: Signal,
    /// The longest wait between the end of new requests and the signal.
    pub drain: Duration,
    /// How long after the signal it is killed.
    pub grace: Duration,
    /// Whether nginx tests its configuration before it takes it.
    pub config_test: bool,
    /// Whether one deploy runs at a time.
    pub lock: bool,
    /// Whether requests go back to the old slot where the new one fails.
    pub swap_back: bool,
    /// How a slot is judged.
    pub judgement: Judgement,
}

/// When a slot is healthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Between two probes.
    pub interval: Duration,
    /// How long one may take.
    pub timeout: Duration,
    /// Failures in a row that make it unhealthy.
    pub retries: u64,
    /// How long failures do not count.
    pub start_period: Duration,
}

impl Judgement {
    /// How long a slot may take to become healthy before it is given up.
    pub fn patience(self) -> Duration {
        self.start_period
            .plus(self.interval.plus(self.timeout).times(self.retries))
    }
}

/// The policy in force for a service on a plain host.
pub fn policy(graph: &Graph, service: ServiceView<'_>) -> Policy {
    let body = &service.node.service;
    let update = body.update.as_deref();
    let stop = body.shutdown.as_ref();
    let timing = body.timing.as_ref();
    let longest = timing.and_then(|timing| value(timing.longest_request.as_ref()));
    let limit = timing.and_then(|timing| value(timing.graceful_limit.as_ref()));
    let blue_green = service.is_blue_green();
    let canary = update.is_some_and(|update| update.label.name() == "canary");
    let startup = timing
        .and_then(|it| it.startup.as_ref())
        .map(|it| it.value.most);
    let has_room = has_room(graph, service);
    let order = update.and_then(|update| value(update.order.as_ref()));
    let order = match order {
        Some(Order::StopFirst) if !blue_green && !canary => Order::StopFirst,
        _ if blue_green || has_room => Order::StartFirst,
        _ => Order::StopFirst,
    };
    let on = |written: Option<&Attribute<bool>>| written.is_none_or(|written| written.value);
    let drain = stop.and_then(|stop| value(stop.drain.as_ref()));
    let grace = stop.and_then(|stop| value(stop.grace.as_ref()));
    Policy {
        blue_green,
        canary,
        order,
        delay: update
            .and_then(|it| value(it.delay.as_ref()))
            .unwrap_or_default(),
        monitor: update
            .and_then(|it| value(it.monitor.as_ref()))
            .unwrap_or_default(),
        on_failure: update
            .and_then(|it| value(it.on_failure.as_ref()))
            .unwrap_or(FailureAction::Rollback),
        signal: stop
            .and_then(|stop| value(stop.signal.as_ref()))
            .unwrap_or(Signal::Term),
        drain: drain.or(longest).unwrap_or(SILENCE),
        grace: grace.unwrap_or_else(|| {
            let own = limit.unwrap_or_default().max(longest.unwrap_or_default());
            own.max(GRACE)
        }),
        config_test: on(update.and_then(|it| it.config_test.as_ref())),
        lock: on(update.and_then(|it| it.lock.as_ref())),
        swap_back: on(update.and_then(|it| it.swap_back.as_ref())),
        judgement: judgement(body.health.as_deref(), startup),
    }
}

fn judgement(health: Option<&Node<Health>>, startup: Option<Duration>) -> Judgement {
    let of = |pick: fn(&Health) -> Option<&Attribute<Duration>>, default| {
        let written = health.and_then(|health| value(pick(health)));
        written.unwrap_or(Duration::from_seconds(default))
    };
    Judgement {
        // Docker's own, as the vocabulary states them.
        interval: of(|health| health.interval.as_ref(), 30),
        timeout: of(|health| health.timeout.as_ref(), 5),
        start_period: health
            .and_then(|health| value(health.start_period.as_ref()))
            .or(startup)
            .unwrap_or_default(),
        retries: health
            .and_then(|health| health.retries.as_ref())
            .map_or(3, |retries| retries.value.get()),
    }
}

/// Whether there is a slot more than instances.
fn has_room(graph: &Graph, service: ServiceView<'_>) -> bool {
    let slots = graph
        .slots(service)
        .map_or(0, |slots| slots.ports.len() as u64);
    slots > graph.replicas(service).most
}

fn value<T: Copy>(written: Option<&Attribute<T>>) -> Option<T> {
    written.map(|written| written.value)
}

/// The fewest that serve while a service's slots are replaced one after the other; `None` where it has none.
pub fn least_serving(graph: &Graph, service: ServiceView<'_>) -> Option<u64> {
    graph.slots(service)?;
    let replicas = graph.replicas(service).least;
    Some(match policy(graph, service).order {
        Order::StartFirst => replicas,
        Order::StopFirst => replicas.saturating_sub(1),
    })
}

/// Whether somebody wrote that a slot is told to stop only after its longest request has ended: then no request is left
/// for the program's own shutdown to wait for.
pub(super) fn waits_for_requests(service: ServiceView<'_>) -> bool {
    let body = &service.node.service;
    let drain = body.shutdown.as_ref().and_then(|it| it.drain.as_ref());
    let longest = body
        .timing
        .as_ref()
        .and_then(|it| it.longest_request.as_ref());
    drain
        .zip(longest)
        .is_some_and(|(drain, longest)| drain.value >= longest.value)
}

/// Checks one service on a plain host.
pub(super) fn check(graph: &Graph, service: ServiceView<'_>, found: &mut Diagnostics) {
    // Without slots, or a number of instances for them, nothing can be said; that was said.
    let Some(slots) = graph.slots(service) else {
        return;
    };
    let policy = policy(graph, service);
    let case = Case {
        graph,
        service,
        slots: &slots,
        policy: &policy,
    };
    // What never starts is of no use, whatever it promises.
    found.extend(case.gives_up_early());
    let promise = graph.promise(service);
    let replicas = graph.replicas(service);
    if !matches!(promise, Promise::Capacity { .. }) || replicas.least != replicas.most {
        return;
    }
    if !service.has_health_check() {
        found.push(unchecked_on_a_host(graph, service));
    }
    let update = service.node.service.update.as_deref();
    match update {
        None if !service.has_health_check() => found.push(case.no_policy()),
        _ => found.extend(case.capacity(&promise)),
    }
    found.extend(update.into_iter().flat_map(|update| case.undone(update)));
    found.extend(case.times());
    found.extend(case.hook());
}

/// One service on its host.
struct Case<'a> {
    graph: &'a Graph,
    service: ServiceView<'a>,
    slots: &'a Slots,
    policy: &'a Policy,
}

impl Case<'_> {
    /// `start_first` without room, and what is left while a slot is replaced in its place.
    fn capacity(&self, promise: &Promise) -> Option<Diagnostic> {
        let update = self.service.node.service.update.as_deref();
        let order = update.and_then(|update| update.order.as_ref());
        let asked = order.filter(|order| order.value == Order::StartFirst);
        let asked = asked.map(|order| order.span);
        let canary = update.filter(|_| self.policy.canary);
        let asked = asked.or(canary.map(|update| update.span));
        if let Some(span) = asked.filter(|_| self.policy.order == Order::StopFirst) {
            return Some(self.no_spare(span));
        }
        if self.policy.order == Order::StartFirst || !promise.covers(Disturbance::Update) {
            return None;
        }
        let replicas = self.graph.replicas(self.service).least;
        let least = least_serving(self.graph, self.service)?;
        let floor = promise.floor(replicas).max(1);
        (least < floor).then(|| self.below(least, replicas, floor, update))
    }

    fn below(
        &self,
        least: u64,
        replicas: u64,
        floor: u64,
        update: Option<&Node<Update>>,
    ) -> Diagnostic {
        let name = self.service.name();
        let code = match (update.map(|update| update.label.name()), least) {
            (Some("recreate"), _) => &catalogue::RECREATES,
            (_, 0) => &catalogue::NO_CAPACITY,
            _ => &catalogue::BELOW_PROMISE,
        };
        let span = update.map_or(self.service.span(), |update| update.span);
        let text = format!(
            "an update leaves {least} of {} of `{name}` serving, and {} promised",
            instances(replicas),
            are(floor)
        );
        Diagnostic::new(code, text, span)
            .labelled("the old one stops before the new one starts in its slot")
            .and(self.slots.span, "as many slots as instances")
            .help(format!(
                "name one slot more, in which the new version starts first: {}",
                self.one_more()
            ))
            .about(name)
    }

    fn no_spare(&self, span: Span) -> Diagnostic {
        let name = self.service.name();
        Diagnostic::new(
            &catalogue::NO_SPARE_SLOT,
            format!("`{name}` has no slot in which a new instance could start first"),
            span,
        )
        .and(self.slots.span, "as many slots as instances")
        .help(format!(
            "name one more: {}; or write `order = stop_first`",
            self.one_more()
        ))
        .about(name)
    }

    fn one_more(&self) -> String {
        let least = self.slots.ports.first().copied().unwrap_or(0);
        let most = self.slots.ports.last().copied().unwrap_or(0);
        format!("`publish = {least}..{}`", most.saturating_add(1))
    }

    fn no_policy(&self) -> Diagnostic {
        let name = self.service.name();
        Diagnostic::new(
            &catalogue::NO_UPDATE_POLICY,
            format!("nothing says how the instances of `{name}` are replaced"),
            self.service.span(),
        )
        .labelled("a plain host has no policy of its own: by hand the old one stops first")
        .help(
            "write `update rolling {}`, with a health check: nginx is then told first, and one slot \
             is replaced after the other",
        )
        .about(name)
    }

    /// Steps that are there by default and that the program takes out.
    fn undone(&self, update: &Node<Update>) -> Vec<Diagnostic> {
        let name = self.service.name();
        let off = |written: Option<&Attribute<bool>>| {
            written
                .filter(|it| !it.value)
                .map(|it| (it.key_span, it.span))
        };
        let report = |code, (key, value): (Span, Span), text: String, why| {
            Diagnostic::new(code, text, key.to(value))
                .labelled(why)
                .help("take it out: it is true by default")
                .about(name)
        };
        let mut found = Vec::new();
        if let Some(at) = off(update.config_test.as_ref()) {
            let text =
                format!("nginx is reloaded for `{name}` without a test of its configuration");
            let why =
                "a refused one is kept from the workers without a word, and breaks the next start";
            found.push(report(&catalogue::UNTESTED_CONFIGURATION, at, text, why));
        }
        if let Some(at) = off(update.lock.as_ref()) {
            let text = format!("two deploys of `{name}` at once take the same slot");
            let why = "each reads which slot is live before the other has switched";
            found.push(report(&catalogue::UNLOCKED_DEPLOY, at, text, why));
        }
        let swaps = off(update.swap_back.as_ref()).filter(|_| self.policy.blue_green);
        if let Some(at) = swaps {
            let text = format!("a slot of `{name}` that fails after the switch keeps the requests");
            let why = "the old slot still runs, and nothing swaps back to it";
            found.push(report(&catalogue::NO_SWAP_BACK, at, text, why));
        }
        found
    }

    /// Times that cut requests or give a good version up.
    fn times(&self) -> Vec<Diagnostic> {
        let name = self.service.name();
        let body = &self.service.node.service;
        let Some(timing) = &body.timing else {
            return Vec::new();
        };
        let stop = body.shutdown.as_ref();
        let mut found = Vec::new();
        if let Some(longest) = &timing.longest_request {
            let limit = timing.graceful_limit.as_ref();
            let grace = stop.and_then(|stop| stop.grace.as_ref());
            let needed = value(limit).unwrap_or(longest.value).max(longest.value);
            let short = limit.filter(|limit| limit.value < longest.value);
            if let Some(limit) = short.filter(|_| !waits_for_requests(self.service)) {
                let text = format!(
                    "`{name}` stops waiting after {}, and a request may need {}",
                    limit.value, longest.value
                );
                let help = format!(
                    "raise the program's own limit, and `graceful_limit` with it; or write `shutdown {{ drain = {} \
                     }}`, so that its requests have ended before it is told to stop",
                    longest.value
                );
                found.push(
                    Diagnostic::new(&catalogue::CUT_REQUEST, text, limit.span)
                        .and(longest.span, "the longest request")
                        .help(help)
                        .about(name),
                );
            } else if let Some(grace) = grace.filter(|grace| grace.value < needed) {
                let text = format!(
                    "`{name}` is killed after {}, and its own shutdown may take {needed}",
                    grace.value
                );
                found.push(
                    Diagnostic::new(&catalogue::CUT_REQUEST, text, grace.span)
                        .and(limit.unwrap_or(longest).span, "may take so long")
                        .help(format!("write `shutdown {{ grace = {needed} }}` or more"))
                        .about(name),
                );
            }
            let drain = stop.and_then(|stop| stop.drain.as_ref());
            if let Some(drain) = drain.filter(|drain| drain.value < longest.value) {
                found.push(self.short_drain(drain, longest));
            }
        }
        found
    }

    fn short_drain(
        &self,
        drain: &Attribute<Duration>,
        longest: &Attribute<Duration>,
    ) -> Diagnostic {
        let name = self.service.name();
        let text = format!(
            "the old slot of `{name}` is told to stop after {}, and a request may need {}",
            drain.value, longest.value
        );
        Diagnostic::new(&catalogue::SHORT_DRAIN, text, drain.span)
            .and(longest.span, "the longest request")
            .help(format!(
                "write `drain = {}` or more, or leave it out: it ends as soon as nothing asks the \
                 slot any more",
                longest.value
            ))
            .about(name)
    }

    fn gives_up_early(&self) -> Option<Diagnostic> {
        let body = &self.service.node.service;
        let startup = body.timing.as_ref()?.startup.as_ref()?;
        let health = body
            .health
            .as_ref()
            .filter(|_| self.service.has_health_check())?;
        let judgement = self.policy.judgement;
        // The failures that count begin after the start period; the last of them ends it.
        let patience = judgement.start_period.plus(
            judgement
                .interval
                .times(judgement.retries.saturating_sub(1)),
        );
        (patience < startup.value.most).then(|| {
            let name = self.service.name();
            let span = health
                .start_period
                .as_ref()
                .map_or(health.span, |it| it.span);
            let text = format!(
                "`{name}` is given up after {patience}, and may take {} to start",
                startup.value.most
            );
            Diagnostic::new(&catalogue::GIVES_UP_EARLY, text, span)
                .and(startup.span, "its first answer")
                .help(format!("write `start_period = {}`", startup.value.most))
                .about(name)
        })
    }

    /// A hook that CodeDeploy ends before the script may have.
    fn hook(&self) -> Option<Diagnostic> {
        let settings = self.graph.settings(TargetId::Nginx)?;
        let timeout = settings.codedeploy.as_ref()?.timeout.as_ref()?;
        let policy = self.policy;
        let steps = if policy.blue_green {
            1
        } else {
            self.graph.replicas(self.service).most
        };
        let start = policy.judgement.patience();
        let each = if policy.canary {
            policy.drain
        } else {
            policy.drain.max(policy.monitor)
        };
        let stop = each.plus(policy.grace).plus(RELOAD);
        let switch = if policy.blue_green {
            stop
        } else if policy.canary {
            let all = stop.plus(start).plus(policy.delay).times(steps);
            all.plus(policy.monitor)
        } else {
            stop.plus(start).plus(policy.delay).times(steps)
        };
        let (script, needed) = if start > switch {
            ("deploy.sh", start)
        } else {
            ("switch.sh", switch)
        };
        (timeout.value < needed && timeout.value < HOOK).then(|| {
            let name = self.service.name();
            Diagnostic::new(
                &catalogue::SHORT_HOOK,
                format!(
                    "CodeDeploy ends `{script}` after {}, and `{name}` may need {needed}",
                    timeout.value
                ),
                timeout.span,
            )
            .help(format!(
                "write `timeout = {needed}` or more; what it ends is taken up by the next deploy"
            ))
            .about(name)
        })
    }
}
