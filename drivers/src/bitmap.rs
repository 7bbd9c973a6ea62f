//! A picture of black and white dots, as thermal printers print it.

/// Black and white dots; a set bit is black. Rows are whole bytes, the leftmost dot is the highest bit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bitmap {
    width: usize,
    height: usize,
    row: usize,
    bits: Vec<u8>,
}

impl Bitmap {
    /// A white picture.
    pub fn new(width: usize, height: usize) -> Self {
        let row = width.div_ceil(8);
        Self { width, height, row, bits: vec![0; row * height] }
    }

    /// A picture from its rows of whole bytes; missing bytes are white.
    pub fn from_rows(width: usize, height: usize, mut bits: Vec<u8>) -> Self {
        let row = width.div_ceil(8);
        bits.resize(row * height, 0);
        Self { width, height, row, bits }
    }

    /// Reads a PNG of at most this size: what is darker than half and not transparent becomes black.
    ///
    /// # Errors
    /// It is not a PNG, or larger.
    pub fn from_png(file: &[u8], most_width: usize, most_height: usize) -> Result<Self, String> {
        let mut decoder = png::Decoder::new_with_limits(std::io::Cursor::new(file), png::Limits { bytes: 64 << 20 });
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let wrong = |error: png::DecodingError| format!("not a valid PNG: {error}");
        let header = decoder.read_header_info().map_err(wrong)?;
        let (width, height) = (header.width as usize, header.height as usize);
        if width > most_width || height > most_height {
            return Err(format!("{width} x {height} dots; at most {most_width} x {most_height}"));
        }
        let mut reader = decoder.read_info().map_err(wrong)?;
        let mut pixels = vec![0; reader.output_buffer_size().ok_or("it is too large")?];
        let info = reader.next_frame(&mut pixels).map_err(wrong)?;
        let mut dots = Self::new(width, height);
        let samples = info.color_type.samples();
        for (y, row) in pixels.chunks_exact(info.line_size).take(height).enumerate() {
            for (x, pixel) in row.chunks_exact(samples).take(width).enumerate() {
                let (light, alpha) = match *pixel {
                    [light] => (u32::from(light), 255),
                    [light, alpha] => (u32::from(light), alpha),
                    [red, green, blue] => (luminance(red, green, blue), 255),
                    [red, green, blue, alpha] => (luminance(red, green, blue), alpha),
                    _ => continue,
                };
                if alpha >= 128 && light < 128 {
                    dots.blacken(x, y);
                }
            }
        }
        Ok(dots)
    }

    /// Dots per row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The number of rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Bytes per row.
    pub fn row_bytes(&self) -> usize {
        self.row
    }

    /// The bytes of all rows.
    pub fn bits(&self) -> &[u8] {
        &self.bits
    }

    /// The rows, each of whole bytes.
    pub fn rows(&self) -> impl Iterator<Item = &[u8]> {
        self.bits.chunks(self.row.max(1))
    }

    /// Whether a dot is black; dots outside are white.
    pub fn is_black(&self, x: usize, y: usize) -> bool {
        x < self.width && self.bits.get(y * self.row + x / 8).is_some_and(|byte| byte & (0x80 >> (x % 8)) != 0)
    }

    /// Makes a dot black; dots outside are ignored.
    pub fn blacken(&mut self, x: usize, y: usize) {
        if x < self.width
            && let Some(byte) = self.bits.get_mut(y * self.row + x / 8)
        {
            *byte |= 0x80 >> (x % 8);
        }
    }

    /// Makes a rectangle black, as far as it is inside.
    pub fn fill(&mut self, x: usize, y: usize, width: usize, height: usize) {
        let (right, bottom) = (x.saturating_add(width).min(self.width), y.saturating_add(height).min(self.height));
        for y in y..bottom {
            for x in x..right {
                self.blacken(x, y);
            }
        }
    }

    /// Adds another picture's black dots at a position.
    pub fn draw(&mut self, other: &Self, left: usize, top: usize) {
        for (y, row) in other.rows().enumerate() {
            for (place, byte) in row.iter().enumerate().filter(|(_, byte)| **byte != 0) {
                for bit in (0..8).filter(|bit| byte & (0x80 >> bit) != 0) {
                    self.blacken(left.saturating_add(place * 8 + bit), top.saturating_add(y));
                }
            }
        }
    }

    /// Exchanges black and white.
    pub fn invert(&mut self) {
        let last = self.width % 8;
        for row in self.bits.chunks_mut(self.row.max(1)) {
            for byte in row.iter_mut() {
                *byte = !*byte;
            }
            if last != 0
                && let Some(end) = row.last_mut()
            {
                *end &= !(0xff_u8 >> last);
            }
        }
    }

    /// The number of black dots.
    pub fn black_dots(&self) -> u32 {
        self.bits.iter().map(|byte| byte.count_ones()).sum()
    }
}

/// The lightness of a colour as the eye sees it (ITU-R BT.601).
fn luminance(red: u8, green: u8, blue: u8) -> u32 {
    (u32::from(red) * 299 + u32::from(green) * 587 + u32::from(blue) * 114) / 1000
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        preview,
        sheet::{Item, Sheet},
    };

    #[test]
    fn a_png_is_read_as_it_was_written_and_a_large_one_refused() {
        let mut dots = Bitmap::new(20, 9);
        dots.fill(3, 2, 11, 5);
        let item = Item::Picture { x: 0, y: 0, scale: 1, dots: dots.clone() };
        let png = preview::png(&Sheet { width: 20, height: 9, dots_per_mm: 8, items: vec![item] });
        assert_eq!(Bitmap::from_png(&png, 20, 9), Ok(dots));
        assert_eq!(Bitmap::from_png(&png, 19, 9).unwrap_err(), "20 x 9 dots; at most 19 x 9");
        assert!(Bitmap::from_png(b"GIF89a", 20, 9).unwrap_err().contains("not a valid PNG"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_png_or_refused(
            bytes in proptest::collection::vec(any::<u8>(), 0..60), place in 0_usize..200, byte: u8
        ) {
            let _ = Bitmap::from_png(&bytes, 99, 99);
            let mut png = preview::png(&Sheet { width: 40, height: 40, dots_per_mm: 8, items: Vec::new() });
            if let Some(damaged) = png.get_mut(place) {
                *damaged = byte;
            }
            let _ = Bitmap::from_png(&png, 99, 99);
        }
    }

    #[test]
    fn rows_are_whole_bytes_and_dots_outside_are_ignored() {
        let mut picture = Bitmap::new(9, 2);
        picture.fill(7, 1, 99, 99);
        picture.blacken(9, 0);
        assert_eq!(picture.bits(), [0, 0, 0x01, 0x80]);
        picture.invert();
        assert_eq!(picture.bits(), [0xff, 0x80, 0xfe, 0]);
        assert!(picture.is_black(8, 0) && !picture.is_black(8, 1) && !picture.is_black(9, 0));
    }

    #[test]
    fn a_picture_is_drawn_over_another() {
        let mut dot = Bitmap::new(1, 1);
        dot.blacken(0, 0);
        let mut picture = Bitmap::new(8, 1);
        picture.draw(&dot, 3, 0);
        picture.draw(&dot, 8, 0);
        assert_eq!((picture.bits(), picture.black_dots()), (&[0x10][..], 1));
    }
}
