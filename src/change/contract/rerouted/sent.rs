//! Clients that a new gateway sends to a path for which its instances of before have no route: on a swarm both serve until all are replaced, and
//! whoever was sent by one may come to the other.

use super::asked::Asking;
use crate::change::contract::Step;
use crate::change::contract::routes::names;
use crate::change::{Change, Effect};
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::routing::{self, Paths, VirtualHost};
use crate::source::Span;
use crate::vocabulary::{Gateway, TargetId};
use std::collections::BTreeSet;

/// Gateways of a swarm that come to answer with such a `redirect`.
pub(in crate::change::contract) fn ahead(step: &Step<'_>, found: &mut Diagnostics) {
    let (Some(old), Some(new)) = (step.old, step.new) else {
        return;
    };
    // What restarts at once never has both.
    let rolls = |change: &&Change| change.kind == "service" && change.effect == Effect::Rolls;
    let rolling = step.on(TargetId::Swarm).filter(rolls);
    for both in rolling.filter_map(|change| step.both(change.service.as_deref()?)) {
        let gateways = (&both.old.node.gateway, &both.new.node.gateway);
        let (Some(was), Some(is)) = gateways else {
            continue;
        };
        let runs = old.runs_on(both.old, TargetId::Swarm) && new.runs_on(both.new, TargetId::Swarm);
        if let Some(sent) = sent_ahead(step, was, is).filter(|_| runs) {
            found.push(told(both.new.name(), &sent));
        }
    }
}

struct Sent<'a> {
    from: &'a str,
    to: String,
    span: Span,
}

/// What was answered before, and is sent where nothing was answered, or by others.
fn sent_ahead<'a>(step: &Step<'_>, was: &Gateway, is: &'a Gateway) -> Option<Sent<'a>> {
    let (before, after) = (routing::virtual_hosts(was), routing::virtual_hosts(is));
    let (asked_before, asked_now) = (Asking::of(was, &before), Asking::of(is, &after));
    let is_ahead = |name: &str, paths: &Paths| {
        // Who is asked in the end, by the names of now.
        let had = asked_before.at((name, paths)).into_iter();
        let had: BTreeSet<&str> = had.map(|it| step.pairs.now(it)).collect();
        let has = asked_now.at((name, paths));
        // One that is gone may be what is there under another name.
        let stays = |it: &&str| step.new.is_some_and(|new| new.find(it).is_some());
        asked_now.nearest(name, paths).is_some()
            && (asked_before.nearest(name, paths).is_none()
                || !has.is_empty() && had.iter().all(stays) && had.is_disjoint(&has))
    };
    after.iter().find_map(|host| {
        names(host).find_map(|name| {
            host.paths.iter().find_map(|(paths, candidates)| {
                let candidates = VirtualHost::asked(candidates).into_iter();
                let mut sending = candidates
                    .filter_map(|it| Some((it.route, asked_now.goes_to(it.route, name, paths)?)));
                let (route, there) = sending.find(|(_, (to, path))| is_ahead(to, path))?;
                let mut led = VirtualHost::asked(asked_before.nearest(name, paths)?).into_iter();
                if led
                    .any(|it| asked_before.goes_to(it.route, name, paths).as_ref() == Some(&there))
                {
                    return None;
                }
                let (to, path) = there;
                let host = if to == name { "" } else { &to };
                Some(Sent {
                    from: routing::pattern(route).0,
                    to: format!("{host}{}", path.text()),
                    span: route.span,
                })
            })
        })
    })
}

fn told(gateway: &str, sent: &Sent<'_>) -> Diagnostic {
    let Sent { from, to, span } = sent;
    Diagnostic::new(
        &catalogue::ORDER_MATTERS,
        format!(
            "the new `{gateway}` sends clients from `{from}` to `{to}`, for which its instances of before have no route to who answers that, and \
             some of those clients come to one of these"
        ),
        *span,
    )
    .note("old and new ones serve until all are replaced: no order helps")
    .help(format!("in two deploys: the route for `{to}` first, beside `{from}` as it is; then the `redirect`"))
    .about(gateway)
}
