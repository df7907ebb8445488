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

impl Code {
    /// Whether it is found in the step from one revision to the next, and never in one program.
    pub fn is_of_a_change(&self) -> bool {
        ("ZD4050".."ZD4080").contains(&self.id)
    }
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
    UNBALANCED_DELIMITER = "ZD0004" "unbalanced-delimiter" Error "0.1.0";
    INVALID_LITERAL = "ZD0005" "invalid-literal" Error "0.1.0";
    TOO_DEEP = "ZD0006" "too-deep" Error "0.1.0";
    // ZD1xxx names and modules
    IMPORT_CYCLE = "ZD1001" "import-cycle" Error "0.1.0";
    IMPORT_OUTSIDE_ROOT = "ZD1002" "import-outside-root" Error "0.1.0";
    IMPORT_NOT_FOUND = "ZD1003" "import-not-found" Error "0.1.0";
    DUPLICATE_NAME = "ZD1004" "duplicate-name" Error "0.1.0";
    UNKNOWN_NAME = "ZD1005" "unknown-name" Error "0.1.0";
    MISSING_APP = "ZD1006" "missing-app" Error "0.1.0";
    SECOND_APP = "ZD1007" "second-app" Error "0.1.0";
    RECURSIVE_DEFINITION = "ZD1008" "recursive-definition" Error "0.1.0";
    MISUSED_NAME = "ZD1009" "misused-name" Error "0.1.0";
    INVALID_LABEL = "ZD1010" "invalid-label" Error "0.1.0";
    UNKNOWN_CODE = "ZD1011" "unknown-code" Error "0.1.0";
    UNNAMED_INSTANCE = "ZD1012" "unnamed-instance" Error "0.1.0";
    UNKNOWN_INPUT = "ZD1030" "unknown-input" Error "0.1.0";
    MISSING_INPUT = "ZD1031" "missing-input" Error "0.1.0";
    MISSING_FILE = "ZD1032" "missing-file" Error "0.1.0";
    // ZD2xxx types, units and stages
    TYPE_MISMATCH = "ZD2001" "type-mismatch" Error "0.1.0";
    UNKNOWN_ATTRIBUTE = "ZD2002" "unknown-attribute" Error "0.1.0";
    BLOCK_OR_ATTRIBUTE = "ZD2003" "block-or-attribute" Error "0.1.0";
    WRONG_LABEL = "ZD2004" "wrong-label" Error "0.1.0";
    DUPLICATE_ATTRIBUTE = "ZD2005" "duplicate-attribute" Error "0.1.0";
    MISPLACED_ITEM = "ZD2006" "misplaced-item" Error "0.1.0";
    DOTTED_KEY = "ZD2007" "dotted-key" Error "0.1.0";
    UNKNOWN_MEMBER = "ZD2008" "unknown-member" Error "0.1.0";
    UNKNOWN_FIELD = "ZD2009" "unknown-field" Error "0.1.0";
    WRONG_ARGUMENTS = "ZD2010" "wrong-arguments" Error "0.1.0";
    WRONG_OPERANDS = "ZD2011" "wrong-operands" Error "0.1.0";
    NOT_TEXT = "ZD2012" "not-text" Error "0.1.0";
    KNOWN_TOO_LATE = "ZD2013" "known-too-late" Error "0.1.0";
    OUT_OF_RANGE = "ZD2014" "out-of-range" Error "0.1.0";
    INVALID_TYPE = "ZD2015" "invalid-type" Error "0.1.0";
    MISSING_REASON = "ZD2016" "missing-reason" Error "0.1.0";
    PERHAPS_NONE = "ZD2017" "perhaps-none" Error "0.1.0";
    INVALID_INPUT = "ZD2030" "invalid-input" Error "0.1.0";
    ASSERTION_FAILED = "ZD2031" "assertion-failed" Error "0.1.0";
    ARITHMETIC = "ZD2032" "arithmetic-fault" Error "0.1.0";
    INEXACT = "ZD2033" "inexact-division" Error "0.1.0";
    CONFLICTING_TEMPLATES = "ZD2034" "conflicting-templates" Error "0.1.0";
    MISSING_ITEM = "ZD2035" "missing-item" Error "0.1.0";
    CIRCULAR_VALUE = "ZD2036" "circular-value" Error "0.1.0";
    TOO_LARGE = "ZD2037" "too-large" Error "0.1.0";
    BACKWARDS_RANGE = "ZD2038" "backwards-range" Error "0.1.0";
    EXPECTATION_FAILED = "ZD2040" "expectation-failed" Error "0.1.0";
    NOT_RAISED = "ZD2041" "not-raised" Error "0.1.0";
    MISSING_MANIFEST = "ZD2042" "missing-manifest" Error "0.1.0";
    CANARY_IN_PLACE = "ZD2043" "canary-in-place" Error "0.1.0";
    UNWATCHED_CANARY = "ZD2044" "unwatched-canary" Error "0.1.0";
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
    REPEATED_ROUTE = "ZD3013" "repeated-route" Error "0.1.0";
    COVERED_ROUTE = "ZD3014" "covered-route" Error "0.1.0";
    HOST_NOT_LISTENED = "ZD3015" "host-not-listened" Error "0.1.0";
    INVALID_HOST = "ZD3016" "invalid-host" Error "0.1.0";
    NOT_ONE_END = "ZD3017" "not-one-end" Error "0.1.0";
    NO_EFFECT = "ZD3018" "no-effect" Warning "0.1.0";
    INVALID_SHARE = "ZD3019" "invalid-share" Error "0.1.0";
    INVALID_IMAGE = "ZD3020" "invalid-image" Error "0.1.0";
    RESERVED_ABOVE_LIMIT = "ZD3021" "reserved-above-limit" Error "0.1.0";
    PATH_TAKEN = "ZD3022" "path-taken" Error "0.1.0";
    UNANSWERED_CHECK = "ZD3023" "unanswered-check" Error "0.1.0";
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
    EARLY_PROBE = "ZD4012" "early-probe" Warning "0.1.0";
    TWO_WRITERS = "ZD4013" "two-writers" Error "0.1.0";
    NO_PLACE = "ZD4014" "no-place" Warning "0.1.0";
    BAD_VERSION = "ZD4015" "bad-version" Error "0.1.0";
    FOUND_LATE = "ZD4016" "found-late" Warning "0.1.0";
    CONDITION_FAILS = "ZD4017" "condition-fails" Warning "0.1.0";
    DRAIN_BELOW_PROMISE = "ZD4018" "drain-below-promise" Error "0.1.0";
    STAYS_BROKEN = "ZD4019" "stays-broken" Note "0.1.0";
    LIVENESS_AS_READINESS = "ZD4020" "liveness-as-readiness" Warning "0.1.0";
    SHELL_KEEPS_SIGNAL = "ZD4021" "shell-keeps-signal" Warning "0.1.0";
    PROMISE_ABOVE_REPLICAS = "ZD4022" "promise-above-replicas" Error "0.1.0";
    SEVERAL_WRITERS = "ZD4023" "several-writers" Warning "0.1.0";
    CALL_AS_TEXT = "ZD4024" "call-as-text" Warning "0.1.0";
    SHORT_DRAIN = "ZD4040" "short-drain" Error "0.1.0";
    NO_SWAP_BACK = "ZD4041" "no-swap-back" Error "0.1.0";
    UNTESTED_CONFIGURATION = "ZD4042" "untested-configuration" Error "0.1.0";
    UNLOCKED_DEPLOY = "ZD4043" "unlocked-deploy" Error "0.1.0";
    NO_UPDATE_POLICY = "ZD4044" "no-update-policy" Error "0.1.0";
    NO_SPARE_SLOT = "ZD4045" "no-spare-slot" Error "0.1.0";
    GIVES_UP_EARLY = "ZD4046" "gives-up-early" Error "0.1.0";
    UNVERIFIED_SWITCH = "ZD4047" "unverified-switch" Warning "0.1.0";
    SHORT_HOOK = "ZD4048" "short-hook" Warning "0.1.0";
    REFUSED_CHANGE = "ZD4050" "refused-change" Error "0.1.0";
    DATA_LEFT_BEHIND = "ZD4051" "data-left-behind" Error "0.1.0";
    ADDRESS_MOVED = "ZD4052" "address-moved" Error "0.1.0";
    CHANGE_WITHOUT_EFFECT = "ZD4053" "change-without-effect" Warning "0.1.0";
    CONFIG_REACHES_NOBODY = "ZD4054" "config-reaches-nobody" Warning "0.1.0";
    RUNS_BESIDE = "ZD4055" "runs-beside" Warning "0.1.0";
    ROUTE_REMOVED = "ZD4056" "route-removed" Warning "0.1.0";
    FEWER_AT_ONCE = "ZD4057" "fewer-at-once" Warning "0.1.0";
    OLD_VERSION_SCALED = "ZD4058" "old-version-scaled" Note "0.1.0";
    REPLICAS_RESET = "ZD4059" "replicas-reset" Error "0.1.0";
    WAY_BACK_BELOW_PROMISE = "ZD4060" "way-back-below-promise" Warning "0.1.0";
    UNCHECKED_WAY_BACK = "ZD4061" "unchecked-way-back" Warning "0.1.0";
    ORDER_MATTERS = "ZD4062" "order-matters" Warning "0.1.0";
    INVALID_PROVIDES = "ZD4063" "invalid-provides" Error "0.1.0";
    UNMET_NEED = "ZD4064" "unmet-need" Error "0.1.0";
    VERSIONS_IN_ORDER = "ZD4065" "versions-in-order" Warning "0.1.0";
    NO_VERSION_IN_COMMON = "ZD4066" "no-version-in-common" Error "0.1.0";
    ORDER_IN_A_CIRCLE = "ZD4067" "order-in-a-circle" Error "0.1.0";
    OUTLIVES_UNDO = "ZD4068" "outlives-undo" Note "0.1.0";
    NO_WAY_BACK = "ZD4069" "no-way-back" Warning "0.1.0";
    OLD_MEETS_NEW_DATA = "ZD4070" "old-meets-new-data" Error "0.1.0";
    OLDER_THAN_DATA = "ZD4071" "older-than-data" Error "0.1.0";
    INVALID_SCHEMA = "ZD4072" "invalid-schema" Error "0.1.0";
    MIGRATION_FIRST = "ZD4073" "migration-first" Warning "0.1.0";
    UNDRAINED_OLD_VERSION = "ZD4074" "undrained-old-version" Warning "0.1.0";
    NO_POD_BEHIND_SERVICE = "ZD4075" "no-pod-behind-service" Error "0.1.0";
    WRITERS_BESIDE = "ZD4076" "writers-beside" Error "0.1.0";
    DATA_OF_ANOTHER_VERSION = "ZD4077" "data-of-another-version" Warning "0.1.0";
    MESH_PORTS_CHANGE = "ZD4078" "mesh-ports-change" Warning "0.1.0";
    ENDED_AND_TAKEN_BACK = "ZD4080" "ended-and-taken-back" Warning "0.1.0";
    // ZD5xxx lowering
    NOT_EXPRESSED = "ZD5000" "not-expressed" Warning "0.1.0";
    STATIC_ADDRESS = "ZD5001" "static-address" Error "0.1.0";
    NO_PORTABLE_PROBE = "ZD5002" "no-portable-probe" Error "0.1.0";
    INCOMPLETE_PROBE = "ZD5003" "incomplete-probe" Error "0.1.0";
    TEMPLATE_BRACES = "ZD5004" "template-braces" Error "0.1.0";
    SLOT_NOT_FILLED = "ZD5005" "slot-not-filled" Error "0.1.0";
    VARIABLE_NOT_SUBSTITUTED = "ZD5006" "variable-not-substituted" Error "0.1.0";
    SECRET_NOT_INJECTED = "ZD5007" "secret-not-injected" Error "0.1.0";
    UPDATE_KIND = "ZD5008" "update-kind" Error "0.1.0";
    GLOBAL_WITH_REPLICAS = "ZD5009" "global-with-replicas" Error "0.1.0";
    NO_AUTOSCALING = "ZD5010" "no-autoscaling" Warning "0.1.0";
    PULL_NOT_CHOSEN = "ZD5011" "pull-not-chosen" Warning "0.1.0";
    PUBLISHED_RANGE = "ZD5012" "published-range" Error "0.1.0";
    ROUND_ROBIN_PUBLISHED = "ZD5013" "round-robin-published" Error "0.1.0";
    NETWORK_GATEWAY = "ZD5014" "network-gateway" Warning "0.1.0";
    INVALID_SWARM_NAME = "ZD5015" "invalid-swarm-name" Error "0.1.0";
    UNWRITABLE_VARIABLE = "ZD5016" "unwritable-variable" Error "0.1.0";
    MEMORY_TOO_SMALL = "ZD5017" "memory-too-small" Error "0.1.0";
    MOUNT_WITHOUT_PATH = "ZD5018" "mount-without-path" Error "0.1.0";
    NOTHING_TO_TAKE_AWAY = "ZD5019" "nothing-to-take-away" Warning "0.1.0";
    TAKES_WHAT_IS_NEEDED = "ZD5020" "takes-what-is-needed" Error "0.1.0";
    VOLUME_ON_EACH_NODE = "ZD5021" "volume-on-each-node" Error "0.1.0";
    CALLS_NEED_NEWER_NGINX = "ZD5022" "calls-need-newer-nginx" Error "0.1.0";
    NOT_FOR_CALLS = "ZD5023" "not-for-calls" Error "0.1.0";
    CALLS_IN_AN_INGRESS = "ZD5024" "calls-in-an-ingress" Warning "0.1.0";
    CALLS_NOT_TRIED_AGAIN = "ZD5025" "calls-not-tried-again" Warning "0.1.0";
    EACH_IS_A_CANARY = "ZD5026" "each-is-a-canary" Note "0.1.0";
    EMPTY_CONFIG = "ZD5027" "empty-config" Error "0.1.0";
    RESOLVE_NEEDS_NEWER_NGINX = "ZD5030" "resolve-needs-newer-nginx" Error "0.1.0";
    BACKUP_REFUSED = "ZD5031" "backup-refused" Error "0.1.0";
    NO_PRIMARY = "ZD5032" "no-primary" Error "0.1.0";
    INVALID_ROUTE = "ZD5033" "invalid-route" Error "0.1.0";
    LISTENER_TAKEN = "ZD5035" "listener-taken" Error "0.1.0";
    NOT_HTTP = "ZD5036" "not-http" Error "0.1.0";
    INVALID_REWRITE = "ZD5037" "invalid-rewrite" Error "0.1.0";
    INVALID_HEADER = "ZD5038" "invalid-header" Error "0.1.0";
    UNWRITABLE_VALUE = "ZD5039" "unwritable-value" Error "0.1.0";
    NOT_A_VARIABLE = "ZD5040" "not-a-variable" Error "0.1.0";
    NO_LISTENER = "ZD5041" "no-listener" Error "0.1.0";
    MIXED_POOL = "ZD5042" "mixed-pool" Error "0.1.0";
    KUBERNETES_NAME = "ZD5050" "kubernetes-name" Error "0.1.0";
    KUBERNETES_LABEL = "ZD5051" "kubernetes-label" Error "0.1.0";
    DIFFERENT_ON_KUBERNETES = "ZD5052" "different-on-kubernetes" Note "0.1.0";
    NO_AUTOMATIC_ROLLBACK = "ZD5053" "no-automatic-rollback" Note "0.1.0";
    DEPLOY_VARIABLE_FIXED = "ZD5054" "deploy-variable-fixed" Note "0.1.0";
    DEPLOY_VARIABLE_WITHOUT_VALUE = "ZD5055" "deploy-variable-without-value" Error "0.1.0";
    HEALTH_CHECK_OF_IMAGE = "ZD5056" "health-check-of-image" Warning "0.1.0";
    SCALE_WITHOUT_RESERVATION = "ZD5057" "scale-without-reservation" Warning "0.1.0";
    NODE_PORT_OUT_OF_RANGE = "ZD5058" "node-port-out-of-range" Error "0.1.0";
    POOL_OF_SEVERAL_SERVICES = "ZD5059" "pool-of-several-services" Error "0.1.0";
    NOT_IN_AN_INGRESS = "ZD5060" "not-in-an-ingress" Warning "0.1.0";
    GATEWAY_IS_THE_CONTROLLER = "ZD5061" "gateway-is-the-controller" Note "0.1.0";
    CONFIG_TOO_LARGE = "ZD5062" "config-too-large" Error "0.1.0";
    SECRET_IN_CONFIG = "ZD5063" "secret-in-config" Error "0.1.0";
    SECRET_TO_CREATE = "ZD5064" "secret-to-create" Note "0.1.0";
    VOLUME_WITHOUT_SIZE = "ZD5065" "volume-without-size" Error "0.1.0";
    RELATIVE_MOUNT = "ZD5066" "relative-mount" Error "0.1.0";
    RUNS_AGAIN = "ZD5067" "runs-again" Warning "0.1.0";
    NO_CERTIFICATE = "ZD5070" "no-certificate" Error "0.1.0";
    CERTIFICATE_TO_PLACE = "ZD5071" "certificate-to-place" Note "0.1.0";
    CLIENTS_LOOK_ALIKE = "ZD5072" "clients-look-alike" Warning "0.1.0";
    NO_SECURE_LISTENER = "ZD5073" "no-secure-listener" Error "0.1.0";
    NO_GATEWAY_CLASS = "ZD5074" "no-gateway-class" Error "0.1.0";
    NOT_IN_NGINX = "ZD5075" "not-in-nginx" Warning "0.1.0";
    NOWHERE_TO_RETRY = "ZD5076" "nowhere-to-retry" Warning "0.1.0";
    NOT_IN_THE_GATEWAY_API = "ZD5077" "not-in-the-gateway-api" Warning "0.1.0";
    SEVERAL_BODY_SIZES = "ZD5078" "several-body-sizes" Error "0.1.0";
    INVALID_RATE = "ZD5079" "invalid-rate" Error "0.1.0";
    BALANCER_FOLLOWS_LATER = "ZD5080" "balancer-follows-later" Note "0.1.0";
    ONLY_ON_A_HOST = "ZD5090" "only-on-a-host" Error "0.1.0";
    SLOT_COUNT = "ZD5091" "slot-count" Error "0.1.0";
    NOT_ON_A_HOST = "ZD5092" "not-on-a-host" Error "0.1.0";
    DIFFERENT_ON_A_HOST = "ZD5093" "different-on-a-host" Note "0.1.0";
    UNWRITABLE_IN_A_SCRIPT = "ZD5094" "unwritable-in-a-script" Error "0.1.0";
    CLIENT_ADDRESS_HIDDEN = "ZD5095" "client-address-hidden" Warning "0.1.0";
    NO_NAMES_ON_A_HOST = "ZD5096" "no-names-on-a-host" Error "0.1.0";
    NO_PROMISE_ON_COMPOSE = "ZD5110" "no-promise-on-compose" Note "0.1.0";
    FEWER_INSTANCES_ON_COMPOSE = "ZD5111" "fewer-instances-on-compose" Note "0.1.0";
    DIFFERENT_ON_COMPOSE = "ZD5112" "different-on-compose" Note "0.1.0";
    SECRET_FROM_VARIABLE = "ZD5113" "secret-from-variable" Note "0.1.0";
    STARTS_UNWAITED = "ZD5114" "starts-unwaited" Note "0.1.0";
    ADDRESS_REFUSED = "ZD5115" "address-refused" Error "0.1.0";
    INVALID_COMPOSE_NAME = "ZD5116" "invalid-compose-name" Error "0.1.0";
    ADDRESS_MAY_BE_TAKEN = "ZD5117" "address-may-be-taken" Warning "0.1.0";
    COLON_IN_MOUNT = "ZD5118" "colon-in-mount" Error "0.1.0";
    NOTHING_TO_PATCH = "ZD5130" "nothing-to-patch" Error "0.1.0";
    UNKNOWN_PATCH_FIELD = "ZD5131" "unknown-patch-field" Error "0.1.0";
    PATCH_TYPE = "ZD5132" "patch-type" Error "0.1.0";
    PATCH_AGAINST_PROOF = "ZD5133" "patch-against-proof" Error "0.1.0";
    // ZD6xxx security
    LITERAL_SECRET = "ZD6001" "literal-secret" Warning "0.1.0";
    DOCKER_SOCKET = "ZD6002" "docker-socket" Warning "0.1.0";
    FLOATING_TAG = "ZD6003" "floating-tag" Warning "0.1.0";
    // ZD7xxx style
    UNUSED_ALLOW = "ZD7001" "unused-allow" Warning "0.1.0";
    UNUSED_RESOURCE = "ZD7002" "unused-resource" Warning "0.1.0";
    UNREADABLE_VARIABLE = "ZD7003" "unreadable-variable" Warning "0.1.0";
}
