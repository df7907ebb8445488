//! The smallest edit: for each failed proof the least change of policy with which it passes.
//!
//! A change is tried as what it is, an edit of the text: the whole program is judged with it, so that what is offered was
//! proved and not guessed. The search asks `rollout` which single changes may help, and takes sets of them in the order of
//! how many properties they edit. Nothing but policy is ever changed, and no file that is not the user's own. It runs only
//! where a proof failed; a program that is sound pays nothing.

mod body;
mod fewest;
mod layout;
mod places;
mod queue;
mod search;
mod sites;
mod told;
mod written;

use crate::diagnostics::{Diagnostic, Fix, Replacement, Severity};
use crate::graph::Graph;
use crate::resolve::Program;
use crate::rollout::remedies;
use crate::source::{LoadError, Sources, Str, World};
use std::collections::BTreeMap;

/// What was found to mend a program.
#[derive(Debug, Default)]
pub struct Repairs {
    /// What mends a diagnostic, by its index.
    pub fixes: Vec<(usize, Fix)>,
    /// All of it together, in the order of the source; no two edits overlap.
    pub edits: Vec<Replacement>,
    /// What they are in words, a line for each text that is mended: with what nobody proved of it.
    pub titles: Vec<String>,
    /// How many properties they edit.
    pub properties: usize,
    /// Why nothing mends a diagnostic, by its index.
    pub left: Vec<(usize, String)>,
}

/// What a program was found to be.
#[derive(Debug, Default)]
pub struct Judged {
    /// What was said of it.
    pub diagnostics: Vec<Diagnostic>,
    /// The graph, where it got that far.
    pub graph: Option<Graph>,
}

/// A program whose proofs failed.
pub struct Case<'a> {
    /// Its files.
    pub world: &'a dyn World,
    /// As it was read.
    pub program: &'a Program,
    /// What is to be mended.
    pub diagnostics: &'a [Diagnostic],
}

/// Whether something failed that a change of policy may mend.
pub fn is_wanted(diagnostics: &[Diagnostic], least: Severity) -> bool {
    diagnostics
        .iter()
        .any(|it| it.severity >= least && remedies::is_proof(it.code))
}

/// What is said of errors where nothing is searched for: they are no failed proofs.
pub fn beyond_policy(diagnostics: &[Diagnostic]) -> Repairs {
    let errors = diagnostics.iter().enumerate();
    let errors =
        errors.filter(|(_, it)| it.severity == Severity::Error && !remedies::is_proof(it.code));
    Repairs {
        left: errors
            .map(|(index, _)| (index, BEYOND_POLICY.to_owned()))
            .collect(),
        ..Repairs::default()
    }
}

const BEYOND_POLICY: &str = "it is no failed proof, so that no policy mends it";

/// Searches for the smallest edits. `judge` judges the program as a world has it, for all of its targets.
pub fn repairs(case: &Case<'_>, judge: &mut dyn FnMut(&dyn World) -> Judged) -> Repairs {
    search::repairs(case, judge)
}

/// Texts with edits made in them, by path; the edits are in the order of the source.
pub fn edited(sources: &Sources, edits: &[Replacement]) -> BTreeMap<Str, Str> {
    let mut texts = BTreeMap::new();
    for (file, source) in sources.iter() {
        let mut here = edits
            .iter()
            .filter(|edit| edit.span.file == file)
            .peekable();
        if here.peek().is_some() {
            let text = Replacement::made(&source.text, 0..source.text.len(), here);
            texts.insert(source.path.clone(), text.into());
        }
    }
    texts
}

/// A world in which some files are otherwise.
pub struct Edited<'a> {
    /// As it is.
    pub world: &'a dyn World,
    /// What is otherwise, by path.
    pub texts: &'a BTreeMap<Str, Str>,
}

impl World for Edited<'_> {
    fn load(&self, path: &str) -> Result<Str, LoadError> {
        match self.texts.get(path) {
            Some(text) => Ok(text.clone()),
            None => self.world.load(path),
        }
    }
}
