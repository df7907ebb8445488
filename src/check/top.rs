//! The top level of every file: resources, loops and conditions over them, and the one `app`.

use super::Checker;
use super::body::misplaced;
use super::mismatch::and_list;
use super::place::{TOP, Upstreams, places};
use super::test::Tests;
use crate::diagnostics::catalogue::{
    DUPLICATE_ATTRIBUTE, MISPLACED_ITEM, MISSING_APP, SECOND_APP, UNKNOWN_ATTRIBUTE,
};
use crate::diagnostics::{Diagnostic, nearest};
use crate::parallel;
use crate::source::{FileId, Span, Str};
use crate::syntax::KEYWORDS;
use crate::syntax::ast::{Block, Item};

/// What is seen once in a program.
#[derive(Default)]
pub(super) struct Once {
    app: Option<Span>,
    targets: Vec<(Str, Span)>,
    tests: Tests,
}

/// A thread more pays where each gets so many services.
const LEAST_SERVICES: usize = 250;

/// A service of the top level.
fn service(item: &Item) -> Option<&Block> {
    match item {
        Item::Block(block) if &*block.kind.text == "service" => Some(block),
        _ => None,
    }
}

impl Checker<'_> {
    /// Everything but the items that declare a name.
    pub(super) fn program(&mut self) {
        let program = self.program;
        let mut once = Once::default();
        for (file, module) in (0..).map(FileId).zip(&program.modules) {
            self.file = file;
            let services: Vec<&Block> = module.file.items.iter().filter_map(service).collect();
            let shared = parallel::threads(services.len(), LEAST_SERVICES) > 1;
            for item in &module.file.items {
                if !(shared && service(item).is_some()) {
                    self.top_item(item, true, &mut once);
                }
            }
            if shared {
                self.services(file, &services);
            }
        }
        if once.app.is_none() && !program.unread_words.contains("app") {
            self.report(missing_app(Span::new(FileId(0), 0, 0)));
        }
    }

    /// Services of the top level of a file, of which none knows of another.
    fn services(&mut self, file: FileId, services: &[&Block]) {
        let program = self.program;
        let (item_types, signatures) = (&self.item_types, &self.signatures);
        let shares = parallel::in_shares(services, LEAST_SERVICES, 0, |share| {
            let mut checker = Checker::of(program);
            checker.file = file;
            checker.item_types.clone_from(item_types);
            checker.signatures.clone_from(signatures);
            for block in share.list {
                checker.top_block(block, true, &mut Once::default());
            }
            (checker.members, checker.diagnostics)
        });
        for (members, found) in shares {
            self.members.extend(members);
            self.diagnostics.extend(found);
        }
    }

    /// One item; `outer` where it stands in no loop or condition.
    fn top_item(&mut self, item: &Item, outer: bool, once: &mut Once) {
        match item {
            Item::Block(block) => self.top_block(block, outer, once),
            Item::For(item) => self.for_loop(item, |checker| {
                for item in &item.body.items {
                    checker.top_item(item, false, once);
                }
            }),
            Item::If(item) => self.if_branches(item, &mut |checker, body| {
                for item in &body.items {
                    checker.top_item(item, false, once);
                }
            }),
            Item::Assert(assert) => self.assertion(assert),
            Item::Test(item) if outer => self.test(item, &mut once.tests),
            Item::Use(item) => self.instance(item),
            // A constraint may speak of anything, so it comes when all types are known.
            Item::Param(param) if outer => {
                for assert in &param.asserts {
                    self.assertion(assert);
                }
            }
            Item::Import(_)
            | Item::Deploy(_)
            | Item::Let(_)
            | Item::Function(_)
            | Item::Type(_)
            | Item::Template(_)
            | Item::Component(_)
                if outer => {}
            other => {
                let here = if outer {
                    "at the top level"
                } else {
                    "in a loop or condition"
                };
                if let Some(found) = misplaced(other, here) {
                    self.report(found);
                }
            }
        }
    }

    pub(super) fn top_block(&mut self, block: &Block, outer: bool, once: &mut Once) {
        let word = &*block.kind.text;
        let Some(schema) = TOP.iter().find(|schema| schema.kind == word) else {
            return self.report(unknown_top(block));
        };
        match schema.kind {
            "app" => self.app(block, outer, once),
            "target" => {
                if let Some(target) = block.label.as_ref().and_then(|label| label.as_text()) {
                    if outer
                        && let Some((_, first)) =
                            once.targets.iter().find(|(known, _)| &**known == target)
                    {
                        let found = target_twice(target, *first, block.head());
                        self.report(found);
                    }
                    once.targets.push((target.into(), block.head()));
                }
            }
            _ => {}
        }
        self.top = schema.kind;
        if !self.label(block, schema, schema.kind) {
            return;
        }
        if schema.kind == "gateway" {
            self.gateway = Some(Upstreams::of(block.body.as_ref()));
        }
        if let Some(body) = &block.body {
            self.body(body, schema, schema.kind);
        }
        self.gateway = None;
    }

    fn app(&mut self, block: &Block, outer: bool, once: &mut Once) {
        if !outer {
            let message = "`app` does not belong in a loop or condition";
            self.report(
                Diagnostic::new(&MISPLACED_ITEM, message, block.head())
                    .help("it stands at the top level of the main file, once"),
            );
        } else if self.file != FileId(0) {
            self.report(app_in_import(block));
        } else if let Some(first) = once.app {
            self.report(second_app(block, first));
        }
        if outer || self.file == FileId(0) {
            once.app.get_or_insert(block.head());
        }
    }
}

fn missing_app(at: Span) -> Diagnostic {
    Diagnostic::new(&MISSING_APP, "the program has no `app`", at)
        .help("write `app NAME { targets = [swarm, nginx, kubernetes] }` in the main file, with the targets you want")
}

fn second_app(block: &Block, first: Span) -> Diagnostic {
    Diagnostic::new(&SECOND_APP, "a program has one `app`", block.head())
        .labelled("the second one")
        .and(first, "the first one")
        .help("keep one of them")
}

fn app_in_import(block: &Block) -> Diagnostic {
    Diagnostic::new(
        &SECOND_APP,
        "an imported file has no `app` of its own",
        block.head(),
    )
    .help("move it to the main file; a file that others import declares only what they share")
}

fn target_twice(target: &str, first: Span, second: Span) -> Diagnostic {
    Diagnostic::new(
        &DUPLICATE_ATTRIBUTE,
        format!("`target {target}` is written twice"),
        second,
    )
    .labelled("written again here")
    .and(first, "first written here")
    .help("put all settings of a target in one block")
}

fn unknown_top(block: &Block) -> Diagnostic {
    let word = &*block.kind.text;
    if let Some(place) = places(word, "").first() {
        return Diagnostic::new(
            &MISPLACED_ITEM,
            format!("`{word}` does not belong at the top level"),
            block.head(),
        )
        .help(format!("it belongs in {place}"));
    }
    let diagnostic = Diagnostic::new(
        &UNKNOWN_ATTRIBUTE,
        format!("there is no `{word}` at the top level"),
        block.kind.span,
    );
    let known = TOP.iter().map(|schema| schema.kind);
    let words = known.clone().chain(KEYWORDS.iter().copied());
    if let Some(near) = nearest(word, words) {
        return diagnostic
            .help(format!("did you mean `{near}`?"))
            .replace(block.kind.span, near);
    }
    let listed = known.map(|kind| format!("`{kind}`")).collect();
    diagnostic.help(format!("at the top level stand {}", and_list(listed)))
}
