//! Lines with characters that the printer's code page lacks, drawn as an image (GS v 0, which nearly every printer
//! supports). Pure.
//!
//! The font is GNU Unifont (SIL Open Font License 1.1, from the crate `unifont`): a bitmap of 8 x 16 or 16 x 16 dots
//! for each character of the basic plane, scaled by one and a half to the size of the printer's font A, 12 x 24 dots. A
//! character that the font lacks becomes an empty box. Right-to-left and joining scripts are printed as separate
//! characters.

use super::letters::columns_of;

/// Dots per column.
const WIDTH: usize = 12;
/// Dots per line.
const HEIGHT: usize = 24;

const GS: u8 = 0x1d;

/// A line as an image, `scale` times as wide and high as font A, truncated to the paper's columns.
pub(super) fn image(text: &str, columns: u8, scale: usize, bold: bool) -> Vec<u8> {
    let width = usize::from(columns) * WIDTH;
    let (row, height) = (width.div_ceil(8), HEIGHT * scale);
    let mut dots = vec![0_u8; row * height];
    let mut left = 0;
    for char in text.chars() {
        let advance = columns_of(char) * WIDTH * scale;
        // A combining mark is drawn over the previous character.
        let at = if advance == 0 { usize::saturating_sub(left, WIDTH * scale) } else { left };
        let drawn = if advance == 0 { WIDTH * scale } else { advance };
        for y in 0..height {
            for x in 0..drawn {
                let here =
                    is_dot(char, x / scale, y / scale) || (bold && x > 0 && is_dot(char, (x - 1) / scale, y / scale));
                if here
                    && at + x < width
                    && let Some(byte) = dots.get_mut(y * row + (at + x) / 8)
                {
                    *byte |= 0x80 >> ((at + x) % 8);
                }
            }
        }
        left += advance;
    }
    let low_high = |number: usize| u16::try_from(number).unwrap_or(u16::MAX).to_le_bytes();
    let ([row_low, row_high], [height_low, height_high]) = (low_high(row), low_high(height));
    [&[GS, b'v', b'0', 0, row_low, row_high, height_low, height_high][..], &dots].concat()
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
        let image = image("Ж牛", 20, 1, false);
        assert_eq!(image[..8], [GS, b'v', b'0', 0, 30, 0, 24, 0]);
        assert_eq!(image.len(), 8 + 30 * 24);
        let picture = picture(&image, 30);
        let within = |from: usize, to: usize| {
            picture.iter().any(|line| line.get(from..to.min(line.len())).is_some_and(|part| part.contains('#')))
        };
        assert!(within(0, 6) && within(6, 18) && !within(18, 120), "{picture:#?}");
    }

    #[test]
    fn a_missing_character_is_a_box_and_long_lines_are_truncated() {
        let dots = |text: &str| image(text, 8, 1, false)[8..].iter().map(|byte| byte.count_ones()).sum::<u32>();
        assert!(dots("\u{10ffff}") > 40);
        assert_eq!(image(&"Ж".repeat(99), 8, 1, false).len(), image("Ж", 8, 1, false).len());
        assert_eq!(image("Ж", 8, 2, true).len() - 8, 2 * (image("Ж", 8, 1, false).len() - 8));
    }
}
