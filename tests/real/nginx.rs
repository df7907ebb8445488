//! nginx: `nginx -t` without a warning, then requests through the running server to upstreams of ours, whose addresses
//! come from a name server of ours at 127.0.0.11, where Docker's is. The file is judged as it is: network and name
//! server are those of the namespaces in `machine.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use regex_lite::Regex;

use crate::gateway::{make_certificate, over_tls};
use crate::machine::{built, folder, installed, log, require_isolation, run, serve, wait};
use crate::programs::{self, Program};
use crate::{Failure, Test, Verdict, ensure, test};

pub(crate) fn tests(programs: &[Program]) -> Vec<Test> {
    let mut tests = vec![
        test("nginx::judge_can_refuse", judge_can_refuse),
        test("nginx::judge_sees_a_header", judge_sees_a_header),
        test(
            "nginx::judge_sees_a_name_resolved_once",
            judge_sees_a_name_resolved_once,
        ),
    ];
    let files: (&str, &[&str]) = ("nginx/conf.d", &["conf"]);
    tests.extend(programs::each(
        programs,
        "nginx::modern",
        files,
        |program, files| judge(&modern()?, &program.output, files),
    ));
    tests.extend(programs::each(
        programs,
        "nginx::debian",
        files,
        |program, files| {
            // 1.22 has no `resolve`: nothing to judge there.
            let resolve = Regex::new(r"(?m)^\s*server .* resolve\b").unwrap();
            if files.iter().any(|file| resolve.is_match(&read(file))) {
                return Ok(());
            }
            judge(&debian()?, &program.output, files)
        },
    ));
    tests
}

/// A version that knows `server NAME resolve`.
pub(crate) fn modern() -> Result<PathBuf, Failure> {
    built("nginx", "nginx")
}

/// The version of the distribution.
pub(crate) fn debian() -> Result<PathBuf, Failure> {
    installed("nginx", "nginx")
}

fn judge(nginx: &Path, output: &Path, files: &[PathBuf]) -> Verdict {
    let server = Nginx::start(nginx, &output.join("nginx/conf.d"), files)?;
    // What a plain host runs is started in `hosts.rs`: here nothing stands behind its slots.
    if output.join("nginx/slots").is_dir() {
        return Ok(());
    }
    server.every_location_answers()?;
    server.follows_names()
}

/// The upstream of `/` gets these headers, to the byte.
pub(crate) fn judge_headers(
    nginx: &Path,
    folder_of_files: &Path,
    files: &[PathBuf],
    expected: &[(&str, &str)],
) -> Verdict {
    let server = Nginx::start(nginx, folder_of_files, files)?;
    let request = get(server.listens()[0], &server.host(), "/")?.request;
    for (name, value) in expected {
        let line = format!("{name}: {value}\r\n");
        ensure(request.contains(&line), || {
            format!("no {line:?} in {request:?}")
        })?;
    }
    Ok(())
}

/// A running nginx, with an upstream behind every name and port of its configuration.
pub(crate) struct Nginx {
    process: Child,
    command: [PathBuf; 2],
    text: String,
    names: BTreeSet<String>,
    ports: BTreeSet<u16>,
}

/// What came back, with the request as the upstream had it.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The upstream's address, where it was one of ours.
    pub(crate) from: Option<Ipv4Addr>,
    pub(crate) request: String,
}

impl Nginx {
    /// Tests and starts the configuration in `folder_of_files`.
    pub(crate) fn start(
        nginx: &Path,
        folder_of_files: &Path,
        files: &[PathBuf],
    ) -> Result<Self, Failure> {
        require_isolation("nginx")?;
        let text = files
            .iter()
            .map(|file| read(file))
            .collect::<Vec<_>>()
            .join("\n");
        let (names, ports) = upstreams(&text);
        for name in &names {
            move_to(name, &ports)?;
        }
        make_certificates(&text)?;
        let main = folder("nginx").join("nginx.conf");
        // What the configuration includes stands beside the main file.
        let slots = folder_of_files.parent().map(|parent| parent.join("slots"));
        if let Some(slots) = slots.filter(|slots| slots.is_dir()) {
            let mut copy = Command::new("cp");
            copy.arg("-r").arg(slots).arg(main.with_file_name("slots"));
            run(copy)?;
        }
        let own = format!(
            "user root;\npid {pid};\nworker_processes 1;\nevents {{}}\nhttp {{ include {files}/*.conf; }}\n",
            pid = main.with_extension("pid").display(),
            files = folder_of_files.display()
        );
        std::fs::write(&main, own).map_err(|error| error.to_string())?;

        let mut check = Command::new(nginx);
        check.args(["-e", "stderr", "-t", "-c"]).arg(&main);
        let said = run(check)?;
        ensure(!said.contains("[warn]"), || said)?;

        let mut command = Command::new(nginx);
        command
            .args(["-e", "stderr", "-g", "daemon off;", "-c"])
            .arg(&main);
        let process = serve("nginx", command)?;
        let server = Self {
            process,
            command: [nginx.to_owned(), main],
            text,
            names,
            ports,
        };
        for port in server.listens() {
            wait(Duration::from_secs(10), || {
                TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map_err(|error| error.to_string())
            })
            .map_err(|why| format!("port {port}: {why}\n{}", log("nginx")))?;
        }
        Ok(server)
    }

    fn every_location_answers(&self) -> Verdict {
        let mut served = false;
        for port in self.listens() {
            for path in self.paths() {
                // A name with `resolve` has no address before the first answer has come.
                let answer = wait(Duration::from_secs(2), || match self.get(port, &path)? {
                    Answer { status: 500.., .. } => Err(format!("GET {path}: an error")),
                    answer => Ok(answer),
                })
                .map_err(|why| format!("port {port}: {why}\n{}", log("nginx")))?;
                served |= answer.from.is_some();
            }
        }
        ensure(served, || "no request reached an upstream".to_owned())
    }

    /// Every name moves; each path is served all along and by the new address within the resolver's `valid`.
    fn follows_names(&self) -> Verdict {
        if !self.text.contains("resolver ") {
            return Ok(());
        }
        let ports = self.listens();
        let each = self.paths().into_iter().filter_map(|path| {
            let served = |port: &&u16| self.get(**port, &path).is_ok_and(|it| it.from.is_some());
            let port = *ports.iter().find(served)?;
            Some((port, path))
        });
        let served: Vec<(u16, String)> = each.collect();
        let moved = self
            .names
            .iter()
            .map(|name| move_to(name, &self.ports))
            .collect::<Result<Vec<_>, _>>()?;
        for (port, path) in served {
            wait(Duration::from_secs(self.valid() + 3), || {
                let answer = self.get(port, &path)?;
                match answer.from {
                    Some(address) if moved.contains(&address) => Ok(()),
                    _ => Err(format!(
                        "GET {path} went to {:?} ({})",
                        answer.from, answer.status
                    )),
                }
            })?;
        }
        Ok(())
    }

    /// `GET path`, by TLS where that is what the port speaks.
    fn get(&self, port: u16, path: &str) -> Result<Answer, String> {
        let secure = captures(r"(?m)^\s*listen\s+(\d+) ssl", &self.text);
        if !secure.contains(&port.to_string()) {
            return get(port, &self.host(), path);
        }
        let request = request(&self.host(), path);
        let answer = over_tls(port, None, &request).map_err(|why| match why {
            Failure::Wrong(why) | Failure::Absent { why, .. } => why,
        })?;
        read_answer(path, &answer)
    }

    /// Where it listens.
    fn listens(&self) -> Vec<u16> {
        let ports = captures(
            r"(?m)^\s*listen\s+(?:\S+:)?(\d+)(?: ssl| default_server| http2| backlog=\d+)*;",
            &self.text,
        );
        let ports: BTreeSet<u16> = ports.iter().filter_map(|port| port.parse().ok()).collect();
        ports.into_iter().collect()
    }

    /// Of the locations, what is no regular expression, and something below each prefix.
    fn paths(&self) -> Vec<String> {
        captures(
            r#"(?m)^\s*location\s+(?:=\s+|\^~\s+)?"?(/[^\s"{]*)"?\s*\{"#,
            &self.text,
        )
    }

    fn host(&self) -> String {
        captures(r"server_name\s+([A-Za-z0-9.-]+)", &self.text)
            .pop()
            .unwrap_or_else(|| "localhost".to_owned())
    }

    /// How long an answer of the name server is kept; nginx keeps it for its TTL, ours is 0.
    fn valid(&self) -> u64 {
        captures(r"valid=(\d+)s", &self.text)
            .iter()
            .filter_map(|seconds| seconds.parse().ok())
            .max()
            .unwrap_or(0)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let [nginx, main] = &self.command;
        let mut stop = Command::new(nginx);
        stop.args(["-e", "stderr", "-s", "stop", "-c"]).arg(main);
        if run(stop).is_err() {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}

/// `GET path`, by hand: what is sent is what a test says.
pub(crate) fn get(port: u16, host: &str, path: &str) -> Result<Answer, String> {
    let fail = |error: std::io::Error| format!("GET {path}: {error}");
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map_err(fail)?;
    connection
        .set_read_timeout(Some(Duration::from_secs(10)))
        .map_err(fail)?;
    connection
        .write_all(request(host, path).as_bytes())
        .map_err(fail)?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).map_err(fail)?;
    read_answer(path, &answer)
}

fn request(host: &str, path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
}

fn read_answer(path: &str, answer: &[u8]) -> Result<Answer, String> {
    let answer = String::from_utf8_lossy(answer);
    let (head, request) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let from = head.lines().find_map(|line| line.strip_prefix("X-From: "));
    Ok(Answer {
        status: status.ok_or_else(|| format!("GET {path}: no status in {head:?}"))?,
        from: from.and_then(|address| address.parse().ok()),
        request: request.to_owned(),
    })
}

/// The names that have a port, and the ports.
fn upstreams(text: &str) -> (BTreeSet<String>, BTreeSet<u16>) {
    let mut names: BTreeSet<String> =
        captures(r"(?:server\s+|//|\s)([a-z][A-Za-z0-9_.-]*):\d+", text)
            .into_iter()
            .collect();
    names.extend(captures(
        r#"set\s+\$\w+\s+"?([a-z][A-Za-z0-9_.-]*)"?[:;]"#,
        text,
    ));
    let ports = captures(r":(\d{2,5})\b", text);
    let mut ports: BTreeSet<u16> = ports.iter().filter_map(|port| port.parse().ok()).collect();
    // Who speaks gRPC there is the test's own affair.
    for calls in captures(r"grpc_pass grpc://\S+:(\d+);", text) {
        ports.retain(|port| port.to_string() != calls);
    }
    // A redirect may name a port of nginx's own.
    for own in captures(r"(?m)^\s*listen\s+(?:\S+:)?(\d+)", text) {
        ports.retain(|port| port.to_string() != own);
    }
    (names, ports)
}

fn captures(pattern: &str, text: &str) -> Vec<String> {
    let pattern = Regex::new(pattern).unwrap();
    pattern
        .captures_iter(text)
        .map(|found| found[1].to_owned())
        .collect()
}

/// The certificates that a configuration names.
fn make_certificates(text: &str) -> Verdict {
    let certificates = captures(r"(?m)^\s*ssl_certificate\s+(\S+);", text);
    let keys = captures(r"(?m)^\s*ssl_certificate_key\s+(\S+);", text);
    for (certificate, key) in certificates.iter().zip(&keys) {
        make_certificate(Path::new(certificate), Path::new(key))?;
    }
    Ok(())
}

/// The address of an upstream.
pub(crate) fn address_of(name: &str) -> Option<Ipv4Addr> {
    zone().ok()?.lock().unwrap().get(name).copied()
}

/// How many requests the upstreams have had.
pub(crate) fn received() -> usize {
    RECEIVED.load(Ordering::SeqCst)
}

static RECEIVED: AtomicUsize = AtomicUsize::new(0);

/// Gives the name an address no one had before, with an upstream on each port.
fn move_to(name: &str, ports: &BTreeSet<u16>) -> Result<Ipv4Addr, String> {
    static LAST: AtomicU16 = AtomicU16::new(0);
    let [high, low] = (LAST.fetch_add(1, Ordering::Relaxed) + 1).to_be_bytes();
    let address = Ipv4Addr::new(127, 1, high, low);
    let name = name.to_owned();
    for port in ports {
        let listener = TcpListener::bind((address, *port))
            .map_err(|error| format!("an upstream at {address}:{port}: {error}"))?;
        let name = name.clone();
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let name = name.clone();
                thread::spawn(move || answer(&connection, address, &name));
            }
        });
    }
    zone()?.lock().unwrap().insert(name, address);
    Ok(address)
}

/// 200 with the request as the body; what a `broken` one has it does not answer, and a `slow` one not
/// for a long time. A connection that is to be a WebSocket becomes an echo.
fn answer(mut connection: &TcpStream, address: Ipv4Addr, name: &str) {
    let mut request = String::new();
    let mut lines = BufReader::new(connection);
    while lines.read_line(&mut request).is_ok_and(|length| length > 2) {}
    let length = captures(r"(?mi)^content-length: (\d+)", &request);
    let length = length.first().and_then(|length| length.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    let _ = lines.read_exact(&mut body);
    request.push_str(&String::from_utf8_lossy(&body));
    RECEIVED.fetch_add(1, Ordering::SeqCst);
    if name.contains("broken") {
        return;
    }
    if name.contains("slow") {
        thread::sleep(Duration::from_secs(30));
    }
    if request.to_ascii_lowercase().contains("upgrade: websocket") {
        let switched =
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
        let _ = connection.write_all(switched.as_bytes());
        let _ = std::io::copy(&mut lines, &mut connection);
        return;
    }
    let length = request.len();
    let _ = write!(
        connection,
        "HTTP/1.1 200 OK\r\nX-From: {address}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{request}"
    );
}

type Zone = Mutex<BTreeMap<String, Ipv4Addr>>;

/// What the name server knows; it starts at the first call.
fn zone() -> Result<&'static Zone, String> {
    static ZONE: Zone = Mutex::new(BTreeMap::new());
    static STARTED: OnceLock<Result<(), String>> = OnceLock::new();
    STARTED
        .get_or_init(|| {
            let socket = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, 11), 53))
                .map_err(|error| format!("the name server: {error}"))?;
            thread::spawn(move || {
                let mut query = [0; 512];
                while let Ok((length, from)) = socket.recv_from(&mut query) {
                    let _ = socket.send_to(&resolve(&query[..length], &ZONE), from);
                }
            });
            Ok(())
        })
        .clone()?;
    Ok(&ZONE)
}

/// The answer to a query of one question (RFC 1035, 4.1): an A record with a TTL of 0 for a name that is known.
fn resolve(query: &[u8], zone: &Zone) -> Vec<u8> {
    let mut labels = Vec::new();
    let mut at = 12;
    while query[at] != 0 {
        let end = at + 1 + usize::from(query[at]);
        labels.push(String::from_utf8_lossy(&query[at + 1..end]).into_owned());
        at = end;
    }
    let question = &query[12..at + 5];
    let wants_address = query[at + 1..at + 3] == [0, 1];
    let address = zone.lock().unwrap().get(&labels.join(".")).copied();
    let record = address.filter(|_| wants_address);
    let code = if address.is_some() { 0x80 } else { 0x83 };
    let mut answer = vec![
        query[0],
        query[1],
        0x81,
        code,
        0,
        1,
        0,
        u8::from(record.is_some()),
    ];
    answer.extend([0; 4]);
    answer.extend(question);
    if let Some(address) = record {
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
        answer.extend(address.octets());
    }
    answer
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap()
}

fn judge_can_refuse() -> Verdict {
    let refused = [
        (
            "listen 80; location / { return 200; proxy_pas http://a; }",
            "unknown directive",
        ),
        (
            "listen 80; } server { listen 80; location / { return 200; }",
            "conflicting server name",
        ),
    ];
    for nginx in [modern()?, debian()?] {
        for (server, refusal) in refused {
            let files = write("refuse", &format!("server {{ {server} }}\n"))?;
            match Nginx::start(&nginx, files[0].parent().unwrap(), &files) {
                Err(Failure::Wrong(why)) => ensure(why.contains(refusal), || why)?,
                Err(absent) => return Err(absent),
                Ok(_) => return Err(Failure::Wrong(format!("{server} was taken"))),
            }
        }
    }
    Ok(())
}

fn judge_sees_a_header() -> Verdict {
    let text = r#"server {
  listen 80;
  resolver 127.0.0.11;
  location / {
    set $app api:3001;
    proxy_set_header X-Odd "a\";}b";
    proxy_pass http://$app;
  }
}"#;
    let files = write("header", text)?;
    let folder = files[0].parent().unwrap();
    judge_headers(&modern()?, folder, &files, &[("X-Odd", "a\";}b")])?;
    let other = judge_headers(&modern()?, folder, &files, &[("X-Odd", "a")]);
    ensure(other.is_err(), || {
        "another value was taken for this one".to_owned()
    })
}

/// A name in `server` is looked up once, a variable or `resolve` at each request: the judge tells them apart.
fn judge_sees_a_name_resolved_once() -> Verdict {
    let resolver = "resolver 127.0.0.11 valid=1s ipv6=off;";
    let server = |target: &str| {
        format!("server {{\n  listen 80;\n  {resolver}\n  location / {{\n    {target}\n  }}\n}}\n")
    };
    let variable = server("set $app api:3001;\n    proxy_pass http://$app;");
    let once = server("proxy_pass http://api:3001;");
    let resolve = format!(
        "upstream app {{\n  zone app 64k;\n  {resolver}\n  server api:3001 resolve;\n}}\n{}",
        server("proxy_pass http://app;")
    );
    let (modern, debian) = (modern()?, debian()?);
    for (nginx, text, follows) in [
        (&modern, &variable, true),
        (&debian, &variable, true),
        (&modern, &resolve, true),
        (&debian, &once, false),
    ] {
        let files = write("names", text)?;
        let server = Nginx::start(nginx, files[0].parent().unwrap(), &files)?;
        server.every_location_answers()?;
        ensure(server.follows_names().is_ok() == follows, || {
            format!(
                "{text}\nthe judge thought otherwise of this\n{}",
                log("nginx")
            )
        })?;
    }
    Ok(())
}

fn write(name: &str, text: &str) -> Result<Vec<PathBuf>, String> {
    let file = folder(name).join("app.conf");
    std::fs::write(&file, text).map_err(|error| error.to_string())?;
    Ok(vec![file])
}
