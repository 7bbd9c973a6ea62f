//! Bodies with members that the API does not have: a typing error must not pass as a member that was left out.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::common::{ask, document::DOCUMENT, enter, open};

/// A member that no body has.
const UNKNOWN: &str = r#""no_such_member":0"#;

/// The bodies of a schema with an unknown member, one for each object in it. What surrounds the object has only what
/// leads to it, and the members that tell variants apart: unknown members are found before missing ones.
fn bodies(schema: &Value, within: &BTreeSet<String>) -> Vec<String> {
    if let Some(target) = schema["$ref"].as_str() {
        let mut within = within.clone();
        let is_new = within.insert(target.to_owned());
        return if is_new { bodies(DOCUMENT.pointer(&target[1..]).unwrap(), &within) } else { Vec::new() };
    }
    let alternatives = ["oneOf", "anyOf"].iter().filter_map(|keyword| schema[*keyword].as_array()).flatten();
    let mut all: Vec<_> = alternatives.flat_map(|alternative| bodies(alternative, within)).collect();
    all.extend(bodies_in(&schema["items"], within).map(|body| format!("[{body}]")));
    all.extend(bodies_in(&schema["additionalProperties"], within).map(|body| format!("{{\"a\":{body}}}")));
    if let Some(properties) = schema["properties"].as_object() {
        let tags = tags(properties);
        // serde ignores what is beside the tag of a variant without members.
        let is_bare = !properties.is_empty() && properties.values().all(is_tag);
        if !is_bare {
            all.push(format!("{{{tags}{UNKNOWN}}}"));
        }
        for (name, property) in properties {
            all.extend(bodies(property, within).into_iter().map(|body| format!("{{{tags}\"{name}\":{body}}}")));
        }
    }
    all
}

fn bodies_in<'s>(schema: &'s Value, within: &BTreeSet<String>) -> impl Iterator<Item = String> + use<'s> {
    if schema.is_object() { bodies(schema, within).into_iter() } else { Vec::new().into_iter() }
}

/// The members that tell variants apart.
fn tags(properties: &Map<String, Value>) -> String {
    let tags = properties.iter().filter(|(_, property)| is_tag(property));
    tags.map(|(name, property)| format!("\"{name}\":{},", property["const"])).collect::<Vec<_>>().concat()
}

fn is_tag(property: &Value) -> bool {
    property.get("const").is_some()
}

/// A path with well-formed ids.
fn path_of(template: &str) -> String {
    let id = match template.split('/').nth(3) {
        Some("baskets" | "training") => "b1",
        Some("payments") => "p1",
        Some("sales" | "shifts") => "1-1",
        Some("customers") => "01234567-89ab-4def-8123-456789abcdef",
        _ => "1",
    };
    template
        .replace("{id}", id)
        .split('/')
        .map(|part| if part.starts_with('{') { "1" } else { part })
        .collect::<Vec<_>>()
        .join("/")
}

#[tokio::test]
async fn a_body_with_an_unknown_member_at_any_level_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (_, router) = open(directory.path());
    let (cookie, token) = enter(&router, directory.path(), "till-1").await;
    let (mut tried, mut accepted) = (0, Vec::new());
    for (template, methods) in DOCUMENT["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let Some(content) = operation["requestBody"]["content"]["application/json"].as_object() else { continue };
            let is_registers = operation["security"].to_string().contains("register_token");
            let holder = if is_registers { ("authorization", &*token) } else { ("cookie", &*cookie) };
            for body in bodies(&content["schema"], &BTreeSet::new()) {
                let path = path_of(template);
                let headers = [holder, ("idempotency-key", "unknown-member")];
                let answer = ask(&router, &method.to_ascii_uppercase(), &path, &headers, &body).await;
                tried += 1;
                let detail = answer.body["detail"].as_str().unwrap_or_default();
                // The body of a secret is not repeated.
                let is_found = detail.contains("`no_such_member`") || detail.starts_with("invalid body at line");
                if answer.status != 400 || !is_found {
                    accepted.push(format!("{method} {template} {body}: {} {detail}", answer.status));
                }
            }
        }
    }
    assert!(accepted.is_empty(), "{} of {tried}:\n{}", accepted.len(), accepted.join("\n"));
    assert!(tried > 100, "{tried}");
}
