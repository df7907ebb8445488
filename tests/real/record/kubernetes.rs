//! Records a rollout on a Kubernetes control plane without nodes: the recorder does what a kubelet would, and looks at
//! what the controllers do ten times a second.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::Case;
use crate::Failure;
use crate::kubernetes::cluster;
use crate::machine::{built, folder, run, serve, state, wait};

/// Between two looks.
const PERIOD: Duration = Duration::from_millis(100);

/// A control plane, and a socket that leads to it.
pub(super) struct Recorder {
    socket: PathBuf,
    version: String,
    day: String,
}

/// What a rollout is made of.
struct Rollout {
    name: String,
    /// `deployments` or `statefulsets`.
    kind: &'static str,
    old_ready: Option<Duration>,
    new_ready: Option<Duration>,
    term: Duration,
}

/// The least and the most that was seen.
struct Seen {
    available: u64,
    total: usize,
    with_terminating: usize,
}

impl Recorder {
    pub(super) fn start() -> Result<Self, Failure> {
        cluster()?;
        let socket = folder("proxy").join("socket");
        let mut controllers = program("kube-controller-manager")?;
        controllers.args([
            "--controllers=deployment-controller,replicaset-controller,statefulset-controller,disruption-controller",
            "--leader-elect=false",
            "--secure-port=0",
        ]);
        let kubeconfig = state().join("kubernetes/kubeconfig");
        controllers.arg(format!("--kubeconfig={}", kubeconfig.display()));
        serve("recorded-controllers", controllers)?;
        let mut proxy = program("kubectl")?;
        proxy
            .arg("proxy")
            .arg(format!("--unix-socket={}", socket.display()));
        serve("kubectl-proxy", proxy)?;
        let mut day = Command::new("date");
        day.args(["-u", "+%F"]);
        let mut recorder = Self {
            socket,
            version: String::new(),
            day: run(day)?.trim().to_owned(),
        };
        let version = wait(Duration::from_secs(20), || recorder.get("/version"))?;
        recorder.version = version["gitVersion"].as_str().unwrap_or_default().into();
        Ok(recorder)
    }

    /// A recording's `summary`, and where it is from.
    pub(super) fn recorded(&self, name: &str, case: &Case) -> Result<Value, Failure> {
        let params = &case.params;
        let rollout = Rollout {
            name: name.to_owned(),
            kind: match params.get("strategy").and_then(Value::as_str) {
                Some("StatefulSet") => "statefulsets",
                _ => "deployments",
            },
            old_ready: time(params, "readyDelay"),
            new_ready: time(params, "newReady")
                .filter(|_| params.get("newReady") != Some(&json!("never"))),
            term: time(params, "termDelay").unwrap_or_default(),
        };
        self.prepared(&rollout, params)?;
        let seen = if params.get("action") == Some(&json!("drain")) {
            self.drained(&rollout, params)
        } else {
            self.rolled_out(&rollout, params)
        };
        // Nothing collects what belonged to it.
        let background = json!({ "propagationPolicy": "Background" });
        self.ask("DELETE", &rollout.path(), &background)?;
        for group in ["apps/v1", "policy/v1"] {
            let kind = if group == "apps/v1" {
                "replicasets"
            } else {
                "poddisruptionbudgets"
            };
            let path = format!("/apis/{group}/namespaces/{name}/{kind}");
            self.ask("DELETE", &path, &background)?;
        }
        wait(Duration::from_secs(60), || {
            let pods = self.get(&pods(name))?;
            let pods = items(&pods);
            for pod in &pods {
                self.removed(name, pod)?;
            }
            if pods.is_empty() {
                Ok(())
            } else {
                Err(format!("{} pods are left", pods.len()))
            }
        })?;
        let mut seen = seen?;
        seen["engine"] = json!(format!("Kubernetes {}, simulated nodes", self.version));
        seen["recorded"] = json!(self.day);
        Ok(seen)
    }

    /// The first version is available.
    fn prepared(&self, rollout: &Rollout, params: &Map<String, Value>) -> Result<(), String> {
        let name = &rollout.name;
        let create = |path: &str, body: &Value| match self.ask("POST", path, body) {
            Err(why) if why.contains("AlreadyExists") => Ok(json!({})),
            other => other,
        };
        create(
            "/api/v1/namespaces",
            &json!({ "metadata": { "name": name } }),
        )?;
        let accounts = format!("/api/v1/namespaces/{name}/serviceaccounts");
        create(&accounts, &json!({ "metadata": { "name": "default" } }))?;
        let kind = params
            .get("strategy")
            .cloned()
            .unwrap_or(json!("RollingUpdate"));
        let mut strategy = json!({ "type": kind });
        if kind == json!("RollingUpdate") {
            strategy["rollingUpdate"] = json!({
                "maxSurge": params.get("maxSurge"),
                "maxUnavailable": params.get("maxUnavailable"),
            });
        }
        let mut body = json!({
            "apiVersion": "apps/v1",
            "metadata": { "name": "subject" },
            "spec": {
                "replicas": params.get("replicas"),
                "minReadySeconds": params.get("minReadySeconds"),
                "selector": { "matchLabels": { "app": "subject" } },
                "template": template("1"),
            },
        });
        if rollout.kind == "statefulsets" {
            body["kind"] = json!("StatefulSet");
            body["spec"]["serviceName"] = json!("subject");
        } else {
            body["kind"] = json!("Deployment");
            body["spec"]["strategy"] = strategy;
            body["spec"]["progressDeadlineSeconds"] = json!(params.get("progressDeadlineSeconds"));
        }
        create(
            &format!("/apis/apps/v1/namespaces/{name}/{}", rollout.kind),
            &body,
        )?;
        let wanted = params.get("replicas").and_then(Value::as_u64).unwrap_or(1);
        let mut kubelet = Kubelet::default();
        wait(Duration::from_secs(120), || {
            self.look(rollout, &mut kubelet)?;
            let found = self.get(&rollout.path())?;
            let available = found["status"]["availableReplicas"].as_u64().unwrap_or(0);
            if available == wanted {
                Ok(())
            } else {
                Err(format!("{available} are available"))
            }
        })
    }

    /// The change is made, and looked at until it is complete or reported to have failed.
    fn rolled_out(&self, rollout: &Rollout, params: &Map<String, Value>) -> Result<Value, Failure> {
        let replicas = params.get("replicas").and_then(Value::as_u64).unwrap_or(1);
        let action = params
            .get("action")
            .and_then(Value::as_str)
            .unwrap_or("image");
        let after = action
            .strip_prefix("image+scale:")
            .and_then(|count| count.parse().ok());
        let after: u64 = after.unwrap_or(replicas);
        let change = json!({ "spec": { "replicas": after, "template": template("2") } });
        let begun = Instant::now();
        self.ask("PATCH", &rollout.path(), &change)?;
        let mut kubelet = Kubelet::default();
        let mut seen = Seen::of(replicas);
        loop {
            let (_, terminating) = self.seen(rollout, &mut kubelet, &mut seen)?;
            let found = self.get(&rollout.path())?;
            let took = begun.elapsed();
            let end = match end(&found, after) {
                Some("complete") if terminating > 0 => None,
                None if rollout.stands(took, after) => Some("stands"),
                end => end,
            };
            if let Some(end) = end {
                // What the report of a failure leaves stays: a while longer shows it.
                for _ in 0..20 {
                    self.seen(rollout, &mut kubelet, &mut seen)?;
                    sleep(PERIOD);
                }
                return Ok(seen.summary(end, took));
            }
            if took > Duration::from_secs(180) {
                return Err(Failure::Wrong("no end within three minutes".to_owned()));
            }
            sleep(PERIOD);
        }
    }

    /// Pods are evicted as `kubectl drain` does: each is asked for until it may go. One that is refused is asked for
    /// again at the next look, and not after five seconds.
    fn drained(&self, rollout: &Rollout, params: &Map<String, Value>) -> Result<Value, Failure> {
        let name = &rollout.name;
        let replicas = params.get("replicas").and_then(Value::as_u64).unwrap_or(1);
        let budget = ["minAvailable", "budgetMaxUnavailable"]
            .into_iter()
            .find_map(|key| Some((key, params.get(key)?)));
        if let Some((key, amount)) = budget {
            let field = if key == "minAvailable" {
                key
            } else {
                "maxUnavailable"
            };
            let budgets = format!("/apis/policy/v1/namespaces/{name}/poddisruptionbudgets");
            let body = json!({
                "apiVersion": "policy/v1",
                "kind": "PodDisruptionBudget",
                "metadata": { "name": "subject" },
                "spec": { "selector": { "matchLabels": { "app": "subject" } }, field: amount },
            });
            self.ask("POST", &budgets, &body)?;
            // Until the controller has counted, every eviction is refused.
            wait(Duration::from_secs(30), || {
                let found = self.get(&format!("{budgets}/subject"))?;
                let counted = found["status"]["currentHealthy"].as_u64() == Some(replicas);
                if counted {
                    Ok(())
                } else {
                    Err("not counted".to_owned())
                }
            })?;
        }
        let all = items(&self.get(&pods(name))?);
        let there = params
            .get("drained")
            .and_then(Value::as_u64)
            .unwrap_or(replicas);
        let mut left: Vec<(String, String)> = all.iter().map(identity).collect();
        left.sort();
        left.truncate(usize::try_from(there).unwrap_or(usize::MAX));
        let begun = Instant::now();
        let mut moved = begun;
        let mut kubelet = Kubelet::default();
        let mut seen = Seen::of(replicas);
        let mut looks = 0;
        loop {
            let before = left.len();
            let mut kept = Vec::new();
            for pod in left {
                if !self.is_evicted(name, &pod)? {
                    kept.push(pod);
                }
            }
            left = kept;
            if left.len() < before {
                moved = Instant::now();
            }
            let (live, terminating) = self.seen(rollout, &mut kubelet, &mut seen)?;
            let found = self.get(&rollout.path())?;
            let available = found["status"]["availableReplicas"].as_u64() == Some(replicas);
            let whole = available && terminating == 0 && live as u64 == replicas;
            // The status is that of a moment ago: the controller has to have seen that pods went.
            looks = if whole { looks + 1 } else { 0 };
            let end = if left.is_empty() {
                (looks > 15).then_some("drained")
            } else {
                (moved.elapsed() > Duration::from_secs(20)).then_some("refused")
            };
            if let Some(end) = end {
                return Ok(seen.summary(end, begun.elapsed()));
            }
            if begun.elapsed() > Duration::from_secs(180) {
                return Err(Failure::Wrong("no end within three minutes".to_owned()));
            }
            sleep(PERIOD);
        }
    }

    /// Whether a pod was told to go, now or before.
    fn is_evicted(&self, name: &str, (id, uid): &(String, String)) -> Result<bool, String> {
        let eviction = json!({
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": { "name": id, "namespace": name },
            // A `StatefulSet` gives the name again.
            "deleteOptions": { "preconditions": { "uid": uid } },
        });
        let path = format!("/api/v1/namespaces/{name}/pods/{id}/eviction");
        match self.ask("POST", &path, &eviction) {
            Ok(_) => Ok(true),
            Err(why) if why.contains("TooManyRequests") => Ok(false),
            Err(why) if why.contains("NotFound") || why.contains("Conflict") => Ok(true),
            Err(why) => Err(why),
        }
    }

    /// One look: how many pods live, and how many terminate.
    fn seen(
        &self,
        rollout: &Rollout,
        kubelet: &mut Kubelet,
        seen: &mut Seen,
    ) -> Result<(usize, usize), String> {
        // Of a Deployment each `ReplicaSet` counts its own.
        let sets = if rollout.kind == "statefulsets" {
            vec![self.get(&rollout.path())?]
        } else {
            let sets = format!("/apis/apps/v1/namespaces/{}/replicasets", rollout.name);
            items(&self.get(&sets)?)
        };
        let available = sets
            .iter()
            .map(|set| set["status"]["availableReplicas"].as_u64().unwrap_or(0))
            .sum();
        seen.available = seen.available.min(available);
        let (live, all) = self.look(rollout, kubelet)?;
        seen.total = seen.total.max(live);
        seen.with_terminating = seen.with_terminating.max(all);
        Ok((live, all - live))
    }

    /// What a kubelet does: a pod gets a node, is ready after its time, and is gone after its time.
    fn look(&self, rollout: &Rollout, kubelet: &mut Kubelet) -> Result<(usize, usize), String> {
        let name = &rollout.name;
        let pods = items(&self.get(&pods(name))?);
        let mut live = 0;
        for pod in &pods {
            // A `StatefulSet` gives the name again.
            let (id, uid) = identity(pod);
            if !pod["metadata"]["deletionTimestamp"].is_null() {
                let told = *kubelet.told.entry(uid).or_insert_with(Instant::now);
                if told.elapsed() >= rollout.term {
                    self.removed(name, pod)?;
                }
                continue;
            }
            live += 1;
            let begun = *kubelet.begun.entry(uid).or_insert_with(Instant::now);
            let path = format!("/api/v1/namespaces/{name}/pods/{id}");
            if pod["spec"]["nodeName"].is_null() {
                let binding = json!({
                    "apiVersion": "v1", "kind": "Binding",
                    "metadata": { "name": id },
                    "target": { "apiVersion": "v1", "kind": "Node", "name": "nowhere" },
                });
                self.ask("POST", &format!("{path}/binding"), &binding)?;
            }
            let ready = match pod["metadata"]["labels"]["version"].as_str() {
                Some("2") => rollout.new_ready,
                _ => rollout.old_ready,
            };
            let due = ready.is_some_and(|ready| begun.elapsed() >= ready);
            if due && pod["status"]["phase"] != "Running" {
                self.ask("PATCH", &format!("{path}/status"), &running()?)?;
            }
        }
        Ok((live, pods.len()))
    }

    fn removed(&self, name: &str, pod: &Value) -> Result<(), String> {
        let id = pod["metadata"]["name"].as_str().unwrap_or_default();
        let path = format!("/api/v1/namespaces/{name}/pods/{id}");
        match self.ask("DELETE", &path, &json!({ "gracePeriodSeconds": 0 })) {
            Err(why) if !why.contains("NotFound") => Err(why),
            _ => Ok(()),
        }
    }

    fn get(&self, path: &str) -> Result<Value, String> {
        self.ask("GET", path, &Value::Null)
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let fail = |error: std::io::Error| format!("{method} {path}: {error}");
        let mut stream = UnixStream::connect(&self.socket).map_err(fail)?;
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .map_err(fail)?;
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let kind = if method == "PATCH" {
            "application/merge-patch+json"
        } else {
            "application/json"
        };
        // Of version 1.0, so that the answer comes in one piece and ends the connection.
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .map_err(fail)?;
        let mut said = String::new();
        stream.read_to_string(&mut said).map_err(fail)?;
        let status = said.split(' ').nth(1).unwrap_or_default();
        match said.split_once("\r\n\r\n") {
            Some((_, body)) if status.starts_with('2') => {
                serde_json::from_str(body).map_err(|error| format!("{method} {path}: {error}"))
            }
            _ => Err(format!("{method} {path}: {said}")),
        }
    }
}

/// One of the programs of the control plane.
fn program(name: &str) -> Result<Command, Failure> {
    let home = state().join("kubernetes");
    let mut command = Command::new(built("kubernetes", "kubernetes")?);
    command
        .arg(name)
        .env("KUBECONFIG", home.join("kubeconfig"))
        .env("HOME", home);
    Ok(command)
}

impl Rollout {
    fn path(&self) -> String {
        format!(
            "/apis/apps/v1/namespaces/{}/{}/subject",
            self.name, self.kind
        )
    }

    /// Whether a `StatefulSet` has stood still for long enough: it has no deadline, and brings one pod after the other.
    fn stands(&self, took: Duration, replicas: u64) -> bool {
        let replicas = u32::try_from(replicas).unwrap_or(u32::MAX);
        self.kind == "statefulsets"
            && self.new_ready.is_none()
            && took > Duration::from_secs(20) + self.term * replicas
    }
}

impl Seen {
    fn of(replicas: u64) -> Self {
        Self {
            available: replicas,
            total: 0,
            with_terminating: 0,
        }
    }

    fn summary(&self, end: &str, took: Duration) -> Value {
        json!({ "summary": {
            "end": end,
            "duration_ms": u64::try_from(took.as_millis()).unwrap_or_default(),
            "min_rs_available": self.available,
            "max_total": self.total,
            "max_total_with_terminating": self.with_terminating,
        }})
    }
}

/// A pod's name, and what no other pod ever has.
fn identity(pod: &Value) -> (String, String) {
    let of = |key: &str| pod["metadata"][key].as_str().unwrap_or_default().to_owned();
    (of("name"), of("uid"))
}

/// When each pod was first seen, and when it was told to stop.
#[derive(Default)]
struct Kubelet {
    begun: BTreeMap<String, Instant>,
    told: BTreeMap<String, Instant>,
}

fn template(version: &str) -> Value {
    json!({
        "metadata": { "labels": { "app": "subject", "version": version } },
        "spec": {
            "terminationGracePeriodSeconds": 30,
            "containers": [{ "name": "subject", "image": format!("subject:{version}") }],
        },
    })
}

fn running() -> Result<Value, String> {
    let mut now = Command::new("date");
    now.args(["-u", "+%FT%TZ"]);
    let now = run(now)?;
    let ready =
        |kind: &str| json!({ "type": kind, "status": "True", "lastTransitionTime": now.trim() });
    Ok(json!({ "status": {
        "phase": "Running",
        "startTime": now.trim(),
        "conditions": [ready("PodScheduled"), ready("ContainersReady"), ready("Ready")],
    }}))
}

/// How it has ended, if it has.
fn end(found: &Value, replicas: u64) -> Option<&'static str> {
    let status = &found["status"];
    if status["observedGeneration"] != found["metadata"]["generation"] {
        return None;
    }
    let all = |key: &str| status[key].as_u64() == Some(replicas);
    if all("replicas") && all("updatedReplicas") && all("availableReplicas") {
        return Some("complete");
    }
    let conditions = status["conditions"].as_array()?;
    let progress = conditions.iter().find(|it| it["type"] == "Progressing")?;
    (progress["reason"] == "ProgressDeadlineExceeded").then_some("ProgressDeadlineExceeded")
}

fn pods(name: &str) -> String {
    format!("/api/v1/namespaces/{name}/pods")
}

fn items(list: &Value) -> Vec<Value> {
    list["items"].as_array().cloned().unwrap_or_default()
}

/// `2s`; `never` and nothing are none.
fn time(params: &Map<String, Value>, key: &str) -> Option<Duration> {
    let text = params.get(key)?.as_str()?;
    let seconds = text.strip_suffix('s')?.parse::<f64>().ok()?;
    Some(Duration::from_secs_f64(seconds))
}
