//! Changes: each case of `tests/changes` is deployed as it was and then as it is, on the swarm and on the control
//! plane, and what became of its workloads is compared with the record in `tests/changes/observed`. A few cases are
//! asked each time; `ZDC_CHANGES=NAME,NAME` asks these, `ZDC_ALL_CHANGES=1` all. `UPDATE_EXPECTED=1` asks all, or these,
//! and writes the record of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread::{scope, sleep};
use std::time::Duration;

use regex_lite::Regex;
use serde::Deserialize;
use serde_json::{Value, json};
use zdc::Options;
use zdc::source::MemoryWorld;
use zdc::targets::{Content, Object};
use zdc::vocabulary::TargetId;

use crate::kubernetes::{self, Cluster};
use crate::machine::{folder, wait};
use crate::reach;
use crate::swarm::{self, Engine, Stack};
use crate::{Failure, Test, Verdict, ensure, test};

/// The cases that are asked each time: one of each effect.
const SELECTION: [&str; 12] = [
    "app-renamed",
    "comment",
    "config-content",
    "image",
    "image-and-fewer",
    "publish-changed",
    "replicas-up",
    "rollback-policy",
    "stateful-claim-grown",
    "written-config-same-name",
    "written-configmap-immutable",
    "written-selector",
];

/// The cases that are never asked: whether one is refused, or which, is for the order of a map to say, another one in each run; and of
/// the other one the command refuses what the engine is never asked for; and the one node that there is cannot be two.
const NOT_ASKED: [&str; 8] = [
    "global-nodes",
    "global-nodes-of-a-port",
    "port-given-to-a-gateway",
    "port-given-up-with-a-waiver",
    "port-handed-over",
    "publish-moved-to-a-gateway",
    "written-ignored",
    "written-stack-engine-twice-new",
];

/// How many stacks are deployed at once: each is mostly waiting.
const AT_ONCE: usize = 4;

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("changes::on_a_swarm", || {
            let engine = swarm::engine()?;
            let version = engine.docker(&["version", "--format", "{{.Server.Version}}"])?;
            let version = format!("Docker Engine {}", version.trim());
            compare(TargetId::Swarm, &version, |case| on_swarm(engine, case))
        }),
        test("changes::on_a_control_plane", || {
            let cluster = kubernetes::controlled()?;
            // A DaemonSet has a pod on it, and what grows has a class that lets it.
            let node = r#"{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "changes"}}"#;
            let home = folder("changes/cluster");
            for (name, object) in [("node.json", node), ("class.json", CLASS)] {
                let file = home.join(name);
                std::fs::write(&file, object).map_err(|error| error.to_string())?;
                cluster.kubectl(&["apply", "-f", &file.to_string_lossy()])?;
            }
            // As a kubelet that is ready has it done.
            let not_ready = "node.kubernetes.io/not-ready:NoSchedule-";
            let _ = cluster.kubectl(&["taint", "node", "changes", not_ready]);
            let version = cluster.kubectl(&["get", "--raw", "/version"])?;
            let version: Value = serde_json::from_str(&version).unwrap_or_default();
            let version = format!(
                "Kubernetes {}",
                version["gitVersion"].as_str().unwrap_or_default()
            );
            compare(TargetId::Kubernetes, &version, |case| {
                on_cluster(cluster, case)
            })
        }),
    ]
}

/// What became of a case's workloads, what the orchestrator said where it refused, and in some cases whether callers were
/// answered all the time.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    objects: BTreeMap<String, String>,
    refused: String,
    calls: BTreeMap<String, String>,
}

impl Seen {
    fn record(&self) -> Value {
        let mut seen = json!({"objects": self.objects, "refused": self.refused});
        if !self.calls.is_empty() {
            seen["calls"] = json!(self.calls);
        }
        seen
    }
}

/// A case on one target: the objects before and after. Several run at once, so each has a name of its own.
struct Case {
    name: String,
    own: String,
    before: Vec<Object>,
    after: Vec<Object>,
}

fn compare(
    target: TargetId,
    version: &str,
    ask: impl Fn(&Case) -> Result<Seen, Failure> + Sync,
) -> Verdict {
    let path = cases_folder()
        .join("observed")
        .join(format!("{}.json", target.word()));
    let set = |name| std::env::var_os(name).is_some();
    let named = std::env::var("ZDC_CHANGES").ok();
    let named: Option<Vec<&str>> = named.as_deref().map(|names| names.split(',').collect());
    let all = set("UPDATE_EXPECTED") || set("ZDC_ALL_CHANGES");
    let mut cases = cases(target)?;
    cases.retain(|case| {
        let name = case.name.as_str();
        let asked = named
            .as_ref()
            .map_or(all || SELECTION.contains(&name), |named| {
                named.contains(&name)
            });
        asked && !NOT_ASKED.contains(&name)
    });
    cases.reverse();
    let left = Mutex::new(cases);
    let seen = Mutex::new(BTreeMap::new());
    scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(case) = left.lock().unwrap().pop() else {
                        break;
                    };
                    let found = ask(&case);
                    seen.lock().unwrap().insert(case.name, found);
                }
            });
        }
    });
    let mut observed = BTreeMap::new();
    let mut wrong = String::new();
    for (case, seen) in seen.into_inner().unwrap() {
        match seen {
            Ok(seen) => {
                observed.insert(case, seen.record());
            }
            Err(Failure::Wrong(why)) => _ = writeln!(wrong, "{case}: {why}"),
            Err(absent) => return Err(absent),
        }
    }
    let text = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
    let record: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    if set("UPDATE_EXPECTED") {
        if let Some(known) = record["cases"].as_object().filter(|_| named.is_some()) {
            ensure(record["engine"] == version, || {
                format!("the record is of {}, this is {version}", record["engine"])
            })?;
            for (case, seen) in known {
                observed.entry(case.clone()).or_insert(seen.clone());
            }
        }
        let record = json!({"engine": version, "cases": observed});
        let text = serde_json::to_string_pretty(&record).map_err(|error| error.to_string())?;
        std::fs::write(&path, text + "\n").map_err(|error| error.to_string())?;
        return ensure(wrong.is_empty(), || wrong);
    }
    for (case, seen) in &observed {
        let known = &record["cases"][case];
        let said = |of: &Value| of["refused"].as_str().unwrap_or_default().to_owned();
        // Versions differ in the words around a refusal, never in whether there is one.
        let differs = |key: &str| known[key] != seen[key];
        if differs("objects") || differs("calls") || said(known).is_empty() != said(seen).is_empty()
        {
            let _ = writeln!(wrong, "{case}: {seen}, recorded is {known}");
        }
    }
    ensure(wrong.is_empty(), || wrong)
}

fn cases_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/changes")
}

/// Every case that a target has a part in.
fn cases(target: TargetId) -> Result<Vec<Case>, Failure> {
    let entries = std::fs::read_dir(cases_folder()).map_err(|error| error.to_string())?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let names: BTreeSet<String> = names.filter(|name| name != "observed").collect();
    let mut cases = Vec::new();
    for (index, name) in names.into_iter().enumerate() {
        let own = format!("shop{index}");
        let side = |side: &str| objects(&cases_folder().join(&name), side, target, &own);
        let (before, after) = (side("old")?, side("new")?);
        let runs = |objects: &[Object]| objects.iter().any(|it| it.kind != Object::FILE);
        if runs(&before) && runs(&after) {
            cases.push(Case {
                name,
                own,
                before,
                after,
            });
        }
    }
    Ok(cases)
}

/// The objects of one side, under a name of the case's own.
fn objects(case: &Path, side: &str, target: TargetId, own: &str) -> Result<Vec<Object>, Failure> {
    let fail = |error: std::io::Error| Failure::Wrong(error.to_string());
    let program = case.join(format!("{side}.zd"));
    if program.exists() {
        let text = std::fs::read_to_string(program).map_err(fail)?;
        let text = text.replace("shop", own);
        let world = MemoryWorld::single("app.zd", text);
        let inspected = zdc::inspect(&world, "app.zd", &Options::default());
        let found = inspected.objects.into_iter().find(|(of, _)| *of == target);
        return Ok(found.map(|(_, objects)| objects).unwrap_or_default());
    }
    let mut objects = Vec::new();
    let here = case.join(side).join(target.word());
    for path in files(&here) {
        let text = std::fs::read_to_string(&path).map_err(fail)?;
        let inside = path.strip_prefix(&here).unwrap_or(&path);
        let file = format!("{}/{}", target.word(), inside.display());
        let is_content = inside.starts_with("configs");
        objects.push(Object {
            file: file.replace("shop", own),
            kind: if is_content { Object::FILE } else { "whole" }.to_owned(),
            name: String::new(),
            namespace: None,
            content: Content::Text(text.into()),
        });
    }
    Ok(objects)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut found = Vec::new();
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The text of every file that objects stand in.
fn written(objects: &[Object]) -> BTreeMap<String, String> {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    let mut last = (String::new(), String::new());
    for object in objects {
        let Content::Text(text) = &object.content else {
            continue;
        };
        let file = files.entry(object.file.clone()).or_default();
        if object.kind == Object::FILE || object.kind == "whole" {
            file.push_str(text);
        } else if object.file.starts_with("kubernetes/") {
            let _ = write!(file, "---\n{}", &**text);
        } else {
            if file.is_empty() {
                file.push_str("version: \"3.8\"\n");
            }
            let section = (object.file.clone(), object.kind.clone());
            if last != section {
                let _ = writeln!(file, "{}:", object.kind);
                last = section;
            }
            let _ = writeln!(file, "  {}:", object.name);
            for line in text.lines() {
                let _ = writeln!(file, "    {line}");
            }
        }
    }
    files
}

/// Writes them below a folder; gives the stack files or manifests.
fn write(objects: &[Object], name: &str) -> Result<Vec<PathBuf>, Failure> {
    write_to(objects, &folder(name))
}

/// The same in a folder anywhere.
pub(crate) fn write_to(objects: &[Object], home: &Path) -> Result<Vec<PathBuf>, Failure> {
    let fail = |error: std::io::Error| Failure::Wrong(error.to_string());
    let mut manifests = Vec::new();
    for (path, text) in written(objects) {
        let path = home.join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(home)).map_err(fail)?;
        std::fs::write(&path, text).map_err(fail)?;
        let is_content = path
            .parent()
            .is_some_and(|folder| folder.ends_with("configs") || folder.ends_with("env"));
        if !is_content {
            manifests.push(path);
        }
    }
    Ok(manifests)
}

fn on_swarm(engine: &Engine, case: &Case) -> Result<Seen, Failure> {
    let asked = reach::ASKED.contains(&case.name.as_str());
    let mut calls = Vec::new();
    let mut read = |objects: &[Object], side: &str| -> Result<Vec<Stack>, Failure> {
        let files = write(objects, &format!("changes/swarm-{}-{side}", case.own))?;
        for file in files.iter().filter(|_| asked) {
            calls = reach::audible(file)?;
        }
        files.iter().map(|file| engine.read(file, &[])).collect()
    };
    let before = read(&case.before, "old")?;
    engine.prepare(&before)?;
    for stack in &before {
        engine.deploy(stack)?;
    }
    for stack in &before {
        engine.converges(stack, Duration::from_secs(120))?;
    }
    let names = |stacks: &[Stack]| -> BTreeSet<String> {
        stacks.iter().map(|stack| stack.name.clone()).collect()
    };
    let old_names = names(&before);
    let was = tasks(engine, &old_names)?;
    // Read only now: both sides of a stack are read into one folder.
    let after = read(&case.after, "new")?;
    engine.prepare(&after)?;
    let mut refused = String::new();
    let calls = reach::heard(engine, &calls, || {
        for stack in &after {
            if let Err(Failure::Wrong(why)) = engine.deploy(stack) {
                refused = why;
            }
        }
        if asked {
            return after.iter().try_for_each(|it| reach::updated(&it.name));
        }
        sleep(Duration::from_secs(6));
        Ok(())
    })?;
    let all: BTreeSet<String> = names(&after).union(&old_names).cloned().collect();
    let is = tasks(engine, &all)?;
    let mut objects = BTreeMap::new();
    let written: BTreeSet<String> = after.iter().flat_map(Stack::service_names).collect();
    let had: BTreeSet<String> = before.iter().flat_map(Stack::service_names).collect();
    for (service, slots) in &is {
        let what = match was.get(service) {
            // It had no task that could be replaced.
            None if had.contains(service) => "kept",
            None => "created",
            Some(_) if !written.contains(service) => "left",
            Some(known) => {
                let new = |(slot, ids): (&String, &BTreeSet<String>)| {
                    known.get(slot).is_some_and(|known| known != ids)
                };
                if slots.iter().any(new) {
                    "replaced"
                } else {
                    "kept"
                }
            }
        };
        let name = format!("service {service}").replace(&case.own, "shop");
        objects.insert(name, what.to_owned());
    }
    engine.remove(before.iter().chain(&after))?;
    let calls = calls.into_iter();
    Ok(Seen {
        objects,
        refused: said(&refused, &case.own),
        calls: calls
            .map(|(call, what)| (call.replace(&case.own, "shop"), what))
            .collect(),
    })
}

/// What was refused, without the names of this run.
fn said(refused: &str, own: &str) -> String {
    let said = refused.replace(own, "shop");
    // A service's id is another one each time.
    let said = Regex::new(r" \([0-9a-z]{25}\)")
        .map_or(said.clone(), |id| id.replace_all(&said, "").into_owned());
    // Nor is the folder that this run wrote to the same.
    let said = Regex::new(r#""/[^"]*/"#).map_or(said.clone(), |path| {
        path.replace_all(&said, "\"").into_owned()
    });
    let lines = said.lines().filter(|line| {
        let line = line.to_lowercase();
        [
            "failed",
            "error",
            "invalid",
            "forbidden",
            "unable",
            "not found",
        ]
        .iter()
        .any(|word| line.contains(word))
    });
    let lines: Vec<&str> = lines
        .map(|line| line.strip_prefix("exit status: 1: ").unwrap_or(line))
        .collect();
    lines.join("\n")
}

type Tasks = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// Every task there was, by service and slot.
fn tasks(engine: &Engine, stacks: &BTreeSet<String>) -> Result<Tasks, Failure> {
    let mut tasks = Tasks::new();
    for stack in stacks {
        let words = ["stack", "ps", "--no-trunc", "--format", "{{.Name}} {{.ID}}"];
        let listed = engine.docker(&[&words, &[&**stack][..]].concat());
        let listed = match listed {
            // A stack of which every service was refused.
            Err(why) if why.contains("nothing found in stack") => continue,
            listed => listed?,
        };
        for line in listed.lines() {
            let line = line.trim_start_matches([' ', '\\', '_']);
            let Some((name, id)) = line.split_once(' ') else {
                continue;
            };
            let (service, slot) = name.rsplit_once('.').unwrap_or((name, ""));
            let slots = tasks.entry(service.to_owned()).or_default();
            slots
                .entry(slot.to_owned())
                .or_default()
                .insert(id.to_owned());
        }
    }
    Ok(tasks)
}

fn on_cluster(cluster: &Cluster, case: &Case) -> Result<Seen, Failure> {
    let of = |objects: &[Object]| -> BTreeSet<String> {
        let namespaces = objects.iter().filter_map(|object| object.namespace.clone());
        namespaces.collect()
    };
    let mut new_namespaces = of(&case.after);
    let mut namespaces: BTreeSet<String> =
        of(&case.before).union(&new_namespaces).cloned().collect();
    let names_none = namespaces.is_empty();
    if names_none {
        namespaces.insert(case.own.clone());
        new_namespaces.insert(case.own.clone());
    }
    for namespace in &namespaces {
        cluster.kubectl(&["create", "namespace", namespace])?;
        // Without it no controller makes a pod.
        cluster.kubectl(&["create", "serviceaccount", "default", "-n", namespace])?;
    }
    let apply = |objects: &[Object], side: &str| -> Result<String, Failure> {
        let files = write(objects, &format!("changes/kubernetes-{}-{side}", case.own))?;
        let mut refused = String::new();
        for file in files {
            let file = file.to_string_lossy();
            let mut words = vec!["apply", "-f", &file];
            if names_none {
                words.extend(["-n", &case.own]);
            }
            if let Err(why) = cluster.kubectl(&words) {
                let _ = writeln!(refused, "{why}");
            }
        }
        Ok(refused)
    };
    let all = || -> Result<BTreeMap<String, Workload>, Failure> {
        let mut found = BTreeMap::new();
        for namespace in &namespaces {
            for (name, workload) in workloads(cluster, namespace)? {
                let name = if new_namespaces.contains(namespace) {
                    name
                } else {
                    format!("{name} in namespace {namespace}").replace(&case.own, "shop")
                };
                found.insert(name, workload);
            }
        }
        Ok(found)
    };
    let refused = apply(&case.before, "old")?;
    ensure(refused.is_empty(), || {
        format!("the old one was refused: {refused}")
    })?;
    if case.name.starts_with("claim-") {
        bind(cluster, &case.own)?;
    }
    let was = all()?;
    let refused = apply(&case.after, "new")?;
    let is = changed(&was, all)?;
    let written = named(&case.after)?;
    let mut objects = BTreeMap::new();
    for (object, workload) in &is {
        let what = match was.get(object) {
            None => "created",
            Some(_) if !written.contains(object) => "left",
            Some(known) if known.is_at_none => "kept",
            Some(known) if !workload.revisions.is_subset(&known.revisions) => "replaced",
            Some(_) => "kept",
        };
        objects.insert(object.clone(), what.to_owned());
    }
    Ok(Seen {
        objects,
        refused: said(&refused, &case.own),
        ..Seen::default()
    })
}

/// What stands in the manifests of some objects, as `KIND NAME` each.
fn named(objects: &[Object]) -> Result<BTreeSet<String>, Failure> {
    let mut names = BTreeSet::new();
    for text in written(objects).into_values() {
        for document in serde_yaml::Deserializer::from_str(&text) {
            let document = Value::deserialize(document).map_err(|error| error.to_string())?;
            let items = document["items"].as_array().cloned();
            for item in items.unwrap_or_else(|| vec![document]) {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let name = text(&item["metadata"]["name"]);
                names.insert(format!("{} {name}", text(&item["kind"])));
            }
        }
    }
    Ok(names)
}

/// The class of the claims that are bound, the cluster's own from then on.
const CLASS: &str = r#"{"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
"metadata": {"name": "grows", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
"provisioner": "example.com/none", "allowVolumeExpansion": true}"#;

/// Does to the claims of a namespace what binding them does: nothing here provides volumes.
fn bind(cluster: &Cluster, namespace: &str) -> Verdict {
    let of = |name: &str, words: &[&str]| {
        let claim = format!("persistentvolumeclaim/{name}");
        let patch = ["patch", &claim, "-n", namespace, "--type=merge"];
        cluster.kubectl(&[&patch, words].concat())
    };
    let listed = cluster.kubectl(&["get", "pvc", "-n", namespace, "-o", "json"])?;
    let listed: Value = serde_json::from_str(&listed).map_err(|error| error.to_string())?;
    for claim in listed["items"].as_array().into_iter().flatten() {
        let name = claim["metadata"]["name"].as_str().unwrap_or_default();
        let size = &claim["spec"]["resources"]["requests"]["storage"];
        of(name, &["-p", r#"{"spec": {"volumeName": "bound"}}"#])?;
        let status = json!({"status": {"phase": "Bound", "capacity": {"storage": size}}});
        of(name, &["--subresource=status", "-p", &status.to_string()])?;
    }
    Ok(())
}

/// A workload as its controller has it.
#[derive(Clone, PartialEq)]
struct Workload {
    generation: i64,
    /// What it has pods of: of a Deployment the revision, since it always has pods of that; else what its pods are labelled with.
    revisions: BTreeSet<String>,
    /// Whether it is to have no pods, and there is nothing to replace.
    is_at_none: bool,
}

/// The workloads once what was changed has had its effect. Pods that a controller leaves alone are left alone for seconds; an
/// amount in another form is no other generation, and replaces pods all the same.
fn changed(
    was: &BTreeMap<String, Workload>,
    all: impl Fn() -> Result<BTreeMap<String, Workload>, Failure>,
) -> Result<BTreeMap<String, Workload>, Failure> {
    const LEAST: usize = 3;
    for round in 0..12 {
        let is = all()?;
        let settled = is.iter().all(|(name, now)| {
            let before = was.get(name);
            before.is_none_or(|was| {
                was.generation == now.generation || was.revisions != now.revisions
            })
        });
        if settled && round >= LEAST {
            return Ok(is);
        }
        sleep(Duration::from_millis(500));
    }
    all()
}

/// Every workload of a namespace, once the controllers have seen it and made its pods.
fn workloads(cluster: &Cluster, namespace: &str) -> Result<BTreeMap<String, Workload>, Failure> {
    let listed = |kinds: &str| -> Result<Vec<Value>, String> {
        let words = ["get", kinds, "-n", namespace, "-o", "json"];
        let listed: Value =
            serde_json::from_str(&cluster.kubectl(&words)?).map_err(|error| error.to_string())?;
        Ok(listed["items"].as_array().cloned().unwrap_or_default())
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    wait(Duration::from_secs(60), || {
        let mut found = BTreeMap::new();
        let pods = listed("pods")?;
        for item in listed("deployments,statefulsets,daemonsets")? {
            let metadata = &item["metadata"];
            if item["status"]["observedGeneration"] != metadata["generation"] {
                return Err(format!("not seen by its controller yet: {item}"));
            }
            let revisions: BTreeSet<String> = if item["kind"] == "Deployment" {
                let revision = &metadata["annotations"]["deployment.kubernetes.io/revision"];
                revision.as_str().into_iter().map(str::to_owned).collect()
            } else {
                let own = pods
                    .iter()
                    .filter(|pod| pod["metadata"]["ownerReferences"][0]["uid"] == metadata["uid"]);
                own.map(|pod| text(&pod["metadata"]["labels"]["controller-revision-hash"]))
                    .collect()
            };
            // One that is paused from the beginning has none.
            let is_at_none = item["spec"]["replicas"] == 0;
            if revisions.is_empty() && !is_at_none && item["spec"]["paused"] != true {
                return Err(format!("it has no pods yet: {item}"));
            }
            let name = format!("{} {}", text(&item["kind"]), text(&metadata["name"]));
            let generation = metadata["generation"].as_i64().unwrap_or(0);
            found.insert(
                name,
                Workload {
                    generation,
                    revisions,
                    is_at_none,
                },
            );
        }
        Ok(found)
    })
    .map_err(Failure::Wrong)
}
