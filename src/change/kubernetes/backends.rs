//! Who leads to Services, by their names and ports: an `Ingress` (`kubernetes.io/docs/concepts/services-networking/ingress`, The Ingress
//! resource: a backend is a Service and a port of it), and the routes of the Gateway API (`gateway-api.sigs.k8s.io/reference/spec`,
//! `BackendObjectReference`: a reference that cannot be resolved answers 500).

use super::behind::Target;
use super::parts::{items, shown};
use super::{Key, Keyed};
use crate::change::difference::{at, value};
use crate::change::{Change, Effect, Loss, Lost};
use crate::targets::Object;
use serde_json::Value;

/// Of what group and kind those are who lead to Services.
const WHO: [(&str, &str); 3] = [
    ("networking.k8s.io", "Ingress"),
    ("gateway.networking.k8s.io", "HTTPRoute"),
    ("gateway.networking.k8s.io", "GRPCRoute"),
];

/// Where somebody leads to.
#[derive(Clone, PartialEq)]
struct Backend {
    service: String,
    namespace: Option<String>,
    /// By its number or its name.
    port: Option<Target>,
}

impl Backend {
    fn is_of(&self, service: Key<'_>) -> bool {
        (service.0, service.1) == SERVICE
            && service.2 == self.service
            && service.3 == self.namespace.as_deref()
    }

    fn of<'a>(&'a self, side: &Keyed<'a>) -> Option<&'a Object> {
        let namespace = self.namespace.as_deref();
        let key = (SERVICE.0, SERVICE.1, self.service.as_str(), namespace);
        side.get(&key).copied()
    }

    /// Whether a Service has the port, or may have it.
    fn is_served(&self, service: &Object) -> bool {
        self.is_any(service, |port, wanted| match wanted {
            Target::Number(number) => port.get("port").and_then(Value::as_u64) == Some(*number),
            Target::Name(name) => port.get("name").and_then(Value::as_str) == Some(name),
        })
    }

    /// Whether it is what a Service calls a port of its pods, which some controllers take as well (kubernetes/ingress-nginx
    /// `internal/ingress/controller/controller.go`, `serviceEndpoints`).
    fn is_of_pods(&self, service: &Object) -> bool {
        self.is_any(service, |port, wanted| {
            port.get("targetPort").and_then(Target::of).as_ref() == Some(wanted)
        })
    }

    /// Whether it names no port, or one of a Service is such a one; of no ports nothing is known.
    fn is_any(&self, service: &Object, is_it: impl Fn(&Value, &Target) -> bool) -> bool {
        let ports = at(&service.content, &["spec", "ports"]);
        let ports = ports.as_deref().and_then(Value::as_array);
        let (Some(ports), Some(wanted)) = (ports, &self.port) else {
            return true;
        };
        ports.iter().any(|port| is_it(port, wanted))
    }
}

const SERVICE: (&str, &str) = ("", "Service");

/// Whether a kind is one of those.
pub(super) fn is_one(kind: &str) -> bool {
    WHO.iter().any(|(_, it)| *it == kind)
}

/// A Service by its name and its namespace.
type Named = (String, Option<String>);

/// Something that leads to Services, and these.
pub(super) fn led_by<'a>(
    side: &Keyed<'a>,
    (kind, name, namespace): (&str, &str, Option<&str>),
) -> Option<(Key<'a>, Vec<Named>)> {
    let mut all = side.iter();
    let found = all.find(|(key, _)| {
        WHO.contains(&(key.0, key.1)) && (key.1, key.2, key.3) == (kind, name, namespace)
    });
    let (key, led) = found.and_then(leader)?;
    let led = led.into_iter().map(|it| (it.service, it.namespace));
    Some((key, led.collect()))
}

/// Those that lead to a Service, by their names, with the ports of it, where they name some.
pub(super) fn leading_to<'a>(
    side: &Keyed<'a>,
    service: Key<'_>,
) -> Vec<(Key<'a>, Vec<Option<Target>>)> {
    let leading = side.iter().filter_map(leader).filter_map(|(key, all)| {
        let of_it = all.into_iter().filter(|it| it.is_of(service));
        let ports: Vec<Option<Target>> = of_it.map(|it| it.port).collect();
        (!ports.is_empty()).then_some((key, ports))
    });
    let mut leading: Vec<(Key<'a>, Vec<Option<Target>>)> = leading.collect();
    leading.sort_unstable_by_key(|(key, _)| *key);
    leading
}

/// Somebody, with where it leads to.
type Leader<'a> = (Key<'a>, Vec<Backend>);

/// Says of a Service whose port is gone or which is written no more who leads there all the same, and of who comes to lead to a
/// Service where there is none.
pub(super) fn led_to((old, new): (&Keyed<'_>, &Keyed<'_>), changes: &mut [Change]) {
    let concerned = |it: &Change| is_left(it) || moves_ports(it) || leads(it);
    if !changes.iter().any(concerned) {
        return;
    }
    let mut leaders: Vec<Leader<'_>> = new.iter().filter_map(leader).collect();
    leaders.sort_unstable_by_key(|(key, _)| *key);
    for change in changes.iter_mut() {
        let (said, losses) = if is_left(change) {
            (left(change, (old, new), &leaders), Vec::new())
        } else if moves_ports(change) {
            moved(change, (old, new), &leaders)
        } else if leads(change) {
            nobody(change, (old, new), &leaders)
        } else {
            continue;
        };
        for said in said {
            change.says_also(&said);
        }
        change.losses.extend(losses);
    }
}

fn is_left(change: &Change) -> bool {
    change.kind == SERVICE.1 && change.effect == Effect::Left
}

fn moves_ports(change: &Change) -> bool {
    let mut fields = change.fields.iter();
    change.kind == SERVICE.1
        && change.effect == Effect::InPlace
        && fields.any(|field| field.path.starts_with("spec.ports"))
}

/// Whether it is made or changed, and leads to Services.
fn leads(change: &Change) -> bool {
    is_one(&change.kind) && matches!(change.effect, Effect::Created | Effect::InPlace)
}

/// Who leads to a Service that is left behind.
fn left(
    change: &Change,
    (old, new): (&Keyed<'_>, &Keyed<'_>),
    leaders: &[Leader<'_>],
) -> Vec<String> {
    let service = key_of(change);
    // Others have a kind of that name, too.
    if !old.contains_key(&service) || new.contains_key(&service) {
        return Vec::new();
    }
    let who = leaders
        .iter()
        .filter(|(_, all)| all.iter().any(|it| it.is_of(service)));
    let shown: Vec<String> = who.map(|(key, _)| shown(*key)).collect();
    let does = match shown.len() {
        0 => return Vec::new(),
        1 => "leads to it, and to nobody once it is deleted",
        _ => "lead to it, and to nobody once it is deleted",
    };
    vec![format!("{} {does}", shown.join(", "))]
}

/// What is said, and what is lost.
type Told = (Vec<String>, Vec<Loss>);

/// Who leads to a port that a Service has no more.
fn moved(change: &Change, (old, new): (&Keyed<'_>, &Keyed<'_>), leaders: &[Leader<'_>]) -> Told {
    let service = key_of(change);
    let (Some(was), Some(is)) = (old.get(&service), new.get(&service)) else {
        return Told::default();
    };
    let gone = |it: &&Backend| it.is_of(service) && it.is_served(was) && !it.is_served(is);
    // By the port, and by whether somebody may find it all the same.
    let mut ports: Vec<(&Target, bool, Vec<String>)> = Vec::new();
    for (key, all) in leaders {
        for backend in all.iter().filter(gone) {
            let Some(port) = &backend.port else { continue };
            let (who, perhaps) = (shown(*key), is_found(*key, backend, is));
            let same = ports.iter_mut().find(|it| it.0 == port && it.1 == perhaps);
            match same {
                Some((.., all)) if !all.contains(&who) => all.push(who),
                Some(_) => {}
                None => ports.push((port, perhaps, vec![who])),
            }
        }
    }
    let (mut said, mut losses) = Told::default();
    for (port, perhaps, who) in ports {
        let lead = if who.len() == 1 { "leads" } else { "lead" };
        let who = who.join(", ");
        if perhaps {
            said.push(format!(
                "{who} {lead} to port {port}, which is gone: to nobody from then on, unless who carries that takes it for a port of the pods, as ingress-nginx does"
            ));
            continue;
        }
        said.push(format!(
            "{who} {lead} to port {port}, which is gone: to nobody from then on"
        ));
        let service = &change.name;
        losses.push(unserved(
            &format!("{who} {lead} to port {port} of Service `{service}`, which has it no more"),
            "keep that port beside the new one until nobody leads there; or lead to the new one in the same step",
        ));
    }
    (said, losses)
}

/// Whether a controller of an Ingress may take its port for one of the pods, and find them.
fn is_found(leader: Key<'_>, backend: &Backend, service: &Object) -> bool {
    leader.1 == "Ingress" && backend.is_of_pods(service)
}

fn unserved(what: &str, way: &str) -> Loss {
    Loss {
        about: Lost::Callers,
        what: format!("{what}: who carries that finds nobody there"),
        way: way.to_owned(),
    }
}

/// Where somebody comes to lead to, and there is nothing.
fn nobody(change: &Change, (old, new): (&Keyed<'_>, &Keyed<'_>), leaders: &[Leader<'_>]) -> Told {
    let is_it = |key: Key<'_>| {
        (key.1, key.2, key.3) == (&*change.kind, &*change.name, change.namespace.as_deref())
    };
    let Some((key, all)) = leaders.iter().find(|(key, _)| is_it(*key)) else {
        return Told::default();
    };
    let before = old.get(key).and_then(|was| leader((key, was)));
    let before = before.map_or_else(Vec::new, |(_, all)| all);
    let (mut said, mut losses): (Vec<String>, Vec<Loss>) = Told::default();
    for backend in all.iter().filter(|it| !before.contains(it)) {
        let name = &backend.service;
        let of_old = backend.of(old);
        let one = match backend.of(new) {
            // What is said of a port that goes is said of the Service.
            Some(is)
                if backend.is_served(is) || of_old.is_some_and(|was| backend.is_served(was)) =>
            {
                continue;
            }
            Some(is) => {
                let Some(port) = &backend.port else {
                    continue;
                };
                // Somebody was asked there, and is by this one no more.
                let led = |it: &&Backend| {
                    let same = it.service == *name && it.namespace == backend.namespace;
                    same && !all.contains(it) && of_old.is_some_and(|was| it.is_served(was))
                };
                let instead = before.iter().find(led).and_then(|it| it.port.as_ref());
                let instead = instead.filter(|_| !is_found(*key, backend, is));
                let lost = instead.map(|was| {
                    let who = shown(*key);
                    unserved(
                        &format!(
                            "{who} leads to port {port} of Service `{name}` and no more to its port {was}, and it has no port {port}"
                        ),
                        "lead to a port that it has; or give it that one in a step before",
                    )
                });
                losses.extend(lost.filter(|it| !losses.contains(it)));
                format!("Service {name} has no port {port}: it leads to nobody there")
            }
            // Where no Service is written at all they are elsewhere; one that is left behind says so itself.
            None if of_old.is_some() || !has_services(new, backend.namespace.as_deref()) => {
                continue;
            }
            None => format!(
                "no Service of these manifests is called `{name}`: it leads to nobody there, unless another one is"
            ),
        };
        if !said.contains(&one) {
            said.push(one);
        }
    }
    (said, losses)
}

fn has_services(side: &Keyed<'_>, namespace: Option<&str>) -> bool {
    let mut all = side.keys();
    all.any(|key| (key.0, key.1) == SERVICE && key.3 == namespace)
}

fn key_of(change: &Change) -> Key<'_> {
    let namespace = change.namespace.as_deref();
    (SERVICE.0, &change.kind, &change.name, namespace)
}

/// Where an object leads to, if it is one of those that do.
fn leader<'a>((key, object): (&Key<'a>, &&Object)) -> Option<Leader<'a>> {
    if !WHO.contains(&(key.0, key.1)) {
        return None;
    }
    let whole = value(&object.content);
    let spec = whole.get("spec")?;
    let rules = || items(spec, "rules");
    let all = if key.1 == "Ingress" {
        let paths = rules().filter_map(|rule| rule.get("http"));
        let backends = paths.flat_map(|http| items(http, "paths"));
        let backends = backends.filter_map(|path| path.get("backend"));
        let backends = backends.chain(spec.get("defaultBackend"));
        backends.filter_map(|it| of_ingress(it, key.3)).collect()
    } else {
        let backends = rules().flat_map(|rule| items(rule, "backendRefs"));
        backends.filter_map(|it| of_route(it, key.3)).collect()
    };
    Some((*key, all))
}

/// What stands for a port where an annotation says where to, `alb.ingress.kubernetes.io/actions.NAME`, and the name of the Service is that of an
/// action (`kubernetes-sigs.github.io/aws-load-balancer-controller`, Ingress annotations, actions).
const BY_ANNOTATION: &str = "use-annotation";

fn of_ingress(backend: &Value, namespace: Option<&str>) -> Option<Backend> {
    let service = backend.get("service")?;
    let port = service.get("port");
    let port = port.and_then(|it| it.get("number").or_else(|| it.get("name")));
    if port.and_then(Value::as_str) == Some(BY_ANNOTATION) {
        return None;
    }
    Some(Backend {
        service: service.get("name")?.as_str()?.to_owned(),
        namespace: namespace.map(ToOwned::to_owned),
        port: port.and_then(Target::of),
    })
}

fn of_route(backend: &Value, namespace: Option<&str>) -> Option<Backend> {
    let text = |key: &str| backend.get(key).and_then(Value::as_str);
    let is_service = text("group").unwrap_or_default().is_empty()
        && text("kind").is_none_or(|it| it == SERVICE.1);
    // Of no weight it is led nothing to (`BackendRef`, `weight`).
    let is_asked = backend.get("weight").and_then(Value::as_u64) != Some(0);
    let namespace = text("namespace").or(namespace);
    let port = backend.get("port").and_then(Value::as_u64);
    Some(Backend {
        service: text("name").filter(|_| is_service && is_asked)?.to_owned(),
        namespace: namespace.map(ToOwned::to_owned),
        port: port.map(Target::Number),
    })
}
