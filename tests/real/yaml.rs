//! YAML: Docker's reader (go-yaml v3), Kubernetes' (a YAML 1.1 one), `PyYAML` and `serde_yaml` find the same data in
//! every file.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value};

use crate::programs::{self, Program};
use crate::{Failure, Test, Verdict, ensure, machine, test};

/// The readers beside `serde_yaml`, which is always there.
pub(crate) const READERS: [Reader; 3] = [Reader::GoYaml, Reader::Kubernetes, Reader::PyYaml];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    GoYaml,
    Kubernetes,
    PyYaml,
}

pub(crate) fn tests(programs: &[Program]) -> Vec<Test> {
    let mut tests = vec![
        test("yaml::judge_sees_a_difference", judge_sees_a_difference),
        test("yaml::judge_sees_a_lost_string", judge_sees_a_lost_string),
        test("yaml::plain_scalars", plain_scalars),
    ];
    let files: (&str, &[&str]) = ("", &["yml", "yaml"]);
    tests.extend(programs::each(
        programs,
        "yaml::serde",
        files,
        |_, files| {
            files
                .iter()
                .try_for_each(|file| serde_yaml(file).map(drop).map_err(Failure::Wrong))
        },
    ));
    tests.extend(programs::each(
        programs,
        "yaml::go_yaml",
        files,
        |_, files| same(Reader::GoYaml, files),
    ));
    tests.extend(programs::each(
        programs,
        "yaml::kubernetes",
        files,
        |_, files| same(Reader::Kubernetes, files),
    ));
    tests.extend(programs::each(
        programs,
        "yaml::py_yaml",
        files,
        |_, files| same(Reader::PyYaml, files),
    ));
    tests
}

/// A reader finds in the files what `serde_yaml` finds.
pub(crate) fn same(reader: Reader, files: &[PathBuf]) -> Verdict {
    for (file, theirs) in files.iter().zip(read(reader, files)?) {
        let ours = Value::Array(serde_yaml(file)?);
        ensure(ours == theirs, || {
            format!(
                "{}\n{reader:?} reads {theirs}\nserde_yaml reads {ours}",
                file.display()
            )
        })?;
    }
    Ok(())
}

/// Every reader finds, somewhere in the text, a map that has all these strings, once `meaning` has said what the
/// consumer takes a string for.
pub(crate) fn judge_strings(
    text: &str,
    meaning: fn(&str) -> String,
    expected: &[(String, String)],
) -> Verdict {
    let file = machine::folder("strings").join("strings.yaml");
    std::fs::write(&file, text).map_err(|error| error.to_string())?;
    let has = |reader: &str, data| has_strings(reader, &translate(data, meaning), expected);
    has("serde_yaml", Value::Array(serde_yaml(&file)?))?;
    for reader in READERS {
        for documents in read(reader, std::slice::from_ref(&file))? {
            has(&format!("{reader:?}"), documents)?;
        }
    }
    Ok(())
}

/// The data with every string that is a value taken for what it means.
pub(crate) fn translate(value: Value, meaning: fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(meaning(&text)),
        Value::Array(list) => list
            .into_iter()
            .map(|item| translate(item, meaning))
            .collect(),
        Value::Object(map) => map
            .into_iter()
            .map(|(key, item)| (key, translate(item, meaning)))
            .collect(),
        other => other,
    }
}

/// As a map, as a list of `KEY=value`, or as a list of `{name, value}`.
pub(crate) fn has_strings(reader: &str, value: &Value, expected: &[(String, String)]) -> Verdict {
    let wanted: Map<String, Value> = expected
        .iter()
        .map(|(key, text)| (key.clone(), Value::from(text.as_str())))
        .collect();
    let mut nearest = (0, None);
    let found = any(value, &mut |map| {
        let hits = wanted
            .iter()
            .filter(|(key, text)| map.get(*key) == Some(*text))
            .count();
        if hits > nearest.0 {
            nearest = (hits, Some(map.clone()));
        }
        hits == wanted.len()
    });
    ensure(found, || {
        let Some(map) = nearest.1 else {
            return format!("{reader} finds none of the strings");
        };
        let differ = |(key, text): &(&String, &Value)| map.get(*key) != Some(*text);
        let lost: Vec<_> = wanted.iter().filter(differ).collect();
        let got: Vec<_> = lost.iter().map(|(key, _)| map.get(*key)).collect();
        format!("{reader} does not give these back: {lost:?}\nbut these: {got:?}")
    })
}

fn any(value: &Value, is: &mut impl FnMut(&Map<String, Value>) -> bool) -> bool {
    match value {
        Value::Object(map) => is(map) || map.values().any(|item| any(item, is)),
        Value::Array(list) => {
            list.iter()
                .map(pair)
                .collect::<Option<Map<_, _>>>()
                .is_some_and(|map| is(&map))
                || list.iter().any(|item| any(item, is))
        }
        _ => false,
    }
}

fn pair(item: &Value) -> Option<(String, Value)> {
    match item {
        Value::String(text) => text
            .split_once('=')
            .map(|(key, text)| (key.to_owned(), Value::from(text))),
        Value::Object(map) => Some((
            map.get("name")?.as_str()?.to_owned(),
            // JSON leaves an empty value out.
            map.get("value").cloned().unwrap_or_else(|| "".into()),
        )),
        _ => None,
    }
}

/// Per file, the list of its documents.
fn read(reader: Reader, files: &[PathBuf]) -> Result<Vec<Value>, Failure> {
    let mut command = match reader {
        Reader::GoYaml | Reader::Kubernetes => {
            let mut command = Command::new(machine::built("go-yaml", "readers")?);
            command.arg(if reader == Reader::GoYaml {
                "v3"
            } else {
                "k8s"
            });
            command
        }
        Reader::PyYaml => {
            let mut command = Command::new(python()?);
            command.arg(machine::tools_folder().join("read.py"));
            command
        }
    };
    command.args(files);
    let json = machine::run(command)?;
    serde_json::from_str(&json).map_err(|error| Failure::Wrong(format!("{error}: {json}")))
}

fn python() -> Result<PathBuf, Failure> {
    ["/usr/bin/python3", "python3"]
        .into_iter()
        .map(PathBuf::from)
        .find(|python| {
            let mut command = Command::new(python);
            command.args(["-c", "import yaml"]);
            machine::run(command).is_ok()
        })
        .ok_or_else(|| Failure::Absent {
            consumer: "PyYAML",
            why: "no python3 with yaml on this machine".to_owned(),
        })
}

/// The documents of a file.
pub(crate) fn serde_yaml(file: &Path) -> Result<Vec<Value>, String> {
    let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let text = std::fs::read_to_string(file).map_err(|error| wrong(&error))?;
    serde_yaml::Deserializer::from_str(&text)
        .map(|document| {
            <serde_yaml::Value as serde::Deserialize>::deserialize(document)
                .map(plain)
                .map_err(|error| wrong(&error))
        })
        .collect()
}

/// As JSON; a key that is no string is marked, so that it equals none.
fn plain(value: serde_yaml::Value) -> Value {
    use serde_yaml::Value as Yaml;
    match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => value.into(),
        Yaml::Number(value) => serde_json::to_value(&value).unwrap_or(Value::Null),
        Yaml::String(value) => value.into(),
        Yaml::Sequence(list) => list.into_iter().map(plain).collect(),
        Yaml::Mapping(map) => map
            .into_iter()
            .map(|(key, value)| match key {
                Yaml::String(key) => (key, plain(value)),
                key => (format!("!serde_yaml {key:?}"), plain(value)),
            })
            .collect(),
        Yaml::Tagged(tagged) => Value::from(format!("!serde_yaml {}", tagged.tag)),
    }
}

/// What may be more than text to one reader and not to another: numbers, words for yes and no, dates; and what is nearly one.
const PLAIN: &str = "1.0 022 1e6 yes no on off y n Y N Yes NO On OFF yEs true True FALSE ~ null Null 1_000 0x10 .5 2024-01-01 2024-1-1 \
    2024-13-01 2024-02-30 2024-02-29 2023-02-29 2024-01-01T10:00:00Z 2024-01-01t1:2:3.120Z 2024-01-01T10:00:00+02:00 2024-01-01T10:00:00 \
    2024-01-01T10:00:00-00:30 2024-01-01T10:00:00+00:00 2024-01-01T24:00:00Z 0o17 0o8 0O17 0b11 0b2 0B11 -0b11 1e21 0.00001 -0.0 089 08 0_8 \
    +5 -5 5:30 10:20:30 1_0.5 1. -017 0X1F -0x1f +0x1f 0x_1 0xg 0x 0b 0o 0 00 0777 -0 +0 0_7 _1 1_ 1__0 18446744073709551615 \
    18446744073709551616 9223372036854775808 +9223372036854775808 -9223372036854775808 -9223372036854775809 1e400 -1e3 1e+3 1E3 1.2.3 1-2 \
    07.5 0e0 00.5 +022 -022 1_e3 .e3 ._1 -.5 +.5 + . .. 1e 1e+ 0e 0x1p3 infinity nan 1.5.";

/// A text that is settled for a reader is, to YAML 1.2, what that reader takes it for as it was.
fn plain_scalars() -> Verdict {
    use zdc::yaml::{Reader as For, as_read_by};
    let folder = machine::folder("plain");
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|error| error.to_string())?;
        Ok::<_, String>(path)
    };
    let lines = PLAIN.split_whitespace().zip(0..);
    let lines = lines.map(|(word, number)| format!("word {number}: {word}\n"));
    let text = lines.collect::<Vec<_>>().concat();
    let written = file("written.yaml", &text)?;
    for (reader, whose) in [
        (Reader::GoYaml, For::Docker),
        (Reader::Kubernetes, For::Kubectl),
    ] {
        let theirs = read(reader, std::slice::from_ref(&written))?;
        let settled = file("settled.yaml", &as_read_by(whose, &text))?;
        let ours = serde_yaml(&settled)?;
        let (theirs, ours) = (theirs[0][0].as_object(), ours[0].as_object());
        let (Some(theirs), Some(ours)) = (theirs, ours) else {
            return Err("no map was read".to_owned().into());
        };
        for (word, number) in PLAIN.split_whitespace().zip(0..) {
            let key = format!("word {number}");
            let [theirs, ours] = [theirs, ours].map(|map| map.get(&key).cloned());
            let theirs = theirs.map(|value| value.get("!time.Time").cloned().unwrap_or(value));
            ensure(theirs == ours, || {
                format!("{reader:?} reads {word} as {theirs:?}, and it is settled as {ours:?}")
            })?;
        }
    }
    Ok(())
}

fn judge_sees_a_difference() -> Verdict {
    let file = machine::folder("difference").join("file.yaml");
    for (text, is_same) in [
        ("a: 'yes'\n", true),
        ("a: yes\n", false),
        ("a: 2024-01-01\n", false),
    ] {
        std::fs::write(&file, text).map_err(|error| error.to_string())?;
        let seen = match same(Reader::PyYaml, std::slice::from_ref(&file)) {
            Err(absent @ Failure::Absent { .. }) => return Err(absent),
            verdict => verdict.is_ok(),
        };
        ensure(seen == is_same, || {
            format!("the judge took {text:?} for {seen}")
        })?;
    }
    Ok(())
}

fn judge_sees_a_lost_string() -> Verdict {
    let expected = |value: &str| vec![("k".to_owned(), value.to_owned())];
    judge_strings("data:\n  k: \"1e3\"\n", str::to_owned, &expected("1e3"))?;
    judge_strings("env:\n- k=a\n", str::to_owned, &expected("a"))?;
    judge_strings(
        "env:\n- name: k\n  value: a\n",
        str::to_owned,
        &expected("a"),
    )?;
    for lost in ["k: 1e3\n", "k: 22:22\n", "k: 0o17\n", "k: +1\n"] {
        let value = lost.trim_start_matches("k: ").trim_end();
        match judge_strings(lost, str::to_owned, &expected(value)) {
            Err(Failure::Wrong(_)) => {}
            Err(absent) => return Err(absent),
            Ok(()) => return Err(Failure::Wrong(format!("{lost:?} was taken for a string"))),
        }
    }
    Ok(())
}
