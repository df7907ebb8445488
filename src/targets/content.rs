//! The hash by which content names itself.

use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// The first twelve hexadecimal digits of the SHA-256 of a text: enough to tell the versions of
/// one file apart, short enough for the 63 characters of a name.
pub fn content_hash(text: &str) -> String {
    let mut hash = digest([text]);
    hash.truncate(12);
    hash
}

/// The SHA-256 of some parts in a row, in hexadecimal digits.
pub fn digest(parts: impl IntoIterator<Item = impl AsRef<[u8]>>) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    let digest = hasher.finalize();
    let mut digits = String::with_capacity(64);
    for byte in digest {
        // Writing to a string cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
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
