//! gRPC through a gateway: calls to `tests/real/grpc/app.zd`, with and without TLS, by a client and a service of ours
//! (`tools/grpc`). The nginx of Debian 12 takes calls with TLS alone, as zdc says.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::machine::{built, folder, log, run, serve, wait};
use crate::nginx::{Nginx, address_of, debian, get, modern};
use crate::programs::Program;
use crate::{Failure, Test, Verdict, ensure, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("grpc::modern", || {
            let calls = |ports: &[&str]| {
                for port in ports {
                    calls_arrive(port)?;
                }
                // The same port without TLS speaks HTTP/1.1 too.
                let answer = get(8000, "localhost", "/")?;
                ensure(answer.from == address_of("web"), || {
                    "GET / went elsewhere".to_owned()
                })
            };
            judge(
                &modern()?,
                |source| source,
                || calls(&["127.0.0.1:8000", "https://127.0.0.1:8443"]),
            )
        }),
        test("grpc::debian", || {
            let older = |source: String| {
                let plain = "  listen http  { port = 8000 }\n";
                source.replace("1.28", "1.22").replace(plain, "")
            };
            judge(&debian()?, older, || calls_arrive("https://127.0.0.1:8443"))
        }),
    ]
}

fn judge(nginx: &Path, change: impl Fn(String) -> String, calls: impl Fn() -> Verdict) -> Verdict {
    let tool = built("grpc", "grpc")?;
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/grpc/app.zd");
    let text = std::fs::read_to_string(source).map_err(|error| error.to_string())?;
    let source = folder("grpc").join("app.zd");
    std::fs::write(&source, change(text)).map_err(|error| error.to_string())?;
    let program = Program::new("grpc-calls".to_owned(), source);
    program.build()?;
    let files = program.files("nginx", &["conf"]);
    let server = Nginx::start(nginx, &program.output.join("nginx/conf.d"), &files)?;
    let mut processes = Vec::new();
    for (name, words) in [("cart", &["serve"][..]), ("broken", &["refuse"])] {
        let address = address_of(name).ok_or_else(|| format!("no address of {name}"))?;
        let mut command = Command::new(&tool);
        command.args(words).arg(format!("{address}:9000"));
        if name == "cart" {
            command.arg(name);
        }
        processes.push(serve(&format!("grpc-{name}"), command)?);
    }
    let said = calls().map_err(|why| match why {
        Failure::Wrong(why) => Failure::Wrong(format!("{why}\n{}", log("nginx"))),
        absent @ Failure::Absent { .. } => absent,
    });
    for mut process in processes {
        let _ = process.kill();
        let _ = process.wait();
    }
    drop(server);
    said
}

/// What a call gives, in lines.
fn call(address: &str, path: &str) -> Result<String, Failure> {
    let mut command = Command::new(built("grpc", "grpc")?);
    command.args(["call", address, path]);
    Ok(run(command)?)
}

fn calls_arrive(address: &str) -> Verdict {
    // The service starts beside nginx.
    let said = wait(Duration::from_secs(10), || {
        let said =
            call(address, "/shop.Cart/Add").map_err(|_| "no call was answered".to_owned())?;
        if said.contains("grpc-status 0") {
            Ok(said)
        } else {
            Err(said)
        }
    })?;
    for line in [
        "status 200 HTTP/2.0",
        // The status is in the trailers, which are passed on.
        "grpc-status 0 done",
        "server cart",
        "path /shop.Cart/Add",
        "message hello",
        "metadata x-tenant: shop",
        "metadata x-real-ip: 127.0.0.1",
    ] {
        ensure(said.lines().any(|known| known == line), || {
            format!("{address}: no `{line}` in\n{said}")
        })?;
    }
    ensure(!said.contains("x-caller"), || said.clone())?;
    // The route's own time ends a call that takes longer.
    let said = call(address, "/shop.Slow/Call")?;
    ensure(said.contains("status 504"), || format!("{address}: {said}"))?;
    // Each second call meets the server that is not there, and is passed on;
    let calls = |path: &str| -> Result<Vec<String>, Failure> {
        (0..4).map(|_| call(address, path)).collect()
    };
    let arrived = |said: &String| said.contains("grpc-status 0") && said.contains("server cart");
    let said = calls("/shop.Absent/Get")?;
    ensure(said.iter().all(arrived), || format!("{address}: {said:?}"))?;
    // one whose connection breaks after it was sent is not, as ZD5025 says.
    let said = calls("/shop.Broken/Get")?;
    let broken = said.iter().filter(|said| said.contains("status 502"));
    ensure(broken.count() == 2, || format!("{address}: {said:?}"))
}
