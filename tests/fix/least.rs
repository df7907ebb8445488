//! That nothing smaller would do: every policy that differs in fewer properties is tried, and fails.

use super::*;

/// What each property of an update may be; first what it is where it is not written.
const DOMAINS: [&[&str]; 8] = [
    &["", "order = start_first", "order = stop_first"],
    &["", "parallelism = 1", "parallelism = 2", "parallelism = 0"],
    &["", "delay = 1s", "delay = 18s", "delay = 19s"],
    &["", "monitor = 1s", "monitor = 18s", "monitor = 19s"],
    &["", "on_failure = rollback", "on_failure = continue"],
    &["", "max_failure_ratio = 40%"],
    &["", "order = start_first", "order = stop_first"],
    &["", "parallelism = 1", "parallelism = 0"],
];
/// The first property of `rollback`.
const ROLLBACK: usize = 6;

type Policy = [usize; 8];

fn text(replicas: usize, promised: usize, policy: Option<Policy>) -> BTreeMap<String, String> {
    let update = policy.map_or(String::new(), |policy| {
        let words = |range: std::ops::Range<usize>| -> Vec<String> {
            let words = range.map(|index| DOMAINS[index][policy[index]].to_owned());
            words.filter(|word| !word.is_empty()).collect()
        };
        let mut items = words(0..ROLLBACK);
        let back = words(ROLLBACK..8);
        if !back.is_empty() {
            items.push(format!("rollback {{ {} }}", back.join(", ")));
        }
        format!("  update rolling {{ {} }}\n", items.join(", "))
    });
    let body = format!(
        "  replicas = {replicas}\n  health http {{ interval = 1s, timeout = 1s, retries = 2 }}\n  availability {{ \
         min_available = {promised}, through = [update, rollback] }}\n{update}"
    );
    program("swarm", &body)
}

fn is_proved(replicas: usize, promised: usize, policy: Option<Policy>) -> bool {
    faults(&compiled(&world(&text(replicas, promised, policy)))) == 0
}

/// Every policy that differs in at most so many properties from here on.
fn nearby(policy: Policy, edits: usize, from: usize, each: &mut dyn FnMut(Policy)) {
    each(policy);
    if edits == 0 {
        return;
    }
    for index in from..policy.len() {
        for value in 0..DOMAINS[index].len() {
            if value != policy[index] {
                let mut other = policy;
                other[index] = value;
                nearby(other, edits - 1, index + 1, each);
            }
        }
    }
}

#[test]
fn no_smaller_edit_would_do() {
    let faulty: [(usize, usize, Policy); 7] = [
        (3, 2, [1, 1, 1, 3, 1, 0, 1, 0]),
        (3, 2, [1, 1, 3, 3, 1, 0, 2, 2]),
        (3, 3, [1, 1, 3, 3, 1, 1, 1, 0]),
        (3, 2, [1, 1, 0, 0, 1, 0, 1, 0]),
        (3, 3, [2, 1, 3, 3, 1, 0, 0, 0]),
        (2, 1, [2, 2, 3, 3, 1, 0, 1, 0]),
        (2, 2, [2, 1, 0, 3, 1, 0, 2, 0]),
    ];
    let mut sizes = Vec::new();
    for (replicas, promised, policy) in faulty {
        let texts = text(replicas, promised, Some(policy));
        let world = world(&texts);
        let before = compiled(&world);
        let found = searched(&world, &before);
        let told = report(&texts);
        assert!(faults(&mended(&world).compilation) == 0, "{told}");
        sizes.push(found.properties);
        let fewer = found.properties - 1;
        nearby(policy, fewer, 0, &mut |other| {
            assert!(
                !is_proved(replicas, promised, Some(other)),
                "{other:?} would do:\n{told}"
            );
        });
        let written = policy.iter().filter(|value| **value > 0).count();
        assert!(
            written > fewer || !is_proved(replicas, promised, None),
            "without `update` it would do:\n{told}"
        );
    }
    assert_eq!(sizes, [1, 1, 1, 2, 2, 1, 3]);
}

/// A second less would not do.
#[test]
fn a_number_is_the_least() {
    let texts = text(3, 2, Some([1, 1, 0, 0, 1, 0, 1, 0]));
    let after = mended(&world(&texts));
    let new = &*after.texts["app.zd"];
    assert!(
        new.contains("delay = 19s") && new.contains("monitor = 19s"),
        "{new}"
    );
    for (enough, less) in [
        ("delay = 19s", "delay = 18s"),
        ("monitor = 19s", "monitor = 18s"),
    ] {
        let texts = BTreeMap::from([("app.zd".to_owned(), new.replace(enough, less))]);
        assert_eq!(faults(&compiled(&world(&texts))), 1, "{less}");
    }
}
