//! What a number must satisfy: sums and products of named quantities, evaluated and written from
//! one tree, so that what is explained cannot differ from what is computed.

use crate::types::Duration;
use std::fmt;

/// A quantity, or a sum or product of some. Times are in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Term {
    /// A time with its name.
    Time(&'static str, Duration),
    /// A number of things with its name.
    Count(&'static str, u64),
    /// A time that is a fact of an engine, and has no name.
    Fixed(Duration),
    /// A number that stands for itself.
    Number(u64),
    /// All of them together.
    Sum(Vec<Term>),
    /// The first without the second; never below zero.
    Difference(Box<Term>, Box<Term>),
    /// The first so many times.
    Product(Box<Term>, Box<Term>),
    /// How often the second goes into the first, rounded up.
    Times(Box<Term>, Box<Term>),
}

impl Term {
    /// So many of it.
    pub fn times(count: Term, each: Term) -> Self {
        Term::Product(Box::new(count), Box::new(each))
    }

    /// The first without the second.
    pub fn without(all: Term, less: Term) -> Self {
        Term::Difference(Box::new(all), Box::new(less))
    }

    /// How many of `each` cover `whole`.
    pub fn covering(whole: Term, each: Term) -> Self {
        Term::Times(Box::new(whole), Box::new(each))
    }

    /// Its value: milliseconds of a time, or a count. Large ones stop at the largest number.
    pub fn value(&self) -> u64 {
        match self {
            Term::Time(_, time) | Term::Fixed(time) => time.millis,
            Term::Count(_, count) | Term::Number(count) => *count,
            Term::Sum(terms) => terms
                .iter()
                .fold(0, |sum, term| sum.saturating_add(term.value())),
            Term::Difference(all, less) => all.value().saturating_sub(less.value()),
            Term::Product(count, each) => count.value().saturating_mul(each.value()),
            Term::Times(whole, each) => whole.value().div_ceil(each.value().max(1)),
        }
    }

    /// By the names: `retries * (interval + timeout)`.
    pub fn names(&self) -> String {
        self.text(By::Name)
    }

    /// By the numbers: `3 * (5s + 2s)`.
    pub fn numbers(&self) -> String {
        self.text(By::Value)
    }

    /// Its value as a time.
    pub fn time(&self) -> Duration {
        Duration::from_millis(self.value())
    }

    fn is_time(&self) -> bool {
        match self {
            Term::Time(..) | Term::Fixed(_) => true,
            Term::Count(..) | Term::Number(_) | Term::Times(..) => false,
            Term::Sum(terms) => terms.iter().any(Term::is_time),
            Term::Difference(one, other) | Term::Product(one, other) => {
                one.is_time() || other.is_time()
            }
        }
    }

    fn is_compound(&self) -> bool {
        matches!(
            self,
            Term::Sum(_) | Term::Difference(..) | Term::Product(..) | Term::Times(..)
        )
    }

    fn show(&self, by: By, out: &mut String) {
        match (self, by) {
            (Term::Time(name, _) | Term::Count(name, _), By::Name) => out.push_str(name),
            (Term::Time(_, time), By::Value) | (Term::Fixed(time), _) => {
                out.push_str(&time.to_string());
            }
            (Term::Count(_, count), By::Value) | (Term::Number(count), _) => {
                out.push_str(&count.to_string());
            }
            (Term::Sum(terms), _) => {
                for (index, term) in terms.iter().enumerate() {
                    if index > 0 {
                        out.push_str(" + ");
                    }
                    term.show(by, out);
                }
            }
            (Term::Difference(all, less), _) => {
                all.show(by, out);
                out.push_str(" - ");
                less.show_factor(by, out);
            }
            (Term::Product(count, each), _) => {
                count.show_factor(by, out);
                out.push_str(" * ");
                each.show_factor(by, out);
            }
            (Term::Times(whole, each), _) => {
                out.push_str("ceil(");
                whole.show_factor(by, out);
                out.push_str(" / ");
                each.show_factor(by, out);
                out.push(')');
            }
        }
    }

    /// A sum as one part of a product.
    fn show_factor(&self, by: By, out: &mut String) {
        if matches!(self, Term::Sum(_) | Term::Difference(..)) {
            out.push('(');
            self.show(by, out);
            out.push(')');
        } else {
            self.show(by, out);
        }
    }

    /// By the numbers, and what comes of them.
    fn worked_out(&self) -> String {
        let text = self.text(By::Value);
        match (self.is_compound(), self.is_time()) {
            (false, _) => text,
            (true, true) => format!("{text} = {}", self.time()),
            (true, false) => format!("{text} = {}", self.value()),
        }
    }

    fn text(&self, by: By) -> String {
        let mut out = String::new();
        self.show(by, &mut out);
        out
    }
}

#[derive(Clone, Copy)]
enum By {
    Name,
    Value,
}

/// How two sides compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// `>=`
    AtLeast,
    /// `<=`
    AtMost,
    /// `>`
    MoreThan,
    /// `<`
    LessThan,
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Relation::AtLeast => ">=",
            Relation::AtMost => "<=",
            Relation::MoreThan => ">",
            Relation::LessThan => "<",
        })
    }
}

/// Something that must hold of a policy's numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inequality {
    left: Term,
    relation: Relation,
    right: Term,
}

impl Inequality {
    /// `left relation right`.
    pub fn new(left: Term, relation: Relation, right: Term) -> Self {
        Self {
            left,
            relation,
            right,
        }
    }

    /// Whether it does.
    pub fn holds(&self) -> bool {
        let (left, right) = (self.left.value(), self.right.value());
        match self.relation {
            Relation::AtLeast => left >= right,
            Relation::AtMost => left <= right,
            Relation::MoreThan => left > right,
            Relation::LessThan => left < right,
        }
    }

    /// By how much the left side is too small, where it is to be the larger one.
    pub(in crate::rollout) fn missing(&self) -> u64 {
        self.right.value().saturating_sub(self.left.value())
    }

    /// The least of the first time on the left with which it holds, where more of that makes it hold.
    pub(in crate::rollout) fn least_left(&self) -> Option<Duration> {
        let beside = match &self.left {
            Term::Time(..) => 0,
            Term::Sum(terms) => match terms.split_first()? {
                (Term::Time(..), rest) => Term::Sum(rest.to_vec()).value(),
                _ => return None,
            },
            // As many tries as cover a time: with that time they do.
            Term::Product(..) if self.left.is_time() => 0,
            _ => return None,
        };
        let least = match self.relation {
            Relation::AtLeast => self.right.value(),
            Relation::MoreThan => self.right.value().saturating_add(1),
            Relation::AtMost | Relation::LessThan => return None,
        };
        Some(Duration::from_millis(least.saturating_sub(beside)))
    }

    /// By the names: `delay >= retries * (interval + timeout)`.
    pub fn law(&self) -> String {
        let (left, right) = (self.left.names(), self.right.names());
        format!("{left} {} {right}", self.relation)
    }

    /// With the numbers in their places: `21s >= 3 * (5s + 2s) = 21s`.
    pub fn numbers(&self) -> String {
        let (left, right) = (self.left.worked_out(), self.right.worked_out());
        format!("{left} {} {right}", self.relation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(name: &'static str, seconds: u64) -> Term {
        Term::Time(name, Duration::from_seconds(seconds))
    }

    #[test]
    fn one_tree_gives_value_names_and_numbers() {
        let probe = Term::Sum(vec![seconds("interval", 5), seconds("timeout", 2)]);
        let all = Term::Sum(vec![
            Term::times(Term::Count("retries", 3), probe),
            Term::Fixed(Duration::from_millis(1500)),
        ]);
        let holds = Inequality::new(seconds("delay", 23), Relation::AtLeast, all.clone());
        assert_eq!(
            holds.law(),
            "delay >= retries * (interval + timeout) + 1s500ms"
        );
        assert_eq!(holds.numbers(), "23s >= 3 * (5s + 2s) + 1s500ms = 22s500ms");
        assert!(holds.holds());
        let fails = Inequality::new(seconds("delay", 22), Relation::AtLeast, all);
        assert!(!fails.holds());
    }

    #[test]
    fn a_difference_of_counts_is_no_time() {
        let left = Term::without(Term::Count("replicas", 3), Term::Count("parallelism", 1));
        let least = Inequality::new(left, Relation::AtLeast, Term::Count("min_available", 2));
        assert_eq!(least.numbers(), "3 - 1 = 2 >= 2");
    }

    #[test]
    fn what_covers_a_time_is_rounded_up() {
        let tries = Term::covering(seconds("start_period", 21), seconds("interval", 10));
        assert_eq!(tries.value(), 3);
        let forever = Term::covering(seconds("start_period", 1), seconds("interval", 0));
        assert_eq!(forever.value(), 1000);
    }

    #[test]
    fn nothing_overflows() {
        let most = Term::times(
            Term::Count("retries", u64::MAX),
            Term::Fixed(Duration::from_millis(u64::MAX)),
        );
        assert_eq!(Term::Sum(vec![most.clone(), most]).value(), u64::MAX);
    }
}
