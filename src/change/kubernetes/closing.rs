//! Whom pods refuse that something leads to which is written no more and stays, in words.

use super::{Key, Keyed};
use crate::change::Change;
use crate::change::difference::at;
use crate::targets::Object;

/// From where outside of their namespace pods are asked no more.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ShutTo {
    All,
    /// From all but these namespaces, where anybody asked.
    AllBut(String),
    /// From the namespaces that were admitted, in whose place others are.
    These {
        gone: String,
        to: String,
    },
}

impl ShutTo {
    pub(super) fn said(&self) -> String {
        match self {
            Self::All => {
                ": their NetworkPolicies admit nobody from outside of the namespace any more"
                    .to_owned()
            }
            _ => self.told(),
        }
    }

    pub(super) fn told(&self) -> String {
        match self {
            Self::All => ": their NetworkPolicies admit no gateway any more".to_owned(),
            Self::AllBut(to) => format!(
                ", unless who carries it is in namespace {to}: their NetworkPolicies admit nobody else from outside any more"
            ),
            Self::These { gone, to } => {
                format!(" from namespace {gone}: their NetworkPolicies admit {to} in its place")
            }
        }
    }

    pub(super) fn way(&self, are_programs: bool) -> &'static str {
        match self {
            Self::All => {
                "keep it until no client asks there; a policy counts at once, though what leads to it stays"
            }
            _ if are_programs => {
                "leave `ingress_from` out in this step, and write it once no client asks there; a policy counts at once, though what leads to \
                 it stays"
            }
            _ => {
                "have the policies admit who carries it beside the new one until no client asks there; a policy counts at once, though what \
                 leads to it stays"
            }
        }
    }
}

/// Whether something of its kind and class is written that is carried by whoever carries what is left.
pub(super) fn is_carried_on((old, new): (&Keyed<'_>, &Keyed<'_>), left: &Change) -> bool {
    let class = |object: &Object| {
        let classes = ["ingressClassName", "gatewayClassName"].into_iter();
        let mut classes = classes.filter_map(|it| at(&object.content, &["spec", it]));
        classes
            .next()
            .and_then(|it| it.as_str().map(ToOwned::to_owned))
    };
    let is_it = |key: &Key<'_>| key.2 == left.name && key.3 == left.namespace.as_deref();
    let of_kind = |side: &Keyed<'_>, is_meant: &dyn Fn(&Key<'_>) -> bool| -> Vec<Option<String>> {
        let all = side.iter();
        let meant = all.filter(|(key, _)| key.1 == left.kind && is_meant(key));
        meant.map(|(_, object)| class(object)).collect()
    };
    let was = of_kind(old, &is_it);
    of_kind(new, &|_| true).iter().any(|it| was.contains(it))
}

/// Names, in words.
pub(super) fn list<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<String> = names.map(|it| format!("`{it}`")).collect();
    names.join(" and ")
}
