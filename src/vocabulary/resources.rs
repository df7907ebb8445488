//! Networks, volumes, configs and secrets.

use super::{EntryValue, EnvironmentName, LabelRule, VolumeAccess};
use crate::source::Str;
use crate::types::{Cidr, Memory};
use std::net::Ipv4Addr;

block! {
    /// A network that services join.
    pub struct Network = "network" LabelRule::Name; {
        /// Whether containers outside a service may join; false by default.
        attachable: attribute(bool),
        /// Whether it exists already and is not made by the stack; a network that two stacks use
        /// is external all the same.
        external: attribute(bool),
        /// Its real name, where that is not the label.
        name: attribute(Str),
        /// Its addresses; the engine chooses by default.
        subnet: attribute(Cidr),
        /// The address of its gateway; the engine chooses by default.
        gateway: attribute(Ipv4Addr),
        /// Whether it has no way out; false by default.
        internal: attribute(bool),
    }
}

block! {
    /// Data that outlives instances.
    pub struct Volume = "volume" LabelRule::Name; {
        /// How much; Kubernetes must know.
        size: attribute(Memory),
        /// Who may write at once; one instance by default.
        access: attribute(VolumeAccess),
        /// Whether it exists already; false by default.
        external: attribute(bool),
        /// Its real name, where that is not the label.
        name: attribute(Str),
    }
}

block! {
    /// Settings, as keys with values or as a file.
    pub struct Config = "config" LabelRule::Name; {
        /// The keys.
        data: block(Data),
        /// A file of the project, read when it is built.
        file: attribute(Str),
        /// Its real name, where that is not the label.
        name: attribute(Str),
    }
}

block! {
    /// Keys with values: any keys.
    pub struct Data = "data" LabelRule::None; {
        /// A key with its value.
        entries: entries(EntryValue),
    }
}

block! {
    /// A value that no file ever holds.
    pub struct Secret = "secret" LabelRule::Name; {
        /// The variable of the deploying shell that has the value: `env("TOKEN")`.
        from: attribute(EnvironmentName),
        /// Whether the target has it already; false by default.
        external: attribute(bool),
        /// A file that the deploying machine reads; never read by zdc.
        file: attribute(Str),
        /// Its real name, where that is not the label.
        name: attribute(Str),
    }
}
