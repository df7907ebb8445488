//! The ledger: what became of each written property.
//!
//! Principle 4 of the language: nothing is dropped in silence. Lowering takes values through the
//! ledger; a property of a block that was entered and that nobody took, declined or declared is
//! reported, and a test holds every target to every property of the vocabulary. A block of a template
//! that several services leave as it is has one account, as it has one place in the source.

use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{Graph, ServiceView};
use crate::source::Span;
use crate::vocabulary::{
    App, Attribute, Entry, Node, TargetId, Update, Written, WrittenEntry, WrittenId,
};
use rustc_hash::FxHashSet;

/// What became of a written property.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Account {
    /// Nothing yet.
    #[default]
    Open,
    /// It is in the output.
    Taken,
    /// It is not, and a diagnostic says so.
    Declined,
    /// It is not this target's to express, for this reason.
    Declared(&'static str),
}

/// What became of every written property. One byte each: a large program has hundreds of thousands,
/// and every target and every thread keeps an account of them.
#[derive(Clone, Debug, Default)]
pub struct Accounts {
    /// Share by share, as they were written.
    codes: Vec<Vec<u8>>,
    reasons: Vec<&'static str>,
}

impl Accounts {
    const TAKEN: u8 = 1;
    const DECLINED: u8 = 2;
    /// Declared with the first reason; the others follow.
    const DECLARED: u8 = 3;
    /// So many are looked at in one go.
    const STRETCH: usize = 256;

    fn of(written: &Written) -> Self {
        Self {
            codes: written.shares().map(|share| vec![0; share.len()]).collect(),
            reasons: Vec::new(),
        }
    }

    /// The account of one.
    pub fn get(&self, id: WrittenId) -> Account {
        let (share, number) = id.place();
        let code = self.codes.get(share).and_then(|codes| codes.get(number));
        match code.copied().unwrap_or_default() {
            0 => Account::Open,
            Self::TAKEN => Account::Taken,
            Self::DECLINED => Account::Declined,
            declared => {
                let reason = self.reasons.get(usize::from(declared - Self::DECLARED));
                Account::Declared(reason.copied().unwrap_or_default())
            }
        }
    }

    fn set(&mut self, id: WrittenId, account: Account) {
        let code = match account {
            Account::Open => 0,
            Account::Taken => Self::TAKEN,
            Account::Declined => Self::DECLINED,
            Account::Declared(reason) => self.code(reason),
        };
        let (share, number) = id.place();
        let codes = self.codes.get_mut(share);
        if let Some(place) = codes.and_then(|codes| codes.get_mut(number)) {
            *place = code;
        }
    }

    /// The code of a reason: there are some dozens in all of the compiler.
    fn code(&mut self, reason: &'static str) -> u8 {
        let known = self.reasons.iter().position(|known| *known == reason);
        let index = known.unwrap_or_else(|| {
            self.reasons.push(reason);
            self.reasons.len() - 1
        });
        u8::try_from(index).map_or(u8::MAX, |index| index.saturating_add(Self::DECLARED))
    }

    /// What is still open of the top-level blocks that were entered: those of which something is not.
    fn open<'w>(&self, written: &'w Written) -> Vec<&'w WrittenEntry> {
        let mut open = Vec::new();
        for (codes, entries) in self.codes.iter().zip(written.shares()) {
            let mut from = 0;
            // Most programs leave nothing open, so that nothing but the codes is looked at.
            while let Some(next) = codes.iter().skip(from).position(|code| *code == 0) {
                let (before, after) = entries.split_at_checked(from + next).unwrap_or_default();
                let Some(scope) = after.first().map(|entry| entry.scope) else {
                    break;
                };
                let mine = |entry: &&WrittenEntry| entry.scope == scope;
                let start = from + next - before.iter().rev().take_while(mine).count();
                let end = from + next + after.iter().take_while(mine).count();
                let block = codes.get(start..end).unwrap_or_default();
                if block.iter().any(|code| *code != 0) {
                    let entries = entries.get(start..end).unwrap_or_default();
                    let with_codes = entries.iter().zip(block);
                    open.extend(
                        with_codes.filter_map(|(entry, code)| (*code == 0).then_some(entry)),
                    );
                }
                from = end;
            }
        }
        open
    }

    /// Takes over what is no longer open in another.
    fn join(&mut self, other: &Self) {
        let codes: Vec<u8> = other
            .reasons
            .iter()
            .map(|reason| self.code(reason))
            .collect();
        for (own, theirs) in self.codes.iter_mut().zip(&other.codes) {
            for (own, theirs) in own
                .chunks_mut(Self::STRETCH)
                .zip(theirs.chunks(Self::STRETCH))
            {
                // Each thread takes down a part of them.
                if theirs.iter().fold(0, |seen, code| seen | code) == 0 {
                    continue;
                }
                for (own, code) in own.iter_mut().zip(theirs) {
                    match code.checked_sub(Self::DECLARED) {
                        Some(reason) => {
                            *own = codes.get(usize::from(reason)).copied().unwrap_or(*own);
                        }
                        None if *code != 0 => *own = *code,
                        None => {}
                    }
                }
            }
        }
    }
}

/// What is said, and where.
type Place = (&'static str, Span);

/// Takes down what a target did with each written property.
pub struct Ledger<'a> {
    target: TargetId,
    written: &'a Written,
    accounts: Accounts,
    /// What is to be told, with its place where that is to be told once.
    reports: Vec<(Option<Place>, Diagnostic)>,
    said: FxHashSet<Place>,
    /// What the next report says.
    saying: Option<Place>,
}

impl<'a> Ledger<'a> {
    /// An empty ledger for a target.
    pub fn new(target: TargetId, written: &'a Written) -> Self {
        Self {
            target,
            written,
            accounts: Accounts::of(written),
            reports: Vec::new(),
            said: FxHashSet::default(),
            saying: None,
        }
    }

    /// An empty ledger beside this one, to be joined to it: several threads write one each.
    #[must_use]
    pub fn beside(&self) -> Self {
        Self {
            target: self.target,
            written: self.written,
            accounts: Accounts::of(self.written),
            reports: Vec::new(),
            said: FxHashSet::default(),
            saying: None,
        }
    }

    /// Takes over what another ledger has, as if it had been written down here from the start.
    pub fn join(&mut self, other: Self) {
        self.accounts.join(&other.accounts);
        for (place, diagnostic) in other.reports {
            if place.is_none_or(|place| self.said.insert(place)) {
                self.reports.push((place, diagnostic));
            }
        }
    }

    /// Whether something is said of a place for the first time: a template's text is one place,
    /// however many services use it. What is reported next says it.
    pub fn is_news(&mut self, what: &'static str, span: Span) -> bool {
        let place = (what, span);
        let news = self.said.insert(place);
        if news {
            self.saying = Some(place);
        }
        news
    }

    /// An attribute's value, which the output will have.
    pub fn take<'t, T>(&mut self, attribute: &'t Attribute<T>) -> &'t T {
        self.accounts.set(attribute.id, Account::Taken);
        &attribute.value
    }

    /// An optional attribute's value, which the output will have.
    pub fn take_from<'t, T>(&mut self, attribute: Option<&'t Attribute<T>>) -> Option<&'t T> {
        attribute.map(|attribute| self.take(attribute))
    }

    /// An entry's key and value, which the output will have.
    pub fn take_entry<'t, T>(&mut self, entry: &'t Entry<T>) -> (&'t str, &'t T) {
        (&entry.key, self.take(&entry.attribute))
    }

    /// A block's body: the block itself is expressed, its properties are still to be taken. The
    /// properties of a top-level block count only once it was entered.
    pub fn enter<'t, T>(&mut self, node: &'t Node<T>) -> &'t T {
        self.accounts.set(node.id, Account::Taken);
        &node.body
    }

    /// A property that the output will not have, with what the user should know.
    pub fn decline(&mut self, id: WrittenId, diagnostic: Diagnostic) {
        self.accounts.set(id, Account::Declined);
        self.report(diagnostic);
    }

    /// A block with all that stands in it, which the output will not have.
    pub fn decline_block<T>(&mut self, node: &Node<T>, diagnostic: Diagnostic) {
        for id in node.id.0..node.end.0 {
            self.accounts.set(WrittenId(id), Account::Declined);
        }
        self.report(diagnostic);
    }

    /// A property that is not this target's to express: its documentation says so.
    pub fn declare(&mut self, id: WrittenId, reason: &'static str) {
        self.accounts.set(id, Account::Declared(reason));
    }

    /// An optional attribute that is not this target's to express.
    pub fn declare_from<T>(&mut self, attribute: Option<&Attribute<T>>, reason: &'static str) {
        if let Some(attribute) = attribute {
            self.declare(attribute.id, reason);
        }
    }

    /// A block with all that stands in it, which is not this target's to express.
    pub fn declare_block<T>(&mut self, node: &Node<T>, reason: &'static str) {
        for id in node.id.0..node.end.0 {
            self.declare(WrittenId(id), reason);
        }
    }

    /// Every property of a top-level block that is still open: not this target's to express.
    pub fn declare_rest<T>(&mut self, node: &Node<T>, reason: &'static str) {
        let Some(scope) = self.written.get(node.id).map(|entry| entry.scope) else {
            return;
        };
        // What a top-level block holds was written down in one go.
        for id in (node.id.0..).map(WrittenId) {
            if self
                .written
                .get(id)
                .is_none_or(|entry| entry.scope != scope)
            {
                return;
            }
            if self.accounts.get(id) == Account::Open {
                self.declare(id, reason);
            }
        }
    }

    /// What is another target's: its settings, and services that are not written for this one.
    pub fn declare_elsewhere(&mut self, graph: &Graph, target: TargetId) {
        let settings = graph.deployment().settings.iter();
        for settings in settings.filter(|settings| settings.label.name() != target.word()) {
            self.declare_rest(settings, "settings of another target");
        }
        for service in graph.services() {
            if !graph.runs_on(service, target) {
                self.declare_rest(&service.node.service, "not written for this target");
            }
        }
    }

    /// Says something that is not about one property.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        self.reports.push((self.saying.take(), diagnostic));
    }

    /// Closes the ledger: open properties of entered blocks are reported.
    pub fn close(self) -> (Diagnostics, Accounts) {
        let mut unsaid = Vec::new();
        for entry in self.accounts.open(self.written) {
            let (block, member) = (entry.property.block, entry.property.member);
            let what = match member {
                "" => format!("`{block}`"),
                "*" => format!("an entry of `{block}`"),
                member => format!("`{member}` of `{block}`"),
            };
            unsaid.push(unexpressed(self.target, &what, entry.span));
        }
        let mut diagnostics = Diagnostics::default();
        diagnostics.extend(self.reports.into_iter().map(|(_, diagnostic)| diagnostic));
        diagnostics.extend(unsaid);
        (diagnostics, self.accounts)
    }
}

/// Why facts and promises are in no manifest.
const PROOF: &str = "a fact or a promise that the proof uses; no target has a word for it";

/// Declares the words that belong to the proof and to zdc itself, and to no target: `timing`,
/// `provides`, `needs`, `schema`, `availability`, `allow`, `targets`; and what is another target's alone: `on`.
pub fn contract(ledger: &mut Ledger<'_>, service: ServiceView<'_>) {
    let body = &service.node.service.body;
    if let Some(timing) = &body.timing {
        ledger.declare_block(timing, PROOF);
    }
    if let Some(availability) = &body.availability {
        ledger.declare_block(availability, PROOF);
    }
    for provides in &body.provides {
        ledger.declare_block(provides, PROOF);
    }
    for needs in &body.needs {
        ledger.declare_block(needs, PROOF);
    }
    if let Some(schema) = &body.schema {
        ledger.declare_block(schema, PROOF);
    }
    for allow in &body.allow {
        ledger.declare_block(allow, "accepts a diagnostic");
    }
    ledger.declare_from(body.targets.as_ref(), "chooses targets");
    for on in &body.on {
        if on.label.name() != ledger.target.word() {
            ledger.declare_block(on, "another target's");
        }
    }
}

/// Enters the app, and declares its words that are zdc's own.
pub fn enter_app<'a>(ledger: &mut Ledger<'_>, app: &'a Node<App>) -> &'a App {
    let body = ledger.enter(app);
    ledger.declare_from(body.targets.as_ref(), "chooses targets");
    ledger.declare_from(body.certificate.as_ref(), "asks for a certificate");
    body
}

/// Declares the words of an `update` that are a plain host's. Where a service has slots and another
/// target runs it, `rules` says so.
pub fn hosts_own(ledger: &mut Ledger<'_>, update: &Update) {
    const WHY: &str = "a plain host's: there zdc writes the scripts that replace instances";
    ledger.declare_from(update.slots.as_ref(), WHY);
    for written in [&update.config_test, &update.lock, &update.swap_back] {
        ledger.declare_from(written.as_ref(), WHY);
    }
}

/// A target has no place for something, and its lowering does not say what happens instead.
fn unexpressed(target: TargetId, what: &str, span: Span) -> Diagnostic {
    let target = target.word();
    Diagnostic::new(
        &catalogue::NOT_EXPRESSED,
        format!("target {target} does not express {what}"),
        span,
    )
    .labelled(format!("not in the output of {target}"))
    .help("take it out, or leave the target out with `targets`")
}
