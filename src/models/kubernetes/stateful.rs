//! A `StatefulSet`'s rolling update.

/// The fewest available while its pods are replaced: each is deleted before its successor starts,
/// from the highest ordinal down, and the next one waits until it is ready again. A version that
/// never gets ready stays at that (kubernetes.io, `StatefulSet`, "Rolling Updates", "Forced rollback").
pub fn least_available(replicas: u32) -> u32 {
    replicas.saturating_sub(1)
}
