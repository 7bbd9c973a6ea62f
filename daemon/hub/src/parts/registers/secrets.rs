//! Random tokens and codes from the operating system.

use std::{fs, path::Path};

use app::{Refusal, refusal::FAULT};
use ring::rand::{SecureRandom, SystemRandom};
use store::{
    files::{self, Access},
    hexadecimal,
};

fn no_randomness() -> Refusal {
    FAULT.because("the operating system has no random numbers")
}

/// A token of 256 random bits.
pub(super) fn token(random: &SystemRandom) -> Result<String, Refusal> {
    let mut bytes = [0; 32];
    random.fill(&mut bytes).map_err(|_| no_randomness())?;
    Ok(hexadecimal::of(&bytes))
}

/// Random decimal digits; a byte below 250 modulo 10 is uniform.
pub(super) fn digits(random: &SystemRandom, count: usize) -> Result<String, Refusal> {
    let mut text = String::with_capacity(count);
    while text.len() < count {
        let mut byte = [0];
        random.fill(&mut byte).map_err(|_| no_randomness())?;
        if byte[0] < 250 {
            text.push(char::from(b'0' + byte[0] % 10));
        }
    }
    Ok(text)
}

/// Reads the console code from its file, or generates it.
///
/// # Errors
/// The file can't be used; the message names it and says what to do.
pub(super) fn console_code(random: &SystemRandom, path: &Path) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("the console code {} can't be used: {error}", path.display());
    match fs::read_to_string(path) {
        Ok(code) if code.trim().len() >= 8 => Ok(code.trim().to_owned()),
        Ok(_) => Err(format!(
            "the console code in {} is shorter than 8 characters; delete the file to draw a new one",
            path.display()
        )),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let code = digits(random, 10).map_err(|refusal| refusal.detail)?;
            // Written atomically: half a code after a power failure would keep the hub from starting.
            files::replace(path, code.as_bytes(), Access::Private).map_err(failed)?;
            Ok(code)
        }
        Err(error) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incomplete_console_code_is_generated_again() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("console-code.new"), "12").unwrap();
        let code = console_code(&SystemRandom::new(), &directory.path().join("console-code")).unwrap();
        assert_eq!((code.len(), fs::read_to_string(directory.path().join("console-code")).unwrap()), (10, code));
        assert!(!directory.path().join("console-code.new").exists());
    }
}
