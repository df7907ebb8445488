//! The builtin functions, and the files of the project.

use super::evaluator::Evaluator;
use super::expression::wrong_type;
use super::operators::compare;
use super::shown::kind_of;
use crate::diagnostics::{Diagnostic, catalogue};
use crate::source::{FileId, LoadError, Span, Spanned, Str, join_path};
use crate::types::{Text, Value};
use std::cmp::Ordering;
use std::sync::Arc;

impl Evaluator<'_> {
    /// `name(arguments)` for a builtin function other than `floor` and `ceil`.
    pub(super) fn builtin(
        &mut self,
        name: &str,
        arguments: &[Spanned<Value>],
        file: FileId,
        at: Span,
    ) -> Option<Value> {
        match (name, arguments) {
            ("min", values) => self.extreme(values, Ordering::Less, name, at),
            ("max", values) => self.extreme(values, Ordering::Greater, name, at),
            ("concat", lists) => self.concat(lists, at),
            ("merge", maps) => self.merge(maps, at),
            ("length", [value]) => self.length(value),
            ("keys" | "values", [record]) => self.entries(name, record, at),
            ("string", [value]) => {
                let text = self.as_text(value.clone())?;
                Some(Value::Text(text))
            }
            ("file", [path]) => {
                let relative = self.known_text(path)?;
                let text = self.project_file(&relative, file, path.span)?;
                Some(Value::Text(Text::Known(text)))
            }
            ("env", [variable]) => self.known_text(variable).map(Value::Environment),
            ("hash", [key]) => {
                let key = self.known_text(key)?;
                Some(known(format!("hash {key}")))
            }
            ("join_with", [separator, list]) => self.join_with(separator, list, at),
            ("split", [separator, text]) => self.split(separator, text, at),
            ("replace", [text, from, to]) => self.replace(text, from, to, at),
            ("lower" | "upper" | "trim", [text]) => {
                let text = self.known_text(text)?;
                self.spend_bytes(text.len(), at)?;
                Some(known(match name {
                    "lower" => text.to_ascii_lowercase(),
                    "upper" => text.to_ascii_uppercase(),
                    _ => text.trim().to_owned(),
                }))
            }
            ("starts_with" | "ends_with", [text, part]) => {
                let (text, part) = (self.known_text(text)?, self.known_text(part)?);
                Some(Value::Bool(match name {
                    "starts_with" => text.starts_with(&*part),
                    _ => text.ends_with(&*part),
                }))
            }
            ("contains", [whole, part]) => self.contains_part(whole, part, at),
            ("manifest", [path, which @ ..]) => self.manifest(path, which, at),
            _ => self.report(wrong_arguments(name, arguments.len(), at)),
        }
    }

    /// The least or the greatest of several values, or of the items of one list.
    fn extreme(
        &mut self,
        values: &[Spanned<Value>],
        wanted: Ordering,
        name: &str,
        at: Span,
    ) -> Option<Value> {
        let list;
        let values = match values {
            [
                Spanned {
                    value: Value::List(items),
                    ..
                },
            ] => {
                list = Arc::clone(items);
                list.as_slice()
            }
            values => values,
        };
        self.spend_items(values.len(), at)?;
        let mut best: Option<Spanned<Value>> = None;
        for value in values {
            let value = self.forced(value.clone())?;
            let value = self.settled(value)?;
            let replaces = match &best {
                None => compare(&value.value, &value.value).map(|_| true),
                Some(best) => compare(&value.value, &best.value).map(|order| order == wanted),
            };
            match replaces {
                Some(true) => best = Some(value),
                Some(false) => {}
                None => {
                    return self.report(wrong_type(&value, "a number or quantity like the others"));
                }
            }
        }
        match best {
            Some(best) => Some(best.value),
            None => self.report(of_nothing(name, at)),
        }
    }

    fn concat(&mut self, lists: &[Spanned<Value>], at: Span) -> Option<Value> {
        let mut joined = Vec::new();
        for list in lists {
            match &list.value {
                Value::List(items) => {
                    self.spend_items(joined.len().saturating_add(items.len()), at)?;
                    joined.extend(items.iter().cloned());
                }
                Value::Range(ends) => {
                    let (Value::Int(from), Value::Int(to)) = (&ends.0, &ends.1) else {
                        return self.report(wrong_type(list, "a list"));
                    };
                    let count = to.saturating_sub(*from).saturating_add(1).max(0);
                    let count = usize::try_from(count).unwrap_or(usize::MAX);
                    self.spend_items(joined.len().saturating_add(count), at)?;
                    let items = (*from..=*to).map(|it| Spanned::new(Value::Int(it), list.span));
                    joined.extend(items);
                }
                _ => return self.report(wrong_type(list, "a list")),
            }
        }
        Some(Value::List(Arc::new(joined)))
    }

    /// Keys keep the place they were first seen at.
    fn merge(&mut self, maps: &[Spanned<Value>], at: Span) -> Option<Value> {
        let mut merged: Vec<(Str, Spanned<Value>)> = Vec::new();
        let mut places = rustc_hash::FxHashMap::default();
        for map in maps {
            let Value::Record(fields) = &map.value else {
                return self.report(wrong_type(map, "a record or map"));
            };
            self.spend_items(merged.len().saturating_add(fields.len()), at)?;
            for (key, value) in fields.iter() {
                let place = *places.entry(key.clone()).or_insert(merged.len());
                match merged.get_mut(place) {
                    Some((_, known)) => *known = value.clone(),
                    None => merged.push((key.clone(), value.clone())),
                }
            }
        }
        Some(Value::Record(Arc::new(merged)))
    }

    fn length(&mut self, value: &Spanned<Value>) -> Option<Value> {
        let settled = self.settled(value.clone())?;
        let length = match &settled.value {
            Value::List(items) => items.len(),
            Value::Record(fields) => fields.len(),
            Value::Text(Text::Known(text)) => text.chars().count(),
            Value::Range(ends) => {
                let (Value::Int(from), Value::Int(to)) = (&ends.0, &ends.1) else {
                    return self.report(wrong_type(value, "a list, a map or a string"));
                };
                let count = to.saturating_sub(*from).saturating_add(1).max(0);
                return Some(Value::Int(count));
            }
            _ => return self.report(wrong_type(value, "a list, a map or a string")),
        };
        Some(Value::Int(i64::try_from(length).unwrap_or(i64::MAX)))
    }

    fn entries(&mut self, name: &str, record: &Spanned<Value>, at: Span) -> Option<Value> {
        let Value::Record(fields) = &record.value else {
            return self.report(wrong_type(record, "a record or map"));
        };
        self.spend_items(fields.len(), at)?;
        let items = fields.iter().map(|(key, value)| match name {
            "keys" => Spanned::new(Value::Text(Text::Known(key.clone())), value.span),
            _ => value.clone(),
        });
        Some(Value::List(Arc::new(items.collect())))
    }

    fn join_with(
        &mut self,
        separator: &Spanned<Value>,
        list: &Spanned<Value>,
        at: Span,
    ) -> Option<Value> {
        let separator = match &separator.value {
            Value::Text(text) => text.clone(),
            _ => return self.report(wrong_type(separator, "string")),
        };
        let Value::List(items) = &list.value else {
            return self.report(wrong_type(list, "a list of strings"));
        };
        self.spend_items(items.len(), at)?;
        let mut known = String::new();
        let mut pieces = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let text = self.as_text(item.clone())?;
            let parts = [(index > 0).then(|| separator.clone()), Some(text)];
            for part in parts.into_iter().flatten() {
                match part {
                    Text::Known(text) => {
                        self.spend_bytes(text.len(), at)?;
                        known.push_str(&text);
                    }
                    Text::Pieces(more) => {
                        let size = size_of::<crate::types::Piece>();
                        self.spend_bytes(more.len().saturating_mul(size), at)?;
                        let before = std::mem::take(&mut known);
                        pieces.push(crate::types::Piece::Literal(before.into()));
                        pieces.extend(more);
                    }
                }
            }
        }
        pieces.push(crate::types::Piece::Literal(known.into()));
        Some(Value::Text(Text::from_pieces(pieces)))
    }

    /// An empty separator splits between characters.
    fn split(
        &mut self,
        separator: &Spanned<Value>,
        text: &Spanned<Value>,
        at: Span,
    ) -> Option<Value> {
        let (separator, span) = (self.known_text(separator)?, text.span);
        let text = self.known_text(text)?;
        self.spend_bytes(text.len(), at)?;
        let item = |part: String| Spanned::new(known(part), span);
        let parts: Vec<_> = if separator.is_empty() {
            self.spend_items(text.len(), at)?;
            text.chars().map(|each| item(each.to_string())).collect()
        } else {
            self.spend_items(text.matches(&*separator).count(), at)?;
            text.split(&*separator)
                .map(|part| item(part.to_owned()))
                .collect()
        };
        Some(Value::List(Arc::new(parts)))
    }

    fn replace(
        &mut self,
        text: &Spanned<Value>,
        from: &Spanned<Value>,
        to: &Spanned<Value>,
        at: Span,
    ) -> Option<Value> {
        let text = self.known_text(text)?;
        let (from, to) = (self.known_text(from)?, self.known_text(to)?);
        if from.is_empty() {
            return Some(Value::Text(Text::Known(text)));
        }
        let longer = text.matches(&*from).count().saturating_mul(to.len());
        self.spend_bytes(text.len().saturating_add(longer), at)?;
        Some(known(text.replace(&*from, &to)))
    }

    /// A file of the project, by its path from the file that names it.
    pub(super) fn project_file(&mut self, relative: &str, from: FileId, at: Span) -> Option<Str> {
        let source = self.program.sources.get(from);
        let folder = source.map_or("", |source| &source.path);
        let Some(path) = join_path(folder, relative) else {
            return self.report(unreadable(relative, &LoadError::OutsideRoot, at));
        };
        if let Some(known) = self.files.get(&path) {
            return match known {
                Some(text) => Some(text.clone()),
                None => self.report(unreadable(relative, &LoadError::NotFound, at)),
            };
        }
        match self.world.load(&path) {
            Ok(text) => {
                self.spend_bytes(text.len(), at)?;
                self.files.insert(path, Some(text.clone()));
                Some(text)
            }
            Err(why) => {
                if why == LoadError::NotFound {
                    self.files.insert(path, None);
                }
                self.report(unreadable(relative, &why, at))
            }
        }
    }
}

fn known(text: String) -> Value {
    Value::Text(Text::Known(text.into()))
}

fn wrong_arguments(name: &str, count: usize, at: Span) -> Diagnostic {
    let usage = crate::resolve::BUILTINS
        .iter()
        .find(|(known, _)| *known == name)
        .map_or("", |(_, usage)| usage);
    Diagnostic::new(
        &catalogue::WRONG_ARGUMENTS,
        format!("`{name}` does not take {count} arguments"),
        at,
    )
    .help(usage)
}

fn of_nothing(name: &str, at: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::MISSING_ITEM,
        format!(
            "`{name}` of nothing: an empty {} has none",
            kind_of(&Value::List(Arc::default()))
        ),
        at,
    )
}

fn unreadable(path: &str, why: &LoadError, at: Span) -> Diagnostic {
    let why = match why {
        LoadError::NotFound => "there is no such file".to_owned(),
        LoadError::OutsideRoot => "it lies outside the project".to_owned(),
        LoadError::NotAFile => "it is not a file".to_owned(),
        LoadError::TooLarge { bytes } => format!("it has {bytes} bytes, which is too large"),
        LoadError::NotUtf8 { offset } => format!("it is not UTF-8 at byte {offset}"),
        LoadError::Io(why) => why.clone(),
    };
    Diagnostic::new(
        &catalogue::MISSING_FILE,
        format!("cannot read `{path}`: {why}"),
        at,
    )
    .help("paths are relative to the file that names them, within the project")
}
