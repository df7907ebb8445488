//! Reading an object as the API server does: into the types of the API, with what cannot be read and what no type has.

use serde::de::value::{BorrowedStrDeserializer, Error, StrDeserializer};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::any::type_name;
use std::cell::RefCell;
use std::fmt::Write as _;

/// What was found on the way.
#[derive(Default)]
pub(super) struct Found {
    pub(super) unread: Option<Unread>,
    /// The places that no type has.
    pub(super) unknown: Vec<String>,
}

/// What could not be read.
pub(super) struct Unread {
    pub(super) place: String,
    pub(super) why: Why,
}

pub(super) enum Why {
    /// What stands there, the field of the API's types, as Go names it, and its type.
    Type(Is, String, &'static str),
    /// No base64.
    Bytes,
    /// No quantity.
    Amount(&'static str),
}

/// What stands in a place.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Is {
    Text,
    Whole,
    Fraction,
    Truth,
    List,
    Map,
}

/// One value of an object, to be read into a type.
#[derive(Clone, Copy)]
pub(super) struct Reader<'p, 'v> {
    value: &'v Value,
    at: Option<&'p Step<'p>>,
    found: &'p RefCell<Found>,
}

/// A step of the way to a value.
struct Step<'p> {
    before: Option<&'p Step<'p>>,
    key: Key<'p>,
}

enum Key<'p> {
    /// A field of a type, which is named first.
    Field(&'static str, &'p str),
    /// A key of a map.
    Entry(&'p str),
    Item(usize),
}

impl<'p, 'v> Reader<'p, 'v> {
    pub(super) fn new(value: &'v Value, found: &'p RefCell<Found>) -> Self {
        Self {
            value,
            at: None,
            found,
        }
    }

    fn steps(self) -> Vec<&'p Key<'p>> {
        let mut steps = Vec::new();
        let mut at = self.at;
        while let Some(step) = at {
            steps.push(&step.key);
            at = step.before;
        }
        steps.reverse();
        steps
    }

    /// As the API server says a place.
    fn place(self) -> String {
        let mut place = String::new();
        for step in self.steps() {
            // Writing to a string never fails.
            let _ = match step {
                Key::Field(_, name) | Key::Entry(name) if place.is_empty() => {
                    write!(place, "{name}")
                }
                Key::Field(_, name) | Key::Entry(name) => write!(place, ".{name}"),
                Key::Item(index) => write!(place, "[{index}]"),
            };
        }
        place
    }

    /// As `encoding/json` says a field: its type, and the fields on the way.
    fn field(self) -> String {
        let (mut owner, mut path) = ("", String::new());
        for step in self.steps() {
            if let Key::Field(of, name) = step {
                owner = of;
                path.push('.');
                path.push_str(name);
            }
        }
        format!("{owner}{path}")
    }

    fn fail<T>(self, why: Why) -> Result<T, Error> {
        let place = self.place();
        self.found.borrow_mut().unread = Some(Unread { place, why });
        Err(Error::custom("unread"))
    }

    fn is_no<T>(self, wanted: &'static str) -> Result<T, Error> {
        let is = match self.value {
            Value::String(_) => Is::Text,
            Value::Number(number) if number.is_f64() => Is::Fraction,
            Value::Number(_) => Is::Whole,
            Value::Bool(_) => Is::Truth,
            Value::Array(_) => Is::List,
            Value::Object(_) | Value::Null => Is::Map,
        };
        self.fail(Why::Type(is, self.field(), wanted))
    }

    fn entries<'m>(
        self,
        map: Option<&'v Map<String, Value>>,
        owner: Option<Owner<'m>>,
    ) -> Entries<'p, 'v, 'm> {
        Entries {
            all: map.map(Map::iter),
            reader: self,
            owner,
            next: None,
        }
    }

    fn integer<V: Visitor<'v>>(self, wanted: &'static str, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_i64(0),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(number), _) => visitor.visit_i64(number),
                (None, Some(number)) if number.fract() == 0.0 => visitor.visit_i64(0),
                _ => self.is_no(wanted),
            },
            _ => self.is_no(wanted),
        }
    }
}

/// A type, and the fields that it has.
#[derive(Clone, Copy)]
struct Owner<'m> {
    name: &'static str,
    fields: &'m [&'static str],
}

impl<'v> Deserializer<'v> for Reader<'_, 'v> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(is) => visitor.visit_bool(*is),
            Value::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(number), _) => visitor.visit_i64(number),
                (None, Some(number)) => visitor.visit_u64(number),
                _ => visitor.visit_f64(number.as_f64().unwrap_or_default()),
            },
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(items) => visitor.visit_seq(Items {
                all: items.iter().enumerate(),
                reader: self,
            }),
            Value::Object(map) => visitor.visit_map(self.entries(Some(map), None)),
        }
    }

    fn deserialize_bool<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_bool(false),
            Value::Bool(is) => visitor.visit_bool(*is),
            _ => self.is_no("bool"),
        }
    }

    fn deserialize_i32<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Error> {
        self.integer("int32", visitor)
    }

    fn deserialize_i64<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Error> {
        self.integer("int64", visitor)
    }

    fn deserialize_string<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_str(""),
            Value::String(text) => visitor.visit_borrowed_str(text),
            _ => self.is_no("string"),
        }
    }

    /// Of the types only `ByteString` asks for one, and what it holds does not matter here.
    fn deserialize_str<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::String(text) if !is_base64(text) => self.fail(Why::Bytes),
            Value::String(_) | Value::Null => visitor.visit_str(""),
            _ => self.is_no("[]uint8"),
        }
    }

    fn deserialize_option<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'v>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        match (name, self.value) {
            ("Quantity", Value::String(text)) => {
                if let Some(why) = super::quantity::fault(text.trim()) {
                    return self.fail(Why::Amount(why));
                }
            }
            // Times are not looked at.
            ("Time" | "MicroTime", _) => {
                let some = StrDeserializer::new("1970-01-01T00:00:00.000000Z");
                return visitor.visit_newtype_struct(some);
            }
            _ => {}
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Error> {
        let items: &[Value] = match self.value {
            Value::Array(items) => items,
            Value::Null => &[],
            // The names of types are for what is said alone.
            _ if type_name::<V::Value>().ends_with("<alloc::string::String>") => {
                return self.is_no("[]string");
            }
            _ => return self.is_no("…"),
        };
        visitor.visit_seq(Items {
            all: items.iter().enumerate(),
            reader: self,
        })
    }

    fn deserialize_map<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Object(map) => visitor.visit_map(self.entries(Some(map), None)),
            Value::Null => visitor.visit_map(self.entries(None, None)),
            _ => self.is_no("…"),
        }
    }

    fn deserialize_struct<V: Visitor<'v>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let owner = Some(Owner { name, fields });
        match self.value {
            Value::Object(map) => {
                for key in map.keys() {
                    if !fields.contains(&key.as_str()) && !is_later(name, key) {
                        let step = Step {
                            before: self.at,
                            key: Key::Field(name, key),
                        };
                        let reader = Reader {
                            at: Some(&step),
                            ..self
                        };
                        let place = reader.place();
                        self.found.borrow_mut().unknown.push(place);
                    }
                }
                visitor.visit_map(self.entries(Some(map), owner))
            }
            Value::Null => visitor.visit_map(self.entries(None, owner)),
            _ => self.is_no("…"),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        <V: Visitor<'v>>
        i8 i16 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct enum identifier
    }
}

struct Items<'p, 'v> {
    all: std::iter::Enumerate<std::slice::Iter<'v, Value>>,
    reader: Reader<'p, 'v>,
}

impl<'v> SeqAccess<'v> for Items<'_, 'v> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'v>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        let Some((index, value)) = self.all.next() else {
            return Ok(None);
        };
        let step = Step {
            before: self.reader.at,
            key: Key::Item(index),
        };
        let (at, found) = (Some(&step), self.reader.found);
        seed.deserialize(Reader { value, at, found }).map(Some)
    }
}

struct Entries<'p, 'v, 'm> {
    all: Option<serde_json::map::Iter<'v>>,
    reader: Reader<'p, 'v>,
    owner: Option<Owner<'m>>,
    next: Option<(&'v str, &'v Value)>,
}

impl<'v> MapAccess<'v> for Entries<'_, 'v, '_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'v>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let owner = self.owner;
        let is_known = |key: &str| owner.is_none_or(|it| it.fields.contains(&key));
        // What is null is not there.
        let mut all = self.all.iter_mut().flatten();
        let next = all.find(|(key, value)| is_known(key) && !value.is_null());
        let Some((key, value)) = next else {
            return Ok(None);
        };
        self.next = Some((key, value));
        seed.deserialize(BorrowedStrDeserializer::new(key))
            .map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'v>>(&mut self, seed: T) -> Result<T::Value, Error> {
        let (key, value) = self.next.take().ok_or_else(|| Error::custom("no key"))?;
        let key = match self.owner {
            Some(owner) => Key::Field(owner.name, key),
            None => Key::Entry(key),
        };
        let step = Step {
            before: self.reader.at,
            key,
        };
        let (at, found) = (Some(&step), self.reader.found);
        seed.deserialize(Reader { value, at, found })
    }
}

/// Whether a text is what Go reads as base64: line breaks do not count, and what is left is whole quadruples
/// (`encoding/base64`, `StdEncoding`).
fn is_base64(text: &str) -> bool {
    let text: String = text
        .chars()
        .filter(|it| !matches!(it, '\r' | '\n'))
        .collect();
    let body = text.trim_end_matches('=');
    let is_one = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/');
    text.len().is_multiple_of(4) && text.len() - body.len() <= 2 && body.chars().all(is_one)
}

/// Fields that the API has since versions after the one of the types: k8s-openapi 0.29, `v1_33` beside `v1_34` to `v1_37`.
fn is_later(owner: &str, field: &str) -> bool {
    matches!(
        (owner, field),
        ("JobSpec", "scheduling")
            | (
                "ConfigMapVolumeSource"
                    | "DownwardAPIVolumeSource"
                    | "ProjectedVolumeSource"
                    | "SecretVolumeSource",
                "defaultUser"
            )
            | ("Container" | "EphemeralContainer", "restartPolicyRules")
            | (
                "ClusterTrustBundleProjection"
                    | "DownwardAPIVolumeFile"
                    | "KeyToPath"
                    | "ServiceAccountTokenProjection",
                "user"
            )
            | ("EmptyDirVolumeSource" | "GRPCAction", "mode")
            | ("EnvVarSource", "fileKeyRef")
            | ("HTTPGetAction", "protocol")
            | (
                "PodSpec",
                "evictionResponders" | "hostnameOverride" | "schedulingGroup" | "workloadRef"
            )
            | ("VolumeMount", "bindMountOptions")
            | ("VolumeProjection", "podCertificate")
    )
}
