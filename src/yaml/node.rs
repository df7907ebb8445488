//! A value on its way to YAML, held still: with its keys in order and its marks, so that something
//! can be put into it before it is written.

use super::Error;
use super::annotate::{APART, COMMENTED, FLOW};
use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

/// A value of YAML, with what stands around it.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number beyond the others.
    Unsigned(u64),
    /// A number with a fraction.
    Float(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A map, in order.
    Map(Vec<(String, Node)>),
    /// A value on one line.
    Flow(Box<Node>),
    /// A value with an empty line above.
    Apart(Box<Node>),
    /// A value with a comment above.
    Commented(String, Box<Node>),
}

/// The value that would be written.
///
/// # Errors
/// It has no place in YAML.
pub fn to_node<T: Serialize + ?Sized>(value: &T) -> Result<Node, Error> {
    value.serialize(Holder)
}

impl Node {
    /// The value without the marks around it.
    pub fn bare(&self) -> &Node {
        match self {
            Node::Flow(inner) | Node::Apart(inner) | Node::Commented(_, inner) => inner.bare(),
            other => other,
        }
    }

    /// The same, to be changed.
    pub fn bare_mut(&mut self) -> &mut Node {
        match self {
            Node::Flow(inner) | Node::Apart(inner) | Node::Commented(_, inner) => inner.bare_mut(),
            other => other,
        }
    }

    /// The value of a key of a map.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match self.bare() {
            Node::Map(entries) => {
                let found = entries.iter().find(|(known, _)| known == key);
                found.map(|(_, value)| value)
            }
            _ => None,
        }
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Node::Null => serializer.serialize_unit(),
            Node::Bool(it) => serializer.serialize_bool(*it),
            Node::Int(it) => serializer.serialize_i64(*it),
            Node::Unsigned(it) => serializer.serialize_u64(*it),
            Node::Float(it) => serializer.serialize_f64(*it),
            Node::Text(it) => serializer.serialize_str(it),
            Node::List(items) => serializer.collect_seq(items),
            Node::Map(entries) => {
                serializer.collect_map(entries.iter().map(|(key, value)| (key, value)))
            }
            Node::Flow(inner) => serializer.serialize_newtype_struct(FLOW, inner),
            Node::Apart(inner) => serializer.serialize_newtype_struct(APART, inner),
            Node::Commented(comment, inner) => {
                let mut pair = serializer.serialize_tuple_struct(COMMENTED, 2)?;
                pair.serialize_field(comment)?;
                pair.serialize_field(inner)?;
                pair.end()
            }
        }
    }
}

/// Makes nodes.
struct Holder;

/// A list being held.
struct Items {
    items: Vec<Node>,
    /// What the list stands for, if it is no list.
    stands_for: Option<&'static str>,
}

/// A map being held.
#[derive(Default)]
struct Keyed {
    entries: Vec<(String, Node)>,
    key: Option<String>,
    /// The word around it.
    variant: Option<&'static str>,
}

impl Items {
    fn new(length: Option<usize>, stands_for: Option<&'static str>) -> Self {
        Self {
            items: Vec::with_capacity(length.unwrap_or(0)),
            stands_for,
        }
    }

    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.items.push(to_node(value)?);
        Ok(())
    }

    fn done(self) -> Node {
        let Some(word) = self.stands_for else {
            return Node::List(self.items);
        };
        let mut items = self.items.into_iter();
        match (word, items.next(), items.next()) {
            (COMMENTED, Some(Node::Text(comment)), Some(value)) => {
                Node::Commented(comment, Box::new(value))
            }
            (_, first, second) => {
                let items = first.into_iter().chain(second).chain(items).collect();
                Node::Map(vec![(word.to_owned(), Node::List(items))])
            }
        }
    }
}

impl Keyed {
    fn add<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), Error> {
        self.entries.push((key.to_owned(), to_node(value)?));
        Ok(())
    }

    fn done(self) -> Node {
        let map = Node::Map(self.entries);
        match self.variant {
            Some(word) => Node::Map(vec![(word.to_owned(), map)]),
            None => map,
        }
    }
}

/// The methods that hold a plain value.
macro_rules! plain {
    ($($method:ident($type:ty) $value:ident => $node:expr;)*) => {$(
        fn $method(self, $value: $type) -> Result<Node, Error> {
            Ok($node)
        }
    )*};
}

impl Serializer for Holder {
    type Ok = Node;
    type Error = Error;
    type SerializeSeq = Items;
    type SerializeTuple = Items;
    type SerializeTupleStruct = Items;
    type SerializeTupleVariant = Items;
    type SerializeMap = Keyed;
    type SerializeStruct = Keyed;
    type SerializeStructVariant = Keyed;

    plain! {
        serialize_bool(bool) it => Node::Bool(it);
        serialize_i8(i8) it => Node::Int(it.into());
        serialize_i16(i16) it => Node::Int(it.into());
        serialize_i32(i32) it => Node::Int(it.into());
        serialize_i64(i64) it => Node::Int(it);
        serialize_u8(u8) it => Node::Int(it.into());
        serialize_u16(u16) it => Node::Int(it.into());
        serialize_u32(u32) it => Node::Int(it.into());
        serialize_u64(u64) it => i64::try_from(it).map_or(Node::Unsigned(it), Node::Int);
        serialize_f32(f32) it => Node::Float(it.into());
        serialize_f64(f64) it => Node::Float(it);
        serialize_char(char) it => Node::Text(it.to_string());
        serialize_str(&str) it => Node::Text(it.to_owned());
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<Node, Error> {
        Err(serde::ser::Error::custom("bytes are no value of YAML"))
    }

    fn serialize_none(self) -> Result<Node, Error> {
        Ok(Node::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Node, Error> {
        to_node(value)
    }

    fn serialize_unit(self) -> Result<Node, Error> {
        Ok(Node::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Node, Error> {
        Ok(Node::Null)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Node, Error> {
        Ok(Node::Text(variant.to_owned()))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<Node, Error> {
        let inner = to_node(value)?;
        Ok(match name {
            FLOW => Node::Flow(Box::new(inner)),
            APART => Node::Apart(Box::new(inner)),
            _ => inner,
        })
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Node, Error> {
        Ok(Node::Map(vec![(variant.to_owned(), to_node(value)?)]))
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Items, Error> {
        Ok(Items::new(length, None))
    }

    fn serialize_tuple(self, length: usize) -> Result<Items, Error> {
        Ok(Items::new(Some(length), None))
    }

    fn serialize_tuple_struct(self, name: &'static str, length: usize) -> Result<Items, Error> {
        let stands_for = (name == COMMENTED).then_some(COMMENTED);
        Ok(Items::new(Some(length), stands_for))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Items, Error> {
        Ok(Items::new(Some(length), Some(variant)))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Keyed, Error> {
        Ok(Keyed::default())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Keyed, Error> {
        Ok(Keyed::default())
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Keyed, Error> {
        Ok(Keyed {
            variant: Some(variant),
            ..Keyed::default()
        })
    }
}

/// The traits of lists.
macro_rules! lists {
    ($($collect:ident $method:ident,)*) => {$(
        impl $collect for Items {
            type Ok = Node;
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.push(value)
            }

            fn end(self) -> Result<Node, Error> {
                Ok(self.done())
            }
        }
    )*};
}

lists! {
    SerializeSeq serialize_element,
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field,
}

impl SerializeMap for Keyed {
    type Ok = Node;
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        match to_node(key)? {
            Node::Text(key) => self.key = Some(key),
            _ => return Err(serde::ser::Error::custom("a key is a text")),
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let key = self.key.take().unwrap_or_default();
        self.add(&key, value)
    }

    fn end(self) -> Result<Node, Error> {
        Ok(self.done())
    }
}

impl SerializeStruct for Keyed {
    type Ok = Node;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.add(key, value)
    }

    fn end(self) -> Result<Node, Error> {
        Ok(self.done())
    }
}

impl SerializeStructVariant for Keyed {
    type Ok = Node;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.add(key, value)
    }

    fn end(self) -> Result<Node, Error> {
        Ok(self.done())
    }
}

#[cfg(test)]
mod tests {
    use super::{Node, to_node};
    use crate::yaml::{Apart, Flow, comment, to_string};
    use serde::Serialize;
    use std::collections::BTreeMap;

    #[derive(Serialize)]
    struct Inner {
        zebra: Option<u64>,
        apple: Flow<Vec<&'static str>>,
    }

    #[derive(Serialize)]
    struct Outer {
        text: &'static str,
        inner: crate::yaml::Commented<Inner>,
        map: Apart<BTreeMap<&'static str, f64>>,
        list: Vec<(i8, bool)>,
    }

    #[test]
    fn what_is_held_is_written_the_same() {
        let value = Outer {
            text: "yes",
            inner: comment(
                "why",
                Inner {
                    zebra: Some(u64::MAX),
                    apple: Flow(vec!["a", "b"]),
                },
            ),
            map: Apart(BTreeMap::from([("3", 0.5)])),
            list: vec![(-1, true)],
        };
        let node = to_node(&value).unwrap();
        assert_eq!(to_string(&node), to_string(&value));
        assert_eq!(
            node.get("inner").and_then(|inner| inner.get("zebra")),
            Some(&Node::Unsigned(u64::MAX))
        );
    }
}
