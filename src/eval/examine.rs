//! What a test expects, held against what its program evaluates to.
//!
//! While a test is examined everything is known: a variable is what it was set to, else its
//! default. A resource's attributes can be asked for, and what is not there is `none`. An address
//! stays what it is everywhere, its target's to know: it equals the same address alone.

use super::Inputs;
use super::body::Part;
use super::evaluator::{Evaluator, Scope};
use super::given::placed;
use super::names::no_field;
use crate::check::{Checked, KIND};
use crate::diagnostics::{Diagnostic, catalogue, nearest};
use crate::source::{FileId, Span, Spanned, Str, World};
use crate::syntax::ast::{self, Expr};
use crate::types::{Piece, PortPart, Reference, ResourceKind, Text, Ty, Value};
use crate::vocabulary::{BlockSchema, Label, LabelRule, Shape, Tree};
use rustc_hash::FxHashMap;
use std::rc::Rc;
use std::sync::Arc;

/// The manifests of a build, for `manifest(…)`.
pub trait Manifests {
    /// What a file holds: of several documents the one of a kind, of several of a kind the one of
    /// a name. Its spans mean nothing.
    ///
    /// # Errors
    /// There is no such file or document, or more than one.
    fn find(&self, path: &str, which: &[Str]) -> Result<Value, NoManifest>;
}

/// Why there is no manifest to look into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoManifest {
    /// What is wrong.
    pub why: String,
    /// What to write instead.
    pub help: Option<String>,
}

/// What is known while a test is examined.
pub(super) struct Examined<'a> {
    manifests: &'a dyn Manifests,
    /// The variables that were set.
    set: Vec<(Str, Value)>,
    /// Whether an expectation is looked at, and not what the program itself says.
    asking: bool,
    /// Resources that were asked for, by index.
    trees: FxHashMap<usize, Option<Rc<Tree>>>,
    /// What was asked for and is not there.
    pub(super) absent: Vec<String>,
}

/// What each expectation of a test comes to: nothing where it holds, else why it does not.
///
/// The program must have evaluated without errors for these inputs.
pub fn examine<'a>(
    world: &'a dyn World,
    checked: &'a Checked,
    inputs: &Inputs,
    manifests: &'a dyn Manifests,
    expectations: &[(FileId, &'a Expr)],
) -> Vec<Vec<Diagnostic>> {
    let mut evaluator = Evaluator::new(world, checked);
    evaluator.test = Some(Examined {
        manifests,
        set: Vec::new(),
        asking: false,
        trees: FxHashMap::default(),
        absent: Vec::new(),
    });
    let set = evaluator.take(inputs);
    if let Some(test) = &mut evaluator.test {
        test.set = set;
    }
    evaluator.expand();
    evaluator.found.clear();
    expectations
        .iter()
        .map(|(file, expr)| {
            evaluator.ask(true);
            let refuted = evaluator.refuted(expr, &mut Scope::top(*file));
            evaluator.ask(false);
            let mut why: Vec<Diagnostic> = evaluator.found.drain(..).collect();
            why.append(&mut evaluator.circles);
            why.extend(evaluator.budget.stopped.clone());
            match refuted {
                Some(Some(refuted)) => vec![refuted],
                Some(None) => Vec::new(),
                None => why,
            }
        })
        .collect()
}

/// The values that a test's `set` items give, with the inputs of the whole run.
///
/// # Errors
/// What cannot be evaluated.
pub fn settings<'a>(
    world: &'a dyn World,
    checked: &'a Checked,
    inputs: &Inputs,
    file: FileId,
    settings: &[(Str, &'a Expr)],
) -> Result<Vec<(Str, Value)>, Vec<Diagnostic>> {
    let mut evaluator = Evaluator::new(world, checked);
    evaluator.take(inputs);
    evaluator.found.clear();
    let mut values = Vec::with_capacity(settings.len());
    for (name, expr) in settings {
        let value = evaluator.expression(expr, &mut Scope::top(file));
        let value = value.and_then(|value| evaluator.forced(value));
        values.extend(value.map(|value| (name.clone(), value.value)));
    }
    let mut found = evaluator.found;
    found.append(&mut evaluator.circles);
    found.extend(evaluator.budget.stopped);
    if found.is_empty() {
        Ok(values)
    } else {
        Err(found)
    }
}

impl<'a> Evaluator<'a> {
    /// Whether an expectation is looked at.
    pub(super) fn is_examining(&self) -> bool {
        self.test.as_ref().is_some_and(|test| test.asking)
    }

    /// Says whether what follows is an expectation; tells whether it was.
    fn ask(&mut self, asking: bool) -> bool {
        match &mut self.test {
            Some(test) => {
                test.absent.clear();
                std::mem::replace(&mut test.asking, asking)
            }
            None => false,
        }
    }

    /// The value of a variable in a test.
    pub(super) fn tested_variable(
        &mut self,
        file: FileId,
        index: usize,
        deploy: &'a ast::Deploy,
    ) -> Option<Spanned<Value>> {
        let name = &deploy.name.text;
        let set = self.test.iter().flat_map(|test| &test.set);
        if let Some((_, value)) = set.into_iter().find(|(known, _)| known == name) {
            return Some(placed(value.clone(), deploy.name.span));
        }
        let Some(default) = &deploy.default else {
            return self.report(no_value(deploy));
        };
        let value = self.expression(default, &mut Scope::top(file))?;
        let ty = match self.item_type(file, index) {
            Some(Ty::Deploy(inner)) => inner,
            Some(ty) => ty,
            None => &Ty::Any,
        };
        self.fitted(value, ty, Some((deploy.ty.span, name)))
    }

    /// A part of a value, where a test sees more than a program; `None` where it does not.
    #[expect(
        clippy::option_option,
        reason = "the outer one tells whether this is the place, the inner one whether it failed"
    )]
    pub(super) fn tested_part(
        &mut self,
        base: &Spanned<Value>,
        name: &ast::Name,
        at: Span,
    ) -> Option<Option<Spanned<Value>>> {
        let key = &name.text;
        match &base.value {
            Value::Reference(Reference::Service(service)) => {
                let service = service.clone();
                Some(self.service_part(&service, name, at))
            }
            Value::Reference(Reference::Port(service, port)) => match &**key {
                "url" | "address" | "host" => None,
                "number" => {
                    let number = self.port_number(service, port, at);
                    Some(number.map(|number| Spanned::new(Value::Int(number), at)))
                }
                _ => {
                    let (service, port) = (service.clone(), port.clone());
                    Some(self.port_part(&service, &port, key, at))
                }
            },
            Value::Reference(Reference::Network(network)) => {
                let network = network.clone();
                Some(self.resource_part(ResourceKind::Network, &network, key, at))
            }
            Value::Reference(Reference::Volume(volume)) => {
                let volume = volume.clone();
                Some(self.resource_part(ResourceKind::Volume, &volume, key, at))
            }
            Value::Reference(Reference::Secret(secret)) if &**key != "path" => {
                let secret = secret.clone();
                Some(self.resource_part(ResourceKind::Secret, &secret, key, at))
            }
            Value::Record(fields) if !fields.iter().any(|(known, _)| known == key) => {
                let known: Vec<&str> = fields.iter().map(|(known, _)| &**known).collect();
                let absent = absent(key, &known);
                if let Some(test) = &mut self.test {
                    test.absent.push(absent);
                }
                Some(Some(Spanned::new(Value::None, at)))
            }
            Value::None => {
                let diagnostic = nothing_there(name, base.span, self.source(base.span));
                Some(self.report(diagnostic))
            }
            _ => None,
        }
    }

    fn service_part(
        &mut self,
        service: &Str,
        name: &ast::Name,
        at: Span,
    ) -> Option<Spanned<Value>> {
        let (tree, schema) = self.asked_tree(ResourceKind::Service, service, at)?;
        let ports = || {
            let blocks = tree.blocks.iter().filter(|(kind, _)| &**kind == "port");
            blocks.map(|(_, port)| port.label.name())
        };
        if ports().any(|port| port == &*name.text) {
            let port = Reference::Port(service.clone(), name.text.clone());
            return Some(Spanned::new(Value::Reference(port), at));
        }
        let found = member(&tree, schema, &name.text, at);
        if found.is_none() {
            let known: Vec<&str> = ports().collect();
            return self.report(no_field(&format!("`{service}`"), name, &known));
        }
        found
    }

    fn port_part(
        &mut self,
        service: &Str,
        port: &Str,
        key: &Str,
        at: Span,
    ) -> Option<Spanned<Value>> {
        let (tree, _) = self.asked_tree(ResourceKind::Service, service, at)?;
        let mut blocks = tree.blocks.iter();
        let block = blocks.find(|(kind, block)| &**kind == "port" && block.label.name() == &**port);
        let (_, block) = block?;
        let attribute = block.attributes.iter().find(|it| it.key == *key);
        Some(attribute.map_or(Spanned::new(Value::None, at), |it| it.value.clone()))
    }

    fn resource_part(
        &mut self,
        kind: ResourceKind,
        resource: &Str,
        key: &Str,
        at: Span,
    ) -> Option<Spanned<Value>> {
        let (tree, schema) = self.asked_tree(kind, resource, at)?;
        member(&tree, schema, key, at)
    }

    /// What a resource's body says, evaluated once.
    fn asked_tree(
        &mut self,
        kind: ResourceKind,
        name: &Str,
        at: Span,
    ) -> Option<(Rc<Tree>, &'static BlockSchema)> {
        let Some(index) = self.resources.find(kind, name) else {
            let near = nearest(name, self.resources.names());
            let diagnostic = super::names::unknown_name(name, near, at);
            return self.report(diagnostic);
        };
        let schema = self.resources.get(index)?.schema;
        let known = self.test.as_ref().and_then(|test| test.trees.get(&index));
        if let Some(known) = known {
            return known.clone().map(|tree| (tree, schema));
        }
        let absent = self
            .test
            .as_mut()
            .map(|test| std::mem::take(&mut test.absent));
        let asking = self.ask(false);
        let tree = self.resource_tree(index, Part::All).map(|mut tree| {
            self.settle_tree(&mut tree, schema);
            Rc::new(tree)
        });
        self.ask(asking);
        if let (Some(test), Some(absent)) = (&mut self.test, absent) {
            test.absent = absent;
            test.trees.insert(index, tree.clone());
        }
        tree.map(|tree| (tree, schema))
    }

    /// Two values that are compared. A text that holds what only a target knows is compared with
    /// its like alone: whether it is another text, no test can tell.
    pub(super) fn comparable(
        &mut self,
        left: Spanned<Value>,
        right: Spanned<Value>,
        at: Span,
    ) -> Option<(Spanned<Value>, Spanned<Value>)> {
        let (left, right) = (self.numbered(left)?, self.numbered(right)?);
        let open = |value: &Value| matches!(value, Value::Text(Text::Pieces(_)));
        let known = |value: &Value| matches!(value, Value::Text(Text::Known(_)));
        let blame = match (&left.value, &right.value) {
            (a, b) if open(a) && known(b) => &left,
            (a, b) if known(a) && open(b) => &right,
            _ => return Some((left, right)),
        };
        let Value::Text(text) = &blame.value else {
            return None;
        };
        let diagnostic = targets_own(text, at);
        self.report(diagnostic.and(blame.span, "it comes from here"))
    }

    /// A text with the numbers of ports in it, which are known.
    fn numbered(&mut self, value: Spanned<Value>) -> Option<Spanned<Value>> {
        let Value::Text(Text::Pieces(pieces)) = &value.value else {
            return Some(value);
        };
        let mut known = Vec::with_capacity(pieces.len());
        for piece in pieces {
            known.push(match piece {
                Piece::Port {
                    service,
                    port,
                    part: PortPart::Number,
                } => {
                    let number = self.port_number(service, port, value.span)?;
                    Piece::Literal(number.to_string().into())
                }
                piece => piece.clone(),
            });
        }
        let text = Text::from_pieces(known);
        Some(Spanned::new(Value::Text(text), value.span))
    }

    /// `manifest(path)`, `manifest(path, kind)`, `manifest(path, kind, name)`
    pub(super) fn manifest(
        &mut self,
        path: &Spanned<Value>,
        which: &[Spanned<Value>],
        at: Span,
    ) -> Option<Value> {
        let span = path.span;
        let path = self.known_text(path)?;
        let mut words = Vec::with_capacity(which.len());
        for word in which {
            words.push(self.known_text(word)?);
        }
        let manifests = self.test.as_ref()?.manifests;
        match manifests.find(&path, &words) {
            Ok(value) => {
                self.measure(&value, at)?;
                Some(placed(value, at).value)
            }
            Err(why) => self.report(no_manifest(why, span)),
        }
    }
}

/// What a body says of one of its members; `None` where the vocabulary has no such word. Blocks
/// that may be many are a record by their labels, perhaps empty.
fn member(tree: &Tree, schema: &BlockSchema, key: &Str, at: Span) -> Option<Spanned<Value>> {
    let here = |value| Some(Spanned::new(value, at));
    let blocks = || tree.blocks.iter().filter(|(kind, _)| kind == key);
    match schema.member(key)?.shape {
        Shape::Attribute(_) | Shape::Entries(_) => {
            let attribute = tree.attributes.iter().find(|it| it.key == *key);
            attribute
                .map(|it| it.value.clone())
                .or_else(|| here(Value::None))
        }
        Shape::Block(inner) => match blocks().next() {
            Some((_, block)) => Some(record(block, inner)),
            None if inner.open().is_some() => here(Value::Record(Arc::default())),
            None => here(Value::None),
        },
        Shape::Blocks(inner) => {
            let records = blocks().map(|(_, block)| (labelled(&block.label), record(block, inner)));
            here(Value::Record(records.collect::<Vec<_>>().into()))
        }
    }
}

/// A block as a record of what is written in it.
fn record(tree: &Tree, schema: &BlockSchema) -> Spanned<Value> {
    let attributes = tree.attributes.iter();
    let mut fields: Vec<(Str, Spanned<Value>)> = attributes
        .map(|attribute| (attribute.key.clone(), attribute.value.clone()))
        .collect();
    for (kind, _) in &tree.blocks {
        if !fields.iter().any(|(known, _)| known == kind) {
            fields.extend(member(tree, schema, kind, tree.head).map(|it| (kind.clone(), it)));
        }
    }
    if let (LabelRule::Variant(_), Label::Name(word)) = (schema.label, &tree.label) {
        let word = Value::Text(Text::Known(word.clone()));
        fields.push((KIND.into(), Spanned::new(word, tree.head)));
    }
    Spanned::new(Value::Record(fields.into()), tree.head)
}

/// A block's label as a key: `/`, `backend`, `real.http`.
fn labelled(label: &Label) -> Str {
    match label {
        Label::None => "".into(),
        Label::Name(name) => name.clone(),
        Label::Reference(reference) => match reference {
            Reference::Port(owner, part) | Reference::ConfigKey(owner, part) => {
                format!("{owner}.{part}").into()
            }
            Reference::Service(name)
            | Reference::Network(name)
            | Reference::Volume(name)
            | Reference::Config(name)
            | Reference::Secret(name) => name.clone(),
        },
    }
}

fn absent(key: &str, known: &[&str]) -> String {
    match nearest(key, known.iter().copied()) {
        Some(near) => format!("there is no `{key}`, so it is `none`; did you mean `{near}`?"),
        None => format!("there is no `{key}`, so it is `none`"),
    }
}

fn nothing_there(name: &ast::Name, base: Span, source: &str) -> Diagnostic {
    Diagnostic::new(
        &catalogue::UNKNOWN_FIELD,
        format!("there is nothing here that could have a `{name}`"),
        name.span,
    )
    .and(
        base,
        format!("`{}` is `none`", super::refuted::one_line(source)),
    )
    .help("look at what is there first: compare it with `none`")
}

fn no_value(deploy: &ast::Deploy) -> Diagnostic {
    let name = &deploy.name;
    Diagnostic::new(
        &catalogue::MISSING_INPUT,
        format!("`{name}` has no value in this test, and no default"),
        name.span,
    )
    .help(format!("write `set {name} = …` in the test"))
}

fn targets_own(text: &Text, at: Span) -> Diagnostic {
    let piece = text.unknowns().next().map(ToString::to_string);
    let piece = piece.unwrap_or_default();
    Diagnostic::new(
        &catalogue::KNOWN_TOO_LATE,
        format!("`{piece}` is another text on each target"),
        at,
    )
    .labelled(format!("one side is `{text}`"))
    .help(format!(
        "compare it with the reference, `{}`, or look into a manifest: `manifest(\"…\")`",
        piece.trim_start_matches("${").trim_end_matches('}')
    ))
}

fn no_manifest(why: NoManifest, at: Span) -> Diagnostic {
    let diagnostic = Diagnostic::new(&catalogue::MISSING_MANIFEST, why.why, at);
    match why.help {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}
