//! Types as written.

use super::item::take;
use super::{Builder, Rule};
use crate::syntax::ast::{Name, TypeExpr, TypeKind};
use pest::iterators::Pair;

impl<'i> Builder<'i> {
    /// `: TYPE`
    pub(super) fn typed(&mut self, pair: Pair<'i, Rule>) -> Option<TypeExpr> {
        self.type_expr(pair.into_inner().nth(1)?)
    }

    pub(super) fn type_expr(&mut self, pair: Pair<'i, Rule>) -> Option<TypeExpr> {
        let span = self.span(&pair);
        let mut terms: Vec<TypeExpr> = pair
            .into_inner()
            .map(|term| self.type_term(term))
            .collect::<Option<_>>()?;
        if terms.len() == 1 {
            return terms.pop();
        }
        let kind = TypeKind::Union(terms);
        Some(TypeExpr { kind, span })
    }

    fn type_term(&mut self, pair: Pair<'i, Rule>) -> Option<TypeExpr> {
        let span = self.span(&pair);
        let mut inner = pair.into_inner().peekable();
        let head = inner.next()?;
        let head_span = self.span(&head);
        let kind = match head.as_rule() {
            Rule::plain => TypeKind::Member(self.intern(head.as_str().trim_matches('"'))),
            Rule::type_record => TypeKind::Record(self.type_fields(head)?),
            _ => {
                let path = self.path(head);
                let parameters = match take(&mut inner, Rule::type_list) {
                    Some(list) => list
                        .into_inner()
                        .filter(|pair| pair.as_rule() == Rule::type_expr)
                        .map(|ty| self.type_expr(ty))
                        .collect::<Option<_>>()?,
                    None => Vec::new(),
                };
                let refinement = match take(&mut inner, Rule::call) {
                    Some(call) => self.arguments(call)?,
                    None => Vec::new(),
                };
                TypeKind::Named {
                    path,
                    parameters,
                    refinement,
                }
            }
        };
        let Some(mark) = inner.next() else {
            return Some(TypeExpr { kind, span });
        };
        let mut inside = head_span.to(span);
        inside.end = self.span(&mark).start;
        let ty = TypeExpr { kind, span: inside };
        let kind = TypeKind::Optional(Box::new(ty));
        Some(TypeExpr { kind, span })
    }

    fn type_fields(&mut self, pair: Pair<'i, Rule>) -> Option<Vec<(Name, TypeExpr)>> {
        pair.into_inner()
            .filter(|pair| pair.as_rule() == Rule::type_field)
            .map(|field| {
                let mut inner = field.into_inner();
                let name = self.name(&inner.next()?);
                Some((name, self.typed(inner.next()?)?))
            })
            .collect()
    }
}
