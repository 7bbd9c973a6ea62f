//! QR codes of claims, for the terminal and as PNG.

use std::path::Path;

use qrcode::{Color, QrCode};

use crate::files;

/// The light margin that scanners need, in modules.
const MARGIN: usize = 4;

/// The size of a module in a PNG, in pixels.
const SCALE: usize = 8;

/// A square of modules; true is dark.
struct Modules {
    dark: Vec<bool>,
    width: usize,
}

impl Modules {
    fn of(text: &str) -> Result<Self, String> {
        let code = QrCode::new(text).map_err(|error| format!("too long for a QR code: {error}"))?;
        let dark = code.to_colors().into_iter().map(|color| color == Color::Dark).collect();
        Ok(Self { dark, width: code.width() })
    }

    /// Whether a module is dark, with the margin.
    fn is_dark(&self, x: usize, y: usize) -> bool {
        let inside = |place: usize| (MARGIN..MARGIN + self.width).contains(&place);
        inside(x) && inside(y) && self.dark.get((y - MARGIN) * self.width + x - MARGIN) == Some(&true)
    }

    fn outer(&self) -> usize {
        self.width + 2 * MARGIN
    }
}

/// Writes a ticket as a PNG that only its owner can read: whoever has it may enrol a box.
///
/// # Errors
/// The text is too long, or the file can't be written.
pub fn write_png(path: &Path, ticket: &str) -> Result<(), String> {
    files::replace(path, &png(ticket)?, 0o600).map_err(|error| error.to_string())
}

/// For a terminal, dark on light whatever its colours: two rows of modules per line.
///
/// # Errors
/// The text is too long.
pub fn terminal(text: &str) -> Result<String, String> {
    let modules = Modules::of(text)?;
    let line = |y: usize| {
        let symbol = |x| match (modules.is_dark(x, y), modules.is_dark(x, y + 1)) {
            (true, true) => '█',
            (true, false) => '▀',
            (false, true) => '▄',
            (false, false) => ' ',
        };
        let symbols: String = (0..modules.outer()).map(symbol).collect();
        format!("\x1b[30;107m{symbols}\x1b[0m\n")
    };
    Ok((0..modules.outer()).step_by(2).map(line).collect())
}

/// As PNG.
fn png(text: &str) -> Result<Vec<u8>, String> {
    let modules = Modules::of(text)?;
    let side = modules.outer() * SCALE;
    let pixel = |place: usize| if modules.is_dark(place % side / SCALE, place / side / SCALE) { 0 } else { 255 };
    let pixels: Vec<u8> = (0..side * side).map(pixel).collect();
    let mut file = Vec::new();
    let size = u32::try_from(side).map_err(|error| error.to_string())?;
    let mut encoder = png::Encoder::new(&mut file, size, size);
    encoder.set_color(png::ColorType::Grayscale);
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&pixels));
    written.map_err(|error| error.to_string())?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_margin_and_finder_pattern_in_both_forms() {
        let text = "https://hq.example.com:8445/#store-42.7K3M9QXTC";
        let modules = Modules::of(text).unwrap();
        assert!(!modules.is_dark(0, 0) && !modules.is_dark(MARGIN - 1, MARGIN));
        assert!((0..7).all(|x| modules.is_dark(MARGIN + x, MARGIN)) && !modules.is_dark(MARGIN + 7, MARGIN));
        let lines = terminal(text).unwrap();
        assert_eq!(lines.lines().count(), modules.outer().div_ceil(2));
        assert!(png(text).unwrap().starts_with(b"\x89PNG"));
        assert!(png(&"x".repeat(5_000)).is_err());
    }

    #[test]
    fn only_the_owner_can_read_a_picture_of_a_ticket() {
        use std::{fs, os::unix::fs::PermissionsExt};
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("claim.png");
        fs::write(&path, "an earlier one").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        write_png(&path, "https://hq.example.com:8445/#store-42.7K3M9QXTC").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(fs::read(&path).unwrap().starts_with(b"\x89PNG"));
    }
}
