//! The target Docker Swarm: one stack file per stack, in the words of `docker stack deploy`.
//!
//! Beside a stack file stand the configs it mounts, each under a name with the hash of its content.

mod compose;
mod deploy;
mod gateway;
mod health;
mod mounts;
mod networks;
mod resources;
mod service;
mod stack;
mod text;

use super::{Artifact, Capability, Header, Ledger, Lowered, Plan, Target};
use crate::eval::ConfigNode;
use crate::graph::{Graph, ServiceView};
use crate::rollout::Verified;
use crate::source::Str;
use crate::types::ResourceKind;
use crate::vocabulary::{Label, Node, Port, PublishMode, TargetId};
use crate::yaml;
use stack::Draft;
use std::collections::{BTreeMap, BTreeSet};

/// Docker Swarm.
pub struct Swarm;

impl Target for Swarm {
    fn id(&self) -> TargetId {
        TargetId::Swarm
    }

    fn capabilities(&self) -> &'static [Capability] {
        &[
            Capability::RunsServices,
            Capability::DeployVariables,
            Capability::AutomaticRollback,
        ]
    }

    fn lower(&self, graph: &Graph) -> Lowered {
        let mut ledger = Ledger::new(TargetId::Swarm, &graph.deployment().written);
        if let Some(app) = graph.app() {
            ledger.enter(app);
            ledger.declare_from(app.targets.as_ref(), "chooses targets");
        }
        if let Some(settings) = graph.settings(TargetId::Swarm) {
            ledger.enter(settings);
        }
        let names = networks::names_to_add(graph);
        let mut drafts: Vec<Draft<'_>> = Vec::new();
        let mut by_name: BTreeMap<&str, usize> = BTreeMap::new();
        for service in graph.services_on(TargetId::Swarm) {
            let name = graph.stack(service);
            let index = *by_name.entry(name).or_insert_with(|| {
                drafts.push(Draft::new(name));
                drafts.len() - 1
            });
            let Some(draft) = drafts.get_mut(index) else {
                continue;
            };
            let mut lowering = Lowering {
                graph,
                service,
                ledger: &mut ledger,
                draft,
                names: &names,
                secrets: Vec::new(),
            };
            service::lower(&mut lowering);
        }
        let externals = networks::externals(graph);
        let mut files = Files::default();
        let mut used = BTreeSet::new();
        for draft in drafts {
            let configs = draft.configs();
            files
                .configs
                .extend(configs.map(|(path, content)| (path, content.to_owned())));
            used.extend(draft.uses());
            let path = format!("swarm/{}.yml", draft.name);
            let stack = stack::lower(graph, draft, &externals, &mut ledger);
            files.stacks.push((path, stack));
        }
        unused(graph, &used, &mut ledger);
        let (diagnostics, accounts) = ledger.close();
        Lowered {
            diagnostics,
            accounts,
            plan: Box::new(files),
        }
    }
}

/// Accounts for what no stack has: other targets' settings and services, and resources that none of
/// the swarm's services uses.
fn unused(graph: &Graph, used: &BTreeSet<Used>, ledger: &mut Ledger<'_>) {
    const UNUSED: &str = "no service of the swarm uses it";
    let deployment = graph.deployment();
    for settings in &deployment.settings {
        if settings.label.name() != TargetId::Swarm.word() {
            ledger.declare_rest(settings, "settings of another target");
        }
    }
    for service in graph.services() {
        if !graph.runs_on(service, TargetId::Swarm) {
            ledger.declare_rest(&service.node.service, "not written for swarm");
        }
    }
    let is_unused =
        |kind: ResourceKind, label: &Label| !used.contains(&(kind, label.name().into()));
    for node in &deployment.networks {
        if is_unused(ResourceKind::Network, &node.label) {
            ledger.declare_rest(node, UNUSED);
        }
    }
    for node in &deployment.volumes {
        if is_unused(ResourceKind::Volume, &node.label) {
            ledger.declare_rest(node, UNUSED);
        }
    }
    for node in &deployment.secrets {
        if is_unused(ResourceKind::Secret, &node.label) {
            ledger.declare_rest(node, UNUSED);
        }
    }
    for ConfigNode { config, .. } in &deployment.configs {
        if is_unused(ResourceKind::Config, &config.label) {
            ledger.declare_rest(
                config,
                "no service of the swarm mounts it or reads this key",
            );
        }
    }
}

/// A resource that a stack uses.
type Used = (ResourceKind, Str);

/// What one service is lowered with.
struct Lowering<'g, 'l> {
    graph: &'g Graph,
    service: ServiceView<'g>,
    ledger: &'l mut Ledger<'g>,
    draft: &'l mut Draft<'g>,
    names: &'l networks::Names<'g>,
    /// Secrets whose path the service's texts hold.
    secrets: Vec<Str>,
}

/// Stack files and configs, by path.
#[derive(Default)]
struct Files {
    stacks: Vec<(String, compose::Stack)>,
    configs: BTreeMap<String, String>,
}

impl Plan for Files {
    fn emit(&self, _proof: &Verified<'_>) -> Vec<Artifact> {
        let artifact = |path: &str, text: String, header| Artifact {
            target: TargetId::Swarm,
            path: path.to_owned(),
            text,
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
        let mut artifacts: Vec<Artifact> = configs.chain(stacks).collect();
        artifacts.sort_by(|a, b| a.path.cmp(&b.path));
        artifacts
    }
}

/// Whether a port is published on the nodes that run an instance, past the routing mesh.
fn is_host_mode(port: &Node<Port>) -> bool {
    port.mode
        .as_ref()
        .is_some_and(|mode| mode.value == PublishMode::Host)
}

#[cfg(test)]
mod tests;
