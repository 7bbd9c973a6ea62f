use proptest::prelude::*;

use super::*;

/// The reports of a scanner that types keys: each is pressed and released.
fn typed(keys: &[(u8, u8)]) -> Vec<[u8; 8]> {
    keys.iter().flat_map(|(modifiers, key)| [[*modifiers, 0, *key, 0, 0, 0, 0, 0], [0; 8]]).collect()
}

fn read(layout: Layout, reports: &[[u8; 8]]) -> Vec<String> {
    let mut keys = Keys::new(layout, None);
    reports.iter().flat_map(|report| keys.push(report)).map(Result::unwrap).collect()
}

const ENTER_KEY: (u8, u8) = (0, 0x28);

#[test]
fn keys_of_the_facts() {
    let shift_a = typed(&[(0, 0x21), (0x02, 0x04), ENTER_KEY]);
    assert_eq!(read(Layout::Us, &shift_a), ["4A"]);
    let caps = typed(&[(0, 0x39), (0, 0x04), (0x02, 0x04), (0, 0x1e), ENTER_KEY]);
    assert_eq!(read(Layout::Us, &caps), ["Aa1"]);
    let control = typed(&[(0x01, 0x30), (0, 0x1e), ENTER_KEY]);
    assert_eq!(read(Layout::Us, &control), ["\u{1d}1"]);
    // Alt stays pressed while 029 is typed on the keypad.
    let alt: Vec<[u8; 8]> = [0x62, 0, 0x5a, 0, 0x61, 0].iter().map(|key| [0x04, 0, *key, 0, 0, 0, 0, 0]).collect();
    let alt = [alt, typed(&[(0, 0x1e), ENTER_KEY])].concat();
    assert_eq!(read(Layout::Us, &alt), ["\u{1d}1"]);
    let two_at_once = [[0, 0, 0x1e, 0x1f, 0, 0, 0, 0], [0, 0, 0x1f, 0x20, 0, 0, 0, 0], [0, 0, 0x28, 0, 0, 0, 0, 0]];
    assert_eq!(read(Layout::Us, &two_at_once), ["123"]);
}

/// The keys that a scanner presses for a Digital Link, by its layout; found by the layout's own table backwards.
fn keys_for(layout: Layout, text: &str) -> Vec<(u8, u8)> {
    let key = |sign: char| {
        let places = (4..=0x64_u8).filter(|usage| !(0x39..0x64).contains(usage));
        let tries = places.flat_map(|usage| [(0, usage), (0x02, usage), (0x40, usage)]);
        let mut found = tries
            .filter(|(modifiers, usage)| layout.sign(*usage, *modifiers == 0x02, *modifiers == 0x40) == Some(sign));
        found.next().unwrap_or_else(|| panic!("{layout:?} has no {sign:?}"))
    };
    text.chars().map(key).chain([ENTER_KEY]).collect()
}

#[test]
fn a_code_is_read_in_every_layout() {
    let text = "]Q1https://id.gs1.org/01/09520123456788/10/AyZ_m%2F?17=271231&x=(Qw)";
    for layout in [Layout::Us, Layout::Uk, Layout::De, Layout::Fr, Layout::Es] {
        assert_eq!(read(layout, &typed(&keys_for(layout, text))), [text], "{layout:?}");
    }
}

/// What the wrong layout makes of American keys, from xkeyboard-config's tables.
#[test]
fn layouts_differ_as_their_tables_say() {
    for (usage, shift, de, fr, es) in [
        (0x1c, false, 'z', 'y', 'y'),
        (0x1d, false, 'y', 'w', 'z'),
        (0x14, false, 'q', 'a', 'q'),
        (0x1a, false, 'w', 'z', 'w'),
        (0x04, false, 'a', 'q', 'a'),
        (0x10, false, 'm', ',', 'm'),
        (0x2d, false, 'ß', ')', '\''),
        (0x2d, true, '?', '°', '?'),
        (0x38, false, '-', '!', '-'),
        (0x38, true, '_', '§', '_'),
        (0x33, true, 'Ö', 'M', 'Ñ'),
        (0x37, false, '.', ':', '.'),
        (0x24, true, '/', '7', '/'),
        (0x20, true, '§', '3', '·'),
        (0x1f, true, '"', '2', '"'),
    ] {
        let signs = [Layout::De, Layout::Fr, Layout::Es].map(|layout| layout.sign(usage, shift, false).unwrap());
        assert_eq!(signs, [de, fr, es], "{usage:x}");
    }
}

#[test]
fn a_replaced_separator_is_restored() {
    let mut keys = Keys::new(Layout::Us, Some('#'));
    let reports = typed(&[(0, 0x1e), (0x02, 0x20), (0, 0x1f), ENTER_KEY]);
    let codes: Vec<_> = reports.iter().flat_map(|report| keys.push(report)).collect();
    assert_eq!(codes, [Ok("1\u{1d}2".to_owned())]);
}

proptest! {
    #[test]
    fn any_reports_are_bounded_and_never_panic(
        reports in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..10), 0..300),
        layout in 0_usize..5,
    ) {
        let layouts = [Layout::Us, Layout::Uk, Layout::De, Layout::Fr, Layout::Es];
        let mut keys = Keys::new(layouts[layout], None);
        for report in reports {
            for code in keys.push(&report).into_iter().flatten() {
                prop_assert!(code.len() <= MAX_SCAN && !code.is_empty());
            }
            prop_assert!(keys.text.len() <= MAX_SCAN + 4);
        }
    }
}
