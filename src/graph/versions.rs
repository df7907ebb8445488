//! Versions of interfaces: what a service serves on a port, and what its callers ask for; and of data: what a service
//! leaves, and who can live with it.
//!
//! Who says nothing serves version 1, or asks for it: a version is only named once there is another.

use super::ServiceView;
use crate::source::Span;
use crate::types::Reference;
use crate::vocabulary::{Label, Needs, Node, Provides};
use std::fmt;

/// The versions that are served on a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served {
    /// The oldest.
    pub since: u64,
    /// The newest.
    pub version: u64,
}

impl Served {
    /// Whether this version is among them.
    pub fn has(self, version: u64) -> bool {
        (self.since..=self.version).contains(&version)
    }
}

impl fmt::Display for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.since == self.version {
            write!(f, "{}", self.version)
        } else {
            write!(f, "{} to {}", self.since, self.version)
        }
    }
}

impl<'a> ServiceView<'a> {
    /// What is written of the versions that it serves on a port.
    pub fn provides(self, port: &str) -> Option<&'a Node<Provides>> {
        let mut all = self.node.service.provides.iter();
        all.find(|provides| provides.label.name() == port)
            .map(|provides| &**provides)
    }

    /// The versions that it serves on a port.
    pub fn served(self, port: &str) -> Served {
        let written = self.provides(port);
        let since = written.and_then(|it| it.since.as_ref());
        let version = written.and_then(|it| it.version.as_ref());
        Served {
            since: since.map_or(1, |since| since.value.get()),
            version: version.map_or(1, |version| version.value.get()),
        }
    }

    /// The form in which it leaves its data: the version that it is in, and the oldest whose programs can live with it.
    pub fn schema(self) -> Served {
        let written = self.node.service.schema.as_ref();
        let version = written.and_then(|it| it.version.as_ref());
        let version = version.map_or(1, |version| version.value.get());
        let since = written.and_then(|it| it.since.as_ref());
        Served {
            since: since.map_or(version, |since| since.value.get()),
            version,
        }
    }

    /// What is written of the version that it asks of a port of a service.
    pub fn needs(self, callee: &str, port: &str) -> Option<&'a Node<Needs>> {
        let mut all = self.node.service.needs.iter();
        all.find(|needs| match &needs.label {
            Label::Reference(Reference::Port(service, of)) => &**service == callee && &**of == port,
            _ => false,
        })
        .map(|needs| &**needs)
    }

    /// The version that it asks of a port of a service, and where that is said.
    pub fn asked(self, callee: &str, port: &str) -> (u64, Option<Span>) {
        let written = self.needs(callee, port);
        let version = written.and_then(|it| it.version.as_ref());
        (
            version.map_or(1, |version| version.value.get()),
            written.map(|needs| needs.span),
        )
    }
}
