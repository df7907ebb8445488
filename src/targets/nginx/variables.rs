//! Values in which nginx replaces variables: whether each `$` starts one that there is.

use super::pattern::Pattern;
use crate::diagnostics::{Diagnostic, Severity, catalogue, nearest};
use crate::source::Span;

/// nginx's own variables (nginx `src/http/ngx_http_variables.c` and the modules of its packages;
/// nginx.org "Alphabetical index of variables").
const KNOWN: &[&str] = &[
    "args",
    "binary_remote_addr",
    "body_bytes_sent",
    "bytes_sent",
    "connection",
    "connection_requests",
    "connection_time",
    "connections_active",
    "connections_reading",
    "connections_waiting",
    "connections_writing",
    "content_length",
    "content_type",
    "date_gmt",
    "date_local",
    "document_root",
    "document_uri",
    "host",
    "hostname",
    "https",
    "is_args",
    "limit_conn_status",
    "limit_rate",
    "limit_req_status",
    "msec",
    "nginx_version",
    "pid",
    "pipe",
    "proxy_add_x_forwarded_for",
    "proxy_host",
    "proxy_port",
    "proxy_protocol_addr",
    "proxy_protocol_port",
    "proxy_protocol_server_addr",
    "proxy_protocol_server_port",
    "query_string",
    "realip_remote_addr",
    "realip_remote_port",
    "realpath_root",
    "remote_addr",
    "remote_port",
    "remote_user",
    "request",
    "request_body",
    "request_body_file",
    "request_completion",
    "request_filename",
    "request_id",
    "request_length",
    "request_method",
    "request_time",
    "request_uri",
    "scheme",
    "server_addr",
    "server_name",
    "server_port",
    "server_protocol",
    "ssl_cipher",
    "ssl_ciphers",
    "ssl_client_cert",
    "ssl_client_escaped_cert",
    "ssl_client_fingerprint",
    "ssl_client_i_dn",
    "ssl_client_raw_cert",
    "ssl_client_s_dn",
    "ssl_client_serial",
    "ssl_client_v_end",
    "ssl_client_v_remain",
    "ssl_client_v_start",
    "ssl_client_verify",
    "ssl_curve",
    "ssl_curves",
    "ssl_early_data",
    "ssl_protocol",
    "ssl_server_name",
    "ssl_session_id",
    "ssl_session_reused",
    "status",
    "tcpinfo_rcv_space",
    "tcpinfo_rtt",
    "tcpinfo_rttvar",
    "tcpinfo_snd_cwnd",
    "time_iso8601",
    "time_local",
    "upstream_addr",
    "upstream_bytes_received",
    "upstream_bytes_sent",
    "upstream_cache_status",
    "upstream_connect_time",
    "upstream_header_time",
    "upstream_response_length",
    "upstream_response_time",
    "upstream_status",
    "uri",
];

/// Variables of which there are as many as there are headers, cookies and arguments.
const FAMILIES: &[&str] = &[
    "arg_",
    "cookie_",
    "http_",
    "proxy_protocol_tlv_",
    "sent_http_",
    "sent_trailer_",
    "upstream_cookie_",
    "upstream_http_",
    "upstream_trailer_",
];

/// Whether nginx has a variable of this name, which nobody else can then define.
pub(super) fn is_known(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    KNOWN.binary_search(&name.as_str()).is_ok()
        || FAMILIES
            .iter()
            .any(|family| name.len() > family.len() && name.starts_with(family))
}

/// What is wrong with the variables of a value; `groups` is the expression whose groups it may
/// name.
pub(super) fn check(text: &str, groups: Option<&Pattern>, span: Span) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('$') {
        rest = match read(after) {
            Ok((name, left)) => {
                found.extend(judge(name, groups, span));
                left
            }
            Err(left) => {
                found.push(nameless(text, span));
                left
            }
        };
    }
    found
}

/// The name after a `$`, and what follows it; the error is what follows no name.
fn read(after: &str) -> Result<(&str, &str), &str> {
    let braced = after.strip_prefix('{');
    let from = braced.unwrap_or(after);
    if braced.is_none() && from.starts_with(|char: char| ('1'..='9').contains(&char)) {
        return from.split_at_checked(1).ok_or(after);
    }
    let end = from
        .find(|char: char| !char.is_ascii_alphanumeric() && char != '_')
        .unwrap_or(from.len());
    let (name, left) = from.split_at_checked(end).ok_or(after)?;
    match (name, braced) {
        ("", _) => Err(after),
        (name, None) => Ok((name, left)),
        (name, Some(_)) => left.strip_prefix('}').map(|left| (name, left)).ok_or(left),
    }
}

fn judge(name: &str, groups: Option<&Pattern>, span: Span) -> Option<Diagnostic> {
    if let Ok(number) = name.parse::<usize>() {
        let known = groups.map_or(0, |pattern| pattern.groups);
        return (number == 0 || number > known).then(|| groupless(number, known, span));
    }
    let names = groups.map_or(&[][..], |pattern| &pattern.names);
    let named = names.iter().any(|known| known.eq_ignore_ascii_case(name));
    (!named && !is_known(name)).then(|| unknown(name, names, span))
}

/// A `$` that starts no name: nginx does not start.
fn nameless(text: &str, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::NOT_A_VARIABLE,
        format!("a `$` in `{}` starts no variable", text.escape_debug()),
        span,
    )
    .labelled("nginx replaces variables here, and has no way to write a `$` that is none")
    .help("write a name after it, as in `$host` or `${host}`, or leave it out")
}

/// `$3` where there are two groups.
fn groupless(number: usize, known: usize, span: Span) -> Diagnostic {
    let there = match known {
        0 => "there is no group".to_owned(),
        1 => "there is one group".to_owned(),
        known => format!("there are {known} groups"),
    };
    Diagnostic::new(
        &catalogue::NOT_A_VARIABLE,
        format!("`${number}` names no group: {there}"),
        span,
    )
    .help("groups are the `(…)` of `from` in the route's `rewrite`, counted from 1")
}

/// A variable that nginx does not have: another file of the same nginx may define it.
fn unknown(name: &str, names: &[String], span: Span) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        &catalogue::NOT_A_VARIABLE,
        format!("nginx has no variable `${name}`"),
        span,
    )
    .severity(Severity::Warning)
    .labelled("nginx starts only if another file defines it");
    let known = KNOWN
        .iter()
        .copied()
        .chain(names.iter().map(String::as_str));
    match nearest(name, known) {
        Some(near) => diagnostic.help(format!("a variable of a similar name is `${near}`")),
        None => diagnostic.help("nginx.org lists them: \"Alphabetical index of variables\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn messages(text: &str, groups: Option<&Pattern>) -> Vec<String> {
        let span = Span {
            file: FileId(0),
            start: 0,
            end: 0,
        };
        let found = check(text, groups, span);
        found
            .into_iter()
            .map(|diagnostic| diagnostic.message)
            .collect()
    }

    #[test]
    fn the_list_can_be_searched() {
        assert!(KNOWN.is_sorted());
    }

    #[test]
    fn variables_are_found() {
        for right in [
            "",
            "shop",
            "$http_host",
            "${host}:$server_port",
            "$arg_page$is_args",
            "$HOST",
        ] {
            assert_eq!(messages(right, None), Vec::<String>::new(), "{right}");
        }
        for wrong in ["$", "5 $", "$ x", "${", "${host", "${ho st}", "$$", "$é"] {
            assert_eq!(
                messages(wrong, None).len(),
                wrong.matches('$').count(),
                "{wrong}"
            );
        }
        assert_eq!(messages("$hots", None), ["nginx has no variable `$hots`"]);
        assert_eq!(messages("$http_", None), ["nginx has no variable `$http_`"]);
    }

    #[test]
    fn groups_are_known() {
        let pattern = Pattern::read("/(a)/(?<rest>.*)").unwrap();
        assert_eq!(
            messages("/$1/$2/$rest/${rest}", Some(&pattern)),
            Vec::<String>::new()
        );
        assert_eq!(
            messages("/$3", Some(&pattern)),
            ["`$3` names no group: there are 2 groups"]
        );
        assert_eq!(
            messages("$1", None),
            ["`$1` names no group: there is no group"]
        );
    }
}
