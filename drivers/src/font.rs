//! Text as dots and as outlines.
//!
//! Two families are embedded (`drivers/fonts`): Roboto Condensed for labels, DejaVu Sans Mono for receipts, each
//! regular and bold, with the Latin, Greek and Cyrillic letters. A character that they lack is drawn from GNU Unifont,
//! a bitmap font with every character of the basic plane; a character that this lacks too becomes an empty box. So no
//! text is ever printed as question marks. Right-to-left and joining scripts are drawn as separate characters.
//!
//! Positions are whole dots, so that a character always has the same dots, which are drawn once and remembered.

use std::{
    collections::HashMap,
    fmt::Write,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use ab_glyph::{Font as _, FontRef, GlyphId, OutlineCurve, Point, PxScale, ScaleFont as _};
use icu_normalizer::ComposingNormalizerBorrowed;
use unicode_width::UnicodeWidthChar;

use crate::bitmap::Bitmap;

/// A font.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Face {
    /// Labels.
    Label,
    /// Labels, bold.
    LabelBold,
    /// Receipts: all characters have the same width.
    Receipt,
    /// Receipts, bold.
    ReceiptBold,
}

impl Face {
    fn font(self) -> Option<&'static FontRef<'static>> {
        FACES[self as usize].as_ref()
    }

    /// The height of its capital letters relative to the size of the em.
    pub fn cap_height(self) -> f32 {
        match self {
            Self::Label | Self::LabelBold => 1456.0 / 2048.0,
            Self::Receipt | Self::ReceiptBold => 1493.0 / 2048.0,
        }
    }
}

static FACES: LazyLock<[Option<FontRef<'static>>; 4]> = LazyLock::new(|| {
    [
        &include_bytes!("../fonts/RobotoCondensed-Regular.ttf")[..],
        include_bytes!("../fonts/RobotoCondensed-Bold.ttf"),
        include_bytes!("../fonts/DejaVuSansMono.ttf"),
        include_bytes!("../fonts/DejaVuSansMono-Bold.ttf"),
    ]
    .map(|bytes| FontRef::try_from_slice(bytes).ok())
});

/// The dots of Unifont's em.
const UNIFONT: f32 = 16.0;

/// A text without characters that can't be drawn: composed (NFC), control characters as blanks, and without characters
/// that only control other programs.
pub fn drawable(text: &str) -> String {
    let invisible = |char: &char| {
        matches!(char, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
    };
    let composed = ComposingNormalizerBorrowed::new_nfc().normalize(text);
    composed.chars().filter(|char| !invisible(char)).map(|char| if char.is_control() { ' ' } else { char }).collect()
}

/// A character in a face.
enum Glyph {
    Outline(&'static FontRef<'static>, GlyphId),
    Unifont(char),
}

fn glyph(char: char, face: Face) -> Glyph {
    match face.font().map(|font| (font, font.glyph_id(char))) {
        Some((font, id)) if id.0 != 0 => Glyph::Outline(font, id),
        _ => Glyph::Unifont(char),
    }
}

/// The scale at which ab_glyph gives the em this many dots: it measures the height from ascent to descent.
fn scale(font: &FontRef<'_>, em: f32) -> PxScale {
    PxScale::from(em * font.height_unscaled() / font.units_per_em().unwrap_or(2048.0))
}

/// The width of a character in dots.
pub fn advance(char: char, face: Face, em: f32) -> f32 {
    if char.width() == Some(0) {
        return 0.0;
    }
    match glyph(char, face) {
        Glyph::Outline(font, id) => font.as_scaled(scale(font, em)).h_advance(id),
        Glyph::Unifont(char) if unifont::get_glyph(char).is_some_and(unifont::Glyph::is_fullwidth) => em,
        Glyph::Unifont(_) => em / 2.0,
    }
}

/// The width of a text in dots.
pub fn width(text: &str, face: Face, em: f32) -> f32 {
    text.chars().map(|char| advance(char, face, em)).sum()
}

/// A character's dots, and where they begin relative to its place on the baseline.
struct Drawn {
    dots: Bitmap,
    left: i32,
    top: i32,
}

/// Characters that were drawn before.
type Cache = HashMap<(char, Face, u32), Arc<Drawn>>;

static CACHE: LazyLock<Mutex<Cache>> = LazyLock::new(Mutex::default);

/// The number of characters that are remembered.
const REMEMBERED: usize = 4096;

fn drawn(char: char, face: Face, em: f32) -> Arc<Drawn> {
    let key = (char, face, em.to_bits());
    let cache = || CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(drawn) = cache().get(&key) {
        return Arc::clone(drawn);
    }
    let new = Arc::new(draw_character(char, face, em));
    let mut cache = cache();
    if cache.len() >= REMEMBERED {
        cache.clear();
    }
    cache.insert(key, Arc::clone(&new));
    new
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)] // a few hundred dots
fn draw_character(char: char, face: Face, em: f32) -> Drawn {
    match glyph(char, face) {
        Glyph::Outline(font, id) => {
            let Some(outline) = font.outline_glyph(id.with_scale(scale(font, em))) else {
                return Drawn { dots: Bitmap::new(0, 0), left: 0, top: 0 };
            };
            let bounds = outline.px_bounds();
            let mut dots = Bitmap::new(bounds.width().ceil() as usize, bounds.height().ceil() as usize);
            outline.draw(|x, y, coverage| {
                // Slightly less than half, so that thin strokes of small letters do not break.
                if coverage >= 0.42 {
                    dots.blacken(x as usize, y as usize);
                }
            });
            Drawn { dots, left: bounds.min.x as i32, top: bounds.min.y as i32 }
        }
        Glyph::Unifont(char) => {
            let cells = if unifont::get_glyph(char).is_some_and(unifont::Glyph::is_fullwidth) { 16 } else { 8 };
            let unit = em / UNIFONT;
            let mut dots = Bitmap::new((cells as f32 * unit).ceil() as usize, em.ceil() as usize);
            for y in 0..dots.height() {
                for x in 0..dots.width() {
                    let (column, row) = ((x as f32 / unit) as usize, (y as f32 / unit) as usize);
                    if is_unifont_dot(char, column.min(cells - 1), row.min(15)) {
                        dots.blacken(x, y);
                    }
                }
            }
            // A combining mark is drawn over the character before it.
            let left = if char.width() == Some(0) { -(cells as f32 * unit) as i32 } else { 0 };
            Drawn { dots, left, top: -((em * 14.0 / UNIFONT).round() as i32) }
        }
    }
}

/// Whether Unifont has a dot here; the box of a missing character otherwise.
fn is_unifont_dot(char: char, x: usize, y: usize) -> bool {
    match unifont::get_glyph(char) {
        Some(glyph) => glyph.get_pixel(x, y),
        None => (1..7).contains(&x) && (2..14).contains(&y) && (x == 1 || x == 6 || y == 2 || y == 13),
    }
}

/// Draws a text whose baseline begins at a position.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_possible_wrap)] // positions
pub fn draw(picture: &mut Bitmap, text: &str, face: Face, em: f32, (x, baseline): (f32, i32)) {
    let mut pen = x;
    for char in text.chars() {
        let drawn = drawn(char, face, em);
        let (left, top) = (pen.round() as i32 + drawn.left, baseline + drawn.top);
        if left >= 0 && top >= 0 {
            picture.draw(&drawn.dots, left as usize, top as usize);
        } else {
            for y in 0..drawn.dots.height() {
                for x in (0..drawn.dots.width()).filter(|x| drawn.dots.is_black(*x, y)) {
                    if let (Ok(x), Ok(y)) = (usize::try_from(left + x as i32), usize::try_from(top + y as i32)) {
                        picture.blacken(x, y);
                    }
                }
            }
        }
        pen += advance(char, face, em);
    }
}

/// A text as the path of an SVG, with its baseline beginning at a position.
#[allow(clippy::cast_precision_loss)]
pub fn path(text: &str, face: Face, em: f32, (x, baseline): (f32, f32)) -> String {
    let mut path = String::new();
    let mut pen = x;
    for char in text.chars() {
        match glyph(char, face) {
            Glyph::Outline(font, id) => {
                let unit = em / font.units_per_em().unwrap_or(2048.0);
                let at = |point: Point| format!("{:.2} {:.2}", pen + point.x * unit, baseline - point.y * unit);
                let mut end = None;
                for curve in font.outline(id).map(|outline| outline.curves).unwrap_or_default() {
                    let (start, rest, stop) = match curve {
                        OutlineCurve::Line(start, stop) => (start, format!("L{}", at(stop)), stop),
                        OutlineCurve::Quad(start, by, stop) => (start, format!("Q{} {}", at(by), at(stop)), stop),
                        OutlineCurve::Cubic(start, one, two, stop) => {
                            (start, format!("C{} {} {}", at(one), at(two), at(stop)), stop)
                        }
                    };
                    if end != Some(start) {
                        let _ = write!(path, "M{}", at(start));
                    }
                    path.push_str(&rest);
                    end = Some(stop);
                }
            }
            Glyph::Unifont(char) => {
                let drawn = draw_character(char, face, em);
                let (left, top) = (pen + drawn.left as f32, baseline + drawn.top as f32);
                path.push_str(&dots_path(&drawn.dots, left, top));
            }
        }
        pen += advance(char, face, em);
    }
    path
}

/// Dots as the path of an SVG: a rectangle for each run of black dots in a row.
#[allow(clippy::cast_precision_loss)]
pub fn dots_path(dots: &Bitmap, left: f32, top: f32) -> String {
    let mut path = String::new();
    for y in 0..dots.height() {
        let mut x = 0;
        while x < dots.width() {
            let run = (x..dots.width()).take_while(|x| dots.is_black(*x, y)).count();
            if run > 0 {
                let _ = write!(path, "M{:.2} {:.2}h{run}v1h-{run}z", left + x as f32, top + y as f32);
            }
            x += run.max(1);
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_has_dots_and_a_width() {
        for char in "AgßŽЖΩ€½℮牛\u{10ffff}".chars() {
            let mut picture = Bitmap::new(60, 60);
            draw(&mut picture, &char.to_string(), Face::Label, 32.0, (4.0, 40));
            assert!(picture.black_dots() > 20, "{char}");
            assert!(advance(char, Face::Label, 32.0) > 6.0, "{char}");
            assert!(!path(&char.to_string(), Face::Label, 32.0, (4.0, 40.0)).is_empty(), "{char}");
        }
    }

    #[test]
    fn receipt_characters_are_twelve_dots_wide_at_twenty() {
        for char in "iW0€Ж".chars() {
            assert!((advance(char, Face::Receipt, 19.93) - 12.0).abs() < 0.05, "{char}");
        }
    }

    #[test]
    fn texts_are_composed_and_lose_control_characters() {
        assert_eq!(drawable("Cre\u{300}me\tbru\u{302}le\u{301}e\u{200b}\u{7f}"), "Crème brûlée ");
    }

    #[test]
    fn capital_letters_have_the_height_that_is_said() {
        for face in [Face::Label, Face::LabelBold, Face::Receipt, Face::ReceiptBold] {
            let mut picture = Bitmap::new(200, 200);
            draw(&mut picture, "H", face, 100.0, (20.0, 150));
            let black: Vec<_> = (0..200).filter(|y| (0..200).any(|x| picture.is_black(x, *y))).collect();
            #[allow(clippy::cast_precision_loss)]
            let height = (black[black.len() - 1] - black[0] + 1) as f32;
            assert!((height - face.cap_height() * 100.0).abs() <= 1.0, "{face:?}: {height}");
        }
    }
}
