//! Random policies: proved afterwards, or called unfixable.

use super::*;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

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
    let promise = (1..4_u32).prop_map(|least| {
        format!("  availability {{ min_available = {least}, through = [update, rollback] }}\n")
    });
    let restart = Just("  restart { condition = on_failure }\n".to_owned());
    let parts = (
        1..5_u32,
        of(health),
        of(shutdown),
        of(timing),
        of(promise),
        of(update()),
        of(restart),
    );
    parts.prop_map(
        |(replicas, health, shutdown, timing, promise, update, restart)| {
            let parts = [health, shutdown, timing, promise, update, restart];
            let parts: String = parts.into_iter().flatten().collect();
            format!("  replicas = {replicas}\n{parts}")
        },
    )
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
