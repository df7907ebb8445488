//! Times that are known within bounds, in milliseconds.

use std::fmt;

/// Milliseconds.
pub type Millis = u32;

/// A time between two bounds, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval {
    /// At least.
    pub least: Millis,
    /// At most; [`Millis::MAX`] is never.
    pub most: Millis,
}

impl Interval {
    /// What does not come.
    pub const NEVER: Self = Self::new(Millis::MAX, Millis::MAX);
    /// Now.
    pub const NOW: Self = Self::new(0, 0);

    /// Between two bounds.
    pub const fn new(least: Millis, most: Millis) -> Self {
        Self { least, most }
    }

    /// Known to the millisecond.
    pub const fn exactly(millis: Millis) -> Self {
        Self::new(millis, millis)
    }

    /// One after the other.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self::new(
            self.least.saturating_add(other.least),
            self.most.saturating_add(other.most),
        )
    }

    /// From an earlier moment to this one; the earlier may turn out to be the later by nothing.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Self {
        Self::new(
            self.least.saturating_sub(earlier.most),
            self.most.saturating_sub(earlier.least),
        )
    }

    /// So many times.
    #[must_use]
    pub const fn times(self, count: Millis) -> Self {
        Self::new(
            self.least.saturating_mul(count),
            self.most.saturating_mul(count),
        )
    }

    /// Not later than a moment.
    #[must_use]
    pub fn until(self, moment: Millis) -> Self {
        Self::new(self.least.min(moment), self.most.min(moment))
    }

    /// What is left after a wait.
    #[must_use]
    pub const fn after(self, wait: Self) -> Self {
        if self.most == Millis::MAX {
            return Self::NEVER;
        }
        self.since(wait)
    }

    /// Whether every moment of another lies in it.
    pub const fn includes(self, other: Self) -> bool {
        self.least <= other.least && other.most <= self.most
    }

    /// The least interval that includes both.
    #[must_use]
    pub fn joined(self, other: Self) -> Self {
        Self::new(self.least.min(other.least), self.most.max(other.most))
    }

    /// Widened to whole steps, so that times which hardly differ become one.
    #[must_use]
    pub const fn coarse(self, step: Millis) -> Self {
        if self.most == Millis::MAX {
            return Self::NEVER;
        }
        Self::new(
            self.least - self.least % step,
            self.most.div_ceil(step).saturating_mul(step),
        )
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |millis: Millis| f64::from(millis) / 1000.0;
        write!(f, "{:.1}..{:.1}s", seconds(self.least), seconds(self.most))
    }
}
