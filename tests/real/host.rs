//! A plain host in a folder: nginx, the bundle that `zdc` wrote, and the program that runs in its slots. Nothing of it
//! is outside the folder but the ports, which are the namespace's own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::Value;
use zdc::vocabulary::TargetId;

use crate::changes::write_to;
use crate::machine::{built, folder, installed, require_isolation, run, serve, wait};
use crate::programs::Program;
use crate::{Failure, Verdict, ensure, found, swarm};

/// How many loads there were: no two requests have one name.
static LOADS: AtomicU32 = AtomicU32::new(0);

/// A host with a bundle on it, and nginx running.
pub(crate) struct Host {
    root: PathBuf,
    nginx: PathBuf,
    load: PathBuf,
    process: Option<Child>,
}

/// What a run of the load saw.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) total: u64,
    pub(crate) lost: u64,
    /// What became of those that are lost.
    pub(crate) faults: String,
    /// What was received by more than one instance, or twice by one.
    pub(crate) twice: usize,
    pub(crate) versions: Vec<String>,
}

impl Host {
    /// Builds the program and starts nginx, with nothing of the program's yet.
    pub(crate) fn new(name: &str, source: &str, nginx: PathBuf) -> Result<Self, Failure> {
        Self::prepared(name, nginx, |host| host.build(source))
    }

    /// The same of a program that is not proved.
    pub(crate) fn found(name: &str, source: &str, nginx: PathBuf) -> Result<Self, Failure> {
        Self::prepared(name, nginx, |host| host.write_down(source))
    }

    fn prepared(
        name: &str,
        nginx: PathBuf,
        bundle: impl FnOnce(&Self) -> Verdict,
    ) -> Result<Self, Failure> {
        require_isolation("hosts")?;
        installed("hosts", "curl")?;
        let load = built("hosts", "load")?;
        let root = folder(name);
        let fail = |error: std::io::Error| error.to_string();
        let host = Self {
            root,
            nginx,
            load,
            process: None,
        };
        bundle(&host)?;
        for folder in ["nginx/conf.d", "received"] {
            std::fs::create_dir_all(host.root.join(folder)).map_err(fail)?;
        }
        let main = format!(
            "user root;\nworker_processes 1;\npid {root}/nginx/pid;\nevents {{}}\nhttp {{\n  access_log off;\n  \
             include conf.d/*.conf;\n  server {{ listen 127.0.0.1:9; }}\n}}\n",
            root = host.root.display()
        );
        std::fs::write(host.root.join("nginx/nginx.conf"), main).map_err(fail)?;
        host.start()
    }

    /// Makes the bundle anew from this program.
    pub(crate) fn build(&self, source: &str) -> Verdict {
        let file = self.root.join("app.zd");
        std::fs::write(&file, source).map_err(|error| error.to_string())?;
        let mut program = Program::new("host".to_owned(), file);
        program.output = self.root.join("manifests");
        program.build()?;
        let mut copy = Command::new("cp");
        copy.arg("-rT")
            .arg(self.root.join("manifests/nginx"))
            .arg(self.bundle());
        run(copy)?;
        std::fs::copy(&self.load, self.bundle().join("load")).map_err(|error| error.to_string())?;
        Ok(())
    }

    /// The bundle that a program asks for, proved or not.
    fn write_down(&self, source: &str) -> Verdict {
        let objects = found::objects(source, TargetId::Nginx)?;
        let manifests = self.root.join("found");
        write_to(&objects, &manifests)?;
        let mut copy = Command::new("cp");
        copy.arg("-rT")
            .arg(manifests.join("nginx"))
            .arg(self.bundle());
        run(copy)?;
        let mut executable = Command::new("sh");
        executable
            .args(["-c", "chmod +x \"$1\"/*.sh", "sh"])
            .arg(self.bundle());
        run(executable)?;
        std::fs::copy(&self.load, self.bundle().join("load")).map_err(|error| error.to_string())?;
        Ok(())
    }

    fn start(mut self) -> Result<Self, Failure> {
        let mut command = Command::new(&self.nginx);
        command.args(self.nginx_words()).args(["-g", "daemon off;"]);
        self.process = Some(serve("host-nginx", command)?);
        wait(Duration::from_secs(10), || {
            let pid = self.root.join("nginx/pid");
            ensure(pid.exists(), || "no nginx".to_owned()).map_err(|_| "no nginx".to_owned())
        })?;
        Ok(self)
    }

    pub(crate) fn bundle(&self) -> PathBuf {
        self.root.join("bundle")
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.root.join(below)
    }

    fn nginx_words(&self) -> Vec<String> {
        let nginx = self.root.join("nginx");
        let at = |file: &str| nginx.join(file).display().to_string();
        vec![
            "-e".to_owned(),
            at("error.log"),
            "-p".to_owned(),
            at(""),
            "-c".to_owned(),
            at("nginx.conf"),
        ]
    }

    /// The version that the bundle is from now on.
    pub(crate) fn version(&self, version: &str) -> Verdict {
        std::fs::write(self.bundle().join("version"), version)
            .map_err(|error| error.to_string().into())
    }

    /// A script of the bundle, ready to run.
    pub(crate) fn script(&self, name: &str) -> Command {
        let mut command = Command::new(self.bundle().join(name));
        command
            .env("ZDC_STATE", self.root.join("state"))
            .env("ZDC_NGINX_DIR", self.root.join("nginx"))
            .env("ZDC_NGINX_PID", self.root.join("nginx/pid"))
            .env(
                "ZDC_NGINX",
                format!("{} {}", self.nginx.display(), self.nginx_words().join(" ")),
            )
            .env("ZDC_SUPERVISOR", "process")
            .env("RECEIVED", self.root.join("received"))
            .envs(swarm::environment());
        if let Ok(docker) = built("hosts", "docker") {
            command.env("ZDC_DOCKER", docker);
        }
        command
    }

    pub(crate) fn run(&self, script: &str) -> Result<String, String> {
        run(self.script(script))
    }

    /// Deploys and switches to a version.
    pub(crate) fn update(&self, version: &str) -> Verdict {
        self.version(version)?;
        self.run("deploy.sh")?;
        self.run("switch.sh")?;
        Ok(())
    }

    /// Has nginx read its configuration again, as one does by hand.
    pub(crate) fn reload(&self) -> Verdict {
        let mut command = Command::new(&self.nginx);
        command.args(self.nginx_words()).args(["-s", "reload"]);
        run(command)?;
        Ok(())
    }

    /// Each slot's line of `status.sh`, and whether all that is live is well.
    pub(crate) fn status(&self) -> (bool, String) {
        match self.run("status.sh") {
            Ok(text) => (true, text),
            Err(text) => (false, text),
        }
    }

    /// The slots that requests are led to.
    pub(crate) fn live(&self) -> Result<Vec<u16>, Failure> {
        let (_, status) = self.status();
        let live = status.lines().filter(|line| line.contains(", live"));
        let slots = live.filter_map(|line| line.trim().strip_prefix("slot ")?.split(':').next());
        let ports = slots.map(|slot| slot.parse().map_err(|_| format!("no port: {slot}")));
        Ok(ports.collect::<Result<_, _>>()?)
    }

    /// A steady stream of requests to this port while `work` is done; what it saw.
    pub(crate) fn under_load(
        &self,
        port: u16,
        work: impl FnOnce() -> Verdict,
    ) -> Result<Seen, Failure> {
        let fail = |error: std::io::Error| error.to_string();
        let mut command = Command::new(&self.load);
        command
            .args(["run", "--rate=150", "--address"])
            .arg(format!("127.0.0.1:{port}"))
            .arg(format!(
                "--number={}",
                LOADS.fetch_add(1, Ordering::Relaxed)
            ))
            .stdout(Stdio::piped());
        let load = command.spawn().map_err(fail)?;
        std::thread::sleep(Duration::from_millis(500));
        let done = work();
        std::thread::sleep(Duration::from_millis(500));
        let mut stop = Command::new("kill");
        stop.args(["-TERM", &load.id().to_string()]);
        let stopped = run(stop);
        let output = load.wait_with_output().map_err(fail)?;
        done?;
        stopped?;
        let seen: Value =
            serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
        let versions = seen["versions"].as_object();
        Ok(Seen {
            total: seen["total"].as_u64().unwrap_or(0),
            lost: seen["lost"].as_u64().unwrap_or(u64::MAX),
            faults: seen["by"].to_string(),
            twice: self.received_twice()?,
            versions: versions
                .into_iter()
                .flatten()
                .map(|(version, _)| version.clone())
                .collect(),
        })
    }

    fn received_twice(&self) -> Result<usize, String> {
        let fail = |error: std::io::Error| error.to_string();
        let mut count: BTreeMap<String, usize> = BTreeMap::new();
        for entry in std::fs::read_dir(self.root.join("received")).map_err(fail)? {
            let text = std::fs::read_to_string(entry.map_err(fail)?.path()).map_err(fail)?;
            for line in text.lines() {
                *count.entry(line.to_owned()).or_default() += 1;
            }
        }
        Ok(count.values().filter(|count| **count > 1).count())
    }

    /// Starts the program by hand, outside of any bundle.
    pub(crate) fn by_hand(&self, port: u16, version: &str, more: &[&str]) -> Result<Child, String> {
        let mut command = Command::new(&self.load);
        command.args([
            "serve",
            &format!("--port={port}"),
            &format!("--version={version}"),
        ]);
        command
            .args(more)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.spawn().map_err(|error| error.to_string())
    }
}

/// What answers at a port now.
pub(crate) fn answer(port: u16) -> Result<String, String> {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--fail", "--max-time", "5"]);
    command.arg(format!("http://127.0.0.1:{port}/"));
    run(command).map(|text| text.trim().to_owned())
}

/// Ends what was started by hand, by its signal, and waits for it.
pub(crate) fn end(mut child: Child) -> Result<(), String> {
    let mut stop = Command::new("kill");
    stop.args(["-TERM", &child.id().to_string()]);
    run(stop)?;
    child.wait().map(|_| ()).map_err(|error| error.to_string())
}

impl Drop for Host {
    fn drop(&mut self) {
        // What still starts holds the lock until it is written down.
        let mut settled = Command::new("flock");
        let lock = self.root.join("state/lock");
        settled.args(["--timeout", "10"]).arg(lock).arg("true");
        let _ = run(settled);
        for pid in pids(&self.root.join("state")) {
            let mut kill = Command::new("kill");
            kill.args(["-KILL", &pid]);
            let _ = run(kill);
        }
        let Some(process) = &mut self.process else {
            return;
        };
        let mut stop = Command::new("kill");
        stop.args(["-TERM", &process.id().to_string()]);
        let _ = run(stop);
        let _ = process.wait();
    }
}

/// The processes that run in slots, as the scripts wrote them down.
fn pids(state: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let folders = |path: &Path| {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    for service in folders(state) {
        for slot in folders(&service.join("slots")) {
            let text = std::fs::read_to_string(slot.join("pid")).unwrap_or_default();
            found.extend(
                text.split(' ')
                    .next()
                    .filter(|pid| !pid.is_empty())
                    .map(ToOwned::to_owned),
            );
        }
    }
    found
}
