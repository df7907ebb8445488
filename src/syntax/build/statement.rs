//! Statements: what begins with a keyword.

use super::item::take;
use super::{Builder, Rule};
use crate::diagnostics::Diagnostic;
use crate::diagnostics::catalogue::SYNTAX_ERROR;
use crate::source::Span;
use crate::syntax::ast::{
    Argument, Assert, Deploy, For, Function, If, Import, ImportFrom, Item, Label, Let, Name, Param,
    Parameter, Path, Template, Test, TypeAlias, Use,
};
use pest::iterators::{Pair, Pairs};
use std::iter::Peekable;

impl<'i> Builder<'i> {
    pub(super) fn statement(&mut self, pair: Pair<'i, Rule>) -> Option<Item> {
        let span = self.span(&pair);
        let rule = pair.as_rule();
        if rule == Rule::set_item {
            return Some(Item::Set(self.attribute(pair)?));
        }
        let mut inner = pair.into_inner().peekable();
        Some(match rule {
            Rule::import => Item::Import(self.import(inner, span)?),
            Rule::param => Item::Param(Box::new(self.param(inner, span)?)),
            Rule::deploy => Item::Deploy(Box::new(self.deploy(inner, span)?)),
            Rule::binding => Item::Let(Box::new(self.binding(inner, span)?)),
            Rule::function => Item::Function(Box::new(self.function(inner, span)?)),
            Rule::type_alias => Item::Type(self.type_alias(inner, span)?),
            Rule::template => Item::Template(self.template(inner, span)?),
            Rule::component => Item::Component(self.template(inner, span)?),
            Rule::test => Item::Test(self.test(inner, span)?),
            Rule::use_item => Item::Use(self.use_item(inner, span)?),
            Rule::for_item => Item::For(Box::new(self.for_item(inner, span)?)),
            Rule::if_item => Item::If(self.if_item(inner, span)?),
            Rule::assert_item => Item::Assert(self.assert(inner, span)?),
            Rule::expect_item => Item::Expect(self.operators(inner.next()?)?),
            _ => return None,
        })
    }

    fn import(&mut self, mut inner: Peekable<Pairs<'i, Rule>>, span: Span) -> Option<Import> {
        let what = inner.next()?;
        let from = if what.as_rule() == Rule::path {
            ImportFrom::Std(self.path(what))
        } else {
            ImportFrom::File {
                span: self.span(&what),
                path: self.intern(what.as_str().trim_matches('"')),
            }
        };
        let alias = self.alias(&mut inner)?;
        if alias.is_none()
            && let ImportFrom::File { path, .. } = &from
        {
            self.diagnostics.push(nameless_import(path, span));
        }
        Some(Import { from, alias, span })
    }

    /// `as x`, where it stands; the outer `None` is a tree that no grammar gives.
    #[expect(clippy::option_option, reason = "absent is not the same as unreadable")]
    fn alias(&mut self, inner: &mut Peekable<Pairs<'i, Rule>>) -> Option<Option<Name>> {
        Some(match take(inner, Rule::alias) {
            Some(alias) => Some(self.name(&alias.into_inner().next()?)),
            None => None,
        })
    }

    fn param(&mut self, mut inner: Peekable<Pairs<'i, Rule>>, span: Span) -> Option<Param> {
        let doc = self.docs.above(self.original, span.start);
        let name = self.name(&inner.next()?);
        let ty = self.typed(inner.next()?)?;
        let default = match take(&mut inner, Rule::default) {
            Some(default) => Some(self.operators(default.into_inner().nth(1)?)?),
            None => None,
        };
        let mut asserts = Vec::new();
        if let Some(body) = inner.next() {
            for item in self.body(body).items {
                match item {
                    Item::Assert(assert) => asserts.push(assert),
                    Item::Broken(_) => {}
                    other => {
                        let diagnostic = no_assertion(other.span(), &name);
                        self.diagnostics.push(diagnostic);
                    }
                }
            }
        }
        Some(Param {
            name,
            ty,
            default,
            asserts,
            doc,
            span,
        })
    }

    fn deploy(&mut self, mut inner: Peekable<Pairs<'i, Rule>>, span: Span) -> Option<Deploy> {
        let doc = self.docs.above(self.original, span.start);
        let name = self.name(&inner.next()?);
        let ty = self.typed(inner.next()?)?;
        let default = match inner.next() {
            Some(default) => Some(self.operators(default.into_inner().nth(1)?)?),
            None => None,
        };
        Some(Deploy {
            name,
            ty,
            default,
            doc,
            span,
        })
    }

    fn binding(&mut self, mut inner: Peekable<Pairs<'i, Rule>>, span: Span) -> Option<Let> {
        let name = self.name(&inner.next()?);
        let ty = match take(&mut inner, Rule::typed) {
            Some(typed) => Some(self.typed(typed)?),
            None => None,
        };
        take(&mut inner, Rule::equals);
        let value = self.operators(inner.next()?)?;
        Some(Let {
            name,
            ty,
            value,
            span,
        })
    }

    fn function(&mut self, mut inner: Peekable<Pairs<'i, Rule>>, span: Span) -> Option<Function> {
        let doc = self.docs.above(self.original, span.start);
        let name = self.name(&inner.next()?);
        let parameters = self.parameters(inner.next()?)?;
        let result = self.typed(inner.next()?)?;
        take(&mut inner, Rule::equals);
        let value = self.operators(inner.next()?)?;
        Some(Function {
            name,
            parameters,
            result,
            value,
            doc,
            span,
        })
    }

    fn parameters(&mut self, pair: Pair<'i, Rule>) -> Option<Vec<Parameter>> {
        pair.into_inner()
            .map(|parameter| {
                let span = self.span(&parameter);
                let doc = self.docs.above(self.original, span.start);
                let mut inner = parameter.into_inner().peekable();
                let name = self.name(&inner.next()?);
                let ty = self.typed(inner.next()?)?;
                let default = match inner.next() {
                    Some(default) => Some(self.operators(default.into_inner().nth(1)?)?),
                    None => None,
                };
                Some(Parameter {
                    name,
                    ty,
                    default,
                    doc,
                })
            })
            .collect()
    }

    fn type_alias(
        &mut self,
        mut inner: Peekable<Pairs<'i, Rule>>,
        span: Span,
    ) -> Option<TypeAlias> {
        let name = self.name(&inner.next()?);
        take(&mut inner, Rule::equals);
        let ty = self.type_expr(inner.next()?)?;
        Some(TypeAlias { name, ty, span })
    }

    fn template(&mut self, mut inner: Peekable<Pairs<'i, Rule>>, span: Span) -> Option<Template> {
        let doc = self.docs.above(self.original, span.start);
        let name = self.name(&inner.next()?);
        let parameters = match take(&mut inner, Rule::parameters) {
            Some(parameters) => self.parameters(parameters)?,
            None => Vec::new(),
        };
        let body = self.body(inner.next()?);
        Some(Template {
            name,
            parameters,
            body,
            doc,
            span,
        })
    }

    fn test(&mut self, mut inner: Peekable<Pairs<'i, Rule>>, span: Span) -> Option<Test> {
        let name = self.string(inner.next()?);
        let body = self.body(inner.next()?);
        Some(Test { name, body, span })
    }

    fn use_item(&mut self, mut inner: Peekable<Pairs<'i, Rule>>, span: Span) -> Option<Use> {
        let path = self.path(inner.next()?);
        let arguments = match take(&mut inner, Rule::call) {
            Some(call) => self.arguments(call)?,
            None => Vec::<Argument>::new(),
        };
        let alias = match take(&mut inner, Rule::instance) {
            Some(instance) => Some(self.instance(instance)?),
            None => None,
        };
        Some(Use {
            path,
            arguments,
            alias,
            span,
        })
    }

    fn instance(&mut self, pair: Pair<'i, Rule>) -> Option<Label> {
        let name = pair.into_inner().next()?;
        Some(if name.as_rule() == Rule::name {
            let name = self.name(&name);
            Label::Path(Path {
                span: name.span,
                parts: vec![name],
            })
        } else {
            Label::Text(self.string(name))
        })
    }

    fn for_item(&mut self, mut inner: Peekable<Pairs<'i, Rule>>, span: Span) -> Option<For> {
        let (first, second, over) = self.variables(inner.next()?)?;
        let body = self.body(inner.next()?);
        Some(For {
            first,
            second,
            over,
            body,
            span,
        })
    }

    fn if_item(&mut self, mut inner: Peekable<Pairs<'i, Rule>>, span: Span) -> Option<If> {
        let mut branches = Vec::new();
        let mut otherwise = None;
        while let Some(pair) = inner.next() {
            if pair.as_rule() == Rule::else_word {
                continue;
            }
            if pair.as_rule() == Rule::body {
                otherwise = Some(self.body(pair));
            } else {
                let condition = self.operators(pair)?;
                branches.push((condition, self.body(inner.next()?)));
            }
        }
        Some(If {
            branches,
            otherwise,
            span,
        })
    }

    fn assert(&mut self, mut inner: Peekable<Pairs<'i, Rule>>, span: Span) -> Option<Assert> {
        let condition = self.operators(inner.next()?)?;
        take(&mut inner, Rule::comma);
        let message = self.string(inner.next()?);
        Some(Assert {
            condition,
            message,
            span,
        })
    }
}

fn nameless_import(path: &str, span: Span) -> Diagnostic {
    let file = path.rsplit('/').next().unwrap_or(path);
    let stem = file.strip_suffix(".zd").unwrap_or(file);
    let stem = if crate::syntax::is_identifier(stem) {
        stem
    } else {
        "lib"
    };
    let after = Span {
        start: span.end,
        ..span
    };
    Diagnostic::new(
        &SYNTAX_ERROR,
        "an imported file needs a name to be used by",
        span,
    )
    .help(format!("write `import \"{path}\" as {stem}`"))
    .replace(after, format!(" as {stem}"))
}

fn no_assertion(span: Span, param: &Name) -> Diagnostic {
    Diagnostic::new(
        &SYNTAX_ERROR,
        format!("the braces of `param {}` hold assertions alone", param.text),
        span,
    )
    .help("write `assert condition, \"message\"`, or move this out of the braces")
}
