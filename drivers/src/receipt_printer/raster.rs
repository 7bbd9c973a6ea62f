//! Lines with characters that the printer's code page lacks, drawn as an image (GS v 0, which nearly every printer
//! supports). Pure.
//!
//! The font is GNU Unifont (SIL Open Font License 1.1, from the crate `unifont`): a bitmap of 8 x 16 or 16 x 16 dots
//! for each character of the basic plane, scaled by one and a half to the size of the printer's font A, 12 x 24 dots. A
//! character that the font lacks becomes an empty box. Right-to-left and joining scripts are printed as separate
//! characters.

use super::letters::columns_of;
use crate::bitmap::Bitmap;

/// Dots per column.
pub(super) const WIDTH: usize = 12;
/// Dots per line.
const HEIGHT: usize = 24;

/// The most rows of one image command: many inexpensive printers have small buffers.
const ROWS: usize = 240;

const GS: u8 = 0x1d;

/// A line as a picture, `scale` times as wide and high as font A, truncated to the paper's columns.
pub(super) fn line(text: &str, columns: u8, scale: usize, bold: bool) -> Bitmap {
    let mut dots = Bitmap::new(usize::from(columns) * WIDTH, HEIGHT * scale);
    let mut left = 0;
    for char in text.chars() {
        let advance = columns_of(char) * WIDTH * scale;
        // A combining mark is drawn over the previous character.
        let at = if advance == 0 { usize::saturating_sub(left, WIDTH * scale) } else { left };
        let drawn = if advance == 0 { WIDTH * scale } else { advance };
        for y in 0..dots.height() {
            for x in 0..drawn {
                if is_dot(char, x / scale, y / scale) || (bold && x > 0 && is_dot(char, (x - 1) / scale, y / scale)) {
                    dots.blacken(at + x, y);
                }
            }
        }
        left += advance;
    }
    dots
}

/// A picture as an image command (GS v 0).
///
/// Printers execute real-time commands (DLE EOT, DLE ENQ, DLE DC4: 10h followed by 04h, 05h or 14h) also within the
/// data of a picture, where they could open the drawer. So such a DLE gets one more black dot.
pub(super) fn image(dots: &Bitmap) -> Vec<u8> {
    let low_high = |number: usize| u16::try_from(number).unwrap_or(u16::MAX).to_le_bytes();
    let ([row_low, row_high], [height_low, height_high]) = (low_high(dots.row_bytes()), low_high(dots.height()));
    let mut image = vec![GS, b'v', b'0', 0, row_low, row_high, height_low, height_high];
    let next = dots.bits().iter().skip(1).chain([&0]);
    let harmless = |(byte, next): (&u8, &u8)| match (byte, next) {
        (0x10, 0x04 | 0x05 | 0x14) => 0x18,
        _ => *byte,
    };
    image.extend(dots.bits().iter().zip(next).map(harmless));
    image
}

/// A picture as several image commands, truncated to the paper's width.
pub(super) fn slices(picture: &Bitmap, most: usize) -> Vec<u8> {
    let picture = cut_to(picture, most);
    let row = picture.row_bytes();
    let slice = |bits: &[u8]| image(&Bitmap::from_rows(row * 8, bits.len() / row.max(1), bits.to_vec()));
    picture.bits().chunks((row * ROWS).max(1)).flat_map(slice).collect()
}

/// A picture as far as it fits into a width.
pub(super) fn cut_to(picture: &Bitmap, most: usize) -> Bitmap {
    let row = picture.row_bytes().min(most / 8);
    let bits = picture.rows().flat_map(|line| line.get(..row).unwrap_or_default()).copied().collect();
    Bitmap::from_rows(row * 8, picture.height(), bits)
}

/// Whether a character has a dot at a position, in dots of font A.
fn is_dot(char: char, x: usize, y: usize) -> bool {
    match unifont::get_glyph(char) {
        Some(glyph) => glyph.get_pixel(x * 2 / 3, y * 2 / 3),
        None => {
            (1..WIDTH - 1).contains(&x) && (2..HEIGHT - 2).contains(&y) && {
                x == 1 || x == WIDTH - 2 || y == 2 || y == HEIGHT - 3
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The dots as text, every second one in both directions.
    fn picture(image: &[u8], row: usize) -> Vec<String> {
        let dots = |line: &[u8]| {
            let dot = |x: usize| if line[x / 8] & (0x80 >> (x % 8)) == 0 { ' ' } else { '#' };
            (0..row * 8).step_by(2).map(dot).collect::<String>().trim_end().to_owned()
        };
        image[8..].chunks(row).step_by(2).map(dots).collect()
    }

    #[test]
    fn a_character_is_drawn_at_its_position() {
        let image = image(&line("Ж牛", 20, 1, false));
        assert_eq!(image[..8], [GS, b'v', b'0', 0, 30, 0, 24, 0]);
        assert_eq!(image.len(), 8 + 30 * 24);
        let picture = picture(&image, 30);
        let within = |from: usize, to: usize| {
            picture.iter().any(|line| line.get(from..to.min(line.len())).is_some_and(|part| part.contains('#')))
        };
        assert!(within(0, 6) && within(6, 18) && !within(18, 120), "{picture:#?}");
    }

    #[test]
    fn the_dots_of_a_picture_are_no_real_time_command() {
        let dots = Bitmap::from_rows(40, 1, vec![0x10, 0x14, 0x01, 0x10, 0x04]);
        assert_eq!(image(&dots)[8..], [0x18, 0x14, 0x01, 0x18, 0x04]);
    }

    #[test]
    fn a_missing_character_is_a_box_and_long_lines_are_truncated() {
        let dots = |text: &str| line(text, 8, 1, false).black_dots();
        assert!(dots("\u{10ffff}") > 40);
        assert_eq!(line(&"Ж".repeat(99), 8, 1, false).width(), line("Ж", 8, 1, false).width());
        assert_eq!(line("Ж", 8, 2, true).height(), 2 * line("Ж", 8, 1, false).height());
    }
}
