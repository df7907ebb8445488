//! Compiling the program with one thing changed, and looking at the line.

use super::Line;
use super::place::{Place, Resource};
use crate::check::Checked;
use crate::eval::{self, Inputs};
use crate::graph::{self, Graph};
use crate::source::World;
use crate::targets::{self, Target};
use crate::vocabulary::Tree;
use similar::{Algorithm, DiffTag, capture_diff_slices};

/// What is done to a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Another value of the same kind.
    Other,
    /// It is not there.
    Gone,
}

/// What becomes of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It stays.
    Same,
    /// It changes or goes, with so many lines of its file.
    Changed { lines: usize },
    /// The whole file goes.
    NoFile,
}

/// A program, and the line that is looked at.
pub(super) struct Laboratory<'a> {
    world: &'a dyn World,
    checked: &'a Checked,
    inputs: &'a Inputs,
    line: Line<'a>,
    target: &'static dyn Target,
    resources: Vec<Resource>,
    graph: Graph,
    /// The paths of all files.
    paths: Vec<String>,
    /// The file's lines.
    lines: Vec<String>,
}

impl<'a> Laboratory<'a> {
    /// `None` where the program writes no such line.
    pub(super) fn new(
        world: &'a dyn World,
        checked: &'a Checked,
        inputs: &'a Inputs,
        line: Line<'a>,
    ) -> Option<Self> {
        let target = targets::find(line.target)?;
        let mut resources = Vec::new();
        let (deployment, _) = eval::evaluate_where(world, checked, inputs, |kind, tree| {
            resources.push(Resource {
                index: resources.len(),
                kind: kind.to_owned(),
                tree: tree.clone(),
            });
            true
        });
        let (graph, _) = graph::build(deployment);
        let files = target.lower(&graph).plan.unproved();
        let mut lines = Vec::new();
        let mut paths = Vec::new();
        for (path, text) in files.files() {
            paths.push(path.to_owned());
            if path == line.path {
                lines = text.lines().map(str::to_owned).collect();
            }
        }
        lines.get(line.index)?;
        Some(Self {
            world,
            checked,
            inputs,
            line,
            target,
            resources,
            graph,
            paths,
            lines,
        })
    }

    pub(super) fn resources(&self) -> &[Resource] {
        &self.resources
    }

    pub(super) fn graph(&self) -> &Graph {
        &self.graph
    }

    pub(super) fn lines(&self) -> &[String] {
        &self.lines
    }

    /// What becomes of the line where a place is changed.
    pub(super) fn run(&self, place: &Place, change: Change) -> Outcome {
        let mut index = 0;
        let keep = |_: &str, tree: &mut Tree| {
            index += 1;
            place.resource != index - 1 || place.change(tree, change)
        };
        // What such a program is told would be of no use to anybody.
        let (deployment, _) = eval::evaluate_where(self.world, self.checked, self.inputs, keep);
        let (graph, _) = graph::build(deployment);
        let files = self.target.lower(&graph).plan.unproved();
        let mut same = files.files().filter(|(path, _)| *path == self.line.path);
        // A file that is named after its content has another name now.
        let mut new = files
            .files()
            .filter(|(path, _)| !self.paths.iter().any(|known| known == path));
        match same.next().or_else(|| new.next()) {
            Some((_, text)) => self.compare(text),
            None => Outcome::NoFile,
        }
    }

    fn compare(&self, text: &str) -> Outcome {
        let old: Vec<&str> = self.lines.iter().map(String::as_str).collect();
        let new: Vec<&str> = text.lines().collect();
        if old == new {
            return Outcome::Same;
        }
        let mut lines = 0;
        let mut touched = false;
        for operation in capture_diff_slices(Algorithm::Myers, &old, &new) {
            let (tag, range, _) = operation.as_tag_tuple();
            if matches!(tag, DiffTag::Delete | DiffTag::Replace) {
                lines += range.len();
                touched |= range.contains(&self.line.index);
            }
        }
        if touched {
            Outcome::Changed { lines }
        } else {
            Outcome::Same
        }
    }
}
