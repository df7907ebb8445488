//! Docker Swarm: an engine of our own takes every stack without a word about what it ignores, and its services
//! converge, with `REPLICAS=4` to four. Images are made from a folder (`docker import`) under the names the stacks
//! ask for; nothing is pulled.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use regex_lite::Regex;
use serde_json::Value;

use crate::machine::{
    Server, built, folder, installed, log, require_isolation, require_root, run, state, wait,
};
use crate::programs::{self, Program};
use crate::socket;
use crate::{Failure, Test, Verdict, ensure, test, yaml};

pub(crate) fn tests(programs: &[Program]) -> Vec<Test> {
    let mut tests = vec![
        test("swarm::judge_can_refuse", judge_can_refuse),
        test(
            "swarm::judge_sees_what_does_not_converge",
            judge_sees_what_does_not_converge,
        ),
        test(
            "swarm::refuses_in_the_words_of_a_plan",
            refuses_in_the_words_of_a_plan,
        ),
    ];
    tests.extend(programs::each(
        programs,
        "swarm",
        ("swarm", &["yml"]),
        |program, files| {
            // Below stand the files that the stacks refer to.
            let swarm = program.output.join("swarm");
            let stacks = files.iter().filter(|file| file.parent() == Some(&swarm));
            judge(&stacks.cloned().collect::<Vec<_>>())
        },
    ));
    tests
}

fn judge(files: &[PathBuf]) -> Verdict {
    let engine = engine()?;
    let stacks = files
        .iter()
        .map(|file| engine.read(file, &[]))
        .collect::<Result<Vec<_>, _>>()?;
    let verdict = engine.judge(&stacks);
    engine.remove(&stacks)?;
    verdict
}

/// What the engine has of a service after it took the stack.
pub(crate) fn service(file: &Path, service: &str) -> Result<Value, Failure> {
    let engine = engine()?;
    let stacks = [engine.read(file, &[])?];
    engine.prepare(&stacks)?;
    engine.deploy(&stacks[0])?;
    let name = format!("{}_{service}", stacks[0].name);
    let found = engine.docker(&["service", "inspect", &name])?;
    engine.remove(&stacks)?;
    serde_json::from_str(&found).map_err(|error| Failure::Wrong(error.to_string()))
}

/// What a value without variables becomes once Docker's CLI has substituted them: `$$` is `$`.
pub(crate) fn substituted(text: &str) -> String {
    text.replace("$$", "$")
}

/// The images of the folder as it is now: one for each command.
static IMPORTED: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());

/// A running engine, the manager of a swarm of one.
pub(crate) struct Engine {
    docker: PathBuf,
    image: PathBuf,
    daemon: Mutex<Server>,
}

/// A stack file in a folder of the state, and what `docker stack config` makes of it.
pub(crate) struct Stack {
    pub(crate) name: String,
    source: PathBuf,
    file: PathBuf,
    config: Value,
    variables: Vec<(String, String)>,
}

static ENGINE: OnceLock<Result<Engine, String>> = OnceLock::new();

/// What the engine said last, where it was started and has ended by itself.
pub(crate) fn ended() -> Option<String> {
    let engine = ENGINE.get()?.as_ref().ok()?;
    let mut daemon = engine.daemon.lock().ok()?;
    daemon.has_ended().then(|| log("dockerd"))
}

/// The engine, started at the first call.
pub(crate) fn engine() -> Result<&'static Engine, Failure> {
    let dockerd = installed("swarm", "dockerd")?;
    let docker = built("swarm", "docker")?;
    installed("swarm", "iptables")?;
    let workload = built("swarm", "workload")?;
    let nginx = built("swarm", "nginx")?;
    // Static: /bin/sh, wget and nc of the images.
    let busybox = installed("swarm", "busybox")?;
    require_isolation("swarm")?;
    require_root("swarm")?;
    ENGINE
        .get_or_init(|| start(&dockerd, docker, [&workload, &nginx, &busybox]))
        .as_ref()
        .map_err(|why| Failure::Wrong(why.clone()))
}

fn start(dockerd: &Path, docker: PathBuf, programs: [&Path; 3]) -> Result<Engine, String> {
    let home = folder("docker");
    let mut daemon = Command::new(dockerd);
    daemon
        .args([
            "--log-level=warn",
            // Else its own networks have the addresses that programs ask for.
            "--default-address-pool=base=192.168.128.0/17,size=24",
            "--host",
        ])
        .arg(format!("unix://{}", home.join("socket").display()));
    for (option, name) in [
        ("--data-root", "data"),
        ("--exec-root", "exec"),
        ("--pidfile", "pid"),
    ] {
        daemon.arg(option).arg(home.join(name));
    }
    let engine = Engine {
        docker,
        image: image(programs)?,
        daemon: Mutex::new(Server::start("dockerd", daemon)?),
    };
    engine.until_ready()?;
    engine.docker(&["swarm", "init", "--advertise-addr", "127.0.0.1"])?;
    Ok(engine)
}

/// The folder that every image is made from: it has what a web service, a gateway and their health checks run.
fn image([workload, nginx, busybox]: [&Path; 3]) -> Result<PathBuf, String> {
    let root = folder("image");
    let fail = |error: std::io::Error| error.to_string();
    for name in [
        "bin",
        "etc/nginx/conf.d",
        "tmp",
        "usr/bin",
        "usr/sbin",
        "var/log/nginx",
        "var/cache/nginx",
        "run",
    ] {
        std::fs::create_dir_all(root.join(name)).map_err(fail)?;
    }
    for (from, to) in [
        (workload, "workload"),
        (nginx, "usr/sbin/nginx"),
        (busybox, "bin/busybox"),
    ] {
        std::fs::copy(from, root.join(to)).map_err(fail)?;
    }
    std::os::unix::fs::symlink("/workload", root.join("usr/bin/curl")).map_err(fail)?;
    // As nginx's own image has it.
    for (log, stream) in [("access.log", "stdout"), ("error.log", "stderr")] {
        let to = Path::new("/dev").join(stream);
        std::os::unix::fs::symlink(to, root.join("var/log/nginx").join(log)).map_err(fail)?;
    }
    for name in ["sh", "wget", "nc", "true"] {
        std::os::unix::fs::symlink("busybox", root.join("bin").join(name)).map_err(fail)?;
    }
    for (name, text) in [
        (
            "etc/passwd",
            "root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\nnginx:x:101:101::/:/bin/sh\n",
        ),
        ("etc/group", "root:x:0:\nnogroup:x:65534:\nnginx:x:101:\n"),
        (
            "etc/nginx/nginx.conf",
            "user nginx;\nerror_log /var/log/nginx/error.log;\nevents {}\nhttp { include /etc/nginx/conf.d/*.conf; }\n",
        ),
    ] {
        std::fs::write(root.join(name), text).map_err(fail)?;
    }
    Ok(root)
}

/// Puts a program that a health check runs into the folder, where it is not there: it finds everything healthy.
pub(crate) fn stand_in(program: &str) -> Result<(), String> {
    let image = state().join("image");
    let path = match program.strip_prefix('/') {
        Some(path) => image.join(path),
        None => image.join("bin").join(program),
    };
    let folders = ["bin", "usr/bin", "usr/sbin"];
    let mut places = folders
        .iter()
        .map(|folder| image.join(folder).join(program));
    if path.exists() || places.any(|place| place.symlink_metadata().is_ok()) {
        return Ok(());
    }
    let fail = |error: std::io::Error| error.to_string();
    std::fs::create_dir_all(path.parent().unwrap_or(&image)).map_err(fail)?;
    std::fs::write(&path, "#!/bin/sh\n").map_err(fail)?;
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&path, executable).map_err(fail)?;
    IMPORTED.lock().unwrap().clear();
    Ok(())
}

/// What tells a client which engine is meant.
pub(crate) fn environment() -> [(&'static str, String); 2] {
    let home = state().join("docker");
    let socket = format!("unix://{}", home.join("socket").display());
    [
        ("DOCKER_HOST", socket),
        ("DOCKER_CONFIG", home.display().to_string()),
    ]
}

/// Takes the stacks of one program down and leaves nothing of theirs running.
pub(crate) fn stop() {
    // The engine ends with the process namespace; what its containers were in has to go before.
    if let Some(Ok(engine)) = state().join("docker").exists().then(engine) {
        let _ = engine.docker(&["swarm", "leave", "--force"]);
    }
}

impl Engine {
    fn until_ready(&self) -> Result<(), String> {
        wait(Duration::from_secs(60), || self.docker(&["version"]))
            .map(drop)
            .map_err(|why| format!("{why}\n{}", log("dockerd")))
    }

    /// Takes the daemon away while something is done, and starts it again.
    pub(crate) fn without_daemon(&self, test: impl FnOnce() -> Verdict) -> Verdict {
        let mut daemon = self.daemon.lock().unwrap_or_else(PoisonError::into_inner);
        daemon.kill()?;
        // Its containerd ends with it, and here nobody buries that: it would be waited for.
        let left = state().join("docker/exec/containerd/containerd.pid");
        let _ = std::fs::remove_file(left);
        let verdict = test();
        daemon.again()?;
        self.until_ready()?;
        verdict
    }

    /// The daemon stands still while something is done, and goes on.
    pub(crate) fn with_daemon_stopped(&self, test: impl FnOnce() -> Verdict) -> Verdict {
        let daemon = self.daemon.lock().unwrap_or_else(PoisonError::into_inner);
        daemon.signal("-STOP")?;
        let verdict = test();
        daemon.signal("-CONT")?;
        verdict
    }

    pub(crate) fn docker(&self, words: &[&str]) -> Result<String, String> {
        let mut command = self.command();
        command.args(words);
        run(command)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.docker);
        command.envs(environment());
        command
    }

    /// Copies the file, without digests: an image that was not pulled has none.
    pub(crate) fn read(&self, file: &Path, variables: &[(&str, &str)]) -> Result<Stack, Failure> {
        let fail = |error: std::io::Error| error.to_string();
        let name = file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let here = folder(&format!("stacks/{name}"));
        // What the stack refers to stands beside it.
        let mut copy = Command::new("cp");
        copy.arg("-r")
            .arg(file.parent().unwrap_or(file).join("."))
            .arg(&here);
        run(copy)?;
        let copy = here.join(file.file_name().unwrap_or_default());
        let text = std::fs::read_to_string(file).map_err(fail)?;
        let text = Regex::new("@sha256:[0-9a-f]{64}")
            .unwrap()
            .replace_all(&text, "")
            .into_owned();
        std::fs::write(&copy, &text).map_err(fail)?;

        // A variable without a default gets a value that is a tag, a number and a name.
        let required = Regex::new(r"\$\{([A-Za-z_][A-Za-z0-9_]*):?\?").unwrap();
        let mut all: Vec<(String, String)> = required
            .captures_iter(&text)
            .map(|found| (found[1].to_owned(), "1".to_owned()))
            .collect();
        all.extend(
            variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );

        let mut config = self.command();
        config
            .envs(all.clone())
            .args(["stack", "config", "-c"])
            .arg(&copy);
        let said = run(config)?;
        ensure(!said.contains("Ignoring"), || said.clone())?;
        // What docker warns of, as of an address before a port.
        let lines = said.lines().filter(|line| !line.starts_with("time="));
        let said = lines.collect::<Vec<_>>().join("\n");
        let path = here.join("config.yaml.read");
        std::fs::write(&path, said).map_err(fail)?;
        let config = yaml::serde_yaml(&path)?.pop().unwrap_or_default();
        Ok(Stack {
            name,
            source: file.to_owned(),
            file: copy,
            config,
            variables: all,
        })
    }

    fn judge(&self, stacks: &[Stack]) -> Verdict {
        self.prepare(stacks)?;
        for stack in stacks {
            self.deploy(stack)?;
        }
        for stack in stacks {
            self.converges(stack, Duration::from_secs(90))?;
        }
        self.deploys_again_without_a_new_task(stacks)?;
        self.takes_four_replicas(stacks)
    }

    /// Makes ready what the stacks find there: networks and secrets, labels of the node, images.
    pub(crate) fn prepare(&self, stacks: &[Stack]) -> Verdict {
        for stack in stacks {
            for network in stack.external("networks") {
                if self.docker(&["network", "inspect", network]).is_err() {
                    self.docker(&[
                        "network",
                        "create",
                        "--driver=overlay",
                        "--attachable",
                        network,
                    ])?;
                }
            }
            let value = stack.file.to_string_lossy();
            for kind in ["secret", "config"] {
                for name in stack.external(&format!("{kind}s")) {
                    if self.docker(&[kind, "inspect", name]).is_err() {
                        self.docker(&[kind, "create", name, &value])?;
                    }
                }
            }
        }
        let mut images: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for service in stacks.iter().flat_map(Stack::services) {
            self.label(service)?;
            images
                .entry(service["image"].as_str().unwrap_or_default())
                .or_default()
                .extend(ports(service));
        }
        images
            .iter()
            .try_for_each(|(name, ports)| self.import(name, ports))
    }

    /// This node is the one that the constraints ask for.
    fn label(&self, service: &Value) -> Verdict {
        let constraints = service.pointer("/deploy/placement/constraints");
        for constraint in constraints.and_then(Value::as_array).into_iter().flatten() {
            let label = constraint
                .as_str()
                .and_then(|text| text.strip_prefix("node.labels."));
            if let Some((name, value)) = label.and_then(|text| text.split_once("==")) {
                let label = format!("{}={}", name.trim(), value.trim());
                let node = self.docker(&["info", "--format", "{{.Swarm.NodeID}}"])?;
                self.docker(&["node", "update", "--label-add", &label, node.trim()])?;
            }
        }
        Ok(())
    }

    /// An image of that name: nginx, or a workload that listens on the ports. One that is there already under another
    /// name gets this one too.
    pub(crate) fn import(&self, name: &str, ports: &BTreeSet<String>) -> Verdict {
        let repository = name.rsplit('/').next().unwrap_or_default();
        let command = if repository.split(':').next() == Some("nginx") {
            r#"CMD ["nginx", "-g", "daemon off;"]"#.to_owned()
        } else {
            let ports: Vec<&str> = ports.iter().map(String::as_str).collect();
            format!(
                "ENTRYPOINT [\"/workload\"]\nENV LISTEN=\"{}\"",
                ports.join(" ")
            )
        };
        let mut imported = IMPORTED.lock().unwrap();
        if let Some(same) = imported.get(&command) {
            self.docker(&["tag", same, name])?;
            return Ok(());
        }
        let image = self.import_folder(&self.image, &command, name)?;
        imported.insert(command, image);
        Ok(())
    }

    /// Makes an image of a folder, with these words of a Dockerfile; its digest.
    pub(crate) fn import_folder(
        &self,
        folder: &Path,
        words: &str,
        name: &str,
    ) -> Result<String, String> {
        let mut import = Command::new("sh");
        import.args([
            "-c",
            r#"tar c -C "$1" . | "$2" import -c "$3" - "$4""#,
            "sh",
        ]);
        import.arg(folder).arg(&self.docker).args([words, name]);
        import.envs(environment());
        let said = run(import)?;
        // A name may become another image's.
        let image = said.lines().find(|line| line.starts_with("sha256:"));
        let image = image.ok_or_else(|| format!("no image was made: {said}"))?;
        Ok(image.to_owned())
    }

    pub(crate) fn deploy(&self, stack: &Stack) -> Verdict {
        let deploy = || {
            let mut deploy = self.command();
            deploy.envs(stack.variables.clone());
            deploy
                .args(["stack", "deploy", "--resolve-image=never", "-c"])
                .arg(&stack.file);
            deploy.arg(&stack.name);
            run(deploy)
        };
        // Of a stack of that name that was removed just now docker may still list the network, and then not find it.
        let is_late = |said: &String| said.contains("network") && said.contains("not found");
        let said = deploy().or_else(|why| {
            if !is_late(&why) {
                return Err(why);
            }
            sleep(Duration::from_secs(5));
            deploy()
        })?;
        ensure(!said.contains("Ignoring"), || said)
    }

    /// Every service of the stack runs as many tasks as it should.
    pub(crate) fn converges(&self, stack: &Stack, bound: Duration) -> Verdict {
        wait(bound, || {
            let services = socket::of_stack("services", &stack.name)?;
            let counts: Vec<String> = services.iter().map(count).collect();
            if services.len() == stack.services().count() && services.iter().all(runs) {
                Ok(())
            } else {
                Err(counts.join("\n"))
            }
        })
        .map_err(|why| {
            let mut message = why;
            let tasks = self.docker(&[
                "stack",
                "ps",
                "--no-trunc",
                "--format",
                "{{.Name}}: {{.CurrentState}} {{.Error}}",
                &stack.name,
            ]);
            let _ = write!(message, "\n{}{}", tasks.unwrap_or_default(), log("dockerd"));
            Failure::Wrong(message)
        })
    }

    pub(crate) fn deploys_again_without_a_new_task(&self, stacks: &[Stack]) -> Verdict {
        let tasks = || -> Result<BTreeSet<String>, String> {
            let mut all = BTreeSet::new();
            for stack in stacks {
                let tasks = self.docker(&["stack", "ps", "--quiet", "--no-trunc", &stack.name])?;
                all.extend(tasks.lines().map(str::to_owned));
            }
            Ok(all)
        };
        let before = tasks()?;
        for stack in stacks {
            self.deploy(stack)?;
        }
        sleep(Duration::from_secs(3));
        let after = tasks()?;
        ensure(before == after, || {
            "the same stack again made new tasks".to_owned()
        })
    }

    fn takes_four_replicas(&self, stacks: &[Stack]) -> Verdict {
        let mut scaled = Vec::new();
        for stack in stacks {
            if !read(&stack.file)?.contains("${REPLICAS") {
                continue;
            }
            let four = self.read(&stack.source, &[("REPLICAS", "4")])?;
            let has_four = |service: &Value| service["deploy"]["replicas"] == 4;
            ensure(four.services().any(has_four), || {
                format!(
                    "REPLICAS=4 gives no service of {} four replicas",
                    stack.name
                )
            })?;
            self.deploy(&four)?;
            scaled.push(four);
        }
        scaled
            .iter()
            .try_for_each(|four| self.converges(four, Duration::from_secs(90)))
    }

    /// Takes the stacks down, and waits until nothing of theirs is left.
    pub(crate) fn remove<'s>(
        &self,
        stacks: impl IntoIterator<Item = &'s Stack> + Clone,
    ) -> Verdict {
        let names: Vec<&str> = stacks.clone().into_iter().map(|it| &*it.name).collect();
        self.remove_named(&names)?;
        for stack in stacks {
            for network in stack.external("networks") {
                let _ = self.docker(&["network", "rm", network]);
            }
        }
        Ok(())
    }

    /// The same of stacks by their names; networks that they share stay.
    pub(crate) fn remove_named(&self, names: &[&str]) -> Verdict {
        wait(Duration::from_secs(60), || {
            let mut left = Vec::new();
            for name in names {
                let containers = socket::of_stack("containers/json", name)?;
                let alive = containers.iter().filter(|it| it["State"] == "running");
                let alive: Vec<&str> = alive.filter_map(|it| it["Id"].as_str()).collect();
                // Without the grace period that an application would need.
                if !alive.is_empty() {
                    let _ = self.docker(&[&["kill"], alive.as_slice()].concat());
                }
                // A network is in use until its last task is gone, and the next stack of that name would find one that
                // goes away.
                let networks = socket::of_stack("networks", name)?;
                if !networks.is_empty() || !socket::of_stack("services", name)?.is_empty() {
                    self.docker(&["stack", "rm", name])?;
                }
                let all = containers.iter().chain(&networks);
                left.extend(all.map(|it| it["Id"].to_string()));
            }
            if left.is_empty() {
                Ok(())
            } else {
                Err(format!("these are left: {}", left.join(" ")))
            }
        })?;
        Ok(())
    }
}

impl Stack {
    /// Its services by their names in the swarm.
    pub(crate) fn service_names(&self) -> Vec<String> {
        let services = self.config["services"].as_object();
        let names = services.into_iter().flat_map(|services| services.keys());
        names.map(|name| format!("{}_{name}", self.name)).collect()
    }

    fn services(&self) -> impl Iterator<Item = &Value> {
        self.config["services"]
            .as_object()
            .into_iter()
            .flat_map(serde_json::Map::values)
    }

    /// The real names of what is declared external.
    fn external(&self, kind: &str) -> impl Iterator<Item = &str> {
        let all = self.config[kind].as_object().into_iter().flatten();
        all.filter(|(_, item)| item["external"] == true)
            .map(|(key, item)| item["name"].as_str().unwrap_or(key))
    }
}

/// The ports that a service publishes or checks.
pub(crate) fn ports(service: &Value) -> BTreeSet<String> {
    let published = service["ports"].as_array().into_iter().flatten();
    let mut ports: BTreeSet<String> = published.map(|port| port["target"].to_string()).collect();
    let check = service["healthcheck"]["test"].to_string();
    let checked = Regex::new(r":(\d+)|\b(\d{4,5})\b").unwrap();
    for found in checked.captures_iter(&check) {
        ports.extend(
            found
                .get(1)
                .or(found.get(2))
                .map(|port| port.as_str().to_owned()),
        );
    }
    ports
}

/// Whether a service runs as many tasks as it should.
fn runs(service: &Value) -> bool {
    let status = &service["ServiceStatus"];
    status["DesiredTasks"].is_u64() && status["RunningTasks"] == status["DesiredTasks"]
}

fn count(service: &Value) -> String {
    let status = &service["ServiceStatus"];
    format!(
        "{} {}/{}",
        service["Spec"]["Name"], status["RunningTasks"], status["DesiredTasks"]
    )
}

fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| error.to_string())
}

fn judge_text(name: &str, text: &str) -> Verdict {
    let file = folder(name).join(format!("{name}.yml"));
    std::fs::write(&file, text).map_err(|error| error.to_string())?;
    judge(&[file])
}

fn judge_can_refuse() -> Verdict {
    for (name, line, refusal) in [
        (
            "unknown",
            "replica: 2",
            "Additional property replica is not allowed",
        ),
        (
            "ignored",
            "restart: always",
            "Ignoring unsupported options: restart",
        ),
    ] {
        let text = format!("version: '3.8'\nservices:\n  app:\n    image: app:1\n    {line}\n");
        match judge_text(name, &text) {
            Err(Failure::Wrong(why)) => ensure(why.contains(refusal), || why)?,
            Err(absent) => return Err(absent),
            Ok(()) => return Err(Failure::Wrong(format!("{line} was taken"))),
        }
    }
    Ok(())
}

/// What a plan says that docker says of a stack file it says.
fn refuses_in_the_words_of_a_plan() -> Verdict {
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/changes/written-stack-refused");
    let read = |path: &Path| std::fs::read_to_string(path).map_err(|why| why.to_string());
    let plan = read(&case.join("plan.txt"))?;
    let engine = engine()?;
    let mut refused = 0;
    for (at, line) in plan.lines().enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let ["x", _, object, "is", "refused"] = words[..] else {
            continue;
        };
        let (name, _) = object.split_once('_').unwrap_or((object, ""));
        let expected = plan.lines().nth(at + 1).unwrap_or_default().trim();
        let file = case.join("new/swarm").join(format!("{name}.yml"));
        let mut deploy = engine.command();
        deploy.args(["stack", "deploy", "--resolve-image=never", "-c"]);
        deploy.arg(&file).arg(name);
        let said = run(deploy);
        // What it made before it came to the service.
        engine.docker(&["stack", "rm", name])?;
        let said = said.err().unwrap_or_else(|| "nothing".to_owned());
        let words: Vec<&str> = said.split_whitespace().collect();
        ensure(words.join(" ").ends_with(expected), || {
            format!("{name}: the plan says {expected:?}, docker {said}")
        })?;
        refused += 1;
    }
    ensure(refused >= 40, || format!("{refused} are refused"))
}

/// A stack as an expert writes it converges, and one whose check asks at the wrong port does not.
fn judge_sees_what_does_not_converge() -> Verdict {
    let text = |port: u16| {
        format!(
            r#"version: "3.8"
services:
  app:
    image: shop/prod:${{IMG_TAG:?set IMG_TAG}}
    environment: {{LISTEN: "3001"}}
    networks: {{backend: {{aliases: [prod.api]}}}}
    healthcheck:
      test: [CMD, curl, -f, "http://localhost:{port}/health"]
      interval: 1s
      timeout: 2s
      retries: 2
    deploy:
      replicas: ${{REPLICAS:-2}}
      update_config: {{parallelism: 1, order: start-first}}
networks:
  backend: {{external: true, name: backend}}
"#
        )
    };
    judge_text("healthy", &text(3001))?;
    let engine = engine()?;
    let file = folder("unhealthy").join("unhealthy.yml");
    std::fs::write(&file, text(3002)).map_err(|error| error.to_string())?;
    let stacks = [engine.read(&file, &[])?];
    engine.prepare(&stacks)?;
    engine.deploy(&stacks[0])?;
    let verdict = engine.converges(&stacks[0], Duration::from_secs(6));
    engine.remove(&stacks)?;
    ensure(verdict.is_err(), || {
        "an unhealthy stack was taken".to_owned()
    })
}
