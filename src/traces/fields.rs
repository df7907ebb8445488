//! Reading parameters: every key that is not asked for is named, none is passed over.

use crate::models::interval::Millis;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The parameters of a recording, and which of them were asked for.
pub(super) struct Fields<'a> {
    values: &'a Map<String, Value>,
    asked: BTreeSet<&'static str>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(values: &'a Map<String, Value>) -> Self {
        Self {
            values,
            asked: BTreeSet::new(),
        }
    }

    /// A parameter's value; `null` is none.
    pub(super) fn get(&mut self, key: &'static str) -> Option<&'a Value> {
        self.asked.insert(key);
        self.values.get(key).filter(|value| !value.is_null())
    }

    /// Parameters that are about the recording, not about what was recorded.
    pub(super) fn pass_over(&mut self, keys: &[&'static str]) {
        self.asked.extend(keys);
    }

    pub(super) fn text(&mut self, key: &'static str) -> Result<Option<&'a str>, String> {
        let value = self.get(key);
        let text = value.map(|value| value.as_str().ok_or_else(|| wrong(key, value)));
        text.transpose()
    }

    pub(super) fn count(&mut self, key: &'static str) -> Result<Option<u32>, String> {
        let value = self.get(key);
        let count = value.map(|value| {
            let count = value.as_u64().and_then(|count| u32::try_from(count).ok());
            count.ok_or_else(|| wrong(key, value))
        });
        count.transpose()
    }

    pub(super) fn number(&mut self, key: &'static str) -> Result<Option<f64>, String> {
        let value = self.get(key);
        let number = value.map(|value| value.as_f64().ok_or_else(|| wrong(key, value)));
        number.transpose()
    }

    pub(super) fn duration(&mut self, key: &'static str) -> Result<Option<Millis>, String> {
        let value = self.get(key);
        let duration = value.map(|value| {
            let text = value.as_str();
            text.and_then(duration).ok_or_else(|| wrong(key, value))
        });
        duration.transpose()
    }

    pub(super) fn object(
        &mut self,
        key: &'static str,
    ) -> Result<Option<&'a Map<String, Value>>, String> {
        let value = self.get(key);
        let object = value.map(|value| value.as_object().ok_or_else(|| wrong(key, value)));
        object.transpose()
    }

    /// Nothing was left out.
    pub(super) fn all_taken(&self) -> Result<(), String> {
        let unknown = self
            .values
            .iter()
            .find(|(key, value)| !value.is_null() && !self.asked.contains(key.as_str()));
        match unknown {
            Some((key, _)) => Err(format!("the parameter `{key}`")),
            None => Ok(()),
        }
    }
}

/// A value that a known parameter cannot have.
pub(super) fn wrong<'a>(key: &str, value: impl Into<Option<&'a Value>>) -> String {
    match value.into() {
        Some(value) => format!("`{key}` = {value}"),
        None => format!("`{key}`"),
    }
}

/// As Go and Compose write it: `500ms`, `3s`, `1m30s`.
pub(super) fn duration(text: &str) -> Option<Millis> {
    let mut total: f64 = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| c != '.' && !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let unit = tail.find(|c: char| !c.is_ascii_alphabetic());
        let (unit, tail) = tail.split_at(unit.unwrap_or(tail.len()));
        let millis = match unit {
            "ms" => 1.0,
            "s" => 1_000.0,
            "m" => 60_000.0,
            "h" => 3_600_000.0,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * millis;
        rest = tail;
    }
    millis(total)
}

/// Whole milliseconds.
pub(super) fn millis(millis: f64) -> Option<Millis> {
    let fits = millis.is_finite() && (0.0..=f64::from(Millis::MAX)).contains(&millis);
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to fit in the line above"
    )]
    fits.then_some(millis.round() as Millis)
}
