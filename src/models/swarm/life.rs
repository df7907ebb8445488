//! What becomes of a task from the moment that the orchestrator wants it to run.

use super::profile::Profile;
use super::{Behaviour, Exit, Fault, Health, Task};
use crate::models::interval::{Interval, Millis};

/// The ways of one version's tasks.
#[derive(Clone, Debug)]
pub(super) struct Life {
    /// The first is that of a task that starts.
    pub(super) stages: Vec<Stage>,
    /// Whether a task may end without being told to.
    pub(super) fails: bool,
    /// How long until it is refused, where it is.
    pub(super) rejected: Option<Interval>,
    /// From desired state SHUTDOWN to a terminal state, of a task that runs.
    pub(super) stop: Interval,
    /// Whether a process ever exists.
    pub(super) exists: bool,
    /// Whether the orchestrator starts another when it ends by itself.
    pub(super) restarts: bool,
    /// How long it waits with that.
    pub(super) restart: Interval,
}

/// A part of a task's life in which nothing about it changes.
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is seen by somebody else: the orchestrator, a client, the engine"
)]
#[derive(Clone, Debug)]
pub(super) struct Stage {
    /// State RUNNING: counted, in DNS, routed to.
    pub(super) running: bool,
    /// Accepts connections.
    pub(super) listening: bool,
    /// The engine holds that there is a process.
    pub(super) alive: bool,
    /// RUNNING only because its end is not told yet.
    pub(super) momentary: bool,
    /// How it may end; nothing where it lasts.
    pub(super) ends: Vec<End>,
}

/// One way for a stage to end.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    /// After this long.
    pub(super) after: Interval,
    /// Into what.
    pub(super) to: Next,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Next {
    Stage(u8),
    Failed,
}

/// What happens to a process, counted from its start.
struct Course {
    /// State RUNNING.
    ready: Option<Interval>,
    /// It works no more.
    broken: Option<Interval>,
    /// FAILED, or COMPLETE.
    ended: Option<Interval>,
    /// RUNNING may show for a moment before the end.
    flash: bool,
}

impl Life {
    /// The ways of a version on an engine.
    pub(super) fn of(task: &Task, profile: &Profile) -> Self {
        let stop = stop(task, profile);
        let rejected = (task.behaviour.fault == Some(Fault::Rejected)).then_some(profile.rejection);
        let stages = match rejected {
            Some(after) => vec![waiting(vec![End {
                after,
                to: Next::Failed,
            }])],
            None => stages(task, profile),
        };
        let fails = stages
            .iter()
            .flat_map(|stage| &stage.ends)
            .any(|end| matches!(end.to, Next::Failed));
        Self {
            stages,
            fails,
            rejected,
            stop,
            exists: rejected.is_none(),
            restarts: task.restart.covers(exit_of(task)),
            restart: Interval::exactly(task.restart.delay).plus(profile.restart),
        }
    }

    pub(super) fn stage(&self, index: u8) -> Option<&Stage> {
        self.stages.get(usize::from(index))
    }

    /// The stage of a task that has been up for a while.
    pub(super) fn settled(&self) -> Option<u8> {
        let last = self.stages.iter().rposition(|stage| stage.listening)?;
        u8::try_from(last).ok()
    }
}

/// What a task's own end looks like to the restart policy.
fn exit_of(task: &Task) -> Exit {
    match task.behaviour.fault {
        Some(Fault::Crash { exit, .. }) => exit,
        Some(Fault::Rejected) => Exit::Failure,
        // Killed for being unhealthy: what it answers to SIGTERM, unless it never does.
        _ if task.behaviour.ignores_term => Exit::Failure,
        _ => task.behaviour.exit,
    }
}

/// SIGTERM to the end: what it drains, or until it is killed.
fn leave(task: &Task) -> Millis {
    if task.behaviour.ignores_term {
        return task.grace;
    }
    task.behaviour.drain.min(task.grace)
}

fn stop(task: &Task, profile: &Profile) -> Interval {
    profile
        .pause
        .plus(Interval::exactly(leave(task)))
        .plus(profile.exit)
}

fn waiting(ends: Vec<End>) -> Stage {
    Stage {
        running: false,
        listening: false,
        alive: true,
        momentary: false,
        ends,
    }
}

fn stages(task: &Task, profile: &Profile) -> Vec<Stage> {
    let course = course(task, profile);
    let mut first = Vec::new();
    let ended_by = course.ended.map_or(Millis::MAX, |ended| ended.most);
    if let Some(ready) = course.ready
        && ready.least <= ended_by
    {
        first.push(End {
            after: profile.start.plus(ready.until(ended_by)),
            to: Next::Stage(1),
        });
    }
    if let (Some(broken), Some(ended)) = (course.broken, course.ended)
        && course.ready.is_none_or(|ready| broken.least < ready.most)
    {
        first.push(End {
            after: profile.start.plus(ended),
            to: Next::Failed,
        });
    }
    let mut stages = vec![waiting(first)];
    match course.ready {
        Some(ready) => up(&mut stages, &task.behaviour, ready, &course),
        None if course.flash => flash(&mut stages, profile),
        None => {}
    }
    stages
}

/// The stages of a task that gets to RUNNING.
fn up(stages: &mut Vec<Stage>, behaviour: &Behaviour, ready: Interval, course: &Course) {
    let (listens, fault) = (behaviour.listens_after, behaviour.fault);
    let running = |listening, ends| Stage {
        running: true,
        listening,
        alive: true,
        momentary: false,
        ends,
    };
    let mut since = ready;
    if listens > ready.least {
        let listening = Interval::exactly(listens);
        let end = End {
            after: listening.since(ready),
            to: Next::Stage(2),
        };
        stages.push(running(false, vec![end]));
        since = Interval::new(listens.max(ready.least), listens.max(ready.most));
    }
    let (Some(broken), Some(ended)) = (course.broken, course.ended) else {
        stages.push(running(true, Vec::new()));
        return;
    };
    if let Some(Fault::Crash { .. }) = fault {
        // It may be gone at any time until that is told.
        let end = End {
            after: ended.since(since),
            to: Next::Failed,
        };
        stages.push(running(false, vec![end]));
        return;
    }
    let next = u8::try_from(stages.len()).unwrap_or(u8::MAX);
    let breaks = End {
        after: broken.since(since),
        to: Next::Stage(next.saturating_add(1)),
    };
    stages.push(running(true, vec![breaks]));
    let told = Interval::new(
        ended.least.saturating_sub(broken.least),
        ended.most.saturating_sub(broken.most),
    );
    let end = End {
        after: told,
        to: Next::Failed,
    };
    stages.push(Stage {
        momentary: true,
        ..running(false, vec![end])
    });
}

/// Killed while starting, it exits with 0: RUNNING may show before COMPLETE.
fn flash(stages: &mut Vec<Stage>, profile: &Profile) {
    let Some(lasts) = profile.flash else { return };
    let next = u8::try_from(stages.len()).unwrap_or(u8::MAX);
    if let Some(first) = stages.first_mut()
        && let Some(end) = first.ends.first().copied()
    {
        first.ends.push(End {
            after: end.after,
            to: Next::Stage(next),
        });
    }
    stages.push(Stage {
        running: true,
        listening: false,
        alive: true,
        momentary: true,
        ends: vec![End {
            after: lasts,
            to: Next::Failed,
        }],
    });
}

fn course(task: &Task, profile: &Profile) -> Course {
    let behaviour = &task.behaviour;
    let crash = match behaviour.fault {
        Some(Fault::Crash { after, .. }) => Some(Interval::exactly(after)),
        _ => None,
    };
    let Some(health) = &task.health else {
        return Course {
            ready: Some(profile.report),
            broken: crash,
            ended: crash.map(|crash| crash.plus(profile.crash)),
            flash: false,
        };
    };
    let probes = probes(task, health, profile);
    let killed = probes.unhealthy.map(|unhealthy| {
        let pause = Interval::new(2_000, profile.pause.most.saturating_sub(500));
        unhealthy.plus(pause).plus(Interval::exactly(leave(task)))
    });
    let ready = probes.healthy.map(|healthy| healthy.plus(profile.healthy));
    match (crash, killed) {
        (Some(crash), _) => Course {
            ready,
            broken: Some(crash),
            ended: Some(crash.plus(profile.crash)),
            flash: false,
        },
        (None, Some(killed)) => Course {
            ready,
            broken: Some(killed),
            ended: Some(killed.plus(profile.exit)),
            flash: ready.is_none() && exit_of(task) == Exit::Success,
        },
        (None, None) => Course {
            ready,
            broken: None,
            ended: None,
            flash: false,
        },
    }
}

/// What a health check finds, counted from the process's start.
struct Probes {
    healthy: Option<Interval>,
    unhealthy: Option<Interval>,
}

/// Walks the probes: the first one interval after the start, each next one an interval after the
/// last (moby `daemon/health.go`). A failure within the start period does not count.
fn probes(task: &Task, health: &Health, profile: &Profile) -> Probes {
    const MOST_PROBES: Millis = 2_000;
    let behaviour = &task.behaviour;
    let never = behaviour.fault == Some(Fault::NeverHealthy);
    let well = behaviour.healthy_after.max(behaviour.listens_after);
    let ill = match behaviour.fault {
        Some(Fault::UnhealthyAfter(after)) => after,
        _ => Millis::MAX,
    };
    let mut found = Probes {
        healthy: None,
        unhealthy: None,
    };
    // Failures in a row, at least and at most; and whether it has been healthy for certain.
    let (mut least, mut most, mut certain) = (0, 0, false);
    // Of a start that is slow and nothing else no more probes can fail and count than fit between the start period and
    // its end: an interval lies between two.
    let slow_alone = !never && ill == Millis::MAX;
    let while_starting = well
        .saturating_sub(health.start_period)
        .div_ceil(health.interval.max(1));
    let each = Interval::exactly(health.interval).plus(profile.probe);
    for number in 1..=MOST_PROBES {
        let at = each.times(number);
        let may_pass = !never && at.most >= well && at.least < ill;
        let must_pass = !never && at.least >= well && at.most < ill;
        if may_pass && !certain {
            let from = found.healthy.map_or(at.least, |healthy| healthy.least);
            found.healthy = Some(Interval::new(from, at.most));
        }
        if must_pass {
            (least, most, certain) = (0, 0, true);
            if ill == Millis::MAX {
                break;
            }
            continue;
        }
        most += Millis::from(at.most >= health.start_period);
        if slow_alone {
            most = most.min(while_starting);
        }
        least = if may_pass {
            0
        } else {
            least + Millis::from(at.least >= health.start_period)
        };
        if most >= health.retries {
            let from = found.unhealthy.map_or(at, |unhealthy| unhealthy.joined(at));
            found.unhealthy = Some(from);
        }
        if least >= health.retries {
            break;
        }
    }
    found
}
