//! Labels: whether a block has one, and whether it is of the kind the block takes.

use super::fit::one_of;
use super::mismatch::with_article;
use super::{Checker, place};
use crate::diagnostics::catalogue::{
    ALL, INVALID_LABEL, MISUSED_NAME, UNKNOWN_CODE, UNKNOWN_NAME, WRONG_LABEL, find,
};
use crate::diagnostics::{Diagnostic, nearest};
use crate::resolve::{Binding, UNREAD, resolve_path};
use crate::source::Span;
use crate::syntax::ast::{Block, Expr, Label, Name, Path};
use crate::types::{ResourceKind, Ty};
use crate::vocabulary::{BlockSchema, LabelRule};

/// The longest label of a service, as RFC 1123 has it for one label of a host name.
const LONGEST: usize = 63;

impl Checker<'_> {
    /// A block's label; false where its body is not to be looked at.
    pub(super) fn label(&mut self, block: &Block, schema: &BlockSchema, kind: &str) -> bool {
        let Some(label) = &block.label else {
            if schema.label != LabelRule::None {
                let found = missing_label(block, schema, kind);
                self.report(found);
            }
            return true;
        };
        match schema.label {
            LabelRule::None => {
                let found = unwanted_label(block, label.span(), kind);
                self.report(found);
            }
            LabelRule::Name => self.name_label(label, kind),
            LabelRule::Variant(words) => return self.variant(label, words, kind),
            LabelRule::Text => match label {
                Label::Text(text) => self.known_text(text, "a label"),
                other => {
                    let source = self.source(other.span());
                    let found = Diagnostic::new(
                        &WRONG_LABEL,
                        format!("the label of `{kind}` is a string"),
                        other.span(),
                    )
                    .help(format!("write `{kind} \"{source}\"`"));
                    self.report(found);
                }
            },
            LabelRule::Resource(wanted) => self.reference_label(label, kind, wanted, false),
            LabelRule::Port => self.reference_label(label, kind, ResourceKind::Service, true),
        }
        true
    }

    /// A name of the block's own.
    fn name_label(&mut self, label: &Label, kind: &str) {
        match label {
            Label::Path(path) => match path.as_name() {
                Some(name) if kind == "allow" => self.code(name),
                // A hyphen at the end was reported when it was read.
                Some(name) if name.text.ends_with('-') => {}
                Some(name) => self.own_name(name, kind),
                None => {
                    let text = path.to_string();
                    let found = Diagnostic::new(
                        &WRONG_LABEL,
                        format!("the label of `{kind}` is one name"),
                        path.span,
                    )
                    .help(format!(
                        "write `{kind} {}`, or a string: `{kind} \"{text}\"`",
                        text.replace('.', "-")
                    ));
                    self.report(found);
                }
            },
            Label::Text(text) => {
                self.known_text(text, "a label");
                if let Some(known) = text.as_text() {
                    let name = Name {
                        text: known.into(),
                        span: text.span,
                    };
                    if kind == "allow" {
                        self.code(&name);
                    } else {
                        self.own_name(&name, kind);
                    }
                }
            }
            Label::Reference(expr) => {
                let found = Diagnostic::new(
                    &WRONG_LABEL,
                    format!("the label of `{kind}` is a name of its own, not a reference"),
                    expr.span,
                )
                .help(format!("write `{kind} NAME`"));
                self.report(found);
            }
        }
    }

    fn own_name(&mut self, name: &Name, kind: &str) {
        if self.local(&name.text).is_some() && self.source(name.span) == &*name.text {
            let message = format!("this label is the word `{name}`, not the value of `{name}`");
            self.report(
                Diagnostic::new(&INVALID_LABEL, message, name.span)
                    .help(format!("write `{kind} \"${{{name}}}\"`"))
                    .replace(name.span, format!("\"${{{name}}}\"")),
            );
        } else if matches!(kind, "service" | "gateway") && !is_service_name(&name.text) {
            self.report(invalid_service_name(name, kind));
        }
    }

    /// The code of an `allow`.
    pub(super) fn code(&mut self, name: &Name) {
        if &*name.text == "downtime" || find(&name.text).is_some() {
            return;
        }
        let written = name.text.replace('_', "-");
        let known = ALL.iter().flat_map(|code| [code.name, code.id]);
        let near = nearest(&written, known.chain(["downtime"]));
        let message = format!("there is no diagnostic `{name}`");
        let diagnostic = Diagnostic::new(&UNKNOWN_CODE, message, name.span);
        self.report(match near {
            Some(near) => diagnostic
                .help(format!("did you mean `{near}`?"))
                .replace(name.span, near),
            None => {
                diagnostic.help("write the number or the name a diagnostic shows, or `downtime`")
            }
        });
    }

    /// One of the block's words; false where what it opens comes in a later version.
    fn variant(&mut self, label: &Label, words: &[&str], kind: &str) -> bool {
        let listed = || one_of(words.iter().map(|word| format!("`{word}`")).collect());
        let Some(word) = label.as_text() else {
            let found = Diagnostic::new(
                &WRONG_LABEL,
                format!("the label of `{kind}` is a word"),
                label.span(),
            )
            .help(format!("write {}", listed()));
            self.report(found);
            return true;
        };
        if !words.contains(&word) {
            let message = format!("there is no `{kind} {word}`");
            let diagnostic = Diagnostic::new(&WRONG_LABEL, message, label.span());
            let folded = word.to_ascii_lowercase().replace('-', "_");
            let near = words
                .iter()
                .copied()
                .find(|known| *known == folded)
                .or_else(|| nearest(word, words.iter().copied()));
            self.report(match near {
                Some(near) => diagnostic
                    .help(format!("did you mean `{near}`?"))
                    .replace(label.span(), near),
                None => diagnostic.help(format!("write {}", listed())),
            });
        }
        true
    }

    /// A label that names a thing of the graph.
    fn reference_label(&mut self, label: &Label, kind: &str, wanted: ResourceKind, port: bool) {
        match label {
            Label::Path(path) => self.path_label(path, kind, wanted, port),
            Label::Reference(expr) => self.expression_label(expr, kind, wanted, port),
            Label::Text(text) => {
                let word = wanted.word();
                let source = self.source(text.span);
                let rest = if port { ".http" } else { "" };
                let help = match text.as_text() {
                    Some(name) if crate::syntax::is_identifier(name) => {
                        format!("write `{kind} {name}{rest}`")
                    }
                    _ => format!("write `{kind} {word}[{source}]{rest}`"),
                };
                let message = format!("the label of `{kind}` names a {word}");
                let found = Diagnostic::new(&WRONG_LABEL, message, text.span)
                    .labelled("a string names nothing")
                    .help(help);
                self.report(found);
            }
        }
    }

    /// `service["user-1"].http`
    fn expression_label(&mut self, expr: &Expr, kind: &str, wanted: ResourceKind, port: bool) {
        let ty = self.infer(expr);
        let found = match ty {
            Ty::Any => return,
            Ty::PortReference if port => return,
            Ty::Resource(found) if found == wanted && !port => return,
            other => other,
        };
        self.wrong_reference(expr.span, kind, &with_article(&found), wanted, port);
    }

    fn path_label(&mut self, path: &Path, kind: &str, wanted: ResourceKind, port: bool) {
        let Some(head) = path.parts.first() else {
            return;
        };
        if let Some(local) = self.local(&head.text) {
            let ty = local.ty.clone();
            return self.local_label(&ty, path, kind, wanted, port);
        }
        let target = resolve_path(self.program, self.place(), path);
        let parts = path.parts.len() - target.used.min(path.parts.len());
        match target.binding {
            Binding::Resource(found) if found == wanted && parts == usize::from(port) => {}
            Binding::Resource(found) if found == wanted && port && parts == 0 => {
                let source = path.to_string();
                let message = format!("the label of `{kind}` names a port of a service");
                self.report(
                    Diagnostic::new(&WRONG_LABEL, message, path.span)
                        .labelled("this names the service alone")
                        .help(format!("add the port: `{kind} {source}.http`")),
                );
            }
            Binding::Resource(found) if found == wanted => {
                let message = format!("the label of `{kind}` is too long a path");
                let shorter: Vec<&str> = path
                    .parts
                    .iter()
                    .take(target.used + usize::from(port))
                    .map(|part| &*part.text)
                    .collect();
                self.report(
                    Diagnostic::new(&WRONG_LABEL, message, path.span)
                        .help(format!("write `{kind} {}`", shorter.join("."))),
                );
            }
            Binding::Resource(found) => {
                let article = with_article(&Ty::Resource(found));
                self.wrong_reference(path.span, kind, &article, wanted, port);
            }
            Binding::Item(file, index) => self.item_label(file, index, path, kind, wanted, port),
            Binding::Instance(instance) => {
                if let Some(part) = path.parts.get(target.used) {
                    self.part_binding(instance, head.span, part);
                } else {
                    let what = format!("the instance `{path}`");
                    self.wrong_reference(path.span, kind, &what, wanted, port);
                }
            }
            Binding::Import(UNREAD) => {}
            Binding::Import(module) => {
                if let Some(field) = path.parts.get(1) {
                    self.imported_binding(module, head.span, field);
                } else {
                    let what = format!("the file `{head}`");
                    self.wrong_reference(path.span, kind, &what, wanted, port);
                }
            }
            _ => self.unknown_resource(head, wanted),
        }
    }

    /// A parameter or loop variable as the head of a label.
    fn local_label(&mut self, ty: &Ty, path: &Path, kind: &str, wanted: ResourceKind, port: bool) {
        let fits = match ty {
            Ty::Any => true,
            Ty::Resource(found) => *found == wanted && path.parts.len() == 1 + usize::from(port),
            Ty::PortReference => port && path.parts.len() == 1,
            _ => false,
        };
        if !fits {
            let article = with_article(ty);
            self.wrong_reference(path.span, kind, &article, wanted, port);
        }
    }

    /// A `let` that holds a reference may be a label.
    fn item_label(
        &mut self,
        file: crate::source::FileId,
        index: usize,
        path: &Path,
        kind: &str,
        wanted: ResourceKind,
        port: bool,
    ) {
        let types = self.item_types.get(file.0 as usize);
        let ty = types.and_then(|types| types.get(index)).cloned();
        if let Some(ty) = ty.flatten() {
            self.local_label(&ty, path, kind, wanted, port);
        } else {
            let message = format!("`{path}` is no {}", wanted.word());
            self.report(Diagnostic::new(&MISUSED_NAME, message, path.span));
        }
    }

    fn wrong_reference(
        &mut self,
        at: Span,
        kind: &str,
        found: &str,
        wanted: ResourceKind,
        port: bool,
    ) {
        let wanted = wanted.word();
        let (what, help) = if port {
            ("a port of a service".to_owned(), "SERVICE.PORT")
        } else {
            (format!("a {wanted}"), "NAME")
        };
        self.report(
            Diagnostic::new(
                &WRONG_LABEL,
                format!("the label of `{kind}` names {what}, not {found}"),
                at,
            )
            .labelled(format!("this is {found}"))
            .help(format!("write `{kind} {help}`")),
        );
    }

    /// A resource that nothing declares; only resources of its kind are suggested.
    fn unknown_resource(&mut self, name: &Name, wanted: ResourceKind) {
        if self.program.unread_words.contains(&name.text) || self.may_be_computed(&name.text) {
            return;
        }
        let word = wanted.word();
        let names = self.program.module(self.file).map(|module| &module.names);
        let own = self.program.parts_at(self.place()).map(|own| &own.names);
        let known = names
            .into_iter()
            .chain(own)
            .flatten()
            .filter(|(_, definition)| {
                definition.kind == crate::resolve::DefinitionKind::Resource(wanted)
            });
        let near = nearest(&name.text, known.map(|(name, _)| &**name)).map(str::to_owned);
        let message = format!("there is no {word} `{name}`");
        let diagnostic = Diagnostic::new(&UNKNOWN_NAME, message, name.span);
        self.report(match near {
            Some(near) => diagnostic
                .help(format!("did you mean `{near}`?"))
                .replace(name.span, near),
            None => diagnostic.help(format!(
                "declare it at the top level: `{word} {name} {{ … }}`"
            )),
        });
    }
}

pub(super) fn is_service_name(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.len() <= LONGEST
        && name
            .bytes()
            .next()
            .is_some_and(|first| first.is_ascii_lowercase())
        && name.bytes().last().is_some_and(inner)
        && name.bytes().all(|byte| inner(byte) || byte == b'-')
}

fn invalid_service_name(name: &Name, kind: &str) -> Diagnostic {
    let message = if name.text.len() > LONGEST {
        format!(
            "the name of a {kind} has at most {LONGEST} characters, and this has {}",
            name.text.len()
        )
    } else {
        format!(
            "the name of a {kind} has lower-case letters, digits and inner hyphens, and begins with a letter"
        )
    };
    let diagnostic = Diagnostic::new(&INVALID_LABEL, message, name.span)
        .note("it becomes a DNS label (RFC 1123), which no target folds or cuts for you");
    match mended_service_name(&name.text) {
        Some(mended) => diagnostic
            .help(format!("write `{kind} {mended}`"))
            .replace(name.span, mended),
        None => diagnostic,
    }
}

/// A name of a service that is near to a text.
pub(super) fn mended_service_name(text: &str) -> Option<String> {
    let mended: String = text
        .to_ascii_lowercase()
        .replace(['_', '.', ' '], "-")
        .chars()
        .take(LONGEST)
        .collect();
    is_service_name(&mended).then_some(mended)
}

fn missing_label(block: &Block, schema: &BlockSchema, kind: &str) -> Diagnostic {
    let hint = place::label_hint(schema);
    let diagnostic = Diagnostic::new(
        &WRONG_LABEL,
        format!("`{kind}` needs a label"),
        block.kind.span,
    );
    match schema.label {
        LabelRule::Variant(words) => {
            let listed = words
                .iter()
                .map(|word| format!("`{kind} {word}`"))
                .collect();
            diagnostic.help(format!("write {}", one_of(listed)))
        }
        _ => diagnostic.help(format!("write `{kind}{hint} {{ … }}`")),
    }
}

fn unwanted_label(block: &Block, at: Span, kind: &str) -> Diagnostic {
    Diagnostic::new(&WRONG_LABEL, format!("`{kind}` takes no label"), at).help(
        if block.body.is_some() {
            format!("write `{kind} {{ … }}`")
        } else {
            format!("write `{kind} {{ … }}` with its attributes in braces")
        },
    )
}
