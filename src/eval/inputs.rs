//! What is given from outside: `--set`, `--params`, and the values of parameters and variables.

use super::evaluator::{Evaluator, Memo};
use super::fit::fit;
use super::given::{from_json, from_text, placed};
use super::{DeployVariable, Inputs, VariableRange};
use crate::diagnostics::{Diagnostic, catalogue, nearest};
use crate::source::{FileId, Span, Spanned, Str};
use crate::syntax::ast::{self, Item};
use crate::types::{IntRange, Text, Ty, Value, VariableId};

/// A value from outside, as it came.
enum Given<'i> {
    Text(&'i str),
    Json(&'i serde_json::Value),
    Value(&'i Value),
}

impl<'a> Evaluator<'a> {
    /// Reads the inputs: parameters get their values, variables theirs for targets that have none.
    /// A name means the parameter or variable of that name in every module; `--set` wins over
    /// `--params`, and later over earlier.
    pub(super) fn take(&mut self, inputs: &Inputs) -> Vec<(Str, Value)> {
        let mut set = Vec::new();
        let params = inputs.params.iter();
        let params = params.map(|(name, value)| (name, Given::Json(value)));
        let direct = inputs.set.iter();
        let direct = direct.map(|(name, text)| (name, Given::Text(text)));
        let params = params.map(|(name, value)| (name.as_str(), value));
        let direct = direct.map(|(name, value)| (name.as_str(), value));
        let tested = inputs.values.iter();
        let tested = tested.map(|(name, value)| (&**name, Given::Value(value)));
        // The last of each name.
        let mut given: Vec<(&str, Given<'_>)> = Vec::new();
        for (name, value) in params.chain(direct).chain(tested) {
            match given.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => *known = value,
                None => given.push((name, value)),
            }
        }
        for (name, value) in given {
            let places = self.inputs_named(name);
            if places.is_empty() {
                let diagnostic = self.unknown_input(name);
                self.report::<()>(diagnostic);
            }
            for (file, index) in places {
                self.set_input(file, index, name, &value, &mut set);
            }
        }
        set
    }

    fn set_input(
        &mut self,
        file: FileId,
        index: usize,
        name: &str,
        given: &Given<'_>,
        set: &mut Vec<(Str, Value)>,
    ) {
        let (span, ty_span, is_variable) = match self.item_at(file, index) {
            Some(Item::Param(param)) => (param.name.span, param.ty.span, false),
            Some(Item::Deploy(deploy)) => (deploy.name.span, deploy.ty.span, true),
            _ => return,
        };
        let ty = self.item_type(file, index).cloned().unwrap_or(Ty::Any);
        let ty = match ty {
            Ty::Deploy(inner) => Ty::clone(&inner),
            ty => ty,
        };
        let read = match given {
            Given::Text(text) => from_text(text, &ty),
            Given::Json(json) => Some(from_json(json, &ty)),
            Given::Value(value) => Some(Value::clone(value)),
        };
        let fitted = if let Some(value) = read {
            fit(placed(value, span), &ty)
                .map_err(|misfit| (misfit.message(), misfit.is_refinement()))
        } else {
            let text = match given {
                Given::Text(text) => (*text).to_owned(),
                Given::Json(json) => json.to_string(),
                Given::Value(value) => super::shown::shown(value),
            };
            Err((format!("`{text}` is not a {ty}"), false))
        };
        let fitted = match fitted {
            Ok(value) => Some(value),
            Err((why, refinement)) => {
                self.report(invalid_input(name, &why, refinement, &ty, span, ty_span))
            }
        };
        if is_variable {
            set.extend(fitted.map(|value| (Str::from(name), value.value)));
        } else {
            self.items.insert((file, index), Memo::Done(fitted));
        }
    }

    /// The value of a parameter that was not given.
    pub(super) fn parameter(
        &mut self,
        file: FileId,
        index: usize,
        param: &'a ast::Param,
    ) -> Option<Spanned<Value>> {
        let Some(default) = &param.default else {
            return self.report(missing_input(param));
        };
        let mut scope = super::evaluator::Scope::top(file);
        let value = self.expression(default, &mut scope)?;
        match self.item_type(file, index) {
            Some(ty) => self.fitted(value, ty, Some((param.ty.span, &param.name.text))),
            None => Some(value),
        }
    }

    /// What a deploy-time variable is in an expression.
    pub(super) fn variable(
        &mut self,
        file: FileId,
        index: usize,
        deploy: &'a ast::Deploy,
    ) -> Option<Spanned<Value>> {
        if self.test.is_some() {
            return self.tested_variable(file, index, deploy);
        }
        let id = VariableId {
            name: deploy.name.text.clone(),
        };
        let value = match self.range_of(file, index) {
            VariableRange::Text => {
                Value::Text(Text::Pieces(vec![crate::types::Piece::Variable(id)]))
            }
            VariableRange::Whole(_) | VariableRange::Bool => Value::Variable(id),
        };
        Some(Spanned::new(value, deploy.name.span))
    }

    fn range_of(&self, file: FileId, index: usize) -> VariableRange {
        let ty = match self.item_type(file, index) {
            Some(Ty::Deploy(inner)) => inner,
            Some(ty) => ty,
            None => &Ty::Any,
        };
        match ty {
            Ty::Int(range) => VariableRange::Whole(*range),
            Ty::Bool => VariableRange::Bool,
            _ => VariableRange::Text,
        }
    }

    /// All deploy-time variables, and the asserts of all parameters.
    pub(super) fn variables(&mut self, set: &[(Str, Value)]) -> Vec<DeployVariable> {
        let mut variables: Vec<DeployVariable> = Vec::new();
        let (main, imported) = match self.program.modules.split_first() {
            Some((main, imported)) => (Some(main), imported),
            None => (None, &[][..]),
        };
        for module in imported.iter().chain(main) {
            let file = module.file.id;
            for (index, item) in module.file.items.iter().enumerate() {
                match item {
                    Item::Deploy(deploy) => {
                        let variable = self.deploy_variable(file, index, deploy, set);
                        let known = variables.iter().find(|known| known.id == variable.id);
                        match known {
                            None => variables.push(variable),
                            Some(known) if same_variable(known, &variable) => {}
                            Some(known) => {
                                let diagnostic = two_variables(&variable, known.span);
                                self.report::<()>(diagnostic);
                            }
                        }
                    }
                    Item::Param(param) => {
                        let value = self.item(file, index, param.name.span);
                        for assert in &param.asserts {
                            if value.is_some() {
                                let mut scope = super::evaluator::Scope::top(file);
                                self.assertion(assert, &mut scope);
                            }
                        }
                    }
                    Item::Let(item) => {
                        self.item(file, index, item.name.span);
                    }
                    _ => {}
                }
            }
        }
        variables
    }

    fn deploy_variable(
        &mut self,
        file: FileId,
        index: usize,
        deploy: &'a ast::Deploy,
        set: &[(Str, Value)],
    ) -> DeployVariable {
        let mut scope = super::evaluator::Scope::top(file);
        let default = deploy.default.as_ref().and_then(|default| {
            let value = self.expression(default, &mut scope)?;
            let ty = match self.item_type(file, index) {
                Some(Ty::Deploy(inner)) => inner,
                Some(ty) => ty,
                None => &Ty::Any,
            };
            self.fitted(value, ty, Some((deploy.ty.span, &deploy.name.text)))
        });
        let name = &deploy.name.text;
        let set = set.iter().find(|(known, _)| known == name);
        DeployVariable {
            id: VariableId { name: name.clone() },
            range: self.range_of(file, index),
            default,
            set: set.map(|(_, value)| value.clone()),
            span: deploy.name.span,
            doc: deploy.doc.clone(),
        }
    }

    /// The parameters and variables of a name, the main file's first.
    fn inputs_named(&self, name: &str) -> Vec<(FileId, usize)> {
        let mut found = Vec::new();
        for module in &self.program.modules {
            for (index, item) in module.file.items.iter().enumerate() {
                if input_name(item).is_some_and(|known| &*known.text == name) {
                    found.push((module.file.id, index));
                }
            }
        }
        found
    }

    fn unknown_input(&self, name: &str) -> Diagnostic {
        let items = self.program.modules.iter().flat_map(|it| &it.file.items);
        let known: Vec<&ast::Name> = items.filter_map(input_name).collect();
        let start = Span::new(FileId(0), 0, 0);
        let near = nearest(name, known.iter().map(|known| &*known.text));
        let declared = near.and_then(|near| known.iter().find(|known| &*known.text == near));
        let diagnostic = Diagnostic::new(
            &catalogue::UNKNOWN_INPUT,
            unknown_input(name),
            declared.map_or(start, |declared| declared.span),
        );
        match near {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None if known.is_empty() => diagnostic.help("it takes no inputs"),
            None => {
                let known: Vec<String> = known
                    .iter()
                    .take(8)
                    .map(|known| format!("`{}`", known.text))
                    .collect();
                diagnostic.help(format!("it takes {}", known.join(", ")))
            }
        }
    }
}

/// What is told of a value for a name that the program does not have.
pub fn unknown_input(name: &str) -> String {
    format!("the program has no `param` or `deploy` variable `{name}`")
}

fn input_name(item: &Item) -> Option<&ast::Name> {
    match item {
        Item::Param(param) => Some(&param.name),
        Item::Deploy(deploy) => Some(&deploy.name),
        _ => None,
    }
}

fn same_variable(a: &DeployVariable, b: &DeployVariable) -> bool {
    let default = |variable: &DeployVariable| {
        variable
            .default
            .as_ref()
            .map(|default| default.value.clone())
    };
    a.range == b.range && default(a) == default(b)
}

fn missing_input(param: &ast::Param) -> Diagnostic {
    let name = &param.name.text;
    Diagnostic::new(
        &catalogue::MISSING_INPUT,
        format!("`{name}` is given no value, and it has no default"),
        param.name.span,
    )
    .help(format!(
        "give one with `--set {name}=…`, or write a default"
    ))
}

fn invalid_input(
    name: &str,
    why: &str,
    refinement: bool,
    ty: &Ty,
    at: Span,
    declared: Span,
) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        &catalogue::INVALID_INPUT,
        format!("the value given for `{name}` does not fit: {why}"),
        at,
    )
    .and(declared, "declared so");
    let example = match ty {
        Ty::Int(IntRange::ALL) => "3",
        Ty::Bool => "true",
        Ty::Duration => "10s",
        Ty::Memory => "200MiB",
        Ty::Cpu => "0.5cpu",
        Ty::Percent => "25%",
        Ty::List(..) => "[1, 2]",
        _ => return diagnostic,
    };
    if refinement {
        return diagnostic;
    }
    diagnostic.help(format!("write it as in `--set {name}={example}`"))
}

fn two_variables(second: &DeployVariable, first: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::DUPLICATE_NAME,
        format!("`deploy {}` is declared twice, differently", second.id.name),
        second.span,
    )
    .and(first, "the first is here")
    .help("the environment has one variable of a name: declare it once and import it")
}
