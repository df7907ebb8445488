//! The hash by which content names itself.

use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// The first twelve hexadecimal digits of the SHA-256 of a text: enough to tell the versions of
/// one file apart, short enough for the 63 characters of a name.
pub fn content_hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest
        .iter()
        .take(6)
        .fold(String::with_capacity(12), |mut hash, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hash, "{byte:02x}");
            hash
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_has_twelve_digits_and_follows_the_content() {
        // `printf abc | sha256sum`
        assert_eq!(content_hash("abc"), "ba7816bf8f01");
        assert_eq!(content_hash(""), "e3b0c44298fc");
    }
}
