//! Compiling the program with one thing changed, and looking at the file.

use super::place::{Place, Resource};
use crate::check::Checked;
use crate::eval::{self, Inputs};
use crate::graph::{self, Graph};
use crate::source::World;
use crate::targets::{self, Target, Unproved};
use crate::vocabulary::{TargetId, Tree};
use rustc_hash::FxHashMap;
use similar::{Algorithm, DiffTag, capture_diff_slices};
use std::cell::RefCell;
use std::ops::Range;

/// What is done to a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

/// What a change does to the file.
#[derive(Clone, Debug)]
enum Effect {
    /// These lines change or go.
    Lines(Vec<Range<usize>>),
    NoFile,
}

/// A program, and the file that is looked at.
pub(super) struct Laboratory<'a> {
    world: &'a dyn World,
    checked: &'a Checked,
    inputs: &'a Inputs,
    path: &'a str,
    target: &'static dyn Target,
    resources: Vec<Resource>,
    graph: Graph,
    /// The paths of all files.
    paths: Vec<String>,
    /// The file's lines.
    lines: Vec<String>,
    /// What was tried: other lines of the file ask the same.
    known: RefCell<FxHashMap<(Place, Change), Effect>>,
}

impl<'a> Laboratory<'a> {
    /// `None` where the program writes no such file.
    pub(super) fn new(
        world: &'a dyn World,
        checked: &'a Checked,
        inputs: &'a Inputs,
        target: TargetId,
        path: &'a str,
    ) -> Option<Self> {
        let target = targets::find(target)?;
        let mut resources = Vec::new();
        let (graph, files) = written(world, checked, inputs, target, |kind, tree| {
            resources.push(Resource {
                index: resources.len(),
                kind: kind.to_owned(),
                tree: tree.clone(),
            });
            true
        });
        let paths = files.files().map(|(path, _)| path.to_owned()).collect();
        let (_, text) = files.files().find(|(written, _)| *written == path)?;
        let lines = text.lines().map(str::to_owned).collect();
        Some(Self {
            world,
            checked,
            inputs,
            path,
            target,
            resources,
            graph,
            paths,
            lines,
            known: RefCell::default(),
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

    /// What becomes of a line where a place is changed.
    pub(super) fn run(&self, index: usize, place: &Place, change: Change) -> Outcome {
        let known = self.known.borrow().get(&(place.clone(), change)).cloned();
        let effect = known.unwrap_or_else(|| {
            let effect = self.compile(place, change);
            let mut known = self.known.borrow_mut();
            known.insert((place.clone(), change), effect.clone());
            effect
        });
        match effect {
            Effect::NoFile => Outcome::NoFile,
            Effect::Lines(ranges) if ranges.iter().any(|range| range.contains(&index)) => {
                Outcome::Changed {
                    lines: ranges.iter().map(Range::len).sum(),
                }
            }
            Effect::Lines(_) => Outcome::Same,
        }
    }

    fn compile(&self, place: &Place, change: Change) -> Effect {
        let mut index = 0;
        let keep = |_: &str, tree: &mut Tree| {
            index += 1;
            place.resource != index - 1 || place.change(tree, change)
        };
        let (_, files) = written(self.world, self.checked, self.inputs, self.target, keep);
        let mut same = files.files().filter(|(path, _)| *path == self.path);
        // A file that is named after its content has another name now.
        let mut new = files
            .files()
            .filter(|(path, _)| !self.paths.iter().any(|known| known == path));
        match same.next().or_else(|| new.next()) {
            Some((_, text)) => Effect::Lines(self.changed(text)),
            None => Effect::NoFile,
        }
    }

    fn changed(&self, text: &str) -> Vec<Range<usize>> {
        let old: Vec<&str> = self.lines.iter().map(String::as_str).collect();
        let new: Vec<&str> = text.lines().collect();
        if old == new {
            return Vec::new();
        }
        let operations = capture_diff_slices(Algorithm::Myers, &old, &new).into_iter();
        operations
            .filter_map(|operation| {
                let (tag, range, _) = operation.as_tag_tuple();
                matches!(tag, DiffTag::Delete | DiffTag::Replace).then_some(range)
            })
            .collect()
    }
}

/// The graph and the files of the program as `keep` leaves it. What it is told meanwhile would be of no
/// use to anybody.
fn written(
    world: &dyn World,
    checked: &Checked,
    inputs: &Inputs,
    target: &dyn Target,
    keep: impl FnMut(&str, &mut Tree) -> bool,
) -> (Graph, Unproved) {
    let (deployment, _) = eval::evaluate_where(world, checked, inputs, keep);
    let (graph, _) = graph::build(deployment);
    let files = target.lower(&graph).plan.unproved();
    (graph, files)
}
