//! Where a change is not what the rule of its place says, because of what else the object holds.

use crate::change::difference::{at, value};
use crate::change::{Effect, Field};
use crate::targets::{Content, Object};
use serde_json::Value;

/// Takes them into account.
pub(super) fn consider(object: &Object, before: &Content, fields: &mut [Field]) {
    match object.kind.as_str() {
        "Service" => {
            service(&object.content, before, fields);
            allotted(&object.content, before, fields);
        }
        "Pod" => pod(&object.content, fields),
        "Job" => job(&object.content, fields),
        "Secret" => secret(fields),
        "PersistentVolumeClaim" => claim(fields),
        _ => {}
    }
}

/// Of a Job with an index for each pod: how many there are may change, as long as all of them run at once before and after
/// (kubernetes/kubernetes `pkg/apis/batch/validation`, `validateCompletions`; `kubernetes.io/docs/concepts/workloads/controllers/job`,
/// Elastic Indexed Jobs).
fn job(after: &Content, fields: &mut [Field]) {
    let find = |fields: &[Field], path: &str| fields.iter().position(|it| it.path == path);
    let indexed = at(after, &["spec", "completionMode"]);
    let indexed = indexed.is_some_and(|it| it.as_str() == Some("Indexed"));
    let (Some(all), Some(at_once)) = (
        find(fields, "spec.completions"),
        find(fields, "spec.parallelism"),
    ) else {
        return;
    };
    let sides = |index: usize| fields.get(index).map(|it| (it.old.clone(), it.new.clone()));
    let (all_sides, at_once) = (sides(all), sides(at_once));
    let both_sides = matches!(&all_sides, Some((Some(_), Some(_))));
    if indexed
        && both_sides
        && all_sides == at_once
        && let Some(field) = fields.get_mut(all)
    {
        field.effect = Effect::InPlace;
        field.because = "all of an Indexed Job run at once, before and after";
    }
}

/// Of a Secret: `stringData` is only written, so that nothing there is to be taken out of what is there
/// (`kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/secret-v1`; `Convert_v1_Secret_To_core_Secret`).
fn secret(fields: &mut [Field]) {
    for field in fields {
        if field.new.is_none() && field.path.starts_with("stringData") {
            field.effect = Effect::Ignored;
            field.because =
                "what was written into `data` stays there, written in `stringData` no more";
        }
    }
}

/// A class of its own in place of none (kubernetes/kubernetes `pkg/apis/core/validation`, `validateStorageClassUpgradeFromNil`): the
/// default one was written into the claim when it was made (`plugin/pkg/admission/storage/storageclass/setdefault`), if there was one.
fn claim(fields: &mut [Field]) {
    for field in fields.iter_mut().filter(|it| is_class_said(it)) {
        field.effect = Effect::InPlace;
        field.because = CLASS_SAID;
    }
}

/// What comes of it.
pub(super) const CLASS_SAID: &str =
    "no pod is replaced; refused where another class was the default one: that was written into it";

/// Whether a claim comes to say its class.
pub(super) fn is_class_said(field: &Field) -> bool {
    field.path == "spec.storageClassName" && field.old.is_none() && field.new.is_some()
}

/// Of a Service (kubernetes/kubernetes `pkg/apis/core/validation`, `validateUpgradeDowngradeClusterIPs`,
/// `validateUpgradeDowngradeIPFamilies`, `validateLoadBalancerClassField`): a name outside the cluster has no address in it, on
/// either side; the families of one without an address may change, and of others all but the first; and a class is kept only while
/// it is for a load balancer.
fn service(after: &Content, before: &Content, fields: &mut [Field]) {
    let are = |path: [&str; 2], word: &str| {
        let is = |of| at(of, &path).is_some_and(|it| it.as_str() == Some(word));
        [before, after].map(is)
    };
    let outside = are(["spec", "type"], "ExternalName").contains(&true);
    let balances = are(["spec", "type"], "LoadBalancer") == [true, true];
    let headless = are(["spec", "clusterIP"], "None").contains(&true);
    let local = are(["spec", "externalTrafficPolicy"], "Local") == [true, true];
    for field in fields.iter_mut().filter(|it| it.effect == Effect::Refused) {
        let holds = match field.path.as_str() {
            "spec.loadBalancerClass" => balances,
            "spec.healthCheckNodePort" => balances && local && is_other(field),
            "spec.ipFamilies" => !outside && !headless && is_other(field),
            _ => !outside,
        };
        if !holds {
            field.effect = Effect::InPlace;
        }
    }
}

/// What a Service was given and what is written no more is put back before anything is looked at (kubernetes/kubernetes
/// `pkg/registry/core/service/storage/alloc.go`, `patchAllocatedValues`): its address, and the ports of the nodes by the names of the
/// ports that are still there.
fn allotted(after: &Content, before: &Content, fields: &mut [Field]) {
    let are = |all: fn(&str) -> bool| {
        [before, after].iter().all(|of| {
            let kind = at(of, &["spec", "type"]);
            all(kind.as_deref().and_then(Value::as_str).unwrap_or_default())
        })
    };
    let has_address = are(|kind| kind != "ExternalName");
    let has_ports = are(|kind| matches!(kind, "NodePort" | "LoadBalancer"));
    let no = at(after, &["spec", "allocateLoadBalancerNodePorts"]);
    let has_ports = has_ports && no.as_deref() != Some(&Value::Bool(false));
    let ports = at(after, &["spec", "ports"]);
    let ports = ports.as_deref().and_then(Value::as_array);
    let is_there = |wanted: &str| {
        let name = |port: &Value| port.get("name").and_then(Value::as_str) == Some(wanted);
        ports.is_some_and(|all| all.iter().any(name))
    };
    let address = |it: &Field| it.path == "spec.clusterIP" && it.new.is_some();
    let has_another = fields.iter().any(address);
    let gone = fields.iter_mut();
    for field in gone.filter(|it| it.old.is_some() && it.new.is_none()) {
        let is_kept = match field.path.as_str() {
            "spec.clusterIP" => has_address,
            "spec.clusterIPs" => has_address && !has_another,
            path => {
                let port = path.strip_prefix("spec.ports[");
                let port = port.and_then(|it| it.strip_suffix("].nodePort"));
                has_ports && port.is_some_and(is_there)
            }
        };
        if is_kept {
            field.effect = Effect::Ignored;
            field.because = "a Service keeps what it was given where none is written";
        }
    }
}

/// Whether both sides say something, and the first of it is not the same.
fn is_other(field: &Field) -> bool {
    let first = |side: &Option<Value>| match side {
        Some(Value::Array(items)) => items.first().cloned(),
        side => side.clone(),
    };
    let (old, new) = (first(&field.old), first(&field.new));
    old.is_some() && new.is_some() && old != new
}

/// Of a pod: tolerations may be added to it (kubernetes/kubernetes `pkg/apis/core/validation`, `ValidatePodUpdate`), and the container of
/// an init container that runs beside the others is replaced as theirs are
/// (`kubernetes.io/docs/concepts/workloads/pods/sidecar-containers`).
fn pod(after: &Content, fields: &mut [Field]) {
    for field in fields {
        let list = |side: &Option<Value>| match side {
            Some(Value::Array(items)) => items.clone(),
            _ => Vec::new(),
        };
        let mut steps = field.path.split(['[', ']']);
        match (steps.next(), steps.next(), steps.next()) {
            (Some("spec.tolerations"), None, _) => {
                let new = list(&field.new);
                if list(&field.old).iter().all(|one| new.contains(one)) {
                    field.effect = Effect::InPlace;
                    field.because = "tolerations may be added to a pod that is there";
                }
            }
            (Some("spec.initContainers"), Some(name), Some(".image")) if runs_on(after, name) => {
                field.effect = Effect::RestartsAtOnce;
                field.because = "it runs beside the others: it is stopped, and another one started";
            }
            _ => {}
        }
    }
}

/// Whether an init container is one that runs on.
fn runs_on(pod: &Content, name: &str) -> bool {
    let pod = value(pod);
    let all = pod
        .pointer("/spec/initContainers")
        .and_then(Value::as_array);
    let text =
        |it: &Value, key: &str, word: &str| it.get(key).and_then(Value::as_str) == Some(word);
    let mut all = all.into_iter().flatten();
    all.any(|it| text(it, "name", name) && text(it, "restartPolicy", "Always"))
}

/// Annotations that make a hook of an object, with those of when it is deleted and the words of a policy by which it is gone before the next one: helm
/// (`helm.sh/docs/topics/charts_hooks`, Hook deletion policies) and Argo CD (`argo-cd.readthedocs.io/en/stable/user-guide/resource_hooks`, Hook
/// Deletion Policies). Both delete the one of before where no policy is written.
const HOOKS: [(&str, &str, [&str; 2]); 2] = [
    (
        "helm.sh/hook",
        "helm.sh/hook-delete-policy",
        ["before-hook-creation", "hook-succeeded"],
    ),
    (
        "argocd.argoproj.io/hook",
        "argocd.argoproj.io/hook-delete-policy",
        ["BeforeHookCreation", "HookSucceeded"],
    ),
];

/// What helm makes when its user asks for it, and at no install or upgrade (`helm.sh/docs/topics/chart_tests`).
const OF_TESTS: [&str; 3] = ["test", "test-success", "test-failure"];

/// Whether another run of a Job or pod, or another one of what never changes, is refused of kubectl alone, since who applies hooks deletes the one
/// of before; how.
pub(super) fn hook(object: &Object, fields: &mut [Field]) -> Option<&'static str> {
    let is_refused = |field: &Field| field.effect == Effect::Refused;
    let never_changes = is_immutable(object) && !fields.is_empty();
    if !never_changes && !fields.iter().any(is_refused) {
        return None;
    }
    let kinds = gone_before(object)?;
    for field in fields.iter_mut().filter(|it| is_refused(it)) {
        field.effect = Effect::InPlace;
    }
    let is_of_tests = kinds.split(',').all(|it| OF_TESTS.contains(&it.trim()));
    Some(if is_of_tests {
        "a test: helm deletes the one of before and makes another at `helm test` alone; plain `kubectl apply` is refused while that one is there"
    } else {
        "a hook: helm and Argo CD delete the one of before and make another; plain `kubectl apply` is refused while that one is there"
    })
}

/// A `ConfigMap` or `Secret` that says so of itself.
fn is_immutable(object: &Object) -> bool {
    let is_said = at(&object.content, &["immutable"]).as_deref() == Some(&Value::Bool(true));
    is_said && matches!(&*object.kind, "ConfigMap" | "Secret")
}

/// Of a hook whose run of before is deleted ahead of the next one: which of helm's hooks it is, where it is one of these.
pub(super) fn gone_before(object: &Object) -> Option<String> {
    let annotations = at(&object.content, &["metadata", "annotations"])?;
    let said = |key: &str| annotations.get(key).and_then(Value::as_str);
    let is_one = |(hook, policy, words): &(&str, &str, [&str; 2])| {
        let goes = |policy: &str| words.iter().any(|it| policy.contains(it));
        said(hook).is_some() && said(policy).is_none_or(goes)
    };
    let is_gone = HOOKS.iter().any(is_one);
    is_gone.then(|| said("helm.sh/hook").unwrap_or_default().to_owned())
}
