//! The reports of USB scanners.

/// The reports of a point-of-sale scanner: 64 bytes each, with up to 56 of the code.
pub(super) fn point_of_sale(aim: &str, data: &str) -> Vec<Vec<u8>> {
    let pieces: Vec<&[u8]> = data.as_bytes().chunks(56).collect();
    let last = pieces.len().saturating_sub(1);
    let report = |(place, piece): (usize, &&[u8])| {
        let mut report = vec![2, u8::try_from(piece.len()).unwrap_or_default()];
        report.extend(aim.bytes().chain([0, 0, 0]).take(3));
        report.extend_from_slice(piece);
        report.resize(64, 0);
        if let Some(flags) = report.last_mut() {
            *flags = u8::from(place != last);
        }
        report
    };
    pieces.iter().enumerate().map(report).collect()
}

const SHIFT: u8 = 0x02;
const CONTROL: u8 = 0x01;

/// The boot reports of a keyboard: each key is pressed and released. Characters without a key are left out.
pub(super) fn keyboard(text: &str) -> Vec<Vec<u8>> {
    let press = |(modifiers, key): (u8, u8)| [vec![modifiers, 0, key, 0, 0, 0, 0, 0], vec![0; 8]];
    text.chars().filter_map(key).flat_map(press).collect()
}

/// Modifiers and usage of a character on an American keyboard.
fn key(sign: char) -> Option<(u8, u8)> {
    let place = |row: &str, first: u8| {
        let place = row.chars().position(|known| known == sign)?;
        u8::try_from(place).ok().map(|place| first + place)
    };
    let plain = match sign {
        'a'..='z' => place("abcdefghijklmnopqrstuvwxyz", 0x04),
        '\r' => Some(0x28),
        ' ' => Some(0x2c),
        _ => place("1234567890", 0x1e).or_else(|| place("-=[]\\", 0x2d)).or_else(|| place(";'`,./", 0x33)),
    };
    let shifted = match sign {
        'A'..='Z' => place("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 0x04),
        _ => place("!@#$%^&*()", 0x1e).or_else(|| place("_+{}|", 0x2d)).or_else(|| place(":\"~<>?", 0x33)),
    };
    match (plain, shifted, sign) {
        (Some(key), _, _) => Some((0, key)),
        (_, Some(key), _) => Some((SHIFT, key)),
        (_, _, '\u{1d}') => Some((CONTROL, 0x30)),
        _ => None,
    }
}
