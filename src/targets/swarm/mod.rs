//! The target Docker Swarm: one stack file per stack, in the words of `docker stack deploy`.
//!
//! Beside a stack file stand the configs it mounts, each under a name with the hash of its content, and
//! scripts that deploy all of it and take it back.

mod deploy;
mod format;
mod gateway;
mod networks;
mod patches;
mod resources;
mod schema;
mod script;
mod service;
mod stack;

use super::docker::{Lowering, declare_unused, names_to_add};
use super::{Artifact, Header, Ledger, Lowered, Object, Plan, Target, Unproved, enter_app};
use crate::graph::Graph;
use crate::rollout::derivation::swarm as policy;
use crate::vocabulary::TargetId;
use crate::yaml;
use stack::Half;
use std::collections::{BTreeMap, BTreeSet};

/// Docker Swarm.
pub struct Swarm;

impl Target for Swarm {
    fn id(&self) -> TargetId {
        TargetId::Swarm
    }

    fn lower(&self, graph: &Graph) -> Lowered {
        let mut ledger = Ledger::new(TargetId::Swarm, &graph.deployment().written);
        if let Some(app) = graph.app() {
            enter_app(&mut ledger, app);
        }
        if let Some(settings) = graph.settings(TargetId::Swarm) {
            ledger.enter(settings);
        }
        let names = names_to_add(graph, TargetId::Swarm);
        let mut stacks: Vec<Half<'_>> = Vec::new();
        let mut by_name: BTreeMap<&str, usize> = BTreeMap::new();
        for service in graph.services_on(TargetId::Swarm) {
            let name = graph.stack(service);
            let index = *by_name.entry(name).or_insert_with(|| {
                stacks.push(Half::new(name));
                stacks.len() - 1
            });
            let Some(stack) = stacks.get_mut(index) else {
                continue;
            };
            let mut lowering = Lowering {
                target: TargetId::Swarm,
                graph,
                service,
                policy: Some(policy::numbers(graph, service)),
                ledger: &mut ledger,
                draft: &mut stack.draft,
                names: &names,
                secrets: Vec::new(),
                runs_once: false,
            };
            let lowered = service::lower(&mut lowering);
            stack.services.push(lowered);
        }
        let externals = networks::externals(graph);
        let mut files = Files::default();
        let mut used = BTreeSet::new();
        for stack in stacks {
            let contents = stack.draft.contents("swarm");
            files
                .configs
                .extend(contents.map(|(path, content)| (path, content.to_owned())));
            used.extend(stack.draft.uses());
            let path = format!("swarm/{}.yml", stack.draft.name);
            let stack = stack::lower(graph, stack, &externals, &mut ledger);
            files.stacks.push((path, stack));
        }
        files.scripts = script::scripts(graph, &files.stacks, &used);
        declare_unused(graph, TargetId::Swarm, &used, &mut ledger);
        let (diagnostics, accounts) = ledger.close();
        Lowered {
            diagnostics,
            accounts,
            plan: Box::new(files),
        }
    }
}

/// Stack files and configs, by path, and the scripts that carry them out and back; none without a stack.
#[derive(Default)]
struct Files {
    scripts: Vec<(&'static str, String)>,
    stacks: Vec<(String, format::Stack)>,
    configs: BTreeMap<String, String>,
}

impl Plan for Files {
    fn objects(&self) -> Vec<Object> {
        let configs = self.configs.iter();
        let configs = configs.map(|(path, text)| Object::file(path, text.clone().into()));
        let stacks = self.stacks.iter();
        let stacks = stacks.flat_map(|(path, stack)| stack.objects(path));
        stacks.chain(configs).collect()
    }

    fn unproved(self: Box<Self>) -> Unproved {
        let artifact = |path: &str, text: String, header| Artifact {
            target: Some(TargetId::Swarm),
            path: path.to_owned(),
            text: text.into(),
            header,
        };
        let configs = self
            .configs
            .iter()
            .map(|(path, content)| artifact(path, content.clone(), Header::Name));
        let stacks = self.stacks.iter().map(|(path, stack)| {
            // The types of a stack have no value that YAML could not write.
            let text = yaml::to_string(stack).unwrap_or_default();
            artifact(path, text, Header::Hash)
        });
        let scripts = self.scripts.iter();
        let scripts = scripts.map(|(path, text)| artifact(path, text.clone(), Header::Hash));
        let mut artifacts: Vec<Artifact> = configs.chain(stacks).chain(scripts).collect();
        artifacts.sort_by(|a, b| a.path.cmp(&b.path));
        artifacts.into()
    }
}
