//! What the API server takes of no port, by number or by name.
//!
//! kubernetes/kubernetes `staging/src/k8s.io/apimachinery/pkg/util/validation`, by the function that each part names.

use serde_json::Value;

/// What is wrong with the name of a port (`IsValidPortName`).
pub(super) fn of_name(name: &str) -> Vec<&'static str> {
    let is_letter = |c: char| c.is_ascii_lowercase();
    let is_plain = |c: char| is_letter(c) || c.is_ascii_digit() || c == '-';
    let faults = [
        (name.len() > 15, "must be no more than 15 characters"),
        (
            !name.chars().all(is_plain),
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
        ),
        (
            !name.chars().any(is_letter),
            "must contain at least one letter (a-z)",
        ),
        (name.contains("--"), "must not contain consecutive hyphens"),
        (
            name.starts_with('-') || name.ends_with('-'),
            "must not begin or end with a hyphen",
        ),
    ];
    let faults = faults.into_iter().filter(|(is_one, _)| *is_one);
    faults.map(|(_, why)| why).collect()
}

/// What is said of a name in a place, where something is wrong with it; of several things kubectl makes a list.
pub(super) fn named(place: impl FnOnce() -> String, name: &str) -> Option<(String, String)> {
    let faults = of_name(name);
    let why = faults.first()?;
    let place = match faults.len() {
        1 => place(),
        _ => format!("…{}", place()),
    };
    Some((place, format!("Invalid value: \"{name}\": {why}")))
}

/// What is said of a number or name in a place (`ValidatePortNumOrName`, `IsValidPortNum`).
pub(super) fn either(place: impl FnOnce() -> String, port: &Value) -> Option<(String, String)> {
    match port {
        Value::String(name) => named(place, name),
        Value::Number(number) => {
            let is_one = number.as_i64().is_none_or(|it| (1..=65535).contains(&it));
            (!is_one).then(|| {
                let why =
                    format!("Invalid value: {number}: must be between 1 and 65535, inclusive");
                (place(), why)
            })
        }
        _ => None,
    }
}
