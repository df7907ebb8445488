//! Services of which a port leads elsewhere at once, while pods run that do not listen there; or where no pod listens in the end.
//!
//! A number is asked for whatever the pods say (`kubernetes.io/docs/concepts/services-networking/service`, Field spec.ports[].targetPort), so
//! that what they say they listen on is all that is known; a pod without a port of a name is not asked at all (kubernetes/kubernetes
//! `staging/src/k8s.io/endpointslice/utils.go`, `getEndpointPorts`).

use super::answers::{Answer, Backend};
use super::behind::{self, Led, Pods, Target};
use super::parts::{self, containers, items, text};
use super::{Key, Keyed, is_workload, unready};
use crate::change::difference::at;
use crate::change::{Change, Effect, Field, Loss, Lost};
use crate::targets::Object;
use serde_json::Value;

/// Says it of each whose pods that run say that they listen on the port of before alone, while new ones say so of the other one; and of each that
/// leads, from then on or once the new pods are all there, to a port on which none of them says so.
pub(super) fn moved((old, new): (&Keyed<'_>, &Keyed<'_>), is_judged: bool, changes: &mut [Change]) {
    // Between two programs ports go by their names, which `src/change/contract/endpoints.rs` looks at.
    let is_concerned = |it: &Change| moves(it) || !is_judged && renumbers(it);
    if !changes.iter().any(is_concerned) {
        return;
    }
    let (before, after) = (behind::all(old), behind::all(new));
    // Where all pods are stopped before new ones start nobody is asked in any case.
    let restarts = |it: &&Change| it.effect == Effect::RestartsAtOnce && is_workload(&it.kind);
    let at_once: Vec<_> = changes.iter().filter(restarts).map(of).collect();
    let replaced = |it: &&Change| it.effect.replaces() && !leaves_some(new, it);
    let replaced: Vec<_> = changes.iter().filter(replaced).map(of).collect();
    let is_among = |all: &[Place], it: &Pods<'_>| {
        let mut all = all.iter();
        all.any(|(kind, name, namespace)| {
            (&**kind, &**name, namespace.as_deref()) == (it.key.1, it.key.2, it.key.3)
        })
    };
    let pods = |is: &Led<'_>| {
        let are_behind = |it: &&Pods<'_>| it.are_for(is.key.3, &is.selector);
        let [run, come] = [&before, &after].map(|all| all.iter().filter(are_behind));
        let run: Vec<&Pods<'_>> = run.collect();
        let stay = run.iter().filter(|it| !is_among(&replaced, it)).copied();
        Behind {
            stay: stay.collect(),
            come: come.collect(),
            run,
        }
    };
    let led = led_on((old, new), changes);
    for change in changes.iter_mut().filter(|it| moves(it)) {
        let name = change.name.clone();
        let namespace = change.namespace.clone();
        let key = ("", "Service", &*name, namespace.as_deref());
        let Some((was, is)) = both((old, new), key) else {
            continue;
        };
        let pods = pods(&is);
        if pods.run.is_empty() || was.is_headless || is.is_headless {
            continue;
        }
        let stops = pods.run.iter().any(|it| is_among(&at_once, it));
        for leads in ports((&was, &is), &led, new.get(&key).copied()) {
            let (before, now) = (&leads.before, &leads.now);
            let loss = if !stops && is_missed((before, now), &pods.run, &pods.come) {
                Some(tell(change, &leads, &pods))
            } else if is_lost((before, now), &pods) {
                tell_of_none(change, &leads)
            } else {
                None
            };
            change
                .losses
                .extend(loss.into_iter().filter(|_| !is_judged));
        }
    }
    if is_judged {
        return;
    }
    let led = behind::services(new).into_iter();
    let led = led.filter_map(|it| both((old, new), it.key)).map(|it| {
        let pods = pods(&it.1);
        (it, pods)
    });
    let led: Vec<_> = led.filter(|it| !it.1.run.is_empty()).collect();
    for change in changes.iter_mut().filter(|it| renumbers(it)) {
        let is_it = |it: &&Pods<'_>| it.are_of(change);
        let mut told = Vec::new();
        for ((was, is), pods) in &led {
            let had = pods.run.iter().find(|it| is_it(it));
            let Some((had, has)) = had.zip(pods.come.iter().find(|it| is_it(it))) else {
                continue;
            };
            if was.is_headless || is.is_headless || was.selector != is.selector {
                continue;
            }
            let stays = |it: &(Option<String>, u64, Target)| was.ports.contains(it);
            for (name, _, target) in is.ports.iter().filter(|it| stays(it)) {
                if had.listen(target) && is_lost((target, target), pods) {
                    told.extend(left((had, has), is.key.2, (name.as_deref(), target)));
                }
            }
        }
        change.losses.extend(told);
    }
}

/// Whether it is a Service that stays, and whose ports are others.
fn moves(change: &Change) -> bool {
    let mut fields = change.fields.iter();
    let in_place = change.kind == "Service" && change.effect == Effect::InPlace && !change.deserted;
    in_place && fields.any(|field| field.path.starts_with("spec.ports"))
}

/// Whether pods are replaced by ones that say of other ports that they listen there.
fn renumbers(change: &Change) -> bool {
    let mut fields = change.fields.iter();
    let ports = |field: &Field| {
        field.path.starts_with("spec.template.spec.") && field.path.contains("].ports")
    };
    is_workload(&change.kind) && change.effect.replaces() && fields.any(ports)
}

/// Whether some of its pods are kept as they are: those below its `partition`.
fn leaves_some(new: &Keyed<'_>, change: &Change) -> bool {
    let namespace = change.namespace.as_deref();
    let object = new.get(&("apps", &*change.kind, &*change.name, namespace));
    let path = ["spec", "updateStrategy", "rollingUpdate", "partition"];
    let partition = object.and_then(|it| at(&it.content, &path)?.as_u64());
    partition.is_some_and(|it| it > 0)
}

/// The pods behind a Service.
struct Behind<'p> {
    run: Vec<&'p Pods<'p>>,
    /// Those of them that are not replaced.
    stay: Vec<&'p Pods<'p>>,
    come: Vec<&'p Pods<'p>>,
}

/// A Service on both sides.
fn both<'a>((old, new): (&Keyed<'a>, &Keyed<'a>), key: Key<'a>) -> Option<(Led<'a>, Led<'a>)> {
    let [was, is] = [old, new].map(|side| {
        let (key, service) = side.get_key_value(&key)?;
        behind::led(*key, service)
    });
    was.zip(is)
}

type Place = (String, String, Option<String>);

fn of(change: &Change) -> Place {
    (
        change.kind.clone(),
        change.name.clone(),
        change.namespace.clone(),
    )
}

type Port = (Option<String>, u64, Target);

/// The ports of a Service that lead elsewhere than they did, or than the one of before in whose place they are.
fn ports((was, is): (&Led<'_>, &Led<'_>), led: &[LedOn], service: Option<&Object>) -> Vec<Leads> {
    let moved = is.ports.iter().filter_map(|port| {
        let (_, number, target) = port;
        let of_before = of_before(port, (was, is));
        let (_, was_number, before) = of_before.or_else(|| {
            let mut led = led.iter().filter(|it| it.is_to(is.key, port));
            led.find_map(|it| was.ports.iter().find(|port| is_called(port, &it.was)))
        })?;
        let is_kept = || is.ports.iter().any(|(_, number, _)| number == was_number);
        (before != target).then(|| Leads {
            port: *number,
            name: port.0.clone(),
            before: before.clone(),
            now: target.clone(),
            is_left_out: is_left_out(service, *number),
            is_beside: was_number != number && is_kept(),
        })
    });
    moved.collect()
}

/// The port of before that one is: by its number; by its name, where that number is gone; or since the Service has this one alone.
fn of_before<'w>(port: &Port, (was, is): (&'w Led<'_>, &Led<'_>)) -> Option<&'w Port> {
    let find = |is_it: &dyn Fn(&&Port) -> bool| was.ports.iter().find(is_it);
    let is_gone = |it: &Port| !is.ports.iter().any(|(_, number, _)| *number == it.1);
    let alone = || match (&*was.ports, &*is.ports) {
        ([was], [_]) => Some(was),
        _ => None,
    };
    find(&|it| it.1 == port.1 && it.0 == port.0)
        .or_else(|| find(&|it| it.1 == port.1))
        .or_else(|| find(&|it| it.0.is_some() && it.0 == port.0 && is_gone(it)))
        .or_else(alone)
}

/// Whether a port of a Service is called so, by its number or its name.
fn is_called((name, number, _): &Port, by: &Target) -> bool {
    by.is(name.as_deref(), *number)
}

/// What an Ingress or a route led to one port of a Service, and leads to another one now.
struct LedOn {
    service: String,
    namespace: Option<String>,
    was: Target,
    is: Target,
}

impl LedOn {
    fn is_to(&self, service: Key<'_>, port: &Port) -> bool {
        (&*self.service, self.namespace.as_deref()) == (service.2, service.3)
            && is_called(port, &self.is)
    }
}

fn led_on((old, new): (&Keyed<'_>, &Keyed<'_>), changes: &[Change]) -> Vec<LedOn> {
    let mut led = Vec::new();
    let changed = changes.iter().filter(|it| it.effect == Effect::InPlace);
    for change in changed {
        let was = unready::leader(old, change);
        let Some((was, is)) = was.zip(unready::leader(new, change)) else {
            continue;
        };
        for answer in is.answers.iter().filter(|_| !is.is_by_itself) {
            let same = |it: &&Answer| unready::is_for_the_same(it, answer);
            let before = was.answers.iter().find(same);
            for (now, before) in answer.backends.iter().flat_map(|now| {
                let before = before.into_iter().flat_map(|it| &it.backends);
                before.map(move |before| (now, before))
            }) {
                let is_one = (&now.name, &now.namespace) == (&before.name, &before.namespace);
                let port = |it: &Backend| it.port.as_ref().and_then(Target::of);
                if let Some((was, is)) = port(before).zip(port(now)).filter(|_| is_one) {
                    let (service, namespace) = (now.name.clone(), now.namespace.clone());
                    led.push(LedOn {
                        service,
                        namespace,
                        was,
                        is,
                    });
                }
            }
        }
    }
    led
}

/// A port of a Service that leads elsewhere.
struct Leads {
    port: u64,
    name: Option<String>,
    before: Target,
    now: Target,
    /// Whether nothing says where to, so that it is its own number.
    is_left_out: bool,
    /// Whether the one in whose place it is asked stays.
    is_beside: bool,
}

impl Leads {
    /// Why it leads there, where that is nowhere written.
    fn why(&self) -> &'static str {
        if self.is_left_out {
            " since `targetPort` is left out,"
        } else {
            ""
        }
    }
}

fn is_left_out(service: Option<&Object>, number: u64) -> bool {
    let ports = service.and_then(|it| at(&it.content, &["spec", "ports"]));
    let ports = ports.as_deref().and_then(Value::as_array);
    ports.into_iter().flatten().any(|it| {
        let is_it = it.get("port").and_then(Value::as_u64) == Some(number);
        is_it && it.get("targetPort").is_none_or(Value::is_null)
    })
}

/// Whether those that run listen where the port led to, and only others where it leads now.
fn is_missed((before, now): (&Target, &Target), run: &[&Pods<'_>], come: &[&Pods<'_>]) -> bool {
    let listen = |all: &[&Pods<'_>], target: &Target| all.iter().any(|it| it.listen(target));
    // Who says nothing of its ports may listen on all of them, and none of them has a name.
    let may = |it: &&&Pods<'_>| it.ports().next().is_none() && matches!(now, Target::Number(_));
    let mut unsaid = run.iter();
    listen(run, before) && !listen(run, now) && unsaid.find(may).is_none() && listen(come, now)
}

/// Whether those that run listen where the port led to, and none that is there in the end says so of where it leads now.
fn is_lost((before, now): (&Target, &Target), pods: &Behind<'_>) -> bool {
    let may = |it: &&&Pods<'_>| it.listen(now) || may_listen(it, now);
    let listened = |it: &&&Pods<'_>| it.listen(before) || may_listen(it, before);
    // Whose ports are in no manifest may have had one by a name as well.
    let joins = |it: &&Pods<'_>| {
        let was = pods.run.iter().find(|was| was.key == it.key);
        matches!(now, Target::Number(_)) && is_joined(was.copied(), it)
    };
    pods.run.iter().any(|it| listened(&it))
        && !pods.come.is_empty()
        && !pods.come.iter().any(joins)
        && !pods.come.iter().chain(&pods.stay).any(|it| may(&it))
}

/// Whether pods may listen on a number though their ports do not say so: who says nothing of its ports, or names the number elsewhere.
fn may_listen(pods: &Pods<'_>, target: &Target) -> bool {
    let Target::Number(number) = target else {
        return false;
    };
    let number = *number;
    pods.ports().next().is_none() || containers(&pods.pod).any(|it| names(it, number))
}

/// Whether a container comes to pods that says nothing of its ports, as a proxy before the others may.
fn is_joined(was: Option<&Pods<'_>>, now: &Pods<'_>) -> bool {
    let is_there = |name: Option<&str>| {
        was.is_some_and(|was| containers(&was.pod).any(|it| text(it, "name") == name))
    };
    parts::running(&now.pod)
        .any(|it| items(it, "ports").next().is_none() && !is_there(text(it, "name")))
}

/// Whether a number stands in a container but for its ports: what a probe asks, a variable, an argument.
fn names(container: &Value, number: u64) -> bool {
    let probes = ["readinessProbe", "livenessProbe", "startupProbe"].into_iter();
    let mut probes = probes.filter_map(|it| container.get(it));
    let asks = |probe: &Value| {
        let ways = ["httpGet", "tcpSocket", "grpc"].into_iter();
        let mut ports = ways.filter_map(|it| probe.get(it)?.get("port")?.as_u64());
        ports.any(|port| port == number)
    };
    let words = ["command", "args"].into_iter();
    let words = words.flat_map(|key| items(container, key));
    let values = items(container, "env").filter_map(|it| it.get("value"));
    let number = number.to_string();
    let is_said = |text: &str| {
        let mut numbers = text.split(|c: char| !c.is_ascii_digit());
        numbers.any(|it| it == number)
    };
    probes.any(asks) || words.chain(values).filter_map(Value::as_str).any(is_said)
}

/// Where a Service comes to lead to a port that none of its pods has: nothing leads there for sure where it is named, and a number may be
/// listened on all the same.
fn tell_of_none(change: &mut Change, leads: &Leads) -> Option<Loss> {
    let Leads {
        port, before, now, ..
    } = leads;
    let why = leads.why();
    let is_named = matches!(now, Target::Name(_));
    change.says_also(&if is_named {
        format!("port {port} leads to {now} of its pods, and none has a port of that name: nobody answers there from then on")
    } else {
        format!("port {port} leads to {now} of its pods,{why} where none says that it listens")
    });
    let name = &change.name;
    is_named.then(|| Loss {
        about: Lost::Pods,
        what: format!(
            "Service `{name}` leads to port {now} of its pods, and none of them has a port of that name: nobody answers there from then on"
        ),
        way: format!(
            "let it lead to {before} as before; or call a port of the pods {now} first, and move the Service in the next step, once all of them are new"
        ),
    })
}

/// Where a Service stays, and the new pods have its port no more: by its name, or by its number, where they have another one in its place.
fn left(
    (had, has): (&Pods<'_>, &Pods<'_>),
    service: &str,
    (port, target): (Option<&str>, &Target),
) -> Option<Loss> {
    let who = format!("{} `{}`", has.key.1, has.key.2);
    let (what, way) = match target {
        Target::Name(_) => (
            format!(
                "Service `{service}` leads to port {target} of its pods, and the new ones of {who} have no port of that name: nobody answers there \
                 once they are all new"
            ),
            format!(
                "keep the name {target} of that port, which may have another number in each version; another name takes three steps: the \
                 pods have both, the Service moves, and the old one goes"
            ),
        ),
        Target::Number(number) => {
            let mut others = has.ports().map(|(_, number)| number);
            let instead = others.find(|it| !had.ports().any(|(_, number)| number == *it))?;
            let by_name = if let Some(name) = name_of(&[had], *number) {
                format!(
                    "let the Service lead to that port by its name in a step before, `targetPort: {name}`"
                )
            } else {
                let name = free_name((&[had], &[has]), port, [*number, instead]);
                format!(
                    "call port {number} of the pods `{name}` in a step before, and let the Service lead to `{name}` in the next one"
                )
            };
            (
                format!(
                    "Service `{service}` leads to port {number} of its pods, and the new ones of {who} say that they listen on {instead} and no \
                     more on {number}: nobody answers there once they are all new"
                ),
                format!(
                    "{by_name}, which may have another number in each version; or have the pods of both versions listen on {number} until it leads to {instead}"
                ),
            )
        }
    };
    Some(Loss {
        about: Lost::Pods,
        what,
        way,
    })
}

/// What those that run call a port.
fn name_of<'p>(run: &[&'p Pods<'_>], number: u64) -> Option<&'p str> {
    let mut ports = run.iter().flat_map(|it| it.ports());
    ports.find_map(|(name, it)| name.filter(|_| it == number))
}

/// A name that a port may have which has none: the one that the Service has for it, where no other port of the pods is called so, and they may be.
fn free_name(
    (run, come): (&[&Pods<'_>], &[&Pods<'_>]),
    port: Option<&str>,
    [number, now]: [u64; 2],
) -> String {
    let is_free = |name: &&str| {
        let is_it = |it: Option<&str>| it == Some(*name);
        let mut had = run.iter().flat_map(|it| it.ports());
        let mut has = come.iter().flat_map(|it| it.ports());
        // A name of a port of a pod has 15 letters at most.
        name.len() <= 15
            && !had.any(|(it, _)| is_it(it))
            && !has.any(|(it, number)| is_it(it) && number != now)
    };
    let name = port.filter(is_free).or(Some("http").filter(is_free));
    name.map_or_else(|| format!("port-{number}"), ToOwned::to_owned)
}

fn tell(change: &mut Change, leads: &Leads, pods: &Behind<'_>) -> Loss {
    let Leads {
        port, before, now, ..
    } = leads;
    let why = leads.why();
    change.says_also(&format!(
        "port {port} leads to {now} of its pods at once, where none that runs listens: nobody answers until new ones are ready, nor after \
         `kubectl rollout undo`"
    ));
    let name = &change.name;
    let way = format!(
        "have the pods of both versions listen on {before} and move the Service once all are new"
    );
    let way = match (before, now) {
        _ if leads.is_beside => format!(
            "have port {port} of the Service asked in a second apply, once all of its pods are new"
        ),
        // By its name the one of before were asked in the new pods as well, past a proxy that is there for it.
        _ if go_on((before, now), &pods.come) => way,
        (Target::Number(number), Target::Number(next)) => {
            let by_name = if let Some(name) = name_of(&pods.run, *number) {
                format!("let it lead to that port by its name, `targetPort: {name}`")
            } else {
                // In one step with the Service no pod that runs has the name.
                let free = (&*pods.run, &*pods.come);
                let name = free_name(free, leads.name.as_deref(), [*number, *next]);
                format!(
                    "call port {before} of the pods `{name}` first, in an apply of its own, and then let the Service lead to `{name}`"
                )
            };
            format!("{way}; or {by_name}, which may have another number in each version")
        }
        (Target::Number(_), Target::Name(_)) => format!(
            "call port {before} of the pods {now} first, and move the Service in the next step, once all of them are new"
        ),
        // A name that moves is a port by its name already.
        (Target::Name(_), _) => format!(
            "keep the name {before} of that port, which may have another number in each version; or {way}"
        ),
    };
    Loss {
        about: Lost::Pods,
        what: format!(
            "Service `{name}` leads to port {now} of its pods,{why} and those that run say that they listen on {before} alone"
        ),
        way,
    }
}

/// Whether the new pods have the port of before still, and as another one than that of now.
fn go_on((before, now): (&Target, &Target), come: &[&Pods<'_>]) -> bool {
    let mut ports = come.iter().flat_map(|it| it.ports());
    ports.any(|(name, number)| before.is(name, number) && !now.is(name, number))
}
