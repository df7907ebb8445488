//! Services that lead to no pod: until new ones are ready, or from then on, or once what is left behind is deleted.
//!
//! A selector counts at once, for whatever has its labels (`kubernetes.io/docs/concepts/services-networking/service`, Defining a
//! Service), and a pod's labels come with the pod. What is written no more runs on (`Effect::Left`), and its pods are asked.

use super::parts::service_type;
use super::scaling::is_off;
use super::{Key, Keyed, behind, is_workload};
use crate::change::difference::at;
use crate::change::{Change, Effect, Loss, Lost};
use crate::targets::{Content, Object};
use serde_json::{Map, Value};

type Labels = Map<String, Value>;

/// What makes pods, with their labels.
struct Pods<'a> {
    key: Key<'a>,
    labels: Labels,
    /// Whether it says that it has none.
    none: bool,
    /// Whether the API server refuses them, so that what was there runs on.
    refused: bool,
}

impl Pods<'_> {
    fn are_for(&self, service: Key<'_>, selector: &Labels) -> bool {
        service.3 == self.key.3 && behind::have_all(&self.labels, selector)
    }
}

/// What makes pods before a step, and after it.
struct Both<'a> {
    before: Vec<Pods<'a>>,
    /// What is written, and then what runs on though it is written no more.
    after: Vec<Pods<'a>>,
    /// How many of those after it are written.
    written: usize,
}

/// Says of a Service that is new or gets another selector, and of a workload that is written no more or whose pods get other labels,
/// where nobody is asked then.
pub(super) fn without_pods((old, new): (&Keyed<'_>, &Keyed<'_>), changes: &mut [Change]) {
    let concerned = |it: &Change| selects_others(it) || is_new(it) || relabels(it) || is_left(it);
    if !changes.iter().any(concerned) {
        return;
    }
    let left = old.iter().filter(|(key, _)| !new.contains_key(*key));
    let mut after: Vec<Pods<'_>> = new.iter().filter_map(pods).collect();
    let written = after.len();
    after.extend(left.filter_map(pods));
    let is_refused = |it: &Change| it.effect == Effect::Refused;
    for refused in changes.iter().filter(|it| is_refused(it)) {
        let namespace = refused.namespace.as_deref();
        let place = (&*refused.kind, &*refused.name, namespace);
        let mut same = after.iter_mut().take(written);
        if let Some(pods) = same.find(|it| (it.key.1, it.key.2, it.key.3) == place) {
            pods.refused = true;
        }
    }
    let both = Both {
        before: old.iter().filter_map(pods).collect(),
        after,
        written,
    };
    for change in changes.iter_mut().filter(|it| is_new(it)) {
        let key = key(change);
        let is = new.get(&key).and_then(|it| selector(it));
        change.how.extend(is.and_then(|is| both.nobody(key, &is)));
    }
    for change in changes.iter_mut().filter(|it| selects_others(it)) {
        let key = key(change);
        let [was, is] = [old, new].map(|side| side.get(&key).and_then(|it| selector(it)));
        let frozen = was.as_ref().and_then(|was| both.frozen(new, key, was));
        let was_elsewhere = old.get(&key).is_some_and(|it| is_elsewhere(it));
        let said = is.and_then(|is| both.ahead(key, (was, was_elsewhere), &is));
        if let Some((said, then)) = said {
            let is = new.get(&key).and_then(|it| selector(it));
            let is_of_others = |is: &Labels| {
                is_made_by_others(new, is) || both.is_labelled_by_others(new, key, is)
            };
            if then == Then::Nobody && !is.as_ref().is_some_and(is_of_others) {
                let loss = nobody(&change.name, &said);
                change.losses.push(loss);
            }
            change.how = said;
            change.deserted = then == Then::Later;
        }
        change.losses.extend(frozen);
    }
    if !changes.iter().any(|it| relabels(it) || is_left(it)) {
        return;
    }
    let services = new.iter().filter(|(key, _)| (key.0, key.1) == SERVICE);
    let selectors = services.filter_map(|(key, object)| Some((*key, selector(object)?)));
    let mut selectors: Vec<(Key<'_>, Labels)> = selectors.collect();
    selectors.sort_unstable_by_key(|(key, _)| *key);
    for change in changes.iter_mut().filter(|it| relabels(it) || is_left(it)) {
        let said = selectors.iter().filter_map(|(service, selector)| {
            let said = both.left_alone(*service, selector, change)?;
            Some(format!("; {said}"))
        });
        let said: String = said.collect();
        change.how.push_str(&said);
    }
}

const SERVICE: (&str, &str) = ("", "Service");

/// What declares a kind.
const DECLARATION: (&str, &str) = ("apiextensions.k8s.io", "CustomResourceDefinition");

/// Whether a selector names an object of somebody's own kind, whose controller may make pods with those labels.
fn is_made_by_others(new: &Keyed<'_>, selector: &Labels) -> bool {
    let of_own_kind = new
        .keys()
        .filter(|key| key.0.contains('.') && !key.0.ends_with("k8s.io"));
    let mut names = of_own_kind.map(|key| key.2);
    names.any(|name| selector.values().any(|it| it.as_str() == Some(name)))
}

fn selects_others(change: &Change) -> bool {
    let mut fields = change.fields.iter();
    let in_place = change.kind == SERVICE.1 && change.effect == Effect::InPlace;
    in_place && fields.any(|field| field.path.starts_with("spec.selector"))
}

/// Whether it is a Service that is made, of others' manifests: those of a program ask for its own pods.
fn is_new(change: &Change) -> bool {
    change.kind == SERVICE.1 && change.effect == Effect::Created && change.service.is_none()
}

/// Whether pods run on that are written no more.
fn is_left(change: &Change) -> bool {
    change.effect == Effect::Left && (is_workload(&change.kind) || change.kind == "Pod")
}

/// Whether pods are replaced by ones that lack a label, or have another value of it.
fn relabels(change: &Change) -> bool {
    let mut fields = change.fields.iter();
    is_workload(&change.kind)
        && change.effect.replaces()
        && fields.any(|it| it.old.is_some() && it.path.starts_with("spec.template.metadata.labels"))
}

impl Both<'_> {
    /// Whether a selector asks for a label that no pod has and a controller may set on its own: one that is called by the group of a kind that
    /// these manifests declare, or by a domain above it.
    fn is_labelled_by_others(&self, new: &Keyed<'_>, service: Key<'_>, selector: &Labels) -> bool {
        let declared = new.iter().filter(|(key, _)| (key.0, key.1) == DECLARATION);
        let groups = declared.filter_map(|(_, it)| at(&it.content, &["spec", "group"]));
        let groups: Vec<String> = groups
            .filter_map(|it| it.as_str().map(ToOwned::to_owned))
            .collect();
        let is_above = |domain: &str, group: &str| {
            let rest = group.strip_suffix(domain);
            rest.is_some_and(|it| it.is_empty() || it.ends_with('.'))
        };
        selector.iter().any(|(label, value)| {
            let is_there = |it: &Pods<'_>| {
                !it.none && it.key.3 == service.3 && it.labels.get(label) == Some(value)
            };
            let domain = label.split_once('/').map(|(domain, _)| domain);
            let is_of_group =
                domain.is_some_and(|it| groups.iter().any(|group| is_above(it, group)));
            is_of_group && !self.after.iter().any(is_there)
        })
    }

    /// What becomes of a Service with another selector, or with one in the place of a name of elsewhere, and of those who ask for it.
    fn ahead(
        &self,
        service: Key<'_>,
        (was, was_elsewhere): (Option<Labels>, bool),
        is: &Labels,
    ) -> Option<(String, Then)> {
        let are_for = |it: &&Pods<'_>| !it.none && it.are_for(service, is);
        if self.before.iter().any(|it| are_for(&it)) {
            return None;
        }
        let asked: Vec<&Pods<'_>> = was.as_ref().map_or_else(Vec::new, |was| {
            let before = self.before.iter();
            let before = before.filter(|it| !it.none && it.are_for(service, was));
            before.collect()
        });
        let to_come: Vec<&Pods<'_>> = self.after.iter().filter(are_for).collect();
        if to_come.is_empty() {
            // Whose pods never were among these may make its pods elsewhere.
            let label = lacking(service, is, &self.after);
            let said = format!(
                "no pod of these manifests has {label}: nobody is asked, unless another pod has it"
            );
            // Who leads a StatefulSet's pods may label the one of them that leads, as Patroni does.
            let adds = was.is_some_and(|was| was.iter().all(|it| is.get(it.0) == Some(it.1)));
            let may_be_labelled = adds && asked.iter().any(|it| it.key.1 == "StatefulSet");
            let then = if may_be_labelled {
                Then::Unsaid
            } else {
                Then::Nobody
            };
            return (!asked.is_empty()).then_some((said, then));
        }
        let label = lacking(service, is, &self.before);
        if to_come.iter().all(|it| it.refused) {
            let said = format!("nobody is asked: the pods with {label} never come");
            return Some((said, Then::Unsaid));
        }
        let goes_back = |it: &&Pods<'_>| {
            let mut before = self.before.iter();
            before.any(|was| was.key == it.key && !was.are_for(service, is))
        };
        let undo = if to_come.iter().any(goes_back) {
            ", nor after `kubectl rollout undo`"
        } else {
            ""
        };
        let said = format!(
            "no pod that is there has {label}: nobody is asked until new ones are ready{undo}"
        );
        let then = if asked.is_empty() && !was_elsewhere {
            Then::Unsaid
        } else {
            Then::Later
        };
        Some((said, then))
    }

    /// A Service whose selector goes: nobody looks after its slices any more, which keep the addresses that they have (kubernetes/kubernetes
    /// `pkg/controller/endpointslice/endpointslice_controller.go`, `syncService`).
    fn frozen(&self, new: &Keyed<'_>, service: Key<'_>, was: &Labels) -> Option<Loss> {
        let asks_none = new.get(&service).is_some_and(|it| has_no_selector(it));
        let mut before = self.before.iter();
        let asked = before.any(|it| !it.none && it.are_for(service, was));
        (asked && asks_none && !has_addresses(new, service)).then(|| Loss {
            about: Lost::Pods,
            what: format!(
                "Service `{}` asks for no pods any more: it goes on to lead to the addresses of those that there are, also once they are gone",
                service.2
            ),
            way: "write its `selector`; or an EndpointSlice that says where it leads".to_owned(),
        })
    }

    /// What becomes of a Service that is new, where none of the pods that there are or may be is for it.
    fn nobody(&self, service: Key<'_>, is: &Labels) -> Option<String> {
        let here = |it: &&Pods<'_>| it.key.3 == service.3;
        // Where no pod is written at all they are elsewhere.
        let mut pods = self.after.iter().filter(here).peekable();
        if pods.peek().is_none() || pods.any(|it| it.are_for(service, is)) {
            return None;
        }
        let label = lacking(service, is, &self.after);
        Some(format!(
            "no pod of these manifests has {label}: nobody is asked, unless another pod has it"
        ))
    }

    /// What becomes of a Service that asks for what the pods of a workload were, and no pod is then.
    fn left_alone(&self, service: Key<'_>, is: &Labels, change: &Change) -> Option<String> {
        let of_it = |it: &&Pods<'_>| {
            (it.key.1, it.key.2, it.key.3)
                == (&*change.kind, &*change.name, change.namespace.as_deref())
        };
        let asked = self.before.iter().find(of_it)?;
        // Somebody removes what is left behind.
        let (after, once) = if change.effect == Effect::Left {
            (self.after.get(..self.written)?, "it is deleted")
        } else {
            (self.after.as_slice(), "they are replaced")
        };
        let stays = |it: &Pods<'_>| !it.none && it.are_for(service, is);
        if asked.none || !asked.are_for(service, is) || after.iter().any(stays) {
            return None;
        }
        let (name, label) = (service.2, lacking(service, is, after));
        Some(format!(
            "Service {name} asks for {label}, which no pod of these manifests has then: nobody is asked once {once}, \
             unless another pod has it"
        ))
    }
}

/// Whom those find who asked for pods before a step.
#[derive(PartialEq)]
enum Then {
    /// Nobody before others come.
    Later,
    /// None of these manifests, for good.
    Nobody,
    /// Nobody had been asked, or what is refused says it.
    Unsaid,
}

fn nobody(service: &str, said: &str) -> Loss {
    Loss {
        about: Lost::Pods,
        what: format!("Service `{service}` leads away from its pods, and {said}"),
        way: "have it ask for labels that its pods have; one that they are to get comes with new pods, in a step before".to_owned(),
    }
}

/// Whether a Service asks for no pods: somebody else says where it leads.
fn has_no_selector(service: &Object) -> bool {
    !is_elsewhere(service)
        && map(&service.content, &["spec", "selector"]).is_none_or(|it| it.is_empty())
}

/// Whether manifests say where a Service leads that asks for no pods (`kubernetes.io/docs/concepts/services-networking/service`, Services
/// without selectors).
fn has_addresses(new: &Keyed<'_>, service: Key<'_>) -> bool {
    new.iter().any(|(key, object)| {
        let of = ["metadata", "labels", "kubernetes.io/service-name"];
        let is_for =
            || at(&object.content, &of).as_deref().and_then(Value::as_str) == Some(service.2);
        let is_it = match key.1 {
            "Endpoints" => key.2 == service.2,
            "EndpointSlice" => is_for(),
            _ => false,
        };
        is_it && key.3 == service.3
    })
}

/// What of a selector none of the pods of its namespace has; all of it where each has some.
fn lacking(service: Key<'_>, selector: &Labels, pods: &[Pods<'_>]) -> String {
    let lacks = |(label, value): &(&String, &Value)| {
        let mut here = pods.iter().filter(|it| !it.none && it.key.3 == service.3);
        here.all(|it| it.labels.get(*label) != Some(*value))
    };
    let shown = |(label, value): (&String, &Value)| {
        format!("`{label}: {}`", value.as_str().unwrap_or_default())
    };
    let some: Vec<String> = selector.iter().filter(lacks).map(shown).collect();
    match some.as_slice() {
        [] => selector.iter().map(shown).collect::<Vec<_>>().join(" and "),
        some => some.join(" and "),
    }
}

fn key(change: &Change) -> Key<'_> {
    let namespace = change.namespace.as_deref();
    (SERVICE.0, &change.kind, &change.name, namespace)
}

/// What an object makes pods of, whoever knows its kind; a Job's end by themselves.
fn pods<'a>((key, object): (&Key<'a>, &&Object)) -> Option<Pods<'a>> {
    let path: &[&str] = match key.1 {
        "Job" => return None,
        "Pod" => &["metadata", "labels"],
        _ => &["spec", "template", "metadata", "labels"],
    };
    let labels = map(&object.content, path)?;
    Some(Pods {
        key: *key,
        labels,
        none: is_off(&object.content),
        refused: false,
    })
}

/// Whether a Service is another name of somebody elsewhere (`kubernetes.io/docs/concepts/services-networking/service`, type: `ExternalName`).
fn is_elsewhere(service: &Object) -> bool {
    service_type(service) == "ExternalName"
}

/// What a Service asks for that manifests say of pods; who says nothing asks for no pod of its own choice.
fn selector(service: &Object) -> Option<Labels> {
    if is_elsewhere(service) {
        return None;
    }
    let mut selector = map(&service.content, &["spec", "selector"])?;
    selector.retain(|label, _| !GIVEN.contains(&label.as_str()));
    (!selector.is_empty()).then_some(selector)
}

/// Labels that controllers give to pods (`kubernetes.io/docs/reference/labels-annotations-taints`).
const GIVEN: [&str; 4] = [
    "apps.kubernetes.io/pod-index",
    "controller-revision-hash",
    "pod-template-hash",
    "statefulset.kubernetes.io/pod-name",
];

fn map(content: &Content, path: &[&str]) -> Option<Labels> {
    at(content, path)?.as_object().cloned()
}
