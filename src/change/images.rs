//! Images by their names.

/// The repository of an image, and its tag, which is empty where it has none: `registry:5000/web:1@sha256:…`.
pub(super) fn parts(image: &str) -> (&str, &str) {
    let (named, _) = image.split_once('@').unwrap_or((image, ""));
    // A colon before the last slash is a registry's port.
    let name = named.rfind('/').map_or(0, |at| at + 1);
    let tag = named.split_at(name).1.find(':').map(|at| name + at);
    let (repository, tag) = named.split_at(tag.unwrap_or(named.len()));
    (repository, tag.trim_start_matches(':'))
}

/// The repository of an image, of whatever version.
pub(super) fn repository(image: &str) -> &str {
    parts(image).0
}

/// The last word of a repository: `web`.
pub(super) fn name(image: &str) -> &str {
    let repository = repository(image);
    repository.rsplit('/').next().unwrap_or(repository)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_no_tag() {
        assert_eq!(parts("registry:5000/web"), ("registry:5000/web", ""));
        assert_eq!(
            parts("registry:5000/web:1@sha256:00"),
            ("registry:5000/web", "1")
        );
        assert_eq!(parts("web@sha256:00"), ("web", ""));
        assert_eq!(name("registry:5000/acme/web:1"), "web");
    }
}
