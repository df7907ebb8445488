//! Deploys in steps: the script of a plan (`zdc plan --format script`) on the real swarm, where the order of two services
//! matters; the way back, step by step and of a whole stack (`swarm/rollback.sh`); and what refuses to go back. The same
//! on a plain host.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::deploy::{LOCAL, Ran, Script, stacks};
use crate::host::Host;
use crate::machine::{installed, run};
use crate::nginx::modern;
use crate::swarm::{self, Engine};
use crate::{Failure, Test, Verdict, ensure, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("steps::on_a_swarm", on_a_swarm),
        test("steps::on_a_host", on_a_host),
    ]
}

/// A caller and a callee of one stack. The new caller asks for what the old callee does not serve.
pub(crate) const PROGRAM: &str = r#"
app stepped { targets = [swarm] }
template web() {
  port http { number = 8080 }
  health http { path = "/health", client = curl, interval = 1s, timeout = 3s, retries = 2, start_period = 1s }
  shutdown { grace = 2s }
  availability { min_available = 1 }
  update rolling {
    order = start_first, delay = 1s, monitor = 1s, on_failure = rollback
    rollback { order = start_first }
  }
  allow found-late { because = "a test waits no longer" }
}
service coupon {
  use web()
  image = "example/carried:VERSION"
  env { LISTEN = "8080" }
  provides http { version = VERSION }
}
service front {
  use web()
  image = "example/carried:VERSION"
  env { COUPON = coupon.http.url, LISTEN = "PORT" }
  needs coupon.http { version = VERSION }
}
"#;

pub(crate) const SERVICES: [&str; 2] = ["stepped_coupon", "stepped_front"];

/// A version that is built, and listens where it says.
pub(crate) struct Version {
    pub(crate) script: Script,
}

impl Version {
    pub(crate) fn new(engine: &Engine, name: &str, text: &str) -> Result<Self, Failure> {
        let script = stacks(engine, name, text)?;
        Ok(Self { script })
    }

    fn manifests(&self) -> String {
        let manifests = self.script.path.ancestors().nth(2);
        manifests.unwrap_or(Path::new("")).display().to_string()
    }

    pub(crate) fn rollback(&self, words: &[&str]) -> Result<Ran, Failure> {
        self.script.rollback().with(&[], words)
    }

    /// The script of the plan from another version to this.
    fn steps_from(&self, old: &Self) -> Result<Script, Failure> {
        let [before, program] = [&old.script.program, &self.script.program];
        let path = program.with_file_name("steps.sh");
        let said = write_steps([before, program], "swarm", &path)?;
        ensure(said.contains("`coupon` goes first"), || said)?;
        Ok(self.script.other(path))
    }
}

/// Writes the script of the plan from one program to another, which shellcheck finds nothing in; what the plan said.
pub(crate) fn write_steps(
    programs: [&Path; 2],
    target: &str,
    to: &Path,
) -> Result<String, Failure> {
    let mut plan = Command::new(env!("CARGO_BIN_EXE_zdc"));
    plan.args(["plan", "--format", "script", "--target", target]);
    let output = plan.args(programs).output();
    let output = output.map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure(output.status.success(), || said.clone())?;
    std::fs::write(to, output.stdout).map_err(|error| error.to_string())?;
    let mut executable = Command::new("chmod");
    executable.arg("+x").arg(to);
    run(executable)?;
    let mut judge = Command::new(installed("shellcheck", "shellcheck")?);
    judge.arg(to);
    run(judge)?;
    Ok(said)
}

/// Two services of a plain host. The new caller asks for what the old callee does not serve.
const ON_HOST: &str = r#"
app pair { targets = [nginx] }
target nginx { version = "1.28" }
template each(one: int, other: int, path: string) {
  command = ["./load", "serve", "--port=${slot.port}", "--version=@version", "--start=200ms"]
  port http
  health http { path = path, interval = 200ms }
  env { RELEASE = "VERSION" }
  timing { longest_request = 1s, graceful_limit = 2s }
  shutdown { grace = 3s, drain = 2s }
  update blue_green { slots = [one, other], monitor = 1s }
}
service coupon {
  use each(8081, 8082, "/coupon")
  provides http { version = VERSION }
}
service front {
  use each(8083, 8084, "/")
  needs coupon.http { version = VERSION }
}
gateway public {
  listen http { port = 80 }
  route "/coupon" { to = coupon.http }
  route "/" { to = front.http }
}
"#;

fn on_a_host() -> Verdict {
    let text = |version: &str| ON_HOST.replace("VERSION", version);
    let host = Host::new("steps-host", &text("1"), modern()?)?;
    host.update("1")?;
    let old = host.path("old.zd");
    std::fs::write(&old, text("1")).map_err(|error| error.to_string())?;
    host.build(&text("2"))?;
    host.version("2")?;
    let path = host.path("steps.sh");
    write_steps([&old, &host.path("app.zd")], "nginx", &path)?;
    // The bundle under the name that it has beside other manifests.
    let manifests = host.path("carried");
    std::fs::create_dir_all(&manifests).map_err(|error| error.to_string())?;
    let fail = |error: std::io::Error| error.to_string();
    std::os::unix::fs::symlink(host.bundle(), manifests.join("nginx")).map_err(fail)?;
    let steps = |words: &[&str]| {
        let mut command = host.script(&path.to_string_lossy());
        command.arg("--manifests").arg(&manifests).args(words);
        run(command)
    };
    let serve = |coupon: &str, front: &str| -> Verdict {
        let found = [answer_at("coupon")?, answer_at("")?];
        ensure(found == [coupon, front], || format!("{found:?}"))
    };
    let refused = steps(&["--", "--anything"]);
    ensure(
        refused.is_err_and(|why| why.contains("have no options")),
        || "options were taken".to_owned(),
    )?;
    // One step on each host before the next one.
    let said = steps(&["--to", "1"])?;
    ensure(said.contains("done: 1 of 2"), || said)?;
    serve("2", "1")?;
    let said = steps(&["--from", "2"])?;
    ensure(said.contains("done: 2 of 2"), || said)?;
    serve("2", "2")?;
    steps(&["--back", "1"])?;
    serve("1", "2")?;
    steps(&[])?;
    serve("2", "2")?;
    steps(&["--back", "2"])?;
    serve("1", "1")
}

fn answer_at(path: &str) -> Result<String, String> {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--fail", "--max-time", "5"]);
    command.arg(format!("http://127.0.0.1/{path}"));
    run(command).map(|text| text.trim().to_owned())
}

fn on_a_swarm() -> Verdict {
    let engine = swarm::engine()?;
    engine.import("example/carried:2", &std::collections::BTreeSet::new())?;
    let text =
        |version: &str, port: &str| PROGRAM.replace("VERSION", version).replace("PORT", port);
    let old = Version::new(engine, "stepped-1", &text("1", "8080"))?;
    let new = Version::new(engine, "stepped-2", &text("2", "8080"))?;
    let bad = Version::new(engine, "stepped-bad", &text("2", "9"))?;
    let verdict = stepped(engine, (&old, &new, &bad));
    // The next one has a stack of that name, too. What was found comes first.
    verdict.and(engine.remove_named(&["stepped"]))
}

fn stepped(engine: &Engine, (old, new, bad): (&Version, &Version, &Version)) -> Verdict {
    let all = "every service runs what was deployed";
    old.script.with(&[], &LOCAL)?.ended(0, all)?;
    old.rollback(&[])?
        .ended(1, "there is no version to go back to")?;
    old.rollback(&["--only", "stepped_front"])?
        .ended(1, "stepped_front: new: there is no version before")?;
    new.script.with(&[], &["--only", "front"])?.ended(
        2,
        "no such service: front; there are: stepped_coupon stepped_front",
    )?;
    new.script
        .with(&[], &["--prune", "--only", "stepped_front"])?
        .ended(2, "--prune would remove what --only leaves out")?;

    there_and_back(engine, old, new)?;

    // A caller that never gets ready: the callee is new by then, and goes back by itself.
    let manifests = bad.manifests();
    let steps = bad.steps_from(old)?;
    let words = [&["--manifests", &manifests, "--"], &LOCAL[..]].concat();
    let failed = steps.with(&[], &words)?;
    failed.ended(1, "stepped_front went back to the version before")?;
    failed.ended(1, "--back 1\n")?;
    images(engine, ["2", "1"])?;
    steps
        .with(&[], &["--manifests", &manifests, "--back", "1"])?
        .ended(
            0,
            "back: what the steps up to 1 replaced is the version before",
        )?;
    images(engine, ["1", "1"])
}

fn there_and_back(engine: &Engine, old: &Version, new: &Version) -> Verdict {
    let all = "every service runs what was deployed";
    let steps = new.steps_from(old)?;
    let (manifests, before) = (new.manifests(), old.manifests());
    steps
        .with(&[], &["--manifests", &before, "--from", "3"])?
        .ended(2, "there is no step 3: there are 2")?;
    let there = [&["--manifests", &manifests, "--"], &LOCAL[..]].concat();
    steps.with(&[], &there)?.ended(0, "done: 2 of 2")?;
    images(engine, ["2", "2"])?;
    in_order(engine, SERVICES)?;

    // By what the swarm keeps of before.
    let back = ["--manifests", &manifests, "--back", "2"];
    let ran = steps.with(&[], &back)?;
    ran.ended(0, "stepped_coupon: example/carried:2 -> example/carried:1")?;
    images(engine, ["1", "1"])?;
    let [coupon, front] = SERVICES;
    in_order(engine, [front, coupon])?;
    // The two versions would change places.
    new.rollback(&[])?
        .ended(0, "stepped_front: went back already")?;
    images(engine, ["1", "1"])?;

    // Steps that were taken twice: a swarm keeps one version, and that is the same. By the manifests of before.
    steps.with(&[], &there)?.ended(0, "done: 2 of 2")?;
    steps.with(&[], &there)?.ended(0, "done: 2 of 2")?;
    let ran = steps.with(&[], &back)?;
    ran.ended(
        1,
        "stepped_front: what it was before is of that deploy, too",
    )?;
    ran.ended(1, "--before DIR takes it back")?;
    images(engine, ["2", "2"])?;
    let back = [&["--back", "2", "--before", &before, "--"], &LOCAL[..]].concat();
    steps.with(&[], &back)?.ended(0, "back: ")?;
    images(engine, ["1", "1"])?;
    in_order(engine, [front, coupon])?;

    // All at once: the whole stack goes back, unless it was deployed once more.
    new.script.with(&[], &LOCAL)?.ended(0, all)?;
    new.rollback(&["--dry-run"])?
        .ended(0, "stepped_front: example/carried:2 -> example/carried:1")?;
    images(engine, ["2", "2"])?;
    new.rollback(&[])?
        .ended(0, "stepped: what was changed runs the version before")?;
    images(engine, ["1", "1"])?;
    new.script.with(&[], &LOCAL)?.ended(0, all)?;
    new.script.with(&[], &LOCAL)?.ended(0, all)?;
    new.rollback(&[])?
        .ended(1, "stepped_front: the version before has the same tasks")?;
    images(engine, ["2", "2"])?;
    new.rollback(&["--also", "stepped_front"])?
        .ended(0, "the version before has the same tasks")?;
    // One that was scaled since: what was before has the new tasks too, and nothing is kept of what was before that.
    engine.docker(&["service", "scale", "--detach", "stepped_front=2"])?;
    for word in ["--only", "--also"] {
        new.rollback(&[word, "stepped_front"])?.ended(
            1,
            "stepped_front: what it was before is of that deploy, too",
        )?;
    }
    old.script.with(&[], &LOCAL)?.ended(0, all)?;
    images(engine, ["1", "1"])?;
    engine.docker(&["service", "scale", "--detach", "stepped_front=3"])?;
    old.rollback(&["--only", "stepped_coupon", "--also", "stepped_front"])?
        .ended(
            1,
            "stepped_front: what it was before is of that deploy, too",
        )?;
    images(engine, ["1", "1"])?;
    old.rollback(&["--only", "stepped_coupon"])?
        .ended(0, "stepped_coupon: example/carried:1 -> example/carried:2")?;
    images(engine, ["2", "1"])?;
    old.script.with(&[], &LOCAL)?.ended(0, all)?;
    images(engine, ["1", "1"])
}

pub(crate) fn inspected(engine: &Engine, name: &str) -> Result<Value, Failure> {
    let found = engine.docker(&["service", "inspect", name])?;
    let mut found: Value = serde_json::from_str(&found).map_err(|error| error.to_string())?;
    Ok(found[0].take())
}

/// The versions of the services' images.
pub(crate) fn images(engine: &Engine, versions: [&str; 2]) -> Verdict {
    for (name, version) in SERVICES.into_iter().zip(versions) {
        let service = inspected(engine, name)?;
        let image = &service["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"];
        ensure(image == &format!("example/carried:{version}"), || {
            format!("{name} is {image}, not {version}")
        })?;
    }
    Ok(())
}

/// The update of the second began when that of the first was done.
fn in_order(engine: &Engine, [first, then]: [&str; 2]) -> Verdict {
    let first = inspected(engine, first)?["UpdateStatus"].take();
    let then = inspected(engine, then)?["UpdateStatus"].take();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (done, begun) = (text(&first["CompletedAt"]), text(&then["StartedAt"]));
    ensure(!done.is_empty() && done < begun, || {
        format!("{first}, then {then}")
    })
}
