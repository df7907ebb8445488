//! The order in which the scripts of a swarm remove and take back.

use super::{DEPLOY, Place, SWARM, pair, swarm};

/// Where a line of what docker was called with stands.
fn at(called: &str, words: &str) -> usize {
    let mut lines = called.lines();
    let found = lines.position(|line| line.contains(words));
    assert!(found.is_some(), "{words}: {called}");
    found.unwrap()
}

/// `docker stack deploy --prune` removes before it deploys: callers of before would ask for what is gone.
#[test]
fn what_a_stack_no_longer_has_goes_once_all_is_deployed() {
    for words in [&["--prune"][..], &["--", "--prune"]] {
        let place = swarm();
        let other = r#"service last { image = "ex/last:1", stack = "other", join net
  env { WEB = web.http.url } }"#;
        place.build(&pair("swarm", 1, 2, other));
        std::fs::create_dir(place.path("services")).unwrap();
        place.put("services/shop_old", "more\n");
        place.put("services/other_old", "more\n");
        let ran = place.run(DEPLOY, words, &[]);
        assert_eq!(ran.code, 0, "{ran:?}");
        let called = place.text("called");
        assert!(!called.contains("--prune"), "{called}");
        let deployed = called.lines().collect::<Vec<_>>();
        let last = deployed
            .iter()
            .rposition(|line| line.contains("--compose-file"));
        for name in ["shop_old", "other_old"] {
            let line = format!("service rm {name}");
            assert!(Some(at(&called, &line)) > last, "{called}");
            assert!(!place.has(&format!("services/{name}")), "{called}");
        }
        assert!(place.has("services/shop_web"), "{called}");
    }
    // What another file has is not known here.
    let place = swarm();
    place.build(&pair("swarm", 1, 2, ""));
    let ran = place.run(DEPLOY, &["--prune", "--", "-c", "more.yml"], &[]);
    assert_eq!(ran.code, 2, "{ran:?}");
    // What a deploy did not bring about is no reason to remove anything.
    let place = swarm();
    std::fs::create_dir(place.path("services")).unwrap();
    place.put("services/shop_old", "more\n");
    place.put("fails/--compose-file", "once\n");
    let ran = place.run(DEPLOY, &["--prune"], &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(place.has("services/shop_old"), "{ran:?}");
}

/// Of each service a version before, whose tasks are others.
const BEFORE: &str = r#"
if [ "$1 $2" = "service inspect" ] && [[ $* == *PreviousSpec* && $* != *zdc.deploy* ]]; then
  if [[ $* == *yes* ]]; then echo yes; else echo before; fi
  exit 0
fi
"#;

#[test]
fn callers_go_back_before_those_that_they_call() {
    let place: Place = swarm();
    place.program("bin/docker", &[BEFORE, SWARM].concat());
    assert_eq!(place.run(DEPLOY, &[], &[]).code, 0);
    place.put("called", "");
    let ran = place.run("manifests/swarm/rollback.sh", &[], &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let called = place.text("called");
    let back = |name| at(&called, &format!("service rollback --detach {name}"));
    let [front, web, side] = ["shop_front", "shop_web", "shop_side"].map(back);
    assert!(front < web && side < web, "{called}");
    let between = called.lines().skip(front).take(web - front);
    assert!(
        between.filter(|line| line.contains("UpdateStatus")).count() > 0,
        "nothing was waited for: {called}"
    );
    let said = "shop: what was changed runs the version before";
    assert_eq!(ran.said.matches(said).count(), 1, "{ran:?}");
}

/// One task more than is asked for, of which some shall run.
const MORE: &str = r#"
case "$1 $2" in
  "service ls")
    for name in $(cd "$here/services" && ls -d "${4##*=}"_* 2>/dev/null); do echo "$name|3/2"; done
    exit 0
    ;;
  "service ps")
    cat "$here/tasks"
    exit 0
    ;;
esac
"#;

/// What the engine started once too often runs on until the next update: that is said, and not waited for.
#[test]
fn tasks_of_which_one_is_too_many_are_told() {
    let place = swarm();
    place.program("bin/docker", &format!("{MORE}{SWARM}"));
    let running = "Running 3 seconds ago\n";
    place.put("tasks", &running.repeat(3));
    let ran = place.run(DEPLOY, &["--patience", "9"], &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.said.contains("3 tasks run where 2 are asked for"),
        "{ran:?}"
    );
    // One that shall not run any more is on its way.
    place.put("tasks", &running.repeat(2));
    let ran = place.run(DEPLOY, &["--patience", "9"], &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.said.contains("nothing has moved"), "{ran:?}");
}

/// What a swarm keeps of a service that the last deploy never reached is the version before the one that was good.
#[test]
fn what_the_last_deploy_did_not_reach_stays() {
    let place = swarm();
    let last = r#"service last { image = "ex/last:1", stack = "other", join net
  env { WEB = web.http.url } }"#;
    place.build(&pair("swarm", 1, 2, last));
    place.program("bin/docker", &[BEFORE, SWARM].concat());
    for release in ["one", "two"] {
        assert_eq!(place.run(DEPLOY, &[], &[("ZDC_RELEASE", release)]).code, 0);
    }
    std::fs::create_dir(place.path("refuses")).unwrap();
    place.put("refuses/last", "");
    let three = [("ZDC_RELEASE", "three")];
    assert_eq!(place.run(DEPLOY, &[], &three).code, 1);
    let back = |words: &[&str], variables: &[(&str, &str)]| {
        place.put("called", "");
        place.run("manifests/swarm/rollback.sh", words, variables)
    };
    for variables in [&[][..], &three] {
        let ran = back(&["--dry-run"], variables);
        assert_eq!(ran.code, 0, "{ran:?}");
        let stays = "  other_last: was not part of the last deploy";
        assert!(
            ran.said.contains(stays) && ran.said.contains("shop_web: "),
            "{ran:?}"
        );
    }
    // What is older than another deploy does not go to what was before that one.
    let ran = back(&["--only", "shop_web"], &[("ZDC_RELEASE", "two")]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(!place.text("called").contains("rollback"), "{ran:?}");
    // A release that nobody knows may be a slip, also where something went back by itself.
    let line = "no service meant is of a deploy of the name four. There are: three two\n";
    let step = [("ZDC_RELEASE", "four"), ("ZDC_STEP", "1")];
    std::fs::create_dir(place.path("states")).unwrap();
    for state in ["", "rollback_completed\n"] {
        place.put("states/shop_side", state);
        let ran = back(&[], &step[..1]);
        assert!(ran.code == 1 && ran.said.contains(line), "{ran:?}");
        let ran = back(&["--only", "shop_web", "--also", "shop_side"], &step[..1]);
        let line = "no service meant is of a deploy of the name four. There are: three";
        assert!(ran.code == 1 && ran.said.contains(line), "{ran:?}");
        // The steps of a plan ask for what they may not have reached, too.
        let ran = back(&["--only", "shop_web", "--only", "shop_side"], &step);
        let line = "shop_web: was not part of the last deploy, which is four";
        assert!(ran.code == 0 && ran.said.contains(line), "{ran:?}");
        assert!(!place.text("called").contains("rollback"), "{ran:?}");
        place.put("before/shop_side", "none\n");
    }
    place.put("states/shop_side", "");
    let ran = back(&[], &three);
    assert_eq!(ran.code, 0, "{ran:?}");
    let called = place.text("called");
    assert!(
        called.contains("service rollback --detach shop_web"),
        "{called}"
    );
    assert!(!called.contains("rollback --detach other"), "{called}");
}

/// What the swarm took back by itself has the label of before: whether that deploy reached the others is not known where they had settled.
#[test]
fn what_a_later_deploy_may_have_left_is_asked_for() {
    let place = swarm();
    let last = r#"service last { image = "ex/last:1", stack = "other", join net }"#;
    place.build(&pair("swarm", 1, 2, last));
    place.program("bin/docker", &[BEFORE, SWARM].concat());
    for (release, only) in [("one", ""), ("two", "other")] {
        let words: &[&str] = if only.is_empty() { &[] } else { &[only] };
        let ran = place.run(DEPLOY, words, &[("ZDC_RELEASE", release)]);
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    for folder in ["states", "moments"] {
        std::fs::create_dir(place.path(folder)).unwrap();
    }
    let back = |words: &[&str], variables: &[(&str, &str)]| {
        place.put("called", "");
        let ran = place.run("manifests/swarm/rollback.sh", words, variables);
        let called = place.text("called");
        (ran, called.contains("service rollback --detach other_last"))
    };
    // It went back after the second deploy had ended.
    place.put("states/shop_web", "rollback_completed\n");
    place.put("before/shop_web", "none\n");
    place.put(
        "moments/shop_web",
        "\"2098-01-01T00:00:09.5Z\"|\"2098-01-01T00:00:20Z\"|\n",
    );
    let (ran, went) = back(&[], &[]);
    let line = "shop_web went back by itself, whether in that deploy or in a later one: its update began at 2098-01-01 00:00:09\n";
    let has = ", which these have: other_last\n";
    assert!(
        ran.said.contains("after two of 20") && ran.said.contains(has),
        "{ran:?}"
    );
    let way = "ZDC_RELEASE=two manifests/swarm/rollback.sh";
    assert!(ran.code == 1 && ran.said.contains(line) && !went, "{ran:?}");
    assert!(ran.said.contains(way), "{ran:?}");
    for (words, variables) in [
        (&["--dry-run", "--only", "other_last"][..], &[][..]),
        (&["--dry-run"], &[("ZDC_RELEASE", "two")]),
    ] {
        let (ran, _) = back(words, variables);
        assert!(
            ran.code == 0 && ran.said.starts_with("other_last: "),
            "{ran:?}"
        );
    }
    // While another one of its stack was under way: both are of one deploy.
    let ran = place.run(DEPLOY, &["shop"], &[("ZDC_RELEASE", "three")]);
    assert_eq!(ran.code, 0, "{ran:?}");
    place.put("now/shop_web", "20260101T000000Z.one\n");
    place.put("before/shop_web", "none\n");
    let times = "\"2098-01-01T00:00:08Z\"|\"2098-01-01T00:00:14.25Z\"|\n";
    // One that is paused has no end, but was changed last when it was paused: a migration may be so for good.
    for (state, changed, code) in [
        ("completed\n", "", 1),
        ("paused\n", "\"2098-01-01T00:00:14Z\"", 0),
        ("paused\n", "\"2098-01-01T00:00:03Z\"", 1),
    ] {
        let open = format!("\"2098-01-01T00:00:01Z\"|null|{changed}\n");
        place.put("moments/shop_front", &open);
        place.put("states/shop_front", state);
        let (ran, _) = back(&["--dry-run"], &[]);
        assert_eq!(ran.code, code, "{state}: {ran:?}");
    }
    std::fs::remove_file(place.path("states/shop_front")).unwrap();
    place.put("moments/shop_front", times);
    let (ran, went) = back(&[], &[]);
    assert!(ran.code == 0 && !went, "{ran:?}");
    assert!(
        place.text("called").contains("--detach shop_front"),
        "{ran:?}"
    );
    // What went back may have been scaled since: nothing tells of the deploy that did not reach anything else then.
    std::fs::remove_file(place.path("states/shop_web")).unwrap();
    std::fs::copy(place.path("now/shop_web"), place.path("before/shop_web")).unwrap();
    place.put("moments/shop_web", "||\"2098-01-01T00:00:30Z\"\n");
    let (ran, _) = back(&["--dry-run"], &[]);
    let line = "shop_web was scaled or changed by hand since, at 2098-01-01 00:00:30";
    assert!(ran.code == 1 && ran.said.contains(line), "{ran:?}");
    let (ran, _) = back(&["--dry-run"], &[("ZDC_RELEASE", "three")]);
    assert_eq!(ran.code, 1, "{ran:?}");
    place.put("moments/shop_web", "||\"2020-01-01T00:00:30Z\"\n");
    let (ran, _) = back(&["--dry-run"], &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    // A stack that was deployed by hand has no label any more.
    place.put("now/shop_side", "\n");
    place.put("before/shop_side", "20260101T000000Z.one\n");
    place.put("moments/shop_side", "||\"2098-01-01T00:00:09.5Z\"\n");
    let (ran, _) = back(&[], &[]);
    let line =
        "shop_side was changed since by something that gives no id, at 2098-01-01 00:00:09\n";
    assert!(ran.code == 1 && ran.said.contains(line), "{ran:?}");
    assert!(!place.text("called").contains("rollback"), "{ran:?}");
}

/// What was deployed while the callers went back is not taken back, and what was deployed over what went back is told.
#[test]
fn a_deploy_beside_the_way_back_is_told() {
    for overtaken in ["shop_web", "shop_front"] {
        let place = swarm();
        place.program("bin/docker", &[BEFORE, SWARM].concat());
        for _ in 0..2 {
            assert_eq!(place.run(DEPLOY, &[], &[]).code, 0);
        }
        let next = format!("echo 20990101T000000Z.other >\"$here/now/{overtaken}\"\n");
        place.put("beside", &next);
        place.put("called", "");
        let ran = place.run("manifests/swarm/rollback.sh", &[], &[]);
        assert_eq!(ran.code, 1, "{ran:?}");
        let line = "another deploy came in between";
        assert!(
            ran.said.contains(line) && ran.said.contains(overtaken),
            "{ran:?}"
        );
        let called = place.text("called");
        assert!(called.contains("rollback --detach shop_front"), "{called}");
        let web = called.contains("rollback --detach shop_web");
        assert!(!web, "{overtaken}: {called}");
    }
}

/// What somebody changed by hand since a deploy has that very deploy as what was before.
#[test]
fn what_was_changed_by_hand_does_not_go_back_to_its_deploy() {
    let place = swarm();
    place.program("bin/docker", &[BEFORE, SWARM].concat());
    assert_eq!(place.run(DEPLOY, &[], &[]).code, 0);
    std::fs::copy(place.path("now/shop_web"), place.path("before/shop_web")).unwrap();
    place.put("called", "");
    let ran = place.run("manifests/swarm/rollback.sh", &[], &[]);
    let line = "shop_web: what it was before is of that deploy, too";
    assert!(ran.code == 1 && ran.said.contains(line), "{ran:?}");
    assert!(
        !place.text("called").contains("service rollback --detach"),
        "{ran:?}"
    );
}

/// Of what was scaled since its deploy, or deployed twice by one release, the swarm keeps nothing from before that: the others do
/// not go back beside it as if all had.
#[test]
fn what_has_lost_the_version_before_its_release_is_told() {
    let place = swarm();
    let others = format!("if [[ ${{*: -1}} != shop_web ]]; then :{BEFORE}fi\n");
    place.program("bin/docker", &[&others, SWARM].concat());
    let deploy = |words: &[&str], release| {
        let ran = place.run(DEPLOY, words, &[("ZDC_RELEASE", release)]);
        assert_eq!(ran.code, 0, "{ran:?}");
    };
    let refuses = |variables: &[(&str, &str)]| {
        place.put("called", "");
        let ran = place.run("manifests/swarm/rollback.sh", &[], variables);
        let line = "shop_web: what it was before is of that deploy, too";
        assert!(ran.code == 1 && ran.said.contains(line), "{ran:?}");
        let called = place.text("called");
        assert!(!called.contains("service rollback --detach"), "{ran:?}");
    };
    for release in ["one", "two"] {
        deploy(&[], release);
    }
    let before = place.text("before/shop_web");
    std::fs::copy(place.path("now/shop_web"), place.path("before/shop_web")).unwrap();
    refuses(&[]);
    refuses(&[("ZDC_RELEASE", "two")]);
    place.put("before/shop_web", &before);
    deploy(&["--only", "shop_web"], "three");
    deploy(&[], "three");
    refuses(&[]);
    refuses(&[("ZDC_RELEASE", "three")]);
}

/// Two deploys at nearly the same moment: the one that was overtaken does not take the other's version for its own.
#[test]
fn a_deploy_in_between_is_told() {
    let place = swarm();
    place.put(
        "next",
        "echo 20990101T000000Z.other >\"$here/now/shop_web\"\n",
    );
    let ran = place.run(DEPLOY, &[], &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let line = "another deploy came in between, and what runs is that one's: shop_web\n";
    assert!(ran.said.contains(line), "{ran:?}");
}

/// The label stands in each service of a stack, whatever else it has there.
#[test]
fn each_service_has_the_id_of_its_deploy() {
    let place = swarm();
    let text = r#"app shop { targets = [swarm] }
service plain { image = "ex/a:1" }
service one { image = "ex/a:1", replicas = 2, on swarm { patch service { deploy.labels = { team = "shop" } } } }
service with-list { image = "ex/a:1", on swarm { patch service { deploy.labels = ["team=shop"] } } }
"#;
    place.build(text);
    let ran = place.run(DEPLOY, &[], &[("ZDC_RELEASE", "r.1-a")]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for name in ["plain", "one", "with-list"] {
        let id = place.text(&format!("now/shop_{name}"));
        assert!(id.ends_with(".r.1-a\n"), "{name}: {id}");
    }
    let ran = place.run(DEPLOY, &[], &[("ZDC_RELEASE", "a b")]);
    assert_eq!(ran.code, 2, "{ran:?}");
}

/// The version before one that was deployed over a paused update is the one that was paused.
#[test]
fn what_was_paused_is_nothing_to_go_back_to() {
    let place = swarm();
    let before = BEFORE.replace("*zdc.deploy*", "*zdc.*");
    let over = "case $* in *zdc.over*) cat \"$here/over\" 2>/dev/null || echo; exit ;; esac\n";
    place.program("bin/docker", &[over, &before, SWARM].concat());
    assert_eq!(place.run(DEPLOY, &[], &[]).code, 0);
    place.put("over", "paused\n");
    let ran = place.run("manifests/swarm/rollback.sh", &[], &[]);
    let line = "shop_web: what it was before is the version that was paused half-way";
    assert!(ran.code == 1 && ran.said.contains(line), "{ran:?}");
    // Only what is deployed over is marked.
    place.put("state", "paused|update paused due to failure\n");
    place.put(
        "next",
        "echo \"$text\" >\"$here/sent\"; rm \"$here/state\"\n",
    );
    let ran = place.run(DEPLOY, &["--only", "shop_web", "--over-paused"], &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let sent = place.text("sent");
    assert_eq!(sent.matches("zdc.over: paused").count(), 1, "{sent}");
    let ran = place.run(DEPLOY, &[], &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!place.text("sent").contains("zdc.over"), "{ran:?}");
}

/// Where nothing moves the swarm's reason is told, and how to get out; and what runs what was deployed where another went back.
#[test]
fn why_a_deploy_ends_is_told() {
    let place = swarm();
    let docker = r#"
case "$*" in
  *"service ps"*"--format {{.Name}}|{{.CurrentState}}|{{.Error}}"*) cat "$here/tasks"; exit ;;
esac
"#;
    place.program("bin/docker", &[docker, SWARM].concat());
    place.put(
        "next",
        "echo 'updating|update in progress' >\"$here/state\"\n",
    );
    // An error of before is none where the newest of its slot runs, and comes last where the newest of another one has one.
    let tasks = "w.1|Running 9 seconds ago|\nw.1|Failed 1 hour ago|\"of before\"\n\
                 w.2|Preparing 3 seconds ago|\nw.2|Failed 1 hour ago|\"of before\"\n\
                 w.3|Pending 3 seconds ago|\"no suitable node\"\n";
    place.put("tasks", tasks);
    let ran = place.run(DEPLOY, &["--patience", "1"], &[("ZDC_RELEASE", "two")]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(!ran.said.contains("of before"), "{ran:?}");
    for line in [
        "shop_web: no suitable node",
        "To take what was deployed back: ZDC_RELEASE=two manifests/swarm/rollback.sh --also shop_front --also shop_side --also shop_web\n",
    ] {
        assert!(ran.said.contains(line), "{line}: {ran:?}");
    }
    assert!(!ran.said.contains("changed no service"), "{ran:?}");
    let ran = place.run(DEPLOY, &["--patience", "1"], &[]);
    assert!(
        ran.said.contains("This deploy changed no service"),
        "{ran:?}"
    );
    // What another deploy left under way is not of the release of this one.
    let line = "To go back: ZDC_RELEASE= manifests/swarm/rollback.sh --only shop_";
    assert!(ran.said.contains(line), "{ran:?}");
}

/// One that was deployed by hand twice has no label in what it was before either, and one that is new by hand was nothing before.
#[test]
fn what_was_deployed_by_hand_after_the_last_deploy_is_asked_for() {
    let place = swarm();
    let last = r#"service last { image = "ex/last:1", stack = "other", join net }"#;
    place.build(&pair("swarm", 1, 2, last));
    place.program("bin/docker", &[BEFORE, SWARM].concat());
    for release in ["one", "two"] {
        assert_eq!(place.run(DEPLOY, &[], &[("ZDC_RELEASE", release)]).code, 0);
    }
    std::fs::create_dir(place.path("moments")).unwrap();
    let back = |words: &[&str]| {
        place.put("called", "");
        let ran = place.run("manifests/swarm/rollback.sh", words, &[]);
        (ran, place.text("called").contains("rollback --detach"))
    };
    let line =
        "other_last was changed since by something that gives no id, at 2098-01-01 00:00:09\n";
    for before in ["\n", "none\n"] {
        place.put("now/other_last", "\n");
        place.put("before/other_last", before);
        place.put("moments/other_last", "||\"2098-01-01T00:00:09.5Z\"\n");
        let (ran, went) = back(&[]);
        assert!(ran.code == 1 && ran.said.contains(line) && !went, "{ran:?}");
    }
    // By hand before the deploy, and what another file has: it stays, as it says.
    place.put("moments/other_last", "||\"2020-01-01T00:00:09.5Z\"\n");
    place.put("now/other_more", "\n");
    place.put("services/other_more", "more\n");
    place.put("moments/other_more", "||\"2098-01-01T00:00:09.5Z\"\n");
    let (ran, _) = back(&["--dry-run"]);
    assert!(ran.code == 0 && ran.said.contains("shop_web: "), "{ran:?}");
    // What is back is no reason to say that all is, where something was deployed by hand since.
    place.put("moments/other_last", "||\"2098-01-01T00:00:09.5Z\"\n");
    std::fs::create_dir(place.path("states")).unwrap();
    for name in ["shop_web", "shop_front", "shop_side"] {
        place.put(&format!("states/{name}"), "rollback_completed\n");
        std::fs::rename(place.path(&format!("before/{name}")), place.path("kept")).unwrap();
        std::fs::rename(
            place.path(&format!("now/{name}")),
            place.path(&format!("before/{name}")),
        )
        .unwrap();
        std::fs::rename(place.path("kept"), place.path(&format!("now/{name}"))).unwrap();
    }
    let (ran, went) = back(&[]);
    assert!(ran.code == 1 && ran.said.contains(line) && !went, "{ran:?}");
}

/// The clock of who deployed may be ahead of the managers'.
#[test]
fn what_came_later_is_known_by_the_clock_of_the_swarm() {
    let place = swarm();
    let last = r#"service last { image = "ex/last:1", stack = "other", join net }"#;
    place.build(&pair("swarm", 1, 2, last));
    place.program("bin/docker", &[BEFORE, SWARM].concat());
    for words in [&[][..], &["other"]] {
        assert_eq!(place.run(DEPLOY, words, &[]).code, 0);
    }
    for folder in ["states", "moments"] {
        std::fs::create_dir(place.path(folder)).unwrap();
    }
    // Both of the manager's clock, which is years behind.
    place.put("states/shop_web", "rollback_completed\n");
    place.put("before/shop_web", "none\n");
    let times = "\"2020-01-01T00:00:09.5Z\"|\"2020-01-01T00:00:20Z\"|\"2020-01-01T00:00:20Z\"\n";
    place.put("moments/shop_web", times);
    place.put("moments/other_last", &times.replace("00:00:", "00:01:"));
    let ran = place.run("manifests/swarm/rollback.sh", &["--dry-run"], &[]);
    assert!(
        ran.code == 0 && ran.said.contains("other_last: "),
        "{ran:?}"
    );
    place.put("moments/shop_web", &times.replace("00:00:", "00:02:"));
    let ran = place.run("manifests/swarm/rollback.sh", &["--dry-run"], &[]);
    let line = "shop_web went back by itself";
    assert!(ran.code == 1 && ran.said.contains(line), "{ran:?}");
}

/// A docker that says of each service what its update has come to, as `told/NAME` has it.
const TOLD: &str = r#"
if [[ "$1 $2" = "service inspect" && $* == *"{{.State}}|{{.Message}}"* ]]; then
  for name in "${@:5}"; do cat "$here/told/$name" 2>/dev/null || echo; done
  exit 0
fi
"#;

/// Stacks that were deployed by hand before, and a first `deploy.sh` that the swarm took back in the first of them.
#[test]
fn what_the_first_deploy_may_have_reached_alone_is_asked_for() {
    let place = swarm();
    let last = r#"service last { image = "ex/last:1", stack = "other", join net }"#;
    place.build(&pair("swarm", 1, 2, last));
    place.program("bin/docker", &[TOLD, BEFORE, SWARM].concat());
    for folder in ["services", "now", "before", "states", "moments", "told"] {
        std::fs::create_dir_all(place.path(folder)).unwrap();
    }
    for name in ["shop_web", "shop_front", "shop_side", "other_last"] {
        place.put(&format!("services/{name}"), "more\n");
        place.put(&format!("now/{name}"), "\n");
        place.put(&format!("before/{name}"), "\n");
        let times =
            "\"2026-01-01T00:00:09.5Z\"|\"2026-01-01T00:00:20Z\"|\"2026-01-01T00:00:20Z\"\n";
        place.put(&format!("moments/{name}"), times);
    }
    place.put("states/shop_web", "rollback_completed\n");
    place.put("told/shop_web", "rollback_completed|so\n");
    place.put("before/shop_web", "none\n");
    let times = "\"2026-01-01T00:01:09Z\"|\"2026-01-01T00:01:20Z\"|\"2026-01-01T00:01:20Z\"\n";
    place.put("moments/shop_web", times);
    let back = |words: &[&str]| place.run("manifests/swarm/rollback.sh", words, &[]);
    let ran = back(&[]);
    let line = "shop_web went back by itself";
    assert!(ran.code == 1 && ran.said.contains(line), "{ran:?}");
    assert!(
        ran.said.contains("--only") && !ran.said.contains("ZDC_RELEASE"),
        "{ran:?}"
    );
    let called = place.text("called");
    assert!(!called.contains("rollback --detach"), "{called}");
    let ran = back(&["--dry-run", "--only", "other_last"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    // What was scaled since tells nothing of when its deploy ended.
    place.put("moments/shop_front", "||\"2026-01-01T00:01:20Z\"\n");
    let ran = back(&["--dry-run"]);
    assert!(ran.code == 1 && ran.said.contains(line), "{ran:?}");
    // While another one of its stack was under way: it is the last change of each.
    place.put("moments/shop_front", times);
    let ran = back(&["--dry-run"]);
    assert!(
        ran.code == 0 && ran.said.contains("other_last: "),
        "{ran:?}"
    );
}

/// One that went back to the very version that is to go now has none before it, and is not back.
#[test]
fn what_went_back_to_the_release_that_is_to_go_is_not_back() {
    let place = swarm();
    place.program("bin/docker", &[TOLD, BEFORE, SWARM].concat());
    for release in ["one", "two"] {
        assert_eq!(place.run(DEPLOY, &[], &[("ZDC_RELEASE", release)]).code, 0);
    }
    for folder in ["told", "states"] {
        std::fs::create_dir(place.path(folder)).unwrap();
    }
    place.put("told/shop_web", "rollback_completed|so\n");
    place.put("states/shop_web", "rollback_completed\n");
    let back = |variables: &[(&str, &str)]| {
        place.put("called", "");
        let ran = place.run("manifests/swarm/rollback.sh", &[], variables);
        (ran, place.text("called").contains("rollback --detach"))
    };
    let line = "shop_web: went back to two and runs it, and the swarm keeps no version before it";
    // By itself from a later one, of which nothing is kept, and by hand from one that was changed by hand.
    let own = place.text("now/shop_web");
    for (before, variables) in [
        ("none\n", &[("ZDC_RELEASE", "two")][..]),
        (&own, &[]),
        ("20990101T000000Z.three\n", &[("ZDC_RELEASE", "two")]),
    ] {
        place.put("before/shop_web", before);
        let (ran, went) = back(variables);
        assert!(ran.code == 1 && ran.said.contains(line) && !went, "{ran:?}");
    }
    // Scaled during its update it goes back to the version that failed, while others are under way.
    std::fs::create_dir(place.path("moments")).unwrap();
    place.put("before/shop_web", "none\n");
    let times = "\"2098-01-01T00:00:08Z\"|\"2098-01-01T00:00:14Z\"|\n";
    place.put("moments/shop_front", times);
    place.put("moments/shop_web", &times.replace(":08", ":11"));
    let (ran, went) = back(&[]);
    let scaled = "shop_web went back to that very deploy: ";
    assert!(
        ran.code == 1 && ran.said.contains(scaled) && !went,
        "{ran:?}"
    );
    // It does so a while after them, too, where a later deploy may have reached it alone as well, and before the clock of who deployed.
    let at = |moment: &str| {
        let later = times.replace("2098-01-01T00:00", moment);
        place.put("moments/shop_web", &later);
    };
    for moment in ["2098-01-01T00:01", "2020-01-01T00:00"] {
        at(moment);
        let (ran, went) = back(&[]);
        assert!(
            ran.code == 1 && ran.said.contains(scaled) && !went,
            "{ran:?}"
        );
        let way =
            "ZDC_RELEASE=two manifests/swarm/rollback.sh --also shop_front --also shop_side\n";
        assert!(ran.said.contains(way), "{ran:?}");
    }
    // Long after that deploy it was a later one, which is back.
    for moment in ["2098-01-01T02:00", "2098-02-01T00:00"] {
        at(moment);
        let (ran, went) = back(&[]);
        assert!(
            ran.code == 0 && ran.said.contains("shop_web: went back already") && !went,
            "{ran:?}"
        );
    }
    at("2098-01-01T00:01");
    // What is named goes.
    place.put("called", "");
    let words = ["--also", "shop_front", "--also", "shop_side"];
    let two = [("ZDC_RELEASE", "two")];
    let ran = place.run("manifests/swarm/rollback.sh", &words, &two);
    assert_eq!(ran.code, 0, "{ran:?}");
    let called = place.text("called");
    assert!(called.contains("--detach shop_front"), "{called}");
    // Where nothing else is left of it there is none to name.
    at("2020-01-01T00:00");
    for name in ["shop_front", "shop_side"] {
        let before = "20200101T000000Z.one\n";
        let own = if name == "shop_side" {
            before
        } else {
            "20190101T000000Z.zero\n"
        };
        place.put(&format!("now/{name}"), own);
        place.put(&format!("before/{name}"), "20180101T000000Z.first\n");
    }
    let (ran, went) = back(&[]);
    assert!(
        ran.code == 1 && ran.said.contains(scaled) && !went,
        "{ran:?}"
    );
    assert!(!ran.said.contains("rollback.sh"), "{ran:?}");
    // By its name it is found, and is no slip.
    let (ran, went) = back(&two);
    assert!(ran.code == 1 && ran.said.contains(line) && !went, "{ran:?}");
    place.put("before/shop_web", "20990101T000000Z.three\n");
    // It is back where a later one is to go.
    let (ran, went) = back(&[("ZDC_RELEASE", "three")]);
    let line = "shop_web: went back already";
    assert!(ran.code == 0 && ran.said.contains(line) && !went, "{ran:?}");
}

/// Other deploys may have the release of this one: what it names is what it brought itself.
#[test]
fn what_a_deploy_brought_is_named_one_by_one() {
    let place = swarm();
    place.program("bin/docker", &[TOLD, BEFORE, SWARM].concat());
    let one = [("ZDC_RELEASE", "one")];
    assert_eq!(place.run(DEPLOY, &[], &one).code, 0);
    std::fs::create_dir(place.path("told")).unwrap();
    let next = r#"echo 'rollback_completed|so' >"$here/told/shop_front"
cp "$here/before/shop_front" "$here/now/"
"#;
    place.put("next", next);
    let words = ["--only", "shop_front", "--only", "shop_web"];
    let ran = place.run(DEPLOY, &words, &[("ZDC_RELEASE", "two")]);
    let line = "To take them back: ZDC_RELEASE=two manifests/swarm/rollback.sh --also shop_web\n";
    assert!(ran.code == 1 && ran.said.contains(line), "{ran:?}");
}

/// One that goes back to what was deployed was scaled during its update, and runs no version before.
#[test]
fn what_went_back_to_its_own_deploy_is_told() {
    let place = swarm();
    place.program("bin/docker", &[TOLD, BEFORE, SWARM].concat());
    std::fs::create_dir(place.path("told")).unwrap();
    place.put(
        "next",
        "echo 'rollback_completed|so' >\"$here/told/shop_web\"\n",
    );
    let ran = place.run(DEPLOY, &[], &[("ZDC_RELEASE", "two")]);
    let scaled = "shop_web was scaled or changed during its update";
    for line in [
        scaled,
        "ZDC_RELEASE=two manifests/swarm/rollback.sh --also shop_front --also shop_side\n",
    ] {
        assert!(ran.code == 1 && ran.said.contains(line), "{line}: {ran:?}");
    }
    // Alone it still runs what was deployed.
    let ran = place.run(DEPLOY, &["--only", "shop_web"], &[("ZDC_RELEASE", "three")]);
    assert!(ran.code == 1 && ran.said.contains(scaled), "{ran:?}");
    assert!(!ran.said.contains("Nothing runs what was"), "{ran:?}");
}

/// A service that was written with an alias gets no label, which a way back needs to know of it.
#[test]
fn what_gets_no_label_is_told() {
    let place = swarm();
    place.program("bin/docker", &[BEFORE, SWARM].concat());
    let text = "services:\n  web:\n    image: ex/web:1\n  side:\n    image: ex/side:1\n    deploy: *policy\n";
    place.put("manifests/swarm/shop.yml", text);
    for _ in 0..2 {
        let ran = place.run(DEPLOY, &[], &[]);
        let line = "or a merge: shop_side\n";
        assert!(ran.code == 0 && ran.said.contains(line), "{ran:?}");
    }
    std::fs::create_dir(place.path("moments")).unwrap();
    place.put("moments/shop_side", "||\"2098-01-01T00:00:09.5Z\"\n");
    let ran = place.run("manifests/swarm/rollback.sh", &[], &[]);
    let line = "shop_side was changed since by something that gives no id";
    assert!(ran.code == 1 && ran.said.contains(line), "{ran:?}");
    // A release that was named is not back without it, so both are named.
    let release = place.text("now/shop_web");
    let release = release.trim_end().split_once('.').unwrap().1.to_owned();
    let back = |words: &[&str]| {
        place.put("called", "");
        let variables = [("ZDC_RELEASE", &*release)];
        place.run("manifests/swarm/rollback.sh", words, &variables)
    };
    let ran = back(&[]);
    let way = format!("ZDC_RELEASE={release} manifests/swarm/rollback.sh --also shop_web\n");
    for line in [
        line,
        "ZDC_RELEASE= manifests/swarm/rollback.sh --also shop_side\n",
        &way,
    ] {
        assert!(ran.code == 1 && ran.said.contains(line), "{line}: {ran:?}");
    }
    assert!(!ran.said.contains("shop_side: was not part"), "{ran:?}");
    assert!(!place.text("called").contains("--detach"), "{ran:?}");
    let ran = back(&["--dry-run", "--also", "shop_web"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    // One that was changed before the release, or is new, stays.
    for (moment, before) in [("2020", "\n"), ("2098", "none\n")] {
        place.put(
            "moments/shop_side",
            &format!("||\"{moment}-01-01T00:00:09.5Z\"\n"),
        );
        place.put("before/shop_side", before);
        let ran = back(&["--dry-run"]);
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    place.put("moments/shop_side", "||\"2098-01-01T00:00:09.5Z\"\n");
    // What docker sent after it may have gone back by itself.
    std::fs::create_dir(place.path("states")).unwrap();
    place.put("states/shop_web", "rollback_completed\n");
    place.put("before/shop_web", "none\n");
    place.put(
        "moments/shop_web",
        "\"2098-01-01T00:00:10Z\"|\"2098-01-01T00:00:20Z\"|\"2098-01-01T00:00:20Z\"\n",
    );
    let ran = place.run("manifests/swarm/rollback.sh", &[], &[]);
    assert!(ran.code == 1 && ran.said.contains(line), "{ran:?}");
}

/// What has no label is not of the release, in whatever stack, and of all that has none only what was given other tasks goes back.
#[test]
fn what_has_no_label_is_named_by_itself() {
    let place = swarm();
    let last = r#"service last { image = "ex/last:1", stack = "other", join net
  env { WEB = web.http.url } }"#;
    place.build(&pair("swarm", 1, 2, last));
    place.program("bin/docker", &[TOLD, BEFORE, SWARM].concat());
    let text = "services:\n  web:\n    image: ex/web:1\n  side:\n    image: ex/side:1\n    deploy: *policy\n";
    place.put("manifests/swarm/shop.yml", text);
    assert_eq!(place.run(DEPLOY, &[], &[]).code, 0);
    std::fs::create_dir(place.path("told")).unwrap();
    let next = r#"if [ "${*: -1}" = other ]; then
  echo 'rollback_completed|so' >"$here/told/other_last"
  cp "$here/before/other_last" "$here/now/"
fi
"#;
    place.put("next", next);
    let ran = place.run(DEPLOY, &[], &[("ZDC_RELEASE", "two")]);
    for line in [
        "ZDC_RELEASE=two manifests/swarm/rollback.sh --also shop_web\n",
        "have no label: ZDC_RELEASE= manifests/swarm/rollback.sh --also shop_side\n",
    ] {
        assert!(ran.code == 1 && ran.said.contains(line), "{line}: {ran:?}");
    }
    // Beside one that has a label it is no part of the last deploy, and not left as if nobody had named it.
    for variables in [&[][..], &[("ZDC_RELEASE", "two")]] {
        place.put("called", "");
        let words = ["--only", "shop_side", "--only", "shop_web"];
        let ran = place.run("manifests/swarm/rollback.sh", &words, variables);
        let line = "ZDC_RELEASE= manifests/swarm/rollback.sh --only shop_side";
        assert!(ran.code == 1 && ran.said.contains(line), "{ran:?}");
        assert!(!place.text("called").contains("--detach"), "{ran:?}");
    }
    // One that has the same tasks stays beside one that goes back, and is no error.
    let others = format!("if [[ ${{*: -1}} != shop_side ]]; then :{BEFORE}fi\n");
    place.program("bin/docker", &[&others, SWARM].concat());
    place.put("now/shop_web", "\n");
    place.put("called", "");
    let words = ["--also", "shop_side", "--also", "shop_web"];
    let ran = place.run(
        "manifests/swarm/rollback.sh",
        &words,
        &[("ZDC_RELEASE", "")],
    );
    let called = place.text("called");
    assert!(
        ran.code == 0 && called.contains("--detach shop_web"),
        "{ran:?}"
    );
    assert!(!called.contains("--detach shop_side"), "{ran:?}");
}

/// What has no label and was scaled tells nothing of what its deploy did before that.
#[test]
fn what_has_no_label_and_was_scaled_is_told() {
    let place = swarm();
    let scaled =
        "if [[ $* == *PreviousSpec.Mode* && ${*: -1} = shop_side ]]; then echo before; exit; fi\n";
    let others = format!("if [[ ${{*: -1}} != shop_side ]]; then :{BEFORE}fi\n");
    place.program("bin/docker", &[scaled, &others, SWARM].concat());
    for _ in 0..2 {
        assert_eq!(place.run(DEPLOY, &[], &[]).code, 0);
    }
    for name in ["web", "front", "side"] {
        place.put(&format!("now/shop_{name}"), "\n");
        place.put(&format!("before/shop_{name}"), "\n");
    }
    for words in [&[][..], &["--also", "shop_side"]] {
        place.put("called", "");
        let ran = place.run("manifests/swarm/rollback.sh", words, &[]);
        let line = "shop_side: has no label, and its last change was to the number of its tasks";
        assert!(ran.code == 1 && ran.said.contains(line), "{ran:?}");
        assert!(!place.text("called").contains("--detach"), "{ran:?}");
    }
    let ran = place.run("manifests/swarm/rollback.sh", &["--only", "shop_web"], &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
}

/// An old run of a pipeline that is run again has the release of its first run, after which others were deployed.
#[test]
fn an_earlier_run_of_a_release_is_not_taken_back_unasked() {
    let place = swarm();
    let last = r#"service last { image = "ex/last:1", stack = "other", join net }"#;
    place.build(&pair("swarm", 1, 2, last));
    place.program("bin/docker", &[BEFORE, SWARM].concat());
    assert_eq!(place.run(DEPLOY, &[], &[]).code, 0);
    std::fs::create_dir_all(place.path("states")).unwrap();
    let put = |stack: &[&str], now, before| {
        for name in stack {
            place.put(&format!("now/{name}"), now);
            place.put(&format!("before/{name}"), before);
        }
    };
    let shop = ["shop_front", "shop_side", "shop_web"];
    let other = "20260102T000000Z.two\n";
    put(
        &["other_last"],
        "20260101T000000Z.one\n",
        "20251231T000000Z.zero\n",
    );
    put(&shop, "20260103T000000Z.one\n", other);
    let back = |words: &[&str]| {
        place.put("called", "");
        place.run(
            "manifests/swarm/rollback.sh",
            words,
            &[("ZDC_RELEASE", "one")],
        )
    };
    let refuses = |line: &str| {
        let ran = back(&[]);
        assert!(ran.code == 1 && ran.said.contains(line), "{ran:?}");
        assert!(!place.text("called").contains("--detach"), "{ran:?}");
        ran.said
    };
    let said = refuses(
        "other_last was brought by an earlier run, of 2026-01-01 00:00:00, and two came after that",
    );
    let way = " --also shop_front --also shop_side --also shop_web\n";
    assert!(said.contains(way), "{said}");
    let ran = back(&["--dry-run", "--also", "shop_web"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let ran = back(&["--dry-run", "--only", "other_last"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    // Runs with no other one in between are one deploy.
    put(&shop, "20260103T000000Z.one\n", "20251231T000000Z.zero\n");
    let ran = back(&["--dry-run"]);
    assert!(
        ran.code == 0 && ran.said.contains("other_last: "),
        "{ran:?}"
    );
    // All of the second run went back by itself.
    put(&shop, other, "none\n");
    for name in shop {
        place.put(&format!("states/{name}"), "rollback_completed\n");
    }
    let said =
        refuses("shop_web went back by itself to two, which came after all that has the name one");
    // What is left is of the first run, which may have been good.
    assert!(!said.contains("rollback.sh"), "{said}");
    assert!(said.contains("is of an earlier run"), "{said}");
}

/// What docker refuses before it changes anything is no deploy that could be taken back.
#[test]
fn a_stack_that_was_refused_as_a_whole_is_as_it_was() {
    let place = swarm();
    let last = r#"service last { image = "ex/last:1", stack = "other", join net
  env { WEB = web.http.url } }"#;
    place.build(&pair("swarm", 1, 2, last));
    assert_eq!(place.run(DEPLOY, &[], &[]).code, 0);
    std::fs::create_dir(place.path("refuses")).unwrap();
    place.put("refuses/last", "");
    let two = [("ZDC_RELEASE", "two")];
    let ran = place.run(DEPLOY, &[], &two);
    for line in [
        "other was not deployed: it is as it was\n",
        "To take what the stacks before it got back: ZDC_RELEASE=two manifests/swarm/rollback.sh --also shop_",
    ] {
        assert!(ran.code == 1 && ran.said.contains(line), "{line}: {ran:?}");
    }
    for name in ["web", "front", "side"] {
        place.put(&format!("refuses/{name}"), "");
    }
    let ran = place.run(DEPLOY, &[], &two);
    let line = "This deploy changed no service";
    assert!(ran.code == 1 && ran.said.contains(line), "{ran:?}");
    assert!(!ran.said.contains("ZDC_RELEASE"), "{ran:?}");
    // Where docker came half-way it is not.
    let half = "case \"$1 $2 ${3-}\" in \"stack deploy --help\") ;; \"stack deploy\"*) cat >/dev/null; echo more >>\"$here/services/shop_web\"; exit 1 ;; esac\n";
    place.program("bin/docker", &[half, SWARM].concat());
    let ran = place.run(DEPLOY, &[], &two);
    let line = "shop was not deployed as a whole: it may hold services of both versions";
    assert!(ran.code == 1 && ran.said.contains(line), "{ran:?}");
}

/// What has ended, and is started again only where it fails, is not run once more by a way back, nor waited for in vain after one.
#[test]
fn what_has_ended_does_not_go_back() {
    let place = swarm();
    let tasks = "case $* in *\"service ps\"*DesiredState*job) cat \"$here/tasks\"; exit ;; esac\n";
    place.program("bin/docker", &[tasks, TOLD, BEFORE, SWARM].concat());
    let job =
        r#"service job { image = "ex/job:1", replicas = 2, restart { condition = on_failure } }"#;
    place.build(&pair("swarm", 1, 2, job));
    place.put(
        "tasks",
        "job.1|Shutdown|Complete 9 seconds ago|\njob.2|Shutdown|Complete 9 seconds ago|\n",
    );
    assert_eq!(place.run(DEPLOY, &[], &[]).code, 0);
    // An update of before that was paused on its way back ended well all the same.
    std::fs::create_dir(place.path("told")).unwrap();
    place.put("told/shop_job", "rollback_paused|so\n");
    place.put("next", "rm -f \"$here/told/shop_job\"\n");
    let ran = place.run(DEPLOY, &[], &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    place.put("tasks", "job.1|Running|Running 9 seconds ago|\n");
    let ran = place.run("manifests/swarm/rollback.sh", &["--dry-run"], &[]);
    let line = "shop_job: 2 -> before";
    assert!(ran.code == 0 && ran.said.contains(line), "{ran:?}");
}

/// Of some awks `print a == b` is a syntax error, and `>` after it is a file.
#[test]
fn awk_prints_no_bare_comparison() {
    let place = swarm();
    for script in [DEPLOY, "manifests/swarm/rollback.sh"] {
        let text = place.text(script);
        for line in text.lines().filter(|line| !line.contains('#')) {
            let Some((_, printed)) = line.split_once(" print ") else {
                continue;
            };
            let printed = printed.split([';', '}']).next().unwrap();
            let compares = [" == ", " != ", " < ", " > "]
                .iter()
                .any(|sign| printed.contains(sign));
            assert!(!compares || printed.starts_with('('), "{line}");
        }
    }
}

/// One that has only just ended still looks whether all is well. The moments are the engine's, in whatever zone it tells them.
#[test]
fn a_deploy_lets_another_one_see_its_end() {
    let ticks = r#"
if [[ $* == *SystemTime* ]]; then
  echo tick >>"$here/clock"
  at=$(($(wc -l <"$here/clock") * $(cat "$here/step")))
  printf '2026-03-01T01:59:%02d.5+02:00\n' "$at"
  exit
elif [[ $* == *"|{{json .UpdatedAt}}"* && $* != *Spec.Name* ]]; then
  echo '20260101T000000Z.other|"2026-02-28T23:59:00.25Z"'
  exit
fi
"#;
    for (step, release, least, most) in [
        ("1\n", "new", 10, 10),
        ("0\n", "new", 12, 12),
        ("1\n", "other", 1, 1),
        ("40\n", "new", 1, 1),
    ] {
        let place = swarm();
        place.program("bin/docker", &[ticks, SWARM].concat());
        std::fs::create_dir(place.path("services")).unwrap();
        place.put("services/shop_web", "more\n");
        place.put("step", step);
        let ran = place.run(DEPLOY, &[], &[("ZDC_RELEASE", release)]);
        assert_eq!(ran.code, 0, "{ran:?}");
        let waits = "waits until another deploy, which has only just ended";
        assert_eq!(ran.said.contains(waits), most > 1, "{ran:?}");
        let asked = place.text("clock").lines().count();
        assert!((least..=most).contains(&asked), "{step}: {asked} {ran:?}");
    }
}

/// A deploy says what it is called wherever something was sent, also where all of it went back.
#[test]
fn a_deploy_that_failed_says_its_release() {
    let place = swarm();
    place.program("bin/docker", &[TOLD, BEFORE, SWARM].concat());
    assert_eq!(place.run(DEPLOY, &[], &[]).code, 0);
    std::fs::create_dir(place.path("told")).unwrap();
    let next = r#"for name in front side web; do
  echo 'rollback_completed|so' >"$here/told/shop_$name"
  cp "$here/before/shop_$name" "$here/now/"
done
"#;
    place.put("next", next);
    let ran = place.run(DEPLOY, &[], &[("ZDC_RELEASE", "two")]);
    for line in [
        "knows it: ZDC_RELEASE=two\n",
        "there is nothing to take back",
    ] {
        assert!(ran.code == 1 && ran.said.contains(line), "{ran:?}");
    }
    // What is paused half-way is there.
    let next = "echo 'paused|so' >\"$here/told/shop_web\"\n";
    place.put("next", next);
    let ran = place.run(DEPLOY, &["--only", "shop_web"], &[("ZDC_RELEASE", "three")]);
    assert!(
        ran.code == 1 && !ran.said.contains("nothing to take"),
        "{ran:?}"
    );
    let line = "To take what is paused back: ZDC_RELEASE=three manifests/swarm/rollback.sh --also shop_web\n";
    assert!(ran.said.contains(line), "{ran:?}");
    // Where nothing was sent there is nothing to name.
    let ran = place.run(DEPLOY, &["--only", "shop_web"], &[("ZDC_RELEASE", "four")]);
    assert!(ran.code == 1 && !ran.said.contains("four"), "{ran:?}");
}

/// A file that was edited by hand may have other blanks than those that are written.
#[test]
fn a_label_stands_where_the_others_do() {
    let place = swarm();
    let text = "services: # ours\n  web:\n    image: ex/web:1\n    deploy:\n      labels:\n          team: shop\n  side:\n    image: ex/side:1\n";
    place.put("manifests/swarm/shop.yml", text);
    place.put("next", "echo \"$text\" >\"$here/sent\"\n");
    let ran = place.run(DEPLOY, &["--only", "shop_web"], &[("ZDC_RELEASE", "one")]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let sent = place.text("sent");
    let labels = sent
        .lines()
        .filter(|line| line.starts_with("          zdc.deploy: "));
    assert!(labels.count() == 1 && !sent.contains("side"), "{sent}");
    let ran = place.run(DEPLOY, &[], &[("ZDC_RELEASE", "two")]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let sent = place.text("sent");
    assert_eq!(sent.matches(".two").count(), 2, "{sent}");
}
