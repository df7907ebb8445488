//! Slots of a plain host that are containers: the example as it stands but for shorter waits, with a real engine that
//! runs what the bundle's `docker run` says. What one receives twice is not seen here: a container writes nothing down.

use crate::host::{Host, answer};
use crate::hosts::{example, loses_nothing, with};
use crate::machine::{built, folder, installed};
use crate::nginx::modern;
use crate::{Test, Verdict, ensure, swarm, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("hosts::containers_lose_nothing", containers_lose_nothing),
        test(
            "hosts::a_failing_container_goes_back",
            a_failing_container_goes_back,
        ),
    ]
}

const SLOTS: [u16; 3] = [3100, 3101, 3102];

/// The example, of this version.
fn node_cluster(version: &str) -> Result<String, String> {
    let text = example("node-cluster")?;
    let text = with(
        &text,
        "example/node-cluster:2.1.0",
        &format!("example/node-cluster:{version}"),
    )?;
    let text = with(&text, "interval = 2s", "interval = 200ms")?;
    let text = with(&text, "delay = 6s", "delay = 2s")?;
    let text = with(&text, "start_period = 5s", "start_period = 4s")?;
    // Ports of their own: a program that another test left behind has none of these.
    let text = with(&text, "3000..3002", &format!("{}..{}", SLOTS[0], SLOTS[2]))?;
    // One client address would be one slot.
    let text = with(&text, "balance = ip_hash", "balance = least_conn")?;
    Ok(text + "\ntarget nginx { version = \"1.28\" }\n")
}

/// A host whose engine has the images of these versions.
struct Containers {
    host: Host,
    engine: &'static swarm::Engine,
}

impl Containers {
    fn new(versions: &[&str]) -> Result<Self, crate::Failure> {
        let engine = swarm::engine()?;
        let image = folder("node-cluster-image");
        let fail = |error: std::io::Error| error.to_string();
        std::fs::create_dir(image.join("tmp")).map_err(fail)?;
        std::fs::copy(built("hosts", "load")?, image.join("load")).map_err(fail)?;
        // `true`, which a probe from inside runs.
        std::fs::create_dir(image.join("bin")).map_err(fail)?;
        std::fs::copy(installed("hosts", "busybox")?, image.join("bin/true")).map_err(fail)?;
        for version in versions {
            let words = format!(
                "ENTRYPOINT [\"/load\", \"serve\", \"--host=0.0.0.0\", \"--port=3000\", \"--version={version}\", \"--start=200ms\"]"
            );
            engine.import_folder(&image, &words, &format!("example/node-cluster:{version}"))?;
        }
        let host = Host::new("host", &node_cluster("1")?, modern()?)?;
        Ok(Self { host, engine })
    }

    /// Another version is another image, and so another bundle.
    fn update(&self, version: &str) -> Verdict {
        self.host.build(&node_cluster(version)?)?;
        self.host.update(version)
    }

    /// The images that run in slots.
    fn running(&self) -> Result<Vec<String>, String> {
        let filter = "name=node-cluster-node-";
        let said = self
            .engine
            .docker(&["ps", "--filter", filter, "--format", "{{.Image}}"])?;
        Ok(said.lines().map(str::to_owned).collect())
    }
}

impl Drop for Containers {
    fn drop(&mut self) {
        for slot in SLOTS {
            let name = format!("node-cluster-node-{slot}");
            let _ = self.engine.docker(&["rm", "--force", &name]);
        }
    }
}

fn containers_lose_nothing() -> Verdict {
    let containers = Containers::new(&["1", "2", "3"])?;
    let versions = ["2".to_owned(), "3".to_owned()];
    loses_nothing(&containers.host, 3333, &versions, |version| {
        containers.update(version)
    })?;
    let running = containers.running()?;
    ensure(running == ["example/node-cluster:3"; 2], || {
        format!("{running:?}")
    })?;
    let limits = SLOTS.map(|slot| {
        let name = format!("node-cluster-node-{slot}");
        let inspect = ["inspect", "--format={{.HostConfig.Memory}}", &name];
        containers.engine.docker(&inspect).unwrap_or_default()
    });
    let limited = limits.iter().filter(|limit| limit.trim() == "512000000");
    ensure(limited.count() == 2, || format!("{limits:?}"))
}

/// An image that does not run, and one that fails at its first requests: what was replaced comes back.
fn a_failing_container_goes_back() -> Verdict {
    let containers = Containers::new(&["1", "2", "broken", "faint"])?;
    containers.update("1")?;
    for version in ["broken", "faint"] {
        let gone = containers.update(version);
        ensure(gone.is_err(), || format!("{version} went live"))?;
        for _ in 0..8 {
            let found = answer(3333);
            ensure(found.as_deref() == Ok("1"), || {
                format!("{version}: {found:?}")
            })?;
        }
        let running = containers.running()?;
        ensure(running == ["example/node-cluster:1"; 2], || {
            format!("{version}: {running:?}")
        })?;
    }
    containers.update("2")?;
    ensure(answer(3333)? == "2", || "2 is not live".to_owned())
}
