//! Evaluation in shares, of a program of many resources.
//!
//! Every thread has an evaluator of its own, which expands the whole program and evaluates some of
//! its resources. None knows what another has found, so that where one has something to say the
//! program is evaluated once more, by one.

use super::evaluator::Evaluator;
use super::{Deployment, Inputs};
use crate::parallel;
use crate::source::{LoadError, Str, World};
use crate::vocabulary::Written;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// About how many bytes of memory stay of a resource.
const ROOM: usize = 6 * 1024;

/// What the resources of an expanded program are, evaluated in so many shares; `None` where it has to
/// be done by one. The evaluator is not to be used for it then.
pub(super) fn decode(
    evaluator: &mut Evaluator<'_>,
    inputs: &Inputs,
    shares: usize,
) -> Option<Deployment> {
    let (world, checked) = (evaluator.world, evaluator.checked);
    let count = evaluator.resources.len();
    let range = |share: usize| count * share / shares..count * (share + 1) / shares;
    let (own, others) = parallel::beside(
        shares - 1,
        |other| range(other + 1).len() * ROOM,
        || share(evaluator, 0, range(0)),
        |other| {
            let mut evaluator = Evaluator::new(world, checked);
            evaluator.take(inputs);
            evaluator.expand();
            let deployment = share(&mut evaluator, other + 1, range(other + 1))?;
            Some((deployment, evaluator.budget))
        },
    );
    let (mut deployment, others) = (own?, others.into_iter().collect::<Option<Vec<_>>>()?);
    let spent = others.iter().map(|(_, budget)| budget);
    if !evaluator.budget.lasts_for(spent) {
        return None;
    }
    deployment.services.reserve_exact(
        others
            .iter()
            .map(|(more, _)| more.services.len())
            .sum::<usize>(),
    );
    for (more, _) in others {
        join(&mut deployment, more);
    }
    Some(deployment)
}

/// Some of the resources; `None` where there is something to say of them.
fn share(evaluator: &mut Evaluator<'_>, index: usize, range: Range<usize>) -> Option<Deployment> {
    let mut deployment = Deployment {
        written: Written::share(index, range.start),
        ..Deployment::default()
    };
    evaluator.decode(range, &mut deployment, |_, _| true);
    evaluator.is_content().then_some(deployment)
}

/// The resources of one deployment and then those of another.
fn join(deployment: &mut Deployment, next: Deployment) {
    deployment.app = deployment.app.take().or(next.app);
    deployment.settings.extend(next.settings);
    deployment.networks.extend(next.networks);
    deployment.volumes.extend(next.volumes);
    deployment.configs.extend(next.configs);
    deployment.secrets.extend(next.secrets);
    deployment.services.extend(next.services);
    deployment.written.join(next.written);
}

/// A world of which each file is read once, so that all shares see the same.
pub(super) struct ReadOnce<'w> {
    world: &'w dyn World,
    files: Mutex<BTreeMap<String, Result<Str, LoadError>>>,
}

impl<'w> ReadOnce<'w> {
    pub(super) fn new(world: &'w dyn World) -> Self {
        Self {
            world,
            files: Mutex::default(),
        }
    }
}

impl World for ReadOnce<'_> {
    fn load(&self, path: &str) -> Result<Str, LoadError> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = files.get(path) {
            return known.clone();
        }
        let text = self.world.load(path);
        files.insert(path.to_owned(), text.clone());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::super::evaluate_with;
    use super::*;
    use crate::check::{self, Checked};
    use crate::diagnostics::Diagnostics;
    use crate::resolve;
    use crate::source::MemoryWorld;
    use crate::vocabulary::WrittenEntry;
    use std::collections::BTreeSet;
    use std::fmt::Write as _;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Services of a template, a gateway in the middle of them, a component, a loop, a file.
    fn many() -> String {
        let mut text = String::from(
            "app fleet { targets = [kubernetes] }\nparam tier: string = \"a\"\nlet motd = file(\"motd\")\n\
             network back {}\nconfig site { data { color = \"red\" } }\n\
             template web {\n  image = \"example/web:1.0.0\"\n  port http { number = 8080 }\n  join back\n  \
             env { COLOR = site.color, TIER = tier, MOTD = motd }\n}\n\
             component pair(n: int) { service one { use web, replicas = n }, service two { use web } }\n",
        );
        for number in 0..40 {
            let _ = writeln!(
                text,
                "service web-{number} {{ use web, env {{ PEER = web-0.http.url }} }}"
            );
        }
        text.push_str(
            "gateway edge { listen http { port = 80 }, route \"/\" { to = web-3.http } }\n",
        );
        text.push_str(
            "use pair(3) as both\nfor n in 1..40 { service \"more-${n}\" { use web } }\n",
        );
        text
    }

    /// Counts how often a file is read.
    struct Counting(MemoryWorld, AtomicUsize);

    impl World for Counting {
        fn load(&self, path: &str) -> Result<Str, LoadError> {
            if path == "motd" {
                self.1.fetch_add(1, Ordering::Relaxed);
            }
            self.0.load(path)
        }
    }

    fn world(text: &str) -> Counting {
        let world = MemoryWorld::single("app.zd", text).with("motd", "hello");
        Counting(world, AtomicUsize::new(0))
    }

    fn checked(world: &dyn World) -> Checked {
        let (program, found) = resolve::resolve(world, "app.zd");
        assert!(found.is_empty(), "{found:#?}");
        let (checked, found) = check::check(program);
        assert!(found.is_empty(), "{found:#?}");
        checked
    }

    fn both(text: &str) -> [(Deployment, Diagnostics); 2] {
        let world = world(text);
        let checked = checked(&world);
        [usize::MAX, 10].map(|least| evaluate_with(&world, &checked, &Inputs::default(), least))
    }

    /// A deployment as text, without what names its properties in the ledger.
    fn shown(deployment: &Deployment) -> String {
        let whole = format!("{deployment:?}");
        let mut parts = whole.split("WrittenId(");
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            text.push_str(part.split_once(')').map_or(part, |(_, rest)| rest));
        }
        text.split("written: Written")
            .next()
            .unwrap_or_default()
            .to_owned()
    }

    #[test]
    fn shares_are_joined_as_if_there_were_one() {
        let [(whole, none), (shared, nothing)] = both(&many());
        assert!(
            none.is_empty() && nothing.is_empty(),
            "{none:#?} {nothing:#?}"
        );
        assert_eq!(whole.services.len(), 83);
        assert_eq!(shown(&shared), shown(&whole));
        // What services share is written once a share.
        let written = |deployment: &Deployment| -> BTreeSet<_> {
            let entries = deployment.written.iter();
            let property = |entry: &WrittenEntry| (entry.property.block, entry.property.member);
            entries
                .map(|(_, entry)| (property(entry), entry.span))
                .collect()
        };
        assert!(written(&shared) == written(&whole));
        for service in &shared.services {
            let entry = shared.written.get(service.service.id);
            assert_eq!(entry.map(|entry| entry.span), Some(service.service.span));
        }
        let ids: Vec<_> = shared.written.iter().map(|(id, _)| id).collect();
        assert!(ids.is_sorted());
        let scopes: Vec<_> = shared
            .written
            .iter()
            .map(|(_, entry)| entry.scope)
            .collect();
        assert!(scopes.is_sorted());
    }

    #[test]
    fn what_a_template_has_is_decoded_once() {
        let [(whole, _), _] = both(&many());
        let bodies = || whole.services.iter().map(|service| &service.service.body);
        let ports = || bodies().filter_map(|body| body.port.first());
        let first = ports().next().unwrap();
        assert!(ports().count() > 80 && ports().all(|port| Arc::ptr_eq(port, first)));
        // A body that says something of its own in a block has its own.
        let own = bodies().filter_map(|body| body.env.as_ref());
        assert!(own.clone().any(|env| env.entries.len() > 3));
        let ids: BTreeSet<_> = own.map(|env| env.id).collect();
        assert!(ids.len() > 40);
    }

    #[test]
    fn faults_are_told_as_by_one() {
        let mut text = many();
        text.push_str("let zero = 0\nservice late { use web, replicas = 4 / zero }\n");
        text.push_str("assert length(\"abc\") == 4, \"never\"\n");
        let [(_, whole), (_, shared)] = both(&text);
        assert!(whole.has_errors());
        assert_eq!(shared.into_sorted(), whole.into_sorted());
    }

    #[test]
    fn a_file_is_read_once() {
        let world = world(&many());
        let checked = checked(&world);
        let (_, found) = evaluate_with(&world, &checked, &Inputs::default(), 10);
        assert!(found.is_empty(), "{found:#?}");
        assert_eq!(world.1.load(Ordering::Relaxed), 1);
    }
}
