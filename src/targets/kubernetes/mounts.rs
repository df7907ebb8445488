//! What a container finds in its file system: volumes, configs, secrets and paths of the node.

use super::lowering::Lowering;
use super::storage::SECRET_KEY;
use super::text;
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::ServiceView;
use crate::source::{Span, Str};
use crate::types::{Piece, Reference, Text};
use crate::vocabulary::{Attribute, EntryValue, Label, Mount, Node};
use k8s_openapi::api::core::v1::{
    ConfigMapVolumeSource, HostPathVolumeSource, PersistentVolumeClaim,
    PersistentVolumeClaimVolumeSource, SecretVolumeSource, Volume, VolumeMount,
};

/// The mounts of one container, and the volumes of its pod.
#[derive(Default)]
pub(super) struct Mounts {
    pub(super) paths: Vec<VolumeMount>,
    pub(super) volumes: Vec<Volume>,
    /// The claims that each pod has for itself; the API makes volumes of these names of them.
    pub(super) claims: Vec<PersistentVolumeClaim>,
}

impl Mounts {
    /// Mounts a volume at a path; a volume that is there already once more.
    fn add(&mut self, mut volume: Volume, mount: VolumeMount) {
        let wanted = std::mem::take(&mut volume.name);
        let same = self.volumes.iter().find(|known| {
            let mut unnamed = (*known).clone();
            unnamed.name.clear();
            unnamed == volume
        });
        let name = if let Some(known) = same {
            known.name.clone()
        } else {
            let name = self.free_name(&wanted);
            volume.name.clone_from(&name);
            self.volumes.push(volume);
            name
        };
        self.paths.push(VolumeMount { name, ..mount });
    }

    /// Mounts a claim that each pod has for itself; one that is there already once more.
    fn add_claim(&mut self, claim: PersistentVolumeClaim, mount: VolumeMount) {
        let name = claim.metadata.name.clone().unwrap_or_default();
        let same = |known: &PersistentVolumeClaim| known.metadata.name == claim.metadata.name;
        if !self.claims.iter().any(same) {
            self.claims.push(claim);
        }
        self.paths.push(VolumeMount { name, ..mount });
    }

    /// The wanted name, as a DNS label, with a number where another volume of the pod has it.
    fn free_name(&self, wanted: &str) -> String {
        let mut label: String = wanted
            .chars()
            .map(|c| match c.to_ascii_lowercase() {
                c @ ('a'..='z' | '0'..='9' | '-') => c,
                _ => '-',
            })
            .take(56)
            .collect();
        label = label.trim_matches('-').to_owned();
        let of_claim = |name: &str| {
            let mut claims = self.claims.iter();
            claims.any(|claim| claim.metadata.name.as_deref() == Some(name))
        };
        let taken =
            |name: &str| of_claim(name) || self.volumes.iter().any(|volume| volume.name == name);
        if !label.is_empty() && !taken(&label) {
            return label;
        }
        (2..=self.volumes.len() + self.claims.len() + 2)
            .map(|number| format!("{label}-{number}"))
            .map(|name| name.trim_start_matches('-').to_owned())
            .find(|name| !taken(name))
            .unwrap_or_default()
    }
}

impl<'g> Lowering<'g> {
    /// Everything that a service mounts.
    pub(super) fn mounts(&mut self, service: ServiceView<'g>) -> Mounts {
        let body = &service.node.service;
        let mut mounts = Mounts::default();
        for mount in &body.volume {
            let Label::Reference(Reference::Volume(name)) = &mount.label else {
                continue;
            };
            let held = self.ledger.enter(mount);
            let path = self.path(service, held.path.as_ref(), "volume", name, mount.span);
            let read_only = self.ledger.take_from(held.read_only.as_ref());
            let mount = VolumeMount {
                mount_path: path,
                read_only: read_only.copied().filter(|read_only| *read_only),
                ..VolumeMount::default()
            };
            if let Some(claim) = self.claim_of_each(service, name) {
                mounts.add_claim(claim, mount);
                continue;
            }
            mounts.add(
                Volume {
                    name: name.to_string(),
                    persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
                        claim_name: self.claim(name),
                        read_only: None,
                    }),
                    ..Volume::default()
                },
                mount,
            );
        }
        self.mounted_configs(service, &mut mounts);
        self.mounted_secrets(service, &mut mounts);
        for mount in &body.mount {
            self.bind(service, mount, &mut mounts);
        }
        mounts
    }

    /// Where something is mounted, which must be said.
    fn path(
        &mut self,
        service: ServiceView<'g>,
        path: Option<&'g Attribute<Str>>,
        kind: &str,
        name: &str,
        span: Span,
    ) -> String {
        let Some(path) = path else {
            let (what, example) = (format!("{kind} `{name}`"), "path = \"/data\"");
            self.ledger
                .report(without_path(&what, span, example).about(service.name()));
            return String::new();
        };
        self.ledger.take(path).to_string()
    }

    /// A config's keys as a folder, or its file at the path itself. A file mounted in this way is
    /// not refreshed, and need not be: the name holds the content's hash.
    fn mounted_configs(&mut self, service: ServiceView<'g>, mounts: &mut Mounts) {
        for mount in &service.node.service.config {
            let Label::Reference(Reference::Config(name)) = &mount.label else {
                continue;
            };
            let held = self.ledger.enter(mount);
            let path = self.path(service, held.path.as_ref(), "config", name, mount.span);
            let key = self
                .graph
                .config(name)
                .and_then(|config| config.config.file.as_ref())
                .map(|file| super::config::file_key(&file.value).to_owned());
            mounts.add(
                Volume {
                    name: name.to_string(),
                    config_map: Some(ConfigMapVolumeSource {
                        name: self.config(name),
                        ..ConfigMapVolumeSource::default()
                    }),
                    ..Volume::default()
                },
                VolumeMount {
                    mount_path: path,
                    sub_path: key,
                    read_only: Some(true),
                    ..VolumeMount::default()
                },
            );
        }
    }

    /// Each secret as a file: those that are mounted, and those whose path is told to the program.
    fn mounted_secrets(&mut self, service: ServiceView<'g>, mounts: &mut Mounts) {
        let mut secrets: Vec<&str> = Vec::new();
        for mount in &service.node.service.secret {
            if let Label::Reference(Reference::Secret(name)) = &mount.label {
                let held = self.ledger.enter(mount);
                self.ledger.take_from(held.path.as_ref());
                secrets.push(name);
            }
        }
        for name in told_paths(service) {
            if !secrets.contains(&name) {
                secrets.push(name);
            }
        }
        for name in secrets {
            mounts.add(
                Volume {
                    name: name.to_owned(),
                    secret: Some(SecretVolumeSource {
                        secret_name: Some(self.secret(name)),
                        ..SecretVolumeSource::default()
                    }),
                    ..Volume::default()
                },
                VolumeMount {
                    mount_path: text::secret_path(name, Some(service)),
                    sub_path: Some(SECRET_KEY.to_owned()),
                    read_only: Some(true),
                    ..VolumeMount::default()
                },
            );
        }
    }

    /// A path of the node. It ties the service to nodes that have it.
    fn bind(&mut self, service: ServiceView<'g>, mount: &'g Node<Mount>, mounts: &mut Mounts) {
        let held = self.ledger.enter(mount);
        let Some(bind) = &held.bind else {
            let (what, example) = (format!("`{}`", mount.label.name()), "bind = \"/srv/data\"");
            self.ledger
                .report(without_path(&what, mount.span, example).about(service.name()));
            return;
        };
        let read_only = self.ledger.take_from(held.read_only.as_ref());
        if !bind.value.starts_with('/') || bind.value.split('/').any(|part| part == "..") {
            let diagnostic = relative(service, &bind.value, bind.span);
            self.decline(bind.id, bind.span, || diagnostic);
            return;
        }
        let path = self.ledger.take(bind).to_string();
        mounts.add(
            Volume {
                name: path.clone(),
                host_path: Some(HostPathVolumeSource { path, type_: None }),
                ..Volume::default()
            },
            VolumeMount {
                mount_path: mount.label.name().to_owned(),
                read_only: read_only.copied().filter(|read_only| *read_only),
                ..VolumeMount::default()
            },
        );
    }
}

/// The secrets whose paths stand in a service's variables and words: `token.path` mounts it.
fn told_paths(service: ServiceView<'_>) -> impl Iterator<Item = &str> {
    let body = &service.node.service.body;
    let entries = body.env.iter().flat_map(|env| &env.entries);
    let texts = entries.filter_map(|entry| match &entry.attribute.value {
        EntryValue::Text(text) => Some(text),
        _ => None,
    });
    let words = [&body.command, &body.args].into_iter().flatten();
    let words = words.flat_map(|words| words.value.iter().map(|word| &word.value));
    texts
        .chain(words)
        .flat_map(Text::unknowns)
        .filter_map(|piece| match piece {
            Piece::SecretPath(name) => Some(&**name),
            _ => None,
        })
}

/// Half of a mount.
fn without_path(what: &str, span: Span, example: &str) -> Diagnostic {
    Diagnostic::new(
        &catalogue::MOUNT_WITHOUT_PATH,
        format!("{what} is mounted, and one end is missing"),
        span,
    )
    .help(format!("say which: `{example}`"))
}

/// A node has no project folder.
fn relative(service: ServiceView<'_>, path: &str, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::RELATIVE_MOUNT,
        format!("`{path}` is no path of a node: it does not start at the root"),
        span,
    )
    .about(service.name())
    .help("a `config NAME { file = \"…\" }` brings a file of the project to every node")
}

#[cfg(test)]
mod tests {
    use super::super::names;
    use super::*;

    #[test]
    fn volumes_of_a_pod_have_names_of_their_own() {
        let mut mounts = Mounts::default();
        let volume = |name: &str, path: &str| Volume {
            name: name.to_owned(),
            host_path: Some(HostPathVolumeSource {
                path: path.to_owned(),
                type_: None,
            }),
            ..Volume::default()
        };
        mounts.add(volume("/var/log", "/a"), VolumeMount::default());
        mounts.add(volume("var_log", "/b"), VolumeMount::default());
        mounts.add(volume("anything", "/a"), VolumeMount::default());
        mounts.add(volume("/", "/c"), VolumeMount::default());
        let names: Vec<&str> = mounts.paths.iter().map(|mount| &*mount.name).collect();
        assert_eq!(names, ["var-log", "var-log-2", "var-log", "2"]);
        assert!(names.iter().all(|name| names::is_subdomain(name)));
    }
}
