//! A PostgreSQL server for a test binary: in a directory of its own, on a socket of its own and a port of loopback,
//! with fsync on. A shell holds it, which ends it when this process ends, however it ends.

use std::{
    io::{self, Write},
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    thread::sleep,
    time::{Duration, Instant},
};

use provisioning::{Names, StoreAuthority, write_store};

/// How long the server may take to start.
const LIMIT: Duration = Duration::from_secs(60);

/// A server.
pub(crate) struct Server {
    /// What the shell reads until this process ends.
    _shell: Child,
    directory: PathBuf,
    port: u16,
}

/// The server of this test binary; none, and a line on standard error, if PostgreSQL is not installed.
static SERVER: LazyLock<Option<Server>> = LazyLock::new(Server::start);

/// The address of a new, empty database.
pub(crate) fn database() -> Option<String> {
    Some(SERVER.as_ref()?.create())
}

/// The address of a new database over TLS, and the PEM file of the authority that signed the server's certificate.
#[allow(dead_code)] // not every test binary looks at TLS
pub(crate) fn database_over_tls() -> Option<(String, PathBuf)> {
    let server = SERVER.as_ref()?;
    let address = server.create();
    let name = address.rsplit('/').next().unwrap();
    Some((format!("postgres://hq@localhost:{}/{name}", server.port), server.directory.join("ca.pem")))
}

/// How many transactions of a database the server has ended to resolve deadlocks. It writes its log before it answers.
#[allow(dead_code)] // not every test binary looks at deadlocks
pub(crate) fn deadlocks(database: &str) -> usize {
    let log = SERVER.as_ref().map(|server| std::fs::read_to_string(server.directory.join("log")).unwrap());
    let told = format!("{database} ERROR:  deadlock detected");
    log.unwrap_or_default().lines().filter(|line| *line == told).count()
}

/// What a test runs as.
fn is_root() -> bool {
    said_by(Command::new("id").arg("-u")) == "0"
}

fn said_by(command: &mut Command) -> String {
    String::from_utf8(command.output().unwrap().stdout).unwrap().trim().to_owned()
}

/// A program of PostgreSQL's, run as a user who may run it.
fn as_postgres(is_root: bool, program: impl AsRef<std::ffi::OsStr>) -> Command {
    if !is_root {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups", "--"]).arg(program);
    command
}

/// The folder of the newest installed version's programs.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let version = versions.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok()).max()?;
    Some(Path::new("/usr/lib/postgresql").join(version.to_string()).join("bin"))
        .filter(|bin| bin.join("initdb").exists())
}

impl Server {
    fn start() -> Option<Self> {
        let Some(bin) = programs() else {
            // Past the test runner, which keeps what a passing test prints to itself.
            let _ = io::stderr().write_all(b"SKIPPED: no PostgreSQL here; `apt-get install postgresql`\n");
            return None;
        };
        let is_root = is_root();
        let directory = tempfile::Builder::new().prefix("pg").tempdir().unwrap().keep();
        let authority = StoreAuthority::create("database", std::time::SystemTime::now()).unwrap();
        let names = Names { hosts: vec!["localhost".into()], addresses: vec![] };
        let server = authority.issue("PostgreSQL of the tests", &names).unwrap();
        let tls = tempfile::tempdir().unwrap();
        write_store(&tls.path().join("made"), &authority.identity(), &server).unwrap();
        for file in ["ca.pem", "hub.pem", "hub.key"] {
            std::fs::copy(tls.path().join("made").join(file), directory.join(file)).unwrap();
        }
        std::fs::set_permissions(directory.join("hub.key"), PermissionsExt::from_mode(0o600)).unwrap();
        if is_root {
            let id = |flag| said_by(Command::new("id").args([flag, "postgres"])).parse().unwrap();
            for path in [directory.clone(), directory.join("hub.pem"), directory.join("hub.key")] {
                chown(path, Some(id("-u")), Some(id("-g"))).unwrap();
            }
            std::fs::set_permissions(&directory, PermissionsExt::from_mode(0o755)).unwrap();
        }
        let data = directory.join("data");
        let made = as_postgres(is_root, bin.join("initdb"))
            .args(["--no-sync", "--auth=trust", "--username=hq", "--encoding=UTF8", "--locale=C", "-D"])
            .arg(&data)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let setting = |setting: &str| ["-c".to_owned(), setting.to_owned()];
        let settings = [
            format!("port={port}"),
            "listen_addresses=127.0.0.1".into(),
            format!("unix_socket_directories={}", directory.display()),
            "ssl=on".into(),
            format!("ssl_cert_file={}/hub.pem", directory.display()),
            format!("ssl_key_file={}/hub.key", directory.display()),
            "max_connections=300".into(),
            "shared_buffers=64MB".into(),
            // For `deadlocks`.
            "log_line_prefix=%d ".into(),
            "deadlock_timeout=50ms".into(),
        ];
        // Ends with its standard input; `-INT` ends PostgreSQL without waiting for its clients.
        let held = r#""$@" & server=$!; cat >/dev/null; kill -INT $server; wait $server; rm -rf "$DIRECTORY""#;
        let shell = as_postgres(is_root, "sh")
            .args(["-c", held, "sh"])
            .arg(bin.join("postgres"))
            .arg("-D")
            .arg(&data)
            .args(settings.iter().flat_map(|text| setting(text)))
            .env("DIRECTORY", &directory)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(directory.join("log")).unwrap())
            .spawn()
            .unwrap();
        let server = Self { _shell: shell, directory, port };
        let began = Instant::now();
        while !server.psql("SELECT 1").status.success() {
            let log = || std::fs::read_to_string(server.directory.join("log")).unwrap_or_default();
            assert!(began.elapsed() < LIMIT, "PostgreSQL did not start:\n{}", log());
            sleep(Duration::from_millis(20));
        }
        Some(server)
    }

    fn psql(&self, sql: &str) -> std::process::Output {
        let mut psql = Command::new("psql");
        psql.args(["-X", "-q", "-U", "hq", "-d", "postgres", "-p", &self.port.to_string(), "-c", sql, "-h"]);
        psql.arg(&self.directory).output().unwrap()
    }

    /// A new database, by the socket.
    fn create(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let made = self.psql(&format!("CREATE DATABASE {name}"));
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let socket = self.directory.display().to_string().replace('/', "%2F");
        format!("postgres://hq@{socket}:{}/{name}", self.port)
    }
}
