//! What `docker stack deploy` takes of a stack file's sections (docker/cli `cli/compose/schema/data/config_schema_v3.13.json`).

use super::shape::Shape;
use super::shape::Shape::{
    Any, Anything, Block, Boolean, Duration, Either, Integer, List, Mapping, Named, Nothing,
    Number, OneOf, Open, Port, Set, Text,
};
use serde_json::Value;

/// Of what nobody reads on a swarm.
const EXPOSED: Shape = Either(&[Number, Text]);
const SCALAR: Shape = Any(&[Text, Number, Nothing]);
const TEXTS: Shape = Set(&Text);
const TEXT_OR_TEXTS: Shape = Either(&[Text, TEXTS]);
const COMMAND: Shape = Either(&[Text, List(&Text)]);
const PAIRS: Shape = Either(&[Mapping(&SCALAR), TEXTS]);
const FILES: Shape = List(&Either(&[
    Text,
    Block(
        &[
            ("source", Text),
            ("target", Text),
            ("uid", Text),
            ("gid", Text),
            ("mode", Number),
        ],
        &[],
    ),
]));
const UPDATE: Shape = Block(
    &[
        ("delay", Duration),
        ("failure_action", Text),
        ("max_failure_ratio", Number),
        ("monitor", Duration),
        ("order", OneOf(&["start-first", "stop-first"])),
        ("parallelism", Integer),
    ],
    &[],
);
const DEPLOY: Shape = Any(&[
    Block(
        &[
            ("endpoint_mode", Text),
            ("labels", PAIRS),
            ("mode", Text),
            (
                "placement",
                Block(
                    &[
                        ("constraints", List(&Text)),
                        ("max_replicas_per_node", Integer),
                        ("preferences", List(&Block(&[("spread", Text)], &[]))),
                    ],
                    &[],
                ),
            ),
            ("replicas", Integer),
            (
                "resources",
                Block(
                    &[
                        (
                            "limits",
                            Block(&[("cpus", Text), ("memory", Text), ("pids", Integer)], &[]),
                        ),
                        (
                            "reservations",
                            Block(
                                &[
                                    ("cpus", Text),
                                    ("generic_resources", List(&GENERIC_RESOURCE)),
                                    ("memory", Text),
                                ],
                                &[],
                            ),
                        ),
                    ],
                    &[],
                ),
            ),
            (
                "restart_policy",
                Block(
                    &[
                        ("condition", Text),
                        ("delay", Duration),
                        ("max_attempts", Integer),
                        ("window", Duration),
                    ],
                    &[],
                ),
            ),
            ("rollback_config", UPDATE),
            ("update_config", UPDATE),
        ],
        &[],
    ),
    Nothing,
]);
const GENERIC_RESOURCE: Shape = Block(
    &[(
        "discrete_resource_spec",
        Block(&[("kind", Text), ("value", Number)], &[]),
    )],
    &[],
);
const HEALTHCHECK: Shape = Block(
    &[
        ("disable", Boolean),
        ("interval", Duration),
        ("retries", Number),
        ("start_interval", Duration),
        ("start_period", Duration),
        ("test", COMMAND),
        ("timeout", Duration),
    ],
    &[],
);
const PORTS: Shape = Set(&Either(&[
    Port,
    Block(
        &[
            ("mode", Text),
            ("protocol", Text),
            ("published", Integer),
            ("target", Integer),
        ],
        &[],
    ),
]));
const NETWORKS: Shape = Either(&[
    TEXTS,
    Mapping(&Either(&[
        Block(
            &[
                ("aliases", TEXTS),
                ("driver_opts", Mapping(&SCALAR)),
                ("ipv4_address", Text),
                ("ipv6_address", Text),
            ],
            &[],
        ),
        Nothing,
    ])),
]);
const ULIMITS: Shape = Mapping(&Either(&[
    Integer,
    Block(&[("hard", Integer), ("soft", Integer)], &["soft", "hard"]),
]));
const VOLUMES: Shape = Set(&Either(&[
    Text,
    Block(
        &[
            ("bind", Open(&[("propagation", Text)])),
            ("cluster", Anything),
            ("consistency", Text),
            ("read_only", Boolean),
            ("source", Text),
            ("target", Text),
            ("tmpfs", Open(&[("size", Integer)])),
            ("type", Text),
            ("volume", Open(&[("nocopy", Boolean)])),
        ],
        &["type"],
    ),
]));

/// A service, with what docker says by itself that it does not carry out.
const SERVICE: Shape = Block(
    &[
        ("build", Anything),
        ("cap_add", TEXTS),
        ("cap_drop", TEXTS),
        ("cgroup_parent", Text),
        ("cgroupns_mode", Text),
        ("command", COMMAND),
        ("configs", FILES),
        ("container_name", Text),
        ("cpu_quota", Anything),
        ("cpu_shares", Anything),
        ("cpuset", Anything),
        ("credential_spec", Anything),
        ("depends_on", TEXTS),
        ("deploy", DEPLOY),
        ("devices", TEXTS),
        ("dns", TEXT_OR_TEXTS),
        ("dns_search", TEXT_OR_TEXTS),
        ("domainname", Text),
        ("entrypoint", COMMAND),
        ("env_file", TEXT_OR_TEXTS),
        ("environment", PAIRS),
        ("expose", Set(&EXPOSED)),
        ("extends", Anything),
        ("external_links", TEXTS),
        ("extra_hosts", PAIRS),
        ("healthcheck", HEALTHCHECK),
        ("hostname", Text),
        ("image", Text),
        ("init", Boolean),
        ("ipc", Text),
        ("isolation", Text),
        ("labels", PAIRS),
        ("links", TEXTS),
        (
            "logging",
            Block(&[("driver", Text), ("options", Mapping(&SCALAR))], &[]),
        ),
        ("mac_address", Text),
        ("mem_limit", Anything),
        ("memswap_limit", Anything),
        ("network_mode", Text),
        ("networks", NETWORKS),
        ("oom_score_adj", Anything),
        ("pid", Any(&[Text, Nothing])),
        ("ports", PORTS),
        ("privileged", Boolean),
        ("read_only", Boolean),
        ("restart", Text),
        ("secrets", FILES),
        ("security_opt", TEXTS),
        ("shm_size", Any(&[Number, Text])),
        ("stdin_open", Boolean),
        ("stop_grace_period", Duration),
        ("stop_signal", Text),
        ("sysctls", PAIRS),
        ("tmpfs", TEXT_OR_TEXTS),
        ("tty", Boolean),
        ("ulimits", ULIMITS),
        ("user", Text),
        ("userns_mode", Text),
        ("volume_driver", Anything),
        ("volumes", VOLUMES),
        ("volumes_from", Anything),
        ("working_dir", Text),
    ],
    &[],
);

const OPTIONS: Shape = Mapping(&Any(&[Text, Number]));
const EXTERNAL: Shape = Any(&[Boolean, Open(&[("name", Text)])]);

const NETWORK: Shape = Any(&[
    Block(
        &[
            ("attachable", Boolean),
            ("driver", Text),
            ("driver_opts", OPTIONS),
            ("external", EXTERNAL),
            ("internal", Boolean),
            (
                "ipam",
                Block(
                    &[
                        ("config", List(&Block(&[("subnet", Text)], &[]))),
                        ("driver", Text),
                    ],
                    &[],
                ),
            ),
            ("labels", PAIRS),
            ("name", Text),
        ],
        &[],
    ),
    Nothing,
]);
const VOLUME: Shape = Any(&[
    Block(
        &[
            ("driver", Text),
            ("driver_opts", OPTIONS),
            ("external", EXTERNAL),
            ("labels", PAIRS),
            ("name", Text),
        ],
        &[],
    ),
    Nothing,
]);
const CONFIG: Shape = Block(
    &[
        ("external", EXTERNAL),
        ("file", Text),
        ("labels", PAIRS),
        ("name", Text),
        ("template_driver", Text),
    ],
    &[],
);
const SECRET: Shape = Block(
    &[
        ("driver", Text),
        ("driver_opts", OPTIONS),
        ("external", EXTERNAL),
        ("file", Text),
        ("labels", PAIRS),
        ("name", Text),
        ("template_driver", Text),
    ],
    &[],
);

/// The top of a stack file, with the names of what is in its sections.
const TOP: Shape = Block(
    &[
        ("configs", NAMES),
        ("networks", Mapping(&Anything)),
        ("secrets", NAMES),
        ("services", NAMES),
        ("version", Text),
        ("volumes", NAMES),
    ],
    &[],
);
const NAMES: Shape = Named(&Anything);

/// What docker says of the top of a stack file that its schema does not take.
pub(super) fn fault_at_top(top: &Value) -> Option<String> {
    TOP.fault(Vec::new(), top)
}

/// What docker says of an entry of a section that its schema does not take.
pub(super) fn fault(section: &str, name: &str, entry: &Value) -> Option<String> {
    let shape = match section {
        "services" => SERVICE,
        "networks" => NETWORK,
        "volumes" => VOLUME,
        "configs" => CONFIG,
        "secrets" => SECRET,
        _ => Anything,
    };
    shape.fault(vec![section.to_owned(), name.to_owned()], entry)
}
