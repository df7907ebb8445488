//! Names of images that no engine takes.

use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::Graph;

/// Images of which the whole name is known and is none.
pub(super) fn references(graph: &Graph, diagnostics: &mut Diagnostics) {
    for service in graph.services() {
        let image = service.node.service.image.as_ref();
        let Some((image, name)) = image.and_then(|it| Some((it, it.value.known()?))) else {
            continue;
        };
        if name.is_empty() || is_reference(name) {
            continue;
        }
        diagnostics.push(
            Diagnostic::new(
                &catalogue::INVALID_IMAGE,
                format!("`{name}` is no name of an image"),
                image.span,
            )
            .note("docker refuses the whole stack for it, and Kubernetes starts no pod (`InvalidImageName`)")
            .help(mended(name))
            .about(service.name()),
        );
    }
}

/// What to write instead.
fn mended(name: &str) -> String {
    let bare = name.trim();
    let bare = bare.split_once("://").map_or(bare, |(_, bare)| bare);
    let bare = bare.trim_end_matches([':', '@', '/']);
    let (repository, version) = bare.split_at(version_at(bare));
    let small = match repository.split_once('/') {
        Some((host, path)) if is_host(host) && host.contains(['.', ':']) => {
            format!("{host}/{}{version}", path.to_ascii_lowercase())
        }
        _ => format!("{}{version}", repository.to_ascii_lowercase()),
    };
    if is_reference(&small) {
        format!("write `{small}`")
    } else {
        "write `HOST/PATH:TAG`, the path in small letters, or `HOST/PATH@sha256:` with all 64 digits".to_owned()
    }
}

/// Where the tag or the digest of a name begins.
fn version_at(name: &str) -> usize {
    let path = name.rfind('/').unwrap_or(0);
    let after = |at: usize| name.get(path..at).is_some();
    let found = name.char_indices().filter(|(at, _)| after(*at));
    let mut found = found.filter(|(_, letter)| matches!(letter, ':' | '@'));
    found.next().map_or(name.len(), |(at, _)| at)
}

/// Whether an engine and a kubelet read a name so (`github.com/distribution/reference`, `reference.go`: the grammar, and `normalize.go`: what
/// before the first slash is a host).
pub(crate) fn is_reference(name: &str) -> bool {
    let (named, digest) = match name.split_once('@') {
        Some((named, digest)) => (named, Some(digest)),
        None => (name, None),
    };
    let (repository, tag) = named.split_at(version_at(named));
    let path = match repository.split_once('/') {
        Some((host, path)) if is_named_host(host) => {
            if !is_host(host) {
                return false;
            }
            path
        }
        _ => repository,
    };
    // 64 digits are an id.
    let is_id = repository.len() == 64 && repository.chars().all(|it| it.is_ascii_hexdigit());
    repository.len() <= 255
        && !is_id
        && path.split('/').all(is_part)
        && (tag.is_empty() || tag.strip_prefix(':').is_some_and(is_tag))
        && digest.is_none_or(is_digest)
}

fn is_named_host(host: &str) -> bool {
    let has_capital = host.chars().any(|it| it.is_ascii_uppercase());
    host.contains(['.', ':']) || host == "localhost" || has_capital
}

fn is_host(host: &str) -> bool {
    let (host, port) = host.rsplit_once(':').unwrap_or((host, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.chars().all(|it| it.is_ascii_digit());
    let is_address = host.starts_with('[') && host.ends_with(']');
    let is_label = |label: &str| {
        let is_fit = |it: char| it.is_ascii_alphanumeric() || it == '-';
        let is_whole = !label.is_empty() && label.chars().all(is_fit);
        is_whole && !label.starts_with('-') && !label.ends_with('-')
    };
    is_digits(port) && (is_address || host.split('.').all(is_label))
}

/// Small letters and digits, between which stand a dot, one underscore or two, or dashes.
fn is_part(part: &str) -> bool {
    let is_small = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit();
    let mut between = part.split(is_small).filter(|it| !it.is_empty());
    let is_between =
        |it: &str| matches!(it, "." | "_" | "__") || it.chars().all(|letter| letter == '-');
    part.starts_with(is_small) && part.ends_with(is_small) && between.all(is_between)
}

fn is_tag(tag: &str) -> bool {
    let is_word = |it: char| it.is_ascii_alphanumeric() || it == '_';
    tag.len() <= 128
        && tag.starts_with(is_word)
        && tag.chars().all(|it| is_word(it) || matches!(it, '.' | '-'))
}

fn is_digest(digest: &str) -> bool {
    let Some((algorithm, digits)) = digest.split_once(':') else {
        return false;
    };
    let is_named = algorithm.starts_with(|it: char| it.is_ascii_alphabetic());
    let fits = match algorithm {
        "sha256" => digits.len() == 64,
        "sha512" => digits.len() == 128,
        _ => digits.len() >= 32,
    };
    is_named && fits && digits.chars().all(|it| it.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_engines_read_them() {
        let digest = format!("web@sha256:{}", "a1".repeat(32));
        for name in [
            "web",
            "web:1.0",
            "acme/web:1.0.0-rc.1_x",
            "ghcr.io/my-org/a__b.c/web:V1",
            "registry:5000/web",
            "localhost/web:1",
            "[::1]:5000/web",
            "Registry.example.com/web",
            &digest,
            &format!("registry:5000/{digest}"),
        ] {
            assert!(is_reference(name), "{name}");
        }
        for name in [
            "",
            "Web",
            "ghcr.io/MyOrg/web:1",
            "x/web:",
            "x/web:1.0 ",
            "https://ghcr.io/x/web:1",
            "x/web@sha256:abc",
            "x//web",
            "-web",
            "web-",
            "a___b",
            "web:.1",
            "re_gistry.io/web",
            &"a1".repeat(32),
        ] {
            assert!(!is_reference(name), "{name}");
        }
        let instead = |name| mended(name).replace("write ", "");
        assert_eq!(instead("ghcr.io/MyOrg/web:1.0"), "`ghcr.io/myorg/web:1.0`");
        assert_eq!(instead("https://ghcr.io/x/web:1 "), "`ghcr.io/x/web:1`");
        assert_eq!(instead("x/web:"), "`x/web`");
    }
}
