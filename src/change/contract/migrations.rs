//! Data that a new version brings to another form: what the old version makes of it while both serve, and that a
//! rollback does not take it back. It is known of services that say so (`schema`).

use super::order::Ordered;
use super::{Before, Both, Step};
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{EdgeKind, Graph, Promise, Served, ServiceView};
use crate::source::Span;
use std::collections::BTreeSet;

/// A service that brings its data to a newer form in this step.
#[derive(Clone, Copy)]
struct Migration<'a> {
    both: Both<'a>,
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
        let schema = self.both.new.node.service.schema.as_ref();
        schema.map_or_else(|| self.both.new.span(), |schema| schema.span)
    }
}

/// The services for which there is no way back after this step, each with why.
pub(super) fn one_way<'a>(step: &Step<'a>) -> Vec<(&'a str, String)> {
    let migrations = migrations(step).into_iter();
    let ends = migrations.filter(|migration| !migration.can_go_back());
    let told = ends.map(|migration| {
        let Migration { both, was, is } = &migration;
        let why = format!(
            "its data is of version {} then, and the version before knows {was}",
            is.version
        );
        (both.new.name(), why)
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
        for user in users(old, migration.both.old) {
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
    let ordered = pairs.map(|(migration, user)| Ordered {
        pair: (user.name(), migration.both.new.name()),
        why: goes_first(&migration, user),
    });
    ordered.collect()
}

/// Which of the services has to be deployed before which.
pub(super) fn order<'a>(step: &Step<'a>) -> Vec<Before<'a>> {
    let pairs = waiting(step).into_iter();
    let before = pairs.map(|(migration, user)| Before {
        first: migration.both.new.name(),
        then: user.name(),
    });
    before.collect()
}

fn migrations<'a>(step: &Step<'a>) -> Vec<Migration<'a>> {
    let services = step.new.into_iter().flat_map(Graph::services);
    let said = services.filter(|service| service.node.service.schema.is_some());
    let migrations = said.filter_map(|service| {
        let both = step.both(service.name())?;
        let (was, is) = (both.old.schema().version, both.new.schema());
        (is.version > was).then_some(Migration { both, was, is })
    });
    migrations.collect()
}

/// A service and those that come `after` it: they use its data.
fn users<'a>(graph: &'a Graph, owner: ServiceView<'a>) -> Vec<ServiceView<'a>> {
    let after = graph.edges_to(owner.id);
    let after = after.filter(|(edge, _)| edge.kind == EdgeKind::After);
    std::iter::once(owner)
        .chain(after.map(|(_, user)| user))
        .collect()
}

/// The services that are replaced in this step and come `after` one with a migration, each with that one.
fn waiting<'a>(step: &Step<'a>) -> Vec<(Migration<'a>, ServiceView<'a>)> {
    let migrations = migrations(step);
    let Some(new) = step.new.filter(|_| !migrations.is_empty()) else {
        return Vec::new();
    };
    let targets = step.targets();
    let replaced: BTreeSet<&str> = targets.flat_map(|target| step.rolling(target)).collect();
    let mut pairs = Vec::new();
    for migration in migrations {
        let users = users(new, migration.both.new);
        let waiting = users.into_iter().skip(1);
        let waiting = waiting.filter(|user| replaced.contains(user.name()));
        pairs.extend(waiting.map(|user| (migration, user)));
    }
    pairs
}

fn ends_the_way_back(migration: &Migration<'_>) -> Diagnostic {
    let Migration { both, was, is } = migration;
    let name = both.new.name();
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
    let Migration { both, was, is } = migration;
    let name = both.new.name();
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

fn goes_first(migration: &Migration<'_>, user: ServiceView<'_>) -> Diagnostic {
    let Migration { both, was, is } = migration;
    let (name, user) = (both.new.name(), user.name());
    Diagnostic::new(
        &catalogue::MIGRATION_FIRST,
        format!(
            "`{name}` goes first: `{user}` comes `after` it, and its data goes from version {was} to {}",
            is.version
        ),
        migration.span(),
    )
    .help(format!("deploy `{name}` with `{user}` as it is, and `{user}` once that is done"))
    .about(user)
}
