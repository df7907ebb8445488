//! `test` blocks: which inputs they set, and what they expect of what is built.
//!
//! In a test everything is known: variables have the values they are set to, so no stage is too
//! late. What a service does not write is `none` there, which no type says: a test that reaches
//! into it fails. Not here: running one.

use super::field::PORT_FIELDS;
use super::{Asked, Checker, Role, mismatch};
use crate::diagnostics::catalogue::{
    ALL, DUPLICATE_NAME, INVALID_LABEL, MISPLACED_ITEM, UNKNOWN_INPUT,
};
use crate::diagnostics::{Code, Diagnostic, catalogue, nearest};
use crate::resolve::{Binding, Program};
use crate::source::{FileId, Span, Str};
use crate::syntax::ast::{self, Attribute, Body, Expr, Item, Name};
use crate::types::{ResourceKind, Ty};
use crate::vocabulary::{
    Block, BlockSchema, Gateway, LabelRule, Network, Port, Secret, Shape, Volume,
};
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

static SERVICE: BlockSchema = Gateway::SCHEMA;
static NETWORK: BlockSchema = Network::SCHEMA;
static VOLUME: BlockSchema = Volume::SCHEMA;
static SECRET: BlockSchema = Secret::SCHEMA;
static PORT: BlockSchema = Port::SCHEMA;

/// The field that tells which kind of health check or update there is.
pub const KIND: &str = "kind";

/// What is known of all tests of a program.
#[derive(Default)]
pub(super) struct Tests {
    /// The tests met so far, by file and name.
    named: FxHashMap<(FileId, Str), Span>,
    nameable: Option<Rc<Nameable>>,
}

/// What a test's expressions may name beside the vocabulary.
#[derive(Default)]
pub(super) struct Nameable {
    /// The names of ports.
    ports: BTreeSet<Str>,
    /// Whether expansion makes more.
    more: bool,
}

/// The diagnostic that `expect CODE` names: a bare word that nothing else is called.
pub fn expected_code(program: &Program, file: FileId, expr: &Expr) -> Option<&'static Code> {
    let word = expr.as_name()?;
    if program.binding(file, expr.id) == Binding::Unbound {
        catalogue::find(word)
    } else {
        None
    }
}

/// A type as a test sees it: nothing is known too late.
pub(super) fn known(ty: &Ty) -> Ty {
    match ty {
        Ty::Deploy(inner) => known(inner),
        Ty::Either(types) => Ty::either(types.iter().map(known)),
        other => other.clone(),
    }
}

impl Checker<'_> {
    /// `test "name" { … }`
    pub(super) fn test(&mut self, test: &ast::Test, tests: &mut Tests) {
        self.test_name(&test.name, tests);
        let nameable = tests.nameable.take();
        let nameable = nameable.unwrap_or_else(|| Rc::new(Nameable::of(self.program)));
        tests.nameable = Some(Rc::clone(&nameable));
        self.test = Some(nameable);
        let mut set: Vec<(&str, Span)> = Vec::new();
        for item in &test.body.items {
            match item {
                Item::Set(attribute) => {
                    let key = attribute.key.as_text().unwrap_or_default();
                    if let Some((_, first)) = set.iter().find(|(known, _)| *known == key) {
                        self.report(super::body::twice(key, *first, attribute.key.span));
                    }
                    set.push((key, attribute.key.span));
                    self.set(attribute);
                }
                Item::Expect(expr) => self.expectation(expr),
                Item::Broken(_) => {}
                other => self.report(not_in_a_test(other)),
            }
        }
        self.test = None;
    }

    fn test_name(&mut self, name: &Expr, tests: &mut Tests) {
        let Some(text) = name.as_text().filter(|text| !text.trim().is_empty()) else {
            return self.report(
                Diagnostic::new(&INVALID_LABEL, "a test's name is a plain text", name.span)
                    .help("say what must be true: `test \"the front reaches both APIs\" { … }`"),
            );
        };
        let key = (self.file, text.into());
        let first = *tests.named.entry(key).or_insert(name.span);
        if first != name.span {
            self.report(
                Diagnostic::new(
                    &DUPLICATE_NAME,
                    format!("two tests are named `{text}`"),
                    name.span,
                )
                .and(first, "the first is here")
                .help("give one of them another name"),
            );
        }
    }

    /// `set NAME = value`: of the input's type; whether it lies within its bounds is for a test to
    /// find out.
    fn set(&mut self, attribute: &Attribute) {
        if !self.plain_key(&attribute.key) {
            return;
        }
        let key = attribute.key.as_text().unwrap_or_default();
        let Some((ty, declared)) = self.input(key) else {
            self.infer(&attribute.value);
            let found = self.unknown_set(key, attribute.key.span);
            return self.report(found);
        };
        let asked = Asked::by(Role::Declaration(key, declared));
        self.expect(&attribute.value, &unbounded(&ty), asked);
    }

    /// The parameter or variable of a name: its type and where it is declared.
    fn input(&self, name: &str) -> Option<(Ty, Span)> {
        let program = self.program;
        for (file, module) in program.modules.iter().enumerate() {
            for (index, item) in module.file.items.iter().enumerate() {
                let declared = match item {
                    Item::Param(item) => &item.name,
                    Item::Deploy(item) => &item.name,
                    _ => continue,
                };
                if &*declared.text == name {
                    let ty = self.item_types.get(file)?.get(index)?.clone();
                    return Some((known(&ty.unwrap_or(Ty::Any)), declared.span));
                }
            }
        }
        None
    }

    fn unknown_set(&self, key: &str, at: Span) -> Diagnostic {
        let items = self.program.modules.iter().flat_map(|it| &it.file.items);
        let inputs = items.filter_map(|item| match item {
            Item::Param(item) => Some(&*item.name.text),
            Item::Deploy(item) => Some(&*item.name.text),
            _ => None,
        });
        let diagnostic = Diagnostic::new(
            &UNKNOWN_INPUT,
            format!("the program has no `param` or `deploy` variable `{key}`"),
            at,
        );
        match nearest(key, inputs.clone()) {
            Some(near) => diagnostic
                .help(format!("did you mean `{near}`?"))
                .replace(at, near),
            None if inputs.clone().next().is_none() => diagnostic.help("it takes no inputs"),
            None => diagnostic.help(format!(
                "it takes {}",
                mismatch::and_list(inputs.take(8).map(|name| format!("`{name}`")).collect())
            )),
        }
    }

    /// `expect CONDITION` or `expect CODE`.
    fn expectation(&mut self, expr: &Expr) {
        if expected_code(self.program, self.file, expr).is_some() {
            return;
        }
        if let Some(word) = expr.as_name()
            && self.program.binding(self.file, expr.id) == Binding::Unbound
        {
            let codes = || ALL.iter().flat_map(|code| [code.name, code.id]);
            let upper = word.to_ascii_uppercase();
            let number = upper
                .strip_prefix("ZD")
                .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
            if number || word.contains('-') || nearest(word, codes()).is_some() {
                let name = Name {
                    text: word.clone(),
                    span: expr.span,
                };
                return self.code(&name);
            }
        }
        let asked = Asked::by(Role::Rule("an expectation"));
        self.expect(expr, &Ty::Bool, asked);
    }

    /// What a field is in a test, where that is another thing than elsewhere.
    pub(super) fn tested_field(&mut self, ty: &Ty, field: &Name) -> Option<Ty> {
        let schema = match ty {
            Ty::Resource(ResourceKind::Service) => return Some(self.of_service(field)),
            Ty::Resource(ResourceKind::Network) => &NETWORK,
            Ty::Resource(ResourceKind::Volume) => &VOLUME,
            Ty::Resource(ResourceKind::Secret) if &*field.text != "path" => &SECRET,
            Ty::PortReference if PORT_FIELDS.contains(&&*field.text) => return None,
            Ty::PortReference => &PORT,
            _ => return None,
        };
        Some(match schema.member(&field.text) {
            Some(member) => member_type(member.shape),
            None => self.no_member(field, schema, &[]),
        })
    }

    /// A service's port, as everywhere, or what its body says.
    fn of_service(&mut self, field: &Name) -> Ty {
        let (is_port, more) = match &self.test {
            Some(test) => (test.ports.contains(&field.text), test.more),
            None => (false, true),
        };
        match SERVICE.member(&field.text) {
            // Which of the two, its service says.
            Some(_) if is_port => Ty::Any,
            Some(member) => member_type(member.shape),
            None if is_port || more => Ty::PortReference,
            None => {
                let ports: Vec<Str> = self
                    .test
                    .iter()
                    .flat_map(|test| test.ports.iter().cloned())
                    .collect();
                let ports: Vec<&str> = ports.iter().map(|port| &**port).collect();
                self.no_member(field, &SERVICE, &ports)
            }
        }
    }

    fn no_member(&mut self, field: &Name, schema: &'static BlockSchema, more: &[&str]) -> Ty {
        let members = schema.all_members().map(|member| member.name);
        let known: Vec<&str> = members.chain(more.iter().copied()).collect();
        let found = mismatch::no_field(&field.text, field.span, &known);
        self.report(found);
        Ty::Any
    }

    /// `manifest("swarm/shop.yml")`
    pub(super) fn manifest(&mut self, at: Span, values: &[&Expr]) -> Ty {
        for value in values {
            self.given("manifest", value, &Ty::TEXT);
        }
        if self.test.is_some() {
            return Ty::Any;
        }
        self.misused(
            at,
            "`manifest` stands only in a test",
            "write `test \"…\" { expect manifest(\"…\").x == … }`: nothing is written yet when a program is evaluated",
        )
    }

    /// `contains(whole, part)`
    pub(super) fn contains(&mut self, whole: &Expr, inner: &Expr) -> Ty {
        match self.infer(whole) {
            Ty::Text(_) | Ty::Words(_) | Ty::Image | Ty::Path | Ty::Url => {
                self.given("contains", inner, &Ty::TEXT);
            }
            Ty::Any | Ty::List(..) | Ty::Map(_) | Ty::Record(_) => {
                self.infer(inner);
            }
            other => {
                let wanted = Ty::either([Ty::TEXT, Ty::list(Ty::Any), Ty::Map(Arc::new(Ty::Any))]);
                self.infer(inner);
                self.require(whole, &other, &wanted, super::call::asked("contains"));
            }
        }
        Ty::Bool
    }
}

impl Nameable {
    /// What a program's services may have for ports.
    fn of(program: &Program) -> Self {
        let mut nameable = Self::default();
        for module in &program.modules {
            nameable.items(&module.file.items);
        }
        nameable
    }

    fn items(&mut self, items: &[Item]) {
        for item in items {
            match item {
                Item::Block(block) => {
                    if &*block.kind.text == "port" {
                        match block.label.as_ref().map(ast::Label::as_text) {
                            Some(Some(label)) => {
                                self.ports.insert(label.into());
                            }
                            _ => self.more = true,
                        }
                    } else if let Some(body) = &block.body {
                        self.body(body);
                    }
                }
                Item::Template(item) | Item::Component(item) => self.body(&item.body),
                Item::For(item) => self.body(&item.body),
                Item::If(item) => {
                    for (_, body) in &item.branches {
                        self.body(body);
                    }
                    item.otherwise.iter().for_each(|body| self.body(body));
                }
                Item::Broken(_) => self.more = true,
                _ => {}
            }
        }
    }

    fn body(&mut self, body: &Body) {
        self.items(&body.items);
    }
}

/// What a test finds for a member of a block.
fn member_type(shape: Shape) -> Ty {
    match shape {
        Shape::Attribute(ty) => match known(&ty()) {
            // A route may lead to an upstream too, by its name.
            Ty::PortReference => Ty::either([Ty::PortReference, Ty::TEXT]),
            ty => ty,
        },
        Shape::Entries(ty) => Ty::Map(Arc::new(known(&ty()))),
        Shape::Block(schema) => block_type(schema),
        Shape::Blocks(schema) => Ty::Map(Arc::new(block_type(schema))),
    }
}

/// A block as a record; of an open one, a map.
fn block_type(schema: &'static BlockSchema) -> Ty {
    if let Some(open) = schema.open() {
        return member_type(open.shape);
    }
    let members = schema.all_members();
    let mut fields: Vec<(Str, Ty)> = members
        .map(|member| (Str::from(member.name), member_type(member.shape)))
        .collect();
    if let LabelRule::Variant(words) = schema.label {
        fields.push((KIND.into(), Ty::words(words)));
    }
    Ty::Record(fields.into())
}

/// The type without its bounds.
fn unbounded(ty: &Ty) -> Ty {
    match ty {
        Ty::Int(_) => Ty::INT,
        Ty::Text(_) => Ty::TEXT,
        Ty::Optional(inner) => Ty::Optional(Arc::new(unbounded(inner))),
        Ty::List(item, _) => Ty::list(unbounded(item)),
        Ty::Map(item) => Ty::Map(Arc::new(unbounded(item))),
        other => other.clone(),
    }
}

fn not_in_a_test(item: &Item) -> Diagnostic {
    let (span, word) = match item {
        Item::Block(block) => (block.head(), &*block.kind.text),
        Item::Attribute(attribute) => (
            attribute.key.span,
            attribute.key.as_text().unwrap_or("this"),
        ),
        Item::For(item) => (item.over.span, "for"),
        Item::If(item) => (item.span, "if"),
        Item::Assert(item) => (item.condition.span, "assert"),
        other => (other.span(), "this"),
    };
    let diagnostic = Diagnostic::new(
        &MISPLACED_ITEM,
        format!("`{word}` does not belong in a test"),
        span,
    );
    match item {
        Item::Attribute(_) => {
            diagnostic.help(format!("to give an input a value, write `set {word} = …`"))
        }
        Item::Assert(_) => {
            diagnostic.help("write `expect CONDITION`; a failed one shows both its sides")
        }
        _ => {
            diagnostic.help("a test holds `set NAME = value`, `expect CONDITION` and `expect CODE`")
        }
    }
}
