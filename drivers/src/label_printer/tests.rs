//! Layouts of the shipped templates, and their languages.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{
    driver::{Dialect, Reading},
    *,
};

fn template(name: &str) -> Template {
    let (_, toml) = TEMPLATES.iter().find(|(known, _)| *known == name).unwrap();
    Template::parse(toml).unwrap()
}

fn with(name: &str, changes: &[(&str, &str)]) -> Result<Sheet, String> {
    let template = template(name);
    let mut data = template.example();
    data.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    template.layout(&data, 8)
}

#[test]
fn the_shipped_templates_lay_out_their_examples_at_every_resolution() {
    for (name, toml) in TEMPLATES {
        let template = Template::parse(toml).unwrap_or_else(|why| panic!("{name}: {why}"));
        for dots_per_mm in [8, 12, 24] {
            let sheet = template.layout(&template.example(), dots_per_mm).unwrap_or_else(|why| panic!("{name}: {why}"));
            assert!(sheet.dots().black_dots() > 1000, "{name}");
            assert!(sheet.items.len() > 4, "{name}");
        }
    }
}

#[test]
fn a_label_without_what_it_needs_is_refused() {
    for (name, changes, told) in [
        ("shelf", ("price", ""), "field `price` is missing: The price"),
        ("shelf", ("gtin", "4006381333932"), "check digit should be 1"),
        ("shelf", ("price", "1,000,000,000,000,000,000,000,000,000.00"), "does not fit"),
        ("food", ("use_by_code", "26120"), "(17) has 5 characters; expected 6"),
        ("carton", ("sscc", "12"), "(00) has 2 characters"),
    ] {
        let refused = with(name, &[changes]).unwrap_err();
        assert!(refused.contains(told), "{refused}");
    }
    let nothing = template("pickup").layout(&BTreeMap::new(), 8).unwrap_err();
    assert!(nothing.contains("missing"), "{nothing}");
}

#[test]
fn texts_shrink_wrap_and_are_cut_only_where_that_is_allowed() {
    let runs = |sheet: &Sheet| -> Vec<String> {
        let text = |item: &Item| match item {
            Item::Text { runs, .. } => runs.iter().map(|run| run.text.clone()).collect(),
            _ => Vec::new(),
        };
        sheet.items.iter().flat_map(text).collect()
    };
    let long = "Organic wholegrain spelt sourdough bread with sunflower seeds, sliced, in a paper bag, baked today";
    let lines = runs(&with("shelf", &[("title", long)]).unwrap());
    assert!(lines[0].starts_with("Organic wholegrain") && lines[1].ends_with('…'), "{lines:?}");
    let bold = with("food", &[]).unwrap();
    let allergens = bold.items.iter().find_map(|item| match item {
        Item::Text { runs, .. } => runs.iter().any(|run| run.text.starts_with("Beef")).then_some(runs),
        _ => None,
    });
    let bold: Vec<_> = allergens.unwrap().iter().filter(|run| run.face == crate::font::Face::LabelBold).collect();
    let words: Vec<_> = bold.iter().map(|run| run.text.trim()).collect();
    assert_eq!(words, ["milk", "celery", "mustard"]);
}

#[test]
fn parts_depend_on_their_fields() {
    let bars = |sheet: Sheet| sheet.items.iter().filter(|item| matches!(item, Item::Bars { .. })).count();
    assert_eq!(bars(with("shelf", &[]).unwrap()), 1);
    assert_eq!(bars(with("shelf", &[("gtin", "")]).unwrap()), 0);
    assert_eq!(bars(with("shelf", &[("gtin", ""), ("own_code", "BREAD-1")]).unwrap()), 1);
}

#[test]
fn nothing_of_a_label_overlaps_in_its_bands() {
    for (name, toml) in TEMPLATES {
        let template = Template::parse(toml).unwrap();
        let sheet = template.layout(&template.example(), 8).unwrap();
        let mut again = Bitmap::new(sheet.width, sheet.height);
        let bands = bands(&sheet, is_simple);
        for pair in bands.windows(2) {
            assert!(pair[0].y + pair[0].dots.height() <= pair[1].y, "{name}");
        }
        for band in &bands {
            again.draw(&band.dots, band.x, band.y);
        }
        for item in sheet.items.iter().filter(|item| is_simple(item)) {
            let (dots, x, y) = item.dots().unwrap();
            again.draw(&dots, x, y);
        }
        assert!(again == sheet.dots(), "{name}");
    }
}

fn reads<D: Dialect>(answer: &[u8]) -> Result<(), TestCaseError> {
    let mut state = None;
    for end in 1..=answer.len() {
        match D::read(&answer[..end]) {
            Reading::Incomplete => prop_assert!(state.is_none()),
            Reading::Wrong => return Ok(()),
            // Whatever comes later does not matter to a driver that reads byte by byte.
            read @ Reading::State { .. } => {
                state.get_or_insert(read);
                return Ok(());
            }
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_answer_is_read(answer in proptest::collection::vec(any::<u8>(), 0..200)) {
        reads::<zpl::Zpl>(&answer)?;
        reads::<tspl::Tspl>(&answer)?;
        reads::<epl::Epl>(&answer)?;
        reads::<cpcl::Cpcl>(&answer)?;
    }

    #[test]
    fn any_fields_of_a_zpl_status_are_read(
        strings in proptest::collection::vec("[0-9,]{0,60}", 3..4)
    ) {
        let answer: String = strings.iter().flat_map(|string| ["\u{2}", string, "\u{3}\r\n"]).collect();
        reads::<zpl::Zpl>(answer.as_bytes())?;
    }

    /// No text of a label is in its commands, so none can be one.
    #[test]
    fn no_data_of_a_label_is_a_command(title in "\\PC{1,40}", price in "[0-9.,]{1,8}", own_code in "[ -~]{1,16}") {
        let changes = [("title", &*title), ("price", &*price), ("gtin", ""), ("own_code", &*own_code)];
        if let Ok(sheet) = with("shelf", &changes) {
            let zpl = String::from_utf8(encode("zpl", &sheet, 1).unwrap()).unwrap();
            let commands: Vec<&str> = zpl.split('^').skip(1).map(|command| &command[..2]).collect();
            let known = ["XA", "CI", "PW", "LL", "LH", "FO", "GF", "GB", "FS", "BY", "BC", "FH", "FD", "PQ", "XZ"];
            prop_assert!(commands.iter().all(|command| known.contains(command)), "{zpl}");
            prop_assert_eq!(commands.iter().filter(|command| **command == "XZ").count(), 1);
            prop_assert!(!zpl.contains('~'));
        }
    }
}
