//! What `docker stack deploy` and the swarm do with another value at each place of a stack file.
//!
//! A task is replaced where its spec or its service's endpoint differs (swarmkit
//! `manager/orchestrator/task.go`, `IsTaskDirty`); what is only the service's is taken over beside it.
//! What is on record in `tests/changes/observed/swarm.json` was seen on an engine; the rest rests on the
//! source that it names.

use crate::change::Effect;
use crate::change::rules::Rule;

const SEEN: &str = "tests/changes/observed/swarm.json";
const DIRTY: &str =
    "swarmkit manager/orchestrator/task.go, IsTaskDirty; tests/changes/observed/swarm.json";
const CLI: &str =
    "docker/cli cli/command/stack/swarm/deploy_composefile.go; tests/changes/observed/swarm.json";

/// Why `docker stack deploy` takes no such file.
pub(super) const FORBIDDEN: &str = "`docker stack deploy` refuses a file in which it is written";

/// What `placement` does where tasks are replaced for something else.
pub(super) const MOVES_WITH_OTHERS: &str =
    "it moves no task by itself, but its tasks are replaced: the new ones go to any node that fits";

const fn ignored(path: &'static str) -> Rule {
    Rule::new(
        path,
        Effect::Ignored,
        "`docker stack deploy` does not look at it",
        "docker/cli cli/compose/types/types.go, UnsupportedProperties and DeprecatedProperties; cli/compose/convert/service.go",
    )
}

const fn forbidden(path: &'static str) -> Rule {
    Rule::new(
        path,
        Effect::Refused,
        FORBIDDEN,
        "docker/cli cli/compose/types/types.go, ForbiddenProperties",
    )
}

/// A service's, its names resolved.
pub(super) static SERVICE: &[Rule] = &[
    Rule::new(
        "image",
        Effect::Rolls,
        "another image is another task",
        DIRTY,
    ),
    Rule::new(
        "environment.*",
        Effect::Rolls,
        "a container's environment is fixed when it is made",
        DIRTY,
    ),
    Rule::new(
        "ports.*.*",
        Effect::Rolls,
        "a task is made for its service's endpoint, so another published port is another task",
        DIRTY,
    ),
    Rule::new(
        "networks.**",
        Effect::Rolls,
        "a container joins its networks, under its names, when it is made",
        DIRTY,
    ),
    Rule::new(
        "configs.**",
        Effect::Rolls,
        "a container gets its configs when it is made",
        DIRTY,
    ),
    Rule::new(
        "secrets.**",
        Effect::Rolls,
        "a container gets its secrets when it is made",
        DIRTY,
    ),
    Rule::new(
        "volumes.**",
        Effect::Rolls,
        "a container gets its mounts when it is made",
        DIRTY,
    ),
    Rule::new(
        "healthcheck.**",
        Effect::Rolls,
        "a health check is a container's: only new ones are checked by it",
        DIRTY,
    ),
    Rule::new(
        "deploy.mode",
        Effect::Refused,
        "the mode of a service cannot be changed",
        "swarmkit manager/controlapi/service.go, errModeChangeNotAllowed",
    ),
    Rule::new(
        "deploy.replicas",
        Effect::InPlace,
        "more are started, or the surplus stopped, at once and outside the update's policy",
        SEEN,
    ),
    Rule::new(
        "deploy.update_config.*",
        Effect::InPlace,
        "it counts from this very update on",
        SEEN,
    ),
    Rule::new(
        "deploy.rollback_config.*",
        Effect::InPlace,
        "a rollback uses the one of the version that it goes back to, so it counts from the next deploy on",
        "swarmkit manager/orchestrator/update/updater.go, rollbackUpdate; tests/changes/observed/swarm.json",
    ),
    Rule::new(
        "deploy.labels.*",
        Effect::InPlace,
        "labels of a service are not its tasks'",
        SEEN,
    ),
    Rule::new(
        "deploy.placement.**",
        Effect::InPlace,
        "a task whose node still fits is left where it is",
        DIRTY,
    ),
    Rule::new(
        "deploy.resources.**",
        Effect::Rolls,
        "a container's limits and its place on a node are fixed when it is made",
        DIRTY,
    ),
    Rule::new(
        "deploy.restart_policy.*",
        Effect::Rolls,
        "it is part of a task",
        DIRTY,
    ),
    Rule::new(
        "deploy.endpoint_mode",
        Effect::Rolls,
        "a task is made for its service's endpoint",
        DIRTY,
    ),
    Rule::new(
        "depends_on.**",
        Effect::Ignored,
        "`docker stack deploy` takes no order of services",
        SEEN,
    ),
    ignored("build.**"),
    ignored("cgroupns_mode.**"),
    ignored("cgroup_parent.**"),
    ignored("devices.**"),
    ignored("domainname.**"),
    ignored("external_links.**"),
    ignored("ipc.**"),
    ignored("links.**"),
    ignored("mac_address.**"),
    ignored("network_mode.**"),
    ignored("pid.**"),
    ignored("privileged.**"),
    ignored("security_opt.**"),
    ignored("shm_size.**"),
    ignored("userns_mode.**"),
    ignored("container_name.**"),
    ignored("expose.**"),
    ignored("tmpfs.**"),
    forbidden("extends.**"),
    forbidden("volume_driver.**"),
    forbidden("volumes_from.**"),
    forbidden("cpu_quota.**"),
    forbidden("cpu_shares.**"),
    forbidden("cpuset.**"),
    forbidden("mem_limit.**"),
    forbidden("memswap_limit.**"),
    Rule::new(
        "restart",
        Effect::Rolls,
        "it stands for `deploy.restart_policy`, which is part of a task",
        "docker/cli cli/compose/convert/service.go, convertRestartPolicy",
    ),
    Rule::new(
        "**",
        Effect::Rolls,
        "it is part of a container, which is fixed when it is made",
        DIRTY,
    ),
];

/// A config's or a secret's.
pub(super) static CONTENT: &[Rule] = &[Rule::new(
    "**",
    Effect::Refused,
    "what a config or secret holds is never changed under the same name",
    "swarmkit manager/controlapi/config.go, UpdateConfig; tests/changes/observed/swarm.json",
)];

/// That of one whose name holds a variable, and is another one with another value of it.
pub(super) static CONTENT_BY_NAME: &[Rule] = &[Rule::new(
    "**",
    Effect::InPlace,
    "what a config or secret holds is never changed under the same name, and its name is known when it is deployed",
    "swarmkit manager/controlapi/config.go, UpdateConfig; tests/changes/observed/swarm.json",
)];

/// A network's or a volume's that is there already.
pub(super) static KEPT: &[Rule] = &[Rule::new(
    "**",
    Effect::Ignored,
    "`docker stack deploy` makes what is missing and leaves what is there as it is",
    CLI,
)];

/// What a config or secret that is there was made with, beside what it holds.
pub(super) static SETTLED: &[Rule] = &[
    Rule::new(
        "labels.**",
        Effect::InPlace,
        "labels of a config or secret are not its tasks'",
        "docker/cli cli/command/stack/swarm/deploy_composefile.go, createConfigs and createSecrets",
    ),
    Rule::new(
        "**",
        Effect::Ignored,
        "of a config or secret that is there the swarm takes other labels, and nothing else",
        "swarmkit manager/controlapi/config.go, UpdateConfig, and secret.go, UpdateSecret",
    ),
];
