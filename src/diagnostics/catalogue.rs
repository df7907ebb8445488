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
    UNREACHABLE = "ZD3002" "unreachable" Error "0.1.0";
    ABSENT_CALLEE = "ZD3003" "absent-callee" Error "0.1.0";
    ONE_NETWORK_TWO_NAMES = "ZD3004" "one-network-two-names" Warning "0.1.0";
    AMBIGUOUS_NAME = "ZD3005" "ambiguous-name" Error "0.1.0";
    OUTSIDE_SUBNET = "ZD3006" "outside-subnet" Error "0.1.0";
    NAME_TAKEN = "ZD3007" "name-taken" Error "0.1.0";
    PORT_TAKEN = "ZD3008" "port-taken" Error "0.1.0";
    MISSING_PORT_NUMBER = "ZD3009" "missing-port-number" Error "0.1.0";
    MISSING_IMAGE = "ZD3010" "missing-image" Error "0.1.0";
    ORDER_CYCLE = "ZD3011" "order-cycle" Error "0.1.0";
    NODE_LOCAL_MOUNT = "ZD3012" "node-local-mount" Warning "0.1.0";
    // ZD4xxx zero downtime
    NO_CAPACITY = "ZD4001" "no-capacity" Error "0.1.0";
    BELOW_PROMISE = "ZD4002" "below-promise" Error "0.1.0";
    NO_HEALTH_CHECK = "ZD4003" "no-health-check" Error "0.1.0";
    RECREATES = "ZD4004" "recreates" Error "0.1.0";
    ROLLBACK_BELOW_PROMISE = "ZD4005" "rollback-below-promise" Error "0.1.0";
    CUT_REQUEST = "ZD4006" "cut-request" Error "0.1.0";
    UNBOUNDED_REPLICAS = "ZD4007" "unbounded-replicas" Error "0.1.0";
    NAME_RESOLVED_ONCE = "ZD4008" "name-resolved-once" Warning "0.1.0";
    MARK_IGNORED = "ZD4009" "mark-ignored" Warning "0.1.0";
    MARK_TAKES_POOL_DOWN = "ZD4010" "mark-takes-pool-down" Warning "0.1.0";
    LOST_INSTANCE = "ZD4011" "lost-instance" Warning "0.1.0";
    // ZD5xxx lowering
    NOT_EXPRESSED = "ZD5000" "not-expressed" Warning "0.1.0";
    // ZD6xxx security
    LITERAL_SECRET = "ZD6001" "literal-secret" Warning "0.1.0";
    DOCKER_SOCKET = "ZD6002" "docker-socket" Warning "0.1.0";
    FLOATING_TAG = "ZD6003" "floating-tag" Warning "0.1.0";
    // ZD7xxx style
    UNUSED_ALLOW = "ZD7001" "unused-allow" Warning "0.1.0";
    UNUSED_RESOURCE = "ZD7002" "unused-resource" Warning "0.1.0";
    UNREADABLE_VARIABLE = "ZD7003" "unreadable-variable" Warning "0.1.0";
}
