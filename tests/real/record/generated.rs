//! Rollouts made from a seed: the same for the same seed.

use serde_json::{Map, Value, json};

use super::Case;

/// So many rollouts.
pub(super) fn cases(count: u32, seed: u64) -> Vec<Case> {
    (0..count)
        .map(|index| {
            let mut dice = Dice(seed.wrapping_mul(1_000_003).wrapping_add(u64::from(index)));
            Case {
                name: format!("generated {seed}.{index}"),
                params: params(&mut dice),
            }
        })
        .collect()
}

fn params(dice: &mut Dice) -> Map<String, Value> {
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
    let params = json!({
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
    });
    match params {
        Value::Object(params) => params,
        _ => Map::new(),
    }
}

/// So many Deployments.
pub(super) fn deployments(count: u32, seed: u64) -> Vec<Case> {
    (0..count)
        .map(|index| {
            let mut dice = Dice(seed.wrapping_mul(1_000_003).wrapping_add(u64::from(index)));
            Case {
                name: format!("generated {seed}.{index}"),
                params: deployment(&mut dice),
            }
        })
        .collect()
}

fn deployment(dice: &mut Dice) -> Map<String, Value> {
    let surge = dice.of(&["0", "1", "2", "25%", "50%", "100%"]);
    let unavailable = dice.of(&["1", "2", "25%", "50%"]);
    // A number is one, a share a text.
    let amount = |text: &str| {
        text.parse::<u64>()
            .map_or(json!(text), |count| json!(count))
    };
    let params = json!({
        "replicas": dice.of(&[1, 2, 3, 4, 5, 7, 10]),
        "strategy": dice.of(&["RollingUpdate", "RollingUpdate", "RollingUpdate", "Recreate"]),
        "maxSurge": amount(surge),
        "maxUnavailable": amount(unavailable),
        "minReadySeconds": dice.of(&[0, 0, 3]),
        "progressDeadlineSeconds": dice.of(&[10, 60]),
        "readyDelay": dice.of(&["1s", "2s"]),
        "newReady": dice.of(&["1s", "2s", "2s", "never"]),
        "termDelay": dice.of(&["0s", "0s", "3s"]),
        "action": dice.of(&["image", "image", "image+scale:6", "image+scale:2"]),
    });
    match params {
        Value::Object(params) => params,
        _ => Map::new(),
    }
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
