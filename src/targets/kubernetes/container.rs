//! The container: what runs, with what it is given.

use super::lowering::{Lowering, different};
use super::names;
use super::text::Place;
use crate::diagnostics::Diagnostic;
use crate::graph::{self, ServiceView};
use crate::rollout::derivation::kubernetes::Kubernetes as Policy;
use crate::source::Span;
use crate::types::{Cpu, Memory};
use crate::vocabulary::{Entry, EntryValue, Node, Protocol, Pull, ResourceAmounts, Resources};
use k8s_openapi::api::core::v1::{
    ConfigMapKeySelector, Container, ContainerPort, EnvVar, EnvVarSource, PersistentVolumeClaim,
    ResourceRequirements, SecretKeySelector, SecurityContext, Volume,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use std::collections::BTreeMap;

impl<'g> Lowering<'g> {
    /// A service's container, with the volumes and the claims of its own that it mounts.
    pub(super) fn container(
        &mut self,
        service: ServiceView<'g>,
        policy: &Policy,
    ) -> (Container, Vec<Volume>, Vec<PersistentVolumeClaim>) {
        let body = &service.node.service;
        let mounted = self.mounts(service);
        let probes = self.probes(service, policy);
        let container = Container {
            name: self.name(service).to_owned(),
            image: self.image(service),
            image_pull_policy: self.ledger.take_from(body.pull.as_ref()).map(|pull| {
                match pull {
                    Pull::Always => "Always",
                    Pull::IfNotPresent => "IfNotPresent",
                    Pull::Never => "Never",
                }
                .to_owned()
            }),
            command: self
                .ledger
                .take_from(body.command.as_ref())
                .map(|words| self.words(words, service)),
            args: self
                .ledger
                .take_from(body.args.as_ref())
                .map(|words| self.words(words, service)),
            working_dir: self
                .ledger
                .take_from(body.workdir.as_ref())
                .map(ToString::to_string),
            ports: self.ports(service),
            env: self.environment(service),
            resources: body
                .resources
                .as_ref()
                .and_then(|resources| self.resources(resources)),
            startup_probe: probes.startup,
            readiness_probe: probes.readiness,
            liveness_probe: probes.liveness,
            lifecycle: self.lifecycle(service, policy),
            security_context: self.user(service),
            volume_mounts: (!mounted.paths.is_empty()).then_some(mounted.paths),
            ..Container::default()
        };
        (container, mounted.volumes, mounted.claims)
    }

    fn image(&mut self, service: ServiceView<'g>) -> Option<String> {
        // A rule over the graph reports that there is none.
        let image = service.node.service.image.as_ref()?;
        self.ledger.take(image);
        Some(self.text(&image.value, image.span, Place::Plain, Some(service)))
    }

    fn ports(&mut self, service: ServiceView<'g>) -> Option<Vec<ContainerPort>> {
        let mut ports = Vec::with_capacity(service.ports().len());
        for port in service.ports() {
            let name = port.label.name();
            if !names::is_port(name) && self.ledger.is_news("port", port.span) {
                self.ledger.report(names::invalid("port", name, port.span));
            }
            let body = self.ledger.enter(port);
            self.ledger.take_from(body.number.as_ref());
            self.ledger.take_from(body.protocol.as_ref());
            self.ledger
                .declare_from(body.mode.as_ref(), "swarm: how a port is published");
            // A rule over the graph reports that there is none.
            let Some(number) = graph::port_number(port) else {
                continue;
            };
            ports.push(ContainerPort {
                name: Some(name.to_owned()),
                container_port: i32::from(number),
                protocol: is_udp(graph::protocol(port)),
                ..ContainerPort::default()
            });
        }
        (!ports.is_empty()).then_some(ports)
    }

    fn environment(&mut self, service: ServiceView<'g>) -> Option<Vec<EnvVar>> {
        let env = service.node.service.env.as_ref()?;
        let entries = &self.ledger.enter(env).entries;
        let mut variables = Vec::with_capacity(entries.len());
        for entry in entries {
            variables.push(self.variable_of(service, entry));
        }
        (!variables.is_empty()).then_some(variables)
    }

    fn variable_of(&mut self, service: ServiceView<'g>, entry: &'g Entry<EntryValue>) -> EnvVar {
        let (name, value) = self.ledger.take_entry(entry);
        let span = entry.attribute.span;
        let key_span = entry.attribute.key_span;
        let visible = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b'=';
        if (name.is_empty() || !name.bytes().all(visible))
            && self.ledger.is_news("variable", key_span)
        {
            self.ledger
                .report(names::invalid("environment variable", name, key_span));
        }
        let mut variable = EnvVar {
            name: name.to_owned(),
            ..EnvVar::default()
        };
        match value {
            EntryValue::Text(text) => {
                variable.value = Some(self.text(text, span, Place::Expanded, Some(service)));
            }
            EntryValue::ConfigKey { config, key } => {
                variable.value_from = Some(EnvVarSource {
                    config_map_key_ref: Some(ConfigMapKeySelector {
                        name: self.config(config),
                        key: key.to_string(),
                        optional: None,
                    }),
                    ..EnvVarSource::default()
                });
            }
            EntryValue::Secret(secret) => {
                variable.value_from = Some(EnvVarSource {
                    secret_key_ref: Some(SecretKeySelector {
                        name: self.secret(secret),
                        key: super::storage::SECRET_KEY.to_owned(),
                        optional: None,
                    }),
                    ..EnvVarSource::default()
                });
            }
        }
        variable
    }

    fn resources(&mut self, resources: &'g Node<Resources>) -> Option<ResourceRequirements> {
        let body = self.ledger.enter(resources);
        let requests = body.reservations.as_ref().map(|node| self.amounts(node));
        let limits = body.limits.as_ref().map(|node| self.amounts(node));
        let written = |amounts: Option<BTreeMap<String, Quantity>>| {
            amounts.filter(|amounts| !amounts.is_empty())
        };
        let (requests, limits) = (written(requests), written(limits));
        (requests.is_some() || limits.is_some()).then(|| ResourceRequirements {
            requests,
            limits,
            ..ResourceRequirements::default()
        })
    }

    fn amounts(&mut self, amounts: &'g Node<ResourceAmounts>) -> BTreeMap<String, Quantity> {
        let body = self.ledger.enter(amounts);
        let cpu = self.ledger.take_from(body.cpu.as_ref());
        let memory = self.ledger.take_from(body.memory.as_ref());
        let cpu = cpu.map(|cpu| ("cpu".to_owned(), processor(*cpu)));
        let memory = memory.map(|memory| ("memory".to_owned(), bytes(*memory)));
        cpu.into_iter().chain(memory).collect()
    }

    /// The user by number: the API knows no names.
    fn user(&mut self, service: ServiceView<'g>) -> Option<SecurityContext> {
        let user = service.node.service.user.as_ref()?;
        let (id, group) = match user.value.split_once(':') {
            Some((id, group)) => (id, Some(group)),
            None => (&*user.value, None),
        };
        let number = |text: &str| text.parse::<u32>().ok().map(i64::from);
        let group = group.map(number);
        let (Some(id), false) = (number(id), group == Some(None)) else {
            let span = user.span;
            self.decline(user.id, span, || user_by_name(service, &user.value, span));
            return None;
        };
        self.ledger.take(user);
        Some(SecurityContext {
            run_as_user: Some(id),
            run_as_group: group.flatten(),
            ..SecurityContext::default()
        })
    }
}

/// The protocol of the transport, where it is not the default.
pub(super) fn is_udp(protocol: Protocol) -> Option<String> {
    (protocol == Protocol::Udp).then(|| "UDP".to_owned())
}

/// Bytes as a quantity, in the unit that says them shortest: `200Mi`, `512M`.
pub(super) fn bytes(memory: Memory) -> Quantity {
    let unit = |names: [&'static str; 5], step: u64| {
        let mut amount = memory.bytes;
        let mut index = 0;
        while amount != 0 && amount.is_multiple_of(step) && index < 4 {
            amount /= step;
            index += 1;
        }
        let name = names.get(index).copied().unwrap_or_default();
        let digits = amount.checked_ilog10().unwrap_or_default() as usize + 1;
        (digits + name.len(), amount, name)
    };
    let binary = unit(["", "Ki", "Mi", "Gi", "Ti"], 1024);
    let decimal = unit(["", "k", "M", "G", "T"], 1000);
    let (_, amount, name) = if decimal.0 < binary.0 {
        decimal
    } else {
        binary
    };
    Quantity(amount.to_string() + name)
}

fn processor(cpu: Cpu) -> Quantity {
    Quantity(if cpu.millis.is_multiple_of(1000) {
        (cpu.millis / 1000).to_string()
    } else {
        cpu.millis.to_string() + "m"
    })
}

/// A user that only the image knows.
fn user_by_name(service: ServiceView<'_>, user: &str, span: Span) -> Diagnostic {
    different(
        &format!("user `{user}` is not written for Kubernetes: it takes numbers only"),
        "write the number, `user = \"1000\"`; without it the image's own user runs",
        span,
    )
    .about(service.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_exact_and_short() {
        for (amount, text) in [
            (200 << 20, "200Mi"),
            (512_000_000, "512M"),
            (1 << 30, "1Gi"),
            (1000 << 20, "1000Mi"),
            (1_000_001, "1000001"),
            (0, "0"),
        ] {
            assert_eq!(bytes(Memory { bytes: amount }).0, text);
        }
        assert_eq!(processor(Cpu { millis: 500 }).0, "500m");
        assert_eq!(processor(Cpu { millis: 2000 }).0, "2");
    }
}
