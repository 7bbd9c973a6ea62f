//! Label templates: what is on a label and where, as a TOML file, in millimetres.
//!
//! ```toml
//! title = "Shelf label"
//! width_mm = 58
//! height_mm = 40
//!
//! [fields]
//! title = { about = "The item's name", example = "Oat drink", required = true }
//! gtin  = { about = "The item's GTIN", example = "4006381333931" }
//!
//! [[text]]
//! text = "{title}"
//! area = [2, 2, 54, 9]      # left, top, width, height
//! size = 3.2                # height of capital letters
//! lines = 2
//! bold = true
//!
//! [[barcode]]
//! symbology = "ean"
//! data = "{gtin}"
//! area = [2, 26, 40, 12]
//! if = "gtin"
//! ```
//!
//! - `{name}` is a field's value; `{name:5}` the same with zeros before it, up to 5 characters.
//! - `if` and `unless` name fields: the part is left out if the field is empty, or not empty. A text without any
//!   character is left out anyway.
//! - A text is wrapped into at most `lines` lines. If it does not fit, it is drawn smaller, down to `min_size` (by
//!   default half of `size`); if it still does not fit, it is cut with an ellipsis if `cut` is set, else the label is
//!   refused: a price is never cut.
//! - With `markup`, text between two `**` is bold, such as the allergens among the ingredients.
//! - `inverse` is white on black, `strike` has a line through it.
//!
//! A template is checked when it is read: unknown settings, unknown fields, and parts outside of the label.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::barcode::Symbology;

/// A checked template.
#[derive(Clone, Debug)]
pub struct Template {
    file: File,
}

/// A field of a template's data.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// What it is.
    pub about: String,
    /// An example, for previews without data.
    pub example: String,
    /// A label without it is refused.
    #[serde(default)]
    pub required: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    title: String,
    pub(super) width_mm: f32,
    pub(super) height_mm: f32,
    #[serde(default)]
    pub(super) fields: BTreeMap<String, Field>,
    #[serde(default, rename = "box")]
    pub(super) boxes: Vec<BoxPart>,
    #[serde(default, rename = "text")]
    pub(super) texts: Vec<TextPart>,
    #[serde(default, rename = "barcode")]
    pub(super) barcodes: Vec<BarcodePart>,
}

/// A frame, or a black rectangle or line if it has no `line`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BoxPart {
    pub(super) area: [f32; 4],
    pub(super) line: Option<f32>,
    #[serde(default, rename = "if")]
    pub(super) only_if: Option<String>,
    #[serde(default)]
    pub(super) unless: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TextPart {
    pub(super) text: String,
    pub(super) area: [f32; 4],
    pub(super) size: f32,
    pub(super) min_size: Option<f32>,
    #[serde(default = "one")]
    pub(super) lines: usize,
    #[serde(default)]
    pub(super) align: Align,
    #[serde(default)]
    pub(super) valign: VerticalAlign,
    #[serde(default)]
    pub(super) bold: bool,
    #[serde(default)]
    pub(super) inverse: bool,
    #[serde(default)]
    pub(super) strike: bool,
    #[serde(default)]
    pub(super) markup: bool,
    #[serde(default)]
    pub(super) cut: bool,
    #[serde(default, rename = "if")]
    pub(super) only_if: Option<String>,
    #[serde(default)]
    pub(super) unless: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BarcodePart {
    pub(super) symbology: Symbology,
    pub(super) data: String,
    pub(super) area: [f32; 4],
    /// The widest module, in millimetres.
    #[serde(default = "widest")]
    pub(super) module: f32,
    #[serde(default)]
    pub(super) align: Align,
    /// The height of the text below; 0 for none.
    #[serde(default = "digits")]
    pub(super) text_size: f32,
    #[serde(default, rename = "if")]
    pub(super) only_if: Option<String>,
    #[serde(default)]
    pub(super) unless: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Align {
    #[default]
    Left,
    Centre,
    Right,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum VerticalAlign {
    #[default]
    Top,
    Middle,
    Bottom,
}

fn one() -> usize {
    1
}

/// The nominal module of an EAN at 203 dpi: three dots of an eighth of a millimetre.
fn widest() -> f32 {
    0.375
}

fn digits() -> f32 {
    1.9
}

/// The largest label, in millimetres.
const MOST_MM: f32 = 300.0;

/// The parts of a template.
const MOST_PARTS: usize = 100;

impl Template {
    /// Reads and checks a template.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn parse(toml: &str) -> Result<Self, String> {
        let file: File = toml::from_str(toml).map_err(|error| error.to_string())?;
        file.check()?;
        Ok(Self { file })
    }

    /// Its title, for people.
    pub fn title(&self) -> &str {
        &self.file.title
    }

    /// Its width in millimetres.
    pub fn width_mm(&self) -> f32 {
        self.file.width_mm
    }

    /// Its height in millimetres.
    pub fn height_mm(&self) -> f32 {
        self.file.height_mm
    }

    /// The fields of its data, by name.
    pub fn fields(&self) -> &BTreeMap<String, Field> {
        &self.file.fields
    }

    /// The examples of all fields.
    pub fn example(&self) -> BTreeMap<String, String> {
        self.file.fields.iter().map(|(name, field)| (name.clone(), field.example.clone())).collect()
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }
}

impl File {
    fn check(&self) -> Result<(), String> {
        for (side, length) in [("width_mm", self.width_mm), ("height_mm", self.height_mm)] {
            if !(5.0..=MOST_MM).contains(&length) {
                return Err(format!("{side} = {length} is out of range; expected 5 to {MOST_MM}"));
            }
        }
        if self.boxes.len() + self.texts.len() + self.barcodes.len() > MOST_PARTS {
            return Err(format!("more than {MOST_PARTS} boxes, texts and barcodes"));
        }
        for name in self.fields.keys() {
            let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
            if name.is_empty() || name.len() > 40 || !name.bytes().all(is_name) {
                return Err(format!("field `{}`: 1 to 40 lower-case letters, digits or `_`", name.escape_debug()));
            }
        }
        for part in &self.boxes {
            self.check_part("box", part.area, [&part.only_if, &part.unless])?;
            self.check_length("box", "line", part.line.unwrap_or(1.0))?;
        }
        for part in &self.texts {
            let place = format!("text `{}`", part.text.escape_debug());
            self.check_part(&place, part.area, [&part.only_if, &part.unless])?;
            self.check_length(&place, "size", part.size)?;
            self.check_length(&place, "min_size", part.min_size.unwrap_or(part.size))?;
            if !(1..=50).contains(&part.lines) {
                return Err(format!("{place}: lines = {} is out of range; expected 1 to 50", part.lines));
            }
            self.check_fields(&place, &part.text)?;
        }
        for part in &self.barcodes {
            let place = format!("barcode `{}`", part.data.escape_debug());
            self.check_part(&place, part.area, [&part.only_if, &part.unless])?;
            self.check_length(&place, "module", part.module)?;
            if !(0.0..=20.0).contains(&part.text_size) {
                return Err(format!("{place}: text_size = {} is out of range; expected 0 to 20", part.text_size));
            }
            self.check_fields(&place, &part.data)?;
        }
        Ok(())
    }

    fn check_part(&self, place: &str, area: [f32; 4], conditions: [&Option<String>; 2]) -> Result<(), String> {
        let [x, y, width, height] = area;
        let is_inside = x >= 0.0 && y >= 0.0 && width > 0.0 && height > 0.0
            // A little more, because decimals are not exact.
            && x + width <= self.width_mm + 0.01 && y + height <= self.height_mm + 0.01;
        if !is_inside {
            return Err(format!(
                "{place}: area {area:?} (left, top, width, height) is not within {} x {} mm",
                self.width_mm, self.height_mm
            ));
        }
        match conditions.into_iter().flatten().find(|name| !self.fields.contains_key(*name)) {
            Some(name) => Err(format!("{place}: unknown field `{}`; add it to [fields]", name.escape_debug())),
            None => Ok(()),
        }
    }

    #[allow(clippy::unused_self)]
    fn check_length(&self, place: &str, setting: &str, millimetres: f32) -> Result<(), String> {
        if (0.1..=MOST_MM).contains(&millimetres) {
            Ok(())
        } else {
            Err(format!("{place}: {setting} = {millimetres} is out of range; expected 0.1 to {MOST_MM} mm"))
        }
    }

    fn check_fields(&self, place: &str, text: &str) -> Result<(), String> {
        for piece in pieces(text).map_err(|why| format!("{place}: {why}"))? {
            if let Piece::Field { name, .. } = piece
                && !self.fields.contains_key(name)
            {
                return Err(format!("{place}: unknown field `{}`; add it to [fields]", name.escape_debug()));
            }
        }
        Ok(())
    }
}

/// A piece of a template's text.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    Plain(&'a str),
    Field { name: &'a str, digits: usize },
}

fn pieces(mut text: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut pieces = Vec::new();
    while let Some((plain, rest)) = text.split_once('{') {
        let (field, after) = rest.split_once('}').ok_or("`{` without `}`")?;
        pieces.push(Piece::Plain(plain));
        let (name, digits) = match field.split_once(':') {
            Some((name, digits)) => {
                let digits = digits.parse().ok().filter(|digits| (1..=40).contains(digits));
                (name, digits.ok_or_else(|| format!("`{{{field}}}`: expected 1 to 40 digits after the colon"))?)
            }
            None => (field, 0),
        };
        pieces.push(Piece::Field { name, digits });
        text = after;
    }
    pieces.push(Piece::Plain(text));
    Ok(pieces)
}

/// A template's text with the values of its fields.
pub(super) fn filled(text: &str, data: &BTreeMap<String, String>) -> String {
    let mut filled = String::new();
    for piece in pieces(text).unwrap_or_default() {
        match piece {
            Piece::Plain(plain) => filled.push_str(plain),
            Piece::Field { name, digits } => {
                let value = data.get(name).map(String::as_str).unwrap_or_default();
                let zeros = if value.is_empty() { 0 } else { digits.saturating_sub(value.chars().count()) };
                filled.extend(std::iter::repeat_n('0', zeros));
                filled.push_str(value);
            }
        }
    }
    filled
}

/// Whether a part's conditions hold.
pub(super) fn holds(only_if: Option<&String>, unless: Option<&String>, data: &BTreeMap<String, String>) -> bool {
    let has = |name: &String| data.get(name).is_some_and(|value| !value.trim().is_empty());
    only_if.is_none_or(has) && !unless.is_some_and(has)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(part: &str) -> String {
        let toml = format!(
            "title = \"T\"\nwidth_mm = 50\nheight_mm = 30\n[fields]\na = {{ about = \"A\", example = \"1\" }}\n{part}"
        );
        Template::parse(&toml).err().unwrap_or_default()
    }

    #[test]
    fn mistakes_in_a_template_are_named() {
        assert_eq!(refused("[[text]]\ntext = \"{a} {a:5}\"\narea = [0, 0, 50, 30]\nsize = 3"), "");
        for (part, told) in [
            ("[[text]]\ntext = \"{b}\"\narea = [0, 0, 50, 30]\nsize = 3", "unknown field `b`"),
            ("[[text]]\ntext = \"{a\"\narea = [0, 0, 50, 30]\nsize = 3", "`{` without `}`"),
            ("[[text]]\ntext = \"x\"\narea = [0, 0, 51, 30]\nsize = 3", "not within 50 x 30 mm"),
            ("[[text]]\ntext = \"x\"\narea = [0, 0, nan, 30]\nsize = 3", "not within"),
            ("[[text]]\ntext = \"x\"\narea = [0, 0, 50, 30]\nsize = 0", "size = 0 is out of range"),
            ("[[text]]\ntext = \"x\"\narea = [0, 0, 50, 30]\nsize = 3\ncolour = 1", "unknown field `colour`"),
            ("[[box]]\narea = [0, 0, 50, 30]\nif = \"b\"", "box: unknown field `b`"),
            ("[[barcode]]\nsymbology = \"codabar\"\ndata = \"1\"\narea = [0, 0, 50, 30]", "unknown variant `codabar`"),
        ] {
            assert!(refused(part).contains(told), "{part}: {}", refused(part));
        }
    }

    #[test]
    fn fields_are_filled_in_and_padded() {
        let data = BTreeMap::from([("plu".to_owned(), "42".to_owned()), ("none".to_owned(), String::new())]);
        assert_eq!(filled("28{plu:5}{none:3}{missing}!", &data), "2800042!");
        assert!(holds(Some(&"plu".into()), Some(&"none".into()), &data));
        assert!(!holds(Some(&"none".into()), None, &data) && !holds(None, Some(&"plu".into()), &data));
    }
}
