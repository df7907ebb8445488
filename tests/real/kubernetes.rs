//! Kubernetes: a real API server with strict field validation takes every object, one file at a time and as a
//! kustomization. There is no node, and a controller only where a test asks for one: what is judged is the manifest.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use serde_json::Value;

use crate::machine::{Server, built, folder, log, run, serve, state, wait};
use crate::programs::{self, Program};
use crate::{Failure, Test, Verdict, ensure, gateway_api, machine, test};

pub(crate) fn tests(programs: &[Program]) -> Vec<Test> {
    let mut tests = vec![
        test("kubernetes::judge_can_refuse", judge_can_refuse),
        test("kubernetes::one_on_each_node", one_on_each_node),
        test(
            "kubernetes::a_number_is_handed_over",
            a_number_is_handed_over,
        ),
        test(
            "kubernetes::a_port_is_found_by_its_name",
            a_port_is_found_by_its_name,
        ),
    ];
    tests.extend(programs::each(
        programs,
        "kubernetes",
        ("kubernetes", &["yaml"]),
        |program, files| {
            let cluster = cluster()?;
            if files
                .iter()
                .any(|file| speaks_of(file, "gateway.networking.k8s.io"))
            {
                gateway_api::define(cluster)?;
            }
            for file in files
                .iter()
                .filter(|file| !file.ends_with("kustomization.yaml"))
            {
                let file = file.to_string_lossy();
                // Ports on nodes are the cluster's: a second namespace could not have them.
                cluster.apply(&format!("{}-files", program.name), &["-f", &file])?;
                cluster.delete(&format!("{}-files", program.name), &["-f", &file])?;
            }
            let all = program.output.join("kubernetes");
            cluster.apply(&program.name, &["-k", &all.to_string_lossy()])
        },
    ));
    tests
}

fn speaks_of(file: &Path, word: &str) -> bool {
    std::fs::read_to_string(file).is_ok_and(|text| text.contains(word))
}

/// What the API server has after it took the files. One at a time: kustomize writes YAML of its own, in which it does
/// not escape what its reader then refuses (`control characters are not allowed`).
pub(crate) fn created(namespace: &str, files: &[PathBuf]) -> Result<Value, Failure> {
    let cluster = cluster()?;
    for file in files
        .iter()
        .filter(|file| !file.ends_with("kustomization.yaml"))
    {
        cluster.apply(namespace, &["-f", &file.to_string_lossy()])?;
    }
    let all = cluster.kubectl(&[
        "get",
        "deployments,statefulsets,configmaps",
        "-o",
        "json",
        "-n",
        namespace,
    ])?;
    serde_json::from_str(&all).map_err(|error| Failure::Wrong(error.to_string()))
}

/// What a variable's text becomes in a container: `$$` is `$`, and `$(NAME)` stays where there is no such variable
/// (Kubernetes, `third_party/forked/golang/expansion`).
pub(crate) fn expanded(text: &str) -> String {
    text.replace("$$", "$")
}

/// A running API server.
pub(crate) struct Cluster {
    programs: Programs,
    server: Mutex<Server>,
}

/// The programs that a control plane is made of, in one file.
struct Programs(PathBuf);

/// The API server, started at the first call.
pub(crate) fn cluster() -> Result<&'static Cluster, Failure> {
    static CLUSTER: OnceLock<Result<Cluster, String>> = OnceLock::new();
    let binary = built("kubernetes", "kubernetes")?;
    machine::require_isolation("kubernetes")?;
    CLUSTER
        .get_or_init(|| start(binary))
        .as_ref()
        .map_err(|why| Failure::Wrong(why.clone()))
}

/// What tells a client which cluster is meant.
pub(crate) fn environment() -> [(&'static str, PathBuf); 2] {
    let home = state().join("kubernetes");
    [("KUBECONFIG", home.join("kubeconfig")), ("HOME", home)]
}

/// The API server with the controllers that roll workloads out, started at the first call.
pub(crate) fn controlled() -> Result<&'static Cluster, Failure> {
    static CONTROLLERS: OnceLock<Result<(), String>> = OnceLock::new();
    let cluster = cluster()?;
    let started = CONTROLLERS.get_or_init(|| {
        let home = state().join("kubernetes");
        let mut controllers = cluster.command("kube-controller-manager");
        controllers.args([
            "--controllers=deployment-controller,replicaset-controller,statefulset-controller,daemonset-controller,endpointslice-controller",
            "--leader-elect=false",
            "--secure-port=0",
        ]);
        controllers.arg(format!(
            "--kubeconfig={}",
            home.join("kubeconfig").display()
        ));
        serve("kube-controller-manager", controllers).map(drop)
    });
    started.clone().map_err(Failure::Wrong)?;
    Ok(cluster)
}

const KUBECONFIG: &str = "
apiVersion: v1
kind: Config
clusters: [{name: here, cluster: {server: 'https://127.0.0.1:6443', insecure-skip-tls-verify: true}}]
users: [{name: admin, user: {token: token}}]
contexts: [{name: here, context: {cluster: here, user: admin}}]
current-context: here
";

fn start(binary: PathBuf) -> Result<Cluster, String> {
    let home = folder("kubernetes");
    let at = |name: &str| home.join(name).to_string_lossy().into_owned();
    let write =
        |name: &str, text: &str| std::fs::write(at(name), text).map_err(|error| error.to_string());
    write("kubeconfig", KUBECONFIG)?;
    write("tokens.csv", "token,admin,admin,system:masters\n")?;
    let programs = Programs(binary);

    let mut etcd = programs.command("etcd");
    etcd.args([
        "--data-dir",
        &at("etcd"),
        "--unsafe-no-fsync",
        "--log-level=error",
    ]);
    serve("etcd", etcd)?;
    let mut key = programs.command("key");
    key.arg(at("key"));
    run(key)?;
    let mut server = programs.command("kube-apiserver");
    server.args([
        "--etcd-servers=http://127.0.0.1:2379",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        "--authorization-mode=AlwaysAllow",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--endpoint-reconciler-type=none",
        "--enable-priority-and-fairness=false",
    ]);
    server.arg(format!("--cert-dir={}", at("certificates")));
    server.arg(format!("--token-auth-file={}", at("tokens.csv")));
    server.arg(format!("--service-account-key-file={}", at("key")));
    server.arg(format!("--service-account-signing-key-file={}", at("key")));
    let cluster = Cluster {
        programs,
        server: Mutex::new(Server::start("kube-apiserver", server)?),
    };
    cluster.until_ready()?;
    Ok(cluster)
}

impl Programs {
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(&self.0);
        command.arg(program).envs(environment());
        command
    }
}

impl Cluster {
    /// Creates the objects in a namespace of that name; a warning is a refusal too.
    pub(crate) fn apply(&self, namespace: &str, what: &[&str]) -> Verdict {
        if self.kubectl(&["get", "namespace", namespace]).is_err() {
            self.kubectl(&["create", "namespace", namespace])?;
        }
        let said =
            self.kubectl(&[&["apply", "--validate=strict", "-n", namespace], what].concat())?;
        ensure(!said.contains("Warning:"), || said)
    }

    fn delete(&self, namespace: &str, what: &[&str]) -> Verdict {
        self.kubectl(&[&["delete", "--wait=false", "-n", namespace], what].concat())?;
        Ok(())
    }

    pub(crate) fn kubectl(&self, words: &[&str]) -> Result<String, String> {
        let mut command = self.command("kubectl");
        command.args(words);
        run(command)
    }

    pub(crate) fn command(&self, program: &str) -> Command {
        self.programs.command(program)
    }

    fn until_ready(&self) -> Result<(), String> {
        wait(Duration::from_secs(60), || {
            self.kubectl(&["get", "--raw", "/readyz"])
        })
        .map(drop)
        .map_err(|why| format!("{why}\n{}", log("kube-apiserver")))
    }

    /// Takes the API server away while something is done, and starts it again.
    pub(crate) fn without_server(&self, test: impl FnOnce() -> Verdict) -> Verdict {
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        server.kill()?;
        let verdict = test();
        server.again()?;
        self.until_ready()?;
        verdict
    }
}

fn judge_can_refuse() -> Verdict {
    let cluster = cluster()?;
    let folder = folder("refuse");
    let file = folder.join("service.yaml");
    let object =
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  ports: [{port: 80}]\n";
    let kustomization = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [service.yaml]\n";
    for (name, extra, refusal) in [
        ("good", "", ""),
        (
            "unknown-field",
            "  selektor: {app: web}\n",
            "unknown field \"spec.selektor\"",
        ),
        ("bad-value", "  type: Cluster\n", "supported values"),
    ] {
        std::fs::write(&file, format!("{object}{extra}")).map_err(|error| error.to_string())?;
        std::fs::write(folder.join("kustomization.yaml"), kustomization)
            .map_err(|error| error.to_string())?;
        for what in [
            ["-f", &file.to_string_lossy()],
            ["-k", &folder.to_string_lossy()],
        ] {
            match cluster.apply(name, &what) {
                Ok(()) => ensure(refusal.is_empty(), || format!("{name} was taken"))?,
                Err(Failure::Wrong(why)) => {
                    ensure(!refusal.is_empty() && why.contains(refusal), || why)?;
                }
                Err(absent) => return Err(absent),
            }
        }
    }
    Ok(())
}

/// Of a `DaemonSet`'s room for more and for fewer one must be 0, and the other not: what is written always has a 0.
fn one_on_each_node() -> Verdict {
    let cluster = cluster()?;
    let file = folder("one-on-each-node").join("set.yaml");
    for (surge, unavailable, refusal) in [
        ("1", "0", ""),
        ("0", "3", ""),
        ("0", "100%", ""),
        ("1", "1", "may not be set when"),
        ("0", "0", "cannot be 0 when"),
    ] {
        let set = format!(
            "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {{name: agent}}\nspec:\n  \
             selector: {{matchLabels: {{app: agent}}}}\n  \
             updateStrategy: {{rollingUpdate: {{maxSurge: {surge}, maxUnavailable: {unavailable}}}}}\n  \
             template:\n    metadata: {{labels: {{app: agent}}}}\n    \
             spec: {{containers: [{{name: agent, image: \"example/agent:1\"}}]}}\n"
        );
        std::fs::write(&file, set).map_err(|error| error.to_string())?;
        let taken = cluster.apply("one-on-each-node", &["-f", &file.to_string_lossy()]);
        match taken {
            Ok(()) => ensure(refusal.is_empty(), || {
                format!("{surge} and {unavailable} were taken")
            })?,
            Err(Failure::Wrong(why)) => {
                ensure(!refusal.is_empty() && why.contains(refusal), || why)?;
            }
            Err(absent) => return Err(absent),
        }
    }
    Ok(())
}

/// A number that is no longer written falls to the default, unless another manager has it as well: what the page of ZD4059
/// says to do.
fn a_number_is_handed_over() -> Verdict {
    let cluster = cluster()?;
    let namespace = "handed-over";
    cluster.kubectl(&["create", "namespace", namespace])?;
    let folder = folder(namespace);
    let applied = |name: &str, spec: &str, words: &[&str]| -> Verdict {
        let file = folder.join(format!("{name}.yaml"));
        let kind = "apiVersion: apps/v1\nkind: Deployment";
        let text = format!("{kind}\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n");
        std::fs::write(&file, text).map_err(|error| error.to_string())?;
        let file = file.to_string_lossy();
        let apply = ["apply", "--server-side", "-n", namespace, "-f", &file];
        cluster.kubectl(&[&apply, words].concat())?;
        Ok(())
    };
    let pods = "selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, \
                spec: {containers: [{name: web, image: 'example/web:1'}]}}";
    for (name, expected) in [("reset", "1"), ("kept", "4")] {
        let written = ["--force-conflicts"];
        applied(name, &format!("replicas: 4, {pods}"), &written)?;
        if name == "kept" {
            let manager = ["--field-manager=handover", "--validate=false"];
            applied(name, "replicas: 4", &manager)?;
        }
        applied(name, pods, &written)?;
        let words = [
            "get",
            "deployment",
            name,
            "-n",
            namespace,
            "-o",
            "jsonpath={.spec.replicas}",
        ];
        let is = cluster.kubectl(&words)?;
        ensure(is == expected, || format!("{name}: {is}, not {expected}"))?;
    }
    Ok(())
}

/// A Service that leads to a port by its name has only those pods behind it that have a port of that name: ZD4075.
fn a_port_is_found_by_its_name() -> Verdict {
    let cluster = controlled()?;
    let namespace = "by-name";
    cluster.kubectl(&["create", "namespace", namespace])?;
    let pod = |port: &str| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {port}, labels: {{app: web}}}}\nspec:\n  \
             nodeName: by-name\n  automountServiceAccountToken: false\n  \
             containers: [{{name: web, image: 'example/web:1', ports: [{{name: {port}, containerPort: 8080}}]}}]\n"
        )
    };
    let service = "---\napiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  selector: {app: web}\n  \
                   ports: [{port: 8080, targetPort: http}]\n";
    let account = "---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: default}\n";
    let node = "---\napiVersion: v1\nkind: Node\nmetadata: {name: by-name}\n";
    let file = folder(namespace).join("all.yaml");
    let all = [node, account, &pod("http"), &pod("api"), service].concat();
    std::fs::write(&file, all).map_err(|error| error.to_string())?;
    cluster.kubectl(&["apply", "-n", namespace, "-f", &file.to_string_lossy()])?;
    for (name, address) in [("http", "10.0.0.1"), ("api", "10.0.0.2")] {
        let ready = r#"{"type": "Ready", "status": "True"}"#;
        let status = format!(
            r#"{{"status": {{"phase": "Running", "podIP": "{address}", "podIPs": [{{"ip": "{address}"}}], "conditions": [{ready}]}}}}"#
        );
        let patch = [
            "patch",
            "pod",
            name,
            "-n",
            namespace,
            "--subresource=status",
            "-p",
            &status,
        ];
        cluster.kubectl(&patch)?;
    }
    // What has no such port stands in a slice without ports, which leads nowhere.
    for (port, expected) in [
        ("http", ["10.0.0.1:8080", "10.0.0.2:"]),
        ("api", ["10.0.0.1:", "10.0.0.2:8080"]),
    ] {
        let patch = format!(
            r#"[{{"op": "replace", "path": "/spec/ports/0/targetPort", "value": "{port}"}}]"#
        );
        let patch = [
            "patch",
            "service",
            "web",
            "-n",
            namespace,
            "--type=json",
            "-p",
            &patch,
        ];
        cluster.kubectl(&patch)?;
        let path = "jsonpath={range .items[*]}{.endpoints[*].addresses[*]}:{.ports[*].port} {end}";
        let words = ["get", "endpointslices", "-n", namespace, "-o", path];
        let behind = wait(Duration::from_secs(60), || {
            let found = cluster.kubectl(&words)?;
            let mut slices: Vec<&str> = found.split_whitespace().collect();
            slices.sort_unstable();
            if slices == expected {
                Ok(())
            } else {
                Err(found)
            }
        });
        behind.map_err(|found| Failure::Wrong(format!("{port}: {found}")))?;
    }
    cluster.kubectl(&["delete", "node", "by-name"])?;
    Ok(())
}
