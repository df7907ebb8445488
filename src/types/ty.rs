//! Types: what a place asks for and what an expression is.

use crate::source::Str;
use std::fmt;
use std::sync::Arc;

/// A type.
#[derive(Clone, Debug, PartialEq)]
pub enum Ty {
    /// Fits everywhere: an error already reported, or known only after expansion.
    Any,
    /// `none`
    None,
    /// `bool`
    Bool,
    /// `int`, `int(1..65535)`; `port` is `int(1..65535)`.
    Int(IntRange),
    /// `float`
    Float,
    /// `string`, `string(matching = r"…")`
    Text(Option<Arc<Pattern>>),
    /// A string that names a container image.
    Image,
    /// A string that is an absolute or relative path.
    Path,
    /// A string that is an absolute URL.
    Url,
    /// `duration`
    Duration,
    /// `memory`
    Memory,
    /// `cpu`
    Cpu,
    /// `percent`
    Percent,
    /// `ip`
    Ip,
    /// `cidr`
    Cidr,
    /// `date`
    Date,
    /// A union of string literals: a bare word in its place is its member.
    Words(Arc<[Str]>),
    /// One of several types, tried in order.
    Either(Arc<[Ty]>),
    /// `list<T>`, `list<T>(1..8)`: the range is of its length.
    List(Arc<Ty>, IntRange),
    /// `map<T>`: any keys.
    Map(Arc<Ty>),
    /// `{ name: T }`
    Record(Arc<[(Str, Ty)]>),
    /// `T?`
    Optional(Arc<Ty>),
    /// `a..b`
    Range(Arc<Ty>),
    /// A reference to a resource.
    Resource(ResourceKind),
    /// `endpoint`: a reference to a service's port.
    PortReference,
    /// A value that is known when it is deployed.
    Deploy(Arc<Ty>),
    /// A value that is known when it runs, and never in a file.
    Secret(Arc<Ty>),
    /// `env("NAME")`
    Environment,
}

/// Bounds of a whole number, both inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IntRange {
    /// The least.
    pub min: i64,
    /// The greatest.
    pub max: i64,
}

impl IntRange {
    /// Every whole number.
    pub const ALL: IntRange = IntRange {
        min: i64::MIN,
        max: i64::MAX,
    };
    /// Zero and up.
    pub const NATURAL: IntRange = IntRange {
        min: 0,
        max: i64::MAX,
    };
    /// A TCP or UDP port.
    pub const PORT: IntRange = IntRange {
        min: 1,
        max: 65_535,
    };

    /// Whether a number lies in it.
    pub fn contains(self, number: i64) -> bool {
        (self.min..=self.max).contains(&number)
    }
}

/// As zd writes it between parentheses: `1..65535`, `2..`.
impl fmt::Display for IntRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.min, self.max) {
            (min, i64::MAX) => write!(f, "at least {min}"),
            (i64::MIN, max) => write!(f, "at most {max}"),
            (min, max) => write!(f, "{min}..{max}"),
        }
    }
}

/// A regular expression a string must match as a whole.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// As written.
    pub source: Str,
    /// Compiled, anchored at both ends.
    pub regex: regex_lite::Regex,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

/// The kinds of resource a reference may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ResourceKind {
    /// `service` or `gateway`.
    Service,
    /// `network`
    Network,
    /// `volume`
    Volume,
    /// `config`
    Config,
    /// `secret`
    Secret,
}

impl ResourceKind {
    /// The word that declares one.
    pub fn word(self) -> &'static str {
        match self {
            ResourceKind::Service => "service",
            ResourceKind::Network => "network",
            ResourceKind::Volume => "volume",
            ResourceKind::Config => "config",
            ResourceKind::Secret => "secret",
        }
    }
}

impl Ty {
    /// Any string.
    pub const TEXT: Ty = Ty::Text(None);
    /// Any whole number.
    pub const INT: Ty = Ty::Int(IntRange::ALL);

    /// A union of these words.
    pub fn words(words: &[&str]) -> Ty {
        Ty::Words(words.iter().map(|word| Str::from(*word)).collect())
    }

    /// One of these types.
    pub fn either(types: impl IntoIterator<Item = Ty>) -> Ty {
        Ty::Either(types.into_iter().collect())
    }

    /// A list of these.
    pub fn list(item: Ty) -> Ty {
        Ty::List(Arc::new(item), IntRange::NATURAL)
    }
}

/// As a message names it: `a duration`'s noun, without the article.
impl fmt::Display for Ty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ty::Any => f.write_str("any value"),
            Ty::None => f.write_str("`none`"),
            Ty::Bool => f.write_str("bool"),
            Ty::Int(IntRange::ALL) => f.write_str("int"),
            Ty::Int(IntRange::PORT) => f.write_str("port"),
            Ty::Int(range) => write!(f, "int({range})"),
            Ty::Float => f.write_str("float"),
            Ty::Text(None) => f.write_str("string"),
            Ty::Text(Some(pattern)) => write!(f, "string(matching = r\"{}\")", pattern.source),
            Ty::Image => f.write_str("image"),
            Ty::Path => f.write_str("path"),
            Ty::Url => f.write_str("url"),
            Ty::Duration => f.write_str("duration"),
            Ty::Memory => f.write_str("memory"),
            Ty::Cpu => f.write_str("cpu"),
            Ty::Percent => f.write_str("percent"),
            Ty::Ip => f.write_str("ip"),
            Ty::Cidr => f.write_str("cidr"),
            Ty::Date => f.write_str("date"),
            Ty::Words(words) => join(f, words.iter(), " | "),
            Ty::Either(types) => join(f, types.iter(), " | "),
            Ty::List(item, IntRange::NATURAL) => write!(f, "list<{item}>"),
            Ty::List(item, range) => write!(f, "list<{item}>({range})"),
            Ty::Map(item) => write!(f, "map<{item}>"),
            Ty::Record(fields) => {
                f.write_str("{ ")?;
                join(
                    f,
                    fields.iter().map(|(name, ty)| format!("{name}: {ty}")),
                    ", ",
                )?;
                f.write_str(" }")
            }
            Ty::Optional(inner) => write!(f, "{inner}?"),
            Ty::Range(inner) => write!(f, "range of {inner}"),
            Ty::Resource(kind) => f.write_str(kind.word()),
            Ty::PortReference => f.write_str("endpoint"),
            Ty::Deploy(inner) => write!(f, "deploy<{inner}>"),
            Ty::Secret(inner) => write!(f, "secret<{inner}>"),
            Ty::Environment => f.write_str("environment variable"),
        }
    }
}

fn join(
    f: &mut fmt::Formatter<'_>,
    items: impl Iterator<Item = impl fmt::Display>,
    separator: &str,
) -> fmt::Result {
    for (index, item) in items.enumerate() {
        if index > 0 {
            f.write_str(separator)?;
        }
        write!(f, "{item}")?;
    }
    Ok(())
}
