//! Addresses in a text that a program is given: whom it asks, as far as that says so.

/// The hosts of a text that stand where only an address does: after `//` or `@`, or before the number of a port; each with that number, if it is
/// known.
pub(crate) fn hosts(text: &str) -> impl Iterator<Item = (&str, Option<u64>)> {
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let start = rest.find(is_host)?;
            let before = text.len() - rest.len() + start;
            let from = rest.get(start..)?;
            let end = from.find(|c| !is_host(c)).unwrap_or(from.len());
            let (host, after) = from.split_at_checked(end)?;
            rest = after;
            let lead = text.get(..before).unwrap_or_default();
            // Before the host of an address its user may stand.
            let authority = after.split(['/', ' ', ',']).next().unwrap_or_default();
            let is_user = lead.ends_with("//") && authority.contains('@');
            let is_led = !is_user && (lead.ends_with("//") || lead.ends_with('@'));
            let port = after.strip_prefix(':');
            let is_numbered = port.is_some_and(is_number);
            // What stands before a number in the address of something else is its password, or its tag.
            let is_plain = !lead.ends_with(['/', ':', '=']) || lead.ends_with("//");
            if lead.ends_with("image=") {
                continue;
            }
            if is_led || is_numbered && !is_user && (is_plain || lead.ends_with('=')) {
                let number = match port {
                    Some(port) if is_numbered => number(port),
                    // It is written elsewhere.
                    Some(_) => None,
                    None => of_scheme(lead),
                };
                return Some((host, number));
            }
        }
    })
}

/// Whether a variable says by its name that what it holds is not asked: an image, whose tag looks like a port (`JOB_IMAGE`, `postgres:16`), or who
/// may ask (`ALLOWED_ORIGINS`), or whom no proxy is asked for.
pub(crate) fn asks_nobody(variable: &str) -> bool {
    const OTHERS: [&str; 6] = ["allow", "cors", "no_proxy", "noproxy", "origin", "trusted"];
    let name = variable.to_ascii_lowercase();
    let is_image = name.ends_with("image") || name.ends_with("img");
    is_image || OTHERS.iter().any(|it| name.contains(it))
}

/// What the name of a variable ends with that holds a host and nothing else; one that ends with another comes before that.
const HOST_NAMES: [&str; 8] = [
    "hostname", "host", "server", "address", "addr", "endpoint", "url", "uri",
];

/// What is in the name of one that holds where its program listens, or how it is called by others.
const OWN: [&str; 6] = [
    "advertise",
    "bind",
    "external",
    "listen",
    "public",
    "virtual",
];

/// Whether a variable's name says that its whole value is a host, as that of `DB_HOST: db` does. `HOST` alone is where a program listens or whom it
/// asks, as that of Odoo's image does (hub.docker.com/_/odoo, Environment Variables): where it listens has no name that another has.
pub(crate) fn is_host_of(variable: &str, value: &str) -> bool {
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let of = of_host(variable);
    (variable == "HOST" || of.is_some_and(|of| !OWN.iter().any(|it| of.contains(it))))
        && !value.is_empty()
        && value.chars().all(is_host)
}

/// Whether a variable holds the port of the host that another one holds: `DB_PORT` beside `DB_HOST`.
pub(crate) fn is_port_of(variable: &str, host: &str) -> bool {
    let name = variable.to_ascii_lowercase();
    let of = name.strip_suffix("port");
    of.is_some() && of == of_host(host).as_deref()
}

/// Of what a variable holds the host, in small letters.
fn of_host(variable: &str) -> Option<String> {
    let name = variable.to_ascii_lowercase();
    let of = HOST_NAMES.iter().find_map(|it| name.strip_suffix(it))?;
    (!of.is_empty()).then(|| of.to_owned())
}

/// Whether digits stand there and nothing that goes on with them, as a version does: `redis:7.2`, `redis:7-alpine`.
fn is_number(text: &str) -> bool {
    let is_digit = |c: char| c.is_ascii_digit();
    let goes_on = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    text.starts_with(is_digit) && !text.trim_start_matches(is_digit).starts_with(goes_on)
}

/// The number at which a text begins.
fn number(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len())).0.parse().ok()
}

/// The port that is asked where an address names none, by what stands before its host (RFC 9110, 4.2).
fn of_scheme(lead: &str) -> Option<u64> {
    let is = |scheme: &str| lead.ends_with(scheme);
    let http = is("http://").then_some(80);
    http.or_else(|| is("https://").then_some(443))
}

#[cfg(test)]
mod tests {
    use super::{asks_nobody, hosts, is_host_of, is_port_of};

    #[test]
    fn a_host_stands_where_an_address_does() {
        for (text, found) in [
            ("http://api:8080/v1", &[("api", Some(8080))][..]),
            ("http://api/v1", &[("api", Some(80))]),
            ("https://api", &[("api", Some(443))]),
            ("http://api:$PORT/v1", &[("api", None)]),
            ("redis://api", &[("api", None)]),
            ("api:8080", &[("api", Some(8080))]),
            ("--upstream=api:8080", &[("api", Some(8080))]),
            (
                "a:1,b.shop.svc:2",
                &[("a", Some(1)), ("b.shop.svc", Some(2))],
            ),
            (
                "postgres://user:word@db.shop:5432/shop",
                &[("db.shop", Some(5432))],
            ),
            ("amqp://queue@queue/api", &[("queue", None)]),
            ("registry/api:1.0.0", &[]),
            ("redis:7.2", &[]),
            ("redis:7-alpine", &[]),
            ("node:22beta", &[]),
            ("--job-image=postgres:16", &[]),
            ("api:8080.", &[]),
            ("api:8080, see there", &[("api", Some(8080))]),
            ("see the api", &[]),
            ("api", &[]),
        ] {
            assert_eq!(hosts(text).collect::<Vec<_>>(), found, "{text}");
        }
    }

    #[test]
    fn a_variable_called_so_holds_a_host() {
        for name in [
            "DB_HOST",
            "HOST",
            "PGHOST",
            "redisHost",
            "cache.hostname",
            "API_URL",
        ] {
            assert!(is_host_of(name, "db.shop"), "{name}");
        }
        for name in ["HOSTNAME", "BIND_ADDRESS", "VIRTUAL_HOST", "DB_NAME"] {
            assert!(!is_host_of(name, "db"), "{name}");
        }
        assert!(!is_host_of("DB_HOST", "the db"));
        for (port, host) in [
            ("DB_PORT", "DB_HOST"),
            ("PGPORT", "PGHOST"),
            ("dbPort", "dbHost"),
        ] {
            assert!(is_port_of(port, host), "{port}");
        }
        for port in ["PORT", "CACHE_PORT", "DB_PORTS"] {
            assert!(!is_port_of(port, "DB_HOST"), "{port}");
        }
        assert!(asks_nobody("CORS_ORIGINS") && asks_nobody("JOB_IMAGE"));
        assert!(!asks_nobody("DB_HOST"));
    }
}
