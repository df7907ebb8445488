//! On a plain host: the old scripts put the old version there, and those of the new one replace it.

use zdc::vocabulary::TargetId;

use super::Plan;
use crate::host::{Host, Seen, answer};
use crate::hosts;
use crate::nginx::modern;
use crate::programs::Program;
use crate::{Failure, Test, Verdict, ensure, test};

pub(crate) fn tests(_: &[Program]) -> Vec<Test> {
    vec![
        test("found::blue_green", blue_green),
        test("found::node_cluster", node_cluster),
    ]
}

/// The old program ends before its requests do: after 50 ms, where they take 200, for 10 s and 30.
fn blue_green() -> Verdict {
    let java = r#"command = ["java", "-jar", "api.jar", "--server.port=${slot.port}"]"#;
    let old = hosts::with(
        &super::example("blue-green", "as-found")?,
        java,
        r#"command = ["./load", "serve", "--port=${slot.port}", "--version=@version", "--start=200ms", "--graceful=50ms"]"#,
    )?;
    let old = hosts::with(&old, "  user    = \"ubuntu\"\n", "")?;
    let old = hosts::with(&old, "interval = 2s", "interval = 200ms")?;
    let old = hosts::with(
        &old,
        "target nginx {",
        "target nginx {\n  version = \"1.28\"",
    )?;
    let new = hosts::blue_green()?;
    let plan = Plan::of("blue-green", [&old, &new])?;
    plan.finds(&[])?;
    plan.makes(
        TargetId::Nginx,
        &[
            ("file nginx/hosts/app.sh", "in_place"),
            ("file nginx/hosts/services/api.sh", "rolls"),
            ("file nginx/systemd/api-host-api@.service", "rolls"),
        ],
    )?;
    let found = Found::run("blue-green", &old, 80)?;
    found.host.build(&new)?;
    loses_nothing(&found.there("2")?)?;
    loses_nothing(&found.back("1")?)
}

/// No check, stop first, and a second until the program listens: the plan promises nothing of the way back.
fn node_cluster() -> Verdict {
    let old = hosts::with(
        &super::example("node-cluster", "as-found")?,
        r#"image    = "example/node-cluster:2.1.0""#,
        r#"command = ["./load", "serve", "--port=${slot.port}", "--version=@version", "--start=1s"]"#,
    )?;
    let old = hosts::with(&old, "balance = ip_hash", "balance = least_conn")?;
    let old = old + "\ntarget nginx { version = \"1.28\" }\n";
    let new = hosts::node_cluster()?;
    let plan = Plan::of("node-cluster", [&old, &new])?;
    plan.finds(&["ZD4061"])?;
    let found = Found::run("node-cluster", &old, 3333)?;
    found.host.build(&new)?;
    loses_nothing(&found.there("2")?)?;
    let back = found.back("1")?;
    ensure(back.lost > 0, || format!("nothing is lost: {back:?}"))?;
    // What the plan asks of this step holds for the next: that one has a version with a check to go back to.
    found.host.update("2")?;
    loses_nothing(&found.there("3")?)?;
    loses_nothing(&found.back("2")?)
}

/// A host on which the version that was found runs.
struct Found {
    host: Host,
    name: &'static str,
    port: u16,
}

impl Found {
    fn run(name: &'static str, old: &str, port: u16) -> Result<Self, Failure> {
        let host = Host::found("host", old, modern()?)?;
        host.update("1")?;
        let found = Self { host, name, port };
        found.answers("1")?;
        Ok(found)
    }

    /// Requests are answered by this version. Without a check a slot is taken for serving before it listens, and what
    /// nginx asks meanwhile may have it marked.
    fn answers(&self, version: &str) -> Verdict {
        for slot in self.host.live()? {
            hosts::healthy(slot)?;
        }
        hosts::healthy(self.port)?;
        let serves = answer(self.port)?;
        ensure(serves == version, || format!("{serves}, not {version}"))
    }

    /// To a version by `deploy.sh` and `switch.sh`, under load.
    fn there(&self, version: &str) -> Result<Seen, Failure> {
        let seen = self
            .host
            .under_load(self.port, || self.host.update(version))?;
        self.told("there", &seen);
        self.answers(version)?;
        Ok(seen)
    }

    /// And to the one before, by `rollback.sh`.
    fn back(&self, version: &str) -> Result<Seen, Failure> {
        let seen = self.host.under_load(self.port, || {
            self.host.run("rollback.sh")?;
            Ok(())
        })?;
        self.told("back", &seen);
        self.answers(version)?;
        Ok(seen)
    }

    fn told(&self, way: &str, seen: &Seen) {
        println!(
            "  {} as found, {way}: {} lost and {} twice of {} {}",
            self.name, seen.lost, seen.twice, seen.total, seen.faults
        );
    }
}

fn loses_nothing(seen: &Seen) -> Verdict {
    ensure(
        seen.lost == 0 && seen.twice == 0 && seen.total > 100,
        || format!("{seen:?}"),
    )
}
