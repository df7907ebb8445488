use super::*;
use crate::cli::Failure;
use crate::diagnostics::render::Style;
use crate::targets::{Artifact, Header};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

fn artifact(path: &str, text: &str) -> Artifact {
    let word = path.split('/').next().unwrap();
    Artifact {
        target: TargetId::from_word(word),
        path: path.to_owned(),
        text: text.to_owned().into(),
        header: if path.contains("data") {
            Header::Name
        } else {
            Header::Hash
        },
    }
}

struct Folder {
    inner: tempfile::TempDir,
}

impl Folder {
    fn new() -> Self {
        Self {
            inner: tempfile::tempdir().unwrap(),
        }
    }

    fn out(&self) -> PathBuf {
        self.inner.path().join("manifests")
    }

    fn path(&self, path: &str) -> PathBuf {
        self.out().join(path)
    }

    fn plan_of(&self, source: &str, artifacts: &[Artifact]) -> Plan {
        let out = self.out();
        let to = Destination {
            folder: &out,
            source,
            targets: &[TargetId::Swarm],
            whole: false,
            is_source: &|source| source == "another.zd",
        };
        plan(artifacts, &to).unwrap()
    }

    fn build_from(
        &self,
        source: &str,
        artifacts: &[Artifact],
        force: bool,
    ) -> Result<Written, Failure> {
        write(&self.plan_of(source, artifacts), &self.out(), force)
    }

    fn build(&self, artifacts: &[Artifact]) -> Written {
        self.build_from("app.zd", artifacts, false).unwrap()
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Every file and folder, with what it holds.
    fn all(&self) -> BTreeMap<PathBuf, String> {
        fn walk(folder: &Path, all: &mut BTreeMap<PathBuf, String>) {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                let text = fs::read_to_string(&path).unwrap_or_else(|_| "(folder)".to_owned());
                if fs::symlink_metadata(&path).unwrap().is_dir() {
                    walk(&path, all);
                }
                all.insert(path, text);
            }
        }
        let mut all = BTreeMap::new();
        walk(self.inner.path(), &mut all);
        all
    }
}

fn done(wrote: usize, unchanged: usize, removed: usize) -> Written {
    Written::Done {
        wrote,
        unchanged,
        removed,
    }
}

#[test]
fn a_rebuild_that_changes_nothing_writes_nothing() {
    let folder = Folder::new();
    let files = [
        artifact("swarm/a.yml", "a: 1\n"),
        artifact("swarm/b/c.yml", "b: 1\n"),
    ];
    assert_eq!(folder.build(&files), done(2, 0, 0));
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
    let file = fs::File::options()
        .append(true)
        .open(folder.path("swarm/a.yml"))
        .unwrap();
    file.set_modified(long_ago).unwrap();
    assert_eq!(folder.build(&files), done(0, 2, 0));
    let modified = |path| fs::metadata(folder.path(path)).unwrap().modified().unwrap();
    assert_eq!(modified("swarm/a.yml"), long_ago);
    let changed = [
        artifact("swarm/a.yml", "a: 2\n"),
        artifact("swarm/b/c.yml", "b: 1\n"),
    ];
    assert_eq!(folder.build(&changed), done(1, 1, 0));
    assert!(
        fs::read_to_string(folder.path("swarm/a.yml"))
            .unwrap()
            .ends_with("\na: 2\n")
    );
}

#[test]
fn nothing_is_overwritten_that_zdc_did_not_write() {
    let folder = Folder::new();
    let old = [
        artifact("swarm/a.yml", "a: 1\n"),
        artifact("swarm/b.yml", "b: 1\n"),
    ];
    let new = [
        artifact("swarm/a.yml", "a: 2\n"),
        artifact("swarm/b.yml", "b: 2\n"),
        artifact("swarm/c.yml", "c: 2\n"),
    ];
    folder.build(&old);
    let edited = fs::read_to_string(folder.path("swarm/a.yml")).unwrap() + "# mine\n";
    folder.put("swarm/a.yml", &edited);
    folder.put("swarm/c.yml", "theirs\n");
    let before = folder.all();
    let refused = folder
        .build_from("app.zd", &new, false)
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("a.yml: edited since zdc wrote it"),
        "{refused}"
    );
    assert!(refused.contains("c.yml: not written by zdc"), "{refused}");
    assert!(
        !refused.contains("b.yml") && refused.contains("--force"),
        "{refused}"
    );
    assert_eq!(folder.all(), before, "a refusal changes nothing");
    assert_eq!(
        folder.build_from("app.zd", &new, true).unwrap(),
        done(3, 0, 0)
    );
    assert_eq!(folder.build(&new), done(0, 3, 0));
}

#[test]
fn what_another_program_wrote_is_overwritten_only_where_that_is_gone() {
    let folder = Folder::new();
    let files = [artifact("swarm/deploy.sh", "echo one\n")];
    // `is_source` of these tests knows `another.zd`.
    folder.build_from("another.zd", &files, false).unwrap();
    let before = folder.all();
    let refused = folder.build_from("app.zd", &files, false);
    let refused = refused.unwrap_err().to_string();
    for part in ["deploy.sh: written from `another.zd`", "--out"] {
        assert!(refused.contains(part), "{refused}");
    }
    assert_eq!(folder.all(), before, "a refusal changes nothing");
    let forced = folder.build_from("app.zd", &files, true);
    assert_eq!(forced.unwrap(), done(1, 0, 0));
    folder.build_from("before.zd", &files, false).unwrap();
    let renamed = folder.build_from("app.zd", &files, false);
    assert_eq!(renamed.unwrap(), done(1, 0, 0));
}

#[test]
fn what_is_no_longer_written_goes_if_zdc_wrote_it_from_this_source() {
    let folder = Folder::new();
    let data = format!("swarm/configs/data-{}.txt", "2cf24dba5fb0");
    folder.build(&[
        artifact("swarm/old/a.yml", "a: 1\n"),
        artifact("swarm/edited.yml", "e: 1\n"),
        artifact(&data, "hello"),
    ]);
    folder
        .build_from("other.zd", &[artifact("swarm/other.yml", "o: 1\n")], false)
        .unwrap();
    let edited = fs::read_to_string(folder.path("swarm/edited.yml")).unwrap() + "mine: 1\n";
    folder.put("swarm/edited.yml", &edited);
    folder.put("swarm/theirs.yml", "t: 1\n");
    folder.put("nginx/a.conf", "theirs\n");
    let plan = folder.plan_of("app.zd", &[artifact("swarm/new.yml", "n: 1\n")]);
    assert_eq!(plan.kept, [folder.path("swarm/edited.yml")]);
    // Another source has files here: the data may be its.
    assert_eq!(write(&plan, &folder.out(), false).unwrap(), done(1, 0, 1));
    assert!(
        !folder.path("swarm/old").exists(),
        "its folder is empty and goes too"
    );
    for stays in [
        "swarm/edited.yml",
        "swarm/theirs.yml",
        "swarm/other.yml",
        "nginx/a.conf",
        &data,
    ] {
        assert!(folder.path(stays).exists(), "{stays}");
    }
    fs::remove_file(folder.path("swarm/other.yml")).unwrap();
    assert_eq!(
        folder.build(&[artifact("swarm/new.yml", "n: 1\n")]),
        done(0, 1, 1)
    );
    assert!(!folder.path("swarm/configs").exists());
}

#[cfg(unix)]
#[test]
fn nothing_is_written_through_a_symbolic_link_or_over_a_folder() {
    let folder = Folder::new();
    let elsewhere = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path("swarm/folder.yml")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), folder.path("swarm/linked")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path().join("x"), folder.path("swarm/link.yml")).unwrap();
    folder.put("swarm/file", "theirs");
    let files = [
        "swarm/folder.yml",
        "swarm/linked/a.yml",
        "swarm/link.yml",
        "swarm/file/a.yml",
        "swarm/good.yml",
    ];
    let files = files.map(|path| artifact(path, "a: 1\n"));
    for force in [false, true] {
        let refused = folder
            .build_from("app.zd", &files, force)
            .unwrap_err()
            .to_string();
        for part in [
            "folder.yml: a folder",
            "a.yml: its folder is a symbolic link",
            "link.yml: a symbolic link",
            "a.yml: a file stands",
        ] {
            assert!(refused.contains(part), "{refused}");
        }
    }
    assert!(!folder.path("swarm/good.yml").exists());
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

#[test]
fn a_failure_half_way_leaves_everything_as_it_was() {
    let folder = Folder::new();
    folder.build(&[artifact("swarm/a.yml", "a: 1\n")]);
    let files = [
        artifact("swarm/a.yml", "a: 2\n"),
        artifact("swarm/new/b.yml", "b: 1\n"),
        artifact("swarm/z/c.yml", "c: 1\n"),
    ];
    let plan = folder.plan_of("app.zd", &files);
    // It comes between the look and the work, as another program's file may.
    folder.put("swarm/z", "in the way");
    let before = folder.all();
    let failed = write(&plan, &folder.out(), false).unwrap_err().to_string();
    assert!(
        failed.contains("nothing was written") && failed.contains("c.yml"),
        "{failed}"
    );
    assert_eq!(folder.all(), before);
}

#[test]
fn a_path_never_leaves_the_output_folder() {
    let out = Folder::new().out();
    let to = Destination {
        folder: &out,
        source: "app.zd",
        targets: &[],
        whole: true,
        is_source: &|_| false,
    };
    for path in ["swarm/../../x", "/etc/x", ""] {
        let mut bad = artifact("swarm/a.yml", "");
        bad.path = path.to_owned();
        assert!(plan(&[bad], &to).is_err(), "{path}");
    }
}

#[test]
fn a_diff_shows_new_changed_and_extra_files() {
    let folder = Folder::new();
    folder.build(&[
        artifact("swarm/a.yml", "a: 1\n"),
        artifact("swarm/b.yml", "b: 1\n"),
    ]);
    let files = [
        artifact("swarm/a.yml", "a: 1\n"),
        artifact("swarm/c.yml", "c: \u{1b}\n"),
    ];
    let plan = folder.plan_of("app.zd", &files);
    let plain = Style::default();
    let (text, count) = diff(&plan, plain, true).unwrap();
    assert_eq!(count, 2);
    assert!(
        text.contains("--- /dev/null\n") && text.contains("+c: \\u{1b}\n"),
        "{text}"
    );
    assert!(
        text.contains("+++ /dev/null\n") && text.contains("-b: 1\n"),
        "{text}"
    );
    assert!(
        !text.contains("a.yml") && !text.contains('\u{1b}'),
        "{text}"
    );
    folder.build(&files);
    assert_eq!(diff(&folder.plan_of("app.zd", &files), plain, true), None);
}

#[test]
fn a_stream_is_one_text_of_one_target() {
    let files = [
        artifact("swarm/a.yml", "a: 1\n"),
        artifact("swarm/data-2cf24dba5fb0.txt", "x: {\n"),
        artifact("swarm/x.conf", "x {\n}\n"),
        artifact("swarm/b.yml", "---\nb: 1"),
        artifact("nginx/a.conf", "a 1;\n"),
        artifact("kubernetes/kustomization.yaml", "k: 1\n"),
        artifact("kubernetes/a.yaml", "k: 2\n"),
    ];
    let text = |target| {
        let mut out = Vec::new();
        stream(&files, target, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    assert_eq!(
        text(TargetId::Swarm),
        "# swarm/a.yml\na: 1\n# swarm/data-2cf24dba5fb0.txt:\n#   x: {\n\
         # swarm/x.conf:\n#   x {\n#   }\n---\n# swarm/b.yml\nb: 1\n"
    );
    assert_eq!(text(TargetId::Nginx), "# nginx/a.conf\na 1;\n");
    assert_eq!(text(TargetId::Kubernetes), "# kubernetes/a.yaml\nk: 2\n");
}

#[cfg(unix)]
#[test]
fn a_script_that_lost_its_mode_is_written_again() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let artifacts = [artifact("swarm/deploy.sh", "#!/bin/sh\ntrue\n")];
    folder.build_from("app.zd", &artifacts, false).unwrap();
    let path = folder.path("swarm/deploy.sh");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let plan = folder.plan_of("app.zd", &artifacts);
    let (said, count) = diff(&plan, Style::default(), false).unwrap();
    assert!(count == 1 && said.contains("new mode 100755"), "{said}");
    folder.build_from("app.zd", &artifacts, false).unwrap();
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o100, 0o100);
    assert!(
        diff(
            &folder.plan_of("app.zd", &artifacts),
            Style::default(),
            false
        )
        .is_none()
    );
}

/// What a build that was killed has left goes with the next one; what another one just writes does not.
#[test]
fn what_a_killed_build_left_is_removed() {
    let folder = Folder::new();
    let files = [artifact("swarm/a.yml", "a: 1\n")];
    folder.build(&files);
    let left = [".zdc-old.tmp", "swarm/.zdc-old.tmp", "swarm/b/.zdc-old.tmp"];
    let two_hours_ago = SystemTime::now() - Duration::from_secs(7200);
    for name in left {
        folder.put(name, "a: 2\n");
        let file = fs::File::options().append(true).open(folder.path(name));
        file.unwrap().set_modified(two_hours_ago).unwrap();
    }
    for name in ["swarm/.zdc-new.tmp", "kubernetes/.zdc-new.tmp"] {
        folder.put(name, "a: 2\n");
    }
    let plan = folder.plan_of("app.zd", &files);
    let (diff, count) = diff(&plan, Style::default(), false).unwrap();
    assert_eq!(count, 3, "{diff}");
    for name in left {
        assert!(diff.contains(&format!("manifests/{name}")), "{diff}");
    }
    assert_eq!(folder.build(&files), done(0, 1, 3));
    assert!(!folder.path("swarm/b").exists());
    assert!(folder.path("swarm/.zdc-new.tmp").exists());
    assert_eq!(folder.build(&files), done(0, 1, 0));
}

/// Only root may give a file away, and root's build is not to take one.
#[cfg(unix)]
#[test]
fn a_replaced_file_stays_its_owners() {
    use std::os::unix::fs::MetadataExt as _;
    let folder = Folder::new();
    folder.build(&[artifact("swarm/a.yml", "a: 1\n")]);
    let file = folder.path("swarm/a.yml");
    let given = std::os::unix::fs::chown(&file, Some(4321), Some(4322)).is_ok();
    let before = fs::metadata(&file).unwrap();
    assert!(!given || before.uid() == 4321);
    folder.build(&[artifact("swarm/a.yml", "a: 2\n")]);
    let after = fs::metadata(&file).unwrap();
    assert!(fs::read_to_string(&file).unwrap().ends_with("a: 2\n"));
    let of = |found: &fs::Metadata| (found.uid(), found.gid(), found.mode());
    assert_eq!(of(&after), of(&before));
}
