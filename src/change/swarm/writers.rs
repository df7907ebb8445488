//! Services of stack files that are made beside one that runs on, and that write to what it writes to. Between two programs `contract`
//! says it, which knows how many writers a volume takes.

use super::nodes;
use super::service::{self, Service};
use super::stack::Stack;
use super::view;
use crate::change::{Change, Effect, Loss, Lost, Pair, images};
use crate::rollout::derivation;
use std::path::Path;

/// Where databases have data that one process may open (`hub.docker.com/_/postgres`, `/mysql`, `/mariadb`, `/mongo`, and Bitnami's). Their
/// locks are of little help: the number in `postmaster.pid` means another process in each container.
const OF_ONE_WRITER: [&str; 7] = [
    "/var/lib/postgresql",
    "/var/lib/mysql",
    "/data/db",
    "/bitnami/postgresql",
    "/bitnami/mysql",
    "/bitnami/mariadb",
    "/bitnami/mongodb",
];

/// Where others have theirs that mostly one process may open (`hub.docker.com/_/rabbitmq`, `/r/grafana/grafana`, `/r/prom/prometheus`,
/// `/_/elasticsearch`, `/r/clickhouse/clickhouse-server`, `/_/influxdb`).
const MOSTLY_OF_ONE_WRITER: [&str; 7] = [
    "/var/lib/rabbitmq",
    "/prometheus",
    "/usr/share/elasticsearch/data",
    "/usr/share/opensearch/data",
    "/var/lib/clickhouse",
    "/var/lib/influxdb",
    "/bitnami/redis",
];

/// Whether a database has its data at a path that one process may open.
pub(in crate::change) fn takes_one(path: &str) -> bool {
    let mut paths = OF_ONE_WRITER.iter();
    paths.any(|it| Path::new(path).starts_with(it))
}

/// Whether what is at a path of an image takes one writer as a rule.
pub(in crate::change) fn mostly_takes_one(image: &str, path: &str) -> bool {
    let mut paths = MOSTLY_OF_ONE_WRITER.iter();
    // `hub.docker.com/_/redis`: its data is in `/data`, as that of many others.
    let name = images::name(image);
    let is_redis = || matches!(name, "redis" | "valkey") || name.starts_with("redis-stack");
    // What is below it is mostly provisioned.
    let is_grafana = Path::new(path) == Path::new("/var/lib/grafana");
    paths.any(|it| Path::new(path).starts_with(it)) || is_grafana || path == "/data" && is_redis()
}

/// Says it of what is new or has another name.
pub(super) fn beside(
    pair: &Pair<'_>,
    old: &[Stack<'_>],
    new: &[Stack<'_>],
    changes: &mut [Change],
) {
    let is_made = |it: &Change| matches!(it.effect, Effect::Created | Effect::Renamed);
    let is_service = |it: &Change| it.kind == "service";
    if !changes.iter().any(|it| is_service(it) && is_made(it)) {
        return;
    }
    let (before, after) = (service::all(old), service::all(new));
    let left = before.iter().filter(|(name, was)| {
        let is_gone = !after.contains_key(*name);
        is_gone && !was.is_off()
    });
    let left: Vec<(&String, &Service<'_>)> = left.collect();
    for change in changes
        .iter_mut()
        .filter(|it| is_service(it) && is_made(it))
    {
        let Some(is) = after.get(&change.name).filter(|is| !is.is_off()) else {
            continue;
        };
        let renamed = change.was.as_ref().map(|was| was.name.clone());
        let others = left
            .iter()
            .filter(|(name, _)| renamed.as_ref().is_none_or(|was| was == *name));
        let found = others.copied().find_map(|(name, was)| {
            let (volume, surely) = shared(pair, was, is, renamed.is_some())?;
            Some(loss(&change.name, (name, was), &volume, surely))
        });
        change.losses.extend(found);
    }
}

/// What both write to, and whether it is known that it takes one writer. What two tasks of the old one wrote to takes more; of what is no
/// other name for the same nothing is known.
fn shared(
    pair: &Pair<'_>,
    was: &Service<'_>,
    is: &Service<'_>,
    is_renamed: bool,
) -> Option<(String, bool)> {
    let before = was.written();
    // On different nodes each has its own.
    if before.is_empty() || nodes::are_apart(was, is) {
        return None;
    }
    let both = is.written().into_iter().filter(|now| {
        let mut before = before.iter();
        before.any(|it| it.from == now.from && it.path == now.path)
    });
    let both: Vec<_> = both.collect();
    let known = [(pair.old_graph, was), (pair.new_graph, is)];
    let known = known.into_iter().find_map(|(graph, of)| {
        let graph = graph?;
        let view = view(Some(graph), of.stack, &of.object.name)?;
        Some(derivation::has_single_writer(graph, view))
    });
    if known == Some(false) {
        return None;
    }
    let mut all = both.iter();
    let sure = all.find(|it| takes_one(&it.path) || known == Some(true) && it.is_of_node);
    if let Some(sure) = sure {
        return Some((sure.from.clone(), true));
    }
    let is_alone = !was.is_global() && was.replicas() == Some(1) && !was.starts_first();
    let perhaps = both.iter().find(|it| it.is_of_node)?;
    (is_renamed && is_alone && known.is_none()).then(|| (perhaps.from.clone(), false))
}

fn loss(name: &str, (was, old): (&str, &Service<'_>), volume: &str, surely: bool) -> Loss {
    let stop = if old.is_global() {
        format!(
            "remove the old one first, `docker service rm {was}`, with which it is down until the new one serves"
        )
    } else {
        format!(
            "stop the old one first, `docker service scale {was}=0`, with which it is down until the new one serves, and \
             `docker service rm {was}` then"
        )
    };
    let (takes, where_one) = if surely {
        (", which takes one writer", "")
    } else {
        ("", ", where that takes one writer,")
    };
    Loss {
        about: Lost::Writers { surely },
        what: format!(
            "`{name}` is made beside `{was}`, which runs on, and both write to `{volume}`{takes}"
        ),
        way: format!("keep the name that it has; or{where_one} {stop}"),
    }
}
