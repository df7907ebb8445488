//! What a deploy changes: two revisions in, what becomes of each object of each target out.
//!
//! What is compared is what the orchestrators would be asked for, not the source: a change without
//! effect there says so. Names, places and words come from the graphs. Each target has a file of
//! rules, each rule with its source, and a line of [`ALL`]; `contract` asks what two versions
//! that serve at once can do to each other. Not here: how a revision is found, and how a plan is shown.

mod compose;
mod contract;
mod difference;
mod engines;
mod hidden;
mod homes;
mod hosts;
mod images;
mod kubernetes;
mod lines;
mod order;
mod places;
mod rules;
mod secrets;
mod short;
mod swarm;
mod unfit;
mod variables;

pub use swarm::{VARIANT, env_file_paths, stack_name};
pub use variables::substitute;

use crate::diagnostics::Diagnostics;
use crate::graph::{Graph, ServiceView};
use crate::parallel;
use crate::source::{Span, Str};
use crate::targets::Object;
use crate::vocabulary::TargetId;
use serde_json::Value;

/// One of the two revisions: what its targets would be asked for.
#[derive(Clone, Copy, Debug)]
pub struct Revision<'a> {
    /// The program; none where only manifests are known.
    pub graph: Option<&'a Graph>,
    /// The objects of each target.
    pub objects: &'a [(TargetId, Vec<Object>)],
}

impl<'a> Revision<'a> {
    /// Its objects on a target; `None` where it is not written for it.
    fn on(&self, target: TargetId) -> Option<&'a [Object]> {
        let found = self.objects.iter().find(|(id, _)| *id == target);
        found.map(|(_, objects)| objects.as_slice())
    }
}

/// What a deploy does.
#[derive(Debug)]
pub struct Changes {
    /// By target, in the order they are written.
    pub targets: Vec<TargetChanges>,
    /// The services that have an order among them, deploy by deploy; empty where one deploy does.
    pub deploys: Vec<Vec<String>>,
    /// The services for which there is no way back afterwards, each with why, whatever was accepted.
    pub one_way: Vec<(String, String)>,
    /// The services whose objects on Kubernetes keep those of before from each other once `kubectl rollout undo` took the pods
    /// back.
    pub cut_by_undo: Vec<String>,
    /// What is wrong with the step. Places are in the new program.
    pub found: Diagnostics,
}

impl Changes {
    /// Whether nothing changes anywhere.
    pub fn is_empty(&self) -> bool {
        self.targets.iter().all(|target| target.changes.is_empty())
    }

    /// How many changes there are of each effect that occurs, the gentlest first.
    pub fn counts(&self) -> Vec<(Effect, usize)> {
        let all = || self.targets.iter().flat_map(|target| &target.changes);
        let count = |effect| all().filter(|change| change.effect == effect).count();
        let counts = Effect::ALL.map(|effect| (effect, count(effect)));
        counts.into_iter().filter(|(_, count)| *count > 0).collect()
    }
}

/// What a deploy does on one target.
#[derive(Debug)]
pub struct TargetChanges {
    /// Which.
    pub target: TargetId,
    /// What changes, in the order of the manifests.
    pub changes: Vec<Change>,
    /// How many objects do not.
    pub unchanged: usize,
    /// Deploy-time variables, by name, each with the services that roll where its value is another one
    /// than at the last deploy.
    pub variables: Vec<(String, Vec<Varied>)>,
}

/// A service that rolls where a deploy-time variable has another value.
#[derive(Clone, Debug, PartialEq)]
pub struct Varied {
    /// By zd name.
    pub service: Option<Str>,
    /// Its name as the orchestrator knows it.
    pub name: String,
    /// Whether all of its instances are stopped before new ones start.
    pub restarts: bool,
}

/// A service by the name that it goes by on a target, among those that are meant.
fn service_named<'g>(
    graph: &'g Graph,
    target: TargetId,
    name: &str,
    is_meant: impl Fn(ServiceView<'g>) -> bool,
) -> Option<ServiceView<'g>> {
    let here = |service: &ServiceView<'g>| service.emitted_name() == name && is_meant(*service);
    // Most services go by their zd name.
    let named = graph.find(name).filter(here);
    named.or_else(|| graph.services_on(target).find(here))
}

/// What becomes of one object.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The service it belongs to, by zd name.
    pub service: Option<Str>,
    /// What it is: `service`, `Deployment`.
    pub kind: String,
    /// Its name as the orchestrator knows it.
    pub name: String,
    /// The namespace of Kubernetes that its manifest names.
    pub namespace: Option<String>,
    /// What it replaces, where it has another name now.
    pub was: Option<Was>,
    /// What happens to it.
    pub effect: Effect,
    /// How, in words: the policy it rolls under, the orchestrator's refusal.
    pub how: String,
    /// What the way out depends on, where it is refused.
    pub refusal: Refusal,
    /// What differs.
    pub fields: Vec<Field>,
    /// Whose instances read what it held before and are not replaced, of what is read by its name.
    pub unaware: Vec<String>,
    /// Whether it is a Service that leads away from the pods that are asked, before those that it leads to are there.
    pub deserted: bool,
    /// What is lost with it of what only manifests know of.
    pub losses: Vec<Loss>,
    /// Whether something else than its manifest said how many instances it had.
    pub scaled: bool,
    /// Where it is declared in the new program.
    pub span: Option<Span>,
}

/// Something that is lost with a change.
#[derive(Clone, Debug, PartialEq)]
pub struct Loss {
    /// What it is about.
    pub about: Lost,
    /// In words.
    pub what: String,
    /// What to do about it.
    pub way: String,
}

/// What a loss is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Those who ask are refused.
    Callers,
    /// So, as far as words say who listens where.
    Routed,
    /// A Service leads to no pod that serves.
    Pods,
    /// They come to ask for what is not there yet.
    Order,
    /// Those outside of the cluster have nobody to ask where they did.
    Outside,
    /// No node leads to the new ones once the old ones are gone.
    Mesh,
    /// Instances are stopped together on nodes that fit no more.
    Nodes,
    /// A node has no place for it beside what runs there.
    Place,
    /// It waits while another one that is left behind has its place.
    Beside,
    /// What it asks for is not what is there.
    Unlike,
    /// It is refused, unless what is known when it is deployed has another value.
    Refused,
    /// Its data stays where it looks for it no more.
    Data {
        /// Whether where it looks now is empty.
        surely: bool,
    },
    /// The version that starts does not read the data that is there.
    Form,
    /// The version that starts leaves data that the one before does not read.
    WayBack,
    /// Instances beside each other, or one that runs on, write to what takes one writer.
    Writers {
        /// Whether that surely fails or harms.
        surely: bool,
    },
}

/// What a refusal is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Refusal {
    /// What it was cannot be changed; another one may be made beside it.
    #[default]
    Kept,
    /// The same, and another one has none of its data.
    KeptWithData,
    /// The same of a `StatefulSet`, which may be made anew around its pods, with the first of the claims that are to grow.
    AroundPods(Option<String>),
    /// The same where its pods have to be deleted then, of which this is the first: they lack a claim.
    WithoutClaim(String),
    /// What it was is removed so many seconds after it has ended, and another one may be made then.
    UntilRemoved(u64),
    /// What stands there stays while it is not taken out.
    LeftThere(&'static str),
    /// What is written is refused by itself, whatever it was.
    Invalid,
    /// The same of a field that no version knows of which the types are known here.
    Unknown,
    /// Another one has its port.
    Port,
    /// Another one has its address.
    Address,
    /// As these words say.
    Said(String),
}

impl Change {
    /// One of an object, of which nothing is known yet.
    fn of(kind: &str, name: String) -> Self {
        Self {
            service: None,
            kind: kind.to_owned(),
            name,
            namespace: None,
            was: None,
            effect: Effect::Ignored,
            how: String::new(),
            refusal: Refusal::default(),
            fields: Vec::new(),
            unaware: Vec::new(),
            deserted: false,
            losses: Vec::new(),
            scaled: false,
            span: None,
        }
    }

    /// Says more of how.
    fn says_also(&mut self, more: &str) {
        if !self.how.is_empty() {
            self.how.push_str("; ");
        }
        self.how.push_str(more);
    }
}

/// An object that goes by another name, kind or namespace now.
#[derive(Clone, Debug, PartialEq)]
pub struct Was {
    /// What it was: `service`, `Deployment`.
    pub kind: String,
    /// Its name as the orchestrator knew it.
    pub name: String,
    /// Where it was, in words, if that is another place.
    pub place: Option<String>,
    /// Whether that may be where it is now: only one of two namespaces is written.
    pub may_be_here: bool,
    /// What to do for its data before it is removed, where what is new has none of it.
    pub data: Option<&'static str>,
}

impl std::fmt::Display for Was {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind, self.name)?;
        match &self.place {
            Some(place) => write!(f, " {place}"),
            None => Ok(()),
        }
    }
}

/// A value that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Where in the object: `deploy.update_config.order`.
    pub path: String,
    /// What it was.
    pub old: Option<Value>,
    /// What it becomes.
    pub new: Option<Value>,
    /// What it alone would do.
    pub effect: Effect,
    /// Why.
    pub because: &'static str,
    /// Where that is known from.
    pub source: &'static str,
    /// Where it is written in the new program.
    pub span: Option<Span>,
}

/// What happens to an object, the gentlest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// The orchestrator looks away: it stays as it was.
    Ignored,
    /// It is changed, and no instance is replaced.
    InPlace,
    /// It is made.
    Created,
    /// It is written no more, and stays where it is until somebody removes it.
    Left,
    /// Its instances are replaced, under its policy.
    Rolls,
    /// Its instances are replaced, all of them at once.
    RestartsAtOnce,
    /// It gets another name: a new one is made, the old one stays.
    Renamed,
    /// The orchestrator refuses it.
    Refused,
}

impl Effect {
    /// All, the gentlest first.
    pub const ALL: [Effect; 8] = [
        Effect::Ignored,
        Effect::InPlace,
        Effect::Created,
        Effect::Left,
        Effect::Rolls,
        Effect::RestartsAtOnce,
        Effect::Renamed,
        Effect::Refused,
    ];

    /// For programs: `restarts_at_once`.
    pub fn word(self) -> &'static str {
        match self {
            Effect::Ignored => "ignored",
            Effect::InPlace => "in_place",
            Effect::Created => "created",
            Effect::Left => "left",
            Effect::Rolls => "rolls",
            Effect::RestartsAtOnce => "restarts_at_once",
            Effect::Renamed => "renamed",
            Effect::Refused => "refused",
        }
    }

    /// For people, as in `2 restart at once`.
    pub fn words(self) -> &'static str {
        match self {
            Effect::Ignored => "ignored",
            Effect::InPlace => "in place",
            Effect::Created => "to create",
            Effect::Left => "left behind",
            Effect::Rolls => "to roll",
            Effect::RestartsAtOnce => "to restart at once",
            Effect::Renamed => "renamed",
            Effect::Refused => "refused",
        }
    }

    /// Whether instances are replaced.
    pub fn replaces(self) -> bool {
        matches!(self, Effect::Rolls | Effect::RestartsAtOnce)
    }
}

/// The objects of a target in two revisions, compared.
type Rules = fn(&Pair<'_>) -> TargetChanges;

/// The rules of change of every target, in the order they are written.
static ALL: &[(TargetId, Rules)] = &[
    (TargetId::Swarm, swarm::compare),
    (TargetId::Nginx, hosts::compare),
    (TargetId::Kubernetes, kubernetes::compare),
    (TargetId::Compose, compose::compare),
];

/// Two revisions of one target.
struct Pair<'a> {
    target: TargetId,
    old: &'a [Object],
    new: &'a [Object],
    old_graph: Option<&'a Graph>,
    new_graph: Option<&'a Graph>,
}

/// Compares two revisions on every target that either is written for.
pub fn compare(old: &Revision<'_>, new: &Revision<'_>) -> Changes {
    // A target asks for nothing of another.
    let targets = parallel::in_shares(ALL, 1, 0, |share| {
        let all = share.list.iter();
        let compared = all.filter_map(|(target, rules)| {
            let (before, after) = (old.on(*target), new.on(*target));
            if before.is_none() && after.is_none() {
                return None;
            }
            let pair = Pair {
                target: *target,
                old: before.unwrap_or_default(),
                new: after.unwrap_or_default(),
                old_graph: old.graph,
                new_graph: new.graph,
            };
            let mut compared = rules(&pair);
            engines::judge(&pair, &mut compared.changes);
            Some(compared)
        });
        compared.collect::<Vec<_>>()
    });
    let targets: Vec<TargetChanges> = targets.into_iter().flatten().collect();
    let judged = contract::judge(old.graph, new.graph, &targets);
    let deploys = order::deploys(&judged.order, &judged.after, &judged.better_first);
    let (one_way, found) = (judged.one_way, judged.found);
    let cut_by_undo = judged.cut_by_undo;
    Changes {
        targets,
        deploys,
        one_way,
        cut_by_undo,
        found,
    }
}
