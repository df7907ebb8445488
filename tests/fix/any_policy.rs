//! Random policies: proved afterwards, or called unfixable.

use super::*;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use std::collections::BTreeSet;
use zdc::diagnostics::Replacement;

fn seconds(most: u32) -> impl Strategy<Value = String> {
    (0..most).prop_map(|seconds| format!("{seconds}s"))
}

fn order() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("start_first".to_owned()),
        Just("stop_first".to_owned())
    ]
}

fn some(
    key: &'static str,
    value: impl Strategy<Value = String>,
) -> impl Strategy<Value = Option<String>> {
    of(value.prop_map(move |value| format!("{key} = {value}")))
}

fn block(head: &str, items: Vec<Option<String>>, lines: bool) -> String {
    let items: Vec<String> = items.into_iter().flatten().collect();
    if lines {
        let lines: Vec<String> = items
            .iter()
            .map(|item| format!("    {item} // {item}\n"))
            .collect();
        let lines = lines.concat();
        format!("  {head} {{\n{lines}  }}\n")
    } else {
        format!("  {head} {{ {} }}\n", items.join(", "))
    }
}

fn number(most: u32) -> impl Strategy<Value = String> {
    (0..=most).prop_map(|number| number.to_string())
}

fn update() -> impl Strategy<Value = String> {
    let action = prop_oneof![
        Just("rollback".to_owned()),
        Just("pause".to_owned()),
        Just("continue".to_owned())
    ];
    let head = prop_oneof![4 => Just("update rolling"), 1 => Just("update recreate")];
    let rollback = (some("order", order()), some("parallelism", number(3)));
    let rollback = of(rollback.prop_map(|(order, at_once)| {
        block("rollback", vec![order, at_once], false)
            .trim()
            .to_owned()
    }));
    (
        head,
        some("order", order()),
        some("parallelism", number(4)),
        some("delay", seconds(90)),
        some("monitor", seconds(90)),
        some("on_failure", action),
        some("max_failure_ratio", Just("40%".to_owned())),
        rollback,
        any::<bool>(),
    )
        .prop_map(
            |(head, order, at_once, delay, monitor, action, ratio, rollback, lines)| {
                let all = vec![order, at_once, delay, monitor, action, ratio, rollback];
                let items = if head.ends_with("recreate") {
                    Vec::new()
                } else {
                    all
                };
                block(head, items, lines)
            },
        )
}

fn body() -> impl Strategy<Value = String> {
    let health = (
        seconds(20),
        1..20_u32,
        1..5_u32,
        some("start_period", seconds(60)),
        any::<bool>(),
    );
    let health = health.prop_map(|(timeout, interval, retries, start, lines)| {
        let items = vec![
            Some(format!("interval = {interval}s")),
            (timeout != "0s").then(|| format!("timeout = {timeout}")),
            Some(format!("retries = {retries}")),
            start,
        ];
        block("health http", items, lines)
    });
    let shutdown = (
        some("grace", seconds(60)),
        some("drain", seconds(40)),
        any::<bool>(),
    );
    let shutdown =
        shutdown.prop_map(|(grace, drain, lines)| block("shutdown", vec![grace, drain], lines));
    let timing = (of(1..90_u32), of(1..60_u32)).prop_map(|(startup, longest)| {
        let items = vec![
            startup.map(|startup| format!("startup = 1s..{startup}s")),
            longest.map(|longest| format!("longest_request = {longest}s")),
        ];
        block("timing", items, false)
    });
    let least = prop_oneof![
        2 => (1..4_u32).prop_map(|least| least.to_string()),
        1 => Just("50%".to_owned()),
        1 => Just("100%".to_owned()),
    ];
    let through = prop_oneof![
        2 => Just("update, rollback"),
        1 => Just("update, drain"),
        1 => Just("update, rollback, drain"),
    ];
    let promise = (least, through).prop_map(|(least, through)| {
        format!("  availability {{ min_available = {least}, through = [{through}] }}\n")
    });
    let placement =
        (1..3_u32).prop_map(|most| format!("  placement {{ max_per_node = {most} }}\n"));
    let restart = Just("  restart { condition = on_failure }\n".to_owned());
    let parts = (
        1..5_u32,
        of(health),
        of(shutdown),
        of(timing),
        of(promise),
        of(update()),
        of(restart),
        of(placement),
    );
    let parts = parts.prop_map(
        |(replicas, health, shutdown, timing, promise, update, restart, placement)| {
            let parts = [
                health, shutdown, timing, promise, update, restart, placement,
            ];
            let replicas = format!("  replicas = {replicas}\n");
            let parts = parts.into_iter().flatten().chain([replicas]);
            parts.collect::<Vec<String>>()
        },
    );
    // What is written first is judged first.
    parts.prop_shuffle().prop_map(|parts| parts.concat())
}

fn targets() -> impl Strategy<Value = String> {
    vec(prop_oneof![Just("swarm"), Just("kubernetes")], 1..3).prop_map(|mut targets| {
        targets.sort_unstable();
        targets.dedup();
        targets.join(", ")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Proved afterwards or told why not; nothing but policy is another; once is enough.
    #[test]
    fn is_proved_or_called_unfixable(targets in targets(), body in body()) {
        let texts = program(&targets, &body);
        let world = world(&texts);
        let before = compiled(&world);
        let had: Vec<&str> = before.diagnostics.iter().map(|it| it.code.id).collect();
        let errors = |compilation: &Compilation| -> Vec<usize> {
            let all = compilation.diagnostics.iter().enumerate();
            all.filter(|(_, it)| it.severity == Severity::Error).map(|(index, _)| index).collect()
        };
        let after = mended(&world);
        let told = || report(&texts);
        for index in errors(&after.compilation) {
            let found = &after.compilation.diagnostics[index];
            prop_assert!(had.contains(&found.code.id), "new: {}\n{}", found.message, told());
            prop_assert!(after.left.iter().any(|(left, _)| *left == index), "unsaid: {}\n{}", found.message, told());
        }
        prop_assert!(errors(&after.compilation).len() <= errors(&before).len());
        prop_assert_eq!(errors(&after.compilation).is_empty(), after.compilation.artifacts.is_some());
        if let Some(new) = after.texts.get("app.zd") {
            prop_assert_eq!(beside_policy(new), beside_policy(&texts["app.zd"]), "{}", told());
            let again = BTreeMap::from([("app.zd".to_owned(), new.to_string())]);
            let twice = mended(&self::world(&again));
            prop_assert!(twice.texts.is_empty(), "{}\n{}", told(), report(&again));
        } else {
            prop_assert!(faults(&before) == 0 || !after.left.is_empty() || before.artifacts.is_some(), "{}", told());
        }
    }
}

/// What is said of a program, by code.
fn said(compilation: &Compilation) -> BTreeSet<&'static str> {
    let found = compilation.diagnostics.iter();
    let found = found.filter(|it| it.severity > Severity::Note);
    found.map(|it| it.code.id).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Nothing new is said of what was mended, and without any one of the edits something is said again.
    #[test]
    fn no_edit_is_idle_or_harms(targets in targets(), body in body()) {
        let texts = program(&targets, &body);
        let world = world(&texts);
        let before = compiled(&world);
        let found = searched(&world, &before);
        let with = |edits: &[Replacement]| {
            let edited = zdc::fix::edited(&before.sources, edits);
            let texts = edited.iter().map(|(path, text)| (path.to_string(), text.to_string()));
            compiled(&self::world(&texts.collect()))
        };
        if !found.edits.is_empty() {
            let all = said(&before);
            let after = with(&found.edits);
            let left = said(&after);
            prop_assert!(left.is_subset(&all), "{left:?} of {all:?}\n{}", report(&texts));
            for index in 0..found.edits.len() {
                let mut fewer = found.edits.clone();
                let one = fewer.remove(index);
                let without = if fewer.is_empty() { all.clone() } else { said(&with(&fewer)) };
                prop_assert!(!without.is_subset(&left), "{} is idle\n{}", one.text, report(&texts));
            }
        }
        for (_, fix) in &found.fixes {
            let after = said(&with(&fix.edits)).into_iter().all(|code| said(&before).contains(code));
            prop_assert!(after, "{} harms\n{}", fix.title, report(&texts));
        }
    }
}
