//! How much a program may make: every evaluation ends soon and within bounded memory.

use super::evaluator::Evaluator;
use crate::diagnostics::{Diagnostic, catalogue};
use crate::source::Span;
use crate::types::Value;

/// Steps: an expression evaluated, an item walked, a property copied from a template.
const STEPS: u64 = 10_000_000;
/// Bytes of text made, all texts together.
const BYTES: u64 = 256 << 20;
/// Items of one list or loop.
pub(super) const ITEMS: u64 = 1_000_000;
/// Resources of one program.
pub(super) const RESOURCES: usize = 100_000;
/// Expressions, functions and templates within each other. Sized so that the deepest evaluation
/// fits a stack of 2 MiB without optimisation.
const DEPTH: u32 = 200;
/// Lists and records within each other.
const VALUE_DEPTH: u32 = 64;
/// Errors after which evaluation stops: a loop that fails would say the same a million times.
pub(super) const ERRORS: usize = 1_000;

/// What is left.
#[derive(Debug)]
pub(super) struct Budget {
    steps: u64,
    bytes: u64,
    depth: u32,
    /// Why evaluation stopped; kept apart from diagnostics that may be dropped.
    pub(super) stopped: Option<Diagnostic>,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            steps: STEPS,
            bytes: BYTES,
            depth: 0,
            stopped: None,
        }
    }
}

impl Budget {
    /// Whether it would have lasted for what others of its kind spent as well.
    pub(super) fn lasts_for<'b>(&self, others: impl IntoIterator<Item = &'b Budget>) -> bool {
        let (mut steps, mut bytes) = (self.steps, self.bytes);
        for other in others {
            let (Some(fewer), Some(shorter)) = (
                steps.checked_sub(STEPS - other.steps),
                bytes.checked_sub(BYTES - other.bytes),
            ) else {
                return false;
            };
            (steps, bytes) = (fewer, shorter);
        }
        true
    }
}

impl Evaluator<'_> {
    /// Whether nothing more is evaluated.
    pub(super) fn stopped(&self) -> bool {
        self.budget.stopped.is_some()
    }

    /// Takes steps; `None` where none are left.
    pub(super) fn spend(&mut self, steps: u64, at: Span) -> Option<()> {
        if self.stopped() {
            return None;
        }
        match self.budget.steps.checked_sub(steps) {
            Some(left) => {
                self.budget.steps = left;
                Some(())
            }
            None => self.stop(
                at,
                "the program takes more than 10 million steps to evaluate",
            ),
        }
    }

    /// Takes bytes of text.
    pub(super) fn spend_bytes(&mut self, bytes: usize, at: Span) -> Option<()> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        match self.budget.bytes.checked_sub(bytes) {
            Some(left) => {
                self.budget.bytes = left;
                Some(())
            }
            None => self.stop(at, "the program makes more than 256 MiB of text"),
        }
    }

    /// Takes the steps of so many items of one list or loop.
    pub(super) fn spend_items(&mut self, items: usize, at: Span) -> Option<()> {
        let items = u64::try_from(items).unwrap_or(u64::MAX);
        if items > ITEMS {
            return self.stop(at, "a list or loop of more than 1 million items");
        }
        self.spend(items, at)
    }

    /// One level deeper; every `enter` that gives something has its `leave`.
    pub(super) fn enter(&mut self, at: Span) -> Option<()> {
        if self.budget.depth >= DEPTH {
            return self.stop(at, "names, functions and templates are nested too deeply");
        }
        self.budget.depth += 1;
        Some(())
    }

    /// One level back.
    pub(super) fn leave(&mut self) {
        self.budget.depth = self.budget.depth.saturating_sub(1);
    }

    /// Takes the steps of walking a value that becomes part of another, so that values stay
    /// shallow and small even where their parts are shared.
    pub(super) fn measure(&mut self, value: &Value, at: Span) -> Option<()> {
        self.measure_below(value, VALUE_DEPTH, at)
    }

    fn measure_below(&mut self, value: &Value, depth: u32, at: Span) -> Option<()> {
        let (Value::List(_) | Value::Record(_)) = value else {
            return Some(());
        };
        let Some(depth) = depth.checked_sub(1) else {
            return self.stop(at, "lists and records are nested too deeply");
        };
        match value {
            Value::List(items) => {
                self.spend_items(items.len(), at)?;
                for item in items.iter() {
                    self.measure_below(&item.value, depth, at)?;
                }
            }
            Value::Record(fields) => {
                self.spend_items(fields.len(), at)?;
                for (_, field) in fields.iter() {
                    self.measure_below(&field.value, depth, at)?;
                }
            }
            _ => {}
        }
        Some(())
    }

    /// Ends the evaluation.
    pub(super) fn stop<T>(&mut self, at: Span, why: &str) -> Option<T> {
        if self.budget.stopped.is_none() {
            self.budget.stopped = Some(too_large(why, at));
        }
        None
    }
}

fn too_large(why: &str, at: Span) -> Diagnostic {
    Diagnostic::new(&catalogue::TOO_LARGE, why, at)
        .labelled("evaluation stopped here")
        .help("make the list shorter, or compute less in it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_several_spend_is_spent_from_one() {
        let spent = |steps, bytes| Budget {
            steps: STEPS - steps,
            bytes: BYTES - bytes,
            ..Budget::default()
        };
        let own = spent(STEPS / 2, 0);
        assert!(own.lasts_for(&[spent(STEPS / 4, BYTES / 2), spent(STEPS / 4, BYTES / 2)]));
        assert!(!own.lasts_for(&[spent(STEPS / 4, 0), spent(STEPS / 4 + 1, 0)]));
        assert!(!own.lasts_for(&[spent(0, BYTES), spent(0, 1)]));
    }
}
