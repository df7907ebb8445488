//! Which names a route that is written no more is asked for at a Gateway that changes: it is attached to the listener that it names, and where it
//! names none, "this will reference the entire resource" (gateway-api.sigs.k8s.io/reference/spec, `ParentReference`, sectionName).

use crate::change::contract::Both;
use crate::graph::routing::{self, VirtualHost};
use crate::targets::kubernetes::sections::{self, Section};
use std::collections::BTreeSet;

/// Whether the route of the old gateway for some host names is asked for one of them by the listeners of the new Gateway.
pub(super) fn is_asked(both: Both<'_>, (host, name): (&VirtualHost<'_>, &str)) -> Option<bool> {
    let gateways = [both.old, both.new].map(|it| it.node.gateway.as_deref());
    let [was, is] = gateways;
    let (were, are) = (sections::of(was?), sections::of(is?));
    let named: BTreeSet<&str> = sections::asking(&were, host)
        .map(|section| &*section.name)
        .collect();
    let is_attached = |section: &Section| match &*were {
        // It names the Gateway alone.
        [_] => true,
        _ => named.contains(&*section.name),
    };
    let fits = |section: &Section| section.host.as_deref().map_or(0, routing::closeness);
    let has_it =
        host.hosts.iter().any(|own| own == name) || host.hosts.is_empty() && name.is_empty();
    let here = || are.iter().filter(|it| it.is_for(name));
    // Of the listeners of one port the closest is asked.
    let is_closest = |section: &Section| {
        let mut others = here().filter(|it| it.port == section.port);
        others.all(|other| fits(other) <= fits(section))
    };
    let mut asked = here().filter(|it| !it.redirects && is_closest(it));
    Some(has_it && asked.any(is_attached))
}
