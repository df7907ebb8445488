//! Two written maps without most of what they have in common, found by the bytes: what is left is small, and looked through
//! entry by entry ([`differing`](super::differing())).

use super::written::{depth, end_of_line, key, lines, name};
use std::collections::BTreeSet;

/// The keys that lead to what differs, and the entries there of which one does: two maps that differ where the whole ones do,
/// in just the same. Nothing where that cannot be told from the bytes.
pub(super) fn narrowed(old: &str, new: &str) -> Option<(String, String)> {
    let mut region = Region::of(old, new)?;
    let above = loop {
        match region.above()? {
            Above::Keys(lines) => break lines,
            Above::Wider(start) => region.begin(start)?,
        }
    };
    let narrow = |text: &str| {
        let end = text.len().checked_sub(region.tail)?;
        let parts = above.iter().rev().copied();
        let parts: Vec<&str> = parts.chain(text.get(region.start..end)).collect();
        Some(parts.concat())
    };
    Some((narrow(old)?, narrow(new)?))
}

/// Whole lines of two texts, with all that differs. What stands above them is the same in both, and so is what stands below.
struct Region<'t> {
    old: &'t str,
    new: &'t str,
    /// Where it begins, in both.
    start: usize,
    /// How many bytes stand below it, in both.
    tail: usize,
    /// Where the least deep of its lines stand. Its first one does, and so does the next one below it, or less deep.
    column: usize,
}

/// What leads to a region.
enum Above<'t> {
    /// A line for each key and each item with a name, the nearest first.
    Keys(Vec<&'t str>),
    /// It is within a text or a list that counts as a whole, which begins here.
    Wider(usize),
}

impl<'t> Region<'t> {
    fn of(old: &'t str, new: &'t str) -> Option<Self> {
        let same = same_at_start(old.as_bytes(), new.as_bytes());
        let start = begin_of_line(old, same);
        let tail = same_at_end(old.get(start..)?, new.get(start..)?);
        let mut region = Self {
            old,
            new,
            start,
            tail,
            column: usize::MAX,
        };
        let (was, is) = region.inside()?;
        let lines = lines(was).chain(lines(is));
        region.column = lines.map(depth).min().unwrap_or(usize::MAX);
        // A map of which nothing is left on one side would be none there: the entry above keeps it one.
        let begins = |side: &str| !side.is_empty() && depth(side) == region.column;
        if region.column != usize::MAX && begins(was) && begins(is) {
            region.end()?;
        } else {
            region.begin(region.line_above(region.column)?)?;
        }
        Some(region)
    }

    /// Both texts within.
    fn inside(&self) -> Option<(&'t str, &'t str)> {
        let inside = |text: &'t str| text.get(self.start..text.len().checked_sub(self.tail)?);
        Some((inside(self.old)?, inside(self.new)?))
    }

    /// The nearest line above that stands no deeper than a column.
    fn line_above(&self, column: usize) -> Option<usize> {
        let mut start = self.start;
        loop {
            start = begin_of_line(self.old, start.checked_sub(1)?);
            let depth = depth(self.old.get(start..)?);
            if depth <= column && depth != usize::MAX {
                return Some(start);
            }
        }
    }

    /// Makes it begin with a line above.
    fn begin(&mut self, start: usize) -> Option<()> {
        self.start = start;
        self.column = depth(self.old.get(start..)?);
        self.end()
    }

    /// Makes it end where the entry ends of which its last line is.
    fn end(&mut self) -> Option<()> {
        while self.tail > 0 {
            let below = self.old.get(self.old.len().checked_sub(self.tail)?..)?;
            if depth(below) <= self.column {
                break;
            }
            self.tail -= end_of_line(below);
        }
        Some(())
    }

    fn above(&self) -> Option<Above<'t>> {
        let mut lines = Vec::with_capacity(DEEP);
        let (was, is) = self.inside()?;
        let mut column = self.column;
        if [was, is].iter().any(|side| is_item(side, column)) && !self.is_named(self.start, column)
        {
            return self.owner(self.start, column);
        }
        let mut start = self.start;
        while column > 0 {
            let end = start;
            start = begin_of_line(self.old, start.checked_sub(1)?);
            let line = self.old.get(start..end)?;
            let depth = depth(line);
            if depth >= column {
                continue;
            }
            let inner = line.get(depth..)?;
            if is_item(line, depth) {
                if !self.is_named(start, depth) {
                    return self.owner(start, depth);
                }
            } else if key(inner).and_then(|key| inner.get(key.len()..)) != Some(":\n") {
                return Some(Above::Wider(start));
            }
            lines.push(line);
            column = depth;
        }
        Some(Above::Keys(lines))
    }

    /// The key under which the items of a column stand.
    fn owner(&self, start: usize, column: usize) -> Option<Above<'t>> {
        let within = Self { start, ..*self };
        within.line_above(column.checked_sub(1)?).map(Above::Wider)
    }

    /// Whether every item of a list has a name of its own, on both sides; one of them, or the region, begins here.
    fn is_named(&self, start: usize, column: usize) -> bool {
        let mut first = start;
        let within = |start: usize| Self { start, ..*self }.line_above(column);
        while let Some(above) = within(first).filter(|above| {
            let line = self.old.get(*above..);
            line.is_some_and(|line| depth(line) == column)
        }) {
            first = above;
        }
        let mut above = BTreeSet::new();
        let Some(lines_above) = self.old.get(first..self.start) else {
            return false;
        };
        if names(lines_above, column, &mut above) != Some(false) {
            return false;
        }
        let below = |text: &'t str| {
            let lines = text.get(self.start..).unwrap_or_default();
            names(lines, column, &mut above.clone()).is_some()
        };
        below(self.old) && below(self.new)
    }
}

/// Adds the names of a list's items to others, and says whether the list ends; nothing where an item has no name, or that of
/// another.
fn names<'t>(text: &'t str, column: usize, names: &mut BTreeSet<&'t str>) -> Option<bool> {
    for line in lines(text) {
        match depth(line) {
            depth if depth < column => return Some(true),
            depth if depth == column => {
                let item = line.get(column..)?.strip_prefix("- ")?;
                name(item).filter(|name| names.insert(name))?;
            }
            _ => {}
        }
    }
    Some(false)
}

fn is_item(line: &str, column: usize) -> bool {
    line.get(column..)
        .is_some_and(|line| line.starts_with("- "))
}

/// Where the line begins that a byte is in.
fn begin_of_line(text: &str, offset: usize) -> usize {
    let above = text.as_bytes().get(..offset).unwrap_or_default();
    memchr::memrchr(b'\n', above).map_or(0, |end| end + 1)
}

/// As many keys as lead to most of what differs.
const DEEP: usize = 8;

/// Bytes that are compared at once.
const CHUNK: usize = 64;

/// How many bytes two texts begin with alike.
fn same_at_start(old: &[u8], new: &[u8]) -> usize {
    let ((was, _), (is, _)) = (old.as_chunks::<CHUNK>(), new.as_chunks::<CHUNK>());
    let chunks = was.iter().zip(is);
    let same = chunks.take_while(|(old, new)| old == new).count() * CHUNK;
    let rest = old.iter().zip(new).skip(same);
    same + rest.take_while(|(old, new)| old == new).count()
}

/// How many bytes two texts end with alike, in whole lines.
fn same_at_end(old: &str, new: &str) -> usize {
    let (was, is) = (old.as_bytes(), new.as_bytes());
    let ((_, before), (_, after)) = (was.as_rchunks::<CHUNK>(), is.as_rchunks::<CHUNK>());
    let chunks = before.iter().rev().zip(after.iter().rev());
    let mut same = chunks.take_while(|(old, new)| old == new).count() * CHUNK;
    let rest = was.iter().rev().zip(is.iter().rev()).skip(same);
    same += rest.take_while(|(old, new)| old == new).count();
    let begins_a_line = |text: &[u8]| {
        let above = text.len().checked_sub(same + 1);
        above.is_none_or(|above| text.get(above) == Some(&b'\n'))
    };
    if begins_a_line(was) && begins_a_line(is) {
        return same;
    }
    let tail = was.get(was.len() - same..).unwrap_or_default();
    memchr::memchr(b'\n', tail).map_or(0, |end| same - end - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITTEN: &str = "kind: Deployment\nspec:\n  replicas: 3\n  containers:\n    - name: web\n      image: a\n      env:\n        - name: A\n          value: x\n        - name: B\n          value: y\n      ports:\n        - 80\n        - 81\n    - name: log\n      image: b\n  text: |\n    - name: c\n      key:\n        d\nlast: 1\n";

    fn narrow(from: &str, to: &str) -> (String, String) {
        assert!(WRITTEN.contains(from));
        narrowed(WRITTEN, &WRITTEN.replacen(from, to, 1)).unwrap()
    }

    fn both(above: &str, old: &str, new: &str) -> (String, String) {
        ([above, old].concat(), [above, new].concat())
    }

    #[test]
    fn the_keys_above_lead_to_what_differs() {
        let container = "spec:\n  containers:\n    - name: web\n";
        let (old, new) = ("      image: a\n", "      image: c\n");
        assert_eq!(narrow(old, new), both(container, old, new));
        let (old, new) = ("          value: y\n", "          value: z\n");
        let item = "      env:\n        - name: B\n";
        let above = [container, item].concat();
        assert_eq!(narrow(old, new), both(&above, old, new));
        let (old, new) = ("last: 1\n", "last: 2\n");
        assert_eq!(narrow(old, new), both("", old, new));
    }

    #[test]
    fn what_is_alone_has_the_entry_above_beside_it() {
        let (old, new) = ("  replicas: 3\n", "  replicas: 3\n  paused: true\n");
        assert_eq!(narrow(old, new), both("spec:\n", old, new));
        let (old, new) = ("last: 1\n", "last: 1\nmore: 2\n");
        assert_eq!(narrow(old, new), both("", old, new));
    }

    #[test]
    fn texts_and_lists_without_names_count_as_a_whole() {
        let container = "spec:\n  containers:\n    - name: web\n";
        let (old, new) = (
            "      ports:\n        - 80\n        - 81\n",
            "      ports:\n        - 80\n        - 82\n",
        );
        assert_eq!(narrow("- 81\n", "- 82\n"), both(container, old, new));
        let text = "  text: |\n    - name: c\n      key:\n        ";
        let (old, new) = ([text, "d\n"].concat(), [text, "e\n"].concat());
        assert_eq!(
            narrow("        d\n", "        e\n"),
            both("spec:\n", &old, &new)
        );
        // Two of one name: the list is no list of names any more.
        let (old, new) = narrow("- name: log\n", "- name: web\n");
        assert!(old.starts_with("spec:\n  containers:\n    - name: web\n      image: a\n"));
        assert!(new.ends_with("    - name: web\n      image: b\n"));
    }
}
