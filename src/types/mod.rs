//! What values are: quantities with units, texts in pieces, references, and the types of all of
//! them. Every phase from the syntax tree down uses these; they know nothing of any phase.

pub(crate) mod authorities;
mod quantity;
mod text;
mod ty;
mod value;

pub use quantity::{Cidr, Cpu, Date, Duration, Memory, Percent};
pub use text::{Piece, PortPart, SlotField, Text};
pub use ty::{IntRange, Pattern, ResourceKind, Ty};
pub use value::{Reference, Value, VariableId};
