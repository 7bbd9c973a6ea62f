//! The database of HQ's ledger: a file of SQLite, or a PostgreSQL server of its own. It is read by the engines' own
//! programs, `sqlite3` and `psql`.

use std::{
    fs::{self, File},
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::{
    shop::{LIMIT, failed, free_port},
    signal, until,
};

/// Between columns; no text of a ledger has it.
const BETWEEN: char = '\u{1f}';

/// A database.
pub enum Database {
    /// A file.
    Sqlite(PathBuf),
    /// A server.
    Postgres(Postgres),
}

impl Database {
    /// A new, empty database.
    ///
    /// # Errors
    /// PostgreSQL does not start, or a program is not installed.
    pub fn new(engine: &str, directory: &Path) -> Result<Self, String> {
        fs::create_dir_all(directory).map_err(failed("make the database's directory"))?;
        let database = match engine {
            "sqlite" => Self::Sqlite(directory.join("hq.db")),
            _ => Self::Postgres(Postgres::start(directory)?),
        };
        if let Self::Sqlite(_) = database {
            let installed = Command::new("sqlite3").arg("-version").stdout(Stdio::null()).status();
            installed.map_err(failed("sqlite3; run ./tests/run, or install it"))?;
        }
        Ok(database)
    }

    /// What `--ledger` takes.
    pub fn address(&self) -> String {
        match self {
            Self::Sqlite(path) => path.display().to_string(),
            Self::Postgres(server) => {
                let socket = server.home.display().to_string().replace('/', "%2F");
                format!("postgres://hq@{socket}:{}/postgres", server.port)
            }
        }
    }

    /// The rows of SQL statements, as text.
    ///
    /// # Errors
    /// The database refuses, or can't be reached.
    pub fn rows(&self, sql: &str) -> Result<Vec<Vec<String>>, String> {
        let between = BETWEEN.to_string();
        let (mut command, sql) = match self {
            Self::Sqlite(path) => {
                let mut command = Command::new("sqlite3");
                command.args(["-batch", "-bail", "-separator", &between]).arg(path);
                (command, format!(".timeout 30000\n{sql}"))
            }
            Self::Postgres(server) => {
                let mut command = Command::new("psql");
                command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-F", &between]);
                command.args(["-U", "hq", "-d", "postgres", "-p", &server.port.to_string(), "-h"]).arg(&server.home);
                (command, sql.to_owned())
            }
        };
        // By a file, because a statement may be longer than a pipe that nobody reads yet.
        let file = tempfile::NamedTempFile::new().map_err(failed("make a file of SQL"))?;
        fs::write(file.path(), sql).map_err(failed("write SQL"))?;
        let input = File::open(file.path()).map_err(failed("read SQL"))?;
        let done =
            command.stdin(input).output().map_err(failed("psql or sqlite3; run ./tests/run, or install them"))?;
        if !done.status.success() {
            return Err(String::from_utf8_lossy(&done.stderr).into_owned());
        }
        let text = String::from_utf8_lossy(&done.stdout);
        Ok(text.lines().map(|line| line.split(BETWEEN).map(str::to_owned).collect()).collect())
    }

    /// Kills PostgreSQL and starts it again. The processes of SQLite are the workers.
    ///
    /// # Errors
    /// It does not start.
    pub fn restart(&mut self) -> Result<(), String> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(server) => server.restart(),
        }
    }
}

/// A server with fsync on, in a directory of its own; ends with this value.
pub struct Postgres {
    bin: PathBuf,
    home: PathBuf,
    port: u16,
    is_root: bool,
    child: Option<Child>,
}

/// The folder of the newest installed version's programs.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let version = versions.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok()).max()?;
    let bin = Path::new("/usr/lib/postgresql").join(version.to_string()).join("bin");
    Some(bin).filter(|bin| bin.join("initdb").exists())
}

fn said_by(command: &mut Command) -> Option<String> {
    Some(String::from_utf8(command.output().ok()?.stdout).ok()?.trim().to_owned())
}

impl Postgres {
    fn start(directory: &Path) -> Result<Self, String> {
        let bin = programs().ok_or("PostgreSQL is not installed; run ./tests/run, or install it")?;
        let home = directory.join("pg");
        fs::create_dir_all(&home).map_err(failed("make PostgreSQL's directory"))?;
        let is_root = said_by(Command::new("id").arg("-u")).as_deref() == Some("0");
        if is_root {
            let id = |flag| said_by(Command::new("id").args([flag, "postgres"]))?.parse().ok();
            chown(&home, id("-u"), id("-g")).map_err(failed("give PostgreSQL its directory"))?;
            for path in [directory, &home] {
                fs::set_permissions(path, PermissionsExt::from_mode(0o755)).map_err(failed("set permissions"))?;
            }
        }
        let mut server = Self { bin, home, port: free_port()?, is_root, child: None };
        let made = server
            .command("initdb")
            .args(["--no-sync", "--auth=trust", "--username=hq", "--encoding=UTF8", "--locale=C", "-D"])
            .arg(server.home.join("data"))
            .output()
            .map_err(failed("run initdb"))?;
        if !made.status.success() {
            return Err(String::from_utf8_lossy(&made.stderr).into_owned());
        }
        server.restart()?;
        Ok(server)
    }

    /// A program of PostgreSQL's, run as a user who may run it.
    fn command(&self, program: &str) -> Command {
        let program = self.bin.join(program);
        let mut command = if self.is_root { Command::new("setpriv") } else { Command::new(&program) };
        if self.is_root {
            command.args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups", "--"]).arg(&program);
        }
        command.current_dir("/").stdin(Stdio::null());
        command
    }

    /// Ends it as a crash would, if it runs, and starts it again.
    fn restart(&mut self) -> Result<(), String> {
        self.end();
        let log = File::options().create(true).append(true).open(self.home.join("log"));
        let settings = [
            format!("port={}", self.port),
            "listen_addresses=".into(),
            format!("unix_socket_directories={}", self.home.display()),
            "shared_buffers=64MB".into(),
        ];
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.home.join("data"));
        command.args(settings.iter().flat_map(|setting| ["-c", setting]));
        command.stdout(Stdio::null()).stderr(log.map_err(failed("open PostgreSQL's log"))?);
        self.child = Some(command.spawn().map_err(failed("start PostgreSQL"))?);
        let answers = || {
            let mut psql = Command::new("psql");
            psql.args(["-X", "-q", "-U", "hq", "-d", "postgres", "-p", &self.port.to_string(), "-c", "SELECT 1", "-h"]);
            psql.arg(&self.home).stdout(Stdio::null()).stderr(Stdio::null());
            psql.status().is_ok_and(|status| status.success())
        };
        if until(LIMIT, answers) {
            return Ok(());
        }
        Err(format!("PostgreSQL does not start:\n{}", fs::read_to_string(self.home.join("log")).unwrap_or_default()))
    }

    /// SIGQUIT: every process of it exits at once, without a checkpoint, and the next start recovers from the log.
    fn end(&mut self) {
        if let Some(mut child) = self.child.take() {
            signal(child.id(), "QUIT");
            let _ = child.wait();
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.end();
    }
}
