//! GS1 Digital Link URIs: the path ends with a primary key and its qualifiers; the query has attributes.

use super::{
    Elements, Gs1Error,
    dictionary::{DICTIONARY, Identifier},
};

/// Whether a text looks like a web address.
pub fn is_link(text: &str) -> bool {
    ["http://", "https://", "HTTP://", "HTTPS://"].iter().any(|scheme| text.starts_with(scheme))
}

/// Characters that a URI may have.
fn is_uri(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte)
}

/// Reads a Digital Link.
pub(super) fn parse(text: &str) -> Result<Elements, Gs1Error> {
    let no = |why: &'static str| Gs1Error::Link { why };
    if !text.bytes().all(is_uri) {
        return Err(no("it has characters that a web address can't have"));
    }
    let (_, rest) =
        text.split_once("://").filter(|_| is_link(text)).ok_or(no("it begins with neither http:// nor https://"))?;
    let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = rest.split_once('/').ok_or(no("it has no path"))?;
    if authority.is_empty() || authority.bytes().any(|byte| b"_~?#@!$&'()*+,;=%".contains(&byte)) {
        return Err(no("the host is missing or invalid"));
    }
    let segments: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    let start = key_place(&segments).ok_or(no("the path has no primary key, such as /01/ and a GTIN"))?;
    let mut elements = Elements(Vec::new());
    let mut path = Vec::new();
    for pair in segments.get(start..).unwrap_or_default().chunks(2) {
        let [ai, value] = pair else { return Err(no("an identifier in the path has no value")) };
        let identifier = DICTIONARY.get(ai).ok_or(no("the path has an unknown identifier"))?;
        add(&mut elements, ai, identifier, value, false)?;
        path.push(*ai);
    }
    let [key, qualifiers @ ..] = path.as_slice() else { return Err(no("the path has no primary key")) };
    if !may_follow(key, qualifiers) {
        return Err(no("qualifiers don't belong to the primary key, or are in the wrong order"));
    }
    for parameter in query.split(['&', ';']).filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        // Everything that is not an identifier is for the web server.
        if !name.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let identifier = DICTIONARY.get(name).filter(|identifier| identifier.is_attribute);
        let identifier = identifier.ok_or(no("the query has an identifier that is not an attribute"))?;
        add(&mut elements, name, identifier, value, true)?;
    }
    Ok(elements)
}

/// The place of the primary key: pairs are read from the end, so that the path before it can be anything.
fn key_place(segments: &[&str]) -> Option<usize> {
    let places = (0..segments.len().checked_sub(1)?).rev().step_by(2);
    for place in places {
        let identifier = DICTIONARY.get(segments.get(place)?)?;
        if identifier.qualifiers.is_some() {
            return Some(place);
        }
    }
    None
}

/// Whether the qualifiers are some of one list of the key, in its order.
fn may_follow(key: &str, qualifiers: &[&str]) -> bool {
    let Some(lists) = DICTIONARY.get(key).and_then(|key| key.qualifiers.as_ref()) else { return false };
    qualifiers.is_empty()
        || lists.iter().any(|list| {
            let mut list = list.iter();
            qualifiers.iter().all(|qualifier| list.any(|known| known == qualifier))
        })
}

fn add(
    elements: &mut Elements,
    ai: &str,
    identifier: &Identifier,
    value: &str,
    in_query: bool,
) -> Result<(), Gs1Error> {
    let value = decoded(value, in_query).ok_or(Gs1Error::Link { why: "its percent signs can't be decoded" })?;
    // A GTIN may be shorter in a link.
    let value = if ai == "01" && matches!(value.len(), 8 | 12 | 13) { format!("{value:0>14}") } else { value };
    elements.add(ai, identifier, &value)
}

fn decoded(text: &str, in_query: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                let digits = digits.iter().all(u8::is_ascii_hexdigit).then_some(digits)?;
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            b'+' if in_query => b' ',
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}
