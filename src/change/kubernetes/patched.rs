//! What a program changes by a patch of its objects alone: who asks for whom, where data is and what is answered outside stand in its services,
//! which say nothing of it. So such a change is judged as one of manifests is.

use crate::change::{Change, Pair};
use crate::graph::ServiceView;
use crate::vocabulary::TargetId;

/// Says what `judge` says of objects that a patch of either program changes.
pub(super) fn tell(pair: &Pair<'_>, changes: &mut [Change], judge: impl FnOnce(&mut [Change])) {
    let patched: Vec<bool> = changes.iter().map(|it| is_patched(pair, it)).collect();
    // Most programs patch nothing.
    if !patched.contains(&true) {
        return;
    }
    let mut judged = changes.to_vec();
    judge(&mut judged);
    for ((change, judged), is_patched) in changes.iter_mut().zip(judged).zip(patched) {
        let told = judged.losses.into_iter().filter(|_| is_patched);
        for loss in told {
            if !change.losses.contains(&loss) {
                change.losses.push(loss);
            }
        }
    }
}

/// Whether something changes that a patch of either program writes, be it within that or around it.
fn is_patched(pair: &Pair<'_>, change: &Change) -> bool {
    let Some(name) = change.service.as_deref() else {
        return false;
    };
    let graphs = [pair.old_graph, pair.new_graph].into_iter().flatten();
    let services: Vec<ServiceView<'_>> = graphs.filter_map(|it| it.find(name)).collect();
    let kind = change.kind.to_ascii_lowercase();
    let patches = services.iter().flat_map(|it| &it.node.service.body.on);
    let patches = patches.filter(|on| on.label.name() == TargetId::Kubernetes.word());
    let patches = patches.flat_map(|on| &on.patch);
    let patches = patches.filter(|it| it.label.name().replace('_', "") == kind);
    let mut written = patches.flat_map(|it| &it.entries);
    written.any(|entry| {
        let written = steps(&entry.key);
        let mut fields = change.fields.iter().map(|it| steps(&it.path));
        fields.any(|it| it.starts_with(&written) || written.starts_with(&it))
    })
}

/// A path without the items of lists, which a patch counts and a change names.
fn steps(path: &str) -> Vec<&str> {
    let steps = path.split('.');
    let steps = steps.map(|it| it.split_once('[').map_or(it, |(step, _)| step));
    steps.collect()
}
