//! What a gateway does with requests: `tests/real/gateway/app.zd` on both versions of nginx, asked by hand.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::machine::{log, run, wait};
use crate::nginx::{Nginx, address_of, debian, modern, received};
use crate::programs::Program;
use crate::{Failure, Test, Verdict, ensure, test};

/// Where the program listens: plain, for the redirect to https, and by TLS.
const PLAIN: u16 = 8000;
const REDIRECTS: u16 = 8001;
const SECURE: u16 = 8443;

type Check = fn(&Path) -> Verdict;
type Find = fn() -> Result<PathBuf, Failure>;

const CHECKS: &[(&str, Check)] = &[
    ("hosts_choose", hosts_choose),
    ("headers_and_methods_choose", headers_and_methods_choose),
    ("no_route_takes", no_route_takes),
    ("prefixes_are_replaced", prefixes_are_replaced),
    ("bodies_are_limited", bodies_are_limited),
    ("connections_are_upgraded", connections_are_upgraded),
    ("silence_ends", silence_ends),
    ("rates_are_limited", rates_are_limited),
    ("shares_are_kept", shares_are_kept),
    ("requests_are_retried", requests_are_retried),
    ("files_are_served", files_are_served),
    ("clients_are_redirected", clients_are_redirected),
    ("responses_are_compressed", responses_are_compressed),
    ("tls_is_spoken", tls_is_spoken),
];

pub(crate) fn tests() -> Vec<Test> {
    let versions: [(&str, Find); 2] = [("modern", modern), ("debian", debian)];
    let mut tests = Vec::new();
    for (version, nginx) in versions {
        for (name, check) in CHECKS {
            let name = format!("gateway::{version}::{name}");
            tests.push(test(name, move || {
                let nginx = nginx()?;
                let source =
                    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/gateway/app.zd");
                let program = Program::new("gateway-requests".to_owned(), source);
                program.build()?;
                let files = program.files("nginx", &["conf"]);
                let server = Nginx::start(&nginx, &program.output.join("nginx/conf.d"), &files)?;
                check(&nginx).map_err(|why| match why {
                    Failure::Wrong(why) => Failure::Wrong(format!("{why}\n{}", log("nginx"))),
                    absent @ Failure::Absent { .. } => absent,
                })?;
                drop(server);
                Ok(())
            }));
        }
    }
    tests
}

/// What came back: the head, and what follows it.
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (known, value) = line.split_once(": ")?;
            known.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    fn from(&self) -> Option<Ipv4Addr> {
        self.header("X-From")?.parse().ok()
    }

    /// The request as the upstream had it.
    fn request(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn read(answer: &[u8]) -> Result<Self, String> {
        let end = answer
            .windows(4)
            .position(|bytes| bytes == b"\r\n\r\n")
            .ok_or_else(|| format!("no head in {:?}", String::from_utf8_lossy(answer)))?;
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        Ok(Self {
            status: status.ok_or_else(|| format!("no status in {head:?}"))?,
            body: answer[end + 4..].to_vec(),
            head,
        })
    }
}

/// Sends `METHOD PATH` with headers and a body.
fn ask(method: &str, path: &str, headers: &[&str], body: &[u8]) -> Result<Answer, String> {
    ask_at(PLAIN, method, path, headers, body)
}

fn ask_at(
    port: u16,
    method: &str,
    path: &str,
    headers: &[&str],
    body: &[u8],
) -> Result<Answer, String> {
    let fail = |error: std::io::Error| format!("{method} {path}: {error}");
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map_err(fail)?;
    connection
        .set_read_timeout(Some(Duration::from_secs(20)))
        .map_err(fail)?;
    let mut request = head(method, path, headers, body.len()).into_bytes();
    request.extend(body);
    // A body that is too large is refused before all of it was taken.
    let _ = connection.write_all(&request);
    let mut answer = Vec::new();
    let _ = connection.read_to_end(&mut answer);
    Answer::read(&answer).map_err(|why| format!("{method} {path}: {why}"))
}

fn head(method: &str, path: &str, headers: &[&str], length: usize) -> String {
    let mut text = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
    if !headers.iter().any(|header| header.starts_with("Host:")) {
        text.push_str("Host: shop.example\r\n");
    }
    for header in headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    if length > 0 || matches!(method, "POST" | "PUT") {
        text = text + "Content-Length: " + &length.to_string() + "\r\n";
    }
    text + "\r\n"
}

/// The request goes to the upstream of this name.
fn goes_to(method: &str, path: &str, headers: &[&str], name: &str) -> Verdict {
    let answer = ask(method, path, headers, b"")?;
    let wanted = address_of(name);
    ensure(answer.status == 200 && answer.from() == wanted, || {
        format!(
            "{method} {path} {headers:?} went to {:?} ({}), not to {name} ({wanted:?})",
            answer.from(),
            answer.status
        )
    })
}

fn has_status(method: &str, path: &str, headers: &[&str], status: u16) -> Result<Answer, Failure> {
    let answer = ask(method, path, headers, b"")?;
    ensure(answer.status == status, || {
        format!(
            "{method} {path} {headers:?}: {} instead of {status}",
            answer.status
        )
    })?;
    Ok(answer)
}

fn hosts_choose(_: &Path) -> Verdict {
    goes_to("GET", "/", &[], "shop")?;
    goes_to("GET", "/", &["Host: admin.example"], "admin")?;
    goes_to("GET", "/deep/path", &["Host: ADMIN.example:8000"], "admin")?;
    goes_to("GET", "/", &["Host: a.b.admin.example"], "admin")?;
    goes_to("GET", "/", &["Host: admin.example.org"], "shop")?;
    // The longest path decides first: a route for all hosts is for this one too.
    goes_to("GET", "/prefix/x", &["Host: admin.example"], "shop")
}

fn headers_and_methods_choose(_: &Path) -> Verdict {
    for path in ["/items", "/items/7"] {
        goes_to("GET", path, &[], "shop")?;
        goes_to("GET", path, &["X-Beta: yes"], "beta")?;
        goes_to("GET", path, &["x-beta: yes"], "beta")?;
        goes_to("GET", path, &["X-Beta: YES"], "shop")?;
        goes_to("GET", path, &["X-Beta: yes!"], "shop")?;
        goes_to("GET", path, &["X-Beta: yes", "X-Role: admin (1)"], "admin")?;
        goes_to("GET", path, &["X-Beta: yes", "X-Role: admin 1"], "beta")?;
        goes_to("DELETE", path, &["X-Role: admin (1)"], "shop")?;
        // A method is asked before headers.
        goes_to("POST", path, &["X-Beta: yes"], "writes")?;
    }
    goes_to("HEAD", "/orders", &[], "shop")?;
    goes_to("POST", "/orders", &[], "writes")?;
    // Path, method, body and the route's own changes survive the choice.
    let answer = ask("PUT", "/items/a%2Fb?c=d", &[], b"hello")?;
    let request = answer.request();
    ensure(
        request.starts_with("PUT /v2/a/b?c=d HTTP/1.")
            && request.contains("X-Route: write\r\n")
            && request.ends_with("hello"),
        || format!("the upstream had {request:?}"),
    )?;
    let answer = ask("GET", "/items/a%2Fb?c=d", &["X-Beta: yes"], b"")?;
    ensure(
        answer.request().starts_with("GET /items/a%2Fb?c=d "),
        || format!("the upstream had {:?}", answer.request()),
    )
}

fn no_route_takes(_: &Path) -> Verdict {
    let answer = has_status("DELETE", "/orders", &[], 405)?;
    ensure(answer.header("Allow") == Some("GET, HEAD, POST"), || {
        answer.head.clone()
    })?;
    has_status("GET", "/preview", &[], 404)?;
    goes_to("GET", "/preview", &["X-Preview: 1"], "beta")?;
    has_status("GET", "/preview", &["X-Preview: 11"], 404).map(drop)
}

fn prefixes_are_replaced(_: &Path) -> Verdict {
    for (path, wanted) in [
        ("/prefix", "/"),
        ("/prefix/", "/"),
        ("/prefix/a/b?c", "/a/b?c"),
        ("/prefixed", "/prefixed"),
    ] {
        let request = ask("GET", path, &[], b"")?.request();
        ensure(request.starts_with(&format!("GET {wanted} ")), || {
            format!("{path} became {request:?}")
        })?;
    }
    Ok(())
}

fn bodies_are_limited(_: &Path) -> Verdict {
    let two = vec![b'x'; 2 << 20];
    for (method, path, status) in [
        ("POST", "/", 413),
        ("POST", "/upload/x", 200),
        ("PUT", "/put", 200),
        ("POST", "/items", 413),
    ] {
        let answer = ask(method, path, &[], &two)?;
        ensure(answer.status == status, || {
            format!("2 MiB to {path}: {}", answer.status)
        })?;
    }
    let five = vec![b'x'; 5 << 20];
    for path in ["/upload/x", "/put"] {
        let answer = ask("PUT", path, &[], &five)?;
        ensure(answer.status == 413, || {
            format!("5 MiB to {path}: {}", answer.status)
        })?;
    }
    Ok(())
}

/// A handshake reaches the service, and bytes go both ways behind it (RFC 6455, 4.1).
fn connections_are_upgraded(_: &Path) -> Verdict {
    let fail = |error: std::io::Error| format!("the WebSocket: {error}");
    let shake = |path: &str| -> Result<(TcpStream, String), String> {
        let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, PLAIN)).map_err(fail)?;
        connection
            .set_read_timeout(Some(Duration::from_secs(20)))
            .map_err(fail)?;
        write!(
            connection,
            "GET {path} HTTP/1.1\r\nHost: shop.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        .map_err(fail)?;
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && connection.read(&mut byte).map_err(fail)? == 1 {
            head.push(byte[0]);
        }
        Ok((connection, String::from_utf8_lossy(&head).into_owned()))
    };
    let (mut connection, head) = shake("/chat")?;
    ensure(
        head.starts_with("HTTP/1.1 101 ") && head.contains("Upgrade: websocket\r\n"),
        || format!("/chat answered {head:?}"),
    )?;
    connection.write_all(b"ping").map_err(fail)?;
    let mut echo = [0; 4];
    connection.read_exact(&mut echo).map_err(fail)?;
    ensure(&echo == b"ping", || format!("{echo:?} came back"))?;
    let (_, head) = shake("/no-chat")?;
    ensure(head.starts_with("HTTP/1.1 200 "), || {
        format!("/no-chat answered {head:?}")
    })?;
    // An ordinary request to the same route is one.
    goes_to("GET", "/chat", &[], "shop")
}

fn silence_ends(_: &Path) -> Verdict {
    has_status("GET", "/slow", &[], 504).map(drop)
}

fn rates_are_limited(_: &Path) -> Verdict {
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(ask("GET", "/limited", &[], b"")?.status);
    }
    ensure(statuses == [200, 200, 200, 429, 429, 429], || {
        format!("{statuses:?}")
    })?;
    for (key, status) in [("a", 200), ("a", 503), ("b", 200)] {
        has_status("GET", "/by-key", &[&format!("X-Key: {key}")], status)?;
    }
    Ok(())
}

/// Of 1,000 requests each part gets its share, within five standard deviations and more.
fn shares_are_kept(_: &Path) -> Verdict {
    let mut counts: BTreeMap<Ipv4Addr, usize> = BTreeMap::new();
    for _ in 0..1000 {
        let from = ask("GET", "/split", &[], b"")?.from();
        let from = from.ok_or_else(|| "no upstream answered".to_owned())?;
        *counts.entry(from).or_default() += 1;
    }
    let of = |name| {
        address_of(name)
            .and_then(|at| counts.get(&at).copied())
            .unwrap_or(0)
    };
    let (beta, admin, shop) = (of("beta"), of("admin"), of("shop"));
    ensure(
        (130..=270).contains(&beta) && (15..=90).contains(&admin) && beta + admin + shop == 1000,
        || format!("20% beta: {beta}, 5% admin: {admin}, the rest: {shop}"),
    )?;
    let mut places = Vec::new();
    for _ in 0..20 {
        places.push(ask("GET", "/sticky", &[], b"")?.from());
    }
    ensure(
        places[0].is_some() && places.iter().all(|place| *place == places[0]),
        || format!("one client was sent to {places:?}"),
    )
}

/// One server of the pool closes each connection after it has the request.
fn requests_are_retried(_: &Path) -> Verdict {
    let statuses = |method: &str, path: &str| -> Result<Vec<u16>, String> {
        (0..10)
            .map(|_| Ok(ask(method, path, &[], b"")?.status))
            .collect()
    };
    let got = statuses("GET", "/pair")?;
    ensure(got.iter().all(|status| *status == 200), || {
        format!("GET /pair: {got:?}")
    })?;

    let before = received();
    let posts = statuses("POST", "/pair")?;
    let sent = received() - before;
    ensure(posts.contains(&502) && posts.contains(&200), || {
        format!("POST /pair: {posts:?}")
    })?;
    ensure(sent == posts.len(), || {
        format!("{} POSTs were received {sent} times", posts.len())
    })?;

    let off = statuses("GET", "/pair-off")?;
    ensure(off.contains(&502), || format!("GET /pair-off: {off:?}"))?;
    let all = statuses("POST", "/pair-all")?;
    ensure(all.iter().all(|status| *status == 200), || {
        format!("POST /pair-all: {all:?}")
    })
}

fn files_are_served(_: &Path) -> Verdict {
    let folder = Path::new("/etc/nginx/www/files/sub");
    std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    std::fs::write(folder.join("a.txt"), "a file\n").map_err(|error| error.to_string())?;
    let answer = has_status("GET", "/files/sub/a.txt", &[], 200)?;
    ensure(
        answer.body == b"a file\n" && answer.header("X-Kind") == Some("file"),
        || answer.head.clone(),
    )?;
    let answer = has_status("GET", "/files/sub", &["Host: shop.example:9999"], 301)?;
    ensure(answer.header("Location") == Some("/files/sub/"), || {
        answer.head.clone()
    })?;
    has_status("GET", "/files/../../passwd", &[], 400)?;
    has_status("GET", "/files/none", &[], 404).map(drop)
}

fn clients_are_redirected(_: &Path) -> Verdict {
    for (path, status, location) in [
        ("/old?a=b", 308, "http://shop.example:9999/new?a=b"),
        ("/old", 308, "http://shop.example:9999/new"),
        ("/away/x%20y?a", 301, "https://other.example/away/x%20y?a"),
        ("/port", 302, "http://shop.example:9000/port"),
    ] {
        let answer = has_status("GET", path, &["Host: shop.example:9999"], status)?;
        ensure(answer.header("Location") == Some(location), || {
            format!("{path}: {}", answer.head)
        })?;
    }
    let host = ["Host: secure.example"];
    let answer = ask_at(REDIRECTS, "GET", "/a?b=c", &host, b"")?;
    let location = answer.header("Location");
    ensure(
        answer.status == 301 && location == Some("https://secure.example:8443/a?b=c"),
        || answer.head.clone(),
    )
}

fn responses_are_compressed(_: &Path) -> Verdict {
    let answer = has_status("GET", "/", &["Accept-Encoding: gzip"], 200)?;
    ensure(
        answer.header("Content-Encoding") == Some("gzip")
            && answer.header("Vary") == Some("Accept-Encoding")
            && answer.body.windows(2).any(|bytes| bytes == [0x1f, 0x8b]),
        || answer.head.clone(),
    )?;
    let answer = has_status("GET", "/", &[], 200)?;
    ensure(answer.header("Content-Encoding").is_none(), || {
        answer.head.clone()
    })
}

/// A handshake with the certificate that the judge made, checked by name.
fn tls_is_spoken(_: &Path) -> Verdict {
    let request = head("GET", "/", &["Host: secure.example"], 0);
    let answer = Answer::read(&over_tls(SECURE, Some("secure.example"), &request)?)?;
    ensure(
        answer.status == 200 && answer.from() == address_of("shop"),
        || answer.head.clone(),
    )?;
    ensure(
        answer.request().contains("X-Forwarded-Proto: https\r\n"),
        || answer.request(),
    )
}

/// What comes back for one request over a connection of TLS, whose certificate is for a name.
pub(crate) fn over_tls(port: u16, name: Option<&str>, request: &str) -> Result<Vec<u8>, Failure> {
    let mut client = Command::new("openssl");
    client
        .args(["s_client", "-quiet", "-verify_quiet", "-connect"])
        .arg(format!("127.0.0.1:{port}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(name) = name {
        client
            .args(["-servername", name, "-verify_hostname", name])
            .args(["-verify_return_error", "-CAfile", "/etc/nginx/tls/cert.crt"]);
    }
    let mut process = client.spawn().map_err(|error| Failure::Absent {
        consumer: "openssl",
        why: error.to_string(),
    })?;
    let mut stdin = process.stdin.take().unwrap();
    stdin
        .write_all(request.as_bytes())
        .map_err(|error| error.to_string())?;
    let output = process
        .wait_with_output()
        .map_err(|error| error.to_string())?;
    drop(stdin);
    ensure(!output.stdout.is_empty(), || {
        String::from_utf8_lossy(&output.stderr).into_owned()
    })?;
    Ok(output.stdout)
}

/// A certificate for a name and its key, signed by itself, where the configuration has them.
pub(crate) fn make_certificate(certificate: &Path, key: &Path) -> Verdict {
    if certificate.exists() && key.exists() {
        return Ok(());
    }
    let folder = certificate.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    let mut openssl = Command::new("openssl");
    openssl
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        ])
        .args(["-subj", "/CN=secure.example", "-addext"])
        .arg("subjectAltName=DNS:secure.example,DNS:*.example")
        .arg("-keyout")
        .arg(key)
        .arg("-out")
        .arg(certificate);
    run(openssl)?;
    wait(Duration::from_secs(5), || {
        if certificate.exists() {
            Ok(())
        } else {
            Err("no certificate".to_owned())
        }
    })?;
    Ok(())
}
