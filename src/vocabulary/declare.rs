//! The machinery of the vocabulary: schemas, written values, and the `block!` macro.

use crate::source::{Span, Spanned, Str};
use crate::types::{Reference, Ty, Value};
use rustc_hash::FxHashMap;
use std::any::Any;
use std::sync::Arc;

/// What a block is, for the check, the documentation and editors.
#[derive(Debug)]
pub struct BlockSchema {
    /// The word that opens it.
    pub kind: &'static str,
    /// What it is for.
    pub doc: &'static str,
    /// What may stand after the word.
    pub label: LabelRule,
    /// What may stand in its body.
    pub members: &'static [Member],
    /// The block whose members may stand here too: a gateway is a service.
    pub extends: Option<&'static BlockSchema>,
}

impl BlockSchema {
    /// Its members, its own first.
    pub fn all_members(&self) -> impl Iterator<Item = &'static Member> {
        let inherited = self.extends.map_or(&[][..], |base| base.members);
        self.members.iter().chain(inherited)
    }

    /// The member of this name.
    pub fn member(&self, name: &str) -> Option<&'static Member> {
        self.all_members().find(|member| member.name == name)
    }

    /// The member that takes any key, in `env`, `labels` and `data`.
    pub fn open(&self) -> Option<&'static Member> {
        self.members
            .iter()
            .find(|member| matches!(member.shape, Shape::Entries(_)))
    }
}

/// What may stand between a block's kind and its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelRule {
    /// Nothing.
    None,
    /// A name of its own, as a word or a string.
    Name,
    /// One of these words, always written.
    Variant(&'static [&'static str]),
    /// A string: a path or a pattern.
    Text,
    /// A thing of the graph.
    Resource(crate::types::ResourceKind),
    /// A service's port.
    Port,
}

/// One thing that a block's body may hold.
#[derive(Debug)]
pub struct Member {
    /// Its word; `*` for [`Shape::Entries`].
    pub name: &'static str,
    /// What it is for, with its unit and default.
    pub doc: &'static str,
    /// What it holds.
    pub shape: Shape,
}

/// What a member holds.
#[derive(Clone, Copy)]
pub enum Shape {
    /// `name = value` of this type.
    Attribute(fn() -> Ty),
    /// At most one block.
    Block(&'static BlockSchema),
    /// Any number of blocks, told apart by their labels.
    Blocks(&'static BlockSchema),
    /// `any_key = value` of this type.
    Entries(fn() -> Ty),
}

impl std::fmt::Debug for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Shape::Attribute(ty) => write!(f, "Attribute({})", ty()),
            Shape::Block(schema) => write!(f, "Block({})", schema.kind),
            Shape::Blocks(schema) => write!(f, "Blocks({})", schema.kind),
            Shape::Entries(ty) => write!(f, "Entries({})", ty()),
        }
    }
}

/// A body after evaluation: templates merged in, loops and conditions gone, names bound. What the
/// evaluator hands to the decoders.
#[derive(Clone, Debug)]
pub struct Tree {
    /// The label, evaluated.
    pub label: Label,
    /// The kind and label: what a message points at.
    pub head: Span,
    /// Each key once; a template's first.
    pub attributes: Vec<TreeAttribute>,
    /// In order, templates' first; each kind and label once. Those of a template that a body leaves
    /// alone are shared.
    pub blocks: Vec<(Str, Arc<Tree>)>,
}

/// An evaluated attribute.
#[derive(Clone, Debug)]
pub struct TreeAttribute {
    /// The key.
    pub key: Str,
    /// Where the key stands.
    pub key_span: Span,
    /// The value; its span is where it was written.
    pub value: Spanned<Value>,
}

/// An evaluated label.
#[derive(Clone, Debug, PartialEq)]
pub enum Label {
    /// There is none.
    None,
    /// A name, a variant or a text.
    Name(Str),
    /// A thing of the graph.
    Reference(Reference),
}

impl Label {
    /// The name; empty for none and for references.
    pub fn name(&self) -> &str {
        match self {
            Label::Name(name) => name,
            Label::None | Label::Reference(_) => "",
        }
    }
}

/// Names one written property of a deployment: the share of the program it was evaluated in, and
/// its number there. Ascends in the order of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WrittenId(pub u32);

impl WrittenId {
    /// Room for 16 shares of 268 million properties.
    const NUMBER_BITS: u32 = 28;

    /// Its share and its number in it, both from 0.
    pub fn place(self) -> (usize, usize) {
        let number = self.0 & ((1 << Self::NUMBER_BITS) - 1);
        ((self.0 >> Self::NUMBER_BITS) as usize, number as usize)
    }
}

/// What was written: for each property its block, its name and its place.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// In the order of the source; of most programs there is one share.
    shares: Vec<Vec<WrittenEntry>>,
    /// The share that is added to.
    share: u32,
    scope: u32,
    depth: u32,
}

/// A property of the vocabulary.
#[derive(Debug, PartialEq, Eq)]
pub struct Property {
    /// The kind of block it stands in.
    pub block: &'static str,
    /// Its name; empty for the block itself, `*` for an entry under a name of the user's.
    pub member: &'static str,
}

impl Property {
    /// A block itself.
    pub const fn block(kind: &'static str) -> Self {
        Self {
            block: kind,
            member: "",
        }
    }
}

/// One written property.
#[derive(Clone, Copy, Debug)]
pub struct WrittenEntry {
    /// Which one.
    pub property: &'static Property,
    /// Where.
    pub span: Span,
    /// The top-level block it belongs to; ascends from 1.
    pub scope: u32,
}

impl Written {
    /// For a share of a program after others: so many top-level blocks are before it.
    pub fn share(index: usize, blocks_before: usize) -> Self {
        let number = |number| u32::try_from(number).unwrap_or(u32::MAX);
        Self {
            shares: Vec::new(),
            share: number(index),
            scope: number(blocks_before),
            depth: 0,
        }
    }

    /// Takes over what the next share wrote.
    pub fn join(&mut self, next: Self) {
        self.shares.resize_with(next.share as usize, Vec::new);
        self.shares.extend(next.shares);
        self.share = next.share;
    }

    /// Records one more.
    pub fn add(&mut self, property: &'static Property, span: Span) -> WrittenId {
        let id = self.next();
        let entry = WrittenEntry {
            property,
            span,
            scope: self.scope,
        };
        match self.shares.last_mut() {
            Some(entries) => entries.push(entry),
            None => self.shares.push(vec![entry]),
        }
        id
    }

    /// The one that is recorded next.
    fn next(&self) -> WrittenId {
        let number = self.shares.last().map_or(0, Vec::len);
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        WrittenId((self.share << WrittenId::NUMBER_BITS) | number)
    }

    /// One of them.
    pub fn get(&self, id: WrittenId) -> Option<&WrittenEntry> {
        let (share, number) = id.place();
        self.shares.get(share)?.get(number)
    }

    /// All of them with their names.
    pub fn iter(&self) -> impl Iterator<Item = (WrittenId, &WrittenEntry)> {
        let ids = |share: u32| (share << WrittenId::NUMBER_BITS..).map(WrittenId);
        let shares = (0..).zip(&self.shares);
        shares.flat_map(move |(share, entries)| ids(share).zip(entries))
    }

    /// All of them, share by share.
    pub fn shares(&self) -> impl Iterator<Item = &[WrittenEntry]> {
        self.shares.iter().map(Vec::as_slice)
    }
}

/// Adds to a list for which the first item takes all the room: lists are short, and thousands of
/// services have them.
pub(crate) fn add<T>(list: &mut Vec<T>, item: T, all: impl FnOnce() -> usize) {
    if list.is_empty() {
        list.reserve_exact(all());
    }
    list.push(item);
}

/// A written attribute.
#[derive(Clone, Debug)]
pub struct Attribute<T> {
    /// Its value.
    pub value: T,
    /// Where the value was written; in a template's argument for a parameter.
    pub span: Span,
    /// Where the key stands.
    pub key_span: Span,
    /// For the ledger.
    pub id: WrittenId,
}

/// A written block.
#[derive(Clone, Debug)]
pub struct Node<T> {
    /// Its label.
    pub label: Label,
    /// Its kind and label.
    pub span: Span,
    /// For the ledger.
    pub id: WrittenId,
    /// One past the last property written inside it: decoding goes depth first. What it shares with
    /// others may be written elsewhere.
    pub end: WrittenId,
    /// What it holds.
    pub body: T,
}

impl<T> std::ops::Deref for Node<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.body
    }
}

/// A written entry of an open block: `KEY = value`.
#[derive(Clone, Debug)]
pub struct Entry<T> {
    /// The key.
    pub key: Str,
    /// The value.
    pub attribute: Attribute<T>,
}

/// A Rust type that an attribute's value becomes.
pub trait Typed: Sized {
    /// Whether `none` is a value of it; it unsets everything else.
    const KEEPS_NONE: bool = false;

    /// The language's type.
    fn ty() -> Ty;

    /// The value as this type; `None` where it is of another, which the check has reported unless
    /// its type was known only after expansion.
    fn from_value(value: &Value) -> Option<Self>;
}

/// A Rust struct that a block's body becomes.
pub trait Block: Sized {
    /// What the block is.
    const SCHEMA: BlockSchema;

    /// The tree as this struct. Values of a wrong type are given to `mismatch` and left out.
    fn decode(tree: &Tree, decoder: &mut Decoder<'_>) -> Self;
}

/// What decoding needs beside the tree.
pub struct Decoder<'a> {
    /// Takes down what was written.
    pub written: &'a mut Written,
    /// The blocks that several bodies may share.
    pub decoded: &'a mut Decoded,
    /// Each value that is not of its attribute's type.
    pub mismatches: Vec<(TreeAttribute, Ty)>,
}

/// The blocks of templates that were decoded: every body that leaves one alone shares it, as it
/// shares its tree.
#[derive(Default)]
pub struct Decoded(FxHashMap<*const Tree, (Arc<Tree>, Arc<dyn Any + Send + Sync>)>);

impl std::fmt::Debug for Decoded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Decoded({})", self.0.len())
    }
}

impl Decoder<'_> {
    /// One attribute.
    pub fn attribute<T: Typed>(
        &mut self,
        property: &'static Property,
        tree: &TreeAttribute,
    ) -> Option<Attribute<T>> {
        if !T::KEEPS_NONE && matches!(tree.value.value, Value::None) {
            return None;
        }
        let Some(value) = T::from_value(&tree.value.value) else {
            self.mismatches.push((tree.clone(), T::ty()));
            return None;
        };
        let id = self.written.add(property, tree.key_span);
        Some(Attribute {
            value,
            span: tree.value.span,
            key_span: tree.key_span,
            id,
        })
    }

    /// One block within another. Where other bodies have the very same one, its properties are written
    /// once: as part of the first of them.
    pub fn shared<T>(&mut self, block: &'static Property, tree: &Arc<Tree>) -> Arc<Node<T>>
    where
        T: Block + Send + Sync + 'static,
    {
        if Arc::strong_count(tree) == 1 {
            return Arc::new(self.node(block, tree));
        }
        let known = self.decoded.0.get(&Arc::as_ptr(tree));
        if let Some(Ok(known)) = known.map(|(_, known)| Arc::clone(known).downcast()) {
            return known;
        }
        let told = self.mismatches.len();
        let node = Arc::new(self.node(block, tree));
        // What is told of one body is told of the others.
        if told == self.mismatches.len() {
            let known = (Arc::clone(tree), Arc::clone(&node) as Arc<_>);
            self.decoded.0.insert(Arc::as_ptr(tree), known);
        }
        node
    }

    /// One block of this kind. What is decoded outside any block belongs to the last one: a
    /// gateway's own part follows its part as a service.
    pub fn node<T: Block>(&mut self, block: &'static Property, tree: &Tree) -> Node<T> {
        if self.written.depth == 0 {
            self.written.scope += 1;
        }
        let id = self.written.add(block, tree.head);
        self.written.depth += 1;
        let body = T::decode(tree, self);
        self.written.depth -= 1;
        let end = self.written.next();
        Node {
            label: tree.label.clone(),
            span: tree.head,
            id,
            end,
            body,
        }
    }
}

/// Declares a block: its struct, schema and decoder.
///
/// ```text
/// block! {
///     /// How the program is stopped.
///     pub struct Shutdown = "shutdown" LabelRule::None; {
///         /// Sent first; the image's own by default.
///         signal: attribute(Signal),
///         limits: block(Limits),
///         port: blocks(Port),
///         entries: entries(Text),
///     }
/// }
/// ```
macro_rules! block {
    (
        $(#[doc = $doc:literal])*
        pub struct $name:ident = $kind:literal $label:expr $(, extends $base:ty)?; {
            $($(#[doc = $member_doc:literal])* $member:ident: $shape:ident($ty:ty),)*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, Default)]
        pub struct $name {
            $($(#[doc = $member_doc])* pub $member: block!(@field $shape $ty),)*
        }

        impl $crate::vocabulary::Block for $name {
            const SCHEMA: $crate::vocabulary::BlockSchema = $crate::vocabulary::BlockSchema {
                kind: $kind,
                doc: concat!($($doc, "\n"),*),
                label: $label,
                extends: block!(@extends $($base)?),
                members: &[$($crate::vocabulary::Member {
                    name: block!(@name $shape $member),
                    doc: concat!($($member_doc, "\n"),*),
                    shape: block!(@shape $shape $ty),
                },)*],
            };

            #[allow(unused_variables, reason = "a block may have no attributes or no blocks")]
            fn decode(
                tree: &$crate::vocabulary::Tree,
                decoder: &mut $crate::vocabulary::Decoder<'_>,
            ) -> Self {
                let mut this = Self::default();
                for attribute in &tree.attributes {
                    block!(@attributes this tree attribute decoder $kind [$($member $shape)*]);
                }
                for (kind, inner) in &tree.blocks {
                    let all = || tree.blocks.iter().filter(|(other, _)| other == kind).count();
                    match &**kind {
                        $(stringify!($member) => {
                            block!(@decode_block $shape this.$member, inner, all, decoder, stringify!($member));
                        })*
                        _ => {}
                    }
                }
                this
            }
        }
    };

    (@field attribute $ty:ty) => { Option<$crate::vocabulary::Attribute<$ty>> };
    // Most services write few of them, and share those of a template that they leave alone:
    // thousands of services stand side by side.
    (@field block $ty:ty) => { Option<::std::sync::Arc<$crate::vocabulary::Node<$ty>>> };
    (@field blocks $ty:ty) => { Vec<::std::sync::Arc<$crate::vocabulary::Node<$ty>>> };
    (@field entries $ty:ty) => { Vec<$crate::vocabulary::Entry<$ty>> };

    (@extends) => { None };
    (@extends $base:ty) => { Some(&<$base as $crate::vocabulary::Block>::SCHEMA) };

    (@name entries $member:ident) => { "*" };
    (@name $shape:ident $member:ident) => { stringify!($member) };

    (@shape attribute $ty:ty) => {
        $crate::vocabulary::Shape::Attribute(<$ty as $crate::vocabulary::Typed>::ty)
    };
    (@shape block $ty:ty) => {
        $crate::vocabulary::Shape::Block(&<$ty as $crate::vocabulary::Block>::SCHEMA)
    };
    (@shape blocks $ty:ty) => {
        $crate::vocabulary::Shape::Blocks(&<$ty as $crate::vocabulary::Block>::SCHEMA)
    };
    (@shape entries $ty:ty) => {
        $crate::vocabulary::Shape::Entries(<$ty as $crate::vocabulary::Typed>::ty)
    };

    // An open block has only its entries; every other block matches its members by name.
    (@attributes $this:ident $tree:ident $attribute:ident $decoder:ident $kind:literal [$member:ident entries]) => {
        if let Some(value) = $decoder.attribute(
            &$crate::vocabulary::Property { block: $kind, member: "*" },
            $attribute,
        ) {
            let key = $attribute.key.clone();
            $crate::vocabulary::declare::add(
                &mut $this.$member,
                $crate::vocabulary::Entry { key, attribute: value },
                || $tree.attributes.len(),
            );
        }
    };
    (@attributes $this:ident $tree:ident $attribute:ident $decoder:ident $kind:literal [$($member:ident $shape:ident)*]) => {
        match &*$attribute.key {
            $(stringify!($member) => {
                block!(@decode_attribute $shape $this.$member, $attribute, $decoder, $kind, stringify!($member));
            })*
            _ => {}
        }
    };

    (@decode_attribute attribute $place:expr, $attribute:ident, $decoder:ident, $kind:literal, $name:expr) => {
        $place = $decoder.attribute(
            &$crate::vocabulary::Property { block: $kind, member: $name },
            $attribute,
        );
    };
    (@decode_attribute $shape:ident $place:expr, $attribute:ident, $decoder:ident, $kind:literal, $name:expr) => {};

    (@decode_block block $place:expr, $tree:ident, $all:ident, $decoder:ident, $name:expr) => {
        $place =
            Some($decoder.shared(const { &$crate::vocabulary::Property::block($name) }, $tree));
    };
    (@decode_block blocks $place:expr, $tree:ident, $all:ident, $decoder:ident, $name:expr) => {
        let node =
            $decoder.shared(const { &$crate::vocabulary::Property::block($name) }, $tree);
        $crate::vocabulary::declare::add(&mut $place, node, $all);
    };
    (@decode_block $shape:ident $place:expr, $tree:ident, $all:ident, $decoder:ident, $name:expr) => {};
}
