//! Where those run who carry requests from outside to what leads to Services. A policy that admits the pods of its own namespace admits them,
//! where they are among these.

use super::parts::{INGRESS, items, text};
use super::{Key, Keyed};
use crate::change::difference::value;
use crate::targets::Object;
use serde_json::Value;

/// Whether who carries an Ingress or a route is surely in another namespace than pods that it leads to. The controller of an Ingress is of the
/// whole cluster (`kubernetes.io/docs/concepts/services-networking/ingress-controllers`), and stands among those pods where their manifests
/// bring it along alone; what is made for a Gateway is made beside that one by some (`istio.io/latest/docs/tasks/traffic-management/ingress/gateway-api`,
/// Automated deployment).
pub(super) fn is_elsewhere(side: &Keyed<'_>, leader: Key<'_>, pods: Option<&str>) -> bool {
    if (leader.0, leader.1) == INGRESS {
        return !side.keys().any(brings_a_controller) && !side.iter().any(reads_ingresses);
    }
    let Some(route) = side.get(&leader) else {
        return false;
    };
    let route = value(&route.content);
    let spec = route.get("spec").into_iter();
    let mut parents = spec.flat_map(|it| items(it, "parentRefs")).peekable();
    // Of another kind, such as a Service of a mesh, it is asked from among all pods.
    parents.peek().is_some()
        && parents.all(|it| {
            let namespace = text(it, "namespace").or(leader.3);
            // The one of kubectl's context may be any.
            let differ = namespace.zip(pods).is_some_and(|(its, own)| its != own);
            differ && text(it, "kind").is_none_or(|kind| kind == "Gateway")
        })
}

/// Who makes a class makes its controller (`kubernetes.io/docs/concepts/services-networking/ingress`, Ingress class).
fn brings_a_controller(key: &Key<'_>) -> bool {
    (key.0, key.1) == (INGRESS.0, "IngressClass")
}

/// Whether a role lets somebody watch the Ingresses of a cluster, as each controller of them has to.
fn reads_ingresses((key, object): (&Key<'_>, &&Object)) -> bool {
    if key.0 != "rbac.authorization.k8s.io" || !matches!(key.1, "Role" | "ClusterRole") {
        return false;
    }
    let role = value(&object.content);
    let mut rules = items(&role, "rules");
    rules.any(|rule| {
        let has = |key, word| {
            items(rule, key)
                .filter_map(Value::as_str)
                .any(|it| it == word)
        };
        has("resources", "ingresses") && has("verbs", "watch")
    })
}
