//! The syntax tree: what was written, nothing about what it means.
//!
//! Bodies are generic: an item is an attribute, a block or a statement, and the vocabulary
//! decides later which words are allowed where. Every node keeps its span. An item that could
//! not be read is an [`Item::Broken`] with its text's span, so that a syntax error loses one item.

use crate::source::{FileId, Span, Str};
use crate::types::{Cidr, Cpu, Date, Duration, Memory, Percent};
use std::fmt;
use std::net::Ipv4Addr;

/// One file.
#[derive(Clone, Debug)]
pub struct File {
    /// Which file.
    pub id: FileId,
    /// Its items, in order.
    pub items: Vec<Item>,
    /// Its `//` comments, in order; doc comments are on their items.
    pub comments: Vec<Comment>,
    /// How many expressions it has: [`ExprId`]s are below this.
    pub expressions: u32,
}

/// A `//` comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// Where it stands, slashes included.
    pub span: Span,
    /// Whether code stands before it on its line.
    pub trailing: bool,
}

/// An identifier.
#[derive(Clone, Debug)]
pub struct Name {
    /// Its text.
    pub text: Str,
    /// Where it stands.
    pub span: Span,
}

/// A dotted path, such as `infra.redis` or `real.http`; never empty.
#[derive(Clone, Debug)]
pub struct Path {
    /// Its parts.
    pub parts: Vec<Name>,
    /// All of it.
    pub span: Span,
}

impl Path {
    /// Its name, where it has no dots.
    pub fn as_name(&self) -> Option<&Name> {
        match self.parts.as_slice() {
            [name] => Some(name),
            _ => None,
        }
    }
}

/// As it was written: `infra.redis`.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.parts.iter().enumerate() {
            let dot = if index == 0 { "" } else { "." };
            write!(f, "{dot}{}", part.text)?;
        }
        Ok(())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The items between two braces.
#[derive(Clone, Debug)]
pub struct Body {
    /// In order.
    pub items: Vec<Item>,
    /// Both braces included.
    pub span: Span,
}

/// One item of a file or a body. Which are allowed where is for the check to say. The large ones that
/// are rare are boxed: a file of thousands of services is a list of attributes and blocks.
#[derive(Clone, Debug)]
pub enum Item {
    /// `key = expression`
    Attribute(Attribute),
    /// `kind [label] [{ body }]`
    Block(Block),
    /// `import "./x.zd" as x`, `import std.web`
    Import(Import),
    /// `param NAME: TYPE [= default] [{ assert … }]`
    Param(Box<Param>),
    /// `deploy NAME: TYPE [= default]`
    Deploy(Box<Deploy>),
    /// `let NAME [: TYPE] = expression`
    Let(Box<Let>),
    /// `fn NAME(a: T): R = expression`
    Function(Box<Function>),
    /// `type NAME = TYPE`
    Type(TypeAlias),
    /// `template NAME(params) { … }`
    Template(Template),
    /// `component NAME(params) { … }`
    Component(Template),
    /// `test "name" { … }`
    Test(Test),
    /// `use NAME(args) [as x]`
    Use(Use),
    /// `for x[, y] in list { … }`
    For(Box<For>),
    /// `if c { … } else if d { … } else { … }`
    If(If),
    /// `assert condition, "message"`
    Assert(Assert),
    /// `set NAME = value` in a test.
    Set(Attribute),
    /// `expect EXPR` in a test.
    Expect(Expr),
    /// Text that is no item; already reported.
    Broken(Span),
}

impl Item {
    /// Where it stands.
    pub fn span(&self) -> Span {
        match self {
            Item::Attribute(item) | Item::Set(item) => item.span,
            Item::Block(item) => item.span,
            Item::Import(item) => item.span,
            Item::Param(item) => item.span,
            Item::Deploy(item) => item.span,
            Item::Let(item) => item.span,
            Item::Function(item) => item.span,
            Item::Type(item) => item.span,
            Item::Template(item) | Item::Component(item) => item.span,
            Item::Test(item) => item.span,
            Item::Use(item) => item.span,
            Item::For(item) => item.span,
            Item::If(item) => item.span,
            Item::Assert(item) => item.span,
            Item::Expect(expr) => expr.span,
            Item::Broken(span) => *span,
        }
    }
}

/// `key = expression`
#[derive(Clone, Debug)]
pub struct Attribute {
    /// The key; more than one part only inside `patch`.
    pub key: Key,
    /// The value.
    pub value: Expr,
    /// All of it.
    pub span: Span,
}

/// A key: a name or a quoted string, with dots and indices inside `patch`.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its parts; never empty.
    pub parts: Vec<KeyPart>,
    /// All of it.
    pub span: Span,
}

impl Key {
    /// Its name, where it is one bare word.
    pub fn as_name(&self) -> Option<&Name> {
        match self.parts.as_slice() {
            [KeyPart::Name(name)] => Some(name),
            _ => None,
        }
    }

    /// Its text, where it is one bare word or one quoted string without interpolation.
    pub fn as_text(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [KeyPart::Name(name)] => Some(&name.text),
            [KeyPart::Text(text)] => text.as_text(),
            _ => None,
        }
    }
}

/// One part of a key.
#[derive(Clone, Debug)]
pub enum KeyPart {
    /// A bare name.
    Name(Name),
    /// A quoted key; it may hold interpolations.
    Text(Expr),
    /// `[3]` or `["x"]`.
    Index(Expr),
}

/// `kind [label] [{ body }]`
#[derive(Clone, Debug)]
pub struct Block {
    /// `service`, `health`, `port` and so on.
    pub kind: Name,
    /// What stands between the kind and the body.
    pub label: Option<Label>,
    /// The body; a label alone is a block too: `join backend`.
    pub body: Option<Body>,
    /// The `///` lines above, joined, one leading space stripped from each.
    pub doc: Option<Str>,
    /// All of it.
    pub span: Span,
}

impl Block {
    /// The kind and the label, without the body: what a message points at.
    pub fn head(&self) -> Span {
        match &self.label {
            Some(label) => self.kind.span.to(label.span()),
            None => self.kind.span,
        }
    }
}

/// A block's label.
#[derive(Clone, Debug)]
pub enum Label {
    /// A name or a dotted path: `http`, `real.http`, `infra.edge`.
    Path(Path),
    /// A string, perhaps with interpolation: `"user-${n}"`, `"/var/log"`.
    Text(Expr),
    /// An indexed reference with optional fields: `service["user-1"].http`.
    Reference(Expr),
}

impl Label {
    /// Its text, where it is one bare word or a string without interpolation.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Label::Path(path) => path.as_name().map(|name| &*name.text),
            Label::Text(text) => text.as_text(),
            Label::Reference(_) => None,
        }
    }

    /// Where it stands.
    pub fn span(&self) -> Span {
        match self {
            Label::Path(path) => path.span,
            Label::Text(expr) | Label::Reference(expr) => expr.span,
        }
    }
}

/// `import "./x.zd" as x` or `import std.web [as web]`
#[derive(Clone, Debug)]
pub struct Import {
    /// What is imported.
    pub from: ImportFrom,
    /// The name it goes by here; required for a file, the last part for `std`.
    pub alias: Option<Name>,
    /// All of it.
    pub span: Span,
}

/// What an import names.
#[derive(Clone, Debug)]
pub enum ImportFrom {
    /// A file, by its path from the importing one.
    File {
        /// The path as written.
        path: Str,
        /// Where it stands, quotes included.
        span: Span,
    },
    /// A module of the standard library.
    Std(Path),
}

/// `param NAME: TYPE [= default] [{ assert … }]`
#[derive(Clone, Debug)]
pub struct Param {
    /// The name.
    pub name: Name,
    /// The type.
    pub ty: TypeExpr,
    /// The value where none is given.
    pub default: Option<Expr>,
    /// Constraints.
    pub asserts: Vec<Assert>,
    /// The `///` lines above.
    pub doc: Option<Str>,
    /// All of it.
    pub span: Span,
}

/// `deploy NAME: TYPE [= default]`
#[derive(Clone, Debug)]
pub struct Deploy {
    /// The name; the environment variable's name too.
    pub name: Name,
    /// The type, perhaps with a range.
    pub ty: TypeExpr,
    /// The value where the environment has none.
    pub default: Option<Expr>,
    /// The `///` lines above.
    pub doc: Option<Str>,
    /// All of it.
    pub span: Span,
}

/// `let NAME [: TYPE] = expression`
#[derive(Clone, Debug)]
pub struct Let {
    /// The name.
    pub name: Name,
    /// The declared type.
    pub ty: Option<TypeExpr>,
    /// The value.
    pub value: Expr,
    /// All of it.
    pub span: Span,
}

/// `fn NAME(a: T): R = expression`
#[derive(Clone, Debug)]
pub struct Function {
    /// The name.
    pub name: Name,
    /// The parameters.
    pub parameters: Vec<Parameter>,
    /// What it returns.
    pub result: TypeExpr,
    /// The body.
    pub value: Expr,
    /// The `///` lines above.
    pub doc: Option<Str>,
    /// All of it.
    pub span: Span,
}

/// A parameter of a function, template or component.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// The name.
    pub name: Name,
    /// The type.
    pub ty: TypeExpr,
    /// The value where none is given.
    pub default: Option<Expr>,
    /// The `///` lines above.
    pub doc: Option<Str>,
}

/// `type NAME = TYPE`
#[derive(Clone, Debug)]
pub struct TypeAlias {
    /// The name.
    pub name: Name,
    /// What it stands for.
    pub ty: TypeExpr,
    /// All of it.
    pub span: Span,
}

/// `template NAME(params) { service body }`; a component has the same shape.
#[derive(Clone, Debug)]
pub struct Template {
    /// The name.
    pub name: Name,
    /// The parameters.
    pub parameters: Vec<Parameter>,
    /// The body.
    pub body: Body,
    /// The `///` lines above.
    pub doc: Option<Str>,
    /// All of it.
    pub span: Span,
}

/// `test "name" { … }`
#[derive(Clone, Debug)]
pub struct Test {
    /// The name, a string.
    pub name: Expr,
    /// The body.
    pub body: Body,
    /// All of it.
    pub span: Span,
}

/// `use NAME(args) [as x]`
#[derive(Clone, Debug)]
pub struct Use {
    /// The template or component.
    pub path: Path,
    /// The arguments; none where no parentheses were written.
    pub arguments: Vec<Argument>,
    /// The instance's name, for a component: a name or a string.
    pub alias: Option<Label>,
    /// All of it.
    pub span: Span,
}

/// `value` or `name = value` between parentheses.
#[derive(Clone, Debug)]
pub struct Argument {
    /// The parameter's name, where it was written.
    pub name: Option<Name>,
    /// The value.
    pub value: Expr,
}

/// `for x[, y] in list { … }`: over a list `x` is the item (`x, y`: index from 0 and item), over
/// a map or record `x, y` are key and value.
#[derive(Clone, Debug)]
pub struct For {
    /// The first variable.
    pub first: Name,
    /// The second variable.
    pub second: Option<Name>,
    /// What is walked.
    pub over: Expr,
    /// What is repeated.
    pub body: Body,
    /// All of it.
    pub span: Span,
}

/// `if c { … } else if d { … } else { … }`; flat, so that a long chain is not a deep tree.
#[derive(Clone, Debug)]
pub struct If {
    /// Conditions with their bodies; never empty.
    pub branches: Vec<(Expr, Body)>,
    /// The last body.
    pub otherwise: Option<Body>,
    /// All of it.
    pub span: Span,
}

/// `assert condition, "message"`
#[derive(Clone, Debug)]
pub struct Assert {
    /// Must hold.
    pub condition: Expr,
    /// Said where it does not; a string.
    pub message: Expr,
    /// All of it.
    pub span: Span,
}

/// Names an expression of one file; below [`File::expressions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExprId(pub u32);

/// An expression.
#[derive(Clone, Debug)]
pub struct Expr {
    /// Its name for side tables.
    pub id: ExprId,
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub kind: ExprKind,
}

impl Expr {
    /// The text of a string without interpolation; `""` has no parts.
    pub fn as_text(&self) -> Option<&str> {
        match &self.kind {
            ExprKind::Text(parts) => match parts.as_slice() {
                [] => Some(""),
                [TextPart::Literal(text)] => Some(text),
                _ => None,
            },
            _ => None,
        }
    }

    /// The word, where the expression is a single bare one.
    pub fn as_name(&self) -> Option<&Str> {
        match &self.kind {
            ExprKind::Name(name) => Some(name),
            _ => None,
        }
    }
}

/// The kinds of expression.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// A number, a quantity, `true`, `none` and so on.
    Literal(Literal),
    /// A string, in pieces.
    Text(Vec<TextPart>),
    /// A name.
    Name(Str),
    /// `[a, b]`
    List(Vec<Expr>),
    /// `[for x in xs if c { e }]`
    Comprehension(Box<Comprehension>),
    /// `{ a = 1, "b" = 2 }`
    Record(Vec<Attribute>),
    /// `a.b`
    Field(Box<Expr>, Name),
    /// `a[b]`
    Index(Box<Expr>, Box<Expr>),
    /// `f(a, b = c)`
    Call(Box<Expr>, Vec<Argument>),
    /// `-a`, `!a`
    Unary(UnaryOperator, Box<Expr>),
    /// `a + b`
    Binary(Box<Expr>, BinaryOperator, Box<Expr>),
    /// `1..20`, inclusive.
    Range(Box<Expr>, Box<Expr>),
    /// `if c { a } else if d { b } else { e }`, flat: conditions with values, then the last value.
    If(Vec<(Expr, Expr)>, Box<Expr>),
    /// Text that is no expression; already reported.
    Broken,
}

/// `[for x in xs if c { e }]`
#[derive(Clone, Debug)]
pub struct Comprehension {
    /// The first variable.
    pub first: Name,
    /// The second variable.
    pub second: Option<Name>,
    /// What is walked.
    pub over: Expr,
    /// Keeps an item where it holds.
    pub condition: Option<Expr>,
    /// The item made.
    pub value: Expr,
}

/// A literal.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `none`
    None,
    /// `true`, `false`
    Bool(bool),
    /// `3`, `1_000`
    Int(i64),
    /// `0.5`
    Float(f64),
    /// `250ms`, `1h30m`
    Duration(Duration),
    /// `200MiB`
    Memory(Memory),
    /// `0.5cpu`
    Cpu(Cpu),
    /// `25%`
    Percent(Percent),
    /// `172.18.0.1`
    Ip(Ipv4Addr),
    /// `172.18.0.0/16`
    Cidr(Cidr),
    /// `2026-03-31`
    Date(Date),
}

/// A piece of a string.
#[derive(Clone, Debug)]
pub enum TextPart {
    /// Text, escapes resolved, common indentation stripped.
    Literal(Str),
    /// `${expression}`
    Interpolation(Expr),
}

/// An operator before its operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOperator {
    /// `-`
    Negate,
    /// `!`
    Not,
}

/// An operator between its operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOperator {
    /// `||`
    Or,
    /// `&&`
    And,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `in`
    In,
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `of`: `25% of 4`
    Of,
}

/// A type as written.
#[derive(Clone, Debug)]
pub struct TypeExpr {
    /// What it is.
    pub kind: TypeKind,
    /// Where it stands.
    pub span: Span,
}

/// The kinds of type.
#[derive(Clone, Debug)]
pub enum TypeKind {
    /// `int`, `list<port>(1..8)`, `string(matching = r"…")`, `infra.pool`
    Named {
        /// The type's name.
        path: Path,
        /// Between `<` and `>`.
        parameters: Vec<TypeExpr>,
        /// Between `(` and `)`.
        refinement: Vec<Argument>,
    },
    /// `"found"`, a member of a union.
    Member(Str),
    /// `a | b`
    Union(Vec<TypeExpr>),
    /// `{ name: string, number: port }`
    Record(Vec<(Name, TypeExpr)>),
    /// `T?`
    Optional(Box<TypeExpr>),
}
