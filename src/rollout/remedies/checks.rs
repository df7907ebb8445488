//! The check that a service without one may get: what is asked, who answers, and what asks.

use super::{Change, Part, Patient};
use crate::graph::protocol;
use crate::graph::routing::pattern;
use crate::rollout::derivation::nginx;
use crate::rules::grpc_check;
use crate::vocabulary::{Gateway, Node, Port, Protocol, TargetId};

impl<'g> Patient<'g> {
    /// Checks that every target of the service can make of what is known of it, those that ask the least first.
    pub(super) fn checks(&self) -> Vec<Change> {
        if self.service.has_health_check() {
            return Vec::new();
        }
        if let Some(gateway) = &self.service.node.gateway {
            return vec![self.check_of(gateway)];
        }
        let Some((port, named)) = self.asked_port() else {
            return Vec::new();
        };
        let mut with: Vec<(&'static str, String)> = named
            .then(|| ("port", format!("\"{}\"", port.label.name())))
            .into_iter()
            .collect();
        let mut changes = Vec::new();
        if !self.is_asked_inside() {
            changes.push(add("tcp", with.clone(), String::new()));
        }
        if protocol(port) != Protocol::Http {
            return changes;
        }
        let client = if self.is_asked_inside() {
            let Some(client) = self.client() else {
                return changes;
            };
            with.extend(client.written());
            Some(client)
        } else {
            None
        };
        changes.push(add("http", with, granted(PROGRAM, client)));
        changes
    }

    /// What nginx answers itself, so that it does not fall with what stands behind it: a path that no route has. Of a
    /// configuration that is the user's own nobody knows that.
    fn check_of(&self, gateway: &Gateway) -> Change {
        const PATH: &str = "/healthz";
        let mut with = Vec::new();
        let is_free = gateway.route.iter().all(|route| pattern(route).0 != PATH);
        let own = is_free && nginx::answers_as_written(self.service);
        if own {
            with.push(("path", format!("\"{PATH}\"")));
        }
        // Whatever it is called, nginx runs in it.
        let image = self.service.node.service.image.as_ref();
        let client = match image {
            Some(image) if !image.value.to_string().contains("alpine") => Client::Curl,
            _ => Client::Wget,
        };
        with.extend(client.written());
        let answers = if own { NGINX } else { PROGRAM };
        add("http", with, granted(answers, Some(client)))
    }

    /// A check in words, of what its port speaks and its image has.
    pub(super) fn check_to_add(&self) -> String {
        let asked = match self.service.node.gateway {
            None => self.asked_port(),
            Some(_) => None,
        };
        match asked {
            Some((port, _)) if protocol(port) == Protocol::Grpc => {
                format!("health {}", grpc_check(self.graph, self.service, port))
            }
            _ if self.lacks_client() => "health exec { command = [\"…\"] }".to_owned(),
            _ => "health http { path = \"/health\" }".to_owned(),
        }
    }

    /// Whether a target runs the check inside the container, where no program for it is in every image.
    fn is_asked_inside(&self) -> bool {
        let inside = |target: &TargetId| matches!(target, TargetId::Swarm | TargetId::Compose);
        self.targets().iter().any(inside)
    }

    /// Whether it would be asked from inside, and its image has nothing to ask with.
    pub(super) fn lacks_client(&self) -> bool {
        let http = |(port, _): (&Node<Port>, bool)| protocol(port) == Protocol::Http;
        let is_asked = self.service.node.gateway.is_none() && self.asked_port().is_some_and(http);
        is_asked && self.is_asked_inside() && self.client().is_none()
    }

    /// The program that asks from inside the container, by what is known of the image; of most nothing is, and wget is what
    /// asks where nothing is said. `None` where it has none.
    fn client(&self) -> Option<Client> {
        let Some(image) = &self.service.node.service.image else {
            return Some(Client::Wget);
        };
        let text = image.value.to_string();
        let tag = text.rsplit_once(':').map_or("", |(_, tag)| tag);
        if text.contains("alpine") {
            // Alpine is made around busybox, and that has one (alpinelinux.org, "About").
            Some(Client::Wget)
        } else if nginx::has_only_curl(&image.value) {
            Some(Client::Curl)
        } else if text.contains("distroless") {
            // "no package managers, shells or any other programs", but for busybox in `debug` (GoogleContainerTools/distroless, README).
            text.contains("debug").then_some(Client::Wget)
        } else if tag.split('-').any(|part| part == "slim") {
            // Debian's slim images have neither; those on them fetch with wget and purge it again (`docker-library/python`,
            // Dockerfile-linux.template), where the full ones are on `buildpack-deps`, which installs both.
            None
        } else {
            Some(Client::Wget)
        }
    }

    /// The port that a check asks, and whether it must be named.
    fn asked_port(&self) -> Option<(&'g Node<Port>, bool)> {
        if let Some(port) = self.service.default_port() {
            return (protocol(port) != Protocol::Udp).then_some((port, false));
        }
        let mut ports = self.service.ports();
        let port = ports.find(|port| protocol(port) != Protocol::Udp)?;
        Some((port, true))
    }
}

/// A program that asks from inside the container.
#[derive(Clone, Copy)]
enum Client {
    Curl,
    /// What asks where nothing is said.
    Wget,
}

impl Client {
    fn word(self) -> &'static str {
        match self {
            Client::Curl => "curl",
            Client::Wget => "wget",
        }
    }

    /// What a check says of it.
    fn written(self) -> Option<(&'static str, String)> {
        matches!(self, Client::Curl).then(|| ("client", self.word().to_owned()))
    }
}

const NGINX: &str = "which nginx answers itself";
const PROGRAM: &str = "for which the program must answer `/`";

fn granted(answers: &str, client: Option<Client>) -> String {
    let client = client.map(|client| format!(", with `{}` in its image", client.word()));
    format!("{answers}{}", client.unwrap_or_default())
}

fn add(label: &'static str, with: Vec<(&'static str, String)>, granted: String) -> Change {
    Change::Add {
        part: Part::Health,
        label,
        with,
        granted,
    }
}
