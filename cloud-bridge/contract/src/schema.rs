//! JSON Schemas of the messages and of the bodies of kinds, made from the types.
//!
//! They are committed beside this crate in `schemas`; a test compares them. The rules that a schema cannot say (sums,
//! ranges of more than one field) are in [`Wire::check`](crate::Wire::check) and [`Body::check`](crate::Body::check).

use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::{
    Acknowledgement, Answered, Asked, Batch, DownAcknowledgement, DownBatch, Gone, Hello, Placeholder, Positions,
    SaleCompleted, StockMoved, StockOpened, Telemetry, Wire, item,
    message::{OVERSIZED, UNREADABLE},
    sale, stock,
};

/// A schema, by the name of the message or kind that it describes.
pub type Named = (String, Value);

/// All of them, in no order.
pub fn all() -> Vec<Named> {
    vec![
        message::<Acknowledgement>(),
        message::<Answered>(),
        message::<Asked>(),
        message::<Batch>(),
        message::<DownAcknowledgement>(),
        message::<DownBatch>(),
        message::<Gone>(),
        message::<Hello>(),
        message::<Positions>(),
        message::<Telemetry>(),
        of::<SaleCompleted>(sale::COMPLETED.name()),
        of::<StockMoved>(stock::MOVED.name()),
        of::<StockOpened>(stock::OPENED.name()),
        of::<commerce::Item>(item::CHANGED.name()),
        of::<Placeholder>(UNREADABLE),
        of::<Placeholder>(OVERSIZED),
    ]
}

fn message<W: Wire + ToSchema>() -> Named {
    of::<W>(W::NAME)
}

/// The schema of a type, with those that it names under `$defs`.
fn of<T: ToSchema>(name: &str) -> Named {
    let mut named = Vec::new();
    T::schemas(&mut named);
    let defs: Map<String, Value> = named.into_iter().map(|(name, schema)| (name, json!(schema))).collect();
    let mut schema = json!({ "$schema": "https://json-schema.org/draft/2020-12/schema", "title": name });
    if let (Value::Object(whole), Value::Object(own)) = (&mut schema, json!(T::schema())) {
        whole.extend(own);
        if !defs.is_empty() {
            whole.insert("$defs".to_owned(), defs.into());
        }
    }
    refer_within(&mut schema);
    (name.to_owned(), schema)
}

/// Turns OpenAPI's references into those of a schema that stands alone.
fn refer_within(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(to) if name == "$ref" => *to = to.replace("#/components/schemas/", "#/$defs/"),
                    member => refer_within(member),
                }
            }
        }
        Value::Array(members) => members.iter_mut().for_each(refer_within),
        _ => {}
    }
}
