//! The timeline as JSON.

use super::Played;
use crate::models::interval::{Interval, Millis};
use crate::models::prediction::Moment;
use crate::rollout::rehearsal::{Costs, Cut};
use serde_json::{Value, json};

/// Everything that is known of one.
pub(super) fn value(played: &Played<'_>) -> Value {
    let (name, target, scene) = (
        played.service.name(),
        played.target.word(),
        played.scene.word(),
    );
    let (rehearsal, costs) = match &played.rehearsal {
        Ok((rehearsal, costs)) => (rehearsal, costs),
        Err(unknown) => {
            return json!({
                "service": name,
                "target": target,
                "scenario": scene,
                "unknown": unknown.word(),
            });
        }
    };
    let prediction = &rehearsal.prediction;
    let timeline: Vec<Value> = prediction.way().map(moment).collect();
    let outcomes: Vec<String> = rehearsal.outcomes().map(|it| it.to_string()).collect();
    let races: Vec<String> = rehearsal.races().map(|it| it.to_string()).collect();
    json!({
        "service": name,
        "target": target,
        "scenario": scene,
        "replicas": rehearsal.replicas,
        "promised": rehearsal.promised,
        "minimum": rehearsal.least,
        "kept": rehearsal.keeps(),
        "searched_with": rehearsal.searched,
        "outcomes": outcomes,
        "always_ends": rehearsal.comes_to_an_end().is_ok(),
        "takes_ms": prediction.ends_within.map(span),
        "side_by_side_ms": prediction.side_by_side.map(span),
        "surge": surge(costs),
        "request_cut": cut(costs),
        "chance": races,
        "timeline": timeline,
    })
}

/// At least and at most; no bound is `null`.
fn span(time: Interval) -> Value {
    let most = (time.most != Millis::MAX).then_some(time.most);
    json!([time.least, most])
}

fn surge(costs: &Costs) -> Value {
    json!({
        "instances": costs.surge.instances,
        "memory_bytes": costs.surge.memory.map(|memory| memory.bytes),
        "cpu_thousandths": costs.surge.cpu.map(|cpu| cpu.millis),
    })
}

fn cut(costs: &Costs) -> Value {
    match &costs.cut {
        Cut::No => json!({ "verdict": "no" }),
        Cut::May(why) => json!({ "verdict": "may", "because": why }),
        Cut::Unknown(fact) => json!({ "verdict": "unknown", "wants": fact }),
    }
}

fn moment(moment: &Moment) -> Value {
    json!({
        "from_ms": moment.at.map(|at| at.least),
        "until_ms": moment.at.map(|at| at.most),
        "event": moment.event,
        "serving": moment.serving,
        "by_version": moment.by_version,
    })
}
