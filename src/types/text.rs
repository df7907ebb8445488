//! Text that is not wholly known at build time.
//!
//! A string may hold a deploy-time variable, a slot's number or another service's address. What
//! those become depends on the target, so a text stays in pieces until a target lowers it.

use super::VariableId;
use crate::source::Str;
use std::fmt;

/// A string: known, or in pieces.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Text {
    /// Known at build time.
    Known(Str),
    /// At least one piece is not a literal; neighbouring literals are joined.
    Pieces(Vec<Piece>),
}

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Piece {
    /// Known text.
    Literal(Str),
    /// A deploy-time variable.
    Variable(VariableId),
    /// Which replica this is.
    Slot(SlotField),
    /// Part of the address of a service's port.
    Port {
        /// The service's zd name.
        service: Str,
        /// The port's name.
        port: Str,
        /// Which part.
        part: PortPart,
    },
    /// The path at which a secret is mounted in the service that says it.
    SecretPath(Str),
}

/// What `slot.` gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SlotField {
    /// `slot.index`: 1, 2, 3 …
    Index,
    /// `slot.port`: the port of this slot on a plain host.
    Port,
}

/// What a port reference gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PortPart {
    /// `.url`: `http://host:port`
    Url,
    /// `.address`: `host:port`
    Address,
    /// `.host`
    Host,
    /// `.number`
    Number,
}

impl Text {
    /// A text of these pieces, in its simplest form.
    pub fn from_pieces(pieces: Vec<Piece>) -> Self {
        let mut joined: Vec<Piece> = Vec::with_capacity(pieces.len());
        for piece in pieces {
            match (joined.last_mut(), piece) {
                (_, Piece::Literal(text)) if text.is_empty() => {}
                (Some(Piece::Literal(before)), Piece::Literal(text)) => {
                    *before = format!("{before}{text}").into();
                }
                (_, piece) => joined.push(piece),
            }
        }
        match joined.as_slice() {
            [] => Text::Known("".into()),
            [Piece::Literal(text)] => Text::Known(text.clone()),
            _ => Text::Pieces(joined),
        }
    }

    /// The text, where all of it is known at build time.
    pub fn known(&self) -> Option<&Str> {
        match self {
            Text::Known(text) => Some(text),
            Text::Pieces(_) => None,
        }
    }

    /// The pieces that are not literal; none for a known text.
    pub fn unknowns(&self) -> impl Iterator<Item = &Piece> {
        let pieces = match self {
            Text::Known(_) => &[][..],
            Text::Pieces(pieces) => pieces,
        };
        pieces
            .iter()
            .filter(|piece| !matches!(piece, Piece::Literal(_)))
    }

    /// The text with each unknown piece written by `write`; the first failure stops it.
    ///
    /// # Errors
    /// Whatever `write` returns.
    pub fn render<E>(
        &self,
        mut write: impl FnMut(&Piece, &mut String) -> Result<(), E>,
    ) -> Result<String, E> {
        match self {
            Text::Known(text) => Ok(text.to_string()),
            Text::Pieces(pieces) => {
                let mut out = String::new();
                for piece in pieces {
                    match piece {
                        Piece::Literal(text) => out.push_str(text),
                        other => write(other, &mut out)?,
                    }
                }
                Ok(out)
            }
        }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Text::Known(text.into())
    }
}

/// For messages: unknown pieces as `${…}`.
impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Text::Known(text) => f.write_str(text),
            Text::Pieces(pieces) => pieces.iter().try_for_each(|piece| write!(f, "{piece}")),
        }
    }
}

impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Piece::Literal(text) => f.write_str(text),
            Piece::Variable(variable) => write!(f, "${{{}}}", variable.name),
            Piece::Slot(SlotField::Index) => f.write_str("${slot.index}"),
            Piece::Slot(SlotField::Port) => f.write_str("${slot.port}"),
            Piece::Port {
                service,
                port,
                part,
            } => {
                let part = match part {
                    PortPart::Url => "url",
                    PortPart::Address => "address",
                    PortPart::Host => "host",
                    PortPart::Number => "number",
                };
                write!(f, "${{{service}.{port}.{part}}}")
            }
            Piece::SecretPath(secret) => write!(f, "${{{secret}.path}}"),
        }
    }
}
