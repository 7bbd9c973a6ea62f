use proptest::prelude::*;

use super::*;

fn written(elements: &Elements) -> String {
    elements.all().iter().fold(String::new(), |text, element| text + &format!("({}){}", element.ai, element.value))
}

fn read(text: &str) -> String {
    written(&Elements::parse(text).unwrap())
}

fn link(text: &str) -> Result<String, String> {
    Elements::parse_link(text).map(|elements| written(&elements)).map_err(|error| error.to_string())
}

#[test]
fn element_strings_of_the_guidelines() {
    for (text, expected) in [
        ("010952012345678810ABC123\u{1d}17271231", "(01)09520123456788(10)ABC123(17)271231"),
        ("01095201234567883103000350392\u{32}1999", "(01)09520123456788(3103)000350(3922)1999"),
        ("(01)09520123456788(10)A(B)C(17)271231", "(01)09520123456788(10)A(B)C(17)271231"),
        ("\u{1d}0109520123456788\u{1d}10A\u{1d}", "(01)09520123456788(10)A"),
        ("0109520123456788010952012345678810A", "(01)09520123456788(10)A"),
        ("00376045212345678908", "(00)376045212345678908"),
    ] {
        assert_eq!(read(text), expected);
    }
}

#[test]
fn invalid_data_is_refused_as_a_whole() {
    for (text, why) in [
        ("", "empty"),
        ("0109520123456780", "check digit"),
        ("010952012345678", "too short"),
        ("010952012345678899", "empty"),
        ("010952012345678805X", "unknown application identifier"),
        ("010952012345678817271301", "date does not exist"),
        ("010952012345678810ABCDEFGHIJKLMNOPQRSTU", "too long"),
        ("010952012345678810A\u{e9}", "not permitted"),
        ("010952012345678810A\u{1d}10B", "two values"),
        ("(01)09520123456788(0)1", "too long"),
    ] {
        match Elements::parse(text) {
            Err(error) => {
                let error = error.to_string();
                assert!(error.contains(why), "{text:?}: {error}");
            }
            Ok(elements) => panic!("{text:?}: {elements:?}"),
        }
    }
    assert_eq!(Elements::parse(&"9".repeat(MAX_DATA + 1)), Err(Gs1Error::TooLong));
    assert_ne!(Elements::parse(&"9".repeat(MAX_DATA)), Err(Gs1Error::TooLong));
    let address = |length: usize| format!("{:x<length$}", "https://id.example/01/09520123456788?");
    assert_eq!(Elements::parse_link(&address(MAX_DATA + 1)), Err(Gs1Error::TooLong));
    assert_ne!(Elements::parse_link(&address(MAX_DATA)), Err(Gs1Error::TooLong));
}

#[test]
fn digital_links_of_the_standard() {
    assert_eq!(link("https://id.gs1.org/01/09520123456788").unwrap(), "(01)09520123456788");
    assert_eq!(
        link("https://shop.example/some/path/01/09520123456788/10/ABC%2F123/21/42?17=271231&3103=000350&linkType=x")
            .unwrap(),
        "(01)09520123456788(10)ABC/123(21)42(17)271231(3103)000350"
    );
    assert_eq!(link("HTTPS://ID.GS1.ORG/01/9520123456788#top").unwrap(), "(01)09520123456788");
    for (text, why) in [
        ("https://shop.example/01/09520123456788/21/42/10/ABC", "wrong order"),
        ("https://shop.example/01/09520123456780", "check digit"),
        ("https://shop.example/01/09520123456788?17=", "it is empty"),
        ("https://shop.example/01/09520123456788?8040=123456789012345", "attribute"),
        ("https:///01/09520123456788", "host"),
        ("https://shop.example/about", "primary key"),
        ("https://shop.example", "no path"),
        ("ftp://shop.example/01/09520123456788", "http"),
        ("https://shop.example/01/09520123456788/10/A%2", "decoded"),
        ("https://shop.example/01/09520123456788/10/A B", "characters"),
    ] {
        let error = link(text).unwrap_err();
        assert!(error.contains(why), "{text}: {error}");
    }
}

#[test]
fn measures_have_their_decimals() {
    let elements = Elements::parse("0109520123456788310300035039221999").unwrap();
    assert_eq!(elements.measure("310"), Some((3, "000350")));
    assert_eq!(elements.measure("392"), Some((2, "1999")));
    assert_eq!(elements.measure("320"), None);
}

/// What the independent library biip reads; see `vectors/make.py`.
#[test]
fn element_strings_are_read_as_by_an_independent_library() {
    let mut compared = 0;
    for line in include_str!("vectors/biip.tsv").lines() {
        let ["elements", code, expected] = line.split('\t').collect::<Vec<_>>()[..] else { continue };
        let code = code.replace('^', "\u{1d}");
        let read = Elements::parse(&code).map_or("error".to_owned(), |elements| written(&elements));
        assert_eq!(read, expected, "{code:?}");
        compared += 1;
    }
    assert!(compared >= 600, "{compared}");
}

proptest! {
    #[test]
    fn no_reader_panics(text in "(https://)?.{0,80}") {
        let _ = Elements::parse(&text);
        let _ = Elements::parse_link(&text);
    }

    #[test]
    fn near_misses_do_not_panic(
        text in "([(]?(01|10|17|21|310[0-9]|392[0-9]|8006|7040|99)[)]?[ -~\u{1d}é]{0,16}){0,5}",
    ) {
        let _ = Elements::parse(&text);
    }

    #[test]
    fn links_with_odd_parts_do_not_panic(
        text in "https?://[a-z]{0,3}(/(01|10|21|00|414|254|%..|[0-9]{0,14})){0,6}([?][0-9a-z=&;+%]{0,20})?",
    ) {
        let _ = Elements::parse_link(&text);
    }

    /// What is written with separators is read back, whichever values of variable length it has.
    #[test]
    fn elements_round_trip(
        batch in "[!%-?A-Z_a-z]{1,20}", serial in "[A-Za-z0-9/.-]{1,20}", count in 1_u32..99_999_999,
    ) {
        let text = format!("010952012345678810{batch}\u{1d}21{serial}\u{1d}30{count}");
        let elements = Elements::parse(&text).unwrap();
        prop_assert_eq!(elements.get("10"), Some(batch.as_str()));
        prop_assert_eq!(elements.get("21"), Some(serial.as_str()));
        let count = count.to_string();
        prop_assert_eq!(elements.get("30"), Some(count.as_str()));
    }
}

#[test]
fn an_optional_part_of_a_value_may_be_there_or_not() {
    assert_eq!(read("(253)9520123456788ABC"), "(253)9520123456788ABC");
    assert_eq!(read("(253)9520123456788"), "(253)9520123456788");
}

#[test]
fn a_signature_has_the_characters_of_base_64_for_addresses() {
    let signed = "(01)09520123456788(21)1(8030)aZ09-_=";
    assert_eq!(read(signed), signed);
    assert!(Elements::parse("(01)09520123456788(21)1(8030)a+b").is_err());
}

#[test]
fn a_link_has_the_characters_of_an_address() {
    let told = link("https://id.example/01/09520123456788/10/A{B").unwrap_err();
    assert!(told.ends_with("it has characters that a web address can't have"), "{told}");
}

#[test]
fn a_plus_in_a_query_is_a_blank() {
    let link = |value: &str| link(&format!("https://id.gs1.org/01/09520123456788?400={value}"));
    assert_eq!(link("A%2BB").unwrap(), "(01)09520123456788(400)A+B");
    assert!(link("A+B").is_err(), "an order number has no blanks");
}

#[test]
fn a_date_can_be_in_the_next_century() {
    let late = "2099-01-01".parse().unwrap();
    assert_eq!(day("000101", late), "2100-01-01".parse().ok());
}
