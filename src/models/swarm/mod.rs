//! Docker Swarm: how its updater takes a service from one version to the next, back, and through
//! what goes wrong in between.
//!
//! The algorithm is swarmkit's (`manager/orchestrator/update/updater.go`, `restart/restart.go`,
//! `replicated/services.go`) as of Docker Engine 20.10.24, whose recorded updates it is judged
//! against. What an engine decides is computed; what chance decides (which slot goes first, who is
//! ready when) is explored, every way.

mod closed;
mod explore;
mod life;
mod machine;
mod orchestrator;
mod profile;
mod rules;
mod state;
mod tasks;
mod updater;
mod words;

pub use closed::{
    duration, kept_from_what_never_runs, least_serving, most_alive, most_taken_by_what_never_runs,
};
pub use profile::{GUARANTEED, Profile, TYPICAL};
pub use rules::Rule;

use super::interval::{Interval, Millis};
use super::prediction::Prediction;

/// What a service's tasks are made from, and how they behave.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Task {
    /// Tasks of equal revisions need no update.
    pub revision: u64,
    /// How the program behaves.
    pub behaviour: Behaviour,
    /// The health check, if there is one.
    pub health: Option<Health>,
    /// SIGTERM to SIGKILL.
    pub grace: Millis,
    /// What happens when it ends by itself.
    pub restart: Restart,
}

/// How a program behaves. The default starts at once, serves for ever, and exits at once with 0
/// when it is told to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Behaviour {
    /// From the process's start until it listens.
    pub listens_after: Millis,
    /// From the process's start until its health check passes.
    pub healthy_after: Millis,
    /// How long it goes on after SIGTERM.
    pub drain: Millis,
    /// It does nothing on SIGTERM.
    pub ignores_term: bool,
    /// How it ends after SIGTERM.
    pub exit: Exit,
    /// What is wrong with it.
    pub fault: Option<Fault>,
}

/// What is wrong with a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Its health check never passes.
    NeverHealthy,
    /// Its health check fails from then on.
    UnhealthyAfter(Millis),
    /// It ends by itself.
    Crash {
        /// After this long.
        after: Millis,
        /// In this way.
        exit: Exit,
    },
    /// There is no such image, or a bind mount's source is missing.
    Rejected,
}

/// How a process ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Exit {
    /// With 0: COMPLETE.
    #[default]
    Success,
    /// With anything else: FAILED.
    Failure,
}

/// A health check.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Health {
    /// From the start to the first probe, and from one to the next.
    pub interval: Millis,
    /// This many failures in a row, and it is unhealthy.
    pub retries: u32,
    /// Failures before do not count.
    pub start_period: Millis,
}

/// What happens to a task that ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Restart {
    /// When another one is started.
    pub condition: RestartCondition,
    /// After this long.
    pub delay: Millis,
}

impl Restart {
    /// The engine's default: always, after five seconds.
    pub const DEFAULT: Self = Self {
        condition: RestartCondition::Any,
        delay: 5_000,
    };

    fn covers(self, exit: Exit) -> bool {
        match self.condition {
            RestartCondition::Any => true,
            RestartCondition::OnFailure => exit == Exit::Failure,
            RestartCondition::None => false,
        }
    }
}

/// When a task that ended is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RestartCondition {
    /// Always.
    Any,
    /// Unless it exited with 0.
    OnFailure,
    /// Never.
    None,
}

/// How an update or a rollback proceeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Policy {
    /// Which goes first.
    pub order: Order,
    /// How many slots at once; 0 is all.
    pub parallelism: u32,
    /// The wait after each slot.
    pub delay: Millis,
    /// How long after RUNNING a failure counts; 0 is the engine's default.
    pub monitor: Millis,
    /// What a failure does.
    pub on_failure: FailureAction,
    /// The share of failures that is tolerated, in thousandths.
    pub max_failure_ratio: u32,
}

impl Policy {
    /// What the engine does where nothing is said (swarmkit `api/defaults/service.go`).
    pub const DEFAULT: Self = Self {
        order: Order::StopFirst,
        parallelism: 1,
        delay: 0,
        monitor: DEFAULT_MONITOR,
        on_failure: FailureAction::Pause,
        max_failure_ratio: 0,
    };

    /// How long a failure counts while slots are handed out.
    fn monitored(&self) -> Millis {
        match self.monitor {
            0 => DEFAULT_MONITOR,
            monitor => monitor,
        }
    }

    /// How long the end of an update is monitored, and how long a failure counts then: longer than
    /// the delay, whatever was written.
    fn monitored_at_the_end(&self) -> Millis {
        match self.monitored() {
            monitor if monitor > self.delay => monitor,
            _ => self.delay.saturating_add(1_000),
        }
    }
}

const DEFAULT_MONITOR: Millis = 5_000;

/// Which of the two goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// The old one stops.
    StopFirst,
    /// The new one starts.
    StartFirst,
}

/// What a failure does to an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureAction {
    /// Nothing goes on, nothing is undone.
    Pause,
    /// Nothing.
    Continue,
    /// The previous version comes back.
    Rollback,
}

/// A service as it is deployed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Service {
    /// How many.
    pub replicas: u32,
    /// Of what.
    pub task: Task,
    /// How the next version comes.
    pub update: Policy,
    /// How the last version comes back.
    pub rollback: Policy,
}

/// What is done to a service.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Another one, or the same one again, is deployed.
    Deploy(Service),
    /// `docker service rollback`.
    Rollback,
}

/// Something that is done at a time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Step {
    /// After the beginning, at any time of these.
    pub at: Interval,
    /// What.
    pub action: Action,
}

/// What limits how many tasks fit on the nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Room {
    /// How many fit.
    pub places: u32,
    /// When a task that stops gives up its place.
    pub frees: Frees,
}

/// When a task gives up its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Frees {
    /// As soon as it is told to stop: `max_replicas_per_node`.
    WhenTold,
    /// When it has stopped: a port of the host, reserved resources.
    WhenStopped,
}

/// A service, and what is done to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scenario {
    /// The service before.
    pub before: Service,
    /// Whether it came up.
    pub up: bool,
    /// What is done, in order of time.
    pub steps: Vec<Step>,
    /// What limits the tasks, if anything does.
    pub room: Option<Room>,
    /// For how long it is looked at after the last update has ended; for ever without.
    pub watched: Option<Millis>,
}

/// What an engine with these latencies may make of it.
pub fn predict(scenario: &Scenario, profile: &Profile) -> Prediction {
    explore::explore(scenario, profile, None)
}

/// The same of an engine that lacks a rule: what the rule is needed for.
pub fn predict_without(rule: Rule, scenario: &Scenario, profile: &Profile) -> Prediction {
    explore::explore(scenario, profile, Some(rule))
}
