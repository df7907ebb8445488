//! What a Secret holds, which a plan compares and never shows.

use crate::change::difference::{Difference, value};
use crate::targets::Content;
use k8s_openapi::ByteString;
use serde_json::Value;
use std::collections::BTreeMap;

/// Whether a place of a Secret holds what is secret; what `kubectl apply` notes down is all of it.
pub(super) fn is_content(path: &str) -> bool {
    let word = path.split(['.', '[']).next().unwrap_or_default();
    let known = matches!(
        word,
        "type" | "immutable" | "metadata" | "apiVersion" | "kind"
    );
    !known || path.contains("last-applied-configuration")
}

/// Takes out what is the same in plain text and in base 64: `stringData` is written into `data`, over what is there
/// (kubernetes/kubernetes `pkg/apis/core/v1/conversion.go`, `Convert_v1_Secret_To_core_Secret`).
pub(super) fn settle(differences: &mut Vec<Difference<'_>>, old: &Content, new: &Content) {
    let key = |it: &Difference<'_>| match it.path.as_slice() {
        [block, key] if block == "data" || block == "stringData" => Some(key.clone()),
        _ => None,
    };
    if !differences.iter().any(|it| key(it).is_some()) {
        return;
    }
    let [was, is] = [old, new].map(|side| held("Secret", side));
    let is_other = |key: &String| {
        let [was, is] = [&was, &is].map(|side| side.get(key).map(|it| &it.value));
        was != is
    };
    differences.retain(|it| key(it).is_none_or(|key| is_other(&key)));
}

/// A value under its key.
#[derive(PartialEq)]
pub(super) struct Held {
    /// In base 64, where it is one of a Secret.
    pub(super) value: String,
    /// Whether it stays where it is written no more.
    pub(super) is_kept: bool,
}

/// What a Secret or a `ConfigMap` holds.
pub(super) fn held(kind: &str, content: &Content) -> BTreeMap<String, Held> {
    let whole = value(content);
    let texts = |block: &str| -> Vec<(String, String)> {
        let block = whole.get(block).and_then(Value::as_object);
        let texts = block.into_iter().flatten();
        let shown = |it: &Value| {
            it.as_str()
                .map_or_else(|| it.to_string(), ToOwned::to_owned)
        };
        texts
            .map(|(key, text)| (key.clone(), shown(text)))
            .collect()
    };
    let encoded = ["data", "binaryData"].into_iter().flat_map(texts);
    let encoded = encoded.map(|(key, text)| {
        let value = match kind {
            "Secret" => text.split_whitespace().collect(),
            _ => text,
        };
        (
            key,
            Held {
                value,
                is_kept: false,
            },
        )
    });
    let plain = texts("stringData").into_iter().map(|(key, text)| {
        let value = base64(text.as_bytes());
        (
            key,
            Held {
                value,
                is_kept: true,
            },
        )
    });
    encoded.chain(plain).collect()
}

/// As the API server writes it.
fn base64(bytes: &[u8]) -> String {
    let written = serde_json::to_value(ByteString(bytes.to_vec()));
    written
        .ok()
        .and_then(|it| Some(it.as_str()?.to_owned()))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_written_in_base_64() {
        for (plain, encoded) in [
            ("", ""),
            ("x", "eA=="),
            ("xy", "eHk="),
            ("xyz", "eHl6"),
            ("hunter2", "aHVudGVyMg=="),
            ("\u{ff}?>", "w78/Pg=="),
        ] {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }
}
