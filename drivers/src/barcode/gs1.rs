//! GS1 element strings in the usual notation, `(01)09520123456788(10)ABC`, as the message of a barcode.

/// FNC1 in a message, and the separator of elements in Data Matrix.
pub(super) const FNC1: u8 = 0x1d;

/// A message and its text below the bars.
pub(super) struct Elements {
    pub(super) message: Vec<u8>,
    pub(super) text: String,
}

/// The lengths of values of predefined length, by the first two digits of the identifier (GS1 General Specifications,
/// 7.8.5). All others end with FNC1 unless they are last.
fn predefined(identifier: &str) -> Option<usize> {
    Some(match identifier.get(..2)? {
        "00" => 18,
        "01" | "02" | "03" => 14,
        "04" => 16,
        "11" | "12" | "13" | "14" | "15" | "16" | "17" | "18" | "19" | "31" | "32" | "33" | "34" | "35" | "36" => 6,
        "20" => 2,
        "41" => 13,
        _ => return None,
    })
}

/// Reads the notation.
pub(super) fn elements(data: &str) -> Result<Elements, String> {
    let wrong = |why: &str| format!("barcode `{}`: {why}", data.escape_debug());
    let mut elements = Vec::new();
    let mut rest = data.strip_prefix('(').ok_or_else(|| wrong("expected GS1 elements such as (01)09520123456788"))?;
    loop {
        let (identifier, after) = rest.split_once(')').ok_or_else(|| wrong("a closing parenthesis is missing"))?;
        if !(2..=4).contains(&identifier.len()) || !identifier.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong(&format!("`{}` is not an application identifier", identifier.escape_debug())));
        }
        let (value, next) = after.split_once('(').map_or((after, None), |(value, next)| (value, Some(next)));
        // The invariant characters of ISO/IEC 646 that GS1 allows (General Specifications, figure 7.11-1), and no
        // parentheses, which are the notation.
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!\"%&'*+,-./:;<=>?_".contains(&byte);
        if value.is_empty() || value.len() > 90 || !value.bytes().all(is_allowed) {
            return Err(wrong(&format!("({identifier}) has a value that GS1 does not allow")));
        }
        if let Some(length) = predefined(identifier)
            && value.len() != length
        {
            return Err(wrong(&format!("({identifier}) has {} characters; expected {length}", value.len())));
        }
        elements.push((identifier, value));
        match next {
            Some(next) => rest = next,
            None => break,
        }
    }
    let mut message = Vec::new();
    let mut text = String::new();
    for (place, (identifier, value)) in elements.iter().enumerate() {
        message.extend(identifier.bytes().chain(value.bytes()));
        text.push_str(&format!("({identifier}){value}"));
        if predefined(identifier).is_none() && place + 1 < elements.len() {
            message.push(FNC1);
        }
    }
    Ok(Elements { message, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_of_variable_length_end_with_fnc1() {
        let read = |data: &str| elements(data).map(|elements| String::from_utf8(elements.message).unwrap());
        assert_eq!(
            read("(01)09520123456788(3103)000350(3922)1999").unwrap(),
            "01095201234567883103000350".to_owned() + "39221999"
        );
        assert_eq!(read("(10)ABC(17)271231").unwrap(), "10ABC\u{1d}17271231");
        for wrong in ["", "01", "(01)1", "(0a)1", "(10)", "(10)a b", "(10", "(10)a\u{1d}b"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
