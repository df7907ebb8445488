//! Whether an object is one that its API takes: every key one of its type's, every value of its
//! field's.
//!
//! The types' own reading tells their fields: serde hands a reader the names that a struct has.
//! Readers pass what they do not know; this one does not.

use super::path::Step;
use crate::yaml::Node;
use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess,
    Visitor,
};
use std::fmt;

/// Why an object is not what its API takes.
#[derive(Debug)]
pub(in crate::targets) struct Misfit {
    /// Where, the last step first.
    steps: Vec<Step>,
    /// What is wrong there.
    pub(in crate::targets) fault: Fault,
}

/// What is wrong in one place.
#[derive(Debug)]
pub(in crate::targets) enum Fault {
    /// There is no such field; there are these.
    Unknown(&'static [&'static str]),
    /// The value is of another kind than this.
    Kind(&'static str),
    /// The type's own words.
    Other(String),
}

impl Misfit {
    /// Where.
    pub(in crate::targets) fn path(&self) -> Vec<Step> {
        self.steps.iter().rev().cloned().collect()
    }

    fn new(fault: Fault) -> Self {
        Self {
            steps: Vec::new(),
            fault,
        }
    }

    fn within(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }
}

/// Reads an object as a type.
///
/// # Errors
/// The first thing in it that the type does not have.
pub(in crate::targets) fn read<'n, T: Deserialize<'n>>(node: &'n Node) -> Result<T, Misfit> {
    T::deserialize(Strict(node))
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.fault {
            Fault::Unknown(_) => f.write_str("there is no such field"),
            Fault::Kind(kind) => write!(f, "it takes {kind}"),
            Fault::Other(words) => f.write_str(words),
        }
    }
}

impl std::error::Error for Misfit {}

impl de::Error for Misfit {
    fn custom<T: fmt::Display>(words: T) -> Self {
        Self::new(Fault::Other(words.to_string()))
    }

    /// `expected` may be a type's name in Rust, which is nobody's word but ours.
    fn invalid_type(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        let words = expected.to_string();
        Self::new(match words.as_str() {
            "IntOrString" => Fault::Kind("a whole number or a text"),
            words if words.starts_with("a ") => Fault::Other(format!("it takes {words}")),
            _ => Fault::Kind("another kind of value"),
        })
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Fault::Unknown(expected)).within(Step::Key(field.to_owned()))
    }

    fn invalid_value(unexpected: de::Unexpected<'_>, _: &dyn de::Expected) -> Self {
        Self::new(Fault::Other(match unexpected {
            de::Unexpected::Signed(number) => format!("{number} is out of its range"),
            de::Unexpected::Unsigned(number) => format!("{number} is out of its range"),
            _ => "the value is not one of those it takes".to_owned(),
        }))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        let words: Vec<String> = expected.iter().map(|word| format!("`{word}`")).collect();
        Self::new(Fault::Other(format!("it takes {}", words.join(", "))))
    }
}

/// A node that is read.
struct Strict<'n>(&'n Node);

/// The methods that take one kind of value.
macro_rules! kinds {
    ($($kind:literal $pattern:pat => $($method:ident)*;)*) => {$($(
        fn $method<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Misfit> {
            match self.0.bare() {
                $pattern => self.deserialize_any(visitor),
                _ => Err(Misfit::new(Fault::Kind($kind))),
            }
        }
    )*)*};
}

impl<'n> Deserializer<'n> for Strict<'n> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0.bare() {
            Node::Bool(it) => visitor.visit_bool(*it),
            Node::Int(it) => visitor.visit_i64(*it),
            Node::Unsigned(it) => visitor.visit_u64(*it),
            Node::Float(it) => visitor.visit_f64(*it),
            Node::Text(it) => visitor.visit_borrowed_str(it),
            Node::List(items) => visitor.visit_seq(Items {
                items: items.iter().enumerate(),
            }),
            Node::Map(entries) => visitor.visit_map(Entries {
                entries: entries.iter(),
                value: None,
            }),
            // A bare node has no marks.
            Node::Null | Node::Flow(_) | Node::Apart(_) | Node::Commented(..) => {
                visitor.visit_unit()
            }
        }
    }

    fn deserialize_option<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0.bare() {
            Node::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'n>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'n>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        let Node::Map(entries) = self.0.bare() else {
            return Err(Misfit::new(Fault::Kind("a record")));
        };
        let unknown = entries.iter().find(|(key, _)| !fields.contains(&&**key));
        match unknown {
            Some((key, _)) => {
                Err(Misfit::new(Fault::Unknown(fields)).within(Step::Key(key.clone())))
            }
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'n>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        match self.0.bare() {
            Node::Text(word) => visitor.visit_enum(word.as_str().into_deserializer()),
            _ => Err(Misfit::new(Fault::Kind("a text"))),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'n>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_tuple<V: Visitor<'n>>(self, _: usize, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'n>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        self.deserialize_seq(visitor)
    }

    kinds! {
        "true or false" Node::Bool(_) => deserialize_bool;
        "a whole number" Node::Int(_) | Node::Unsigned(_) =>
            deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
            deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64;
        "a number" Node::Int(_) | Node::Unsigned(_) | Node::Float(_) =>
            deserialize_f32 deserialize_f64;
        "a text" Node::Text(_) =>
            deserialize_char deserialize_str deserialize_string deserialize_bytes
            deserialize_byte_buf deserialize_identifier;
        "a list" Node::List(_) => deserialize_seq;
        "a map" Node::Map(_) => deserialize_map;
        "nothing" Node::Null => deserialize_unit;
    }

    fn deserialize_ignored_any<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_any(visitor)
    }
}

struct Items<'n> {
    items: std::iter::Enumerate<std::slice::Iter<'n, Node>>,
}

impl<'n> SeqAccess<'n> for Items<'n> {
    type Error = Misfit;

    fn next_element_seed<T: DeserializeSeed<'n>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Misfit> {
        let Some((index, item)) = self.items.next() else {
            return Ok(None);
        };
        let value = seed.deserialize(Strict(item));
        value
            .map(Some)
            .map_err(|misfit| misfit.within(Step::Item(index)))
    }
}

struct Entries<'n> {
    entries: std::slice::Iter<'n, (String, Node)>,
    value: Option<(&'n str, &'n Node)>,
}

impl<'n> MapAccess<'n> for Entries<'n> {
    type Error = Misfit;

    fn next_key_seed<K: DeserializeSeed<'n>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Misfit> {
        let Some((key, value)) = self.entries.next() else {
            return Ok(None);
        };
        self.value = Some((key, value));
        let key: de::value::BorrowedStrDeserializer<'n, Misfit> =
            de::value::BorrowedStrDeserializer::new(key);
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'n>>(&mut self, seed: V) -> Result<V::Value, Misfit> {
        let Some((key, value)) = self.value.take() else {
            return Err(de::Error::custom("a value without a key"));
        };
        let value = seed.deserialize(Strict(value));
        value.map_err(|misfit| misfit.within(Step::Key(key.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets::patch::path::shown;
    use k8s_openapi::api::apps::v1::Deployment;
    use k8s_openapi::api::core::v1::Service;

    fn node(yaml: &str) -> Node {
        let value: serde_yaml::Value = serde_yaml::from_str(yaml).unwrap();
        crate::yaml::to_node(&value).unwrap()
    }

    fn misfit<'n, T: Deserialize<'n>>(node: &'n Node) -> (String, Fault) {
        match read::<T>(node) {
            Err(misfit) => (shown(&misfit.path()), misfit.fault),
            Ok(_) => (String::new(), Fault::Other("it fits".to_owned())),
        }
    }

    #[test]
    fn fields_that_no_type_has_are_found_with_those_it_has() {
        let deployment = node(
            "apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n      - name: a\n        imagePolicy: Always\n",
        );
        let (path, fault) = misfit::<Deployment>(&deployment);
        assert_eq!(path, "spec.template.spec.containers[0].imagePolicy");
        assert!(matches!(fault, Fault::Unknown(known) if known.contains(&"imagePullPolicy")));
    }

    #[test]
    fn values_of_another_kind_are_found() {
        let head = "apiVersion: v1\nkind: Service\n";
        for (yaml, path, kind) in [
            ("spec: {clusterIP: 3}", "spec.clusterIP", "a text"),
            ("spec: {ports: 3}", "spec.ports", "a list"),
            (
                "spec: {ports: [{port: x}]}",
                "spec.ports[0].port",
                "a whole number",
            ),
            ("spec: {selector: x}", "spec.selector", "a map"),
            ("spec: x", "spec", "a record"),
            (
                "spec: {publishNotReadyAddresses: 1}",
                "spec.publishNotReadyAddresses",
                "true or false",
            ),
        ] {
            let service = node(&format!("{head}{yaml}"));
            let (found, fault) = misfit::<Service>(&service);
            assert_eq!(found, path);
            assert!(
                matches!(fault, Fault::Kind(wanted) if wanted == kind),
                "{fault:?}"
            );
        }
        let number = node(&format!("{head}spec: {{ports: [{{port: 99999999999}}]}}"));
        let (path, fault) = misfit::<Service>(&number);
        assert_eq!(path, "spec.ports[0].port");
        assert!(matches!(fault, Fault::Other(words) if words == "99999999999 is out of its range"));
        let both = node(&format!(
            "{head}spec: {{ports: [{{port: 1, targetPort: http}}, {{port: 2, targetPort: 3}}]}}"
        ));
        assert!(read::<Service>(&both).is_ok());
    }
}
