//! What the scripts of a cluster know of the last deploy: by the ids of its revisions.

use super::Place;

const ROLLBACK: &str = "manifests/kubernetes/rollback.sh";

/// A cluster whose Deployments are the lines of `there`, `NAME GENERATION IMAGE UNDONE`, and their revisions those of `revisions`,
/// `NAME NUMBER IMAGE MADE DEPLOY`; `next` is what there is once something was applied.
const CLUSTER: &str = r#"
echo "$*" >>"$here/called"
line() { local IFS=$'\t'; echo "$*"; }
case " $* " in
  *" get deployments,"*)
    while read -r name number image undone; do
      line Deployment "$name" "u-$name" "" "$number" "$number" 2 2 2 2 2 "" "" "" NewReplicaSetAvailable "$number" "" "" "$image " "{$image}"
      if [ -n "$undone" ]; then echo "kubectl|Update||$undone|{\"f:spec\":{\"f:template\":{}}}"; fi
    done <"$here/there"
    while read -r name number image made deploy; do
      pods=0
      if grep -E "^$name [0-9]+ $image( |$)" "$here/there" >/dev/null; then pods=2; fi
      line ReplicaSet "$name-$image" "r-$name-$number" "u-$name" 1 1 $pods "" $pods $pods $pods "" "" "" "" "$number" true "" "$image " "{$image}" "" 30 "" "$made" "$deploy"
    done <"$here/revisions"
    ;;
  *" --dry-run=server "*) ;;
  *" apply "*)
    for file in there revisions; do cp "$here/next/$file" "$here/$file"; done
    sed -E 's/ .*//; s/^/deployment.apps\//' "$here/there"
    ;;
esac
"#;

fn cluster() -> Place {
    let place = Place::new();
    place.program("bin/kubectl", CLUSTER);
    let service = |name| format!("service {name} {{ image = \"ex/{name}:2\", replicas = 2 }}\n");
    let services = ["web", "api"].map(service).concat();
    place.build(&format!(
        "app shop {{ targets = [kubernetes] }}\n{services}"
    ));
    place
}

/// Both were deployed at ten, and web once more at eleven.
const BEFORE: &str = "web 1 w1 2026-01-01T09:00:00Z 20260101T085959Z.one\n\
                      api 1 a1 2026-01-01T09:00:00Z 20260101T085959Z.one\n\
                      api 2 a2 2026-01-01T10:00:00Z 20260101T095959Z.two\n\
                      web 2 w2 2026-01-01T10:00:00Z 20260101T095959Z.two\n";
const LAST: &str = "web 3 w3 2026-01-01T11:00:00Z 20260101T105959Z.three\n";

fn rolled_back(there: &str, revisions: &[&str], words: &[&str], release: &str) -> (i32, String) {
    let place = cluster();
    place.put("there", there);
    place.put("revisions", &revisions.concat());
    let words = [&["--dry-run"], words].concat();
    let ran = place.run(ROLLBACK, &words, &[("ZDC_RELEASE", release)]);
    (ran.code, ran.said)
}

#[test]
fn what_the_last_deploy_did_not_bring_stays() {
    let now = "web 3 w3\napi 2 a2\n";
    let (code, said) = rolled_back(now, &[BEFORE, LAST], &[], "");
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("web: w3 -> w2\n"), "{said}");
    assert!(
        said.contains("api: was not part of the last deploy\n"),
        "{said}"
    );
    // What is named goes back from its own last one.
    let (code, said) = rolled_back(now, &[BEFORE, LAST], &["--only", "api"], "");
    assert!(code == 0 && said.contains("api: a2 -> a1\n"), "{said}");
    // An older release brought api alone of what runs.
    let (code, said) = rolled_back(now, &[BEFORE, LAST], &[], "two");
    assert!(code == 0 && said.contains("api: a2 -> a1\n"), "{said}");
    let line = "web: was deployed once more since, as three\n";
    assert!(said.contains(line), "{said}");
    // One that changed nothing has nothing to take back.
    let (code, said) = rolled_back(now, &[BEFORE, LAST], &[], "four");
    let line = "web: was not part of the last deploy, which is four\n";
    assert!(
        code == 0 && said.contains(line) && !said.contains("->"),
        "{said}"
    );
    // Where no deploy has an id it is the last change of each.
    let without = [BEFORE, LAST]
        .concat()
        .replace(" 2026010", " #")
        .lines()
        .fold(String::new(), |text, line| {
            text + line.split(" #").next().unwrap() + "\n"
        });
    let (code, said) = rolled_back(now, &[&without], &[], "");
    assert!(
        code == 0 && said.contains("w3 -> w2") && said.contains("a2 -> a1"),
        "{said}"
    );
}

/// The cluster took nothing back: `deploy.sh` did, and its revision is still there to tell.
#[test]
fn what_a_failed_deploy_did_not_reach_stays_once_it_went_back() {
    let back = BEFORE.replace("web 2 ", "web 4 ");
    let now = "web 4 w2 2026-01-01T11:05:00Z\napi 2 a2\n";
    let (code, said) = rolled_back(now, &[&back, LAST], &[], "");
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("web: went back already"), "{said}");
    assert!(
        said.contains("api: was not part of the last deploy\n"),
        "{said}"
    );
    // What somebody put in its place since is no way back.
    let by_hand = "web 5 w5 2026-01-01T12:00:00Z\n";
    let now = now.replace("web 4 w2", "web 5 w5");
    let (code, said) = rolled_back(&now, &[&back, LAST, by_hand], &[], "");
    let line = "web was changed since by something that gives no id\n";
    assert!(code == 1 && said.contains(line), "{said}");
    assert!(said.contains("ZDC_RELEASE=three rollback.sh"), "{said}");
    let words = ["--only", "web"];
    let (code, said) = rolled_back(&now, &[&back, LAST, by_hand], &words, "");
    assert!(code == 0 && said.contains("w5 -> w2"), "{said}");
    let (code, said) = rolled_back(&now, &[&back, LAST, by_hand], &words, "three");
    assert!(code == 1 && said.contains("gives no id"), "{said}");
}

/// A revision that was there before is of the deploy that brought it back, and what is as it was stays of its own.
#[test]
fn a_deploy_names_what_it_brought() {
    let place = cluster();
    std::fs::create_dir(place.path("next")).unwrap();
    let back = BEFORE.replace("web 1 ", "web 3 ");
    for (file, text, next) in [
        ("there", "web 2 w2\napi 2 a2\n", "web 3 w1\napi 2 a2\n"),
        ("revisions", BEFORE, &back),
    ] {
        place.put(file, text);
        place.put(&format!("next/{file}"), next);
    }
    let ran = place.run(
        "manifests/kubernetes/deploy.sh",
        &[],
        &[("ZDC_RELEASE", "four")],
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    let called = place.text("called");
    let label = called
        .lines()
        .find(|line| line.contains("rollout.zdc/deploy="));
    let label = label.unwrap_or_default();
    assert!(
        label.starts_with("label --overwrite replicaset.apps/web-w1 "),
        "{called}"
    );
    assert!(label.ends_with("Z.four"), "{called}");
    for wrong in ["a b", "a-", &"a".repeat(47)] {
        let ran = place.run(
            "manifests/kubernetes/deploy.sh",
            &[],
            &[("ZDC_RELEASE", wrong)],
        );
        assert_eq!(ran.code, 2, "{ran:?}");
    }
}
