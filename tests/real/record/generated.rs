//! Rollouts made from a seed: the same for the same seed.

use serde_json::{Value, json};

use super::Case;

/// So many rollouts.
pub(super) fn cases(count: u32, seed: u64) -> Vec<Case> {
    many("generated", count, seed, params)
}

fn params(dice: &mut Dice) -> Value {
    let checked = dice.of(&[true, true, false]);
    let fault = if checked {
        dice.of(&["", "", "", "unhealthy", "crash:2500", "crash:6000"])
    } else {
        dice.of(&["", "crash:300", "crash:1000", "crash:4000"])
    };
    let mut next = json!({});
    if !fault.is_empty() {
        next["FAIL"] = json!(fault);
    }
    if dice.of(&[true, false]) {
        next["EXIT_CODE"] = json!(143);
    }
    json!({
        "replicas": dice.of(&[1, 2, 3, 4]),
        "order": dice.of(&["start-first", "stop-first"]),
        "par": dice.of(&[1, 1, 2, 0]),
        "delay": dice.of(&["0s", "1s", "2s", "4s"]),
        "monitor": dice.of(&["1s", "2s", "5s"]),
        "fa": dice.of(&["pause", "rollback", "rollback", "continue"]),
        "ratio": dice.of(&[0.0, 0.0, 0.5]),
        "rb": { "order": dice.of(&["start-first", "stop-first"]), "parallelism": dice.of(&[1, 0]) },
        "hc": checked,
        "v2": next,
        "max_s": 75,
        "post_s": 2,
    })
}

/// So many Deployments.
pub(super) fn deployments(count: u32, seed: u64) -> Vec<Case> {
    many("generated", count, seed, deployment)
}

fn deployment(dice: &mut Dice) -> Value {
    let surge = dice.of(&["0", "1", "2", "25%", "50%", "100%"]);
    let unavailable = dice.of(&["1", "2", "25%", "50%"]);
    json!({
        "replicas": dice.of(&[1, 2, 3, 4, 5, 7, 10]),
        "strategy": dice.of(&["RollingUpdate", "RollingUpdate", "RollingUpdate", "Recreate"]),
        "maxSurge": number_or_share(surge),
        "maxUnavailable": number_or_share(unavailable),
        "minReadySeconds": dice.of(&[0, 0, 3]),
        "progressDeadlineSeconds": dice.of(&[10, 60]),
        "readyDelay": dice.of(&["1s", "2s"]),
        "newReady": dice.of(&["1s", "2s", "2s", "never"]),
        "termDelay": dice.of(&["0s", "0s", "3s"]),
        "action": dice.of(&["image", "image", "image+scale:6", "image+scale:2"]),
    })
}

/// So many `StatefulSet`s.
pub(super) fn stateful_sets(count: u32, seed: u64) -> Vec<Case> {
    many("stateful", count, seed, |dice| {
        json!({
            "replicas": dice.of(&[1, 2, 3, 4, 5]),
            "strategy": "StatefulSet",
            "minReadySeconds": dice.of(&[0, 0, 3]),
            "readyDelay": "1s",
            "newReady": dice.of(&["1s", "2s", "2s", "never"]),
            "termDelay": dice.of(&["0s", "0s", "3s"]),
            "action": dice.of(&["image", "image", "image", "image+scale:6", "image+scale:2"]),
        })
    })
}

/// So many drains, of pods that a Deployment or a `StatefulSet` brings again.
pub(super) fn drains(count: u32, seed: u64) -> Vec<Case> {
    many("drain", count, seed, |dice| {
        let replicas: u32 = dice.of(&[1, 2, 3, 4, 5, 7]);
        let mut params = json!({
            "replicas": replicas,
            "strategy": dice.of(&["RollingUpdate", "RollingUpdate", "StatefulSet"]),
            "readyDelay": dice.of(&["1s", "2s"]),
            "termDelay": dice.of(&["0s", "3s"]),
            "action": "drain",
            "drained": dice.of(&[1, 2, replicas, replicas]).min(replicas),
        });
        let budget = dice.of(&[
            "budgetMaxUnavailable",
            "budgetMaxUnavailable",
            "minAvailable",
            "",
        ]);
        let amount = dice.of(&["0", "1", "1", "2", "25%", "34%", "50%", "90%"]);
        if !budget.is_empty() {
            params[budget] = number_or_share(amount);
        }
        params
    })
}

fn many(kind: &str, count: u32, seed: u64, params: impl Fn(&mut Dice) -> Value) -> Vec<Case> {
    (0..count)
        .map(|index| {
            let mut dice = Dice(seed.wrapping_mul(1_000_003).wrapping_add(u64::from(index)));
            let Value::Object(params) = params(&mut dice) else {
                unreachable!("parameters are an object")
            };
            Case {
                name: format!("{kind} {seed}.{index}"),
                params,
            }
        })
        .collect()
}

/// A number is one, a share a text.
fn number_or_share(text: &str) -> Value {
    text.parse::<u64>()
        .map_or(json!(text), |count| json!(count))
}

/// Numbers that look like chance: splitmix64 (Steele, Lea and Flood, 2014).
struct Dice(u64);

impl Dice {
    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let index = mixed % choices.len() as u64;
        choices[usize::try_from(index).unwrap_or_default()]
    }
}
