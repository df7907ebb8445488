//! What a service's image is built from, and when it is pulled instead.

use super::format::Build;
use crate::targets::docker::{Lowering, Place, escaped, host_path};
use crate::vocabulary::{Pull, TargetId};

/// The `build` section and the pull policy. What can be built is built, though `image` names it:
/// without a policy docker compose would ask the registry first (compose-spec `build.md`, "Using
/// `build` and `image`").
pub(super) fn lower(lowering: &mut Lowering<'_, '_>) -> (Option<Build>, Option<&'static str>) {
    let body = &lowering.service.node.service.body;
    let build = section(lowering);
    let pull = lowering.ledger.take_from(body.pull.as_ref());
    let policy = match pull {
        Some(Pull::Always) => Some("always"),
        Some(Pull::IfNotPresent) => Some("missing"),
        Some(Pull::Never) => Some("never"),
        None => build.is_some().then_some("build"),
    };
    (build, policy)
}

fn section(lowering: &mut Lowering<'_, '_>) -> Option<Build> {
    let node = lowering.service.node.service.body.build.as_ref()?;
    let build = lowering.ledger.enter(node);
    let context = lowering.ledger.take_from(build.context.as_ref());
    let context = context.map_or(".", |context| context);
    let file = lowering.ledger.take_from(build.dockerfile.as_ref());
    let stage = lowering.ledger.take_from(build.target.as_ref());
    let arguments = build.args.as_ref().map(|args| lowering.ledger.enter(args));
    let arguments = arguments.iter().flat_map(|arguments| &arguments.entries);
    let argument = |entry| {
        let (key, value) = lowering.ledger.take_entry(entry);
        let value = lowering.value(value, Place::Field, entry.attribute.span);
        (key.to_owned(), value)
    };
    Some(Build {
        args: arguments.map(argument).collect(),
        context: host_path(TargetId::Compose, &escaped(context)),
        dockerfile: file.map(|file| escaped(file)),
        target: stage.map(|stage| escaped(stage)),
    })
}
