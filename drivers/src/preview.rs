//! Pictures of a sheet for people: PNG with the printer's own dots, SVG with outlines.

use std::fmt::Write;

use crate::{
    font::{dots_path, path},
    sheet::{Item, Sheet},
};

/// A PNG, black on white, with the sheet's dots and their size.
pub fn png(sheet: &Sheet) -> Vec<u8> {
    let dots = sheet.dots();
    let mut file = Vec::new();
    let size = |dots: usize| u32::try_from(dots.max(1)).unwrap_or(u32::MAX);
    let mut encoder = png::Encoder::new(&mut file, size(dots.width()), size(dots.height()));
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    encoder.set_compression(png::Compression::Fast);
    let per_metre = size(sheet.dots_per_mm * 1000);
    encoder.set_pixel_dims(Some(png::PixelDimensions { xppu: per_metre, yppu: per_metre, unit: png::Unit::Meter }));
    let white: Vec<u8> = dots.bits().iter().map(|byte| !byte).collect();
    // Writing into memory can't fail, and the size is that of the data.
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&white));
    debug_assert!(written.is_ok(), "{written:?}");
    file
}

/// An SVG in the sheet's dots; text is outlines, so that it needs no fonts.
#[allow(clippy::cast_precision_loss)] // dots and millimetres
pub fn svg(sheet: &Sheet) -> String {
    let millimetres = |dots: usize| dots as f32 / sheet.dots_per_mm.max(1) as f32;
    let (width, height) = (sheet.width, sheet.height);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}mm\" height=\"{}mm\" viewBox=\"0 0 {width} {height}\">\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>",
        millimetres(width),
        millimetres(height)
    );
    for item in &sheet.items {
        match item {
            Item::Fill(area) => rectangle(&mut svg, area.x, area.y, area.width, area.height),
            Item::Text { area, runs, inverse } => {
                if *inverse {
                    rectangle(&mut svg, area.x, area.y, area.width, area.height);
                }
                let fill = if *inverse { " fill=\"#fff\"" } else { "" };
                for run in runs {
                    let outline = path(&run.text, run.face, run.em, (run.x, run.baseline as f32));
                    let _ = write!(svg, "<path{fill} d=\"{outline}\"/>");
                }
            }
            Item::Bars { x, y, module, height, code } => {
                for (from, width) in code.bars() {
                    rectangle(&mut svg, x + from * module, *y, width * module, *height);
                }
            }
            Item::Picture { x, y, scale, dots } => {
                let outline = dots_path(dots, 0.0, 0.0);
                let place = format!("transform=\"translate({x} {y}) scale({scale})\"");
                let _ = write!(svg, "<path {place} shape-rendering=\"crispEdges\" d=\"{outline}\"/>");
            }
        }
    }
    svg.push_str("</svg>");
    svg
}

fn rectangle(svg: &mut String, x: usize, y: usize, width: usize, height: usize) {
    let _ = write!(svg, "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>");
}
