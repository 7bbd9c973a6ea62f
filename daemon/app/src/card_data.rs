//! Keeps card data out of the store: texts from outside are checked before anything is done with them.
//!
//! The rule is [`commerce::card_data`]. The web layer applies it to every command, the inbox to every item from HQ. A
//! refusal never repeats the text, because neither the answer nor the log may contain it.

use commerce::card_data::{find_card_data, holds_card_data};
use serde_json::Value;

use crate::{
    Capability,
    refusal::{Class, Kind, Refusal},
};

/// A text contains card data.
pub static CARD_NUMBER_REFUSED: Kind = Kind::new(
    "card-number-refused",
    Class::Rule,
    "Card data refused",
    "A text contains what looks like a card number, track data or a security code; such data must not be stored.",
);

/// The declaration of this module.
pub(crate) static CAPABILITY: Capability =
    Capability { refusals: &[&CARD_NUMBER_REFUSED], ..Capability::new("card_data") };

/// Checks a text.
///
/// # Errors
/// It contains card data.
pub fn look_through_text(what: &str, text: &str) -> Result<(), Refusal> {
    if holds_card_data(text) { Err(refused(what)) } else { Ok(()) }
}

/// Checks every text of a JSON value, including the names of members.
///
/// # Errors
/// A text contains card data; the refusal says where.
pub fn look_through(value: &Value) -> Result<(), Refusal> {
    find_card_data(value).map_or(Ok(()), |place| Err(refused(&place)))
}

fn refused(what: &str) -> Refusal {
    CARD_NUMBER_REFUSED.because(format!(
        "{what} contains what looks like a card number, track data or a security code; leave it out, such data must \
         not be stored"
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn card_data_is_found_anywhere_and_not_repeated() {
        let pan = "4761739001010119";
        assert_eq!(look_through(&json!({ "a": [1, { "b": "fine" }, null, true] })), Ok(()));
        for value in
            [json!({ "a": [1, { "b": pan }] }), json!(pan), json!({ pan: 1 }), json!([4_761_739_001_010_119_u64])]
        {
            let refusal = look_through(&value).unwrap_err();
            assert_eq!(refusal.kind, &CARD_NUMBER_REFUSED);
            assert!(!refusal.detail.contains("4761"), "{}", refusal.detail);
        }
        let refusal = look_through(&json!({ "a": [1, { "b": pan }] })).unwrap_err();
        assert!(refusal.detail.contains("`/a/1/b`"), "{}", refusal.detail);
    }
}
