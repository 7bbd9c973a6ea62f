//! Encryption of backups by the program `age` (Debian's package of the same name): for public keys, so that the box
//! itself can't decrypt what it wrote. Anybody with the secret key can, also without a hub: `age --decrypt`.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

fn start(command: &mut Command) -> Result<Child, String> {
    command.spawn().map_err(|error| format!("could not run age: {error}; install the package `age`"))
}

/// Whether it has ended well; else its message.
fn ended(child: Child) -> Result<(), String> {
    let ended = child.wait_with_output().map_err(|error| format!("age: {error}"))?;
    if ended.status.success() {
        return Ok(());
    }
    Err(format!("age: {}", String::from_utf8_lossy(&ended.stderr).lines().next().unwrap_or("no message")))
}

/// An encryption that runs.
pub(super) struct Encrypting(Child);

/// Encrypts into a file for these public keys. The plain text goes into the first of the two.
pub(super) fn encrypt(file: File, recipients: &[String]) -> Result<(ChildStdin, Encrypting), String> {
    let mut command = Command::new("age");
    command.arg("--encrypt");
    for key in recipients {
        command.arg("--recipient").arg(key);
    }
    let mut child = start(command.stdin(Stdio::piped()).stdout(file).stderr(Stdio::piped()))?;
    let input = child.stdin.take().ok_or_else(|| "age: no input".to_owned())?;
    Ok((input, Encrypting(child)))
}

impl Encrypting {
    /// Waits for the end, after the input is dropped.
    pub(super) fn end(self) -> Result<(), String> {
        ended(self.0)
    }
}

/// A decryption that runs. Reading fails at the end if age failed.
pub(super) struct Decrypting {
    output: ChildStdout,
    child: Option<Child>,
}

/// Decrypts a file with the secret key in another.
pub(super) fn decrypt(file: File, identity: &Path) -> Result<Decrypting, String> {
    let mut command = Command::new("age");
    command.arg("--decrypt").arg("--identity").arg(identity);
    let mut child = start(command.stdin(file).stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    let output = child.stdout.take().ok_or_else(|| "age: no output".to_owned())?;
    Ok(Decrypting { output, child: Some(child) })
}

impl Read for Decrypting {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let length = self.output.read(bytes)?;
        if length == 0
            && !bytes.is_empty()
            && let Some(child) = self.child.take()
        {
            ended(child).map_err(io::Error::other)?;
        }
        Ok(length)
    }
}
