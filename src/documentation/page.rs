//! A page, item by item.

use super::{Module, parts};
use crate::source::Span;
use crate::syntax::ast::{self, Expr, Item, Parameter};
use std::fmt::Write as _;

/// A page that is being written.
pub(super) struct Page<'a> {
    text: &'a str,
    out: String,
}

impl<'a> Page<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            out: String::new(),
        }
    }

    /// The page: the introduction, then the items by kind, each kind in the order declared.
    pub(super) fn write(mut self, module: Module<'_>, file: &ast::File) -> String {
        self.line(&format!("# {}", module.title));
        let introduction = super::introduction(self.text, file);
        if !introduction.is_empty() {
            self.paragraph(&introduction);
        }
        let alias = module.import.map_or(String::new(), |(import, alias)| {
            self.fenced(import);
            format!("{alias}.")
        });
        let items = &file.items;
        for item in items {
            match item {
                Item::Param(it) => {
                    let default = it.default.as_ref();
                    self.value("param", &it.name, &it.ty, default, it.doc.as_deref());
                }
                Item::Deploy(it) => {
                    let default = it.default.as_ref();
                    self.value("deploy", &it.name, &it.ty, default, it.doc.as_deref());
                }
                _ => {}
            }
        }
        for item in items {
            match item {
                Item::Type(it) => {
                    self.heading("type", &it.name.text);
                    self.fenced(self.source(it.span));
                }
                Item::Function(it) => {
                    let result = format!(": {}", self.source(it.result.span));
                    let head = format!(
                        "{alias}{}{}{result}",
                        it.name,
                        self.signature(&it.parameters)
                    );
                    self.callable("fn", &it.name, &head, it.doc.as_deref(), &it.parameters);
                }
                _ => {}
            }
        }
        for item in items {
            if let Item::Template(it) = item {
                let head = format!("use {alias}{}{}", it.name, self.signature(&it.parameters));
                self.callable(
                    "template",
                    &it.name,
                    &head,
                    it.doc.as_deref(),
                    &it.parameters,
                );
            }
        }
        for item in items {
            if let Item::Component(it) = item {
                let signature = self.signature(&it.parameters);
                let head = format!("use {alias}{}{signature} as NAME", it.name);
                self.callable(
                    "component",
                    &it.name,
                    &head,
                    it.doc.as_deref(),
                    &it.parameters,
                );
                self.parts(&it.body);
            }
        }
        for item in items {
            if let Item::Block(block) = item
                && crate::resolve::resource_kind(&block.kind.text).is_some()
                && let Some(label) = &block.label
            {
                self.heading(&block.kind.text, self.source(label.span()));
                self.doc(block.doc.as_deref());
            }
        }
        self.out
    }

    /// A parameter or variable of the program.
    fn value(
        &mut self,
        kind: &str,
        name: &ast::Name,
        ty: &ast::TypeExpr,
        default: Option<&Expr>,
        doc: Option<&str>,
    ) {
        self.heading(kind, &name.text);
        let default = default.map_or(String::new(), |it| format!(" = {}", self.source(it.span)));
        self.fenced(&format!("{kind} {name}: {}{default}", self.source(ty.span)));
        self.doc(doc);
    }

    /// What takes parameters.
    fn callable(
        &mut self,
        kind: &str,
        name: &ast::Name,
        head: &str,
        doc: Option<&str>,
        parameters: &[Parameter],
    ) {
        self.heading(kind, &name.text);
        self.doc(doc);
        self.fenced(head);
        if parameters.is_empty() {
            return;
        }
        self.line("\n| parameter | type | default | |\n|---|---|---|---|");
        for parameter in parameters {
            let default = parameter
                .default
                .as_ref()
                .map_or(String::new(), |it| code(self.source(it.span)));
            let row = format!(
                "| `{}` | {} | {default} | {} |",
                parameter.name,
                code(self.source(parameter.ty.span)),
                cell(parameter.doc.as_deref().unwrap_or_default())
            );
            self.line(&row);
        }
    }

    /// `(a: T, b: U = v)`; on lines of their own where they are many.
    fn signature(&self, parameters: &[Parameter]) -> String {
        let written: Vec<String> = parameters
            .iter()
            .map(|parameter| {
                let default = parameter
                    .default
                    .as_ref()
                    .map_or(String::new(), |it| format!(" = {}", self.source(it.span)));
                let ty = self.source(parameter.ty.span);
                format!("{}: {ty}{default}", parameter.name)
            })
            .collect();
        let short = written.join(", ");
        if short.len() <= 72 {
            return format!("({short})");
        }
        format!("(\n  {}\n)", written.join(",\n  "))
    }

    /// What a component's instance holds.
    fn parts(&mut self, body: &ast::Body) {
        let parts = parts::of(body);
        if parts.is_empty() {
            return;
        }
        self.line("\n| part | what | ports |\n|---|---|---|");
        for part in parts {
            let ports: Vec<String> = part
                .ports
                .iter()
                .map(|(name, number)| match number {
                    Some(number) => format!("`{name}` {}", self.source(*number)),
                    None => format!("`{name}`"),
                })
                .collect();
            let name = code(self.source(part.name));
            let row = format!("| {name} | {} | {} |", part.kind, ports.join(", "));
            self.line(&row);
        }
    }

    fn heading(&mut self, kind: &str, name: &str) {
        self.line(&format!("\n## {kind} `{name}`"));
    }

    fn doc(&mut self, doc: Option<&str>) {
        if let Some(doc) = doc {
            self.paragraph(doc);
        }
    }

    fn paragraph(&mut self, text: &str) {
        // Writing to a string never fails.
        let _ = write!(self.out, "\n{}\n", text.trim_end());
    }

    fn fenced(&mut self, code: &str) {
        // Longer than any row of backticks in it.
        let longest = code.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(longest.max(2) + 1);
        let _ = write!(self.out, "\n{fence}zd,fragment\n{code}\n{fence}\n");
    }

    fn line(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push('\n');
    }

    /// What was written; a text over several lines as it is.
    fn source(&self, span: Span) -> &'a str {
        self.text
            .get(span.start as usize..span.end as usize)
            .unwrap_or_default()
    }
}

/// Source within a table.
fn code(source: &str) -> String {
    let line = source.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.contains('`') {
        return cell(&line);
    }
    format!("`{}`", line.replace('|', "\\|"))
}

/// A doc comment within a table.
fn cell(doc: &str) -> String {
    let line = doc.split_whitespace().collect::<Vec<_>>().join(" ");
    line.replace('|', "\\|")
}
