#![forbid(unsafe_code)]
//! zdc: a compiler for deployments that refuses to ship downtime.
//!
//! Text enters at the top and manifests leave at the bottom; nothing flows back up. [`compile`]
//! is the whole way: it reads and binds the modules ([`resolve`]), checks types, units and stages
//! ([`check`]), evaluates to plain values ([`eval`]), draws the graph ([`graph`]), looks for faults
//! in it ([`rules`]), lowers it to each target ([`targets`]), proves its promises there
//! ([`rollout`]), and only then renders files, with a certificate of it where one is asked for ([`certificate`]). Each phase gives its diagnostics beside its value.
//! A phase whose input has errors does not run, since what it would say could not be trusted.

// The generated parser names it: pest is used without `std`, whose one addition is a look at the
// stack on every call; `syntax` bounds nesting before pest runs.
extern crate alloc;

pub mod certificate;
pub mod change;
pub mod check;
pub mod cli;
pub mod diagnostics;
pub mod documentation;
pub mod eval;
pub mod fix;
pub mod graph;
pub mod models;
pub mod parallel;
pub mod provenance;
pub mod resolve;
pub mod rollout;
pub mod rules;
pub mod source;
pub mod syntax;
pub mod targets;
pub mod testing;
pub mod traces;
pub mod types;
pub mod vocabulary;
pub mod yaml;

use diagnostics::{Diagnostic, Diagnostics, Severity};
use source::{Sources, Str, World};
use std::collections::BTreeMap;
use targets::{Artifact, Object, Target};
use types::Date;
use vocabulary::TargetId;

/// What a build is asked for.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Values for the program's parameters and variables.
    pub inputs: eval::Inputs,
    /// The targets; the app's where it is empty.
    pub targets: Vec<TargetId>,
    /// The day to judge as of: what is accepted until an earlier one is not any more. Without it no
    /// `allow` ends, since no phase reads a clock.
    pub as_of: Option<Date>,
    /// Whether what was proved is wanted as numbers; it is where the program asks for a certificate.
    pub table: bool,
}

/// What a build gives.
#[derive(Debug, Default)]
pub struct Compilation {
    /// Every file that was read.
    pub sources: Sources,
    /// The program as it was read and checked, where it was without errors so far. No later phase reads
    /// it: it is kept for those who ask about the program, and since to free the many small pieces of a
    /// large one is work for nothing.
    pub checked: Option<check::Checked>,
    /// What was found, in the order of the source.
    pub diagnostics: Vec<Diagnostic>,
    /// The graph, where the program got that far.
    pub graph: Option<graph::Graph>,
    /// What was proved of each service on each target, where that was asked for and nothing failed.
    pub proofs: Vec<rollout::table::Proof>,
    /// What to write, by target and path, and what is about all of it; `None` where there is an error.
    pub artifacts: Option<Vec<Artifact>>,
}

/// Compiles a program: the file `main` of `world` and all it imports.
pub fn compile(world: &dyn World, main: &str, options: &Options) -> Compilation {
    let (checked, found) = read(world, main);
    if found.has_errors() {
        return stopped(checked.program.sources, found, None);
    }
    let evaluated = evaluated(world, &checked, found, options);
    let built = build(checked.program.sources.clone(), evaluated, options);
    Compilation {
        checked: Some(checked),
        ..built
    }
}

/// What does not depend on the inputs: the program read, its names bound, its types checked.
fn read(world: &dyn World, main: &str) -> (check::Checked, Diagnostics) {
    let (program, mut found) = resolve::resolve(world, main);
    let (checked, more) = check::check(program);
    found.extend(more);
    (checked, found)
}

/// What the inputs make of a program without errors so far.
fn evaluated(
    world: &dyn World,
    checked: &check::Checked,
    mut found: Diagnostics,
    options: &Options,
) -> (eval::Deployment, Diagnostics) {
    let (deployment, more) = eval::evaluate(world, checked, &options.inputs);
    found.extend(more);
    (deployment, found)
}

/// The rest of the way.
fn build(
    sources: Sources,
    (deployment, mut found): (eval::Deployment, Diagnostics),
    options: &Options,
) -> Compilation {
    if found.has_errors() {
        return stopped(sources, found, None);
    }
    let (graph, more) = graph::build(deployment);
    let graph = graph.judged_as_of(options.as_of);
    found.extend(more);
    if found.has_errors() {
        return stopped(sources, found, Some(graph));
    }
    // Of a part of the targets there is no certificate: it is about all.
    let certified = options.targets.is_empty() && certificate::is_wanted(&graph);
    let (mut artifacts, proofs, more) = manifests(&graph, options, options.table || certified);
    found.extend(more);
    if found.has_errors() {
        return stopped(sources, found, Some(graph));
    }
    if let Some(artifacts) = artifacts.as_mut().filter(|_| certified) {
        let certificate = certificate::certificate(&graph, &proofs, &sources, artifacts);
        artifacts.extend(certificate);
    }
    Compilation {
        sources,
        checked: None,
        diagnostics: found.into_sorted(),
        graph: Some(graph),
        proofs,
        artifacts,
    }
}

/// Judges the graph, lowers it to each target, proves it there and renders what was proved.
/// `None` where something was not proved; a waiver may still accept what the rules found.
fn manifests(
    graph: &graph::Graph,
    options: &Options,
    table: bool,
) -> (
    Option<Vec<Artifact>>,
    Vec<rollout::table::Proof>,
    Diagnostics,
) {
    let mut artifacts = Some(Vec::new());
    let mut proofs = Vec::new();
    let found = judge(graph, options, table, |_, plan, proof| {
        artifacts = artifacts.take().zip(proof).map(|(mut artifacts, proof)| {
            proofs.extend_from_slice(proof.proofs());
            artifacts.extend(plan.emit(&proof));
            artifacts
        });
    });
    (artifacts, proofs, found)
}

/// Judges the graph, and gives each target's plan with its proof.
fn judge<'g>(
    graph: &'g graph::Graph,
    options: &Options,
    table: bool,
    mut each: impl FnMut(TargetId, Box<dyn targets::Plan>, Option<rollout::Verified<'g>>),
) -> Diagnostics {
    let mut waivers = rules::Waivers::of(graph);
    let mut found = waivers.apply(rules::check(graph));
    for target in wanted(graph, options) {
        let lowered = target.lower(graph);
        found.extend(waivers.apply(lowered.diagnostics));
        let (proof, more) = rollout::verify(graph, target.id(), &mut waivers, table);
        found.extend(more);
        each(target.id(), lowered.plan, proof);
    }
    // With some targets left out, what an `allow` is for may not have been looked for.
    if options.targets.is_empty() {
        found.extend(waivers.unused());
    }
    found
}

/// The targets that a program is written for, or those of them that were asked for.
fn wanted(graph: &graph::Graph, options: &Options) -> Vec<&'static dyn Target> {
    let wanted = if options.targets.is_empty() {
        graph.targets()
    } else {
        options.targets.clone()
    };
    let all = targets::ALL.iter().copied();
    all.filter(|target| wanted.contains(&target.id())).collect()
}

/// The smallest edits of policy with which the failed proofs of a program pass, and why the others have none. Searched
/// only where something failed that is at least as bad as `least`; each edit was judged for all targets of the program.
pub fn repairs(
    world: &dyn World,
    main: &str,
    options: &Options,
    compilation: &Compilation,
    least: Severity,
) -> fix::Repairs {
    let (Some(checked), Some(graph)) = (&compilation.checked, &compilation.graph) else {
        return fix::beyond_policy(&compilation.diagnostics);
    };
    if !fix::is_wanted(&compilation.diagnostics, least) {
        return fix::beyond_policy(&compilation.diagnostics);
    }
    let case = fix::Case {
        world,
        program: &checked.program,
        diagnostics: &compilation.diagnostics,
    };
    // An edit for one target must not harm another.
    let mut options = options.clone();
    if !options.targets.is_empty() {
        options.targets.extend(graph.targets());
        options.targets.sort_unstable();
        options.targets.dedup();
        if options.targets == graph.targets() {
            options.targets.clear();
        }
    }
    fix::repairs(&case, &mut |world| judged(world, main, &options))
}

/// A program with the smallest edits made.
#[derive(Debug)]
pub struct Mended {
    /// The files that are otherwise, by path.
    pub texts: BTreeMap<Str, Str>,
    /// What was edited, in words.
    pub titles: Vec<String>,
    /// The program as it is then.
    pub compilation: Compilation,
    /// Why nothing mends what is left, by the index of its diagnostic.
    pub left: Vec<(usize, String)>,
}

/// An edit may show what another one hid; more often than this none does.
const MOST_ROUNDS: usize = 8;

/// Makes the smallest edits in memory, until there are none left to make. `compilation` is of the program as it is.
pub fn mend(world: &dyn World, main: &str, options: &Options, compilation: Compilation) -> Mended {
    let mut mended = Mended {
        texts: BTreeMap::new(),
        titles: Vec::new(),
        compilation,
        left: Vec::new(),
    };
    for _ in 0..MOST_ROUNDS {
        let edited = fix::Edited {
            world,
            texts: &mended.texts,
        };
        let now = &mended.compilation;
        let repairs = repairs(&edited, main, options, now, Severity::Warning);
        mended.left = repairs.left;
        if repairs.edits.is_empty() {
            break;
        }
        mended.titles.extend(repairs.titles);
        let texts = fix::edited(&now.sources, &repairs.edits);
        mended.texts.extend(texts);
        let edited = fix::Edited {
            world,
            texts: &mended.texts,
        };
        mended.compilation = compile(&edited, main, options);
    }
    mended
}

/// Judges a program and renders nothing.
fn judged(world: &dyn World, main: &str, options: &Options) -> fix::Judged {
    let (checked, found) = read(world, main);
    let stopped = |found: Diagnostics| fix::Judged {
        diagnostics: found.into_sorted(),
        graph: None,
    };
    if found.has_errors() {
        return stopped(found);
    }
    let (deployment, mut found) = evaluated(world, &checked, found, options);
    if found.has_errors() {
        return stopped(found);
    }
    let (graph, more) = graph::build(deployment);
    let graph = graph.judged_as_of(options.as_of);
    found.extend(more);
    if found.has_errors() {
        return stopped(found);
    }
    found.extend(judge(&graph, options, false, |_, _, _| {}));
    fix::Judged {
        diagnostics: found.into_sorted(),
        graph: Some(graph),
    }
}

/// A revision of a program, to be compared with another: what its targets will be asked for, proved
/// or not, since what runs today may keep no promise.
#[derive(Debug, Default)]
pub struct Inspection {
    /// Every file that was read.
    pub sources: Sources,
    /// The program as it was read and checked, kept for the reason that [`Compilation::checked`] is.
    pub checked: Option<check::Checked>,
    /// What was found, in the order of the source.
    pub diagnostics: Vec<Diagnostic>,
    /// The graph, where all that the program names is there.
    pub graph: Option<graph::Graph>,
    /// What each target will be asked for; none without a graph.
    pub objects: Vec<(TargetId, Vec<Object>)>,
}

impl Inspection {
    /// As one of the two sides of a change.
    pub fn revision(&self) -> change::Revision<'_> {
        change::Revision {
            graph: self.graph.as_ref(),
            objects: &self.objects,
        }
    }
}

/// Compiles a program as [`compile`] does, and gives what its targets will be asked for instead of
/// files.
pub fn inspect(world: &dyn World, main: &str, options: &Options) -> Inspection {
    inspected(world, main, options, |graph| {
        let mut objects = Vec::new();
        let found = judge(graph, options, false, |target, plan, _| {
            objects.push((target, plan.objects()));
        });
        (objects, found)
    })
}

/// What the targets were asked for by a program that is deployed already, whatever it promises: it is neither judged nor
/// proved.
pub fn inspect_deployed(world: &dyn World, main: &str, options: &Options) -> Inspection {
    inspected(world, main, options, |graph| {
        let asked = |target: &&dyn Target| (target.id(), target.lower(graph).plan.objects());
        let objects = wanted(graph, options).iter().map(asked).collect();
        (objects, Diagnostics::default())
    })
}

/// What each target is asked for, and what is wrong with it.
type Asked = (Vec<(TargetId, Vec<Object>)>, Diagnostics);

fn inspected(
    world: &dyn World,
    main: &str,
    options: &Options,
    asked: impl FnOnce(&graph::Graph) -> Asked,
) -> Inspection {
    let (checked, found) = read(world, main);
    let mut inspection = Inspection {
        sources: checked.program.sources.clone(),
        ..Inspection::default()
    };
    let mut all = found;
    if !all.has_errors() {
        let (deployment, found) = evaluated(world, &checked, all, options);
        all = found;
        if !all.has_errors() {
            let (graph, found) = graph::build(deployment);
            let graph = graph.judged_as_of(options.as_of);
            let fits = !found.has_errors();
            all.extend(found);
            if fits {
                let (objects, found) = asked(&graph);
                inspection.objects = objects;
                inspection.graph = Some(graph);
                all.extend(found);
            }
        }
    }
    inspection.diagnostics = all.into_sorted();
    inspection.checked = Some(checked);
    inspection
}

fn stopped(sources: Sources, found: Diagnostics, graph: Option<graph::Graph>) -> Compilation {
    Compilation {
        sources,
        checked: None,
        diagnostics: found.into_sorted(),
        graph,
        proofs: Vec::new(),
        artifacts: None,
    }
}
