//! The same where scripts are killed in the middle of a move.

use super::{Step, quick};
use crate::host::{Host, answer};
use crate::hosts::{KILL, blue_green, node_cluster, patient, with};
use crate::machine::run;
use crate::nginx::modern;
use crate::{Failure, Test, Verdict, ensure, test};

pub(super) fn tests() -> Vec<Test> {
    vec![
        test(
            "moved::rolling_killed_loses_nothing",
            rolling_killed_loses_nothing,
        ),
        test(
            "moved::blue_green_killed_loses_nothing",
            blue_green_killed_loses_nothing,
        ),
    ]
}

/// Scripts that are killed at a point of their run.
struct Killed<'a> {
    host: &'a Host,
    /// How many times one was.
    killed: usize,
}

impl Killed<'_> {
    fn script(&self, script: &str, name: &str, value: &str) -> Result<String, String> {
        let mut command = self.host.script(script);
        let inside = if script == "rollback.sh" {
            "switch.sh"
        } else {
            script
        };
        command.env("BASH_ENV", self.host.path("kill.sh"));
        command.env("KILL_IN", inside).env(name, value);
        run(command)
    }

    /// How many commands a script has; it is run for that.
    fn count(&self, script: &str) -> Result<usize, String> {
        let file = self.host.path("count");
        self.script(script, "KILL_COUNT", &file.display().to_string())?;
        let count = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
        let count = count.trim().parse();
        count.map_err(|_| format!("no count of {script}"))
    }

    /// Of a rollback it is the switch within.
    fn cut(&mut self, script: &str, at: usize) -> bool {
        let done = self.script(script, "KILL_AT", &at.to_string());
        self.killed += usize::from(done.is_err());
        done.is_err()
    }

    fn again(&self, script: &str) -> Verdict {
        run(patient(self.host, script))?;
        Ok(())
    }
}

/// Scripts are killed at one point after the other while slots move, there and back; then they are run again, another
/// version is deployed, or what they did is taken back. Nothing is lost by that.
fn killed(step: &Step<'_>, points: usize) -> Verdict {
    let [(old, ..), (new, ..)] = step.sides;
    let host = Host::new("host", old, modern()?)?;
    std::fs::write(host.path("kill.sh"), KILL).map_err(|error| error.to_string())?;
    let mut scripts = Killed {
        host: &host,
        killed: 0,
    };
    host.update("0")?;
    step.under_load(&host, || {
        host.build(new)?;
        host.version("1")?;
        let counts = [scripts.count("deploy.sh")?, scripts.count("switch.sh")?];
        let mut now = (1, "1".to_owned());
        for point in 0..points {
            let [deploy, switch] = counts.map(|count| 1 + count * (2 * point + 1) / (2 * points));
            let version = format!("v{point}");
            let next = (1 - now.0, version);
            let ended = one_killed(step, &mut scripts, [&now, &next], point, [deploy, switch]);
            now = ended.map_err(|why| match why {
                Failure::Wrong(why) => {
                    let (deploy, switch) = (deploy.to_string(), switch.to_string());
                    format!("{point}, killed at {deploy} and {switch} of {counts:?}: {why}").into()
                }
                absent @ Failure::Absent { .. } => absent,
            })?;
        }
        println!(
            "  killed {} times, {points} points of {counts:?} commands",
            scripts.killed
        );
        ensure(scripts.killed > points, || "too few were killed".to_owned())
    })
}

/// A side and its version.
type Served = (usize, String);

/// From what serves to what is next, with each script killed once; what serves in the end.
fn one_killed(
    step: &Step<'_>,
    scripts: &mut Killed<'_>,
    [now, next]: [&Served; 2],
    point: usize,
    [deploy, switch]: [usize; 2],
) -> Result<Served, Failure> {
    let host = scripts.host;
    let serves = |(side, version): &Served| step.serves(host, *side, version);
    host.build(step.sides[next.0].0)?;
    host.version(&next.1)?;
    scripts.cut("deploy.sh", deploy);
    scripts.again("deploy.sh")?;
    scripts.cut("switch.sh", switch);
    answer(step.port)?;
    match point % 4 {
        0 => {
            scripts.again("switch.sh")?;
            serves(next)?;
            // It is known what was before.
            host.run("rollback.sh")?;
            serves(now)?;
            Ok(now.clone())
        }
        1 => {
            scripts.again("deploy.sh")?;
            host.run("switch.sh")?;
            serves(next)?;
            host.run("rollback.sh")?;
            serves(now)?;
            Ok(now.clone())
        }
        2 => {
            let other = (now.0, format!("{}-other", next.1));
            host.build(step.sides[other.0].0)?;
            host.version(&other.1)?;
            scripts.again("deploy.sh")?;
            host.run("switch.sh")?;
            serves(&other)?;
            Ok(other)
        }
        _ => {
            // A switch that was all but done may have been completed.
            if scripts.cut("rollback.sh", switch) {
                answer(step.port)?;
                scripts.again("rollback.sh")?;
            }
            serves(now)?;
            host.update(&next.1)?;
            serves(next)?;
            Ok(next.clone())
        }
    }
}

fn rolling_killed_loses_nothing() -> Verdict {
    let old = quick(&node_cluster()?);
    let new = with(&old, "3000..3002", "3011..3013")?;
    killed(
        &Step {
            name: "rolling slots move, killed",
            port: 3333,
            sides: [
                (&old, &[3000, 3001, 3002], 2),
                (&new, &[3011, 3012, 3013], 2),
            ],
        },
        5,
    )
}

fn blue_green_killed_loses_nothing() -> Verdict {
    let old = quick(&blue_green()?);
    let new = with(&old, "[8081, 8082]", "[8181, 8182]")?;
    killed(
        &Step {
            name: "blue/green slots move, killed",
            port: 80,
            sides: [(&old, &[8081, 8082], 1), (&new, &[8181, 8182], 1)],
        },
        7,
    )
}
