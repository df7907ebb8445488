//! What an expression evaluates to.

use super::{Cidr, Cpu, Date, Duration, Memory, Percent, Text};
use crate::source::{Spanned, Str};
use std::net::Ipv4Addr;
use std::sync::Arc;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `none`: unsets.
    None,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction; always finite.
    Float(f64),
    /// Time.
    Duration(Duration),
    /// Memory.
    Memory(Memory),
    /// Processor.
    Cpu(Cpu),
    /// A share.
    Percent(Percent),
    /// An address.
    Ip(Ipv4Addr),
    /// A subnet.
    Cidr(Cidr),
    /// A date.
    Date(Date),
    /// A string; a member of a union of strings too.
    Text(Text),
    /// A list.
    List(Arc<Vec<Spanned<Value>>>),
    /// A record or map, in the order written.
    Record(Arc<Vec<(Str, Spanned<Value>)>>),
    /// Two ends, both inclusive; both of one type.
    Range(Arc<(Value, Value)>),
    /// A thing of the graph.
    Reference(Reference),
    /// A whole deploy-time variable, where it is not text.
    Variable(VariableId),
    /// `env("NAME")`: a variable of the deploying shell; only a secret's `from` takes it.
    Environment(Str),
}

/// A thing of the graph, by zd name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reference {
    /// A service or gateway.
    Service(Str),
    /// A service's port: service, port.
    Port(Str, Str),
    /// A network.
    Network(Str),
    /// A volume.
    Volume(Str),
    /// A config.
    Config(Str),
    /// One key of a config: config, key.
    ConfigKey(Str, Str),
    /// A secret.
    Secret(Str),
}

/// Names a deploy-time variable. `stack` tells nothing: each stack is deployed on its own, so one
/// name in two stacks is two values.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VariableId {
    /// The variable's name, in zd and in the environment.
    pub name: Str,
}
