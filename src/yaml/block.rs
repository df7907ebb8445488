//! Lists and maps as they are written entry by entry.

use serde::ser::{self, Serialize};

use super::writer::{Place, Writer};
use super::{Error, scalar};

/// Readers refuse a simple key of more than 1024 characters (<https://yaml.org/spec/1.2.2/#742-flow-mappings>); escapes may stretch one sixfold.
const LONGEST_SIMPLE_KEY: usize = 128;

/// An open list or map.
pub(super) struct Block<'w, 'a> {
    writer: &'w mut Writer<'a>,
    /// Where it stands itself, and the column its own entry has: put back when it ends.
    place: Place,
    indent: usize,
    /// The column of its entries.
    column: usize,
    list: bool,
    empty: bool,
}

impl<'w, 'a> Block<'w, 'a> {
    /// Opens one where the writer stands.
    pub(super) fn open(writer: &'w mut Writer<'a>, list: bool) -> Result<Self, Error> {
        if writer.place == Place::Key {
            return Err(ser::Error::custom(
                "a key of a map is neither a list nor a map",
            ));
        }
        if writer.place == Place::Flow {
            writer.out.push(if list { '[' } else { '{' });
        }
        Ok(Block {
            column: writer.inner(),
            place: writer.place,
            indent: writer.indent,
            list,
            empty: true,
            writer,
        })
    }

    /// Everything before an entry's own text.
    fn start_entry(&mut self) {
        let first = std::mem::replace(&mut self.empty, false);
        let writer = &mut *self.writer;
        match self.place {
            Place::Flow => {
                if !first {
                    writer.out.push_str(", ");
                }
                return;
            }
            // It starts on the line of the dash.
            Place::Item if first => return,
            Place::Value if first => writer.out.push('\n'),
            _ => {}
        }
        writer.entry = writer.out.len();
        scalar::write_indent(writer.out, self.column);
    }

    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.start_entry();
        if self.place == Place::Flow {
            return value.serialize(&mut *self.writer);
        }
        self.writer.out.push_str("- ");
        self.writer.place = Place::Item;
        self.writer.indent = self.column;
        value.serialize(&mut *self.writer)
    }

    pub(super) fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.start_entry();
        if self.place == Place::Flow {
            key.serialize(&mut *self.writer)?;
            self.writer.out.push_str(": ");
            return Ok(());
        }
        let start = self.writer.out.len();
        self.writer.place = Place::Key;
        key.serialize(&mut *self.writer)?;
        if self.writer.out.len() - start > LONGEST_SIMPLE_KEY {
            self.writer.out.insert_str(start, "? ");
            self.writer.out.push('\n');
            scalar::write_indent(self.writer.out, self.column);
        }
        self.writer.out.push(':');
        Ok(())
    }

    /// A field's name: nearly every key of a manifest, so it goes straight to the text. The names of
    /// fields are the compiler's own, and none needs quotes.
    fn field(&mut self, name: &'static str) -> Result<(), Error> {
        if self.place == Place::Flow || name.len() > LONGEST_SIMPLE_KEY {
            return self.key(name);
        }
        debug_assert!(scalar::is_plain(name), "a field named {name:?}");
        self.start_entry();
        self.writer.out.push_str(name);
        self.writer.out.push(':');
        Ok(())
    }

    pub(super) fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        if self.place != Place::Flow {
            self.writer.place = Place::Value;
            self.writer.indent = self.column;
        }
        value.serialize(&mut *self.writer)
    }

    pub(super) fn finish(self) -> &'w mut Writer<'a> {
        let Block {
            writer,
            place,
            indent,
            list,
            empty,
            ..
        } = self;
        writer.place = place;
        writer.indent = indent;
        if place == Place::Flow {
            writer.out.push(if list { ']' } else { '}' });
        } else if empty {
            writer.verbatim(if list { "[]" } else { "{}" });
        }
        writer
    }
}

impl ser::SerializeSeq for Block<'_, '_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.item(value)
    }

    fn end(self) -> Result<(), Error> {
        self.finish();
        Ok(())
    }
}

impl ser::SerializeTuple for Block<'_, '_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.item(value)
    }

    fn end(self) -> Result<(), Error> {
        self.finish();
        Ok(())
    }
}

impl ser::SerializeMap for Block<'_, '_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.value(value)
    }

    fn end(self) -> Result<(), Error> {
        self.finish();
        Ok(())
    }
}

impl ser::SerializeStruct for Block<'_, '_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.field(key)?;
        self.value(value)
    }

    fn end(self) -> Result<(), Error> {
        self.finish();
        Ok(())
    }
}

/// A tuple struct: a list, or a value under a comment.
pub(super) enum Tuple<'w, 'a> {
    List(Block<'w, 'a>),
    Comment {
        writer: &'w mut Writer<'a>,
        seen: bool,
    },
}

impl ser::SerializeTupleStruct for Tuple<'_, '_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        match self {
            Tuple::List(block) => block.item(value),
            Tuple::Comment { writer, seen: true } => value.serialize(&mut **writer),
            Tuple::Comment { writer, seen } => {
                *seen = true;
                let text = serde_json::to_value(value).map_err(ser::Error::custom)?;
                if writer.place != Place::Flow {
                    writer.comment(text.as_str().unwrap_or_default());
                }
                Ok(())
            }
        }
    }

    fn end(self) -> Result<(), Error> {
        if let Tuple::List(block) = self {
            block.finish();
        }
        Ok(())
    }
}

/// An enum's variant with several fields: a map of one entry, the list or map of the fields under the variant's name.
pub(super) struct Variant<'w, 'a> {
    fields: Block<'w, 'a>,
    place: Place,
    indent: usize,
}

impl<'w, 'a> Variant<'w, 'a> {
    pub(super) fn open(writer: &'w mut Writer<'a>, name: &str, list: bool) -> Result<Self, Error> {
        let mut outer = Block::open(writer, false)?;
        outer.key(name)?;
        let Block {
            writer,
            place,
            indent,
            column,
            ..
        } = outer;
        if place != Place::Flow {
            writer.place = Place::Value;
            writer.indent = column;
        }
        Ok(Variant {
            fields: Block::open(writer, list)?,
            place,
            indent,
        })
    }

    fn finish(self) {
        let writer = self.fields.finish();
        writer.place = self.place;
        writer.indent = self.indent;
        if self.place == Place::Flow {
            writer.out.push('}');
        }
    }
}

impl ser::SerializeTupleVariant for Variant<'_, '_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.fields.item(value)
    }

    fn end(self) -> Result<(), Error> {
        self.finish();
        Ok(())
    }
}

impl ser::SerializeStructVariant for Variant<'_, '_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.fields.field(key)?;
        self.fields.value(value)
    }

    fn end(self) -> Result<(), Error> {
        self.finish();
        Ok(())
    }
}
