//! The Secrets with the certificates of gateways, which no file holds: whose listener is one without it serves nothing
//! (`gateway-api.sigs.k8s.io/reference/spec`, `ListenerConditionReason`, `InvalidCertificateRef`), and an Ingress is served with a certificate of
//! its controller (`kubernetes.github.io/ingress-nginx/user-guide/tls`, Default SSL Certificate).

use super::parts::{is_custom, items, text};
use super::{Key, Keyed};
use crate::change::difference::value;
use crate::change::{Change, Effect};
use crate::targets::Object;
use serde_json::Value;
use std::collections::BTreeSet;

/// What has such a Secret made once it is there itself (`cert-manager.io/docs/usage/ingress`, `cert-manager.io/docs/usage/gateway`).
const ISSUED: [&str; 5] = [
    "certmanager.k8s.io/cluster-issuer",
    "certmanager.k8s.io/issuer",
    "cert-manager.io/issuer",
    "cert-manager.io/cluster-issuer",
    "kubernetes.io/tls-acme",
];

/// Says of gateways which of these none named before, where nothing that is written makes it; of a program `deploy.sh` asks for them, too
/// (`targets/kubernetes/script/secrets.sh`).
pub(super) fn before((old, new): (&Keyed<'_>, &Keyed<'_>), changes: &mut [Change]) {
    let concerned = |it: &Change| {
        let is_written = !matches!(it.effect, Effect::Left | Effect::Refused);
        is_written && matches!(&*it.kind, "Ingress" | "Gateway")
    };
    if !changes.iter().any(concerned) {
        return;
    }
    let mut known = BTreeSet::new();
    for (key, object) in old {
        let secrets = named(key, object).into_iter();
        known.extend(secrets.map(|it| (key.3, it)));
    }
    for change in changes.iter_mut().filter(|it| concerned(it)) {
        let namespace = change.namespace.as_deref();
        let mut all = new.iter();
        let is_it =
            |key: &Key<'_>| (key.1, key.2, key.3) == (&change.kind, &change.name, namespace);
        let Some((key, object)) = all.find(|(key, _)| is_it(key)) else {
            continue;
        };
        let secrets = named(key, object).into_iter();
        let secrets: Vec<String> = secrets
            .filter(|it| !known.contains(&(namespace, it.clone())) && !is_made(new, it, key.3))
            .collect();
        let are_there = match secrets.as_slice() {
            [] => continue,
            [one] => format!("Secret {one} is there with `tls.crt` and `tls.key`"),
            more => format!(
                "these Secrets are there with `tls.crt` and `tls.key`: {}",
                more.join(", ")
            ),
        };
        let said = if change.kind == "Gateway" {
            format!("its listener of https does not serve before {are_there}")
        } else {
            format!("it has no certificate of its own before {are_there}")
        };
        change.says_also(&said);
    }
}

/// Whether something is written that is that Secret, or whose controller may make it: a Certificate, an `ExternalSecret`.
fn is_made(new: &Keyed<'_>, secret: &str, namespace: Option<&str>) -> bool {
    let mut there = new.iter().filter(|(key, _)| key.3 == namespace);
    there.any(|(key, object)| match (key.0, key.1) {
        ("", "Secret") => key.2 == secret,
        (group, _) => {
            is_custom(group) && (key.2 == secret || names(&value(&object.content), secret))
        }
    })
}

fn names(written: &Value, name: &str) -> bool {
    match written {
        Value::String(text) => text == name,
        Value::Array(all) => all.iter().any(|it| names(it, name)),
        Value::Object(all) => all.values().any(|it| names(it, name)),
        _ => false,
    }
}

/// The Secrets of its namespace whose certificates something serves, and that somebody has to make.
fn named((group, kind, ..): &Key<'_>, object: &Object) -> BTreeSet<String> {
    let is_meant = matches!(
        (*group, *kind),
        ("networking.k8s.io", "Ingress") | ("gateway.networking.k8s.io", "Gateway")
    );
    if !is_meant {
        return BTreeSet::new();
    }
    let whole = value(&object.content);
    let annotations = whole.pointer("/metadata/annotations");
    let is_issued = annotations.is_some_and(|all| ISSUED.iter().any(|it| all.get(*it).is_some()));
    let Some(spec) = whole.get("spec").filter(|_| !is_issued) else {
        return BTreeSet::new();
    };
    let of_ingress = items(spec, "tls").filter_map(|it| text(it, "secretName"));
    let listeners = items(spec, "listeners").filter_map(|it| it.get("tls"));
    let references = listeners.flat_map(|tls| items(tls, "certificateRefs"));
    let of_gateway = references.filter(|it| is_secret(it));
    let of_gateway = of_gateway.filter_map(|it| text(it, "name"));
    of_ingress
        .chain(of_gateway)
        .map(ToOwned::to_owned)
        .collect()
}

/// Whether a reference is to a Secret of the namespace that it is in.
fn is_secret(reference: &Value) -> bool {
    text(reference, "kind").is_none_or(|it| it == "Secret")
        && text(reference, "namespace").is_none()
}
