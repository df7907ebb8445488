//! Every code there is: one line binds its number, name, severity and page.
//!
//! The page is part of the program: `zdc explain` prints it, the book includes it, and a test
//! compiles its examples. A code without a page does not build.

use super::Severity;

/// One kind of fault.
#[derive(Debug)]
pub struct Code {
    /// `ZD` and four digits; the thousands tell the phase. Never reused.
    pub id: &'static str,
    /// What it is, in words that read well after `allow`.
    pub name: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// The version that brought it.
    pub since: &'static str,
    /// Its page, Markdown.
    pub page: &'static str,
}

impl PartialEq for Code {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

/// The code with this number or name.
pub fn find(id_or_name: &str) -> Option<&'static Code> {
    let wanted = id_or_name.replace('_', "-");
    ALL.iter()
        .find(|code| code.id.eq_ignore_ascii_case(&wanted) || code.name == wanted)
        .copied()
}

macro_rules! catalogue {
    ($($constant:ident = $id:literal $name:literal $severity:ident $since:literal;)*) => {
        $(
            #[doc = concat!("`", $id, "`: ", $name)]
            pub static $constant: Code = Code {
                id: $id,
                name: $name,
                severity: Severity::$severity,
                since: $since,
                page: include_str!(concat!("../../docs/src/diagnostics/", $id, ".md")),
            };
        )*
        /// Every code, by number.
        pub static ALL: &[&Code] = &[$(&$constant),*];
    };
}

catalogue! {
    // ZD0xxx syntax
    SYNTAX_ERROR = "ZD0001" "syntax-error" Error "0.1.0";
    UNREADABLE_FILE = "ZD0002" "unreadable-file" Error "0.1.0";
    NOT_YET = "ZD0003" "not-yet" Error "0.1.0";
    // ZD1xxx names and modules
    // ZD2xxx types, units and stages
    // ZD3xxx graph
    UNKNOWN_REFERENCE = "ZD3001" "unknown-reference" Error "0.1.0";
    // ZD4xxx zero downtime
    // ZD5xxx lowering
    NOT_EXPRESSED = "ZD5000" "not-expressed" Warning "0.1.0";
    // ZD6xxx security
    // ZD7xxx style
    UNUSED_ALLOW = "ZD7001" "unused-allow" Warning "0.1.0";
}
