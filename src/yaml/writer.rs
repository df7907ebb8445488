//! The serde serializer that writes block style straight into a string.
//!
//! Two spaces of indentation, also for the items of a list under a key; entries in the order they come; an empty map is `{}`, an empty list `[]`.

use serde::ser::{Serialize, Serializer};

use super::annotate::{APART, COMMENTED, FLOW};
use super::block::{Block, Tuple, Variant};
use super::{Error, scalar};

/// Where the next value stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// At the start of a document.
    Root,
    /// After `key:`, without the space.
    Value,
    /// After `- `.
    Item,
    /// Before the `:` of an entry.
    Key,
    /// Inside a value on one line.
    Flow,
}

/// Writes one document.
pub(super) struct Writer<'a> {
    pub(super) out: &'a mut String,
    /// The column of the entry or item the next value belongs to.
    pub(super) indent: usize,
    pub(super) place: Place,
    /// Where the line of that entry or item starts in `out`: a comment goes there.
    pub(super) entry: usize,
}

impl<'a> Writer<'a> {
    pub(super) fn new(out: &'a mut String) -> Self {
        let entry = out.len();
        Writer {
            out,
            indent: 0,
            place: Place::Root,
            entry,
        }
    }

    /// The column of what belongs to the current entry.
    pub(super) fn inner(&self) -> usize {
        if self.place == Place::Root {
            0
        } else {
            self.indent + 2
        }
    }

    fn start_scalar(&mut self) {
        if self.place == Place::Value {
            self.out.push(' ');
        }
    }

    fn end_scalar(&mut self) {
        if !matches!(self.place, Place::Key | Place::Flow) {
            self.out.push('\n');
        }
    }

    /// A scalar whose text is safe as it is.
    pub(super) fn verbatim(&mut self, text: &str) {
        self.start_scalar();
        self.out.push_str(text);
        self.end_scalar();
    }

    fn integer(&mut self, negative: bool, mut magnitude: u64) {
        // The longest, 2^64 - 1, has 20 digits.
        let mut digits = [b'0'; 20];
        let mut first = digits.len();
        for slot in digits.iter_mut().rev() {
            *slot = b'0' + u8::try_from(magnitude % 10).unwrap_or_default();
            magnitude /= 10;
            first -= 1;
            if magnitude == 0 {
                break;
            }
        }
        self.start_scalar();
        if negative {
            self.out.push('-');
        }
        for &digit in digits.iter().skip(first) {
            self.out.push(char::from(digit));
        }
        self.end_scalar();
    }

    fn text(&mut self, text: &str) {
        self.start_scalar();
        match self.place {
            Place::Flow => scalar::write_quoted(self.out, text),
            Place::Key => scalar::write(self.out, text, None),
            Place::Root => scalar::write(self.out, text, Some(2)),
            Place::Value | Place::Item => scalar::write(self.out, text, Some(self.indent + 2)),
        }
        self.end_scalar();
    }

    /// Writes the comment above the line the current entry starts on.
    pub(super) fn comment(&mut self, text: &str) {
        let indent = self
            .out
            .get(self.entry..)
            .unwrap_or_default()
            .bytes()
            .take_while(|&b| b == b' ')
            .count();
        let mut lines = String::new();
        // Old readers break lines at more than a newline; a comment must not end early.
        for line in text.split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']) {
            scalar::write_indent(&mut lines, indent);
            lines.push('#');
            if !line.is_empty() {
                lines.push(' ');
            }
            lines.extend(line.chars().map(|c| {
                if scalar::is_visible(c) || c == '\t' {
                    c
                } else {
                    '\u{FFFD}'
                }
            }));
            lines.push('\n');
        }
        self.insert(&lines);
    }

    /// Writes whole lines above the line the current entry starts on.
    fn insert(&mut self, lines: &str) {
        if self.out.is_char_boundary(self.entry) {
            self.out.insert_str(self.entry, lines);
            self.entry += lines.len();
        }
    }
}

impl<'w, 'a> Serializer for &'w mut Writer<'a> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Block<'w, 'a>;
    type SerializeTuple = Block<'w, 'a>;
    type SerializeTupleStruct = Tuple<'w, 'a>;
    type SerializeTupleVariant = Variant<'w, 'a>;
    type SerializeMap = Block<'w, 'a>;
    type SerializeStruct = Block<'w, 'a>;
    type SerializeStructVariant = Variant<'w, 'a>;

    fn serialize_bool(self, v: bool) -> Result<(), Error> {
        self.verbatim(if v { "true" } else { "false" });
        Ok(())
    }

    fn serialize_i8(self, v: i8) -> Result<(), Error> {
        self.serialize_i64(v.into())
    }

    fn serialize_i16(self, v: i16) -> Result<(), Error> {
        self.serialize_i64(v.into())
    }

    fn serialize_i32(self, v: i32) -> Result<(), Error> {
        self.serialize_i64(v.into())
    }

    fn serialize_i64(self, v: i64) -> Result<(), Error> {
        self.integer(v < 0, v.unsigned_abs());
        Ok(())
    }

    fn serialize_u8(self, v: u8) -> Result<(), Error> {
        self.serialize_u64(v.into())
    }

    fn serialize_u16(self, v: u16) -> Result<(), Error> {
        self.serialize_u64(v.into())
    }

    fn serialize_u32(self, v: u32) -> Result<(), Error> {
        self.serialize_u64(v.into())
    }

    fn serialize_u64(self, v: u64) -> Result<(), Error> {
        self.integer(false, v);
        Ok(())
    }

    fn serialize_f32(self, v: f32) -> Result<(), Error> {
        self.serialize_f64(v.into())
    }

    fn serialize_f64(self, v: f64) -> Result<(), Error> {
        if v.is_nan() {
            self.verbatim(".nan");
        } else if v.is_infinite() {
            self.verbatim(if v > 0.0 { ".inf" } else { "-.inf" });
        } else {
            let mut text = v.to_string();
            // Without a point it would come back as an integer.
            if !text.contains('.') {
                text.push_str(".0");
            }
            self.verbatim(&text);
        }
        Ok(())
    }

    fn serialize_char(self, v: char) -> Result<(), Error> {
        self.text(v.encode_utf8(&mut [0; 4]));
        Ok(())
    }

    fn serialize_str(self, v: &str) -> Result<(), Error> {
        self.text(v);
        Ok(())
    }

    fn serialize_bytes(self, v: &[u8]) -> Result<(), Error> {
        v.serialize(self)
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.verbatim("null");
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<(), Error> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        if matches!(self.place, Place::Flow | Place::Key) {
            return value.serialize(self);
        }
        if name == APART {
            self.insert("\n");
            return value.serialize(self);
        }
        if name != FLOW {
            return value.serialize(self);
        }
        self.start_scalar();
        let place = std::mem::replace(&mut self.place, Place::Flow);
        value.serialize(&mut *self)?;
        self.place = place;
        self.end_scalar();
        Ok(())
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        let mut block = Block::open(self, false)?;
        block.key(variant)?;
        block.value(value)?;
        block.finish();
        Ok(())
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<Block<'w, 'a>, Error> {
        Block::open(self, true)
    }

    fn serialize_tuple(self, _len: usize) -> Result<Block<'w, 'a>, Error> {
        Block::open(self, true)
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        _len: usize,
    ) -> Result<Tuple<'w, 'a>, Error> {
        if name == COMMENTED {
            Ok(Tuple::Comment {
                writer: self,
                seen: false,
            })
        } else {
            Block::open(self, true).map(Tuple::List)
        }
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Variant<'w, 'a>, Error> {
        Variant::open(self, variant, true)
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Block<'w, 'a>, Error> {
        Block::open(self, false)
    }

    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<Block<'w, 'a>, Error> {
        Block::open(self, false)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Variant<'w, 'a>, Error> {
        Variant::open(self, variant, false)
    }
}
