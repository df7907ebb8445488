//! `deploy.sh` and `rollback.sh`: fixed scripts that read the list of files; the same for every program.

/// Both, each with its name: the way there, and the way back.
pub(super) const BOTH: [(&str, &str); 2] = [
    (
        "deploy.sh",
        concat!(
            include_str!("script/deploy.sh"),
            include_str!("script/revisions.sh"),
            include_str!("script/common.sh")
        ),
    ),
    (
        "rollback.sh",
        concat!(
            include_str!("script/rollback.sh"),
            include_str!("script/revisions.sh"),
            include_str!("script/common.sh")
        ),
    ),
];
