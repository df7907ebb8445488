//! The copy that the grammar reads: comments and lost text blanked, missing closers put in.

use super::Scan;
use super::walk::Walk;
use crate::diagnostics::Diagnostic;
use crate::source::Span;
use std::borrow::Cow;

/// Makes the copy, where one is needed.
pub(super) fn finish(walk: Walk<'_>, unclosed: Vec<(Diagnostic, Span)>) -> Scan<'_> {
    let mut insertions = walk.insertions;
    insertions.sort_by_key(|(at, _)| *at);
    let untouched = walk.comments.is_empty()
        && walk.blanked.is_empty()
        && walk.swapped.is_empty()
        && insertions.is_empty();
    let text = if untouched {
        Cow::Borrowed(walk.text)
    } else {
        let mut bytes = walk.text.as_bytes().to_vec();
        let comments = walk.comments.iter().map(|comment| {
            let span = comment.span;
            (span.start as usize, span.end as usize)
        });
        for (start, end) in comments.chain(walk.blanked) {
            blank(&mut bytes, start, end);
        }
        for (at, byte) in walk.swapped {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        Cow::Owned(text_of(insert(bytes, &insertions)))
    };
    let mut diagnostics = walk.diagnostics;
    let mut faults = walk.faults;
    for (diagnostic, region) in unclosed {
        diagnostics.push(diagnostic);
        faults.push(region);
    }
    let mut before = 0;
    let shifted = |cut: usize| {
        while insertions.get(before).is_some_and(|(at, _)| *at <= cut) {
            before += 1;
        }
        cut + before
    };
    Scan {
        text,
        cuts: walk.cuts.into_iter().map(shifted).collect(),
        inserted: insertions.iter().map(|(at, _)| *at).collect(),
        comments: walk.comments,
        lost: walk.lost,
        faults,
        diagnostics,
    }
}

/// Blanks for everything but line ends, so that lines stay lines.
fn blank(bytes: &mut [u8], start: usize, end: usize) {
    for byte in bytes.get_mut(start..end).unwrap_or_default() {
        if *byte != b'\n' {
            *byte = b' ';
        }
    }
}

fn insert(bytes: Vec<u8>, insertions: &[(usize, u8)]) -> Vec<u8> {
    if insertions.is_empty() {
        return bytes;
    }
    let mut whole = Vec::with_capacity(bytes.len() + insertions.len());
    let mut from = 0;
    for (at, byte) in insertions {
        whole.extend_from_slice(bytes.get(from..*at).unwrap_or_default());
        whole.push(*byte);
        from = *at;
    }
    whole.extend_from_slice(bytes.get(from..).unwrap_or_default());
    whole
}

/// Whole characters are replaced by ASCII, so the bytes are UTF-8 as before.
fn text_of(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
