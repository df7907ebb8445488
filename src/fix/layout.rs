//! Changes of a service's policy as edits of the program's text.

use super::body::{braced, made, replaced, rewritten};
use super::places::{Found, Places};
use super::written::{head, key, label};
use crate::diagnostics::Replacement;
use crate::graph::ServiceView;
use crate::rollout::remedies::{Change, Part};
use crate::source::Span;
use crate::syntax::ast::{self, Block, Body, Item};
use std::collections::{BTreeMap, BTreeSet};

/// Where changes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Where {
    /// Where the policy stands: in a template it is so for all that use it.
    InPlace,
    /// In the service's own block, over what a template says.
    Over,
}

impl Where {
    /// Over a template or not.
    pub(super) fn of(over: bool) -> Self {
        if over { Where::Over } else { Where::InPlace }
    }
}

/// The edits of some changes of a service, whose block may make others too; `None` where they cannot be written there.
pub(super) fn edits(
    places: &Places<'_>,
    (service, alone): (ServiceView<'_>, bool),
    changes: &[Change],
    at: Where,
) -> Option<Vec<Replacement>> {
    let own = places.block(service.span())?;
    let page = Page {
        places,
        service,
        alone,
        own,
        at,
    };
    let mut bodies = Bodies::default();
    let mut edits = Vec::new();
    let mut new: BTreeMap<Part, Vec<&Change>> = BTreeMap::new();
    for change in changes {
        match page.block(change.part()) {
            Some(Standing::Own(block)) => {
                edits.extend(page.changed(change, block, &mut bodies)?);
            }
            Some(Standing::Elsewhere) => return None,
            None => new.entry(change.part()).or_default().push(change),
        }
    }
    page.added(new, &mut bodies)?;
    if let Some(Standing::Own(restart)) = page.block(Part::Restart) {
        bodies.without_empty(restart);
    }
    edits.extend(bodies.edits(places));
    edits.sort_by_key(|edit| (edit.span, edit.text.clone()));
    Some(edits)
}

/// Whether more edits can be made with some that agree: none changes what another does, unless it does the same.
pub(super) fn agree(some: &BTreeSet<Replacement>, more: &[Replacement]) -> bool {
    more.iter().all(|one| {
        // They lie apart: of those that begin before its end the last one ends last.
        let after = Replacement {
            span: Span {
                start: one.span.end.saturating_add(1),
                end: 0,
                ..one.span
            },
            text: String::new(),
        };
        let near = some.range(..after).next_back();
        let near = near.filter(|other| other.span.file == one.span.file);
        near.is_none_or(|other| other.span.end < one.span.start) || some.contains(one)
    })
}

/// A service and where its policy is written.
struct Page<'a> {
    places: &'a Places<'a>,
    service: ServiceView<'a>,
    /// Whether its block makes no other service.
    alone: bool,
    own: Found<'a, Block>,
    at: Where,
}

/// A block of policy that is in force.
#[derive(Clone, Copy)]
enum Standing<'a> {
    /// Where it can be edited.
    Own(Found<'a, Block>),
    /// In a file that is not the user's.
    Elsewhere,
}

/// Where a property is written.
enum Written<'a> {
    /// Where it can be edited.
    Here(Found<'a, ast::Attribute>),
    /// It is not.
    Nowhere,
    /// In a file that is not the user's.
    Elsewhere,
}

/// What goes out of bodies, and what comes in; by where they begin.
#[derive(Default)]
struct Bodies<'a> {
    list: BTreeMap<(Span, bool), Revised<'a>>,
}

/// A body, or the end of a block that has none.
#[derive(Default)]
struct Revised<'a> {
    body: Option<&'a Body>,
    out: Vec<Span>,
    put: Vec<String>,
}

impl<'a> Bodies<'a> {
    /// The body of a block, to be revised.
    fn of(&mut self, block: &'a Block) -> &mut Revised<'a> {
        match &block.body {
            Some(body) => self.body(body),
            None => self.list.entry((block.head(), false)).or_default(),
        }
    }

    fn body(&mut self, body: &'a Body) -> &mut Revised<'a> {
        let revised = self.list.entry((body.span, true)).or_default();
        revised.body = Some(body);
        revised
    }

    /// A block that would be left empty goes as a whole, where an empty one says nothing.
    fn without_empty(&mut self, block: Found<'a, Block>) {
        let (Some(body), Some(around)) = (&block.it.body, block.body) else {
            return;
        };
        let empty = self.list.get(&(body.span, true)).is_some_and(|revised| {
            let gone = |item: &Item| revised.out.contains(&item.span());
            revised.put.is_empty() && body.items.iter().all(gone)
        });
        if empty {
            self.list.remove(&(body.span, true));
            self.body(around).out.push(block.it.span);
        }
    }

    fn edits(self, places: &Places<'_>) -> Vec<Replacement> {
        let revised = self.list.into_iter();
        revised
            .flat_map(|((span, _), it)| match it.body {
                Some(body) => {
                    let page = (places.text(span.file), places.comments(span.file));
                    rewritten(page, body, &it.out, &it.put)
                }
                None => made(span, &it.put),
            })
            .collect()
    }
}

impl<'a> Page<'a> {
    /// The block of a part that is to be edited.
    fn block(&self, part: Part) -> Option<Standing<'a>> {
        match self.at {
            Where::InPlace => {
                let head = head(&self.service.node.service, part)?;
                let found = self.places.block(head);
                Some(found.map_or(Standing::Elsewhere, Standing::Own))
            }
            Where::Over if part == Part::Rollback => {
                let Some(Standing::Own(update)) = self.block(Part::Update) else {
                    return None;
                };
                inner(update.it, part).map(Standing::Own)
            }
            Where::Over => inner(self.own.it, part).map(Standing::Own),
        }
    }

    /// A change of a block that is there.
    fn changed(
        &self,
        change: &Change,
        block: Found<'a, Block>,
        bodies: &mut Bodies<'a>,
    ) -> Option<Vec<Replacement>> {
        match change {
            Change::Set {
                property, value, ..
            } => {
                let found = match self.written(block.it, change.part(), property) {
                    Written::Here(found) => Some(found),
                    Written::Nowhere => None,
                    Written::Elsewhere => return None,
                };
                let Some(found) = found else {
                    bodies
                        .of(block.it)
                        .put
                        .push(format!("{property} = {value}"));
                    return Some(Vec::new());
                };
                // What is written elsewhere is so for others too.
                let own = self.alone && self.owns(found.it.span);
                let shared = !own && !self.places.is_plain(found.it);
                let text = self.places.text(found.it.span.file);
                (!shared).then(|| vec![replaced(text, found.it.value.span, value)])
            }
            Change::Unset { property, .. } => {
                match self.written(block.it, change.part(), property) {
                    Written::Here(found) => bodies.body(found.body?).out.push(found.it.span),
                    Written::Nowhere => bodies.of(block.it).put.push(format!("{property} = none")),
                    Written::Elsewhere => return None,
                }
                Some(Vec::new())
            }
            Change::Remove { .. } => {
                // What its template says of it is left, and judged with the rest.
                bodies.body(block.body?).out.push(block.it.span);
                Some(Vec::new())
            }
            // `health none` becomes a check. What stands behind its head, or in its braces, is not the block's alone.
            Change::Add {
                part, label, with, ..
            } => {
                let body = block.it.body.as_ref();
                let bare = body.is_none_or(|body| body.items.is_empty());
                bare.then(|| {
                    let items = assignments(with);
                    let text = if body.is_some() {
                        bodies.of(block.it).put.extend(items);
                        head_text(*part, label)
                    } else {
                        block_text(*part, label, &items)
                    };
                    vec![Replacement {
                        span: block.it.head(),
                        text,
                    }]
                })
            }
        }
    }

    /// Where a property is written that is in force.
    fn written(&self, block: &'a Block, part: Part, property: &str) -> Written<'a> {
        let in_force = key(&self.service.node.service, part, property);
        if let Some(key) = in_force.filter(|_| self.at == Where::InPlace) {
            let found = self.places.attribute(key);
            return found.map_or(Written::Elsewhere, Written::Here);
        }
        let own = block.body.iter().flat_map(|body| {
            body.items.iter().filter_map(move |item| match item {
                Item::Attribute(it) if it.key.as_text() == Some(property) => Some(Found {
                    it,
                    body: Some(body),
                }),
                _ => None,
            })
        });
        own.last().map_or(Written::Nowhere, Written::Here)
    }

    /// Whether a place is in the service's own block.
    fn owns(&self, span: Span) -> bool {
        let own = self.own.it.span;
        own.file == span.file && own.start <= span.start && span.end <= own.end
    }

    /// New blocks, with all that is changed in each.
    fn added(&self, mut new: BTreeMap<Part, Vec<&'a Change>>, bodies: &mut Bodies<'a>) -> Option<()>
    where
        Self: 'a,
    {
        let rollback = new
            .remove(&Part::Rollback)
            .map(|changes| self.block_of(Part::Rollback, &changes));
        let rollback = match rollback {
            None => None,
            Some(text) => Some(text?),
        };
        if let Some(text) = rollback {
            match self.block(Part::Update) {
                Some(Standing::Own(update)) => bodies.of(update.it).put.push(text),
                Some(Standing::Elsewhere) => return None,
                None => {
                    let changes = new.remove(&Part::Update).unwrap_or_default();
                    let (label, mut items) = self.parts_of(Part::Update, &changes)?;
                    items.push(text);
                    let text = block_text(Part::Update, &label, &items);
                    bodies.body(self.home()?).put.push(text);
                }
            }
        }
        for (part, changes) in new {
            let text = self.block_of(part, &changes)?;
            bodies.body(self.home()?).put.push(text);
        }
        Some(())
    }

    /// Where a new block goes: into the template where that is edited, else into the service.
    fn home(&self) -> Option<&'a Body> {
        let templates = self.places.templates(self.own.it);
        let template = templates
            .last()
            .filter(|body| self.places.is_own(body.span.file));
        match (self.at, template) {
            (Where::InPlace, Some(body)) => Some(body),
            _ => self.own.it.body.as_ref(),
        }
    }

    fn block_of(&self, part: Part, changes: &[&Change]) -> Option<String> {
        let (label, items) = self.parts_of(part, changes)?;
        Some(block_text(part, &label, &items))
    }

    /// The label and the items of a new block; `None` where it would say nothing.
    fn parts_of(&self, part: Part, changes: &[&Change]) -> Option<(String, Vec<String>)> {
        let mut label = label(&self.service.node.service, part).to_owned();
        let mut items = Vec::new();
        for change in changes {
            match change {
                Change::Set {
                    property, value, ..
                } => items.push(format!("{property} = {value}")),
                // Over what a template says.
                Change::Unset { property, .. } if self.at == Where::Over => {
                    items.push(format!("{property} = none"));
                }
                Change::Add {
                    label: own, with, ..
                } => {
                    (*own).clone_into(&mut label);
                    items.extend(assignments(with));
                }
                Change::Unset { .. } | Change::Remove { .. } => return None,
            }
        }
        Some((label, items))
    }
}

fn assignments(with: &[(&'static str, String)]) -> Vec<String> {
    let items = with.iter();
    items
        .map(|(key, value)| format!("{key} = {value}"))
        .collect()
}

fn block_text(part: Part, label: &str, items: &[String]) -> String {
    format!("{} {}", head_text(part, label), braced(items))
}

fn head_text(part: Part, label: &str) -> String {
    let space = if label.is_empty() { "" } else { " " };
    format!("{}{space}{label}", part.word())
}

/// The block of a part that stands in another one itself.
fn inner(block: &Block, part: Part) -> Option<Found<'_, Block>> {
    let body = block.body.as_ref()?;
    body.items.iter().find_map(|item| match item {
        Item::Block(it) if &*it.kind.text == part.word() => Some(Found {
            it,
            body: Some(body),
        }),
        _ => None,
    })
}
