//! From a template and its data to a sheet. Pure.

use std::collections::BTreeMap;

use super::template::{Align, BarcodePart, BoxPart, Template, TextPart, VerticalAlign, filled, holds};
use crate::{
    barcode::{self, Barcode},
    font::{self, Face, drawable},
    sheet::{Area, Item, Run, Sheet},
};

/// The longest value of a field, in characters.
const MOST_TEXT: usize = 1_000;

/// The distance of two lines of text, in ems.
const LEADING: f32 = 1.12;

impl Template {
    /// Lays a label out for a printer with this many dots per millimetre.
    ///
    /// # Errors
    /// A required field is missing, a text does not fit, or a barcode can't be made; the text says which.
    pub fn layout(&self, data: &BTreeMap<String, String>, dots_per_mm: usize) -> Result<Sheet, String> {
        let file = self.file();
        for (name, field) in &file.fields {
            let value = data.get(name).map(String::as_str).unwrap_or_default();
            if field.required && value.trim().is_empty() {
                return Err(format!("field `{name}` is missing: {}", field.about));
            }
            if value.chars().count() > MOST_TEXT {
                return Err(format!("field `{name}` is too long; at most {MOST_TEXT} characters"));
            }
        }
        let scale = Scale { dots_per_mm };
        let mut items = Vec::new();
        for part in file.boxes.iter().filter(|part| holds(part.only_if.as_ref(), part.unless.as_ref(), data)) {
            items.extend(scale.frame(part));
        }
        for part in file.texts.iter().filter(|part| holds(part.only_if.as_ref(), part.unless.as_ref(), data)) {
            let text = drawable(&filled(&part.text, data));
            if !text.trim().is_empty() {
                items.extend(scale.text(part, text.trim()).ok_or_else(|| format!("text `{text}` does not fit"))?);
            }
        }
        for part in file.barcodes.iter().filter(|part| holds(part.only_if.as_ref(), part.unless.as_ref(), data)) {
            let content = filled(&part.data, data);
            if !content.is_empty() {
                items.extend(scale.barcode(part, &content)?);
            }
        }
        Ok(Sheet { width: scale.dots(file.width_mm), height: scale.dots(file.height_mm), dots_per_mm, items })
    }
}

/// A printer's resolution.
struct Scale {
    dots_per_mm: usize,
}

/// A character and whether it is bold.
type Letter = (char, bool);

// Dots on a label are small numbers.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss
)]
impl Scale {
    fn float(&self, millimetres: f32) -> f32 {
        millimetres * self.dots_per_mm as f32
    }

    fn dots(&self, millimetres: f32) -> usize {
        self.float(millimetres).round() as usize
    }

    fn area(&self, [x, y, width, height]: [f32; 4]) -> Area {
        let (left, top) = (self.dots(x), self.dots(y));
        Area { x: left, y: top, width: self.dots(x + width) - left, height: self.dots(y + height) - top }
    }

    fn frame(&self, part: &BoxPart) -> Vec<Item> {
        let area = self.area(part.area);
        let area = Area { width: area.width.max(1), height: area.height.max(1), ..area };
        let Some(line) = part.line else { return vec![Item::Fill(area)] };
        let line = self.dots(line).clamp(1, area.width.min(area.height));
        let inner = area.height.saturating_sub(2 * line);
        vec![
            Item::Fill(Area { height: line, ..area }),
            Item::Fill(Area { y: area.y + area.height - line, height: line, ..area }),
            Item::Fill(Area { y: area.y + line, width: line, height: inner, ..area }),
            Item::Fill(Area { x: area.x + area.width - line, y: area.y + line, width: line, height: inner }),
        ]
    }

    fn text(&self, part: &TextPart, text: &str) -> Option<Vec<Item>> {
        let area = self.area(part.area);
        let letters = if part.markup { marked_up(text) } else { text.chars().map(|char| (char, part.bold)).collect() };
        let cap = face(part.bold).cap_height();
        let largest = self.float(part.size) / cap;
        let smallest = self.float(part.min_size.unwrap_or(part.size / 2.0)) / cap;
        // An inverse text keeps a distance from the edges.
        let margin = if part.inverse { (area.height as f32 * 0.12).round() } else { 0.0 };
        let room = (area.width as f32 - 2.0 * margin, area.height as f32 - 2.0 * margin);
        let fits = |lines: &[Vec<Letter>], em: f32| {
            lines.len() <= part.lines && (lines.len() - 1) as f32 * LEADING * em + cap * em <= room.1 + 0.5
        };
        let mut em = largest;
        let lines = loop {
            let (lines, is_whole) = wrap(&letters, room.0, em);
            let is_smallest = em <= smallest;
            // Words are broken only where nothing else helps.
            if fits(&lines, em) && (is_whole || is_smallest) {
                break lines;
            }
            if is_smallest {
                break part.cut.then(|| cut(lines, &fits, room.0, em)).flatten()?;
            }
            em = (em * 0.95).max(smallest);
        };
        let height = (lines.len() - 1) as f32 * LEADING * em + cap * em;
        let spare = room.1 - height;
        let top = area.y as f32
            + margin
            + match part.valign {
                VerticalAlign::Top => 0.0,
                VerticalAlign::Middle => spare / 2.0,
                VerticalAlign::Bottom => spare,
            };
        let mut runs = Vec::new();
        let mut items = Vec::new();
        for (number, line) in lines.iter().enumerate() {
            let spare = (room.0 - width(line, em)).max(0.0);
            let mut x = area.x as f32 + margin + aligned(part.align, spare);
            let baseline = (top + cap * em + number as f32 * LEADING * em).round() as i32;
            if part.strike {
                let through = (baseline as f32 - cap * em / 2.0) as usize;
                let height = self.dots(0.35).max(2);
                let (x, width) = (x as usize, width(line, em) as usize);
                items.push(Item::Fill(Area { x, y: through.saturating_sub(height / 2), width, height }));
            }
            for piece in line.chunk_by(|one, other| one.1 == other.1) {
                let text: String = piece.iter().map(|(char, _)| char).collect();
                runs.push(Run { text, face: face(piece[0].1), em, x, baseline });
                x += width(piece, em);
            }
        }
        items.push(Item::Text { area, runs, inverse: part.inverse });
        Some(items)
    }

    fn barcode(&self, part: &BarcodePart, data: &str) -> Result<Vec<Item>, String> {
        let area = self.area(part.area);
        let widest = self.dots(part.module).max(1);
        let too_small = || {
            let [_, _, width, height] = part.area;
            format!("barcode `{}` does not fit into {width} x {height} mm; use a larger area", data.escape_debug())
        };
        match barcode::encode(part.symbology, data)? {
            Barcode::Linear(code) => {
                let em = self.float(part.text_size) / Face::Label.cap_height();
                let below = if part.text_size > 0.0 { self.dots(part.text_size) + self.dots(0.6).max(2) } else { 0 };
                let height = area.height.checked_sub(below).filter(|height| *height > 0).ok_or_else(too_small)?;
                let whole = code.modules() + 2 * code.quiet;
                let module = (area.width / whole).min(widest);
                if module == 0 {
                    return Err(too_small());
                }
                let width = code.modules() * module;
                let quiet = code.quiet * module;
                let spare = area.width - width - 2 * quiet;
                let x = area.x + quiet + aligned(part.align, spare as f32) as usize;
                let mut items = Vec::new();
                if below > 0 {
                    // The digits of a long number may be wider than its bars.
                    let mut em = em;
                    while font::width(&code.text, Face::Label, em) > area.width as f32 && em > 4.0 {
                        em *= 0.95;
                    }
                    let wide = font::width(&code.text, Face::Label, em);
                    let left = (x as f32 + (width as f32 - wide) / 2.0)
                        .clamp(area.x as f32, (area.x as f32 + area.width as f32 - wide).max(area.x as f32));
                    let baseline = (area.y + area.height) as i32;
                    let text = Area { y: area.y + area.height - below, height: below, ..area };
                    let run = Run { text: code.text.clone(), face: Face::Label, em, x: left, baseline };
                    items.push(Item::Text { area: text, runs: vec![run], inverse: false });
                }
                items.push(Item::Bars { x, y: area.y, module, height, code });
                Ok(items)
            }
            Barcode::Matrix(dots) => {
                // A quiet zone of two modules; a module of up to twice the widest bar.
                let scale = (area.width / (dots.width() + 4)).min(area.height / (dots.height() + 4)).min(widest * 2);
                if scale == 0 {
                    return Err(too_small());
                }
                let spare = area.width - (dots.width() + 4) * scale;
                let x = area.x + 2 * scale + aligned(part.align, spare as f32) as usize;
                Ok(vec![Item::Picture { x, y: area.y + 2 * scale, scale, dots }])
            }
        }
    }
}

fn aligned(align: Align, spare: f32) -> f32 {
    match align {
        Align::Left => 0.0,
        Align::Centre => spare / 2.0,
        Align::Right => spare,
    }
}

fn face(bold: bool) -> Face {
    if bold { Face::LabelBold } else { Face::Label }
}

/// Letters, bold between two `**`.
fn marked_up(text: &str) -> Vec<Letter> {
    let parts = text.split("**").enumerate();
    parts.flat_map(|(number, part)| part.chars().map(move |char| (char, number % 2 == 1))).collect()
}

fn width(letters: &[Letter], em: f32) -> f32 {
    letters.iter().map(|(char, bold)| font::advance(*char, face(*bold), em)).sum()
}

/// Wraps at blanks; a word that is wider than a line is broken, which the second value tells.
fn wrap(letters: &[Letter], room: f32, em: f32) -> (Vec<Vec<Letter>>, bool) {
    let mut lines: Vec<Vec<Letter>> = vec![Vec::new()];
    let mut is_whole = true;
    for word in letters.split(|(char, _)| *char == ' ').filter(|word| !word.is_empty()) {
        let blank = (' ', word[0].1);
        let (line_is_empty, taken) = lines.last().map_or((true, 0.0), |line| (line.is_empty(), width(line, em)));
        let gap = if line_is_empty { 0.0 } else { font::advance(' ', face(blank.1), em) };
        if !line_is_empty && taken + gap + width(word, em) > room {
            lines.push(Vec::new());
        } else if !line_is_empty && let Some(line) = lines.last_mut() {
            line.push(blank);
        }
        for letter in word {
            let taken = lines.last().map_or(0.0, |line| width(line, em));
            if taken > 0.0 && taken + width(&[*letter], em) > room {
                is_whole = false;
                lines.push(Vec::new());
            }
            if let Some(line) = lines.last_mut() {
                line.push(*letter);
            }
        }
    }
    (lines, is_whole)
}

/// As many lines as fit, the last with an ellipsis. `None` if not even one fits.
fn cut(
    mut lines: Vec<Vec<Letter>>,
    fits: &impl Fn(&[Vec<Letter>], f32) -> bool,
    room: f32,
    em: f32,
) -> Option<Vec<Vec<Letter>>> {
    while !fits(&lines, em) {
        lines.pop();
        lines.last()?;
    }
    let last = lines.last_mut()?;
    let bold = last.last().is_some_and(|(_, bold)| *bold);
    last.push(('…', bold));
    while width(last, em) > room && last.len() > 1 {
        last.remove(last.len() - 2);
    }
    Some(lines)
}
