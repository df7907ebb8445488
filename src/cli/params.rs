//! Parameter files: YAML whose top level is a map, read within bounds.

use super::Failure;
use super::project::show;
use crate::eval::Inputs;
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::cell::Cell;
use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The largest parameter file, in bytes.
const MAX_BYTES: u64 = 1024 * 1024;
/// The most values and bytes of text that a file's aliases may unfold to.
const MAX_UNFOLDED: usize = 8 * 1024 * 1024;

/// What is given from outside on the command line: `--set`, and the files of `--params`.
///
/// # Errors
/// As [`read`].
pub(super) fn inputs(set: Vec<(String, String)>, files: &[PathBuf]) -> Result<Inputs, Failure> {
    Ok(Inputs {
        set,
        params: read(files)?,
        ..Inputs::default()
    })
}

/// Reads parameter files, each flattened to its top-level keys, in order.
///
/// # Errors
/// A file that cannot be read, is too large, or is not a map in YAML.
fn read(files: &[PathBuf]) -> Result<Vec<(String, Value)>, Failure> {
    let mut all = Vec::new();
    for file in files {
        let text = read_text(file)?;
        let map = parse(&text).map_err(|error| {
            let place = error.location().map_or_else(String::new, |place| {
                format!(":{}:{}", place.line(), place.column())
            });
            Failure::new(format!("{}{place}: {error}", show(file)))
        })?;
        all.extend(map);
    }
    Ok(all)
}

fn read_text(path: &Path) -> Result<String, Failure> {
    let shown = show(path);
    let failed = |error: std::io::Error| Failure::new(format!("cannot read `{shown}`: {error}"));
    if fs::metadata(path).map_err(failed)?.is_dir() {
        return Err(Failure::new(format!("`{shown}` is a folder, not a file")));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Failure::new(format!(
            "`{shown}` is too large: parameter files have at most {MAX_BYTES} bytes"
        )));
    }
    String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        Failure::new(format!("`{shown}` is not UTF-8: byte {offset} is not text"))
    })
}

fn parse(text: &str) -> Result<Map<String, Value>, serde_yaml::Error> {
    let left = Cell::new(MAX_UNFOLDED);
    let seed = Bounded { left: &left };
    match seed.deserialize(serde_yaml::Deserializer::from_str(text))? {
        Value::Object(map) => Ok(map),
        // A file of comments alone.
        Value::Null => Ok(Map::new()),
        _ => Err(de::Error::custom(
            "expected a map of parameters: `NAME: value`",
        )),
    }
}

/// Reads a value while it may still unfold to something.
#[derive(Clone, Copy)]
struct Bounded<'a> {
    left: &'a Cell<usize>,
}

impl Bounded<'_> {
    fn take<E: de::Error>(self, amount: usize) -> Result<(), E> {
        match self.left.get().checked_sub(amount) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => Err(E::custom("its aliases unfold to too much")),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Bounded<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Bounded<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, number, boolean, list or map")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        self.take(1)?;
        Ok(Value::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        self.visit_unit()
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        self.take(1)?;
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        self.take(1)?;
        Ok(value.into())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        self.take(1)?;
        Ok(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        self.take(1)?;
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("a number must be finite"))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        self.take(value.len() + 1)?;
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        self.take(1)?;
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(self)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut values = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            self.take(key.len() + 1)?;
            let value = map.next_value_seed(self)?;
            if values.contains_key(&key) {
                return Err(de::Error::custom(format!("`{key}` is there twice")));
            }
            values.insert(key, value);
        }
        Ok(Value::Object(values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_map_is_read_as_it_stands() {
        let map = parse("# c\nN: 3\ns: \"3\"\nl: [1, 2.5, no]\nm: {a: null, b: true}\n").unwrap();
        let expected = serde_json::json!({
            "N": 3, "s": "3", "l": [1, 2.5, "no"], "m": { "a": null, "b": true }
        });
        assert_eq!(Value::Object(map), expected);
        assert!(parse("# nothing\n").unwrap().is_empty());
    }

    #[test]
    fn what_is_no_map_of_plain_values_is_refused() {
        assert!(error("- 1\n").contains("expected a map of parameters"));
        assert!(error("a: 1\na: 2\n").contains("`a` is there twice"));
        assert!(error("a: .nan\n").contains("finite"));
        assert!(parse("a: 1\n---\nb: 2\n").is_err());
        assert!(parse("a: !tag 1\n").is_err());
        let place = parse("a: 1\nb: [\n").unwrap_err();
        assert!(place.location().is_some_and(|place| place.line() >= 2));
    }

    #[test]
    fn aliases_unfold_within_bounds() {
        use std::fmt::Write;
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let before = format!("*a{}, ", level - 1).repeat(9);
            writeln!(bomb, "a{level}: &a{level} [{before}]").unwrap();
        }
        assert!(parse(&bomb).is_err());
        // The reader's own bound lets this through; ours does not.
        let text = "x".repeat(100_000);
        let wide = format!("a: &a {text}\nb: [{}]\n", "*a, ".repeat(400));
        assert!(
            error(&wide).contains("unfold to too much"),
            "{}",
            error(&wide)
        );
    }
}
