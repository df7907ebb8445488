//! The target docker compose, for a developer's machine: one project on one host, by the current
//! Compose Specification (no `version`), in the words of `docker compose up`.
//!
//! It keeps no promise of an update, and says so once. Facts about what the plugin and the engine do
//! with a file are from docker/compose 2.40 and compose-go 2.9, each with its source beside the code.

mod build;
mod file;
mod format;
mod instances;
mod networks;
mod order;
mod promises;
mod restart;
mod service;

use super::docker::{ConfigNames, Draft, Lowering, declare_unused, names_to_add};
use super::{Artifact, Header, Ledger, Lowered, Object, Plan, Target, Unproved, enter_app};
use crate::graph::Graph;
use crate::vocabulary::TargetId;
use crate::yaml;
use std::collections::{BTreeMap, BTreeSet};

/// docker compose.
pub(super) struct Compose;

impl Target for Compose {
    fn id(&self) -> TargetId {
        TargetId::Compose
    }

    fn lower(&self, graph: &Graph) -> Lowered {
        let mut ledger = Ledger::new(TargetId::Compose, &graph.deployment().written);
        if let Some(app) = graph.app() {
            enter_app(&mut ledger, app);
        }
        if let Some(settings) = graph.settings(TargetId::Compose) {
            ledger.enter(settings);
        }
        promises::told(graph, &mut ledger);
        let names = names_to_add(graph, TargetId::Compose);
        let order = order::order(graph, &mut ledger);
        let mut draft = Draft::new(graph.name(), ConfigNames::ByContent);
        let mut services = Vec::new();
        for service in graph.services_on(TargetId::Compose) {
            let instances = instances::of(graph, service);
            let mut lowering = Lowering {
                target: TargetId::Compose,
                graph,
                service,
                policy: None,
                ledger: &mut ledger,
                draft: &mut draft,
                names: &names,
                secrets: Vec::new(),
                runs_once: instances.is_one(),
            };
            services.push(service::lower(
                &mut lowering,
                &instances,
                order.of(service.id),
            ));
        }
        let used: BTreeSet<_> = draft.uses().collect();
        let contents = draft.contents("compose");
        let configs = contents.map(|(path, content)| (path, content.to_owned()));
        let mut files = Files {
            configs: configs.collect(),
            project: None,
        };
        if !services.is_empty() {
            files.project = Some(file::lower(graph, &draft, services, &mut ledger));
        }
        declare_unused(graph, TargetId::Compose, &used, &mut ledger);
        let (diagnostics, accounts) = ledger.close();
        Lowered {
            diagnostics,
            accounts,
            plan: Box::new(files),
        }
    }
}

/// The project, and the configs that it mounts, by path.
struct Files {
    project: Option<format::Project>,
    configs: BTreeMap<String, String>,
}

impl Plan for Files {
    fn objects(&self) -> Vec<Object> {
        let configs = self.configs.iter();
        let configs = configs.map(|(path, text)| Object::file(path, text.clone().into()));
        let projects = self.project.iter();
        let projects = projects.flat_map(|project| project.objects("compose/compose.yaml"));
        projects.chain(configs).collect()
    }

    fn unproved(self: Box<Self>) -> Unproved {
        let artifact = |path: &str, text: String, header| Artifact {
            target: Some(TargetId::Compose),
            path: path.to_owned(),
            text: text.into(),
            header,
        };
        // The types of a project have no value that YAML could not write.
        let text = |project| yaml::to_string(project).unwrap_or_default();
        let project = self
            .project
            .iter()
            .map(|project| artifact("compose/compose.yaml", text(project), Header::Hash));
        let configs = self
            .configs
            .iter()
            .map(|(path, content)| artifact(path, content.clone(), Header::Name));
        project.chain(configs).collect::<Vec<_>>().into()
    }
}

#[cfg(test)]
mod tests;
