//! `deploy.sh` and `rollback.sh`: fixed scripts that read the list of files, and behind each how long this program's pods may
//! take.

use super::lowering::Lowering;
use crate::graph::ServiceView;
use crate::rollout::derivation::kubernetes;
use crate::targets::shell::quoted;

/// Both, each with its name: the way there, and the way back.
pub(super) const BOTH: [(&str, &str); 2] = [
    (
        "deploy.sh",
        concat!(
            include_str!("script/deploy.sh"),
            include_str!("script/secrets.sh"),
            include_str!("script/revisions.sh"),
            include_str!("script/common.sh")
        ),
    ),
    (
        "rollback.sh",
        concat!(
            include_str!("script/rollback.sh"),
            include_str!("script/revisions.sh"),
            include_str!("script/common.sh")
        ),
    ),
];

/// What each ends in.
pub(super) const END: &str = "\nmain \"$@\"\n";

/// How long a pod of each workload may take, where no controller says so: of what has a deadline of its own nothing.
pub(super) fn told(lowering: &Lowering<'_>, services: &[ServiceView<'_>]) -> String {
    let mut told = "\n# How many seconds a pod of this workload may take to give way to one that counts: its end, the longest start,\n\
        # `minReadySeconds`, and ten minutes to be placed and pulled.\nturn_of() {\n  case $1 in\n"
        .to_owned();
    for &service in services {
        let kind = if lowering.graph.is_global(service) {
            "daemonset"
        } else if lowering.is_stateful(service) {
            "statefulset"
        } else {
            continue;
        };
        let workload = quoted(&format!("{kind}.apps/{}", lowering.name(service)));
        let turn = kubernetes::turn(lowering.graph, service).to_string();
        told.extend(["    ", &*workload, ") echo ", &turn, " ;;\n"]);
    }
    told + "    *) echo 600 ;;\n  esac\n}\n"
}
