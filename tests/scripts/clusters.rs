//! What the scripts of a cluster know of the last deploy: by the ids of its revisions.

use super::Place;

const ROLLBACK: &str = "manifests/kubernetes/rollback.sh";

/// A cluster whose Deployments are the lines of `there`, `NAME GENERATION IMAGE UNDONE APPLIED`, and their revisions those of `revisions`,
/// `NAME NUMBER IMAGE MADE DEPLOY SIGNED NEXT READY`, with `~` behind an image that was restarted; `next` is what there is once something was applied, of which `refused` keeps the rest back.
const CLUSTER: &str = r#"
echo "$*" >>"$here/called"
line() { local IFS=$'\t'; echo "$*"; }
case " $* " in
  *" get deployments,"*)
    while read -r name number image undone applied; do
      line Deployment "$name" "u-$name" "" "$number" "$number" 2 2 2 2 2 "" "" "" NewReplicaSetAvailable "$number" "" "" "$image " "{$image}"
      if [ -n "$applied" ]; then echo "kubectl|Apply||$applied|{\"f:spec\":{\"f:template\":{}}}"; fi
      if [ "${undone:--}" != - ]; then echo "kubectl|Update||$undone|{\"f:spec\":{\"f:template\":{}}}"; fi
    done <"$here/there"
    while read -r name number image made deploy signed next ready; do
      if [ "$deploy" = - ]; then deploy=; fi
      if [ "$signed" = - ]; then signed=; fi
      pods=0
      if grep -E "^$name [0-9]+ $image( |$)" "$here/there" >/dev/null; then pods=2; fi
      line ReplicaSet "$name-$image" "r-$name-$number" "u-$name" 1 1 $pods "" $pods $pods $pods "" "" "" "" "$number" "${ready:-true}" "" "${image%~*} " "{${image%~*}}" "" 30 "" "$made" "$deploy" "$signed" "$next"
    done <"$here/revisions"
    ;;
  *" get deployment.apps/"*managedFields*) cat "$here/hands" 2>/dev/null ;;
  *" --dry-run=server "*) ;;
  *" apply "*)
    for file in there revisions; do cp "$here/next/$file" "$here/$file"; done
    if [ -e "$here/refused" ]; then echo "exceeded quota" >&2; exit 1; fi
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
    let begun = LAST.replace(
        ".three",
        ".three 2026-01-01T11:00:02Z 20260101T125959Z.four",
    );
    let (code, said) = rolled_back(now, &[BEFORE, &begun], &[], "four");
    assert!(code == 0 && !said.contains("->"), "{said}");
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
    let line = "web has a revision without a mark, by hand or by a deploy that was cut short\n";
    assert!(code == 1 && said.contains(line), "{said}");
    assert!(said.contains(" by: `rollback.sh --only web`\n"), "{said}");
    let words = ["--only", "web"];
    let (code, said) = rolled_back(&now, &[&back, LAST, by_hand], &words, "");
    assert!(code == 0 && said.contains("w5 -> w2"), "{said}");
    let (code, said) = rolled_back(&now, &[&back, LAST, by_hand], &words, "three");
    assert!(code == 1 && said.contains("without a mark"), "{said}");
    assert!(
        said.contains(" by: `ZDC_RELEASE= rollback.sh --only web`\n"),
        "{said}"
    );
}

/// What has no mark may be of the release that was cut short before it could set one, so it is never "not part of it".
#[test]
fn what_no_deploy_marked_is_nobodys() {
    let plain = |text: &str| -> String {
        let bare = |line: &str| line.split(" 2026010").next().unwrap().to_owned() + "\n";
        text.lines().map(bare).collect()
    };
    let now = "web 3 w3\napi 2 a2\n";
    // Nothing has a mark, and a release was named: it may have changed nothing at all.
    let without = plain(BEFORE) + &plain(LAST);
    for words in [&[][..], &["--only", "web"]] {
        let (code, said) = rolled_back(now, &[&without], words, "seven");
        assert!(code == 1 && said.contains("without a mark"), "{said}");
        assert!(!said.contains("->"), "{said}");
    }
    // The release has none, and something came after all that have one.
    for words in [&[][..], &["--only", "web"]] {
        let (code, said) = rolled_back(now, &[BEFORE, &plain(LAST)], words, "three");
        assert!(code == 1 && said.contains("web has a revision"), "{said}");
    }
    let (code, said) = rolled_back(now, &[BEFORE, &plain(LAST)], &["--only", "api"], "three");
    let line =
        "no revision here is of a deploy of the name three; there are, the newest first: two one.";
    assert!(code == 1 && said.contains(line), "{said}");
    // One half of a release is marked.
    let half = "web 3 w3 2026-01-01T11:00:00Z 20260101T105959Z.three 2026-01-01T11:00:02Z\n\
                api 3 a3 2026-01-01T11:00:01Z\n";
    for release in ["", "three"] {
        let (code, said) = rolled_back("web 3 w3\napi 3 a3\n", &[BEFORE, half], &[], release);
        assert!(code == 1 && said.contains("api has a revision"), "{said}");
        assert!(said.contains("`rollback.sh --only web`"), "{said}");
    }
    // What came before the marks did is not of this deploy.
    let old = plain(BEFORE);
    for release in ["", "three"] {
        let (code, said) = rolled_back(now, &[&old, LAST], &[], release);
        assert!(code == 0 && said.contains("web: w3 -> w2"), "{said}");
        assert!(said.contains("api: was not part"), "{said}");
    }
    // A step looks at what all of the program have.
    let (code, said) = rolled_back(now, &[&old, LAST], &["--only", "api"], "three");
    assert!(code == 0 && said.contains("api: was not part"), "{said}");
}

/// Two clocks may differ: what came last is told by the cluster's.
#[test]
fn the_clock_of_who_deploys_does_not_count() {
    // Somebody deployed at eleven with a clock of one in the afternoon.
    let ahead = LAST.replace("20260101T1059", "20260101T1259");
    let later = "web 4 w4 2026-01-01T12:00:00Z 20260101T115959Z.four 2026-01-01T12:00:01Z\n";
    let now = "web 4 w4\napi 2 a2\n";
    for release in ["", "four"] {
        let (code, said) = rolled_back(now, &[BEFORE, &ahead, later], &[], release);
        assert!(code == 0 && said.contains("web: w4 -> w3"), "{said}");
    }
    let (code, said) = rolled_back(now, &[BEFORE, &ahead, later], &["--only", "web"], "");
    assert!(code == 0 && said.contains("web: w4 -> w3"), "{said}");
    let by_hand = "web 4 w4 2026-01-01T12:00:00Z\n";
    let (code, said) = rolled_back(now, &[BEFORE, &ahead, by_hand], &[], "");
    assert!(code == 1 && said.contains("without a mark"), "{said}");
}

/// A release that runs has not gone back, whatever else failed since.
#[test]
fn a_release_that_runs_is_not_back_already() {
    let now = "web 4 w2 2026-01-01T11:05:00Z\napi 2 a2\n";
    let back = BEFORE.replace("web 2 ", "web 4 ");
    let older = "web 0 w0 2026-01-01T08:00:00Z 20260101T075959Z.zero\n";
    let (code, said) = rolled_back(now, &[older, &back, LAST], &[], "two");
    assert!(code == 0 && said.contains("web: w2 -> w1"), "{said}");
    let (code, said) = rolled_back(now, &[older, &back, LAST], &[], "three");
    assert!(
        code == 0 && said.contains("web: went back already"),
        "{said}"
    );
    // One release twice, of which the second went back to the first.
    let twice = LAST.replace(".three", ".two");
    let (code, said) = rolled_back(now, &[&back, &twice], &[], "two");
    assert!(code == 0 && said.contains("web: w2 -> w1"), "{said}");
    // It was taken back, and forward again by hand.
    let forward = "web 5 w3 2026-01-01T11:10:00Z\napi 2 a2\n";
    let last = LAST.replace("web 3 ", "web 5 ");
    for words in [&[][..], &["--only", "web"]] {
        let (code, said) = rolled_back(forward, &[&back, &last], words, "");
        let line = " by: `rollback.sh --only web --to 4`\n";
        assert!(code == 1 && said.contains(line), "{said}");
    }
    let words = ["--only", "web", "--to", "4"];
    let (code, said) = rolled_back(forward, &[&back, &last], &words, "");
    assert!(code == 0 && said.contains("web: w3 -> w2"), "{said}");
}

/// Nothing went back of what should have.
#[test]
fn what_only_stays_is_no_way_back() {
    let new = "web 1 w1 2026-01-01T11:00:00Z 20260101T105959Z.three\n";
    let api: String = BEFORE
        .lines()
        .filter(|line| line.starts_with("api"))
        .map(|line| line.to_owned() + "\n")
        .collect();
    let (code, said) = rolled_back("web 1 w1\napi 2 a2\n", &[&api, new], &[], "three");
    assert!(
        code == 1 && said.contains("no revision to go back to"),
        "{said}"
    );
}

/// What is applied of a deploy that fails half-way is of that deploy.
#[test]
fn what_was_applied_before_a_refusal_is_marked() {
    let place = cluster();
    std::fs::create_dir(place.path("next")).unwrap();
    let after = BEFORE.to_owned() + "web 3 w3 2026-01-01T11:00:00Z\n";
    for (file, text, next) in [
        ("there", "web 2 w2\napi 2 a2\n", "web 3 w3\napi 2 a2\n"),
        ("revisions", BEFORE, &after),
    ] {
        place.put(file, text);
        place.put(&format!("next/{file}"), next);
    }
    place.put("refused", "");
    let ran = place.run(
        "manifests/kubernetes/deploy.sh",
        &[],
        &[("ZDC_RELEASE", "three")],
    );
    assert!(
        ran.code == 1 && ran.said.contains("not everything was applied"),
        "{ran:?}"
    );
    let called = place.text("called");
    let label = called
        .lines()
        .find(|line| line.contains("rollout.zdc/deploy="));
    let label = label.unwrap_or_default();
    assert!(
        label.contains(" replicaset.apps/web-w3 rollout.zdc/deploy="),
        "{called}"
    );
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
        label.starts_with("label --field-manager zdc-deploy --overwrite replicaset.apps/web-w1 "),
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

/// A revision that was brought once more by a later deploy came with that one, and what was taken back to stays.
#[test]
fn what_came_once_more_is_known_by_its_mark() {
    let revisions = "api 2 a2 2026-01-01T10:00:00Z 20260101T095959Z.one 2026-01-01T10:00:02Z\n\
        web 5 w1 2026-01-01T10:00:00Z 20260101T115959Z.three 2026-01-01T12:00:02Z\n\
        web 4 w2 2026-01-01T11:00:00Z 20260101T105959Z.two 2026-01-01T11:00:02Z\n";
    for release in ["", "three"] {
        let (code, said) = rolled_back("web 5 w1\napi 2 a2\n", &[revisions], &[], release);
        assert!(code == 0 && said.contains("web: w1 -> w2"), "{said}");
    }
    let back = revisions.replace("web 4 ", "web 6 ");
    let now = "web 6 w2 2026-01-01T12:10:00Z\napi 2 a2\n";
    for words in [&[][..], &["--only", "web"]] {
        for release in ["", "three"] {
            let (code, said) = rolled_back(now, &[&back], words, release);
            assert!(
                code == 0 && said.contains("web: went back already"),
                "{said}"
            );
        }
    }
}

/// `kubectl rollout restart` brings a revision, and no other version.
#[test]
fn a_restart_hides_no_deploy() {
    let restarted = "web 4 w3~ 2026-01-01T12:00:00Z\napi 3 a2~ 2026-01-01T12:00:00Z\n";
    let now = "web 4 w3\napi 3 a2\n";
    for release in ["", "three"] {
        let (code, said) = rolled_back(now, &[BEFORE, LAST, restarted], &[], release);
        assert!(code == 0 && said.contains("web: w3 -> w2"), "{said}");
        assert!(said.contains("api: was not part"), "{said}");
    }
    // It went back, and was restarted then.
    let back = BEFORE.replace("web 2 ", "web 4 ");
    let restarted = "web 5 w2~ 2026-01-01T12:00:00Z\n";
    let now = "web 5 w2 2026-01-01T11:05:00Z\napi 2 a2\n";
    let (code, said) = rolled_back(now, &[&back, LAST, restarted], &[], "");
    assert!(
        code == 0 && said.contains("web: went back already"),
        "{said}"
    );
}

/// Who goes on with a deploy that was cut short before it marked what it brought marks that, unless another hand was there since.
#[test]
fn what_was_cut_short_is_of_the_deploy_that_goes_on() {
    let apply = "kubectl|Apply||2026-01-01T11:00:00Z|{\"f:spec\":{\"f:template\":{}}}\n";
    let by_hand = apply.to_owned()
        + "kubectl-set|Update||2026-01-01T11:00:01Z|{\"f:spec\":{\"f:template\":{}}}\n";
    let begun = |release: &str| {
        let two = "20260101T095959Z.two\nweb 3";
        let next = format!("20260101T095959Z.two - 20260101T105959Z.{release}\nweb 3");
        (BEFORE.to_owned() + "web 3 w3 2026-01-01T11:00:01Z\n").replace(two, &next)
    };
    for (hands, release, marked) in [
        (apply, "three", true),
        (&by_hand, "three", false),
        ("", "three", false),
        // Somebody else applied it.
        (apply, "two", false),
    ] {
        let place = cluster();
        std::fs::create_dir(place.path("next")).unwrap();
        let revisions = begun(release);
        for (file, text) in [
            ("there", "web 3 w3\napi 2 a2\n"),
            ("revisions", &*revisions),
        ] {
            place.put(file, text);
            place.put(&format!("next/{file}"), text);
        }
        place.put("hands", hands);
        let ran = place.run(
            "manifests/kubernetes/deploy.sh",
            &[],
            &[("ZDC_RELEASE", "three")],
        );
        assert_eq!(ran.code, 0, "{ran:?}");
        let called = place.text("called");
        let is_marked = called.contains(" replicaset.apps/web-w3 rollout.zdc/deploy=");
        assert_eq!(is_marked, marked, "{hands}: {called}");
        assert!(!called.contains("api-a2 rollout.zdc/deploy="), "{called}");
        let next = "label --field-manager zdc-deploy-next --overwrite replicaset.apps/";
        assert!(called.contains(next), "{called}");
    }
}

/// Runs of one name between which there was another deploy are two.
#[test]
fn a_name_that_comes_again_is_another_deploy() {
    let revisions = "api 1 a1 2026-01-01T09:00:00Z 20260101T085959Z.zero 2026-01-01T09:00:02Z\n\
        api 2 a2 2026-01-01T10:00:00Z 20260101T095959Z.one 2026-01-01T10:00:02Z\n\
        web 4 w1 2026-01-01T10:00:00Z 20260101T115959Z.one 2026-01-01T12:00:02Z\n\
        web 3 w2 2026-01-01T11:00:00Z 20260101T105959Z.two 2026-01-01T11:00:02Z\n";
    let now = "web 4 w1\napi 2 a2\n";
    let (code, said) = rolled_back(now, &[revisions], &[], "");
    assert!(code == 0 && said.contains("web: w1 -> w2"), "{said}");
    assert!(said.contains("api: was not part"), "{said}");
    // Where the name is meant, so may be both.
    let (code, said) = rolled_back(now, &[revisions], &[], "one");
    let line = "api was brought by an earlier run of that name";
    assert!(code == 1 && said.contains(line), "{said}");
    assert!(said.contains("`rollback.sh --only web`"), "{said}");
    let named = " by: `ZDC_RELEASE= rollback.sh --only api`\n";
    assert!(said.contains(named), "{said}");
}

/// Runs of a release are one deploy, unless there was another in between: then nobody knows whether the first is meant.
#[test]
fn a_release_of_several_runs_is_one() {
    let begun = "api 1 a1 2026-01-01T09:00:00Z 20260101T085959Z.zero 2026-01-01T09:00:02Z\n\
        web 1 w1 2026-01-01T09:00:00Z 20260101T085959Z.zero 2026-01-01T09:00:02Z\n\
        web 2 w2 2026-01-01T10:00:00Z 20260101T095959Z.one 2026-01-01T10:00:02Z\n";
    let ended = "api 3 a2 2026-01-01T12:00:00Z 20260101T115959Z.one 2026-01-01T12:00:02Z\n";
    let now = "web 2 w2\napi 3 a2\n";
    let (code, said) = rolled_back(now, &[begun, ended], &[], "one");
    assert!(code == 0 && said.contains("web: w2 -> w1"), "{said}");
    assert!(said.contains("api: a2 -> a1"), "{said}");
    let other = "api 2 a9 2026-01-01T11:00:00Z 20260101T105959Z.two 2026-01-01T11:00:02Z\n";
    let (code, said) = rolled_back(now, &[begun, other, ended], &[], "one");
    assert!(code == 1 && said.contains("web was brought by"), "{said}");
    // Without a name it is the newest run.
    let (code, said) = rolled_back(now, &[begun, other, ended], &[], "");
    assert!(code == 0 && said.contains("api: a2 -> a9"), "{said}");
    assert!(said.contains("web: was not part"), "{said}");
}

/// A deploy of what was there before may be cut short before it marks that, which looks as if it went back.
#[test]
fn what_was_cut_short_while_it_brought_the_one_before_is_not_back() {
    let revisions = "api 1 a1 2026-01-01T09:00:00Z 20260101T085959Z.one 2026-01-01T09:00:02Z\n\
        web 3 w1 2026-01-01T09:00:00Z 20260101T085959Z.one 2026-01-01T09:00:02Z 20260101T095959Z.two\n\
        web 2 w2 2026-01-01T10:00:00Z 20260101T095959Z.two 2026-01-01T10:00:02Z 20260101T105959Z.three\n";
    let now = "web 3 w1 - 2026-01-01T11:00:00Z\napi 1 a1\n";
    for release in ["", "three"] {
        for words in [&[][..], &["--only", "web"]] {
            let (code, said) = rolled_back(now, &[revisions], words, release);
            assert!(
                code == 1 && said.contains("web runs what was there"),
                "{said}"
            );
            let line = " by: `rollback.sh --only web --to 2`\n";
            assert!(said.contains(line) && !said.contains("rollouts"), "{said}");
        }
    }
    let words = ["--only", "web", "--to", "2"];
    let (code, said) = rolled_back(now, &[revisions], &words, "three");
    assert!(code == 0 && said.contains("web: w1 -> w2"), "{said}");
    // It was undone by hand, or before that deploy.
    for now in [
        "web 3 w1 2026-01-01T11:00:00Z 2026-01-01T10:00:00Z\napi 1 a1\n",
        "web 3 w1 - 2026-01-01T10:00:00Z\napi 1 a1\n",
    ] {
        let (code, said) = rolled_back(now, &[revisions], &[], "three");
        assert!(code == 0 && said.contains("went back already"), "{said}");
    }
    // Nor could who brought it say that it began.
    let silent = revisions.replace(" 20260101T105959Z.three", "");
    let (code, said) = rolled_back(now, &[&silent], &[], "three");
    assert!(code == 1 && said.contains("web runs what was"), "{said}");
    let (code, said) = rolled_back(now, &[&silent], &[], "two");
    assert!(code == 0 && said.contains("went back already"), "{said}");
    // Somebody began over it once it was back.
    let since = silent.replace("T095959Z.two\nweb 2", "T115959Z.four\nweb 2");
    let three = "api 2 a2 2026-01-01T11:00:00Z 20260101T105959Z.three 2026-01-01T11:00:02Z\n";
    let both = now.replace("api 1 a1", "api 2 a2");
    let (code, said) = rolled_back(&both, &[&since, three], &[], "three");
    assert!(code == 0 && said.contains("went back already"), "{said}");
    let (code, said) = rolled_back(&both, &[&silent, three], &[], "three");
    assert!(code == 1 && said.contains("web runs what was"), "{said}");
    // Who goes on with it marks it.
    let apply = "kubectl|Apply||2026-01-01T11:00:00Z|{\"f:spec\":{\"f:template\":{}}}\n";
    for (there, release, marked) in [
        (now, "three", true),
        (now, "four", false),
        (&now.replace("T11:", "T10:"), "three", false),
        (
            &now.replace(" - ", " 2026-01-01T11:00:00Z "),
            "three",
            false,
        ),
    ] {
        let place = cluster();
        std::fs::create_dir(place.path("next")).unwrap();
        for (file, text) in [("there", there), ("revisions", revisions)] {
            place.put(file, text);
            place.put(&format!("next/{file}"), text);
        }
        place.put("hands", apply);
        let ran = place.run(
            "manifests/kubernetes/deploy.sh",
            &[],
            &[("ZDC_RELEASE", release)],
        );
        assert_eq!(ran.code, 0, "{ran:?}");
        let called = place.text("called");
        let is_marked = called.contains(" replicaset.apps/web-w1 rollout.zdc/deploy=");
        assert_eq!(is_marked, marked, "{there}: {called}");
    }
}

/// A mark of who began over a revision tells of a deploy that marked nothing, and of what was there before one.
#[test]
fn who_began_over_a_revision_did_not_bring_it() {
    let api = "api 1 a1 2026-01-01T09:00:00Z 20260101T085959Z.one 2026-01-01T09:00:02Z\n\
        api 2 a2 2026-01-01T11:00:00Z 20260101T105959Z.three 2026-01-01T11:00:02Z\n";
    let web = "web 1 w1 2026-01-01T09:00:00Z 20260101T085959Z.one 2026-01-01T09:00:02Z 20260101T095959Z.two\n\
        web 2 w2 2026-01-01T10:00:00Z\n";
    let now = "web 2 w2\napi 2 a2\n";
    // Nothing else is known of `two`: it was cut short.
    let (code, said) = rolled_back(now, &[api, web], &[], "");
    assert!(code == 1 && said.contains("web has a revision"), "{said}");
    let (code, said) = rolled_back(now, &[api, web], &[], "three");
    assert!(code == 0 && said.contains("web: was not part"), "{said}");
    // By hand, before a deploy that changed nothing.
    let by_hand = "web 1 w1 2026-01-01T09:00:00Z\n\
        web 2 w2 2026-01-01T10:00:00Z - - 20260101T105959Z.three\n";
    let now = "web 2 w2\n";
    let (code, said) = rolled_back(now, &[by_hand], &["--only", "web"], "three");
    assert!(code == 0 && said.contains("web: was not part"), "{said}");
    // Or by a run of it that was cut short.
    let begun = by_hand.replace("09:00:00Z", "09:00:00Z - - 20260101T095959Z.three");
    let (code, said) = rolled_back(now, &[&begun], &["--only", "web"], "three");
    assert!(code == 1 && said.contains("web has a revision"), "{said}");
}

/// A run that was cut short may be followed by one of the same release that brings something else.
#[test]
fn what_was_cut_short_and_came_otherwise_is_no_way_back() {
    let revisions = "web 1 w1 2026-01-01T09:00:00Z 20260101T085959Z.one 2026-01-01T09:00:02Z 20260101T095959Z.two\n\
        web 2 v2 2026-01-01T10:00:00Z - - 20260101T105959Z.two\n\
        web 3 w2 2026-01-01T11:00:00Z 20260101T105959Z.two 2026-01-01T11:00:02Z\n";
    let now = "web 3 w2\napi 1 a1\n";
    let api = "api 1 a1 2026-01-01T09:00:00Z 20260101T085959Z.one\n";
    for release in ["", "two"] {
        let (code, said) = rolled_back(now, &[api, revisions], &[], release);
        let line = "web: revision 2 (v2) may be of two, which was cut short";
        assert!(code == 1 && said.contains(line), "{said}");
    }
    let words = ["--only", "web"];
    let (code, said) = rolled_back(now, &[api, revisions], &words, "");
    assert!(code == 0 && said.contains("web: w2 -> v2"), "{said}");
    let before = revisions.replace("T095959Z.two\nweb 2", "T095959Z.six\nweb 2");
    let (code, said) = rolled_back(now, &[api, &before], &[], "two");
    assert!(code == 0 && said.contains("web: w2 -> v2"), "{said}");
}

/// What went back to a revision that no deploy marked is known by what came between.
#[test]
fn what_went_back_to_what_no_deploy_marked_is_back() {
    let revisions = "web 3 w1 2026-01-01T09:00:00Z\n\
        web 2 w2 2026-01-01T10:00:00Z 20260101T095959Z.two 2026-01-01T10:00:02Z\n";
    for release in ["", "two"] {
        for words in [&[][..], &["--only", "web"]] {
            let (code, said) = rolled_back("web 3 w1\n", &[revisions], words, release);
            assert!(code == 0 && said.contains("went back already"), "{said}");
        }
    }
    // Another one ran before the deploy that is meant.
    let other = revisions
        .replace("web 2", "web 2 v2 2026-01-01T09:30:00Z\nweb 3")
        .replace("web 3 w1", "web 4 w1");
    let (code, said) = rolled_back("web 4 w1\n", &[&other], &[], "two");
    assert!(code == 1 && said.contains("web has a revision"), "{said}");
    // Of two it is not known which one was taken back.
    let older = "web 4 w0 2026-01-01T08:00:00Z\n".to_owned()
        + &revisions.replace(
            "web 3 w1 2026-01-01T09:00:00Z",
            "web 1 w1 2026-01-01T09:00:00Z 20260101T085959Z.one 2026-01-01T09:00:02Z",
        );
    let (code, said) = rolled_back("web 4 w0\n", &[&older], &[], "");
    assert!(code == 1 && said.contains("web has a revision"), "{said}");
}

/// A name that nobody knows may be a slip, whatever went back and whatever is named.
#[test]
fn a_name_that_no_deploy_had_is_an_error() {
    let back = BEFORE.replace("web 2 ", "web 4 ");
    let bad = LAST.to_owned() + "api 3 a3 2026-01-01T11:00:00Z 20260101T105959Z.three\n";
    for (now, revisions) in [
        ("web 3 w3\napi 2 a2\n", [BEFORE, LAST]),
        ("web 4 w2 2026-01-01T11:05:00Z\napi 3 a3\n", [&*back, &*bad]),
    ] {
        for words in [
            &[][..],
            &["--only", "web"],
            &["--only", "web", "--only", "api"],
        ] {
            let (code, said) = rolled_back(now, &revisions, words, "four");
            let line = "error: nothing was changed: no revision here is of a deploy of the name four; \
                there are, the newest first: three two one. `ZDC_RELEASE= rollback.sh --dry-run` says";
            assert!(code == 1 && said.contains(line), "{said}");
            assert!(
                !said.contains("->") && !said.contains("last deploy"),
                "{said}"
            );
        }
    }
}

/// What runs and is of the release that is meant is not back, whatever was taken back to it.
#[test]
fn what_another_deploy_was_taken_back_to_is_not_back() {
    let revisions = "api 1 a1 2026-01-01T09:00:00Z 20260101T085959Z.one 2026-01-01T09:00:02Z\n\
        web 1 w1 2026-01-01T09:00:00Z 20260101T085959Z.one 2026-01-01T09:00:02Z\n\
        web 4 w2 2026-01-01T10:00:00Z 20260101T095959Z.two 2026-01-01T10:00:02Z\n\
        web 3 w3 2026-01-01T11:00:00Z 20260101T105959Z.other 2026-01-01T11:00:02Z\n\
        api 2 a2 2026-01-01T12:00:00Z 20260101T115959Z.two 2026-01-01T12:00:02Z\n";
    let now = "web 4 w2 2026-01-01T11:05:00Z\napi 2 a2\n";
    let (code, said) = rolled_back(now, &[revisions], &[], "two");
    assert!(
        code == 1 && said.contains("web was brought by an earlier"),
        "{said}"
    );
    assert!(said.contains("`rollback.sh --only api`"), "{said}");
    // Its last rollout is not its own.
    let line = " by: `rollback.sh --only web --to 1`\n";
    assert!(said.contains(line) && !said.contains("rollouts"), "{said}");
    let words = ["--only", "web", "--to", "1"];
    let (code, said) = rolled_back(now, &[revisions], &words, "two");
    assert!(code == 0 && said.contains("web: w2 -> w1"), "{said}");
}

/// Forward again after a way back, cut short before it was marked: it has the mark of its first life, and nothing came since.
#[test]
fn what_was_cut_short_while_it_went_forward_again_is_of_that_deploy() {
    let revisions = "api 1 a1 2026-01-01T09:00:00Z 20260101T085959Z.one 2026-01-01T09:00:02Z\n\
        web 3 w1 2026-01-01T09:00:00Z 20260101T085959Z.one 2026-01-01T09:00:02Z 20260101T105959Z.three\n\
        web 4 w2 2026-01-01T10:00:00Z 20260101T095959Z.two 2026-01-01T10:00:02Z\n";
    let now = "web 4 w2 - 2026-01-01T11:00:00Z\napi 1 a1\n";
    let retried = revisions.replace("T10:00:02Z\n", "T10:00:02Z 20260101T110959Z.three\n");
    for revisions in [revisions, &retried] {
        for words in [&[][..], &["--only", "web"]] {
            let (code, said) = rolled_back(now, &[revisions], words, "three");
            assert!(
                code == 1 && said.contains("web runs what was there"),
                "{said}"
            );
            let line = " by: `rollback.sh --only web --to 3`\n";
            assert!(said.contains(line) && !said.contains("rollouts"), "{said}");
        }
        // Which is what the one before replaced, too.
        for release in ["", "two"] {
            let (code, said) = rolled_back(now, &[revisions], &[], release);
            assert!(code == 0 && said.contains("web: w2 -> w1"), "{said}");
        }
    }
    // Without a name it is nobody's, where another came last.
    let later = "api 2 a2 2026-01-01T10:30:00Z 20260101T102959Z.four 2026-01-01T10:30:02Z\n";
    let both = now.replace("api 1 a1", "api 2 a2");
    let (code, said) = rolled_back(&both, &[revisions, later], &[], "");
    assert!(
        code == 1 && said.contains("web runs what was there"),
        "{said}"
    );
    // An undo by hand, a deploy that changed no pods, and one that came before.
    for (now, revisions) in [
        (
            now.replace(" - ", " 2026-01-01T11:00:00Z "),
            revisions.to_owned(),
        ),
        (now.replace("T11:", "T10:"), revisions.to_owned()),
        (
            now.to_owned(),
            retried.replace("T105959Z.three", "T095959Z.two"),
        ),
    ] {
        let (code, said) = rolled_back(&now, &[&revisions], &[], "three");
        assert!(code == 0 && said.contains("web: was not part"), "{said}");
    }
    // Who goes on with it marks it.
    let apply = "kubectl|Apply||2026-01-01T11:00:00Z|{\"f:spec\":{\"f:template\":{}}}\n";
    for (there, release, marked) in [
        (now, "three", true),
        (now, "two", false),
        (now, "four", false),
        (&now.replace("T11:", "T10:"), "three", false),
        (
            &now.replace(" - ", " 2026-01-01T11:00:00Z "),
            "three",
            false,
        ),
    ] {
        let place = cluster();
        std::fs::create_dir(place.path("next")).unwrap();
        for (file, text) in [("there", there), ("revisions", revisions)] {
            place.put(file, text);
            place.put(&format!("next/{file}"), text);
        }
        place.put("hands", apply);
        let ran = place.run(
            "manifests/kubernetes/deploy.sh",
            &[],
            &[("ZDC_RELEASE", release)],
        );
        assert_eq!(ran.code, 0, "{ran:?}");
        let called = place.text("called");
        let is_marked = called.contains(" replicaset.apps/web-w2 rollout.zdc/deploy=");
        assert_eq!(is_marked, marked, "{there}: {called}");
    }
}

/// What was there before a version is what that goes back to, also where it was deployed and taken back once more since.
#[test]
fn what_came_again_later_was_there_before() {
    let revisions = "web 1 w0 2026-01-01T08:00:00Z 20260101T075959Z.zero 2026-01-01T08:00:02Z 20260101T085959Z.one\n\
        web 4 w1 2026-01-01T09:00:00Z 20260101T105959Z.three 2026-01-01T11:00:02Z 20260101T095959Z.two\n\
        web 5 w2 2026-01-01T10:00:00Z 20260101T095959Z.two 2026-01-01T10:00:02Z 20260101T105959Z.three\n";
    let now = "web 5 w2 2026-01-01T11:05:00Z\n";
    let (code, said) = rolled_back(now, &[revisions], &[], "two");
    assert!(code == 0 && said.contains("web: w2 -> w1"), "{said}");
    // Nobody knows that the release began over it.
    let other = revisions.replace(
        "11:00:02Z 20260101T095959Z.two",
        "11:00:02Z 20260101T110059Z.four",
    );
    let (code, said) = rolled_back(now, &[&other], &[], "two");
    let line = "web: revision 4 (w1) was there before, and came once more since: choose with --only and --to NUMBER";
    assert!(code == 1 && said.contains(line), "{said}");
}

/// A name is no number to awk.
#[test]
fn a_release_may_be_nought() {
    let nought = LAST.replace(".three", ".0e123456");
    let later = "api 3 a3 2026-01-01T12:00:00Z 20260101T115959Z.four 2026-01-01T12:00:01Z\n";
    for words in [&[][..], &["--only", "api"]] {
        let now = "web 3 w3\napi 3 a3\n";
        let (code, said) = rolled_back(now, &[BEFORE, &nought, later], words, "0e123456");
        let line = "api: was not part of the last deploy, which is 0e123456\n";
        assert!(code == 0 && said.contains(line), "{said}");
    }
}

/// What a deploy brought and an undo put back once more may be back: the deploy that ran in between was taken back, too.
#[test]
fn what_an_undo_put_back_is_not_taken_back_again() {
    let revisions = "web 1 w0 2026-01-01T08:00:00Z 20260101T075959Z.zero 2026-01-01T08:00:02Z 20260101T085959Z.one\n\
        web 6 w1 2026-01-01T09:00:00Z 20260101T105959Z.three 2026-01-01T11:00:02Z 20260101T095959Z.two\n\
        web 5 w2 2026-01-01T10:00:00Z 20260101T095959Z.two 2026-01-01T10:00:02Z 20260101T105959Z.three\n";
    let now = "web 6 w1 2026-01-01T11:10:00Z\n";
    let line = "web was put back by an undo since it was deployed, and may be back already; it came in place of revision 5 (w2), \
        which is put back by: `rollback.sh --only web --to 5`\n";
    for (words, release) in [
        (&[][..], ""),
        (&[], "three"),
        (&["--only", "web"], "three"),
        (&["--only", "web"], ""),
    ] {
        let (code, said) = rolled_back(now, &[revisions], words, release);
        assert!(code == 1 && said.contains(line), "{said}");
        assert!(!said.contains("->"), "{said}");
    }
    let words = ["--only", "web", "--to", "5"];
    let (code, said) = rolled_back(now, &[revisions], &words, "");
    assert!(code == 0 && said.contains("web: w1 -> w2"), "{said}");
    // The one in between is back where it began over what runs.
    let (code, said) = rolled_back(now, &[revisions], &[], "two");
    assert!(code == 0 && said.contains("went back already"), "{said}");
    let other = revisions.replace("11:00:02Z 20260101T095959Z.two", "11:00:02Z");
    let (code, said) = rolled_back(now, &[&other], &[], "two");
    assert!(code == 1 && said.contains("once more since"), "{said}");
}

/// A restart counts for nothing, also where another deploy was taken back to what was restarted.
#[test]
fn what_was_restarted_is_not_back() {
    let revisions = "web 1 w1 2026-01-01T09:00:00Z 20260101T085959Z.one 2026-01-01T09:00:02Z 20260101T095959Z.two\n\
        web 2 w2 2026-01-01T10:00:00Z 20260101T095959Z.two 2026-01-01T10:00:02Z\n\
        web 5 w2~ 2026-01-01T10:30:00Z - - 20260101T105959Z.three\n\
        web 4 w3 2026-01-01T11:00:00Z 20260101T105959Z.three 2026-01-01T11:00:02Z\n";
    let now = "web 5 w2 2026-01-01T11:05:00Z\n";
    for words in [&[][..], &["--only", "web"]] {
        let (code, said) = rolled_back(now, &[revisions], words, "two");
        let line =
            "web: runs what is of two, restarted since: choose with --only and --to NUMBER\n";
        assert!(code == 1 && said.contains(line), "{said}");
    }
    let (code, said) = rolled_back(now, &[revisions], &[], "three");
    assert!(code == 0 && said.contains("went back already"), "{said}");
}

/// What was there before and did not get ready when it came once more is not passed by for what was there before that.
#[test]
fn what_came_again_and_did_not_get_ready_is_nobodys_way_back() {
    let revisions = "web 1 w0 2026-01-01T08:00:00Z 20260101T075959Z.zero 2026-01-01T08:00:02Z 20260101T085959Z.one\n\
        web 4 w1 2026-01-01T09:00:00Z 20260101T105959Z.three 2026-01-01T11:00:02Z 20260101T095959Z.two false\n\
        web 5 w2 2026-01-01T10:00:00Z 20260101T095959Z.two 2026-01-01T10:00:02Z 20260101T105959Z.three\n";
    let now = "web 5 w2 2026-01-01T11:05:00Z\n";
    let (code, said) = rolled_back(now, &[revisions], &[], "two");
    let line = "web: revision 4 (w1) was there before, and came once more since, and did not get ready then: \
        choose with --only and --to NUMBER";
    assert!(code == 1 && said.contains(line), "{said}");
}

/// What a deploy began over was there before it, also where it came once more since and went back.
#[test]
fn what_a_revert_took_away_and_came_again_is_not_passed_by() {
    let revisions = "web 1 w0 2026-01-01T08:00:00Z 20260101T075959Z.zero 2026-01-01T08:00:02Z 20260101T085959Z.one\n\
        web 6 w1 2026-01-01T09:00:00Z 20260101T105959Z.three 2026-01-01T11:00:02Z 20260101T115959Z.four\n\
        web 5 w2 2026-01-01T10:00:00Z 20260101T115959Z.four 2026-01-01T12:00:02Z 20260101T105959Z.three\n";
    let now = "web 6 w1 2026-01-01T12:05:00Z\n";
    let (code, said) = rolled_back(now, &[revisions], &[], "three");
    let line = "web: revision 5 (w2) was there before, and came once more since: choose with --only and --to NUMBER";
    assert!(code == 1 && said.contains(line), "{said}");
}

/// What the deploy that is meant began over was there before it, also where it went forward again and nobody marked that.
#[test]
fn what_was_forward_again_before_a_deploy_is_not_of_it() {
    let revisions = "api 1 a1 2026-01-01T09:00:00Z 20260101T085959Z.one 2026-01-01T09:00:02Z\n\
        api 2 a2 2026-01-01T12:00:00Z 20260101T115959Z.five 2026-01-01T12:00:02Z\n\
        web 3 w1 2026-01-01T09:00:00Z 20260101T085959Z.one 2026-01-01T09:00:02Z 20260101T105959Z.three\n\
        web 4 w2 2026-01-01T10:00:00Z 20260101T095959Z.two 2026-01-01T10:00:02Z 20260101T115959Z.five\n";
    let now = "web 4 w2 - 2026-01-01T11:00:00Z\napi 2 a2\n";
    let (code, said) = rolled_back(now, &[revisions], &[], "");
    assert!(code == 0 && said.contains("api: a2 -> a1"), "{said}");
    assert!(said.contains("web: was not part"), "{said}");
    let (code, said) = rolled_back(now, &[revisions], &["--only", "web"], "");
    assert!(code == 0 && said.contains("web: w2 -> w1"), "{said}");
}

/// What a release brought is not what it brought back, however often it ran.
#[test]
fn a_release_that_ran_twice_and_went_back_is_back() {
    let revisions = "web 3 w1 2026-01-01T09:00:00Z 20260101T085959Z.one 2026-01-01T09:00:02Z 20260101T115959Z.four\n\
        web 2 w2 2026-01-01T10:00:00Z 20260101T095959Z.two 2026-01-01T10:00:02Z 20260101T100959Z.two\n";
    let now = "web 3 w1 - 2026-01-01T12:00:00Z\n";
    let (code, said) = rolled_back(now, &[revisions], &[], "two");
    assert!(code == 0 && said.contains("went back already"), "{said}");
    let (code, said) = rolled_back(now, &[revisions], &[], "");
    assert!(code == 1 && said.contains("web runs what was"), "{said}");
}
