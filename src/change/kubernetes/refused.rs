//! Whether the API server refuses a change, in which words, and what the way out depends on.

use super::exceptions;
use super::quantity::quantity;
use super::refusal;
use super::rolling::on_delete;
use super::{parts, stored};
use crate::change::difference::{at, value};
use crate::change::{Change, Effect, Field, Refusal};
use crate::targets::{Content, Object};
use serde_json::Value;

/// In so many seconds one that has ended is taken to be gone before the next deploy.
const SOON: u64 = 3600;

/// A refusal, in words.
pub(super) type Refused = (Refusal, String);

impl Change {
    /// Takes it to be refused, where it is.
    pub(super) fn refuse(&mut self, refused: Option<Refused>) {
        let Some((refusal, how)) = refused else {
            return;
        };
        if let Refusal::UntilRemoved(seconds @ 0..=SOON) = refusal {
            self.effect = Effect::Created;
            self.how = format!(
                "another one is made: `ttlSecondsAfterFinished: {seconds}` has removed the one before, if it has ended; refused while it is there: {how}"
            );
            let fields = self.fields.iter_mut();
            fields
                .filter(|it| it.effect == Effect::Refused)
                .for_each(|it| it.effect = Effect::Created);
            return;
        }
        let unless = match refusal {
            Refusal::UntilRemoved(_) => {
                "; unless it has ended, and `ttlSecondsAfterFinished` has removed it: then another one is made"
            }
            _ => "",
        };
        let how = format!("{how}{unless}");
        (self.effect, self.refusal, self.how) = (Effect::Refused, refusal, how);
    }
}

/// Whether another value at one of these places is refused.
pub(super) fn consider(
    object: &Object,
    fields: &[Field],
    before: &Content,
    sides: [&Value; 2],
) -> Option<Refused> {
    let said = words(object, fields, before, sides)?;
    // It is not there any more when the next one is made.
    if exceptions::gone_before(object).is_some() && matches!(&*object.kind, "ConfigMap" | "Secret")
    {
        return None;
    }
    let refusal = match object.kind.as_str() {
        "StatefulSet" if fields.iter().all(|it| it.effect != Effect::Refused) => {
            Refusal::LeftThere("spec.updateStrategy.rollingUpdate")
        }
        "StatefulSet" => stateful_set(object, fields, before),
        "PersistentVolumeClaim" => Refusal::KeptWithData,
        "Job" => stays(before).map_or(Refusal::Kept, Refusal::UntilRemoved),
        _ => Refusal::Kept,
    };
    Some((refusal, said))
}

/// For how many seconds a Job stays once it has ended; none where that is for good (`kubernetes.io/docs/concepts/workloads/controllers/ttlafterfinished`),
/// or it waits for somebody who resumes it.
fn stays(job: &Content) -> Option<u64> {
    let is_suspended = at(job, &["spec", "suspend"]).as_deref() == Some(&Value::Bool(true));
    let seconds = at(job, &["spec", "ttlSecondsAfterFinished"]);
    seconds.filter(|_| !is_suspended)?.as_u64()
}

/// A `StatefulSet` may be made anew around its pods, which are found by their labels and go on with claims of the same names
/// (`kubernetes.io/docs/tasks/run-application/delete-stateful-set`; kubernetes/kubernetes `pkg/controller/statefulset`,
/// `processReplica` and `storageMatches`: a pod without one of the claims is updated, which is refused, until it is deleted).
fn stateful_set(object: &Object, fields: &[Field], before: &Content) -> Refusal {
    let templates = |of: &Content| {
        let all = at(of, &["spec", "volumeClaimTemplates"]).unwrap_or_default();
        let all = all.as_array().cloned().unwrap_or_default();
        let named = all.into_iter().filter_map(|it| {
            let name = it.pointer("/metadata/name")?.as_str()?.to_owned();
            Some((name, size(&it)))
        });
        named.collect::<Vec<_>>()
    };
    let (was, is) = (templates(before), templates(&object.content));
    let had = |name: &String| was.iter().find(|(it, _)| it == name);
    let mut refused = fields.iter().filter(|it| it.effect == Effect::Refused);
    let selects_others = refused.any(|it| it.path.starts_with("spec.selector"));
    let comes = is.iter().any(|(name, _)| had(name).is_none());
    let first = at(&object.content, &["spec", "ordinals", "start"]);
    let first = first.and_then(|it| it.as_u64()).unwrap_or(0);
    let gone = was.iter().map(|(name, _)| name);
    let mut gone = gone.filter(|name| !is.iter().any(|(it, _)| it == *name));
    let goes = gone.clone().next().is_some();
    // A claim of that name in its pods may be the very one.
    let ends = gone.any(|name| !has_claim(&object.content, name));
    match (selects_others || comes || ends, was.is_empty()) {
        (true, true) if keeps(before) => return Refusal::KeptWithData,
        (true, true) => return Refusal::Kept,
        (true, false) => {
            return if selects_others || goes {
                Refusal::KeptWithData
            } else {
                Refusal::WithoutClaim(format!("{}-{first}", object.name))
            };
        }
        _ => {}
    }
    let mut grown = is
        .iter()
        .filter(|(name, size)| had(name).is_some_and(|(_, was)| size > was));
    let claim = |(template, _): &(String, _)| format!("{template}-{}-{first}", object.name);
    Refusal::AroundPods(grown.next().map(claim))
}

/// Whether a volume of the pods of a `StatefulSet` is a claim that is written by its name.
fn has_claim(object: &Content, volume: &str) -> bool {
    let whole = value(object);
    let pod = parts::pod_in("StatefulSet", &whole);
    pod.is_some_and(|pod| {
        let mut volumes = parts::items(pod, "volumes");
        volumes.any(|it| {
            parts::text(it, "name") == Some(volume) && it.get("persistentVolumeClaim").is_some()
        })
    })
}

/// Whether a `StatefulSet` writes to what outlives its pods, be it no claim of theirs.
fn keeps(before: &Content) -> bool {
    let whole = value(before);
    let pod = parts::pod_in("StatefulSet", &whole);
    pod.is_some_and(|pod| {
        let mut containers = parts::items(pod, "containers");
        containers.any(|it| {
            let mounts = stored::mounts(&whole, pod, it).unwrap_or_default();
            mounts.iter().any(stored::Mount::is_kept)
        })
    })
}

/// What the API server says, where it refuses.
fn words(
    object: &Object,
    fields: &[Field],
    before: &Content,
    [was, is]: [&Value; 2],
) -> Option<String> {
    let (kind, name) = (&*object.kind, &*object.name);
    let field = fields.iter().find(|it| it.effect == Effect::Refused);
    match (kind, field) {
        ("Deployment" | "DaemonSet" | "ReplicaSet", Some(_)) => {
            Some(refusal::selector(kind, name, &value(&object.content)))
        }
        ("Job", Some(field)) => {
            let mut steps = field.path.split(['.', '[']);
            let field = [steps.next()?, steps.next()?].join(".");
            Some(refusal::job(name, &field))
        }
        ("StatefulSet", Some(_)) => Some(refusal::stateful_set(name)),
        ("StatefulSet", None) if waits_no_more(before, object) => Some(refusal::on_delete(name)),
        ("PersistentVolumeClaim", Some(_)) => Some(refusal::claim(name)),
        ("PersistentVolumeClaim", None) => (size(is)? < size(was)?).then(|| refusal::smaller(name)),
        ("Pod", Some(_)) => Some(refusal::pod(name)),
        ("RoleBinding" | "ClusterRoleBinding", Some(_)) => {
            let role = at(&object.content, &["roleRef"]).unwrap_or_default();
            Some(refusal::role(kind, name, &role))
        }
        ("StorageClass", Some(field)) => Some(refusal::class(name, &field.path)),
        ("Service", Some(field)) => {
            Some(match field.path.as_str() {
                "spec.loadBalancerClass" => refusal::load_balancer(name, field),
                "spec.ipFamilies" => refusal::field(kind, name, "spec.clusterIPs[0]"),
                "spec.healthCheckNodePort" => refusal::forbidden(kind, name, &field.path),
                // An address that the cluster chose is in no manifest.
                _ => refusal::address(name, is),
            })
        }
        ("Secret", Some(field)) => Some(refusal::secret_type(name, field)),
        ("ConfigMap" | "Secret", _) => {
            let immutable = || at(before, &["immutable"]).as_deref() == Some(&Value::Bool(true));
            let fields = fields.iter().filter(|it| it.effect != Effect::Ignored);
            let what = fields.into_iter().find_map(|field| {
                let word = field.path.split(['.', '[']).next()?;
                match word {
                    "stringData" => Some("data"),
                    "data" | "binaryData" | "immutable" => Some(word),
                    _ => None,
                }
            });
            what.filter(|_| immutable())
                .map(|what| refusal::immutable(kind, name, what))
        }
        ("PriorityClass", Some(field)) if field.path == "value" => {
            Some(refusal::forbidden(kind, name, "value"))
        }
        ("PersistentVolume", Some(field)) if field.path != "spec.volumeMode" => {
            let place = "spec.persistentvolumesource";
            Some(refusal::forbidden(kind, name, place))
        }
        // What these say of where is not where it is.
        ("PersistentVolume", Some(_)) => Some(refusal::field(kind, name, "volumeMode")),
        ("CSIDriver", Some(field)) if field.path == "spec.attachRequired" => {
            Some(refusal::field(kind, name, "spec.attachedRequired"))
        }
        (_, Some(field)) => Some(refusal::field(kind, name, &field.path)),
        _ => None,
    }
}

/// Whether pods shall wait while what is for others is there: written, or filled in where no type was written (apps/v1,
/// `SetDefaults_StatefulSet`) and not taken out since. What was written goes with that, and what is null too
/// (`kubernetes.io/docs/tasks/manage-kubernetes-objects/declarative-config`, How to clear server-set fields).
fn waits_no_more(before: &Content, object: &Object) -> bool {
    let strategy = |of: &Content| {
        at(of, &["spec", "updateStrategy"])
            .unwrap_or_default()
            .into_owned()
    };
    let (was, is) = (strategy(before), strategy(&object.content));
    let has = |strategy: &Value, key: &str| strategy.get(key).is_some_and(|it| !it.is_null());
    let filled_in = !has(&was, "type") && !has(&was, "rollingUpdate");
    on_delete(&is).is_some()
        && (has(&is, "rollingUpdate") || filled_in && is.get("rollingUpdate").is_none())
}

/// How much a claim asks for, in billionths of a byte.
pub(super) fn size(claim: &Value) -> Option<u128> {
    let size = quantity(claim.pointer("/spec/resources/requests/storage")?)?;
    Some(size.amount)
}
