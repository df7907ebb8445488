//! How long each phase takes for a fleet of N like services: `cargo bench`, or
//! `cargo bench -- 100 5000` for other sizes; `cargo bench -- write 1000 > fleet.zd` prints the
//! program itself, for `benches/peers.sh` and `benches/instructions.sh`.
//!
//! Milliseconds of a machine are not compared with those of another: the figures of one run are
//! read as shares of each other, and instruction counts are what is kept.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a benchmark reads the clock, prints, and stops at the first fault"
)]

use std::fmt::Write as _;
use std::time::{Duration, Instant};
use zdc::source::MemoryWorld;
use zdc::{Options, check, eval, graph, resolve, rollout, rules, targets};

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    let sizes = |from: &[String]| -> Vec<usize> {
        let given: Vec<usize> = from.iter().map(|size| size.parse().unwrap()).collect();
        if given.is_empty() {
            vec![1, 10, 100, 1000, 5000]
        } else {
            given
        }
    };
    if let Some(("write", rest)) = arguments
        .split_first()
        .map(|(first, rest)| (first.as_str(), rest))
    {
        print!("{}", fleet(sizes(rest)[0]));
        return;
    }
    println!("median of runs, ms; one target: kubernetes");
    println!("services  resolve  check   eval  graph  rules  lower  verify   emit    all");
    for size in sizes(&arguments) {
        let world = MemoryWorld::single("app.zd", fleet(size));
        let runs = if size > 500 { 7 } else { 31 };
        let mut times: Vec<[Duration; 8]> = (0..runs).map(|_| phases(&world)).collect();
        let mut row = format!("{size:8}");
        let mut all = Duration::ZERO;
        for phase in 0..8 {
            times.sort_by_key(|time| time[phase]);
            let median = times[times.len() / 2][phase];
            all += median;
            write!(row, " {:7.2}", median.as_secs_f64() * 1e3).unwrap();
        }
        println!("{row} {:7.2}", all.as_secs_f64() * 1e3);
    }
}

/// One compilation, phase by phase.
fn phases(world: &MemoryWorld) -> [Duration; 8] {
    let mut start = Instant::now();
    let mut lap = || {
        let now = Instant::now();
        let time = now - start;
        start = now;
        time
    };
    let (program, found) = resolve::resolve(world, "app.zd");
    assert!(!found.has_errors());
    let resolved = lap();
    let (checked, found) = check::check(program);
    assert!(!found.has_errors());
    let checked_in = lap();
    let (deployment, found) = eval::evaluate(world, &checked, &Options::default().inputs);
    assert!(!found.has_errors());
    let evaluated = lap();
    let (graph, found) = graph::build(deployment);
    assert!(!found.has_errors());
    let drawn = lap();
    let mut waivers = rules::Waivers::of(&graph);
    waivers.apply(rules::check(&graph));
    let judged = lap();
    let target = targets::find(zdc::vocabulary::TargetId::Kubernetes).unwrap();
    let lowered = target.lower(&graph);
    let lowered_in = lap();
    let (proof, _) = rollout::verify(&graph, target.id(), &mut waivers, false);
    let verified = lap();
    let files = lowered.plan.emit(&proof.unwrap());
    assert!(!files.is_empty());
    [
        resolved,
        checked_in,
        evaluated,
        drawn,
        judged,
        lowered_in,
        verified,
        lap(),
    ]
}

/// A program of `size` services: one template says what they share.
fn fleet(size: usize) -> String {
    let mut text = String::from(
        r#"app fleet { targets = [swarm, kubernetes] }

network frontend {}
network backend { internal = true }

template web {
  replicas = 3
  join frontend
  join backend
  port http { number = 8080 }
  port metrics { number = 9090 }

  env {
    LOG_LEVEL = "info"
    LOG_FORMAT = "json"
    TZ = "UTC"
    HTTP_PORT = "8080"
    METRICS_PORT = "9090"
    OTEL_ENDPOINT = "http://otel:4317"
    CACHE_TTL = "300"
  }

  health http {
    path = "/healthz", port = http
    interval = 10s, timeout = 3s, retries = 3, start_period = 20s
  }

  resources {
    limits       { cpu = 0.5cpu, memory = 256MiB }
    reservations { cpu = 0.1cpu, memory = 128MiB }
  }

  update rolling { order = start_first, parallelism = 1, delay = 10s, on_failure = rollback }
}
"#,
    );
    for number in 1..=size {
        let name = format!("svc-{number:04}");
        write!(
            text,
            r#"
service {name} {{
  use web
  image = "example/{name}:1.{}.{}"

  env {{
    SERVICE_NAME = "{name}"
    DATABASE_URL = "postgres://{name}@db-{}.internal:5432/shop"
    FEATURE_FLAGS = "checkout,search,v{}"
  }}
}}
"#,
            number % 20,
            number % 7,
            number % 5,
            number % 9
        )
        .unwrap();
    }
    text
}
