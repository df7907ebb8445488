//! The scripts that carry manifests out, `swarm/deploy.sh` and `kubernetes/deploy.sh`, on the real swarm and the real
//! control plane: what they make, that a second run makes nothing, and that a deploy that failed is never one that
//! went well.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::Duration;

use serde_json::{Value, json};

use crate::kubernetes::{self, Cluster};
use crate::machine::{built, folder, run};
use crate::programs::Program;
use crate::steps::write_steps;
use crate::swarm::{self, Engine};
use crate::{Failure, Test, Verdict, ensure, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("deploy::on_a_swarm", on_a_swarm),
        test("deploy::without_room", without_room),
        test("deploy::what_ends_by_itself", what_ends_by_itself),
        test("deploy::on_a_control_plane", on_a_control_plane),
    ]
}

/// Two stacks on a network of their own, one of which mounts a secret.
const STACKS: &str = r#"
app carried { targets = [swarm] }
deploy LISTEN: string
deploy stack: string = "1"
network carried-net { attachable = true }
secret carried-token { from = env("CARRIED_TOKEN") }
template web() {
  image = "example/carried:1"
  port http { number = 8080 }
  join carried-net
  health http { path = "/health", client = curl, interval = 1s, timeout = 3s, retries = 2, start_period = 1s }
  shutdown { grace = 2s }
  availability { min_available = 1 }
  update rolling {
    order = start_first, delay = 3s, monitor = 3s, on_failure = ON_FAILURE
    rollback { order = start_first }
  }
  allow found-late { because = "a test waits no longer" }
}
service front {
  use web()
  stack = "carried-front"
  env { BACK = back.http.url, LISTEN = "8080", GENERATION = "${stack}" }
}
service back {
  use web()
  stack = "carried-back"
  replicas = 2
  env { LISTEN = "${LISTEN}" }
  secret carried-token { path = "/run/token" }
}
"#;

/// A script beside the manifests of a program, and what it is run with.
pub(crate) struct Script {
    pub(crate) path: PathBuf,
    /// The program's text.
    pub(crate) program: PathBuf,
    pub(crate) environment: Vec<(&'static str, String)>,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ran {
    code: Option<i32>,
    said: String,
}

impl Script {
    /// Another script of the same program.
    pub(crate) fn other(&self, path: PathBuf) -> Self {
        Self {
            path,
            program: self.program.clone(),
            environment: self.environment.clone(),
        }
    }

    /// The way back from what this deploys.
    pub(crate) fn rollback(&self) -> Self {
        self.other(self.path.with_file_name("rollback.sh"))
    }

    fn of(name: &str, target: &str, text: &str) -> Result<Self, Failure> {
        let home = folder(&format!("deploy/{name}"));
        let source = home.join("app.zd");
        std::fs::write(&source, text).map_err(|error| error.to_string())?;
        let program = Program::new(format!("deploy-{name}"), source.clone());
        // A test before may have edited what it made.
        let _ = std::fs::remove_dir_all(&program.output);
        program.build()?;
        Ok(Self {
            path: program.output.join(target).join("deploy.sh"),
            program: source,
            environment: Vec::new(),
        })
    }

    pub(crate) fn with(&self, variables: &[(&str, &str)], words: &[&str]) -> Result<Ran, Failure> {
        // A script that never ends is one that fails, with what it said until then.
        let mut command = Command::new("timeout");
        command.arg("300").arg(&self.path).args(words);
        command.envs(self.environment.iter().cloned());
        command.envs(variables.iter().copied());
        let output = command.output().map_err(|error| error.to_string())?;
        let said = [output.stdout, output.stderr].concat();
        Ok(Ran {
            code: output.status.code(),
            said: String::from_utf8_lossy(&said).into_owned(),
        })
    }
}

impl Ran {
    pub(crate) fn ended(&self, code: i32, with: &str) -> Verdict {
        ensure(self.code == Some(code) && self.said.contains(with), || {
            format!(
                "expected {code} and `{with}`: {:?}, {}",
                self.code, self.said
            )
        })
    }
}

/// A script that asks the engine of these tests.
pub(crate) fn script(path: PathBuf) -> Result<Script, Failure> {
    let docker = built("swarm", "docker")?;
    let docker = docker.parent().unwrap_or(&docker).to_owned();
    let mut environment = swarm::environment().to_vec();
    environment.push(("PATH", path_with(docker)?));
    Ok(Script {
        program: PathBuf::new(),
        path,
        environment,
    })
}

/// The path with the folder of a program before all others.
fn path_with(folder: PathBuf) -> Result<String, Failure> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder).chain(std::env::split_paths(&path));
    let path = std::env::join_paths(folders).map_err(|error| error.to_string())?;
    Ok(path.to_string_lossy().into_owned())
}

/// The script of stacks, run with the engine of these tests. Their image listens where the stack says.
pub(crate) fn stacks(engine: &Engine, name: &str, text: &str) -> Result<Script, Failure> {
    let Script { path, program, .. } = Script::of(name, "swarm", text)?;
    engine.import("example/carried:1", &BTreeSet::new())?;
    Ok(Script {
        program,
        ..script(path)?
    })
}

/// Nothing is pulled here.
pub(crate) const LOCAL: [&str; 2] = ["--", "--resolve-image=never"];

fn tasks(engine: &Engine) -> Result<BTreeSet<String>, Failure> {
    let mut all = BTreeSet::new();
    for stack in ["carried-front", "carried-back"] {
        let words = ["stack", "ps", "--quiet", "--no-trunc", stack];
        all.extend(engine.docker(&words)?.lines().map(str::to_owned));
    }
    Ok(all)
}

fn on_a_swarm() -> Verdict {
    let engine = swarm::engine()?;
    let rolls_back = STACKS.replace("ON_FAILURE", "rollback");
    let script = stacks(engine, "swarm", &rolls_back)?;
    let token = ("CARRIED_TOKEN", "not a real one\n");

    script.with(&[], &["nowhere"])?.ended(
        2,
        "no such stack: nowhere; there are: carried-back carried-front",
    )?;
    script
        .with(&[("LISTEN", "8080")], &LOCAL)?
        .ended(1, "secret carried-token needs a value in CARRIED_TOKEN")?;
    script
        .with(&[token], &LOCAL)?
        .ended(1, "carried-back.yml needs values for: LISTEN")?;
    let networks = engine.docker(&["network", "ls", "--format", "{{.Name}}"])?;
    ensure(!networks.contains("carried-net"), || networks.clone())?;

    let good = [token, ("LISTEN", "8080"), ("stack", "7")];
    script
        .with(&good, &LOCAL)?
        .ended(0, "carried-front: every service runs what was deployed")?;
    // The script's own names are not what a stack reads.
    let words = [
        "service",
        "inspect",
        "carried-front_front",
        "--format",
        "{{.Spec.TaskTemplate.ContainerSpec.Env}}",
    ];
    let environment = engine.docker(&words)?;
    ensure(environment.contains("GENERATION=7"), || environment.clone())?;
    // The value is the variable's to the byte: the hash of it is in the name.
    let secrets = engine.docker(&["secret", "ls", "--format", "{{.Name}}"])?;
    ensure(secrets.contains("carried-token-a949ba285e8b"), || {
        secrets.clone()
    })?;

    let before = tasks(engine)?;
    script
        .with(&good, &LOCAL)?
        .ended(0, "every service runs what was deployed")?;
    ensure(tasks(engine)? == before, || {
        "the same again made new tasks".to_owned()
    })?;

    // What nobody listens to never gets healthy.
    let bad = [token, ("LISTEN", "9")];
    script
        .with(&bad, &LOCAL)?
        .ended(1, "carried-back_back went back to the version before")?;
    script
        .with(&good, &LOCAL)?
        .ended(0, "every service runs what was deployed")?;

    let pauses = STACKS.replace("ON_FAILURE", "pause");
    let script = stacks(engine, "swarm", &pauses)?;
    script
        .with(&bad, &LOCAL)?
        .ended(1, "carried-back_back is paused half-way")?;
    let before = tasks(engine)?;
    // The same version again would be an outage: it is not deployed.
    script
        .with(&bad, &LOCAL)?
        .ended(1, "deploy a mended one with --over-paused")?;
    ensure(before.is_subset(&tasks(engine)?), || {
        "tasks are gone".to_owned()
    })?;
    let over = [&["--over-paused", "carried-back"], &LOCAL[..]].concat();
    script
        .with(&good, &over)?
        .ended(0, "carried-back: every service runs what was deployed")?;
    engine.remove_named(&["carried-front", "carried-back"])
}

/// A start-first update of a service that may have no second task on its node waits for ever: the script does not.
fn without_room() -> Verdict {
    let engine = swarm::engine()?;
    let text = r#"
app narrow { targets = [swarm] }
deploy GENERATION: string = "1"
service web {
  image = "example/carried:1"
  port http { number = 8080 }
  env { LISTEN = "8080", GENERATION = "${GENERATION}" }
  health http { path = "/health", client = curl, interval = 1s, timeout = 3s, retries = 2, start_period = 1s }
  placement { max_per_node = 1 }
  update rolling { order = start_first, delay = 3s, monitor = 3s, on_failure = rollback, rollback { order = start_first } }
  availability { min_available = 1 }
}
"#;
    let script = stacks(engine, "narrow", text)?;
    script
        .with(&[], &LOCAL)?
        .ended(0, "narrow: every service runs what was deployed")?;
    let patience = [&["--patience", "8"], &LOCAL[..]].concat();
    let stuck = script.with(&[("GENERATION", "2")], &patience)?;
    stuck.ended(
        1,
        "narrow: nothing has moved for 8 s:\n  narrow_web: updating",
    )?;
    engine.remove_named(&["narrow"])
}

/// A task that ends is judged by how it ended: the swarm itself takes one that ends at once for one that failed.
fn what_ends_by_itself() -> Verdict {
    let engine = swarm::engine()?;
    let text = r#"
app ending { targets = [swarm] }
deploy AFTER: string
deploy CODE: string = "0"
service migrate {
  image = "example/carried:1"
  command = ["sh", "-c", "/bin/busybox sleep ${AFTER}; exit ${CODE}"]
  restart { condition = none }
  update rolling { monitor = 2s, on_failure = pause }
}
"#;
    let script = stacks(engine, "ending", text)?;
    let patience = [&["--patience", "120"], &LOCAL[..]].concat();
    let run = |after: &str, code: &str| {
        let variables = [("AFTER", after), ("CODE", code)];
        script.with(&variables, &patience)
    };
    let deployed = "ending: every service runs what was deployed, or has ended well";
    run("3", "0")?.ended(0, deployed)?;
    run("3", "0")?.ended(0, deployed)?;
    // Within `monitor`, for which the swarm pauses the update.
    run("0", "0")?.ended(0, deployed)?;
    run("4", "3")?.ended(1, "ending_migrate failed: task: non-zero exit (3)")?;
    let back = script.rollback();
    back.with(&[], &["--only", "ending_migrate"])?.ended(
        1,
        "it ends by itself: going back would run the version before",
    )?;
    // Long enough for the end of a task to be heard of on a machine that is busy.
    let rolls_back = text.replace("monitor = 2s", "monitor = 20s").replace(
        "= pause }",
        "= rollback }\n  allow ended-and-taken-back { because = \"this is what is seen here\" }",
    );
    let script = stacks(engine, "ending", &rolls_back)?;
    script
        .with(&[("AFTER", "0")], &patience)?
        .ended(1, "went back to the version before")?;
    engine.remove_named(&["ending"])
}

const MANIFESTS: &str = r#"
app carried { targets = [kubernetes] }
target kubernetes { namespace = "carried" }
service web {
  image = "example/carried:VERSION"
  port http { number = 8080 }
  replicas = 2
  health http { path = "/health", interval = 1s, timeout = 1s, retries = 2, start_period = 1s }
}
service dns {
  image = "example/carried:1"
  port queries { number = 53, protocol = udp }
  port transfers { number = 53, protocol = tcp }
  health tcp { port = transfers }
}
"#;

fn on_a_control_plane() -> Verdict {
    let plane = Plane::new("carried")?;
    let version = |version: &str| -> Result<Script, Failure> {
        let script = plane.build("kubernetes", &MANIFESTS.replace("VERSION", version))?;
        if version == "bad" {
            impatient(&script)?;
        }
        Ok(script)
    };
    // Without its namespace nothing can be applied, and nothing is.
    version("1")?
        .with(&[], &[])?
        .ended(1, "nothing was changed")?;
    plane.with_pods(|| {
        carried(plane.cluster, version)?;
        in_steps(plane.cluster, |name, text| plane.build(name, text))
    })
}

/// A control plane for scripts, with a namespace of its own.
pub(crate) struct Plane {
    pub(crate) cluster: &'static Cluster,
    namespace: &'static str,
    environment: Vec<(&'static str, String)>,
}

impl Plane {
    pub(crate) fn new(namespace: &'static str) -> Result<Self, Failure> {
        let cluster = kubernetes::controlled()?;
        let program = folder("deploy/programs");
        let kubectl = program.join("kubectl");
        let text = format!(
            "#!/bin/sh\nexec '{}' kubectl \"$@\"\n",
            built("kubernetes", "kubernetes")?.display()
        );
        std::fs::write(&kubectl, text).map_err(|error| error.to_string())?;
        let mut executable = Command::new("chmod");
        executable.arg("+x").arg(&kubectl);
        run(executable)?;
        let environment = kubernetes::environment();
        let told = environment.map(|(name, place)| (name, place.display().to_string()));
        let mut environment = told.to_vec();
        environment.push(("PATH", path_with(program)?));
        Ok(Self {
            cluster,
            namespace,
            environment,
        })
    }

    pub(crate) fn build(&self, name: &str, text: &str) -> Result<Script, Failure> {
        Ok(Script {
            environment: self.environment.clone(),
            ..Script::of(name, "kubernetes", text)?
        })
    }

    /// Makes the namespace, in which pods get ready meanwhile.
    pub(crate) fn with_pods(&self, test: impl FnOnce() -> Verdict) -> Verdict {
        let (cluster, namespace) = (self.cluster, self.namespace);
        cluster.kubectl(&["create", "namespace", namespace])?;
        cluster.kubectl(&["create", "serviceaccount", "default", "-n", namespace])?;
        let done = AtomicBool::new(false);
        scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    let _ = ready(cluster, namespace);
                    sleep(Duration::from_millis(300));
                }
            });
            let verdict = test();
            done.store(true, Ordering::SeqCst);
            verdict
        })
    }
}

/// Of what never gets ready a test waits no ten minutes, Kubernetes' own deadline.
pub(crate) fn impatient(script: &Script) -> Verdict {
    let deadline = "  replicas: 2\n  progressDeadlineSeconds: 5\n";
    edit(script, "web.yaml", ("  replicas: 2\n", deadline))
}

fn carried(cluster: &Cluster, version: impl Fn(&str) -> Result<Script, Failure>) -> Verdict {
    let image = || -> Result<String, Failure> {
        let path = "jsonpath={.spec.template.spec.containers[0].image}";
        Ok(cluster.kubectl(&["get", "deployment/web", "-n", "carried", "-o", path])?)
    };
    let all = "everything runs what was applied";
    // Applied by hand on the client's side before, with what is no longer written: it is taken over.
    let by_hand = version("0")?;
    let variable = "\n          env: [{name: OLD, value: was}]\n          ports:";
    edit(&by_hand, "web.yaml", ("\n          ports:", variable))?;
    let file = by_hand.path.with_file_name("web.yaml");
    cluster.apply("carried", &["-f", &file.to_string_lossy()])?;
    version("1")?.with(&[], &[])?.ended(0, all)?;
    let path = "jsonpath={.spec.template.spec.containers[0].env}";
    let variables = cluster.kubectl(&["get", "deployment/web", "-n", "carried", "-o", path])?;
    ensure(variables.is_empty(), || variables.clone())?;
    version("1")?.with(&[], &[])?.ended(0, all)?;
    version("2")?.with(&[], &[])?.ended(0, all)?;
    // Two ports of one number, told apart by what they speak.
    let path = "jsonpath={.spec.ports[*].protocol}";
    let protocols = cluster.kubectl(&["get", "service/dns", "-n", "carried", "-o", path])?;
    ensure(protocols == "UDP TCP", || protocols.clone())?;
    let failed = "these do not run what was applied: deployment.apps/web";
    version("bad")?.with(&[], &[])?.ended(1, failed)?;
    ensure(image()? == "example/carried:2", || {
        "it did not go back".to_owned()
    })?;
    // What was undone is no reason to refuse the next one.
    version("bad")?.with(&[], &["--keep"])?.ended(1, failed)?;
    ensure(image()? == "example/carried:bad", || {
        "it went back".to_owned()
    })?;
    version("3")?.with(&[], &[])?.ended(0, all)?;
    // A step of several: the others stay as they are.
    version("4")?
        .with(&[], &["--only", "front"])?
        .ended(2, "no such file: front.yaml; there are: dns.yaml web.yaml")?;
    let some = "what --only named runs what was applied";
    version("4")?
        .with(&[], &["--only", "dns"])?
        .ended(0, some)?;
    ensure(image()? == "example/carried:3", || {
        "another one was changed".to_owned()
    })?;
    version("4")?
        .with(&[], &["--only", "web"])?
        .ended(0, some)?;
    ensure(image()? == "example/carried:4", || {
        "it was not changed".to_owned()
    })?;
    // One that the server refuses, and with it all.
    let broken = version("5")?;
    edit(
        &broken,
        "dns.yaml",
        ("containerPort: 53", "containerPort: 0"),
    )?;
    broken.with(&[], &[])?.ended(1, "nothing was changed")?;
    ensure(image()? == "example/carried:4", || {
        "something was changed".to_owned()
    })
}

/// Two versions of which one service goes first: by the script of the plan, and back.
fn in_steps(cluster: &Cluster, build: impl Fn(&str, &str) -> Result<Script, Failure>) -> Verdict {
    let images = |web: &str, dns: &str| -> Verdict {
        let path = "jsonpath={.items[*].spec.template.spec.containers[0].image}";
        let words = [
            "get",
            "deployments/web",
            "deployments/dns",
            "-n",
            "carried",
            "-o",
            path,
        ];
        let images = cluster.kubectl(&words)?;
        let expected = format!("example/carried:{web} example/carried:{dns}");
        ensure(images == expected, || format!("{images}, not {expected}"))
    };
    let text = MANIFESTS.replace("VERSION", "1");
    // The new `dns` asks `web` for what the old `web` does not serve.
    let newer = text
        .replace("carried:1", "carried:2")
        .replace(
            "service dns {",
            "service dns {\n  needs web.http { version = 2 }",
        )
        .replace(
            "service web {",
            "service web {\n  provides http { version = 2 }",
        );
    let (old, new) = (build("before", &text)?, build("after", &newer)?);
    let steps = Script {
        path: new.program.with_file_name("steps.sh"),
        program: new.program.clone(),
        environment: new.environment.clone(),
    };
    write_steps([&old.program, &new.program], "kubernetes", &steps.path)?;
    let folder = |script: &Script| {
        let folder = script.path.ancestors().nth(2).map(Path::to_path_buf);
        folder.unwrap_or_default().display().to_string()
    };
    old.with(&[], &[])?
        .ended(0, "everything runs what was applied")?;
    let there = steps.with(&[], &["--manifests", &folder(&new)])?;
    there.ended(0, "step 1 of 2: web")?;
    there.ended(0, "done: 2 of 2")?;
    images("2", "2")?;
    // By the manifests of before, and by what the cluster keeps of it.
    let back = steps.with(&[], &["--back", "2", "--before", &folder(&old)])?;
    back.ended(0, "step 2 of 2 goes back: dns")?;
    back.ended(0, "step 1 of 2 goes back: everything else")?;
    images("1", "1")?;
    steps
        .with(&[], &["--manifests", &folder(&new)])?
        .ended(0, "done: 2 of 2")?;
    let back = steps.with(&[], &["--manifests", &folder(&new), "--back", "2"])?;
    back.ended(
        0,
        "deployment.apps/dns: example/carried:2 -> example/carried:1",
    )?;
    back.ended(0, "step 1 of 2 goes back: web")?;
    images("1", "1")
}

/// Changes a file beside a script.
pub(crate) fn edit(script: &Script, name: &str, (from, to): (&str, &str)) -> Verdict {
    let file = script.path.with_file_name(name);
    let text = std::fs::read_to_string(&file).map_err(|error| error.to_string())?;
    ensure(text.contains(from), || text.clone())?;
    std::fs::write(&file, text.replace(from, to)).map_err(|error| error.to_string())?;
    Ok(())
}

/// What a kubelet would do: pods get ready, but for those of the version that never does.
fn ready(cluster: &Cluster, namespace: &str) -> Verdict {
    let pods = cluster.kubectl(&["get", "pods", "-n", namespace, "-o", "json"])?;
    let pods: Value = serde_json::from_str(&pods).map_err(|error| error.to_string())?;
    let mut now = Command::new("date");
    now.args(["-u", "+%FT%TZ"]);
    let now = run(now)?;
    for pod in pods["items"].as_array().into_iter().flatten() {
        let image = pod["spec"]["containers"][0]["image"]
            .as_str()
            .unwrap_or_default();
        if image.ends_with(":bad") || pod["status"]["phase"] == "Running" {
            continue;
        }
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        let condition =
            |kind| json!({"type": kind, "status": "True", "lastTransitionTime": now.trim()});
        let conditions = ["Ready", "ContainersReady"].map(condition);
        let status = json!({"status": {"phase": "Running", "conditions": conditions}});
        let patch = status.to_string();
        cluster.kubectl(&[
            "patch",
            "pod",
            name,
            "-n",
            namespace,
            "--subresource=status",
            "-p",
            &patch,
        ])?;
    }
    Ok(())
}
