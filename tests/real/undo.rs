//! The way back on a real control plane, `kubernetes/rollback.sh`: what goes back, what refuses to, and that the next
//! deploy leaves nothing of what was undone.

use crate::deploy::{Plane, Ran, Script, edit, impatient};
use crate::kubernetes::Cluster;
use crate::{Failure, Test, Verdict, ensure, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![test("undo::on_a_control_plane", on_a_control_plane)]
}

const NAMESPACE: &str = "undone";

/// A Deployment, a `StatefulSet` and a `DaemonSet`.
const PROGRAM: &str = r#"
app undone { targets = [kubernetes] }
target kubernetes { namespace = "undone" }
volume data { size = 1GiB, access = single_writer }
template each(version: string) {
  image = "example/undone:${version}"
  port http { number = 8080 }
  health http { path = "/health", interval = 1s, timeout = 1s, retries = 2, start_period = 1s }
  shutdown { grace = 1s }
}
service web {
  use each("VERSION")
  replicas = 2
  OF_OLD
}
service store {
  use each("VERSION")
  volume data { path = "/data" }
}
service agent {
  use each("VERSION")
  mode = global
}
"#;

/// A version of the program, and its two scripts.
struct Version {
    deploy: Script,
    rollback: Script,
}

impl Version {
    fn new(plane: &Plane, version: &str) -> Result<Self, Failure> {
        // What the newer versions no longer have.
        let of_old = if version == "1" {
            "env { OLD = \"was\" }"
        } else {
            ""
        };
        let text = PROGRAM
            .replace("VERSION", version)
            .replace("OF_OLD", of_old);
        let name = format!("undo-{version}");
        let deploy = plane.build(&name, &text)?;
        let rollback = deploy.rollback();
        Ok(Self { deploy, rollback })
    }

    fn deploy(&self, words: &[&str]) -> Result<Ran, Failure> {
        self.deploy.with(&[], words)
    }

    fn back(&self, words: &[&str]) -> Result<Ran, Failure> {
        self.rollback.with(&[], words)
    }
}

fn on_a_control_plane() -> Verdict {
    let plane = Plane::new(NAMESPACE)?;
    let node = r#"{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "undone"}}"#;
    let file = crate::machine::folder("undo").join("node.json");
    std::fs::write(&file, node).map_err(|error| error.to_string())?;
    let file = file.display().to_string();
    plane.cluster.kubectl(&["apply", "-f", &file])?;
    let [old, new, bad] = ["1", "2", "bad"].map(|version| Version::new(&plane, version));
    let versions = [&old?, &new?, &bad?];
    let verdict = plane.with_pods(|| {
        finished(plane.cluster, versions)?;
        of_the_last_deploy(plane.cluster, versions)?;
        failed(plane.cluster, versions)?;
        never_ready(plane.cluster, versions)?;
        never_made(plane.cluster, versions)?;
        refused(plane.cluster, versions)
    });
    plane.cluster.kubectl(&["delete", "node", "undone"])?;
    verdict
}

/// The versions of the three images.
fn images(cluster: &Cluster, expected: [&str; 3]) -> Verdict {
    for (name, version) in ["deployment/web", "statefulset/store", "daemonset/agent"]
        .into_iter()
        .zip(expected)
    {
        let image = of_pods(cluster, name, "image")?;
        ensure(image == format!("example/undone:{version}"), || {
            format!("{name} is {image}, not {version}")
        })?;
    }
    Ok(())
}

fn of_pods(cluster: &Cluster, name: &str, field: &str) -> Result<String, Failure> {
    let path = format!("jsonpath={{.spec.template.spec.containers[0].{field}}}");
    Ok(cluster.kubectl(&["get", name, "-n", NAMESPACE, "-o", &path])?)
}

const DEPLOYED: &str = "everything runs what was applied";

/// A rollout that went well is taken back once, and the next deploy is that version and nothing else.
fn finished(cluster: &Cluster, [old, new, _]: [&Version; 3]) -> Verdict {
    old.back(&["--only", "front"])?
        .ended(2, "no such file: front.yaml; there are: agent.yaml")?;
    old.deploy(&[])?.ended(0, DEPLOYED)?;
    old.back(&[])?
        .ended(1, "there is no revision to go back to")?;
    old.back(&["--only", "web"])?
        .ended(1, "deployment.apps/web: new: there is no revision before")?;
    new.deploy(&[])?.ended(0, DEPLOYED)?;
    let tried = new.back(&["--dry-run", "--only", "store"])?;
    tried.ended(
        0,
        "statefulset.apps/store: example/undone:2 -> example/undone:1",
    )?;
    tried.ended(0, "as they were applied: the number of pods, each Service")?;
    images(cluster, ["2", "2", "2"])?;
    new.back(&[])?
        .ended(0, "what was changed runs the revision before")?;
    images(cluster, ["1", "1", "1"])?;
    // The two revisions would change places.
    new.back(&[])?
        .ended(0, "deployment.apps/web: went back already")?;
    images(cluster, ["1", "1", "1"])?;
    let variables = || of_pods(cluster, "deployment/web", "env");
    ensure(variables()?.contains("OLD"), || "it has no OLD".to_owned())?;
    new.deploy(&[])?.ended(0, DEPLOYED)?;
    let left = variables()?;
    ensure(left.is_empty(), || format!("{left} is left"))
}

/// What the last deploy did not bring stays, and what somebody changed since is asked for.
fn of_the_last_deploy(cluster: &Cluster, [_, new, _]: [&Version; 3]) -> Verdict {
    new.deploy(&[])?.ended(0, DEPLOYED)?;
    edit(
        &new.deploy,
        "web.yaml",
        ("example/undone:2", "example/undone:3"),
    )?;
    new.deploy(&[])?.ended(0, DEPLOYED)?;
    let back = new.back(&[])?;
    edit(
        &new.deploy,
        "web.yaml",
        ("example/undone:3", "example/undone:2"),
    )?;
    back.ended(
        0,
        "deployment.apps/web: example/undone:3 -> example/undone:2",
    )?;
    back.ended(0, "statefulset.apps/store: was not part of the last deploy")?;
    images(cluster, ["2", "2", "2"])?;
    let image = "web=example/undone:4";
    cluster.kubectl(&["set", "image", "deployment/web", image, "-n", NAMESPACE])?;
    cluster.kubectl(&["rollout", "status", "deployment/web", "-n", NAMESPACE])?;
    new.back(&[])?
        .ended(1, "deployment.apps/web has a revision without a mark")?;
    new.back(&["--only", "web"])?.ended(
        0,
        "deployment.apps/web: example/undone:4 -> example/undone:2",
    )?;
    new.deploy(&[])?.ended(0, DEPLOYED)
}

/// What never gets ready goes back, whoever deployed it.
fn failed(cluster: &Cluster, [_, new, bad]: [&Version; 3]) -> Verdict {
    impatient(&bad.deploy)?;
    bad.deploy(&["--only", "web", "--keep"])?
        .ended(1, "these do not run what was applied: deployment.apps/web")?;
    new.back(&["--only", "web"])?.ended(
        0,
        "deployment.apps/web: example/undone:bad -> example/undone:2",
    )?;
    images(cluster, ["2", "2", "2"])?;
    // Of a StatefulSet no deadline tells, and its pod has to be deleted.
    let file = bad.deploy.path.with_file_name("store.yaml");
    let file = file.display().to_string();
    let server = ["apply", "--server-side", "-n", NAMESPACE, "-f", &file];
    cluster.kubectl(&server)?;
    let bad_pod = || -> Result<String, String> {
        let path = "jsonpath={.spec.containers[0].image}";
        let image = cluster.kubectl(&["get", "pod/store-0", "-n", NAMESPACE, "-o", path])?;
        let is_bad = image == "example/undone:bad";
        is_bad
            .then_some(image)
            .ok_or("it is not replaced".to_owned())
    };
    crate::machine::wait(std::time::Duration::from_secs(20), bad_pod)?;
    new.back(&["--only", "store"])?.ended(
        1,
        "--under-way takes that back, too: 1 of 1 pods are new, 0 are ready",
    )?;
    new.back(&["--only", "store", "--under-way"])?
        .ended(0, "what was changed runs the revision before")?;
    images(cluster, ["2", "2", "2"])
}

/// What never got ready is nothing to go back to, also where it was deployed over.
fn never_ready(cluster: &Cluster, [old, new, bad]: [&Version; 3]) -> Verdict {
    let failed = "these do not run what was applied: deployment.apps/web";
    let keep = ["--only", "web", "--keep"];
    bad.deploy(&keep)?.ended(1, failed)?;
    let (image, worse) = ("example/undone:bad", "example/worse:bad");
    edit(&bad.deploy, "web.yaml", (image, worse))?;
    let went_back = bad.deploy(&["--only", "web"])?;
    went_back.ended(1, "example/worse:bad -> example/undone:2; skips revision ")?;
    images(cluster, ["2", "2", "2"])?;
    bad.deploy(&keep)?.ended(1, failed)?;
    edit(&bad.deploy, "web.yaml", (worse, image))?;
    old.deploy(&["--only", "web"])?
        .ended(0, "runs what was applied")?;
    let back = old.back(&["--only", "web"])?;
    back.ended(0, "example/undone:1 -> example/undone:2; skips revision ")?;
    back.ended(0, "(example/worse:bad), which did not get ready")?;
    images(cluster, ["2", "2", "2"])?;
    // A revision that is named is taken all the same.
    let chosen = new.back(&["--only", "web", "--to", "1000"])?;
    chosen.ended(1, "there is no revision 1000 to go back to; there are: ")?;
    new.back(&["--to", "1"])?
        .ended(2, "--to is for one workload")
}

/// Of a revision that there was before no controller counts a deadline until the first of its pods is made: the script does.
fn never_made(cluster: &Cluster, [old, new, _]: [&Version; 3]) -> Verdict {
    for version in [old, new] {
        let deployed = version.deploy(&["--only", "web"])?;
        deployed.ended(0, "runs what was applied")?;
    }
    let deadline = r#"{"spec": {"progressDeadlineSeconds": 5}}"#;
    let patch = ["patch", "deployment/web", "-n", NAMESPACE, "--type=merge"];
    cluster.kubectl(&[&patch[..], &["-p", deadline]].concat())?;
    let enforce = "pod-security.kubernetes.io/enforce";
    let refusing = format!("{enforce}=restricted");
    cluster.kubectl(&["label", "namespace", NAMESPACE, &refusing])?;
    new.back(&["--only", "web"])?.ended(
        1,
        "these do not run the revision before: deployment.apps/web",
    )?;
    let path = "jsonpath={.status.conditions[?(@.type==\"Progressing\")].reason}";
    let reason = cluster.kubectl(&["get", "deployment/web", "-n", NAMESPACE, "-o", path])?;
    ensure(reason == "NewReplicaSetAvailable", || reason.clone())?;
    let as_before = format!("{enforce}-");
    cluster.kubectl(&["label", "namespace", NAMESPACE, &as_before])?;
    new.deploy(&["--only", "web"])?
        .ended(0, "runs what was applied")
}

/// A second version during the rollout of the first: that one is taken away at once, and the one before both serves on.
fn cut_short(cluster: &Cluster) -> Verdict {
    let path = "jsonpath={range .items[*]}{.spec.template.spec.containers[0].image} {.spec.replicas}{\"\\n\"}{end}";
    let words = ["get", "replicasets", "-n", NAMESPACE, "-o", path];
    let seen = crate::machine::wait(std::time::Duration::from_secs(20), || {
        let sets = cluster.kubectl(&words)?;
        let of = |image: &str| {
            let mut lines = sets.lines();
            lines.any(|line| line == format!("example/{image}"))
        };
        let rolled_over = of("undone:2 2") && of("undone:bad 0") && of("another:bad 1");
        rolled_over.then_some(()).ok_or(sets)
    });
    seen.map_err(Failure::Wrong)
}

/// What is not plainly the version before the last deploy stays.
fn refused(cluster: &Cluster, [_, new, _]: [&Version; 3]) -> Verdict {
    let change = |words: &[&str]| cluster.kubectl(&[words, &["-n", NAMESPACE]].concat());
    change(&["rollout", "restart", "daemonset/agent"])?;
    change(&["rollout", "status", "daemonset/agent", "--timeout=60s"])?;
    new.back(&["--only", "agent"])?.ended(
        1,
        "the revision before has the same pods: they were restarted since",
    )?;
    change(&["set", "image", "deployment/web", "web=example/undone:bad"])?;
    new.back(&["--only", "web"])?
        .ended(1, "it has not rolled out yet")?;
    change(&["set", "image", "deployment/web", "web=example/another:bad"])?;
    cut_short(cluster)?;
    // The one that was cut short never served; the one before it does.
    let tried = new.back(&["--only", "web", "--under-way", "--dry-run"])?;
    tried.ended(
        0,
        "example/another:bad -> example/undone:2; skips revision ",
    )?;
    tried.ended(0, "(example/undone:bad), which did not get ready")?;
    change(&["rollout", "pause", "deployment/web"])?;
    new.back(&["--only", "web"])?
        .ended(1, "its rollout is paused")
}
