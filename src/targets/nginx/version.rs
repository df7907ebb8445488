//! Which nginx reads the configuration, and what it can do.

use crate::types::Text;

/// The version of the nginx that reads a configuration, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NginxVersion {
    /// Nothing tells it: a tag such as `stable`, or an image of another make.
    Unknown,
    /// At least this one: major, minor, patch.
    Known(u32, u32, u32),
}

impl NginxVersion {
    /// Debian 12's, which is assumed where nothing is said.
    pub const ASSUMED: NginxVersion = NginxVersion::Known(1, 22, 0);
    /// One that can do all there is.
    pub(super) const NEWEST: NginxVersion = NginxVersion::Known(u32::MAX, 0, 0);
    /// The first with variables in `grpc_pass` (nginx `CHANGES`, 1.17.8).
    const GRPC_VARIABLES: NginxVersion = NginxVersion::Known(1, 17, 8);
    /// The first with `http2 on`, and with HTTP/1.1 and HTTP/2 on one port without TLS (nginx `CHANGES`,
    /// 1.25.1).
    const HTTP2: NginxVersion = NginxVersion::Known(1, 25, 1);
    /// The first without a subscription in which a member of a pool may have `resolve`, and a pool
    /// a `resolver` of its own (nginx `CHANGES`, 1.27.3).
    const RESOLVE: NginxVersion = NginxVersion::Known(1, 27, 3);
    /// The first with `keepalive_min_timeout` (nginx `CHANGES`, 1.27.4).
    const KEEPALIVE_MIN_TIMEOUT: NginxVersion = NginxVersion::Known(1, 27, 4);
    /// The first that keeps connections of pools open unasked (nginx `CHANGES`, 1.29.7).
    const KEEPALIVE_BY_DEFAULT: NginxVersion = NginxVersion::Known(1, 29, 7);

    /// Reads `1.27.4` or `1.27`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.').map(|part| {
            let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| part.parse().ok()).flatten()
        });
        let (major, minor) = (parts.next()??, parts.next()??);
        let patch = parts.next().unwrap_or(Some(0))?;
        parts
            .next()
            .is_none()
            .then_some(Self::Known(major, minor, patch))
    }

    /// The version of an image of nginx: the number its tag starts with. A tag moves within what
    /// it leaves out, so `1.27` is known to be 1.27.0 at least.
    pub fn of_image(image: &Text) -> Self {
        // A piece that is known only later must not be taken for part of a number or a name.
        let known = image.render::<()>(|_, out| {
            out.push('?');
            Ok(())
        });
        let Ok(known) = known else {
            return Self::Unknown;
        };
        let image = known.split('@').next().unwrap_or_default();
        let last = image.rsplit('/').next().unwrap_or_default();
        let Some((name, tag)) = last.split_once(':') else {
            return Self::Unknown;
        };
        if !matches!(name, "nginx" | "nginx-unprivileged") {
            return Self::Unknown;
        }
        let number = tag.split('-').next().unwrap_or_default();
        Self::parse(number).unwrap_or(Self::Unknown)
    }

    /// Whether it is known to be too old for calls to what stands in a variable.
    pub(super) fn lacks_grpc_variables(self) -> bool {
        self != Self::Unknown && self < Self::GRPC_VARIABLES
    }

    /// Whether HTTP/2 is a server's own to choose.
    pub(super) fn has_http2_directive(self) -> bool {
        self >= Self::HTTP2
    }

    /// Whether a member of a pool may have `resolve`.
    pub(super) fn has_resolve(self) -> bool {
        self >= Self::RESOLVE
    }

    /// Whether a worker that is to end may leave clients' idle connections open for a while.
    pub(super) fn closes_gently(self) -> bool {
        self >= Self::KEEPALIVE_MIN_TIMEOUT
    }

    /// Whether connections of a pool are kept open unless that is turned off.
    pub(super) fn keeps_connections(self) -> bool {
        self >= Self::KEEPALIVE_BY_DEFAULT
    }
}

impl std::fmt::Display for NginxVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NginxVersion::Unknown => f.write_str("of an unknown version"),
            NginxVersion::Known(major, minor, patch) => write!(f, "{major}.{minor}.{patch}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Piece, VariableId};

    #[test]
    fn versions_are_read() {
        assert_eq!(
            NginxVersion::parse("1.27.4"),
            Some(NginxVersion::Known(1, 27, 4))
        );
        assert_eq!(
            NginxVersion::parse("1.22"),
            Some(NginxVersion::Known(1, 22, 0))
        );
        for wrong in [
            "",
            "1",
            "stable",
            "1.27.4.1",
            "1.x",
            "1..2",
            "+1.2",
            "1.27.99999999999",
        ] {
            assert_eq!(NginxVersion::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn tags_tell_versions() {
        let of = |image: &str| NginxVersion::of_image(&image.into());
        assert_eq!(of("nginx:1.27.4"), NginxVersion::Known(1, 27, 4));
        assert_eq!(of("nginx:1.28-alpine"), NginxVersion::Known(1, 28, 0));
        assert_eq!(
            of("mirror:5000/library/nginx:1.27.4-alpine@sha256:0"),
            NginxVersion::Known(1, 27, 4)
        );
        assert!(!of("nginx:1.27").has_resolve());
        for unknown in [
            "nginx",
            "nginx:stable-alpine",
            "nginx:latest",
            "openresty:1.27.4",
            "edge:1.27.4",
        ] {
            assert_eq!(of(unknown), NginxVersion::Unknown, "{unknown}");
        }
        let tag = |before: &str, after: &str| {
            Text::from_pieces(vec![
                Piece::Literal(before.into()),
                Piece::Variable(VariableId { name: "X".into() }),
                Piece::Literal(after.into()),
            ])
        };
        assert_eq!(
            NginxVersion::of_image(&tag("nginx:", "")),
            NginxVersion::Unknown
        );
        assert_eq!(
            NginxVersion::of_image(&tag("nginx:1.27.", "")),
            NginxVersion::Unknown
        );
        assert_eq!(
            NginxVersion::of_image(&tag("", "/nginx:1.27.4")),
            NginxVersion::Known(1, 27, 4)
        );
    }

    #[test]
    fn what_they_can_do() {
        assert!(!NginxVersion::Unknown.has_resolve());
        assert!(!NginxVersion::ASSUMED.has_resolve());
        assert!(NginxVersion::Known(1, 27, 3).has_resolve());
        assert!(!NginxVersion::Known(1, 29, 6).keeps_connections());
        assert!(NginxVersion::Known(1, 31, 0).keeps_connections());
    }
}
