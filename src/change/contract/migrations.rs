//! Data that a new version brings to another form: what the old version makes of it while both serve, and that a
//! rollback does not take it back. It is known of services that say so (`schema`).

use super::order::{Before, Ordered};
use super::{Both, Step};
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{EdgeKind, Graph, Promise, Served, ServiceView};
use crate::source::Span;
use crate::vocabulary::{RestartCondition, TargetId};

/// A service that brings its data to a newer form in this step.
#[derive(Clone, Copy)]
struct Migration<'a> {
    /// None where it is new, and those who come `after` it had the data before.
    old: Option<ServiceView<'a>>,
    new: ServiceView<'a>,
    /// The form it was in.
    was: u64,
    /// The versions whose programs live with the new one.
    is: Served,
}

impl Migration<'_> {
    /// Whether the version before can live with what this one leaves.
    fn can_go_back(&self) -> bool {
        self.is.has(self.was)
    }

    fn span(&self) -> Span {
        let schema = self.new.node.service.schema.as_ref();
        schema.map_or_else(|| self.new.span(), |schema| schema.span)
    }
}

/// The services for which there is no way back after this step, each with why.
pub(super) fn one_way<'a>(step: &Step<'a>) -> Vec<(&'a str, String)> {
    let migrations = migrations(step).into_iter();
    let ends = migrations.filter(|migration| !migration.can_go_back());
    let told = ends.map(|migration| {
        let Migration { new, was, is, .. } = &migration;
        let why = format!(
            "its data is of version {} then, and the version before knows {was}",
            is.version
        );
        (new.name(), why)
    });
    told.collect()
}

/// A step after which there is no way back.
pub(super) fn no_way_back(step: &Step<'_>, found: &mut Diagnostics) {
    for migration in migrations(step) {
        if !migration.can_go_back() {
            found.push(ends_the_way_back(&migration));
        }
    }
}

/// A version that serves on beside the data of the next one, and does not know it.
pub(super) fn old_meets_new(step: &Step<'_>, found: &mut Diagnostics) {
    let (Some(old), Some(new)) = (step.old, step.new) else {
        return;
    };
    for migration in migrations(step) {
        if migration.can_go_back() {
            continue;
        }
        let those_before = match migration.old {
            Some(owner) => users(old, owner),
            None => users_before(step, new, migration.new),
        };
        // Who is not there does not serve.
        let those_before = those_before.into_iter();
        for user in those_before.filter(|user| old.replicas(*user).most > 0) {
            let is = new.find(step.pairs.now(user.name()));
            if is.is_some_and(|is| matches!(new.promise(is), Promise::Capacity { .. })) {
                found.push(serves_on(&migration, user.name()));
            }
        }
    }
}

/// A version older than the data that it finds.
pub(super) fn older_than_data(step: &Step<'_>, found: &mut Diagnostics) {
    let Some(new) = step.new else {
        return;
    };
    for service in new.services() {
        let Some(both) = step.both(service.name()) else {
            continue;
        };
        let (left, knows) = (both.old.schema(), both.new.schema().version);
        if knows < left.version && !left.has(knows) {
            found.push(too_old(both, left, knows));
        }
    }
}

/// Who comes `after` a service that brings the data to a newer form waits for it.
pub(super) fn ordered<'a>(step: &Step<'a>) -> Vec<Ordered<'a>> {
    let pairs = waiting(step).into_iter();
    let ordered = pairs.map(|(migration, user)| {
        let is_new = step.both(user.name()).is_none();
        Ordered {
            before: Before {
                first: migration.new.name(),
                then: user.name(),
            },
            why: goes_first(step, &migration, user.name(), is_new),
        }
    });
    ordered.collect()
}

fn migrations<'a>(step: &Step<'a>) -> Vec<Migration<'a>> {
    let (Some(before), Some(after)) = (step.old, step.new) else {
        return Vec::new();
    };
    let services = after.services();
    let mut said = services
        .filter(|service| service.node.service.schema.is_some())
        .peekable();
    if said.peek().is_none() {
        return Vec::new();
    }
    // Of a program that runs on it is said alone which form its data has.
    let started = step.started();
    let said = said.filter(|service| started.contains(service.name()));
    let migrations = said.filter_map(|new| {
        let old = before.find(step.pairs.before(new.name()));
        // Nobody has data yet that is as new as all who use it.
        if old.is_none() && users_before(step, after, new).is_empty() {
            return None;
        }
        let was = old.map_or(UNSAID, |old| old.schema().version);
        let is = new.schema();
        (is.version > was).then_some(Migration { old, new, was, is })
    });
    migrations.collect()
}

/// The form of data of which nothing is said.
const UNSAID: u64 = 1;

/// Those that come `after` a new service and were there before it, as they were.
fn users_before<'a>(
    step: &Step<'a>,
    graph: &'a Graph,
    owner: ServiceView<'a>,
) -> Vec<ServiceView<'a>> {
    let users = users(graph, owner).into_iter().skip(1);
    let before = users.filter_map(|user| step.both(user.name()));
    before.map(|both| both.old).collect()
}

/// A service and those that come `after` it: they use its data.
fn users<'a>(graph: &'a Graph, owner: ServiceView<'a>) -> Vec<ServiceView<'a>> {
    let after = graph.edges_to(owner.id);
    let after = after.filter(|(edge, _)| edge.kind == EdgeKind::After);
    std::iter::once(owner)
        .chain(after.map(|(_, user)| user))
        .collect()
}

/// The services that start in this step, in the place of old ones or new, and come `after` one with a migration, each with that
/// one.
fn waiting<'a>(step: &Step<'a>) -> Vec<(Migration<'a>, ServiceView<'a>)> {
    let migrations = migrations(step);
    let Some(new) = step.new.filter(|_| !migrations.is_empty()) else {
        return Vec::new();
    };
    let started = step.started();
    let mut pairs = Vec::new();
    for migration in migrations {
        let users = users(new, migration.new);
        let waiting = users.into_iter().skip(1);
        let waiting = waiting.filter(|user| started.contains(user.name()));
        pairs.extend(waiting.map(|user| (migration, user)));
    }
    pairs
}

fn ends_the_way_back(migration: &Migration<'_>) -> Diagnostic {
    let Migration { new, was, is, .. } = migration;
    let name = new.name();
    Diagnostic::new(
        &catalogue::NO_WAY_BACK,
        format!(
            "there is no way back after this step: the data of `{name}` is of version {} then, and the version before \
             knows {was}",
            is.version
        ),
        migration.span(),
    )
    .note("an update that fails, and `rollback.sh`, start the version before all the same")
    .help(format!(
        "in two steps: have `{name}` write what both know, `schema {{ version = {}, since = {was} }}`, and take the old form \
         away later; or have a copy of the data that you can put back",
        is.version
    ))
    .about(name)
}

fn serves_on(migration: &Migration<'_>, user: &str) -> Diagnostic {
    let Migration { new, was, is, .. } = migration;
    let name = new.name();
    let whose = if user == name {
        "its data".to_owned()
    } else {
        format!("the data of `{name}`")
    };
    Diagnostic::new(
        &catalogue::OLD_MEETS_NEW_DATA,
        format!(
            "the old `{user}` serves until it is replaced, and {whose} may be of version {} by then: it knows {was}",
            is.version
        ),
        migration.span(),
    )
    .labelled(format!("programs of version {is} live with it"))
    .help(format!(
        "in two steps: first a version with `since = {was}`, whose data both know; or stop everything, \
         `allow downtime {{ because = \"…\" }}`"
    ))
    .about(user)
}

fn too_old(both: Both<'_>, left: Served, knows: u64) -> Diagnostic {
    let name = both.new.name();
    let schema = both.new.node.service.schema.as_ref();
    let span = schema.map_or_else(|| both.new.span(), |schema| schema.span);
    Diagnostic::new(
        &catalogue::OLDER_THAN_DATA,
        format!(
            "the data of `{name}` is of version {} already, and this version of it knows {knows}",
            left.version
        ),
        span,
    )
    .note(format!("a program lives with that data from version {} on", left.since))
    .help(format!(
        "deploy a version of `{name}` that knows it, or put the data back as well, from a copy of before"
    ))
    .about(name)
}

fn goes_first(step: &Step<'_>, migration: &Migration<'_>, user: &str, is_new: bool) -> Diagnostic {
    let Migration { new, was, is, .. } = migration;
    let name = new.name();
    let as_it_is = if is_new {
        String::new()
    } else {
        format!(" with `{user}` as it is")
    };
    let told = Diagnostic::new(
        &catalogue::MIGRATION_FIRST,
        format!(
            "`{name}` goes first: `{user}` comes `after` it, and its data goes from version {was} to {}",
            is.version
        ),
        migration.span(),
    )
    .help(format!("deploy `{name}`{as_it_is}, and `{user}` once that is done"))
    .about(user);
    let on = TargetId::Kubernetes;
    let is_there = step.new.is_some_and(|graph| graph.runs_on(*new, on));
    let is_there = is_there && step.targets().any(|target| target == on);
    if !is_there || !new.ends_by_itself(RestartCondition::Never) {
        return told;
    }
    told.note(format!(
        "on Kubernetes nobody knows when that is: a Deployment starts `{name}` again whenever it ended, and the scripts \
         there go on once it runs (ZD5067)"
    ))
}
