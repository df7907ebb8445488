//! How much and how long: body sizes, timeouts, retries, rates and compression.

use super::gateway::{self, Draft, Scene};
use super::plan::Directive;
use super::quote::Word;
use super::{values, variables};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::rollout::derivation::nginx::CONNECT_TIMEOUT;
use crate::source::Span;
use crate::types::{Duration, Memory};
use crate::vocabulary::{Attribute, Gateway, Gzip, Node, RateLimit, Retry, RetryOn, Route};

/// The memory of a rate limit: about 160,000 clients (nginx.org `limit_req_zone`).
const ZONE: &str = "10m";
/// What is worth compressing beside HTML.
const COMPRESSED: &[&str] = &[
    "application/javascript",
    "application/json",
    "application/xml",
    "image/svg+xml",
    "text/css",
    "text/javascript",
    "text/plain",
];

/// `client_max_body_size`.
pub(super) fn body_size(
    scene: Scene<'_>,
    size: &Attribute<Memory>,
    draft: &mut Draft<'_, '_>,
) -> Option<Directive> {
    let value = *draft.ledger.take(size);
    let word = values::size("body size", value, size.span);
    let word = word.map_err(|fault| draft.report(scene, *fault)).ok()?;
    Some(Directive::new("client_max_body_size", [word]))
}

/// The timeouts of a gateway, which its routes inherit.
pub(super) fn gateway_timeouts(scene: Scene<'_>, draft: &mut Draft<'_, '_>) -> Vec<Directive> {
    let Gateway {
        connect_timeout,
        read_timeout,
        send_timeout,
        request_timeout,
        ..
    } = scene.gateway;
    let connect = match connect_timeout {
        Some(written) => timeout(scene, "proxy_connect_timeout", written, draft),
        None => Some(Directive::new(
            "proxy_connect_timeout",
            [CONNECT_TIMEOUT.to_string()],
        )),
    };
    let mut out: Vec<Directive> = connect.into_iter().collect();
    if let Some(written) = send_timeout {
        out.extend(timeout(scene, "proxy_send_timeout", written, draft));
    }
    if let Some(written) = read_timeout {
        out.extend(timeout(scene, "proxy_read_timeout", written, draft));
    }
    whole_request(request_timeout.as_ref(), draft);
    out
}

/// The timeouts of a route that differ from the gateway's.
pub(super) fn timeouts(
    scene: Scene<'_>,
    route: &Route,
    draft: &mut Draft<'_, '_>,
) -> Vec<Directive> {
    let of_gateway = |written: &Option<Attribute<Duration>>| written.as_ref().map(|it| it.value);
    let gateway = scene.gateway;
    let connect = of_gateway(&gateway.connect_timeout).unwrap_or(CONNECT_TIMEOUT);
    let timeouts = [
        (
            "proxy_connect_timeout",
            &route.connect_timeout,
            Some(connect),
        ),
        (
            "proxy_send_timeout",
            &route.send_timeout,
            of_gateway(&gateway.send_timeout),
        ),
        (
            "proxy_read_timeout",
            &route.read_timeout,
            of_gateway(&gateway.read_timeout),
        ),
    ];
    let mut out = Vec::new();
    for (name, written, inherited) in timeouts {
        let Some(written) = written else { continue };
        let directive = timeout(scene, name, written, draft);
        out.extend(directive.filter(|_| inherited != Some(written.value)));
    }
    whole_request(route.request_timeout.as_ref(), draft);
    out
}

fn timeout(
    scene: Scene<'_>,
    name: &str,
    written: &Attribute<Duration>,
    draft: &mut Draft<'_, '_>,
) -> Option<Directive> {
    let value = *draft.ledger.take(written);
    let word = values::time("timeout", value, written.span);
    let word = word.map_err(|fault| draft.report(scene, *fault)).ok()?;
    Some(Directive::new(name, [word]))
}

fn whole_request(written: Option<&Attribute<Duration>>, draft: &mut Draft<'_, '_>) {
    let Some(written) = written else { return };
    let diagnostic = Diagnostic::new(
        &catalogue::NOT_IN_NGINX,
        "nginx has no limit for a whole request",
        written.key_span,
    )
    .labelled("not in the configuration of nginx: a response that trickles is never cut")
    .help("`read_timeout` limits each silence of a response");
    draft.ledger.decline(written.id, diagnostic);
}

/// When a request is passed to the next server of a pool.
pub(super) fn retries(
    scene: Scene<'_>,
    retry: Option<&Node<Retry>>,
    draft: &mut Draft<'_, '_>,
) -> Vec<Directive> {
    let Some(retry) = retry else {
        return Vec::new();
    };
    let body = draft.ledger.enter(retry);
    let on = draft.ledger.take_from(body.on.as_ref());
    let non_idempotent = draft.ledger.take_from(body.non_idempotent.as_ref()) == Some(&true);
    let mut out = Vec::new();
    if on.is_some() || non_idempotent {
        let mut words: Vec<&str> = Vec::new();
        match on {
            Some(on) => words.extend(on.iter().map(|on| on.value.word())),
            None => words.extend([RetryOn::Error.word(), RetryOn::Timeout.word()]),
        }
        if words.is_empty() {
            words.push("off");
        } else if non_idempotent {
            words.push("non_idempotent");
        }
        let mut seen = Vec::new();
        words.retain(|word| {
            !seen.contains(word) && {
                seen.push(*word);
                true
            }
        });
        out.push(Directive::new("proxy_next_upstream", words));
    }
    if let Some(tries) = draft.ledger.take_from(body.tries.as_ref()) {
        let tries = tries.get().to_string();
        out.push(Directive::new("proxy_next_upstream_tries", [tries]));
    }
    if let Some(written) = &body.timeout {
        out.extend(timeout(
            scene,
            "proxy_next_upstream_timeout",
            written,
            draft,
        ));
    }
    out
}

/// `limit_req`, with its zone at the http level. `label` is the route's, empty for the gateway.
pub(super) fn rate(
    scene: Scene<'_>,
    label: &str,
    limit: &Node<RateLimit>,
    draft: &mut Draft<'_, '_>,
) -> Vec<Directive> {
    let body = draft.ledger.enter(limit);
    let requests = draft.ledger.take_from(body.requests.as_ref());
    let per = draft.ledger.take_from(body.per.as_ref());
    let burst = draft.ledger.take_from(body.burst.as_ref());
    let nodelay = draft.ledger.take_from(body.nodelay.as_ref()) == Some(&true);
    let key = draft.ledger.take_from(body.key.as_ref());
    let status = draft.ledger.take_from(body.status.as_ref());
    let Some(requests) = requests else {
        draft.report(scene, no_rate(limit.span, "`requests` is missing"));
        return Vec::new();
    };
    let per = per.copied().unwrap_or(Duration::from_seconds(1));
    let Some(rate) = rate_word(requests.get(), per) else {
        let span = body.per.as_ref().map_or(limit.span, |per| per.span);
        draft.report(
            scene,
            no_rate(span, "no whole number in a second or a minute"),
        );
        return Vec::new();
    };
    let key: Word = match (key, &body.key) {
        (Some(key), Some(written)) => {
            for fault in variables::check(key, None, written.span) {
                draft.report(scene, fault);
            }
            if key.is_empty() {
                draft.report(scene, no_key(written.span));
            }
            match values::line("key", key, written.span) {
                Ok(word) => word,
                Err(fault) => {
                    draft.report(scene, *fault);
                    return Vec::new();
                }
            }
        }
        _ => "$binary_remote_addr".into(),
    };
    let own = body.key.as_ref().map(|key| key.value.to_string());
    let zone = draft.names.zone(
        &gateway::shared_name(scene),
        label,
        own.as_deref().unwrap_or_default(),
    );
    draft.conf.directives.push(Directive::new(
        "limit_req_zone",
        [
            key,
            format!("zone={zone}:{ZONE}").into(),
            format!("rate={rate}").into(),
        ],
    ));
    let mut words = vec![format!("zone={zone}")];
    if let Some(burst) = burst.filter(|burst| burst.get() > 0) {
        words.push(format!("burst={}", burst.get()));
        if nodelay {
            words.push("nodelay".to_owned());
        }
    }
    let status = status.map_or(429, |status| status.get());
    vec![
        Directive::new("limit_req", words),
        Directive::new("limit_req_status", [status.to_string()]),
    ]
}

/// `10r/s` or `30r/m`, where it is exact.
fn rate_word(requests: u64, per: Duration) -> Option<String> {
    [(1_000, "r/s"), (60_000, "r/m")]
        .into_iter()
        .find_map(|(millis, unit)| {
            let all = requests.checked_mul(millis)?;
            let whole = per.millis > 0 && all.is_multiple_of(per.millis) && all / per.millis > 0;
            // nginx counts thousandths in 32 bits.
            (whole && all / per.millis <= 2_000_000).then(|| format!("{}{unit}", all / per.millis))
        })
}

/// `gzip`, with the types that are worth it.
pub(super) fn gzip(
    scene: Scene<'_>,
    gzip: &Node<Gzip>,
    draft: &mut Draft<'_, '_>,
) -> Vec<Directive> {
    let body = draft.ledger.enter(gzip);
    let mut out = vec![Directive::new("gzip", ["on"])];
    if let Some(level) = draft.ledger.take_from(body.level.as_ref()) {
        out.push(Directive::new("gzip_comp_level", [level.get().to_string()]));
    }
    if let Some(written) = &body.min_length {
        let value = *draft.ledger.take(written);
        let bytes = value.bytes.to_string();
        match values::size("length", value, written.span) {
            Ok(_) => out.push(Directive::new("gzip_min_length", [bytes])),
            Err(fault) => draft.report(scene, *fault),
        }
    }
    let types: Vec<String> = match &body.types {
        Some(written) => {
            let mut types = Vec::new();
            for each in draft.ledger.take(written) {
                if is_type(&each.value) {
                    types.push(each.value.to_string());
                } else {
                    let why = "a type is two names and a `/`: `text/css`";
                    let fault = values::unwritable("type of content", &each.value, each.span, why);
                    draft.report(scene, *fault);
                }
            }
            types
        }
        None => COMPRESSED.iter().map(|kind| (*kind).to_owned()).collect(),
    };
    let mut kept: Vec<String> = Vec::new();
    // HTML is always compressed, and nginx warns of what stands there twice.
    for kind in types {
        if kind != "text/html" && !kept.contains(&kind) {
            kept.push(kind);
        }
    }
    if !kept.is_empty() {
        out.push(Directive::new("gzip_types", kept));
    }
    // A cache between must not give a compressed answer to who cannot read it.
    out.push(Directive::new("gzip_vary", ["on"]));
    out
}

fn is_type(text: &str) -> bool {
    let name = |name: &str| {
        !name.is_empty()
            && name.len() < 128
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-+._".contains(&byte))
    };
    text.split_once('/')
        .is_some_and(|(kind, sub)| name(kind) && name(sub))
}

/// What is no rate.
fn no_rate(span: Span, why: &str) -> Diagnostic {
    Diagnostic::new(
        &catalogue::INVALID_RATE,
        "nginx cannot keep this rate",
        span,
    )
    .labelled(why)
    .help("write `requests = 10, per = 1s`, or `requests = 30, per = 1m`")
}

/// An empty key: nginx would count nothing.
fn no_key(span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::INVALID_RATE,
        "a rate without a key limits nobody",
        span,
    )
    .help("leave `key` out to tell clients apart by their address")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_exact() {
        let rate = |requests, millis| rate_word(requests, Duration::from_millis(millis));
        assert_eq!(rate(10, 1_000).as_deref(), Some("10r/s"));
        assert_eq!(rate(10, 5_000).as_deref(), Some("2r/s"));
        assert_eq!(rate(30, 60_000).as_deref(), Some("30r/m"));
        assert_eq!(rate(120, 60_000).as_deref(), Some("2r/s"));
        assert_eq!(rate(1, 500).as_deref(), Some("2r/s"));
        assert_eq!(rate(600, 3_600_000).as_deref(), Some("10r/m"));
        assert_eq!(rate(10, 7_000), None);
        assert_eq!(rate(1, 0), None);
        assert_eq!(rate(1, 3_600_000), None);
        assert_eq!(rate(1_000_000, 1), None);
    }

    #[test]
    fn types_of_content() {
        assert!(is_type("application/vnd.api+json"));
        for wrong in [
            "", "text", "text/", "/css", "a/b/c", "text/*", "a b/c", "a/b;c",
        ] {
            assert!(!is_type(wrong), "{wrong}");
        }
    }
}
