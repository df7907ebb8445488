//! The examples as they were found, run as their owners ran them, and made what they should be: planned by `zdc plan`,
//! carried out by the generated scripts, and taken back the same way. What a plan says is held to what becomes of the
//! requests, or of the pods where nothing answers any.
//!
//! What was found is not built, since it is not proved: it is written down from what the plan compares (`zdc::inspect`),
//! and the programs behave as those of its authors did. Not here: the same between two proved versions (`updates`,
//! `hosts`, `deploy`).

pub(crate) mod cluster;
pub(crate) mod hosts;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use zdc::Options;
use zdc::source::MemoryWorld;
use zdc::targets::Object;
use zdc::vocabulary::TargetId;

use crate::machine::folder;
use crate::{Failure, Verdict, ensure};

/// What a program asks of a target, proved or not.
pub(crate) fn objects(text: &str, target: TargetId) -> Result<Vec<Object>, Failure> {
    let world = MemoryWorld::single("app.zd", text);
    let inspected = zdc::inspect(&world, "app.zd", &Options::default());
    let found = inspected.objects.into_iter().find(|(of, _)| *of == target);
    let (_, objects) =
        found.ok_or_else(|| format!("nothing is asked: {:?}", inspected.diagnostics))?;
    Ok(objects)
}

/// The text of an example, or of what it was.
pub(crate) fn example(name: &str, form: &str) -> Result<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = root.join("examples").join(name).join(form).join("app.zd");
    std::fs::read_to_string(file).map_err(|error| error.to_string())
}

/// What `zdc plan` says of a step between two programs.
pub(crate) struct Plan {
    said: Value,
    sides: [PathBuf; 2],
}

impl Plan {
    pub(crate) fn of(name: &str, [old, new]: [&str; 2]) -> Result<Self, Failure> {
        let home = folder(&format!("plan/{name}"));
        let write = |file: &str, text: &str| -> Result<PathBuf, Failure> {
            let path = home.join(file);
            std::fs::write(&path, text).map_err(|error| error.to_string())?;
            Ok(path)
        };
        let sides = [write("old.zd", old)?, write("new.zd", new)?];
        let mut plan = Command::new(env!("CARGO_BIN_EXE_zdc"));
        plan.args(["plan", "--format", "json"]).args(&sides);
        let output = plan.output().map_err(|error| error.to_string())?;
        let said = serde_json::from_slice(&output.stdout);
        let said =
            said.map_err(|error| format!("{error}: {}", String::from_utf8_lossy(&output.stderr)))?;
        Ok(Self { said, sides })
    }

    /// What is wrong with the step: each code, with the service it is about.
    pub(crate) fn finds(&self, expected: &[&str]) -> Verdict {
        let found = self.said["diagnostics"].as_array();
        let codes = found
            .into_iter()
            .flatten()
            .filter_map(|it| it["code"].as_str());
        let mut codes: Vec<&str> = codes.collect();
        codes.sort_unstable();
        ensure(codes == expected, || {
            format!("the plan finds {codes:?}: {}", self.said["diagnostics"])
        })
    }

    /// A text that stands in what it finds.
    pub(crate) fn says(&self, text: &str) -> Verdict {
        let found = &self.said["diagnostics"];
        let texts = found.as_array().into_iter().flatten().flat_map(|it| {
            let notes = it["notes"].as_array().into_iter().flatten();
            [&it["message"], &it["help"]].into_iter().chain(notes)
        });
        let said = texts
            .filter_map(Value::as_str)
            .any(|said| said.contains(text));
        ensure(said, || format!("the plan does not say {text:?}: {found}"))
    }

    /// Of a plan with errors nothing is to be carried out.
    pub(crate) fn has_no_script(&self, target: TargetId) -> Verdict {
        let mut plan = Command::new(env!("CARGO_BIN_EXE_zdc"));
        plan.args(["plan", "--format", "script", "--target", target.word()]);
        let output = plan.args(&self.sides).output();
        let output = output.map_err(|error| error.to_string())?;
        ensure(
            output.status.code() == Some(1) && output.stdout.is_empty(),
            || format!("{output:?}"),
        )
    }

    /// Each object of a target that changes, by kind and name.
    fn changes(&self, target: TargetId) -> BTreeMap<String, &Value> {
        let targets = self.said["targets"].as_array().into_iter().flatten();
        let changes = targets
            .filter(|it| it["target"] == target.word())
            .filter_map(|it| it["changes"].as_array());
        let named = |change| {
            (
                format!("{} {}", text(change, "kind"), text(change, "name")),
                change,
            )
        };
        changes.flatten().map(named).collect()
    }

    /// How an object of a target changes.
    pub(crate) fn how(&self, target: TargetId, object: &str) -> Result<String, Failure> {
        let change = self.changes(target).remove(object);
        let change = change.ok_or_else(|| format!("{object} does not change"))?;
        Ok(text(change, "how").to_owned())
    }

    /// What becomes of each object of a target that changes.
    fn effects(&self, target: TargetId) -> BTreeMap<String, &str> {
        let changes = self.changes(target).into_iter();
        changes
            .map(|(name, change)| (name, text(change, "effect")))
            .collect()
    }

    pub(crate) fn makes(&self, target: TargetId, expected: &[(&str, &str)]) -> Verdict {
        let effects = self.effects(target);
        let expected = expected
            .iter()
            .map(|(name, effect)| ((*name).to_owned(), *effect));
        let expected: BTreeMap<String, &str> = expected.collect();
        ensure(effects == expected, || format!("the plan has {effects:#?}"))
    }
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}
