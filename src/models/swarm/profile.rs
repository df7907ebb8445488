//! What a Docker Engine takes for what it does.

use crate::models::interval::{Interval, Millis};

/// The latencies of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Profile {
    /// From desired state RUNNING to the process.
    pub start: Interval,
    /// From the process to state RUNNING, without a health check.
    pub report: Interval,
    /// From the probe that succeeds to state RUNNING.
    pub healthy: Interval,
    /// What a probe adds to its interval.
    pub probe: Interval,
    /// From desired state SHUTDOWN to SIGTERM: the task leaves DNS, then two seconds pass.
    pub pause: Interval,
    /// From an exit that was asked for to a terminal state.
    pub exit: Interval,
    /// From a crash to FAILED.
    pub crash: Interval,
    /// From a new task to REJECTED, where its image or a mount is missing.
    pub rejection: Interval,
    /// From desired state SHUTDOWN to a terminal state, of a task whose process never started.
    pub abort: Interval,
    /// What a restart takes over its delay.
    pub restart: Interval,
    /// How long a task that was killed while starting, and exited with 0, may show RUNNING.
    pub flash: Option<Interval>,
    /// After this long a stop-first update no longer waits for the old task
    /// (swarmkit `manager/orchestrator/restart/restart.go`, `defaultOldTaskTimeout`).
    pub old_task_timeout: Millis,
}

/// What a proof uses: no recorded update of an engine 20.10.24 left these bounds.
pub const GUARANTEED: Profile = Profile {
    start: Interval::new(450, 3_500),
    report: Interval::new(50, 500),
    healthy: Interval::new(50, 3_600),
    probe: Interval::new(0, 400),
    pause: Interval::new(3_000, 3_800),
    exit: Interval::new(100, 900),
    crash: Interval::new(100, 2_100),
    rejection: Interval::new(200, 6_000),
    abort: Interval::new(20, 1_000),
    restart: Interval::new(0, 500),
    flash: Some(Interval::new(0, 300)),
    old_task_timeout: 60_000,
};

/// The middle nine tenths of the same records.
pub const TYPICAL: Profile = Profile {
    start: Interval::new(500, 2_000),
    report: Interval::new(50, 300),
    healthy: Interval::new(50, 600),
    probe: Interval::new(50, 200),
    pause: Interval::new(3_000, 3_400),
    exit: Interval::new(100, 600),
    crash: Interval::new(300, 1_700),
    rejection: Interval::new(300, 2_500),
    abort: Interval::new(20, 500),
    restart: Interval::new(0, 200),
    flash: None,
    old_task_timeout: 60_000,
};
