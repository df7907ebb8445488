//! What the orchestrator makes of a change that is not what was meant.

use super::data::other_writer;
use super::{Both, Step, about, kept, place, ports};
use crate::change::kubernetes::parts::deletion;
use crate::change::kubernetes::place as place_in;
use crate::change::{Change, Effect, Field, Loss, Lost, Refusal};
use crate::diagnostics::{Diagnostic, Diagnostics, Severity, catalogue};
use crate::graph::{self, ServiceView};
use crate::rollout::derivation;
use crate::vocabulary::TargetId;

/// What it refuses, in its words.
pub(super) fn refusals(step: &Step<'_>, found: &mut Diagnostics) {
    for (target, change) in step.changes() {
        if change.effect == Effect::Refused {
            found.push(refused(step, target, change));
        }
    }
}

/// What it does not look at.
pub(super) fn without_effect(step: &Step<'_>, found: &mut Diagnostics) {
    for (target, change) in step.changes() {
        let kept = matches!(&*change.kind, "network" | "volume" | "config" | "secret");
        if target == TargetId::Swarm
            && kept
            && change.effect == Effect::Ignored
            && change.losses.is_empty()
        {
            found.push(ignored(change));
        }
        if !change.unaware.is_empty() {
            found.push(reaches_nobody(change));
        }
    }
}

/// What runs on under its old name.
pub(super) fn runs_beside(step: &Step<'_>, found: &mut Diagnostics) {
    for (target, change) in step.changes() {
        // One that gets nowhere while another one has its port is told of, whether or not they are alike.
        let is_new = change.effect == Effect::Created && takes_a_place(step, target, change);
        let waits = || is_new && holds_nodes(step, target, change);
        // What writes beside another one is told as that: it may never serve.
        let is_beside = change.effect == Effect::Renamed || waits();
        let mut losses = change.losses.iter();
        let is_told = losses.any(|loss| matches!(loss.about, Lost::Writers { .. } | Lost::Beside));
        if is_beside && !is_told && other_writer(step, target, change).is_none() {
            found.push(renamed(step, target, change));
        } else if let Some(holder) = holder(step, target, change) {
            found.push(without_a_node(change, &holder));
        }
    }
}

fn refused(step: &Step<'_>, target: TargetId, change: &Change) -> Diagnostic {
    let (kind, name) = (&change.kind, &change.name);
    let who = match target {
        TargetId::Kubernetes => "the API server",
        TargetId::Swarm => "the swarm",
        TargetId::Compose => "docker",
        TargetId::Nginx => "`deploy.sh`",
    };
    let field = change.fields.iter().find(|it| it.effect == Effect::Refused);
    let what = field.map_or("", |field| field.because);
    // A swarm replaces a service that keeps its name; docker compose knows containers by their project.
    let kept = Some(change).filter(|_| target != TargetId::Compose);
    let way = kept.and_then(|change| way_to_keep_the_name(step, change));
    let way = way.or_else(|| ports::way(step, target, change));
    let way = way.or_else(|| way_past_itself(step, target, change));
    let way = way.unwrap_or_else(|| way_out(change));
    let diagnostic = Diagnostic::new(
        &catalogue::REFUSED_CHANGE,
        format!("{who} refuses this change of {kind} `{name}`"),
        place(change),
    )
    .labelled(what)
    .note(format!("it says: {}", change.how))
    .help(way);
    let diagnostic = match change.refusal {
        // By then it may be gone.
        Refusal::UntilRemoved(_) => diagnostic.severity(Severity::Warning),
        _ => diagnostic,
    };
    about(diagnostic, change)
}

/// What to do about a refusal, by what it is about.
fn way_out(change: &Change) -> String {
    let way = match &change.refusal {
        Refusal::Kept => {
            "keep what it was, or give it another name: the new one is made beside the old one"
        }
        Refusal::KeptWithData => "keep what it was: one of another name has none of its data",
        Refusal::Invalid => "write what it asks for: under another name it is refused as well",
        Refusal::Unknown => {
            "write it as the API has it, or take it out; the API is known here to 1.37: where a newer server has the field, \
             `kubectl apply --dry-run=server` takes it"
        }
        Refusal::Port => {
            "keep the name and the namespace of the Service that has the port, or deploy first what gives it up; \
             or use another one until the old Service is deleted"
        }
        Refusal::Address => {
            "keep the name and the namespace of the Service that has the address; or use another one until the old Service is deleted"
        }
        Refusal::LeftThere(field) => {
            return format!("write `{field}` as `null`: left out it stays as it was filled in");
        }
        Refusal::UntilRemoved(seconds) => {
            let delete = deletion("job", &change.name, change.namespace.as_deref());
            return format!(
                "{delete} first, where it has ended; or apply this again once `ttlSecondsAfterFinished: {seconds}` has removed it: then another one is made"
            );
        }
        Refusal::Said(way) => return way.clone(),
        Refusal::AroundPods(grown) => return around_pods(change, grown.as_deref()),
        Refusal::WithoutClaim(pod) => return without_claim(change, pod),
    };
    way.to_owned()
}

/// How a `StatefulSet` is made anew with one claim more: its controller cannot give that to pods that are there.
fn without_claim(change: &Change, pod: &str) -> String {
    let there = change.namespace.as_ref();
    let there = there.map_or_else(String::new, |namespace| format!(" -n {namespace}"));
    format!(
        "`kubectl delete statefulset {}{there} --cascade=orphan`, and apply this again: its pods go on meanwhile, and its claims stay. Then `kubectl delete \
         pod {pod}{there}` and so on, one once the one before serves: each comes back with the new claim beside its old ones. Under another name it has none \
         of its data",
        change.name
    )
}

/// How a `StatefulSet` is made anew while its pods serve (`kubernetes.io/docs/tasks/run-application/delete-stateful-set`;
/// `kubernetes.io/docs/concepts/storage/persistent-volumes`, Expanding Persistent Volumes Claims).
fn around_pods(change: &Change, grown: Option<&str>) -> String {
    let there = change.namespace.as_ref();
    let there = there.map_or_else(String::new, |namespace| format!(" -n {namespace}"));
    let first = grown.map_or_else(String::new, |claim| {
        format!(
            "grow its claims themselves first, where their class has `allowVolumeExpansion`: `kubectl patch pvc {claim}{there}` \
             and so on; then "
        )
    });
    format!(
        "{first}`kubectl delete statefulset {}{there} --cascade=orphan`, and apply this again: its pods go on meanwhile, and its claims stay. Under another \
         name it has other pods, and none of their data",
        change.name
    )
}

/// How a service that is renamed goes by its old name, so that it is replaced in place and its port stays taken by itself.
fn way_to_keep_the_name(step: &Step<'_>, change: &Change) -> Option<String> {
    if change.kind == "file" {
        change.was.as_ref()?;
        let stays = change.service.as_deref().and_then(|name| step.both(name));
        let old = step
            .old
            .filter(|old| step.new.is_some_and(|new| new.name() != old.name()));
        if let Some(old) = old.filter(|_| stays.is_some()) {
            // nginx has the upstreams of both apps otherwise, of one name.
            let app = old.name();
            return Some(format!(
                "keep the name of the app, `app {app}`; or give it slots that nobody has, have its first switch take the place of the \
                 old app, `ZDC_REPLACES=/etc/nginx/conf.d/{app}.conf switch.sh`, and stop the slots of that by hand once it is live"
            ));
        }
        if stays.is_some() {
            let way = "give it slots that nobody has, or keep those that it had until the ones of the service that is gone were stopped by hand";
            return Some(way.to_owned());
        }
        let way = "keep the name of the app and the label of the service, since a `name` counts for nothing on a plain host; or give it other slots, and stop the old ones by hand once it is live";
        return Some(way.to_owned());
    }
    let was = &change
        .was
        .as_ref()
        .filter(|was| was.kind == "service")?
        .name;
    let both = step.successor(change.service.as_deref()?)?;
    Some(by_its_old_name(&kept::on_swarm(step, both), was))
}

/// What that does, and what else there is.
pub(super) fn by_its_old_name(written: &[String], was: &str) -> String {
    format!(
        "write {} in it: it goes by its old name then, and `{was}` is replaced task by task under its policy; or \
         publish another port until the old one is removed",
        written.join(" and ")
    )
}

/// What a service of a swarm that cannot be changed comes to by another name as little: the old one has its port or its data.
fn way_past_itself(step: &Step<'_>, target: TargetId, change: &Change) -> Option<String> {
    let is_mode = |field: &Field| field.effect == Effect::Refused && field.path == "deploy.mode";
    if target != TargetId::Swarm || !change.fields.iter().any(is_mode) {
        return None;
    }
    let both = step.both(change.service.as_deref()?)?;
    let name = &change.name;
    let has_port = both.old.ports().any(|port| port.publish.is_some());
    let writes = derivation::has_single_writer(step.old?, both.old);
    let by_another = match (has_port, writes) {
        (false, false) => return None,
        (true, false) => {
            "; or give it another name and another published port until the old one is removed"
        }
        // Under another name both would write to it.
        (_, true) => "",
    };
    Some(format!(
        "keep what it was; or `docker service rm {name}` first, with which it is down until the new one serves{by_another}"
    ))
}

fn ignored(change: &Change) -> Diagnostic {
    let (kind, name) = (&change.kind, &change.name);
    let paths: Vec<&str> = change.fields.iter().map(|field| &*field.path).collect();
    Diagnostic::new(
        &catalogue::CHANGE_WITHOUT_EFFECT,
        format!(
            "{kind} `{name}` is there already and keeps its old `{}`",
            paths.join("`, `")
        ),
        place(change),
    )
    .help(format!(
        "give it another name, so that a new {kind} is made; or remove it by hand while nothing uses it"
    ))
}

fn reaches_nobody(change: &Change) -> Diagnostic {
    let (kind, name, readers) = (&change.kind, &change.name, change.unaware.join(", "));
    let as_zdc = if kind == "Secret" {
        ""
    } else {
        ", as zdc does for a `config`"
    };
    Diagnostic::new(
        &catalogue::CONFIG_REACHES_NOBODY,
        format!("no pod of {readers} is replaced for the new data of {kind} `{name}`"),
        place(change),
    )
    .help(format!(
        "give it another name with every change{as_zdc}: what mentions it rolls"
    ))
}

/// Whether a service is new and takes the place of one that a target ran.
fn takes_a_place(step: &Step<'_>, target: TargetId, change: &Change) -> bool {
    let was = change.service.as_deref();
    let was = was.and_then(|name| step.old?.find(step.pairs.replaced(name)?));
    step.old
        .zip(was)
        .is_some_and(|(old, was)| old.runs_on(was, target))
}

/// Whether a service of a swarm publishes a port on its nodes that it had under its old name.
fn holds_nodes(step: &Step<'_>, target: TargetId, change: &Change) -> bool {
    let name = change.service.as_deref();
    let both = name.and_then(|name| step.successor(name));
    let both = both.filter(|_| target == TargetId::Swarm);
    both.is_some_and(|both| {
        let had = on_nodes(both.old);
        on_nodes(both.new).iter().any(|port| had.contains(port))
    })
}

/// The service of a swarm that is left behind and has a port on its nodes that a new one asks for, whoever it is, and that port. A node
/// with the one has no place for the other (moby/swarmkit `manager/scheduler/filter.go`, `HostPortFilter`).
fn holder(step: &Step<'_>, target: TargetId, change: &Change) -> Option<(String, u64)> {
    let (old, new) = (step.old?, step.new?);
    if target != TargetId::Swarm || change.effect != Effect::Created {
        return None;
    }
    let asked = on_nodes(new.find(change.service.as_deref()?)?);
    // Most services ask for none.
    if asked.is_empty() {
        return None;
    }
    let is_left = |name: &str| {
        let mut left = step.on(target).filter(|it| it.effect == Effect::Left);
        left.any(|it| it.service.as_deref() == Some(name))
    };
    old.services_on(target).find_map(|service| {
        let had = on_nodes(service);
        let port = had.into_iter().find(|port| asked.contains(port))?;
        is_left(service.name()).then(|| (old.swarm_name(service), port))
    })
}

fn without_a_node(change: &Change, (holder, port): &(String, u64)) -> Diagnostic {
    let name = &change.name;
    let diagnostic = Diagnostic::new(
        &catalogue::RUNS_BESIDE,
        format!("`{name}` waits for ever wherever `{holder}` runs on, which has port {port} of the node"),
        place(change),
    )
    .help(format!(
        "remove the old one first, `docker service rm {holder}`; or publish another port until it is removed"
    ));
    about(diagnostic, change)
}

fn on_nodes(service: ServiceView<'_>) -> Vec<u64> {
    let ports = service.ports();
    let on_nodes = ports.filter(|port| graph::is_of_nodes(port));
    on_nodes
        .filter_map(|port| {
            port.publish
                .as_ref()
                .map(|publish| publish.value.least.get())
        })
        .collect()
}

fn renamed(step: &Step<'_>, target: TargetId, change: &Change) -> Diagnostic {
    let name = &change.name;
    let both = change.service.as_deref().and_then(|it| step.successor(it));
    let shared = both.filter(|both| is_shared(target, change, *both));
    let split = shared.filter(|both| is_split(step, change, *both));
    let was = change.was.as_ref();
    let was = was.map_or_else(String::new, |was| format!(" {}", was.name));
    let removal = match target {
        TargetId::Kubernetes if split.is_some() => {
            let was = change.was.as_ref().map_or("", |was| &was.name);
            let there = change.namespace.as_ref();
            let there = there.map_or_else(String::new, |namespace| format!(" -n {namespace}"));
            format!(
                "keep its name; or `kubectl delete statefulset {was}{there}` first, with which it is down until the new one serves"
            )
        }
        TargetId::Kubernetes if shared.is_some() => {
            let (kind, was) = change
                .was
                .as_ref()
                .map_or(("", ""), |was| (&*was.kind, &*was.name));
            let stop = deletion(&kind.to_lowercase(), was, change.namespace.as_deref());
            format!(
                "{stop} as soon as the new one serves; where clients must not write to two stores, first, with which it is down until then"
            )
        }
        // Both would write, each to its own.
        TargetId::Kubernetes if loses_data(change) => {
            "stop the old one first, and delete it once the new one has its data and serves"
                .to_owned()
        }
        TargetId::Kubernetes => {
            "delete the old one once the new one serves and nobody asks for it any more".to_owned()
        }
        TargetId::Compose => {
            "remove the old project once the new one serves and nobody asks for it any more: \
             `docker compose --project-name OLD down`"
                .to_owned()
        }
        // Where every node has one of the old ones, none has room for a new one: ZD4014.
        _ if holds_nodes(step, target, change) => {
            let names = both.map_or_else(String::new, |both| kept::in_words(step, target, both));
            format!(
                "keep its name{names}; or remove the old one first, `docker service rm{was}`: a node has its port once, and where the \
                 old one has it the new one waits for ever"
            )
        }
        _ => {
            format!(
                "remove the old one once the new one serves and nobody asks for it any more: `docker service rm{was}`"
            )
        }
    };
    let what = match &change.was {
        Some(was) if was.may_be_here => {
            let now = place_in(change.namespace.as_deref());
            let then = was.place.as_deref().unwrap_or_default();
            format!("`{name}` is {now} now, and runs on {then}, unless that is the same one")
        }
        Some(was) if was.place.is_some() => {
            format!("`{name}` is in another namespace, and runs on in the one that it was in")
        }
        Some(was) if was.name == *name => format!(
            "`{name}` is a {} now, and the {} that it was runs on beside it",
            change.kind, was.kind
        ),
        Some(_) => format!("`{name}` has another name, and the one it had runs on beside it"),
        None => {
            let was = both.zip(step.old);
            let was = was.map_or_else(String::new, |(both, old)| old.swarm_name(both.old));
            format!("`{name}` takes the place of `{was}`, which runs on beside it")
        }
    };
    let data = change.was.as_ref().and_then(|was| was.data);
    let data = data.map_or_else(String::new, |data| format!("; {data}"));
    let way = match only_where_apart(change) {
        Some(lead) => format!("{lead} {removal}{data}"),
        None => format!("{removal}{data}"),
    };
    let diagnostic = Diagnostic::new(&catalogue::RUNS_BESIDE, what, place(change))
        .labelled(change.how.clone())
        .help(way);
    let diagnostic = match shared {
        Some(both) => {
            let own = if split.is_some() {
                ", each with data of its own: who writes is given the one or the other"
            } else {
                " until the old one is deleted: who asks is given the one or the other"
            };
            let service = both.new.emitted_name();
            diagnostic.note(format!(
                "the Service `{service}` leads to the pods of both{own}"
            ))
        }
        None => diagnostic,
    };
    about(diagnostic, change)
}

/// What comes before the way out where two namespaces may be one. Where nobody set another one, a context is in `default`
/// (`kubernetes.io/docs/concepts/overview/working-with-objects/namespaces`, Initial namespaces).
fn only_where_apart(change: &Change) -> Option<String> {
    let was = change.was.as_ref().filter(|was| was.may_be_here)?;
    let was = was.place.as_deref()?;
    let shown = "(`kubectl config view --minify`)";
    let namespace = change.namespace.as_deref();
    if namespace == Some("default") || was.ends_with(" default") {
        return Some(format!(
            "a context is in `default` where nobody set another namespace {shown}, and it is the same one then: there is nothing to delete; where one is set,"
        ));
    }
    let there = namespace.map_or_else(|| "that namespace".to_owned(), |it| format!("`{it}`"));
    Some(format!(
        "where the context is in {there} {shown} it is the same one, and there is nothing to delete; elsewhere"
    ))
}

fn loses_data(change: &Change) -> bool {
    let is_data = |it: &Loss| matches!(it.about, Lost::Data { .. } | Lost::Writers { .. });
    change.losses.iter().any(is_data)
}

/// Whether one Service leads to the pods of a workload and of the one that it was: a selector counts for whatever has its labels
/// (`kubernetes.io/docs/concepts/services-networking/service`, Defining a Service).
fn is_shared(target: TargetId, change: &Change, both: Both<'_>) -> bool {
    let was = change.was.as_ref();
    target == TargetId::Kubernetes
        && was.is_some_and(|was| was.place.is_none())
        && both.old.emitted_name() == both.new.emitted_name()
        && both.new.ports().len() > 0
}

/// Whether both are a `StatefulSet` and have other claims.
fn is_split(step: &Step<'_>, change: &Change, both: Both<'_>) -> bool {
    let was = change.was.as_ref().map(|was| &*was.kind);
    let are_sets = (&*change.kind, was) == ("StatefulSet", Some("StatefulSet"));
    let writes = |old| derivation::has_single_writer(old, both.old);
    are_sets && step.old.is_some_and(writes)
}
