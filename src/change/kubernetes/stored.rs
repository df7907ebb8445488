//! What a pod mounts, and where that is kept: in a claim, or in a volume that stands in the pod itself
//! (`kubernetes.io/docs/concepts/storage/volumes`).

use super::parts::{items, text};
use serde_json::Value;
use std::fmt;

/// Where what is mounted outlives its pod.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kept<'v> {
    /// It does not, or nobody knows.
    Nowhere,
    Claim(&'v str),
    /// A folder of whatever node the pod runs on.
    Node(&'v str),
    /// A folder of a server of files.
    Share(&'v str, &'v str),
    /// A disk by the name that its provider knows.
    Disk(&'v str),
}

impl fmt::Display for Kept<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nowhere => f.write_str("no volume"),
            Self::Claim(name) => write!(f, "claim `{name}`"),
            Self::Node(path) => write!(f, "`{path}` of its node"),
            Self::Share(server, path) => write!(f, "`{path}` of `{server}`"),
            Self::Disk(name) => write!(f, "disk `{name}`"),
        }
    }
}

impl<'v> Kept<'v> {
    /// The name of the claim that it is.
    pub(super) fn claim(self) -> Option<&'v str> {
        match self {
            Self::Claim(name) => Some(name),
            _ => None,
        }
    }

    /// Of a volume as it stands in a pod.
    fn of(volume: &'v Value) -> Self {
        let named = |kind: &str, key: &str| text(volume.get(kind)?, key);
        if let Some(name) = named("persistentVolumeClaim", "claimName") {
            return Self::Claim(name);
        }
        if let Some(path) = named("hostPath", "path") {
            let is_data = !is_of_the_system(path, named("hostPath", "type"));
            let kept = is_data.then(|| Self::Node(path.trim_end_matches('/')));
            return kept.unwrap_or(Self::Nowhere);
        }
        if let Some((server, path)) = named("nfs", "server").zip(named("nfs", "path")) {
            return Self::Share(server, path);
        }
        let mut disks = DISKS.iter();
        let disk = disks.find_map(|(kind, key)| named(kind, key));
        disk.map_or(Self::Nowhere, Self::Disk)
    }
}

/// Volumes of providers, and what names the disk.
const DISKS: [(&str, &str); 5] = [
    ("awsElasticBlockStore", "volumeID"),
    ("azureDisk", "diskURI"),
    ("azureFile", "shareName"),
    ("gcePersistentDisk", "pdName"),
    ("vsphereVolume", "volumePath"),
];

/// Whether a path of a node is no data of who mounts it: a socket, a file, or what the system and its daemons have there.
fn is_of_the_system(path: &str, kind: Option<&str>) -> bool {
    let own = [
        "/boot",
        "/dev",
        "/etc",
        "/lib",
        "/proc",
        "/run",
        "/sys",
        "/tmp",
        "/usr",
        "/var/lib/containerd",
        "/var/lib/docker",
        "/var/lib/kubelet",
        "/var/log",
        "/var/run",
    ];
    let is_within = |own: &str| {
        let below = path.strip_prefix(own);
        below.is_some_and(|it| it.is_empty() || it.starts_with('/'))
    };
    let is_folder = matches!(
        kind.unwrap_or_default(),
        "" | "Directory" | "DirectoryOrCreate"
    );
    !is_folder || path.trim_end_matches('/').is_empty() || own.into_iter().any(is_within)
}

/// What a container has at a path.
#[derive(PartialEq)]
pub(super) struct Mount<'v> {
    pub(super) of: Kept<'v>,
    pub(super) path: &'v str,
    /// Of what is kept; the top one is empty.
    pub(super) folder: &'v str,
    pub(super) is_read: bool,
    /// Whether it is made empty with each pod.
    pub(super) is_empty: bool,
}

impl Mount<'_> {
    /// Whether the container may write to what outlives it.
    pub(super) fn is_kept(&self) -> bool {
        !self.is_read && self.of != Kept::Nowhere
    }
}

/// What a container mounts; nothing where a folder is another one for each pod.
pub(super) fn mounts<'v>(
    whole: &'v Value,
    pod: &'v Value,
    container: &'v Value,
) -> Option<Vec<Mount<'v>>> {
    let volume = |name: &str| {
        let mut volumes = items(pod, "volumes");
        volumes.find(|it| text(it, "name") == Some(name))
    };
    let kept = |name: &'v str| {
        if let Some(volume) = volume(name) {
            return Kept::of(volume);
        }
        let spec = whole.get("spec").into_iter();
        let mut templates = spec.flat_map(|it| items(it, "volumeClaimTemplates"));
        let is_it = |it: &Value| it.get("metadata").and_then(|it| text(it, "name")) == Some(name);
        if templates.any(is_it) {
            Kept::Claim(name)
        } else {
            Kept::Nowhere
        }
    };
    let mut found = Vec::new();
    for mount in items(container, "volumeMounts") {
        if mount.get("subPathExpr").is_some() {
            return None;
        }
        let (Some(name), Some(path)) = (text(mount, "name"), text(mount, "mountPath")) else {
            continue;
        };
        let folder = text(mount, "subPath").unwrap_or_default();
        let is_read = mount.get("readOnly").and_then(Value::as_bool) == Some(true);
        found.push(Mount {
            of: kept(name),
            path: path.trim_end_matches('/'),
            folder: folder.trim_matches('/'),
            is_read,
            is_empty: volume(name).is_some_and(|it| it.get("emptyDir").is_some()),
        });
    }
    found.sort_by(|one, other| one.path.cmp(other.path));
    Some(found)
}

/// What stands at a path, with the folder that it is of what is mounted there or above it.
pub(super) fn found<'m, 'v>(
    mounts: &'m [Mount<'v>],
    path: &str,
) -> Option<(&'m Mount<'v>, String)> {
    let above = mounts.iter().filter_map(|it| {
        let rest = path.strip_prefix(it.path)?;
        (rest.is_empty() || rest.starts_with('/')).then_some((it, rest))
    });
    let (nearest, rest) = above.max_by_key(|(it, _)| it.path.len())?;
    let folder = format!("{}{rest}", nearest.folder);
    Some((nearest, folder.trim_matches('/').to_owned()))
}
