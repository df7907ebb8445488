//! A single change of a service's policy.

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
        /// What nobody proved of it, in words; none where there is nothing.
        granted: String,
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

    /// Whether it makes a check.
    pub fn is_check(&self) -> bool {
        matches!(
            self,
            Change::Add {
                part: Part::Health,
                ..
            }
        )
    }

    /// Whether it writes something of an update.
    pub fn writes_update(&self) -> bool {
        matches!(
            self,
            Change::Set {
                part: Part::Update | Part::Rollback,
                ..
            }
        )
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

/// Changes in a few words, those of one block together.
pub fn in_words(changes: &[Change]) -> String {
    let mut said: Vec<String> = Vec::new();
    let same = |one: &Change, other: &Change| {
        let alike = std::mem::discriminant(one) == std::mem::discriminant(other);
        alike && one.part() == other.part()
    };
    for group in changes.chunk_by(same) {
        let each = group.iter().filter_map(|change| match change {
            Change::Set {
                property, value, ..
            } => Some(format!("`{property} = {value}`")),
            Change::Unset { property, .. } => Some(format!("`{property}`")),
            Change::Add { .. } | Change::Remove { .. } => None,
        });
        let each: Vec<String> = each.collect();
        let each = each.join(" and ");
        said.extend(group.first().map(|change| {
            let block = change.part().word();
            match change {
                Change::Set { .. } => format!("write {each} in `{block}`"),
                Change::Unset { .. } => format!("take {each} out of `{block}`"),
                Change::Add { label, granted, .. } if granted.is_empty() => {
                    format!("add `{block} {label}`")
                }
                Change::Add { label, granted, .. } => {
                    format!("add `{block} {label}`, {granted}")
                }
                Change::Remove { .. } => format!("take `{block}` out, so that it is derived"),
            }
        }));
    }
    said.join("; ")
}
