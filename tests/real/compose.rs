//! docker compose: the plugin takes every project without a warning, and on an engine of our own its containers come
//! up, healthy where they have a health check, with the addresses, the environment and the numbers that were written.
//! Up again makes nothing anew; another config does. Images are made as for the swarm; nothing is built or pulled.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use regex_lite::Regex;
use serde_json::Value;

use crate::machine::{built, folder, run, state};
use crate::programs::Program;
use crate::swarm::{self, Engine};
use crate::{Failure, Test, Verdict, ensure, test};

/// Stands for every variable that has no default: a tag, a number and a name.
const GIVEN: &str = "1";

pub(crate) fn tests(programs: &[Program]) -> Vec<Test> {
    let mut tests = vec![
        test("compose::judge_can_refuse", judge_can_refuse),
        test(
            "compose::judge_sees_what_does_not_come_up",
            judge_sees_what_does_not_come_up,
        ),
        test("compose::refused_as_told", refused_as_told),
        test(
            "compose::a_new_config_makes_its_containers_anew",
            a_new_config_makes_its_containers_anew,
        ),
        test(
            "compose::a_gateway_answers_for_each_instance",
            a_gateway_answers_for_each_instance,
        ),
    ];
    let judged = programs.iter().cloned().chain(cases());
    tests.extend(judged.filter_map(|program| {
        let file = program.output.join("compose/compose.yaml");
        let name = format!("compose::{}", program.name);
        file.is_file().then(|| test(name, move || judge(&file)))
    }));
    tests
}

/// The target's own cases.
fn cases() -> Vec<Program> {
    let parent = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/compose");
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    let mut cases: Vec<Program> = entries
        .map(|entry| {
            let name = format!("compose-{}", entry.file_name().to_string_lossy());
            Program::new(name, entry.path().join("app.zd"))
        })
        .collect();
    cases.sort_by(|one, other| one.name.cmp(&other.name));
    for case in &cases {
        let _ = case.build();
    }
    cases
}

fn judge(file: &Path) -> Verdict {
    let project = Project::read(file)?;
    let engine = swarm::engine()?;
    let verdict = project.comes_up(engine);
    project.down(engine)?;
    verdict
}

/// What a container of the project has once it is created.
pub(crate) fn container(file: &Path, service: &str) -> Result<Value, Failure> {
    let project = Project::read(file)?;
    let engine = swarm::engine()?;
    project.prepare(engine)?;
    project.compose(&["create", "--no-build", "--pull=never"])?;
    let found = project.inspect(engine, service);
    project.down(engine)?;
    let mut found = found?;
    ensure(found.len() == 1, || format!("{} containers", found.len()))?;
    Ok(found.remove(0))
}

/// A Compose file, and what docker compose makes of it.
struct Project {
    file: PathBuf,
    config: Value,
    variables: Vec<(String, String)>,
}

impl Project {
    fn read(file: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
        // A variable without a default, and those that secrets come from.
        let required =
            Regex::new(r"\$\{([A-Za-z_][A-Za-z0-9_]*):\?|environment: ([A-Za-z_][A-Za-z0-9_]*)$")
                .unwrap();
        let variables = text.lines().flat_map(|line| {
            required
                .captures_iter(line)
                .filter_map(|found| found.get(1).or(found.get(2)))
                .map(|name| (name.as_str().to_owned(), GIVEN.to_owned()))
        });
        let mut project = Self {
            file: file.to_owned(),
            config: Value::Null,
            variables: variables.collect(),
        };
        let mut config = project.command()?;
        config.args(["config", "--format=json"]);
        let output = config.output().map_err(|error| error.to_string())?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        // A warning is a refusal too.
        ensure(output.status.success() && said.trim().is_empty(), || said)?;
        project.config =
            serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
        Ok(project)
    }

    fn command(&self) -> Result<Command, Failure> {
        let mut command = Command::new(built("docker compose", "compose")?);
        command
            .envs(self.variables.clone())
            .arg("-f")
            .arg(&self.file);
        Ok(command)
    }

    fn compose(&self, words: &[&str]) -> Result<String, Failure> {
        let mut command = self.command()?;
        command
            .envs(swarm::environment())
            .args(["--progress=plain"])
            .args(words);
        Ok(run(command)?)
    }

    fn services(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.config["services"].as_object().into_iter().flatten()
    }

    /// The real names of what is declared external.
    fn external(&self, kind: &str) -> impl Iterator<Item = &str> {
        let all = self.config[kind].as_object().into_iter().flatten();
        all.filter(|(_, item)| item["external"] == true)
            .filter_map(|(_, item)| item["name"].as_str())
    }

    /// Makes ready what the project finds there: networks, volumes, files of secrets, images.
    fn prepare(&self, engine: &Engine) -> Verdict {
        for (kind, plural) in [("network", "networks"), ("volume", "volumes")] {
            for name in self.external(plural) {
                if engine.docker(&[kind, "inspect", name]).is_err() {
                    engine.docker(&[kind, "create", name])?;
                }
            }
        }
        let secrets = self.config["secrets"].as_object().into_iter().flatten();
        for path in secrets.filter_map(|(_, secret)| secret["file"].as_str()) {
            std::fs::write(path, "a secret").map_err(|error| format!("{path}: {error}"))?;
        }
        for (name, service) in self.services() {
            let mounts = service["volumes"].as_array().into_iter().flatten();
            let paths = mounts.filter(|mount| mount["type"] == "bind");
            for path in paths.map(|mount| plain(&mount["source"])) {
                ensure(Path::new(&path).starts_with(state()), || {
                    format!("{path} is outside")
                })?;
                std::fs::create_dir_all(&path).map_err(|error| format!("{path}: {error}"))?;
            }
            if let Some("CMD") = service["healthcheck"]["test"][0].as_str() {
                let program = service["healthcheck"]["test"][1].as_str();
                swarm::stand_in(program.unwrap_or_default())?;
            }
            let image = self.image(name, service);
            engine.import(&image, &swarm::ports(service))?;
        }
        Ok(())
    }

    /// The image that it names, or that it would be built as.
    fn image(&self, name: &str, service: &Value) -> String {
        let project = self.config["name"].as_str().unwrap_or_default();
        let built = format!("{project}-{name}");
        service["image"].as_str().map_or(built, str::to_owned)
    }

    fn up(&self) -> Verdict {
        let up = [
            "up",
            "--detach",
            "--wait",
            "--wait-timeout=90",
            "--no-build",
            "--pull=never",
        ];
        self.compose(&up)?;
        Ok(())
    }

    fn comes_up(&self, engine: &Engine) -> Verdict {
        self.prepare(engine)?;
        self.up()?;
        for (name, service) in self.services() {
            let found = self.inspect(engine, name)?;
            let wanted = service["deploy"]["replicas"].as_u64().unwrap_or(1);
            ensure(u64::try_from(found.len()) == Ok(wanted), || {
                format!("{name}: {} containers, not {wanted}", found.len())
            })?;
            found
                .iter()
                .try_for_each(|found| as_written(name, service, found))?;
        }
        let before = self.containers()?;
        self.up()?;
        ensure(before == self.containers()?, || {
            "the same project again made new containers".to_owned()
        })
    }

    fn containers(&self) -> Result<BTreeSet<String>, Failure> {
        let all = self.compose(&["ps", "--all", "--quiet"])?;
        Ok(all.lines().map(str::to_owned).collect())
    }

    fn inspect(&self, engine: &Engine, service: &str) -> Result<Vec<Value>, Failure> {
        let all = self.compose(&["ps", "--all", "--quiet", service])?;
        all.lines()
            .map(|id| {
                let found = engine.docker(&["container", "inspect", "--format={{json .}}", id])?;
                serde_json::from_str(&found).map_err(|error| Failure::Wrong(error.to_string()))
            })
            .collect()
    }

    fn down(&self, engine: &Engine) -> Verdict {
        self.compose(&["down", "--volumes", "--timeout=0"])?;
        for (kind, plural) in [("network", "networks"), ("volume", "volumes")] {
            for name in self.external(plural) {
                engine.docker(&[kind, "rm", name])?;
            }
        }
        Ok(())
    }
}

/// The engine has of a container what the project says of its service.
fn as_written(name: &str, service: &Value, found: &Value) -> Verdict {
    let has =
        |what: &str, holds: bool| ensure(holds, || format!("{name}: {what}: {service}\n{found}"));
    let environment: Vec<&str> = strings(&found["Config"]["Env"]).collect();
    for (key, value) in service["environment"].as_object().into_iter().flatten() {
        let entry = format!("{key}={}", plain(value));
        has("the environment", environment.contains(&entry.as_str()))?;
    }
    for (network, said) in service["networks"].as_object().into_iter().flatten() {
        let Some(address) = said["ipv4_address"].as_str() else {
            continue;
        };
        let given = found["NetworkSettings"]["Networks"].as_object();
        let given = given.into_iter().flatten();
        let is_given = given
            .filter(|(real, _)| real.ends_with(network.as_str()))
            .any(|(_, endpoint)| endpoint["IPAddress"] == address);
        has("the address", is_given)?;
    }
    if let Some(health) = found["State"]["Health"]["Status"].as_str() {
        has("health", health == "healthy")?;
    }
    let memory = &service["deploy"]["resources"]["limits"]["memory"];
    if let Some(memory) = memory.as_str() {
        has(
            "memory",
            found["HostConfig"]["Memory"].as_u64() == memory.parse().ok(),
        )?;
    }
    let restart = found["HostConfig"]["RestartPolicy"]["Name"].as_str();
    let written = service["restart"]
        .as_str()
        .and_then(|text| text.split(':').next());
    has("restart", restart == written)
}

/// A value of the normalised project: docker compose writes each of its dollars twice.
fn plain(value: &Value) -> String {
    let text = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    text.replace("$$", "$")
}

fn strings(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

fn written(name: &str, text: &str) -> Result<PathBuf, Failure> {
    let file = folder(name).join("compose.yaml");
    std::fs::write(&file, text).map_err(|error| error.to_string())?;
    Ok(file)
}

/// The verdict of `judge` on a text is a refusal that says `refusal`.
fn refuses(name: &str, text: &str, refusal: &str) -> Verdict {
    match judge(&written(name, text)?) {
        Err(Failure::Wrong(why)) => ensure(why.contains(refusal), || why),
        Err(absent) => Err(absent),
        Ok(()) => Err(Failure::Wrong(format!("{name} was taken"))),
    }
}

fn judge_can_refuse() -> Verdict {
    for (name, line, refusal) in [
        (
            "unknown",
            "replica: 2",
            "additional properties 'replica' not allowed",
        ),
        ("unset", "command: [\"$X\"]", "variable is not set"),
        ("circle", "depends_on: [app]", "dependency cycle"),
        ("secret", "secrets: [none]", "undefined secret none"),
    ] {
        let text = format!("name: refused\nservices:\n  app:\n    image: app:1\n    {line}\n");
        refuses(name, &text, refusal)?;
    }
    Ok(())
}

/// A project as an expert writes it comes up, and one whose check asks at the wrong port does not.
fn judge_sees_what_does_not_come_up() -> Verdict {
    let text = |port: u16| {
        format!(
            r#"name: judged
services:
  app:
    image: shop/prod:1
    environment: {{LISTEN: "3001"}}
    healthcheck:
      test: [CMD, curl, -f, "http://localhost:{port}/health"]
      interval: 1s
      timeout: 2s
      retries: 2
    restart: unless-stopped
"#
        )
    };
    judge(&written("comes-up", &text(3001))?)?;
    refuses("does-not", &text(3002), "unhealthy")
}

/// What ZD5111, ZD5115, ZD5117 and ZD5118 say of the engine is so.
fn refused_as_told() -> Verdict {
    let service = |name: &str, rest: &str| {
        format!("  {name}:\n    image: app:1\n    restart: \"no\"\n{rest}")
    };
    let address = |text: &str| format!("    networks: {{edge: {{ipv4_address: {text}}}}}\n");
    let subnet = "{ipam: {config: [{subnet: 10.98.0.0/24}]}}";
    for (name, services, networks, refusal) in [
        (
            "two-on-one-port",
            service(
                "a",
                "    ports: [\"18080:80\"]\n    deploy: {replicas: 2}\n",
            ),
            String::new(),
            "port is already allocated",
        ),
        (
            "no-subnet",
            service("a", &address("10.98.0.7")),
            "networks: {edge: {}}\n".to_owned(),
            "user configured subnets",
        ),
        (
            "twice",
            service("a", &address("10.98.0.7")) + &service("b", &address("10.98.0.7")),
            format!("networks: {{edge: {subnet}}}\n"),
            "ddress already in use",
        ),
        (
            "the-gateway",
            service("a", &address("10.98.0.1")),
            format!("networks: {{edge: {subnet}}}\n"),
            "ddress already in use",
        ),
        (
            "overlap",
            service("a", "    networks: [edge, wide]\n"),
            format!(
                "networks:\n  edge: {subnet}\n  wide: {{ipam: {{config: [{{subnet: 10.98.0.0/16}}]}}}}\n"
            ),
            "overlaps",
        ),
        (
            "given-to-another",
            service("a", "    networks: [edge]\n")
                + &service("b", &(address("10.98.0.2") + "    depends_on: [a]\n")),
            format!("networks: {{edge: {subnet}}}\n"),
            "ddress already in use",
        ),
        (
            "colon",
            service(
                "a",
                "    volumes: [{type: volume, source: data, target: \"/a:b\"}]\n",
            ),
            "volumes: {data: {}}\n".to_owned(),
            "invalid volume specification",
        ),
    ] {
        let text = format!("name: refused\nservices:\n{services}{networks}");
        refuses(name, &text, refusal)?;
    }
    Ok(())
}

/// docker compose looks at a service's own section: without the hash in the name of its config it would keep the old
/// container, with the old file.
fn a_new_config_makes_its_containers_anew() -> Verdict {
    let source = folder("new-config").join("app.zd");
    let program = Program::new("new-config".to_owned(), source.clone());
    let write = |value: &str| -> Verdict {
        let text = format!(
            "app config {{ targets = [compose] }}
config settings {{ data {{ \"a.txt\" = \"{value}\" }} }}
service web {{ image = \"config/web:1\", config settings {{ path = \"/etc/settings\" }} }}
service other {{ image = \"config/other:1\" }}\n"
        );
        std::fs::write(&source, text).map_err(|error| error.to_string())?;
        program.build()?;
        Ok(())
    };
    let file = program.output.join("compose/compose.yaml");
    let engine = swarm::engine()?;
    write("one")?;
    let first = Project::read(&file)?;
    first.prepare(engine)?;
    let ids = |project: &Project| -> Result<Vec<Value>, Failure> {
        let mut all = Vec::new();
        for service in ["web", "other"] {
            let found = project.inspect(engine, service)?;
            all.extend(found.into_iter().map(|found| found["Id"].clone()));
        }
        Ok(all)
    };
    let verdict = (|| {
        first.up()?;
        let before = ids(&first)?;
        write("two")?;
        let second = Project::read(&file)?;
        second.up()?;
        let after = ids(&second)?;
        ensure(before[0] != after[0] && before[1] == after[1], || {
            format!("{before:?} became {after:?}")
        })?;
        let read = second.compose(&[
            "exec",
            "-T",
            "web",
            "/bin/busybox",
            "cat",
            "/etc/settings/a.txt",
        ])?;
        ensure(read == "two", || read)
    })();
    first.down(engine)?;
    verdict
}

/// Through the port that the gateway publishes every instance behind it is reached.
fn a_gateway_answers_for_each_instance() -> Verdict {
    let source = folder("answers").join("app.zd");
    let text = r#"app answers { targets = [compose] }
service web {
  image = "answers/web:1"
  replicas = 2
  port http { number = 8080 }
  health http { path = "/health", interval = 1s, client = curl }
}
gateway edge {
  image = "nginx:1.28.0"
  replicas = 2
  listen http { port = 18081 }
  upstream pool { balance = round_robin, server web.http }
  route "/" { to = pool }
  health http { path = "/healthz", interval = 1s, client = curl }
}
"#;
    std::fs::write(&source, text).map_err(|error| error.to_string())?;
    let program = Program::new("answers".to_owned(), source);
    program.build()?;
    let project = Project::read(&program.output.join("compose/compose.yaml"))?;
    let engine = swarm::engine()?;
    project.prepare(engine)?;
    let verdict = (|| {
        project.up()?;
        let mut hosts = BTreeSet::new();
        for _ in 0..20 {
            let mut ask = Command::new(built("docker compose", "workload")?);
            std::os::unix::process::CommandExt::arg0(&mut ask, "curl");
            ask.arg("http://127.0.0.1:18081/");
            let answer = run(ask)?;
            hosts.extend(answer.split(' ').next().map(str::to_owned));
        }
        ensure(hosts.len() == 2, || format!("{hosts:?} answered"))
    })();
    project.down(engine)?;
    verdict
}
