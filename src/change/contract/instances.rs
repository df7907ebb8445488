//! Numbers of instances that change in the same step as the program.

use super::{Step, about, place};
use crate::change::{Change, Effect, Field};
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::Promise;
use crate::source::Span;
use crate::vocabulary::TargetId;
use serde_json::Value;
use std::collections::BTreeSet;

/// Fewer instances and a new version in one step: the surplus goes at once, whatever `parallelism`
/// says (`docker stack deploy`: rule of scaling in `manager/orchestrator/replicated`).
pub(super) fn fewer_at_once(step: &Step<'_>, found: &mut Diagnostics) {
    let (Some(old), Some(new)) = (step.old, step.new) else {
        let replaced = step.on(TargetId::Swarm).filter(|it| it.effect.replaces());
        found.extend(replaced.filter_map(fewer_written));
        found.extend(on_cluster(step).filter_map(fewer_pods));
        return;
    };
    let on_swarm = step.on(TargetId::Swarm);
    let on_swarm = on_swarm.filter(|it| it.effect.replaces());
    // What an autoscaler made is taken down without a new version, too.
    let is_taken_over = |it: &Change| it.kind == "Deployment" && it.scaled;
    let on_cluster = on_cluster(step)
        .filter(|it| is_rolled(it) || it.effect == Effect::InPlace && is_taken_over(it));
    let mut told = BTreeSet::new();
    for change in on_swarm.chain(on_cluster) {
        let name = change.service.as_deref();
        let Some(both) = name.and_then(|name| step.both(name)) else {
            continue;
        };
        if !matches!(new.promise(both.new), Promise::Capacity { .. }) {
            continue;
        }
        // Of a range it is what is set, or said where nothing is.
        let (was, is) = (old.replicas(both.old), new.replicas(both.new));
        let says_number = || counts(change).is_some_and(|it| it.1.is_some());
        let loss = if !change.scaled && is.default < was.default {
            fewer(change, was.default, is.default)
        } else if change.scaled && is.default < was.most && says_number() {
            less(change, (was.most, is.default), place(change))
        } else {
            continue;
        };
        if told.insert(name) {
            found.push(loss);
        }
    }
}

/// Whether a Deployment has its pods replaced one by one: who is stopped as a whole first has none of them anyway.
fn is_rolled(change: &Change) -> bool {
    change.kind == "Deployment" && change.effect == Effect::Rolls
}

/// The same of what only a stack file says; one that says no number has one (docs.docker.com/reference/compose-file/deploy, `replicas`).
/// Whoever comes to mount something may be fewer for the sake of that, and several would write to it first.
fn fewer_written(change: &Change) -> Option<Diagnostic> {
    let text = |value: &Option<Value>| value.as_ref().and_then(Value::as_str).map(str::to_owned);
    let reads_only = |path: &str| {
        let mut fields = change.fields.iter();
        fields.any(|it| {
            it.path.strip_suffix(".mode") == Some(path) && text(&it.new).as_deref() == Some("ro")
        })
    };
    // A tmpfs is from nowhere.
    let comes_to_mount = |it: &Field| {
        let path = it
            .path
            .strip_suffix(".from")
            .filter(|it| it.starts_with("volumes"));
        let is_from = || text(&it.new).is_some_and(|from| !from.is_empty());
        path.is_some_and(|path| is_from() && !reads_only(path))
    };
    if change.fields.iter().any(comes_to_mount) {
        return None;
    }
    let mut fields = change.fields.iter();
    let field = fields.find(|it| it.path == "deploy.replicas")?;
    let count = |value: &Option<Value>| value.as_ref().map_or(Some(1), Value::as_u64);
    let (was, is) = (count(&field.old)?, count(&field.new)?);
    (0 < is && is < was).then(|| fewer(change, was, is))
}

/// The same of a Deployment of manifests: the surplus is taken from the `ReplicaSet` of before, all of it, ahead of the first new pod
/// (kubernetes/kubernetes `pkg/controller/deployment/sync.go`, `scale`).
fn fewer_pods(change: &Change) -> Option<Diagnostic> {
    let is_one = is_rolled(change) && !change.scaled;
    let (was, is) = counts(change).filter(|_| is_one)?;
    let (was, is) = (was.unwrap_or(1), is?);
    (0 < is && is < was).then(|| fewer(change, was, is))
}

/// Fewer instances that an autoscaler may make: what it made beyond them ends with its next look, which no `behavior` slows
/// (kubernetes/kubernetes `pkg/controller/podautoscaler/horizontal.go`, `reconcileAutoscaler`). KEDA's own is one, too.
pub(super) fn autoscaled_less(step: &Step<'_>, found: &mut Diagnostics) {
    // `keda.sh/docs/latest/reference/scaledobject-spec`: 100 where nothing is said.
    let limits = [
        ("HorizontalPodAutoscaler", "spec.maxReplicas", None),
        ("ScaledObject", "spec.maxReplicaCount", Some(100)),
    ];
    for change in on_cluster(step).filter(|it| it.effect == Effect::InPlace) {
        let limit = limits.iter().find(|(kind, ..)| *kind == change.kind);
        let Some((_, path, default)) = limit else {
            continue;
        };
        let field = change.fields.iter().find(|it| it.path == *path);
        let count = |value: &Option<Value>| value.as_ref().map_or(*default, Value::as_u64);
        let counts = field.and_then(|it| count(&it.old).zip(count(&it.new)));
        if let Some((was, is)) = counts.filter(|(was, is)| is < was) {
            let scale = change.service.as_deref().and_then(|name| {
                let service = step.new?.find(name)?;
                Some(service.node.service.scale.as_ref()?.span)
            });
            found.push(less(
                change,
                (was, is),
                scale.unwrap_or_else(|| place(change)),
            ));
        }
    }
}

/// More instances and a new version in one step: Kubernetes starts the added ones with the old
/// version (deployment controller `pkg/controller/deployment/sync.go`, `scale`), where it has pods (`isScalingEvent`). Who says no
/// number has one (`pkg/apis/apps/v1/defaults.go`), and how many an autoscaler made is not known.
pub(super) fn old_version_scaled(step: &Step<'_>, found: &mut Diagnostics) {
    for change in on_cluster(step) {
        let counts = counts(change);
        // One that is paused is scaled as well, and has pods of the new version only once it is resumed (`sync.go`, `sync`).
        let is_paused =
            |it: &Field| change.effect == Effect::InPlace && it.path.starts_with("spec.template.");
        let mut fields = change.fields.iter();
        let rolls = fields.any(|it| it.effect == Effect::Rolls || is_paused(it));
        if let ("Deployment", true, Some((was, Some(is)))) = (&*change.kind, rolls, counts) {
            let was = was.unwrap_or(1);
            if was > 0 && is > was && !change.scaled {
                found.push(scaled(change, is - was));
            }
        }
    }
}

/// Replicas that are no longer written, since an autoscaler sets them: the API server's default is
/// one, and takes effect until the autoscaler looks again.
pub(super) fn autoscaler(step: &Step<'_>, found: &mut Diagnostics) {
    for change in on_cluster(step) {
        if let ("Deployment" | "StatefulSet", Some((Some(was), None))) =
            (&*change.kind, counts(change))
            && (was > 1 || change.scaled)
        {
            found.push(reset(change, was, step.new.is_some()));
        }
    }
}

/// What is applied to a cluster: what is refused is not.
fn on_cluster<'a>(step: &Step<'a>) -> impl Iterator<Item = &'a Change> {
    let all = step.on(TargetId::Kubernetes);
    all.filter(|change| change.effect != Effect::Refused)
}

/// The replicas before and after, where they differ.
fn counts(change: &Change) -> Option<(Option<u64>, Option<u64>)> {
    let field = change.fields.iter().find(|it| it.path == "spec.replicas")?;
    let count = |value: &Option<Value>| value.as_ref().and_then(Value::as_u64);
    Some((count(&field.old), count(&field.new)))
}

fn fewer(change: &Change, was: u64, is: u64) -> Diagnostic {
    let name = change.service.as_deref().unwrap_or(&change.name);
    let diagnostic = Diagnostic::new(
        &catalogue::FEWER_AT_ONCE,
        format!(
            "`{name}` goes from {was} to {is} instances at once, before its new version has begun to serve"
        ),
        place(change),
    )
    .help("deploy the new version first, then the smaller number");
    about(diagnostic, change)
}

fn less(change: &Change, (was, is): (u64, u64), span: Span) -> Diagnostic {
    let name = change.service.as_deref().unwrap_or(&change.name);
    let pods = if is == 1 { "pod" } else { "pods" };
    let diagnostic = Diagnostic::new(
        &catalogue::FEWER_AT_ONCE,
        format!("`{name}` falls to {is} {pods} at once where its autoscaler has made more of them, up to {was}"),
        span,
    )
    .help("while more run, take the number down in several deploys, each once the load is borne, or when fewer run anyway");
    about(diagnostic, change)
}

fn scaled(change: &Change, more: u64) -> Diagnostic {
    let name = change.service.as_deref().unwrap_or(&change.name);
    let instances = if more == 1 { "instance" } else { "instances" };
    let diagnostic = Diagnostic::new(
        &catalogue::OLD_VERSION_SCALED,
        format!("Kubernetes starts {more} more {instances} of the old version of `{name}` first"),
        place(change),
    )
    .help("change the number in a step of its own, where the old version must not grow");
    about(diagnostic, change)
}

fn reset(change: &Change, was: u64, is_program: bool) -> Diagnostic {
    let name = change.service.as_deref().unwrap_or(&change.name);
    // How many an autoscaler has made of them is not known.
    let from = if change.scaled {
        "what its autoscaler made it".to_owned()
    } else {
        format!("{was} pods")
    };
    // Manifests accept nothing.
    let accepted = if is_program {
        ", and accept this then, `allow replicas_reset`"
    } else {
        ""
    };
    let diagnostic = Diagnostic::new(
        &catalogue::REPLICAS_RESET,
        format!("`{name}` falls from {from} to 1 when this is applied"),
        place(change),
    )
    .labelled("`replicas` is no longer written, and its default is 1")
    .help(format!(
        "first apply `spec.replicas` alone under a `--field-manager` of its own, so that the number stays when it is no \
         longer written{accepted}: `zdc explain ZD4059` has the command"
    ));
    about(diagnostic, change)
}
