use proptest::prelude::*;
use serde_json::json;

use super::*;

fn rules() -> Vec<Rule> {
    serde_json::from_value(json!([
        { "pattern": "02IIIIICVVVVK", "value": "price", "decimals": 2 },
        { "pattern": "20IIIIIIVVVVK", "value": "price", "decimals": 2 },
        { "pattern": "23IIIIIIVVVVK", "value": "kilogram", "decimals": 3 },
        { "pattern": "25IIIIIIVVVVK", "value": "count" },
    ]))
    .unwrap()
}

fn read(data: &str, aim: Option<&str>) -> Result<Code, CodeError> {
    let currency = Currency::from_code("EUR").unwrap();
    decode(data, aim, Context { rules: &rules(), currency, today: "2026-11-28".parse().unwrap() })
}

fn gtins(data: &str, aim: Option<&str>) -> Vec<String> {
    read(data, aim).unwrap().gtins.into_iter().map(|gtin| gtin.to_string()).collect()
}

/// A code of 12 digits with its check digit.
fn checked(body: &str) -> String {
    format!("{body}{}", char::from(gs1::check_digit(body.as_bytes())))
}

#[test]
fn linear_codes_are_gtins() {
    for (data, aim, expected) in [
        ("4006381333931", Some("]E0"), "4006381333931"),
        ("73513537", Some("]E4"), "73513537"),
        ("042100005264", None, "0042100005264"),
        ("10400008189818", Some("]I1"), "10400008189818"),
        ("9783161484100", None, "9783161484100"),
        ("316148410X", None, "9783161484100"),
        ("3-16-148410-X", None, "9783161484100"),
        ("9772049363002", Some("]E0"), "9772049363002"),
        ("977204936300212", Some("]E3"), "9772049363002"),
    ] {
        assert_eq!(gtins(data, aim), [expected], "{data}");
    }
    // A UPC-E stands for its UPC-A; without an AIM identifier eight digits can be both.
    assert_eq!(gtins("04252614", None).last().unwrap(), "0042100005264");
    assert_eq!(gtins("12345670", Some("]E4")), ["12345670"], "the scanner says that it is an EAN");
    assert!(matches!(read("4006381333930", None), Err(CodeError::CheckDigit(_))));
    assert!(matches!(read("316148410X", Some("]E0")), Err(CodeError::CheckDigit(_))), "not an EAN");
    assert_eq!(read("12", Some("]E1")), Err(CodeError::AddOn));
}

#[test]
fn element_strings_give_weight_price_and_particulars() {
    let code = read("010952012345678810ABC123\u{1d}17271231", Some("]d2")).unwrap();
    assert_eq!(code.gtins[0].to_string(), "9520123456788");
    let particulars = &code.particulars;
    assert_eq!((particulars.batch.as_deref(), particulars.serial.as_deref()), (Some("ABC123"), None));
    assert_eq!(particulars.use_by, Some("2027-12-31".parse().unwrap()));
    assert_eq!(code.elements.len(), 3);
    let code = read("0109520123456788310300035039221999", Some("]C1")).unwrap();
    assert_eq!(code.quantity, Quantity::new(350, Unit::Kilogram).ok());
    assert_eq!(code.amount, Minor::new(1999));
    assert_eq!(read("01095201234567883932978199", Some("]C1")).unwrap().amount, Minor::new(199));
    assert_eq!(read("01095201234567883932840199", Some("]C1")), Err(CodeError::Currency("840".into())));
    assert_eq!(read("00376045212345678908", Some("]C1")), Err(CodeError::NoItem));
    // Hundred-thousandths of a kilogram can be sold if they are whole grams.
    let code = read("01095201234567883105100000", Some("]C1")).unwrap();
    assert_eq!(code.quantity, Quantity::new(1000, Unit::Kilogram).ok());
    assert_eq!(read("01095201234567883105100001", Some("]C1")), Err(CodeError::Range("weight")));
    assert_eq!(read("(01)09520123456788(30)99999999", None), Err(CodeError::Range("count")));
    let code = read("(01)09520123456788(21)42", None).unwrap();
    assert_eq!(code.particulars.serial.as_deref(), Some("42"));
    // A tenth of a cent can't be paid.
    assert_eq!(read("010952012345678839231995", Some("]C1")), Err(CodeError::Range("price")));
}

#[test]
fn links_and_data_without_an_identifier_are_recognised() {
    let link = read("https://id.gs1.org/01/09520123456788/10/ABC%2F1?15=270100", None).unwrap();
    assert_eq!(link.particulars.batch.as_deref(), Some("ABC/1"));
    assert_eq!(link.particulars.best_before, Some("2027-01-31".parse().unwrap()));
    assert_eq!(gtins("(01)09520123456788(21)42", None), ["9520123456788"]);
    assert_eq!(gtins("010952012345678817271231", None), ["9520123456788"]);
    assert_eq!(read("OWN>1", Some("]C0")).unwrap().skus, ["OWN>1".parse().unwrap()]);
    for own in ["00376045212345678908", "31614841010"] {
        assert_eq!(read(own, None).unwrap().skus, [own.parse().unwrap()], "neither GS1 data of an item nor an ISBN");
    }
    assert_eq!(read("two words", None), Err(CodeError::Unknown));
    assert!(matches!(read("https://shop.example/about", Some("]Q0")), Err(CodeError::Gs1(_))));
}

#[test]
fn a_composite_code_has_the_linear_item_and_the_data_beside_it() {
    let code = read("4006381333931|]e017271231", Some("]E0")).unwrap();
    assert_eq!(code.gtins[0].to_string(), "4006381333931");
    assert_eq!(code.particulars.use_by, Some("2027-12-31".parse().unwrap()));
    assert!(matches!(read("4006381333931|17271231", Some("]E0")), Err(CodeError::CheckDigit(_))), "no mark between");
}

#[test]
fn restricted_numbers_have_a_price_weight_or_count_inside() {
    let weighed = read("2312345603500", Some("]E0")).unwrap();
    assert_eq!(weighed.quantity, Quantity::new(350, Unit::Kilogram).ok());
    assert_eq!(weighed.skus, ["123456".parse().unwrap()]);
    assert!(weighed.gtins[0].to_string().starts_with("231234560000"));
    let priced = read(&checked("200012340499"), None).unwrap();
    assert_eq!((priced.amount, priced.skus.len()), (Minor::new(499), 2));
    let counted = read(&checked("251234560012"), None).unwrap();
    assert_eq!(counted.quantity, Quantity::new(12_000, Unit::Each).ok());
    // A UPC-A of number system 2: the check digit of the price is verified.
    let check = price_check("0499").unwrap();
    let body = format!("212345{check}0499");
    assert_eq!(read(&checked(&body), None).unwrap().amount, Minor::new(499));
    let wrong = format!("212345{}0499", (check + 1) % 10);
    assert_eq!(read(&checked(&wrong), None), Err(CodeError::PriceCheck));
}

/// Restricted circulation numbers of several countries as the independent library biip reads them.
#[test]
fn restricted_numbers_are_read_as_by_an_independent_library() {
    let mut compared = 0;
    for line in include_str!("../gs1/vectors/biip.tsv").lines() {
        let ["rcn", region, code, item, kind, value] = line.split('\t').collect::<Vec<_>>()[..] else { continue };
        let pattern = match (region, &code[..2]) {
            ("se" | "ee", prefix) => format!("{prefix}IIIIIIVVVVK"),
            ("dk", prefix) => format!("{prefix}IIIIVVVVVVK"),
            ("de", prefix) => format!("{prefix}IIIICVVVVVK"),
            ("gb", prefix) => format!("{prefix}IIIIICVVVVK"),
            other => panic!("{other:?}"),
        };
        let decimals = if kind == "price" { 2 } else { 3 };
        let rule = json!({ "pattern": pattern, "value": kind, "decimals": decimals, "verify": false });
        let rule: Rule = serde_json::from_value(rule).unwrap();
        let inside = rule.read(code).unwrap().unwrap();
        assert_eq!(inside.item, item, "{line}");
        let expected: f64 = value.parse().unwrap();
        let read = f64::from(inside.value) / 10_f64.powi(decimals);
        assert!((read - expected).abs() < 1e-9, "{line}: {read}");
        compared += 1;
    }
    assert_eq!(compared, 160);
}

proptest! {
    #[test]
    fn decoding_never_panics(data in ".{0,60}", aim in prop::option::of("][CEedQJIX][0-4]")) {
        let _ = read(&data, aim.as_deref());
    }

    #[test]
    fn digits_never_panic(data in "[0-9]{0,20}", aim in prop::option::of("][CEI][0-4]")) {
        let _ = read(&data, aim.as_deref());
    }

    /// Whatever weight is printed is the weight that is sold.
    #[test]
    fn the_weight_inside_is_the_weight_of_the_line(item in 0_u32..1_000_000, grams in 0_i64..10_000) {
        let code = read(&checked(&format!("23{item:06}{grams:04}")), Some("]E0")).unwrap();
        prop_assert_eq!(code.quantity, Quantity::new(grams, Unit::Kilogram).ok());
    }
}
