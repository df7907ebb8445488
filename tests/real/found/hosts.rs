//! On a plain host: the old scripts put the old version there, and those of the new one replace it; and where no script
//! of ours was ever run, what its owner started by hand, behind a site of the owner's own.

use std::process::Command;

use zdc::vocabulary::TargetId;

use super::Plan;
use crate::host::{Host, Seen, answer};
use crate::hosts;
use crate::machine::{built, run};
use crate::nginx::modern;
use crate::programs::Program;
use crate::{Failure, Test, Verdict, ensure, test};

pub(crate) fn tests(_: &[Program]) -> Vec<Test> {
    vec![
        test("found::blue_green", blue_green),
        test("found::node_cluster", node_cluster),
        test("found::blue_green_by_hand", blue_green_by_hand),
        test("found::node_cluster_by_hand", node_cluster_by_hand),
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

/// A reload of the owner's nginx must not close kept connections under a client's next request, as it does without
/// `keepalive_min_timeout`: the first switch is one.
///
/// The owner's script has started the old version on 8081, and the site on Ubuntu's port 80 includes where that is.
fn blue_green_by_hand() -> Verdict {
    let new = hosts::blue_green()?;
    let site = "server {
  listen 80 default_server;
  keepalive_min_timeout 2s;
  include service-url.inc;
  location / { proxy_pass $service_url; }
}
";
    let beside = [(
        "service-url.inc",
        "set $service_url http://127.0.0.1:8081;\n",
    )];
    let owned = Owned::run("blue-green", &new, (80, site, &beside), &[8081])?;
    // One that fails at its first requests.
    owned.host.version("faint")?;
    owned.host.run("deploy.sh")?;
    let failed = owned.switch_over().err().unwrap_or_default();
    says(&failed, "requests go where they went before it")?;
    owned.answers("found")?;
    let seen = owned.host.under_load(80, || {
        owned.host.version("2")?;
        owned.host.run("deploy.sh")?;
        // Two sites of one port, each for all that no other one is for: nginx takes no such configuration.
        let refused = owned.host.run("switch.sh").err().unwrap_or_default();
        says(&refused, "a duplicate default server for 0.0.0.0:80")?;
        says(
            &refused,
            &format!("ZDC_REPLACES={} switch.sh", owned.site()),
        )?;
        owned.answers("found")?;
        let switched = owned.switch_over()?;
        says(&switched, "still has port 8081; nothing leads there now")?;
        owned.answers("2")?;
        // The port that the next one needs is taken.
        owned.host.version("3")?;
        let refused = owned.host.run("deploy.sh").err().unwrap_or_default();
        says(&refused, "port 8081 is taken by process ")?;
        // Of what was refused there is nothing to take back.
        let stays = owned.host.run("rollback.sh")?;
        says(&stays, "it stays: the last deploy is not live there")?;
        owned.host.version("2")?;
        owned.host.run("deploy.sh")?;
        owned.there_and_back("2")
    })?;
    owned.told(&seen)
}

/// The owner has started two on 3000 and 3001. Their ports are theirs until they end: the new ones get others.
fn node_cluster_by_hand() -> Verdict {
    let new = hosts::node_cluster()?;
    let site = "upstream nodejs_server {
  server localhost:3000 weight=10 max_fails=3 fail_timeout=10s;
  server localhost:3001 weight=10 max_fails=3 fail_timeout=10s;
}
server {
  listen 3333;
  server_name localhost;
  keepalive_min_timeout 2s;
  location / { proxy_pass http://nodejs_server; }
}
";
    let owned = Owned::run("node-cluster", &new, (3333, site, &[]), &[3000, 3001])?;
    let elsewhere = hosts::with(&new, "3000..3002", "3010..3012")?;
    let seen = owned.host.under_load(3333, || {
        owned.host.version("2")?;
        let refused = owned.host.run("deploy.sh").err().unwrap_or_default();
        says(&refused, "port 3000 is taken by process ")?;
        says(&refused, "nothing was changed")?;
        owned.host.build(&elsewhere)?;
        owned.host.run("deploy.sh")?;
        owned.switch_over()?;
        owned.answers("2")?;
        owned.there_and_back("2")
    })?;
    owned.told(&seen)
}

fn says(said: &str, text: &str) -> Verdict {
    ensure(said.contains(text), || format!("no {text:?} in: {said}"))
}

/// A host that its owner has set up, with a bundle on it that was never run.
struct Owned {
    host: Host,
    name: &'static str,
    port: u16,
}

/// As the owner starts one: in the background, with its number written down.
const START: &str = r#"nohup "$1" serve --port="$2" --version=found --graceful=50ms >"$3/$2.log" 2>&1 &
echo $! >"$3/$2.pid"
"#;

impl Owned {
    /// Starts what the owner runs on these ports, behind a site of the owner's with files beside it.
    fn run(
        name: &'static str,
        new: &str,
        (port, site, beside): (u16, &str, &[(&str, &str)]),
        ports: &[u16],
    ) -> Result<Self, Failure> {
        let host = Host::new("host", new, modern()?)?;
        let owned = Self { host, name, port };
        let fail = |error: std::io::Error| error.to_string();
        std::fs::create_dir_all(owned.host.path("owner")).map_err(fail)?;
        for port in ports {
            let mut start = Command::new("sh");
            start.args(["-c", START, "sh"]).arg(built("hosts", "load")?);
            start.arg(port.to_string()).arg(owned.host.path("owner"));
            start.env("RECEIVED", owned.host.path("received"));
            run(start)?;
            hosts::healthy(*port)?;
        }
        std::fs::write(owned.site(), site).map_err(fail)?;
        for (file, text) in beside {
            std::fs::write(owned.host.path("nginx").join(file), text).map_err(fail)?;
        }
        owned.host.reload()?;
        hosts::healthy(port)?;
        owned.answers("found")?;
        Ok(owned)
    }

    fn site(&self) -> String {
        self.host
            .path("nginx/conf.d/default.conf")
            .display()
            .to_string()
    }

    /// `switch.sh` for the first time, in the place of the owner's site.
    fn switch_over(&self) -> Result<String, String> {
        let mut switch = self.host.script("switch.sh");
        switch.env("ZDC_REPLACES", self.site());
        run(switch)
    }

    /// From the first release to what was found, there again, and on to the next one once what was found has ended.
    fn there_and_back(&self, version: &str) -> Verdict {
        let said = self.host.run("rollback.sh")?;
        says(
            &said,
            "requests go where they went before the first release",
        )?;
        self.answers("found")?;
        self.host.version(version)?;
        self.host.run("deploy.sh")?;
        self.switch_over()?;
        self.answers(version)?;
        self.end()?;
        self.host.update("next")?;
        self.answers("next")?;
        self.host.run("rollback.sh")?;
        self.answers(version)
    }

    /// Ends what the owner has started.
    fn end(&self) -> Verdict {
        let mut end = Command::new("sh");
        end.args(["-c", "kill $(cat *.pid)"])
            .current_dir(self.host.path("owner"));
        run(end)?;
        Ok(())
    }

    fn answers(&self, version: &str) -> Verdict {
        let serves = answer(self.port)?;
        ensure(serves == version, || format!("{serves}, not {version}"))
    }

    fn told(&self, seen: &Seen) -> Verdict {
        println!(
            "  {} by hand, there and back: {} lost and {} twice of {} {}",
            self.name, seen.lost, seen.twice, seen.total, seen.faults
        );
        loses_nothing(seen)
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        let _ = self.end();
    }
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
