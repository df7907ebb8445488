//! The Jenkinsfile: Groovy's own compiler reads it, and it runs against what a declarative pipeline may have
//! (`tools/jenkinsfile/judge.groovy`); shellcheck finds nothing in its scripts. `appspec.yml` has no consumer that could
//! be had without an account: here it is held to the words that its documentation has.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::machine::{built, folder, installed, run, tools_folder};
use crate::programs::Program;
use crate::{Failure, Test, Verdict, ensure, test};

pub(crate) fn tests(programs: &[Program]) -> Vec<Test> {
    let mut tests = vec![test("pipeline::judge_can_refuse", judge_can_refuse)];
    for program in programs {
        let at =
            |file: &str| Some(program.output.join("nginx").join(file)).filter(|it| it.is_file());
        if let Some(file) = at("Jenkinsfile") {
            let name = format!("pipeline::jenkinsfile::{}", program.name);
            tests.push(test(name, move || judge(&file)));
        }
        if let Some(file) = at("appspec.yml") {
            let name = format!("pipeline::appspec::{}", program.name);
            tests.push(test(name, move || words_are_documented(&file)));
        }
    }
    tests
}

fn judge(file: &Path) -> Verdict {
    let scripts = scripts(file)?;
    ensure(!scripts.is_empty(), || "no step runs anything".to_owned())?;
    let folder = folder("pipeline-scripts");
    let mut shellcheck = Command::new(installed("shellcheck", "shellcheck")?);
    // As Jenkins' `sh` step runs one. What is split on purpose is a list of files.
    shellcheck.args(["--shell=sh", "--exclude=SC2086,SC2154", "--"]);
    for (number, script) in scripts.iter().enumerate() {
        let path = folder.join(format!("{number}.sh"));
        std::fs::write(&path, script).map_err(|error| error.to_string())?;
        shellcheck.arg(path);
    }
    run(shellcheck)?;
    Ok(())
}

/// The scripts of its `sh` steps.
fn scripts(file: &Path) -> Result<Vec<String>, Failure> {
    let groovy = built("pipeline", "jenkinsfile")?;
    let mut java = Command::new(installed("pipeline", "java")?);
    java.arg("-cp").arg(groovy).arg("groovy.ui.GroovyMain");
    java.arg(tools_folder().join("jenkinsfile/judge.groovy"))
        .arg(file);
    let output = java
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure(output.status.success(), || said)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.split_terminator('\0').map(str::to_owned).collect())
}

fn judge_can_refuse() -> Verdict {
    let source = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples/blue-green/manifests/nginx/Jenkinsfile");
    let good = std::fs::read_to_string(source).map_err(|error| error.to_string())?;
    let file: PathBuf = folder("pipeline-refused").join("Jenkinsfile");
    for (from, to, refusal) in [
        ("  agent any\n", "", "`pipeline` has no `agent`"),
        (
            "  agent any\n",
            "  agent all\n",
            "`all` means nothing in `pipeline`",
        ),
        (
            "disableConcurrentBuilds()",
            "disableConcurrent()",
            "`disableConcurrent` has no place in `options`",
        ),
        (
            "      steps {",
            "      step {",
            "`step` has no place in `stage`",
        ),
        (
            "name: 'SOURCE', ",
            "",
            "`string` in `parameters` is given what it does not take",
        ),
        ("'make'", "'ma'ke'", "startup failed"),
        ("stages {", "stages", "startup failed"),
    ] {
        ensure(good.contains(from), || {
            format!("the example has no {from:?} any more")
        })?;
        std::fs::write(&file, good.replacen(from, to, 1)).map_err(|error| error.to_string())?;
        match scripts(&file) {
            Err(Failure::Wrong(why)) => ensure(why.contains(refusal), || why)?,
            Err(absent) => return Err(absent),
            Ok(_) => {
                return Err(Failure::Wrong(format!(
                    "{to:?} in the place of {from:?} was taken"
                )));
            }
        }
    }
    Ok(())
}

/// docs.aws.amazon.com, CodeDeploy, "AppSpec file structure", for EC2 and on-premises.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AppSpec {
    version: Value,
    os: String,
    files: Vec<Files>,
    file_exists_behavior: Option<String>,
    #[serde(default)]
    permissions: Vec<Permission>,
    hooks: Hooks,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Files {
    source: String,
    destination: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "what may be there")]
struct Permission {
    object: String,
    pattern: Option<String>,
    owner: Option<String>,
    group: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Hooks {
    #[serde(default)]
    after_install: Vec<Hook>,
    #[serde(default)]
    application_start: Vec<Hook>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "what may be there")]
struct Hook {
    location: String,
    timeout: Option<u64>,
    runas: Option<String>,
}

fn words_are_documented(file: &Path) -> Verdict {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    let spec: AppSpec = serde_yaml::from_str(&text).map_err(|error| error.to_string())?;
    ensure(spec.version == json!(0.0) && spec.os == "linux", || {
        "its version or os".to_owned()
    })?;
    let behaviors = ["DISALLOW", "OVERWRITE", "RETAIN"];
    let known = |it: &String| behaviors.contains(&it.as_str());
    ensure(spec.file_exists_behavior.iter().all(known), || {
        "file_exists_behavior".to_owned()
    })?;
    let absolute = |it: &Files| it.destination.starts_with('/') && !it.source.is_empty();
    ensure(
        !spec.files.is_empty() && spec.files.iter().all(absolute),
        || "files".to_owned(),
    )?;
    let patterned = spec.permissions.iter().all(|it| it.object.starts_with('/'));
    ensure(patterned, || "permissions".to_owned())?;
    let bundle = file.parent().unwrap_or(file);
    let hooks = [&spec.hooks.after_install, &spec.hooks.application_start];
    for hook in hooks.into_iter().flatten() {
        // The agent refuses a hook whose script is not in the bundle, and ends one after an hour at most.
        let runs = bundle.join(&hook.location).is_file();
        ensure(runs && hook.timeout.is_none_or(|it| it <= 3_600), || {
            hook.location.clone()
        })?;
    }
    Ok(())
}
