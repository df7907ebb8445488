//! What is open during the walk, and how high the tree of an expression in it would be.

/// What is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Brace,
    Bracket,
    Paren,
    /// `${`
    Interpolation,
    /// `"`
    Text,
    /// `"""`
    BlockText,
}

impl Kind {
    /// The byte that closes it.
    pub(super) fn closer(self) -> u8 {
        match self {
            Kind::Brace | Kind::Interpolation => b'}',
            Kind::Bracket => b']',
            Kind::Paren => b')',
            Kind::Text | Kind::BlockText => b'"',
        }
    }

    /// How it is written.
    pub(super) fn opener(self) -> &'static str {
        match self {
            Kind::Brace => "{",
            Kind::Bracket => "[",
            Kind::Paren => "(",
            Kind::Interpolation => "${",
            Kind::Text => "\"",
            Kind::BlockText => "\"\"\"",
        }
    }
}

/// Something open, and how high the expressions in it have grown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    pub(super) at: usize,
    /// How far the opener's line is indented, and where that line begins.
    pub(super) indent: usize,
    pub(super) line: usize,
    pub(super) tower: Tower,
}

/// The height of the expressions of one frame: a tree of left-leaning operators is as high as
/// there are operators, and what is nested stands on top.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tower {
    /// Operators and postfixes in the current expression.
    pub(super) links: u32,
    /// The highest thing nested in it.
    pub(super) nested: u32,
    /// The highest expression before it.
    highest: u32,
}

impl Tower {
    pub(super) fn current(self) -> u32 {
        self.links + self.nested
    }

    pub(super) fn height(self) -> u32 {
        self.highest.max(self.current())
    }

    pub(super) fn next_expression(&mut self) {
        *self = Tower {
            highest: self.height(),
            ..Tower::default()
        };
    }
}
