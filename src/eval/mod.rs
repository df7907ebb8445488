//! From a checked program and its inputs to a deployment: plain values, each with its span.
//!
//! Here loops are unrolled, templates merged, components expanded, references bound to names, and refinements and
//! assertions held. What is not here: whether a reference names anything (the graph), and what any
//! target makes of a value.

mod assertion;
mod body;
mod budget;
mod builtins;
mod calls;
mod declared;
mod decode;
mod evaluator;
mod examine;
mod expand;
mod expression;
mod fit;
mod force;
mod given;
mod inputs;
mod instance;
mod labels;
mod lookup;
mod merge;
mod names;
mod operation;
mod operators;
#[cfg(test)]
mod properties;
mod refuted;
mod shares;
mod shown;
mod text;

pub use examine::{Manifests, NoManifest, examine, settings};
pub use inputs::unknown_input;

use crate::check::Checked;
use crate::diagnostics::Diagnostics;
use crate::parallel;
use crate::source::{Span, Spanned, Str, World};
use crate::types::{IntRange, Value, VariableId};
use crate::vocabulary::{
    App, Config, Gateway, Network, Node, Secret, Service, TargetSettings, Tree, Volume, Written,
};
use evaluator::Evaluator;
use shares::ReadOnce;

/// What is given from outside to a build.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// `--set NAME=value`, in order; text that is read as the parameter's type.
    pub set: Vec<(String, String)>,
    /// `--params FILE`, flattened to its top-level keys; later files win.
    pub params: Vec<(String, serde_json::Value)>,
    /// `set NAME = value` of a test; stronger than both.
    pub values: Vec<(Str, Value)>,
}

/// Everything the program declares, loops and templates gone.
#[derive(Clone, Debug, Default)]
pub struct Deployment {
    /// `app`; every program has one.
    pub app: Option<Node<App>>,
    /// `target` blocks.
    pub settings: Vec<Node<TargetSettings>>,
    /// In the order declared; imports first.
    pub networks: Vec<Node<Network>>,
    /// In the order declared.
    pub volumes: Vec<Node<Volume>>,
    /// In the order declared.
    pub configs: Vec<ConfigNode>,
    /// In the order declared.
    pub secrets: Vec<Node<Secret>>,
    /// Services and gateways, in the order declared.
    pub services: Vec<ServiceNode>,
    /// `deploy` variables, in the order declared.
    pub variables: Vec<DeployVariable>,
    /// What was written, for the ledger.
    pub written: Written,
}

impl Deployment {
    /// Whether it has so many services that a thread more costs less than it saves, whatever it does
    /// for each.
    pub fn is_large(&self) -> bool {
        self.services.len() >= 200
    }
}

/// A service, or a gateway with what it has beside a service's body.
#[derive(Clone, Debug)]
pub struct ServiceNode {
    /// The service; its label is its zd name.
    pub service: Node<Service>,
    /// For a gateway, its listeners, upstreams and routes. Boxed: few services are one.
    pub gateway: Option<Box<Gateway>>,
    /// Its doc comment.
    pub doc: Option<Str>,
}

/// A config with the content of its `file`.
#[derive(Clone, Debug)]
pub struct ConfigNode {
    /// The config.
    pub config: Node<Config>,
    /// What its `file` holds.
    pub content: Option<Str>,
}

/// A deploy-time variable.
#[derive(Clone, Debug)]
pub struct DeployVariable {
    /// Its name, in zd and in the environment.
    pub id: VariableId,
    /// What it may be.
    pub range: VariableRange,
    /// The value where the environment has none; the default of `deploy`, in text form.
    pub default: Option<Spanned<Value>>,
    /// The value of `--set`, used where a target has no deploy-time variables.
    pub set: Option<Value>,
    /// Where its name stands.
    pub span: Span,
    /// Its doc comment.
    pub doc: Option<Str>,
}

/// What a deploy-time variable may be.
#[derive(Clone, Debug, PartialEq)]
pub enum VariableRange {
    /// A whole number within bounds.
    Whole(IntRange),
    /// Text, perhaps of a pattern.
    Text,
    /// True or false.
    Bool,
}

/// Evaluates a program: parameters set, loops unrolled, templates merged, names bound, refinements
/// and assertions held.
///
/// Diagnostics: inputs that are missing, unknown or of a wrong type; values outside their
/// refinement; failed assertions; conflicts between templates; two resources of one name; programs
/// that grow without reason.
pub fn evaluate(
    world: &dyn World,
    checked: &Checked,
    inputs: &Inputs,
) -> (Deployment, Diagnostics) {
    evaluate_with(world, checked, inputs, LEAST_RESOURCES)
}

/// Evaluates a program as if some of what was written were not there or were otherwise: each
/// resource's kind and body pass through `keep`, which may change the body or leave it out.
pub fn evaluate_where(
    world: &dyn World,
    checked: &Checked,
    inputs: &Inputs,
    keep: impl FnMut(&str, &mut Tree) -> bool,
) -> (Deployment, Diagnostics) {
    let mut evaluator = Evaluator::new(world, checked);
    let variables = evaluator.prepare(inputs);
    whole(evaluator, variables, keep)
}

/// A thread more pays where each gets so many resources: it expands the program once more.
const LEAST_RESOURCES: usize = 60;

fn evaluate_with(
    world: &dyn World,
    checked: &Checked,
    inputs: &Inputs,
    least: usize,
) -> (Deployment, Diagnostics) {
    let world = ReadOnce::new(world);
    let mut evaluator = Evaluator::new(&world, checked);
    let mut variables = evaluator.prepare(inputs);
    let shares = parallel::threads(evaluator.resources.len(), least);
    if shares > 1 {
        if let Some(deployment) = shares::decode(&mut evaluator, inputs, shares) {
            let deployment = Deployment {
                variables,
                ..deployment
            };
            return (deployment, Diagnostics::default());
        }
        evaluator = Evaluator::new(&world, checked);
        variables = evaluator.prepare(inputs);
    }
    whole(evaluator, variables, |_, _| true)
}

/// Evaluates every resource of an expanded program.
fn whole(
    mut evaluator: Evaluator<'_>,
    variables: Vec<DeployVariable>,
    keep: impl FnMut(&str, &mut Tree) -> bool,
) -> (Deployment, Diagnostics) {
    let mut deployment = Deployment {
        variables,
        ..Deployment::default()
    };
    evaluator.decode(0..evaluator.resources.len(), &mut deployment, keep);
    let mut diagnostics = Diagnostics::default();
    diagnostics.extend(evaluator.found);
    diagnostics.extend(evaluator.circles);
    diagnostics.extend(evaluator.budget.stopped);
    (deployment, diagnostics)
}
