//! A single change of a service's policy.

use std::fmt;

/// A block of a service's body that holds policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// `health`
    Health,
    /// `liveness`
    Liveness,
    /// `shutdown`
    Shutdown,
    /// `update`
    Update,
    /// `update`'s `rollback`
    Rollback,
    /// `placement`
    Placement,
    /// `restart`
    Restart,
}

impl Part {
    /// The word that opens it.
    pub fn word(self) -> &'static str {
        match self {
            Part::Health => "health",
            Part::Liveness => "liveness",
            Part::Shutdown => "shutdown",
            Part::Update => "update",
            Part::Rollback => "rollback",
            Part::Placement => "placement",
            Part::Restart => "restart",
        }
    }
}

/// A single change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// `property = value`; the block is made where there is none.
    Set {
        /// In this block.
        part: Part,
        /// The property.
        property: &'static str,
        /// Its value, as it is written.
        value: String,
    },
    /// A property is not written any more.
    Unset {
        /// In this block.
        part: Part,
        /// The property.
        property: &'static str,
    },
    /// A block is made.
    Add {
        /// Which.
        part: Part,
        /// Its label.
        label: &'static str,
        /// What it holds.
        with: Vec<(&'static str, String)>,
    },
    /// A block is not written any more: what stood there is derived.
    Remove {
        /// Which.
        part: Part,
        /// How many properties go with it.
        properties: usize,
    },
}

impl Change {
    /// The block.
    pub fn part(&self) -> Part {
        match self {
            Change::Set { part, .. }
            | Change::Unset { part, .. }
            | Change::Add { part, .. }
            | Change::Remove { part, .. } => *part,
        }
    }

    /// How many properties it edits.
    pub fn properties(&self) -> usize {
        match self {
            Change::Set { .. } | Change::Unset { .. } | Change::Add { .. } => 1,
            Change::Remove { properties, .. } => (*properties).max(1),
        }
    }

    /// How much it changes, of changes of as many properties: a longer wait first, what needs room or asks the
    /// program last.
    pub fn rank(&self) -> usize {
        match self {
            Change::Unset { .. } => 0,
            Change::Set { property, .. } => match *property {
                "on_failure" | "max_failure_ratio" => 2,
                "parallelism" => 3,
                "order" => 4,
                "max_per_node" => 6,
                _ => 1,
            },
            Change::Add { label, .. } => match *label {
                "tcp" => 5,
                _ => 6,
            },
            Change::Remove { .. } => 7,
        }
    }
}

/// In a few words.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Set {
                part,
                property,
                value,
            } => write!(f, "write `{property} = {value}` in `{}`", part.word()),
            Change::Unset { part, property } => {
                write!(f, "take `{property}` out of `{}`", part.word())
            }
            Change::Add {
                part: Part::Health,
                label: "http",
                ..
            } => f.write_str("add `health http`, for which the program must answer `/`"),
            Change::Add { part, label, .. } => write!(f, "add `{} {label}`", part.word()),
            Change::Remove { part, .. } => {
                write!(f, "take `{}` out, so that it is derived", part.word())
            }
        }
    }
}
