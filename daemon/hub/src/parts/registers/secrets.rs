//! Tokens and codes, drawn by the operating system.

use std::{fs, path::Path};

use app::{Refusal, refusal::FAULT};
use ring::rand::{SecureRandom, SystemRandom};
use store::{
    files::{self, Access},
    hexadecimal,
};

fn no_randomness() -> Refusal {
    FAULT.because("the operating system gives no random numbers")
}

/// 256 random bits.
pub(super) fn token(random: &SystemRandom) -> Result<String, Refusal> {
    let mut bytes = [0; 32];
    random.fill(&mut bytes).map_err(|_| no_randomness())?;
    Ok(hexadecimal::of(&bytes))
}

/// Decimal digits; a byte's remainder by 10 is fair enough below 250.
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

/// The console code in its file; draws one if there is none.
///
/// # Errors
/// The file can't be used: which, and what to do.
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
            // Whole or not at all: a power cut must not leave half a code, which would keep the hub from starting.
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
    fn a_console_code_cut_short_by_a_power_cut_is_drawn_again() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("console-code.new"), "12").unwrap();
        let code = console_code(&SystemRandom::new(), &directory.path().join("console-code")).unwrap();
        assert_eq!((code.len(), fs::read_to_string(directory.path().join("console-code")).unwrap()), (10, code));
        assert!(!directory.path().join("console-code.new").exists());
    }
}
