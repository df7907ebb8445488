//! The listeners of a Gateway: each is for one host name, so that one of zd is several of them.

use crate::graph::routing::{self, VirtualHost};
use crate::vocabulary::Gateway;

/// A listener of a Gateway.
pub(crate) struct Section {
    /// The place in the gateway of the one that it is written for.
    pub(super) index: usize,
    /// What routes name it by.
    pub(crate) name: String,
    /// Its host name; all where there is none.
    pub(crate) host: Option<String>,
    pub(crate) port: u64,
    /// Whether it sends everything to https.
    pub(crate) redirects: bool,
}

impl Section {
    /// Whether it is for a host name; the empty one stands for those that nobody lists.
    pub(crate) fn is_for(&self, name: &str) -> bool {
        let own = self.host.as_ref();
        own.is_none_or(|own| routing::host_covers(own, name))
    }

    fn answers(&self, hosts: &[String]) -> bool {
        self.host.is_none() || hosts.iter().any(|host| self.is_for(host))
    }
}

/// Those of a gateway, in the order written.
pub(crate) fn of(gateway: &Gateway) -> Vec<Section> {
    let mut out: Vec<Section> = Vec::new();
    for (index, listen) in gateway.listen.iter().enumerate() {
        let hosts = listen.hosts.iter().flat_map(|hosts| &hosts.value);
        let mut hosts: Vec<Option<String>> = hosts
            .map(|host| Some(host.value.to_ascii_lowercase()))
            .collect();
        if hosts.is_empty() {
            hosts.push(None);
        }
        let label = slug(listen.label.name());
        for (number, host) in hosts.into_iter().enumerate() {
            // One that gets a second host name goes on by its own, which routes name until they are replaced.
            let name = match number {
                0 => label.clone(),
                _ => format!("{label}-{}", number + 1),
            };
            out.push(Section {
                index,
                name,
                host,
                port: routing::port(listen),
                redirects: listen.redirect.is_some(),
            });
        }
    }
    out
}

/// Those that ask the route for some host names.
pub(crate) fn asking<'s>(
    sections: &'s [Section],
    host: &VirtualHost<'_>,
) -> impl Iterator<Item = &'s Section> {
    sections.iter().filter(|section| {
        !section.redirects
            && host.listeners.contains(&section.index)
            && section.answers(&host.hosts)
    })
}

/// A text as a part of a name: small letters, digits and inner hyphens.
pub(super) fn slug(text: &str) -> String {
    let text = text.replace('*', "all").to_ascii_lowercase();
    let words = text.split(|char: char| !char.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let slug: String = words.join("-").chars().take(60).collect();
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_labels() {
        assert_eq!(slug("*.Shop.example"), "all-shop-example");
        assert_eq!(slug("http"), "http");
    }
}
