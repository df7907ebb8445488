//! Services of which a port leads elsewhere at once, while pods run that do not listen there.
//!
//! A number is asked for whatever the pods say (`kubernetes.io/docs/concepts/services-networking/service`, Field spec.ports[].targetPort), so
//! that what they say they listen on is all that is known; a pod without a port of a name is not asked at all (kubernetes/kubernetes
//! `staging/src/k8s.io/endpointslice/utils.go`, `getEndpointPorts`).

use super::behind::{self, Led, Pods, Target};
use super::{Keyed, is_workload};
use crate::change::{Change, Effect, Loss, Lost};

/// Says it of each whose pods that run say that they listen on the port of before alone, while new ones say so of the other one.
pub(super) fn moved((old, new): (&Keyed<'_>, &Keyed<'_>), is_judged: bool, changes: &mut [Change]) {
    let moves = |it: &Change| {
        let mut fields = it.fields.iter();
        let in_place = it.kind == "Service" && it.effect == Effect::InPlace && !it.deserted;
        in_place && fields.any(|field| field.path.starts_with("spec.ports"))
    };
    if !changes.iter().any(moves) {
        return;
    }
    let (before, after) = (behind::all(old), behind::all(new));
    // Where all pods are stopped before new ones start nobody is asked in any case.
    let restarts = |it: &&Change| it.effect == Effect::RestartsAtOnce && is_workload(&it.kind);
    let at_once: Vec<_> = changes.iter().filter(restarts).map(of).collect();
    for change in changes.iter_mut().filter(|it| moves(it)) {
        let namespace = change.namespace.as_deref();
        let key = ("", "Service", &*change.name, namespace);
        let [was, is] = [old, new].map(|side| behind::led(key, side.get(&key)?));
        let Some((was, is)) = was.zip(is) else {
            continue;
        };
        let are_behind = |it: &&Pods<'_>| it.are_for(is.key.3, &is.selector);
        let run: Vec<&Pods<'_>> = before.iter().filter(are_behind).collect();
        let come: Vec<&Pods<'_>> = after.iter().filter(are_behind).collect();
        let stop = |it: &&Pods<'_>| {
            let is_it = |(kind, name, namespace): &(String, String, Option<String>)| {
                (&**kind, &**name, namespace.as_deref()) == (it.key.1, it.key.2, it.key.3)
            };
            at_once.iter().any(is_it)
        };
        if run.is_empty() || run.iter().any(stop) || was.is_headless || is.is_headless {
            continue;
        }
        let lost = ports(&was, &is).into_iter();
        for (port, before, now) in lost.filter(|(_, it, now)| is_missed((it, now), &run, &come)) {
            let loss = tell(change, port, (&before, &now));
            // Between two programs ports go by their names, which `src/change/contract/endpoints.rs` looks at.
            change.losses.extend((!is_judged).then_some(loss));
        }
    }
}

fn of(change: &Change) -> (String, String, Option<String>) {
    (
        change.kind.clone(),
        change.name.clone(),
        change.namespace.clone(),
    )
}

/// The ports of a Service that lead elsewhere.
fn ports(was: &Led<'_>, is: &Led<'_>) -> Vec<(u64, Target, Target)> {
    let moved = is.ports.iter().filter_map(|(name, number, target)| {
        let same = |it: &&(Option<String>, u64, Target)| it.1 == *number && it.0 == *name;
        let same_number = |it: &&(Option<String>, u64, Target)| it.1 == *number;
        let before = was.ports.iter().find(same);
        let (.., before) = before.or_else(|| was.ports.iter().find(same_number))?;
        (before != target).then(|| (*number, before.clone(), target.clone()))
    });
    moved.collect()
}

/// Whether those that run listen where the port led to, and only others where it leads now.
fn is_missed((before, now): (&Target, &Target), run: &[&Pods<'_>], come: &[&Pods<'_>]) -> bool {
    let listen = |all: &[&Pods<'_>], target: &Target| all.iter().any(|it| it.listen(target));
    // Who says nothing of its ports may listen on all of them, and none of them has a name.
    let may = |it: &&&Pods<'_>| it.ports().next().is_none() && matches!(now, Target::Number(_));
    let mut unsaid = run.iter();
    listen(run, before) && !listen(run, now) && unsaid.find(may).is_none() && listen(come, now)
}

fn tell(change: &mut Change, port: u64, (before, now): (&Target, &Target)) -> Loss {
    change.says_also(&format!(
        "port {port} leads to {now} of its pods at once, where none that runs listens: nobody answers until new ones are ready, nor after \
         `kubectl rollout undo`"
    ));
    let name = &change.name;
    let way = format!(
        "have the pods of both versions listen on {before} and move the Service once all are new"
    );
    // A name that moves is a port by its name already.
    let way = match (before, now) {
        (_, Target::Number(_)) => format!(
            "{way}; or let it lead to a port by its name, `targetPort: http`, which may have another number in each version"
        ),
        (Target::Number(_), Target::Name(_)) => format!(
            "call port {before} of the pods {now} first, and move the Service in the next step, once all of them are new"
        ),
        (Target::Name(_), Target::Name(_)) => format!(
            "keep the name {before} of that port, which may have another number in each version; or {way}"
        ),
    };
    Loss {
        about: Lost::Pods,
        what: format!(
            "Service `{name}` leads to port {now} of its pods, and those that run say that they listen on {before} alone"
        ),
        way,
    }
}
