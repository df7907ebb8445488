//! The tutorial, from its first line to its last: each program of the page is built, and each command of it is run, as
//! they stand there, by the `zdc`, `docker` and `kubectl` that a reader has. After a command that deploys, what it
//! says is deployed is there.

use std::collections::BTreeSet;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::machine::{built, folder, installed, run, wait};
use crate::{Failure, Test, Verdict, ensure, kubernetes, socket, swarm, test};

const PAGE: &str = "docs/src/tutorial.md";

/// The images that the page speaks of, with the port that each listens on.
const IMAGES: [(&str, &str); 3] = [
    ("example/web:1.0.0", "8080"),
    ("example/web:1.2.0", "8080"),
    ("example/api:1.0.0", "3000"),
];

/// What a swarm answers where a network is to go before the tasks of its services are told to (swarmkit,
/// `manager/controlapi/network.go`): the page has it, and what to do.
const IN_USE: &str = "is in use by task";

pub(crate) fn tests() -> Vec<Test> {
    vec![test("tutorial::page", page)]
}

/// A fenced block of the page.
enum Block {
    /// It takes the place of the program before it.
    Program(String),
    /// It takes the place of the program's block with the same first line.
    Part(String),
    Commands(String),
}

fn page() -> Verdict {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    ensure(text.contains(IN_USE), || {
        format!("{PAGE} no longer says what to do where a network `{IN_USE}`")
    })?;
    let reader = Reader::new()?;
    let mut seen = BTreeSet::new();
    let verdict = blocks(&text).into_iter().try_for_each(|block| match block {
        Block::Program(program) => reader.builds(&program),
        Block::Part(part) => reader.builds_with(&part),
        Block::Commands(commands) => {
            for line in commands.lines() {
                reader.runs_as_told(line)?;
                let judged = reader.judges(line).map_err(|why| match why {
                    Failure::Wrong(why) => Failure::Wrong(format!("{PAGE}: after {line}: {why}")),
                    absent @ Failure::Absent { .. } => absent,
                });
                seen.extend(judged?);
            }
            Ok(())
        }
    });
    reader.leave();
    verdict?;
    // What the page no longer says is no longer tested.
    let wanted = BTreeSet::from([
        "compose up",
        "compose down",
        "stack deploy",
        "stack rm",
        "apply",
    ]);
    ensure(seen == wanted, || {
        format!("only {seen:?} were run of the page")
    })
}

fn blocks(page: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else {
            continue;
        };
        let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        let body = body.join("\n") + "\n";
        match language {
            "zd" => found.push(Block::Program(body)),
            "zd,fragment" => found.push(Block::Part(body)),
            "sh" => found.push(Block::Commands(body)),
            _ => {}
        }
    }
    found
}

/// Somebody who follows the page, in a folder of their own.
struct Reader {
    here: PathBuf,
    /// Where the programs are.
    path: String,
    engine: &'static swarm::Engine,
    cluster: &'static kubernetes::Cluster,
}

impl Reader {
    fn new() -> Result<Self, Failure> {
        let engine = swarm::engine()?;
        let cluster = kubernetes::cluster()?;
        installed("tutorial", "curl")?;
        for (image, port) in IMAGES {
            engine.import(image, &BTreeSet::from([port.to_owned()]))?;
        }
        let fail = |error: std::io::Error| error.to_string();
        let programs = folder("tutorial-programs");
        symlink(env!("CARGO_BIN_EXE_zdc"), programs.join("zdc")).map_err(fail)?;
        symlink(built("tutorial", "docker")?, programs.join("docker")).map_err(fail)?;
        let plugins = folder("docker-plugins/cli-plugins");
        symlink(
            built("tutorial", "compose")?,
            plugins.join("docker-compose"),
        )
        .map_err(fail)?;
        // It is one of the programs in a binary.
        let kubectl = programs.join("kubectl");
        let binary = built("tutorial", "kubernetes")?;
        std::fs::write(
            &kubectl,
            format!("#!/bin/sh\nexec {} kubectl \"$@\"\n", binary.display()),
        )
        .map_err(fail)?;
        std::fs::set_permissions(&kubectl, std::fs::Permissions::from_mode(0o755)).map_err(fail)?;
        let path = std::env::var("PATH").unwrap_or_default();
        Ok(Self {
            here: folder("tutorial/shop"),
            path: format!("{}:{path}", programs.display()),
            engine,
            cluster,
        })
    }

    fn builds(&self, program: &str) -> Verdict {
        let file = self.here.join("app.zd");
        std::fs::write(file, program).map_err(|error| error.to_string())?;
        self.runs("zdc build")
    }

    fn builds_with(&self, part: &str) -> Verdict {
        let file = self.here.join("app.zd");
        let program = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
        let first = part.lines().next().unwrap_or_default();
        let parts = program
            .split_once(first)
            .and_then(|(before, old)| Some((before, old.split_once("\n}\n")?.1)));
        let Some((before, after)) = parts else {
            return Err(Failure::Wrong(format!(
                "{PAGE}: there is no `{first}` to replace"
            )));
        };
        self.builds(&format!("{before}{part}{after}"))
    }

    fn runs(&self, line: &str) -> Verdict {
        let mut shell = Command::new("sh");
        shell
            .args(["-euc", line])
            .current_dir(&self.here)
            .env("PATH", &self.path)
            .envs(swarm::environment())
            .envs(kubernetes::environment())
            .env("DOCKER_CONFIG", self.here.join("../../docker-plugins"));
        run(shell)
            .map(drop)
            .map_err(|why| Failure::Wrong(format!("{PAGE}: {line}: {why}")))
    }

    /// The command, once more where docker answers what the page says that it may.
    fn runs_as_told(&self, line: &str) -> Verdict {
        let mut said = self.runs(line);
        for _ in 0..10 {
            match said {
                Err(Failure::Wrong(why)) if why.contains(IN_USE) => {
                    sleep(Duration::from_secs(1));
                    said = self.runs(line);
                }
                other => return other,
            }
        }
        said
    }

    /// What the page says of a command came about; the command's name, where it is one that deploys.
    fn judges(&self, line: &str) -> Result<Option<&'static str>, Failure> {
        let is = |word: &str| format!("{line} ").contains(&format!(" {word} "));
        if is("stack") && is("deploy") {
            let four = line.contains("REPLICAS=4");
            serves(if four {
                &[("shop_web", 4)]
            } else {
                &[("shop_api", 2), ("shop_web", 2)]
            })?;
            if four {
                self.runs_image("shop_web", "example/web:1.2.0")?;
            }
            return Ok(Some("stack deploy"));
        }
        if is("stack") && is("rm") {
            wait(Duration::from_secs(60), || gone("containers/json"))?;
            wait(Duration::from_secs(60), || gone("networks"))?;
            return Ok(Some("stack rm"));
        }
        if is("compose") && is("up") {
            answers()?;
            return Ok(Some("compose up"));
        }
        if is("compose") && is("down") {
            return Ok(Some("compose down"));
        }
        if line.starts_with("kubectl apply") {
            let found = self
                .cluster
                .kubectl(&["get", "deployments", "-o", "name"])?;
            ensure(
                found == "deployment.apps/api\ndeployment.apps/web\n",
                || found,
            )?;
            return Ok(Some("apply"));
        }
        Ok(None)
    }

    fn runs_image(&self, service: &str, image: &str) -> Verdict {
        let format = "--format={{.Spec.TaskTemplate.ContainerSpec.Image}}";
        let said = self
            .engine
            .docker(&["service", "inspect", format, service])?;
        ensure(said.trim() == image, || said)
    }

    /// Takes away what a page that broke off has left.
    fn leave(&self) {
        let _ = self.engine.docker(&["stack", "rm", "shop"]);
        let _ = self.runs("docker compose -p shop down");
        let kinds = "deployments,services,networkpolicies,poddisruptionbudgets";
        let _ = self
            .cluster
            .kubectl(&["delete", kinds, "--all", "--wait=false"]);
    }
}

/// These services run as many tasks, each of which passed its health check. Port 80 is asked only where the kernel has
/// IPVS: the routing mesh is made of it.
fn serves(services: &[(&str, u64)]) -> Verdict {
    wait(Duration::from_secs(120), || {
        let all = socket::of_stack("services", "shop")?;
        for (name, tasks) in services {
            let found = all.iter().find(|it| it["Spec"]["Name"] == *name);
            let status = found.map(|it| &it["ServiceStatus"]);
            let update = found.map(|it| it["UpdateStatus"]["State"].clone());
            let settled = update.is_none_or(|it| it.is_null() || it == "completed");
            if !settled || status.is_none_or(|it| it["RunningTasks"] != *tasks) {
                return Err(format!("{name}: {}", status.unwrap_or(&Value::Null)));
            }
        }
        Ok(())
    })?;
    if Path::new("/proc/net/ip_vs").exists() {
        answers()?;
    }
    Ok(())
}

fn gone(kind: &str) -> Result<(), String> {
    let left = socket::of_stack(kind, "shop")?;
    if left.is_empty() {
        Ok(())
    } else {
        Err(format!("{} {kind} are left", left.len()))
    }
}

/// The shop's web answers at the port that it publishes.
fn answers() -> Verdict {
    wait(Duration::from_secs(30), || {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--fail", "--max-time", "5"]);
        curl.arg("http://127.0.0.1:80/health");
        run(curl)
    })?;
    Ok(())
}
