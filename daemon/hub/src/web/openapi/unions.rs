//! Rewrites enums for generators: a `oneOf` of named schemas with a discriminator.
//!
//! serde writes the fields of a tagged enum beside its tag, and those of a flattened one beside the fields of the
//! surrounding struct. As schemas these are a `oneOf` of anonymous objects, or an `allOf` of a `oneOf` and an object,
//! which generators name `Type0` or drop. The same objects can be described differently: one named object with all its
//! fields for each variant.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::problems::camel;

const SCHEMAS: &str = "#/components/schemas/";

/// An object that a schema may be: the names of its variants and its fields.
#[derive(Clone, Default)]
struct Variant {
    /// Tags and values, from the outermost to the innermost.
    tags: Vec<(String, String)>,
    properties: Map<String, Value>,
    required: BTreeSet<String>,
    description: Option<Value>,
    is_closed: bool,
}

/// Gives each variant of an enum its own schema.
pub(super) fn name_variants(schemas: &mut Map<String, Value>) {
    let before = schemas.clone();
    for (name, schema) in &before {
        if schema.get("oneOf").is_none() && schema.get("allOf").is_none() {
            continue;
        }
        let Some(variants) = expand(schema, &before) else { continue };
        let description = schema.get("description").cloned();
        if let [only] = &variants[..] {
            schemas.insert(name.clone(), only.clone().object(description));
            continue;
        }
        let mut named = Vec::new();
        for variant in variants {
            let mut words: Vec<_> = variant.tags.iter().map(|(_, value)| camel(value)).collect();
            // An enum that serde tags externally: the only field names the variant.
            if words.is_empty() {
                words.extend(variant.required.iter().map(|field| camel(field)));
            }
            let own_name = format!("{name}{}", words.concat());
            let said = variant.description.clone().or_else(|| description.clone());
            named.push((own_name.clone(), variant.tags.clone()));
            schemas.insert(own_name, variant.object(said));
        }
        schemas.insert(name.clone(), union(&named, description));
    }
}

/// A schema that is one of some named schemas.
fn union(named: &[(String, Vec<(String, String)>)], description: Option<Value>) -> Value {
    let refs: Vec<_> = named.iter().map(|(name, _)| json!({"$ref": format!("{SCHEMAS}{name}")})).collect();
    let mut schema = json!({"oneOf": refs});
    if let Some(description) = description {
        schema["description"] = description;
    }
    // A discriminator maps a value to one schema, so there is none if two tags distinguish the variants.
    let first = |(name, tags): &(String, Vec<(String, String)>)| {
        tags.first().map(|(tag, value)| (tag.clone(), value.clone(), format!("{SCHEMAS}{name}")))
    };
    let firsts: Option<Vec<_>> = named.iter().map(first).collect();
    if let Some(firsts) = firsts {
        let values: BTreeSet<_> = firsts.iter().map(|(_, value, _)| value).collect();
        if values.len() == named.len() {
            let mapping: Map<_, _> =
                firsts.iter().map(|(_, value, target)| (value.clone(), target.clone().into())).collect();
            schema["discriminator"] = json!({"propertyName": firsts[0].0, "mapping": mapping});
        }
    }
    schema
}

/// The objects that a schema may be; `None` if it may be anything else.
fn expand(schema: &Value, all: &Map<String, Value>) -> Option<Vec<Variant>> {
    let describe = |mut variants: Vec<Variant>| {
        if let ([only], Some(said)) = (&mut variants[..], schema.get("description")) {
            only.description = Some(said.clone());
        }
        variants
    };
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        return expand(all.get(target.strip_prefix(SCHEMAS)?)?, all);
    }
    if let Some(alternatives) = schema.get("oneOf").and_then(Value::as_array) {
        let expanded: Option<Vec<_>> = alternatives.iter().map(|alternative| expand(alternative, all)).collect();
        return expanded.map(|variants| variants.concat());
    }
    if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
        let mut whole = vec![Variant::default()];
        // The tag of this level comes first, because it is the outer name.
        let mut parts: Vec<_> = parts.iter().map(|part| expand(part, all)).collect::<Option<_>>()?;
        parts.sort_by_key(|part: &Vec<Variant>| (part.len() > 1, part.first().is_some_and(|one| one.tags.is_empty())));
        for part in parts {
            whole = whole.iter().flat_map(|left| part.iter().map(|right| left.with(right))).collect();
        }
        return Some(describe(whole));
    }
    let properties = schema.get("properties").and_then(Value::as_object)?;
    let mut variant =
        Variant { is_closed: schema.get("additionalProperties") == Some(&json!(false)), ..Variant::default() };
    for (name, property) in properties {
        let mut property = property.clone();
        if let Some([Value::String(value)]) = property.get("enum").and_then(Value::as_array).map(Vec::as_slice) {
            let value = value.clone();
            property = json!({"type": "string", "const": value});
            variant.tags.push((name.clone(), value));
        }
        variant.properties.insert(name.clone(), property);
    }
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    variant.required = required.filter_map(Value::as_str).map(str::to_owned).collect();
    Some(describe(vec![variant]))
}

impl Variant {
    /// Both in one object.
    fn with(&self, other: &Self) -> Self {
        let mut both = self.clone();
        both.tags.extend(other.tags.iter().cloned());
        both.properties.extend(other.properties.clone());
        both.required.extend(other.required.iter().cloned());
        both.description = other.description.clone().filter(|_| !other.tags.is_empty()).or(both.description);
        both.is_closed |= other.is_closed;
        both
    }

    fn object(self, description: Option<Value>) -> Value {
        let mut schema = json!({"type": "object", "required": self.required, "properties": self.properties});
        if let Some(description) = description {
            schema["description"] = description;
        }
        if self.is_closed {
            schema["additionalProperties"] = json!(false);
        }
        schema
    }
}

/// Removes schemas that no operation uses.
pub(super) fn drop_unused(document: &mut Value) {
    let mut used = BTreeSet::new();
    let mut open = Vec::new();
    refs(&document["paths"], &mut open);
    while let Some(name) = open.pop() {
        if used.insert(name.clone()) {
            refs(&document["components"]["schemas"][&name], &mut open);
        }
    }
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        schemas.retain(|name, _| used.contains(name));
    }
}

/// The schemas that a value references.
fn refs(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(name) =
                fields.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix(SCHEMAS))
            {
                found.push(name.to_owned());
            }
            fields.values().for_each(|inner| refs(inner, found));
        }
        Value::Array(items) => items.iter().for_each(|inner| refs(inner, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(schemas: &Value) -> Map<String, Value> {
        let mut schemas = schemas.as_object().unwrap().clone();
        name_variants(&mut schemas);
        schemas
    }

    fn variant(tag: &str, value: &str, field: &str) -> Value {
        json!({"type": "object", "required": [tag, field],
            "properties": {tag: {"type": "string", "enum": [value]}, field: {"type": "string"}}})
    }

    #[test]
    fn variants_of_an_enum_have_names_and_a_discriminator() {
        let schemas =
            named(&json!({"Tender": {"oneOf": [variant("tender", "cash", "a"), variant("tender", "gift_card", "b")]}}));
        assert_eq!(schemas["Tender"]["oneOf"][1]["$ref"], "#/components/schemas/TenderGiftCard");
        assert_eq!(schemas["Tender"]["discriminator"]["propertyName"], "tender");
        assert_eq!(schemas["Tender"]["discriminator"]["mapping"]["cash"], "#/components/schemas/TenderCash");
        assert_eq!(schemas["TenderCash"]["properties"]["tender"]["const"], "cash");
        assert_eq!(schemas["TenderCash"]["required"], json!(["a", "tender"]));
    }

    #[test]
    fn a_flattened_enum_is_one_object_per_variant() {
        let state = json!({"oneOf": [variant("state", "open", "a"), variant("state", "closed", "b")]});
        let own = json!({"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}});
        let payment = json!({"allOf": [{"$ref": "#/components/schemas/State"}, own]});
        let schemas = named(&json!({"State": state, "Payment": payment}));
        assert_eq!(schemas["PaymentClosed"]["required"], json!(["b", "id", "state"]));
        assert_eq!(schemas["Payment"]["discriminator"]["mapping"]["closed"], "#/components/schemas/PaymentClosed");
    }

    #[test]
    fn two_flattened_enums_are_all_combinations_without_a_discriminator() {
        let one = json!({"oneOf": [variant("goods", "item", "a"), variant("goods", "other", "b")]});
        let two = json!({"oneOf": [variant("basis", "catalog", "c"), variant("basis", "keyed", "d")]});
        let line = json!({"allOf": [{"$ref": "#/components/schemas/One"}, {"$ref": "#/components/schemas/Two"}]});
        let schemas = named(&json!({"One": one, "Two": two, "Line": line}));
        assert_eq!(schemas["Line"]["oneOf"].as_array().unwrap().len(), 4);
        assert!(schemas["Line"].get("discriminator").is_none());
        assert_eq!(schemas["LineItemKeyed"]["required"], json!(["a", "basis", "d", "goods"]));
    }

    #[test]
    fn a_nested_struct_is_one_object_and_other_unions_stay() {
        let base = json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}});
        let view =
            json!({"allOf": [{"$ref": "#/components/schemas/Base"}, {"type": "object", "properties": {"b": {}}}]});
        let text = json!({"oneOf": [{"type": "string"}, {"type": "null"}]});
        let schemas = named(&json!({"Base": base, "View": view, "Text": text.clone()}));
        assert_eq!(schemas["View"]["properties"].as_object().unwrap().len(), 2);
        assert_eq!(schemas["Text"], text);
    }
}
