//! Secrets in plain sight, the Docker socket, and tags that move.

use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{Graph, ServiceView};
use crate::source::Span;
use crate::types::{Piece, Text, Value};
use crate::vocabulary::{Entry, EntryValue};

/// Literal values under names that mean a secret, in environments and configs.
pub(super) fn literal_secrets(graph: &Graph, diagnostics: &mut Diagnostics) {
    for service in graph.services() {
        let env = service.node.service.body.env.iter();
        for entry in env
            .flat_map(|env| &env.entries)
            .filter(|entry| is_literal_secret(entry))
        {
            diagnostics.push(literal_secret(entry).about(service.name()));
        }
    }
    for config in &graph.deployment().configs {
        let data = config.config.body.data.iter();
        for entry in data
            .flat_map(|data| &data.entries)
            .filter(|entry| is_literal_secret(entry))
        {
            diagnostics.push(literal_secret(entry));
        }
    }
}

/// The engine's socket in a container: whoever has it is root on the node.
pub(super) fn docker_socket(graph: &Graph, diagnostics: &mut Diagnostics) {
    const SOCKETS: [&str; 2] = ["/var/run/docker.sock", "/run/docker.sock"];
    for service in graph.services() {
        for mount in &service.node.service.body.mount {
            let Some(bind) = &mount.bind else { continue };
            if SOCKETS.contains(&bind.value.trim_end_matches('/')) {
                diagnostics.push(
                    Diagnostic::new(
                        &catalogue::DOCKER_SOCKET,
                        format!("`{}` can do anything on its node", service.name()),
                        bind.span,
                    )
                    .labelled("the Docker socket is root on the node")
                    .help("take the mount out, or put a proxy that allows few calls before it")
                    .about(service.name()),
                );
            }
        }
    }
}

/// Images whose tag moves: `latest`, none at all, or a variable that is `latest` by default.
pub(super) fn floating_tags(graph: &Graph, diagnostics: &mut Diagnostics) {
    for service in graph.services() {
        let Some(image) = &service.node.service.body.image else {
            continue;
        };
        if let Some((why, origin)) = floating(graph, &image.value) {
            diagnostics.push(floating_tag(service, why, image.span, origin));
        }
    }
}

/// Why an image's tag moves, and where its variable has its default.
fn floating(graph: &Graph, image: &Text) -> Option<(String, Option<Span>)> {
    let known = match image {
        Text::Known(text) => text.to_string(),
        Text::Pieces(pieces) => {
            let Some(Piece::Variable(id)) = pieces.last() else {
                return None;
            };
            let variable = graph.variable(id)?;
            let default = variable.default.as_ref()?;
            let moves =
                matches!(&default.value, Value::Text(Text::Known(tag)) if &**tag == "latest");
            let why = format!("`{}` is `latest` where nothing else is given", id.name);
            return moves.then_some((why, Some(default.span)));
        }
    };
    if known.contains('@') {
        return None;
    }
    // A colon before the last slash is a registry's port.
    let name = known.rsplit('/').next().unwrap_or(&known);
    match name.split_once(':') {
        None => Some(("no tag means `latest`".to_owned(), None)),
        Some((_, "latest")) => Some(("`latest` moves".to_owned(), None)),
        Some(_) => None,
    }
}

/// Whether a name means a secret: one of its words does, and none says that the value is about the
/// secret instead, as in `token_expiration_time`, `PASSWORD_FILE` or `key_count`.
pub(crate) fn means_secret(name: &str) -> bool {
    const SECRET: [&str; 10] = [
        "password",
        "passwd",
        "pwd",
        "token",
        "secret",
        "apikey",
        "credential",
        "credentials",
        "passphrase",
        "accesskey",
    ];
    const ABOUT: [&str; 22] = [
        "file",
        "path",
        "expiration",
        "expiry",
        "expires",
        "time",
        "ttl",
        "timeout",
        "url",
        "uri",
        "name",
        "length",
        "count",
        "type",
        "header",
        "issuer",
        "endpoint",
        "enabled",
        "policy",
        "prefix",
        "algorithm",
        "id",
    ];
    const KEYS: [&str; 10] = [
        "api",
        "private",
        "access",
        "signing",
        "encryption",
        "session",
        "master",
        "hmac",
        "jwt",
        "ssh",
    ];
    let is = |word: &[u8], list: &[&str]| {
        list.iter()
            .any(|known| known.as_bytes().eq_ignore_ascii_case(word))
    };
    // Most words begin as none of these does.
    let may = |word: &[u8]| {
        let first = word.first().map(u8::to_ascii_lowercase);
        matches!(first, Some(b'p' | b't' | b's' | b'a' | b'c' | b'k'))
    };
    let (mut secret, mut before, mut last) = (false, &b""[..], &b""[..]);
    for word in name
        .as_bytes()
        .split(|byte| matches!(byte, b'_' | b'-' | b'.'))
    {
        secret |= may(word) && (is(word, &SECRET) || is(word, &["key"]) && is(last, &KEYS));
        // `PGPASSWORD`
        let end = word.len().checked_sub("password".len());
        secret |= end.is_some_and(|end| is(word.split_at(end).1, &["password"]));
        (before, last) = (last, word);
    }
    let pass = is(last, &["pass"]) && !is(before, &["proxy"]);
    (secret || pass) && !is(last, &ABOUT)
}

fn is_literal_secret(entry: &Entry<EntryValue>) -> bool {
    let literal = match &entry.attribute.value {
        EntryValue::Text(text) => text.known().is_some_and(|text| !text.is_empty()),
        EntryValue::ConfigKey { .. } | EntryValue::Secret(_) => false,
    };
    literal && means_secret(&entry.key)
}

fn literal_secret(entry: &Entry<EntryValue>) -> Diagnostic {
    let key = &entry.key;
    let name = key.to_ascii_lowercase().replace(['_', '.'], "-");
    Diagnostic::new(
        &catalogue::LITERAL_SECRET,
        format!("`{key}` looks like a secret, and its value is written out"),
        entry.attribute.key_span,
    )
    .labelled("everyone who reads the repository or the manifests has it")
    .help(format!(
        "declare `secret {name} {{ from = env(\"{}\") }}` and write `{key} = {name}`",
        key.to_ascii_uppercase().replace(['-', '.'], "_")
    ))
}

fn floating_tag(
    service: ServiceView<'_>,
    why: String,
    image: Span,
    origin: Option<Span>,
) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        &catalogue::FLOATING_TAG,
        format!("`{}` does not say which image it runs", service.name()),
        image,
    )
    .labelled(why)
    .help("name a version or a digest: what is tested is then what runs, and a rollback goes back")
    .about(service.name());
    match origin {
        Some(span) => diagnostic.and(span, "the default"),
        None => diagnostic,
    }
}

#[cfg(test)]
mod tests {
    use super::means_secret;

    #[test]
    fn names_that_mean_a_secret_are_told_from_names_about_one() {
        for name in [
            "DB_PASSWORD",
            "token",
            "api_key",
            "token_secret",
            "spring.datasource.password",
            "RABBITMQ_DEFAULT_PASS",
            "PGPASSWORD",
            "ENCRYPTION_KEY",
        ] {
            assert!(means_secret(name), "{name}");
        }
        for name in [
            "token_expiration_time",
            "DB_PASSWORD_FILE",
            "KEY",
            "TOKENIZER",
            "PROXY_PASS",
            "pass_through",
            "secret_name",
        ] {
            assert!(!means_secret(name), "{name}");
        }
    }
}
