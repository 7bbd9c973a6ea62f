//! Whether a repeated event differs from the stored one.
//!
//! A hub builds a body from its record when it sends it. A later version of the hub may write more fields than the one
//! that sent it first, so only fields in both bodies are compared.

use contract::Event;
use serde_json::Value;

use crate::projection::told::is_placeholder;

/// Whether `again` differs from the event with this kind and body. A placeholder contradicts nothing.
pub fn is_one((kind, body): (&str, &str), again: &Event) -> bool {
    if is_placeholder(kind) || is_placeholder(&again.kind) {
        return false;
    }
    let read = |text: &str| serde_json::from_str::<Value>(text);
    match (read(body), read(again.body.get())) {
        (Ok(before), Ok(after)) => kind != again.kind || differ(&before, &after),
        _ => true,
    }
}

fn differ(before: &Value, after: &Value) -> bool {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            before.iter().any(|(name, before)| after.get(name).is_some_and(|after| differ(before, after)))
        }
        (Value::Array(before), Value::Array(after)) => {
            before.len() != after.len() || before.iter().zip(after).any(|(before, after)| differ(before, after))
        }
        (before, after) => before != after,
    }
}

#[cfg(test)]
mod tests {
    use contract::{Sequence, message::OVERSIZED};
    use serde_json::{json, value::to_raw_value};

    use super::*;

    #[test]
    fn only_fields_in_both_are_compared() {
        let is_other = |kind: &str, before: Value, after: Value| {
            let body = to_raw_value(&after).unwrap();
            let again = Event { sequence: Sequence(1), kind: "sale.completed".into(), occurred_at_ms: 1, body };
            is_one((kind, &before.to_string()), &again)
        };
        let sale = json!({ "sale": "1-1", "lines": [{ "net": 100 }] });
        let later = json!({ "sale": "1-1", "lines": [{ "net": 100, "tax": 7 }], "movement": 1 });
        assert!(!is_other("sale.completed", sale.clone(), later.clone()));
        assert!(!is_other("sale.completed", later.clone(), sale.clone()));
        for other in [
            json!({ "sale": "1-2" }),
            json!({ "lines": [] }),
            json!({ "lines": [{ "net": 99 }] }),
            json!({ "lines": { "net": 100 } }),
            json!(7),
        ] {
            assert!(is_other("sale.completed", sale.clone(), other.clone()), "{other}");
        }
        assert!(is_other("stock.moved", sale.clone(), sale.clone()));
        assert!(!is_other(OVERSIZED, json!({ "kind": "sale.completed", "why": "too large" }), sale));
    }
}
