//! The problems of each operation: one schema for each set of types with the same status.
//!
//! The kinds are known from the capability's refusals, the statuses of an operation from its attributes and from what
//! all operations of its sort have in common. So an operation's 422 lists the kinds of its capabilities with status
//! 422, and their members.

use std::collections::{BTreeMap, BTreeSet};

use app::{
    CAPABILITIES,
    refusal::{Kind, MemberType},
};
use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use utoipa::openapi::{Content, Ref, RefOr, ResponseBuilder, path::Operation};

use crate::web::problem::{RETRY_AFTER, retry_after, status, type_of};

/// Kinds of problems by the name of their schema.
#[derive(Default)]
pub(in crate::web) struct Problems(BTreeMap<String, BTreeMap<&'static str, &'static Kind>>);

impl Problems {
    /// Adds other problems.
    pub(super) fn extend(&mut self, more: Self) {
        for (name, kinds) in more.0 {
            self.0.entry(name).or_default().extend(kinds);
        }
    }

    /// Declares the problems of an operation: for its own statuses the kinds of its capabilities, and those that all
    /// operations of its sort have in common.
    pub(in crate::web) fn declare(
        &mut self,
        operation: &mut Operation,
        tag: &str,
        capabilities: &[&str],
        common: &[&'static Kind],
    ) {
        let responses = &mut operation.responses.responses;
        let declared = responses.keys().filter_map(|status| status.parse::<StatusCode>().ok());
        let mut statuses: BTreeSet<_> =
            declared.filter(|status| status.is_client_error() || status.is_server_error()).collect();
        statuses.extend(common.iter().map(|kind| status(kind)));
        let own: Vec<&'static Kind> = (CAPABILITIES.iter())
            .filter(|capability| capabilities.contains(&capability.name))
            .flat_map(|capability| capability.refusals)
            .copied()
            .collect();
        if operation.request_body.is_some() {
            // A command may be for something unknown, in conflict, or against a rule.
            let refused = own.iter().map(|kind| status(kind));
            statuses.extend(refused.filter(|status| matches!(status.as_u16(), 404 | 409 | 422)));
        }
        for code in statuses {
            let of_status = |kinds: &[&'static Kind]| -> Vec<&'static Kind> {
                kinds.iter().copied().filter(|kind| status(kind) == code).collect()
            };
            let (own, common) = (of_status(&own), of_status(common));
            assert!(!own.is_empty() || !common.is_empty(), "{tag}: no kind of its capabilities has status {code}");
            let reason = camel(code.canonical_reason().unwrap_or("Other"));
            let name =
                if own.is_empty() { format!("{reason}Problem") } else { format!("{}{reason}Problem", camel(tag)) };
            let kinds: BTreeMap<_, _> = own.into_iter().chain(common).map(|kind| (kind.slug, kind)).collect();
            let content = Content::builder().schema(Some(Ref::from_schema_name(&name))).build();
            let described = match kinds.len() {
                1 => kinds.values().map(|kind| kind.doc).collect(),
                _ => format!("{}; see `type`.", code.canonical_reason().unwrap_or("Refused")),
            };
            let response = ResponseBuilder::new().description(described).content("application/problem+json", content);
            responses.insert(code.as_str().to_owned(), RefOr::T(response.build()));
            self.0.entry(name).or_default().extend(kinds);
        }
    }

    /// Adds the schemas.
    pub(super) fn describe(&self, schemas: &mut Map<String, Value>) {
        for (name, kinds) in &self.0 {
            schemas.insert(name.clone(), schema(&kinds.values().copied().collect::<Vec<_>>()));
        }
        // The attributes' generic problem is a placeholder; no operation answers it.
        schemas.remove("Problem");
    }

    /// All kinds.
    #[cfg(test)]
    pub(super) fn slugs(&self) -> BTreeSet<&'static str> {
        self.0.values().flat_map(BTreeMap::keys).copied().collect()
    }
}

/// The schema of problems of some kinds with the same status.
fn schema(kinds: &[&'static Kind]) -> Value {
    let types: Vec<_> = kinds.iter().map(|kind| type_of(kind)).collect();
    // Names for generators, which would otherwise number the values.
    let names: Vec<_> = kinds.iter().map(|kind| kind.slug.to_ascii_uppercase().replace('-', "_")).collect();
    let code = kinds.first().map(|kind| status(kind).as_u16());
    let described: Vec<_> = kinds.iter().map(|kind| format!("- `{}` {}", type_of(kind), kind.doc)).collect();
    let mut properties = json!({
        "type": {
            "type": "string", "enum": types, "x-enum-varnames": names,
            "description": format!("The kind; stable.\n\n{}", described.join("\n"))
        },
        "title": {"type": "string", "description": "The title of the kind."},
        "status": {"type": "integer", "const": code, "description": "The HTTP status."},
        "detail": {"type": "string", "description": "What failed, with which values, and what to do. For people."}
    });
    let mut members: BTreeMap<&str, (MemberType, BTreeSet<String>)> = BTreeMap::new();
    for kind in kinds {
        for member in kind.members {
            let said = format!("`{}`: {}", kind.slug, member.doc);
            let (of, all) = members.entry(member.name).or_insert((member.of, BTreeSet::new()));
            assert!(*of == member.of, "`{}` of {} has another type in other problems", member.name, kind.slug);
            all.insert(said);
        }
    }
    if kinds.iter().any(|kind| retry_after(kind).is_some()) {
        let (_, all) = members.entry(RETRY_AFTER).or_insert((MemberType::Integer, BTreeSet::new()));
        all.insert("Seconds until the next attempt, as in `Retry-After`.".into());
    }
    for (name, (of, said)) in members {
        properties[name] = match of {
            MemberType::Text => json!({"type": "string"}),
            MemberType::Integer => json!({"type": "integer"}),
            MemberType::List => json!({"type": "array", "items": {"type": "string"}}),
        };
        properties[name]["description"] = said.into_iter().collect::<Vec<_>>().join(" ").into();
    }
    json!({
        "type": "object",
        "description": "Problem details (RFC 9457).",
        "required": ["type", "title", "status", "detail"],
        "properties": properties
    })
}

/// `not found` or `not-found` as `NotFound`.
pub(super) fn camel(words: &str) -> String {
    let words = words.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words
        .map(|word| {
            let (first, rest) = word.split_at(1);
            first.to_ascii_uppercase() + rest
        })
        .collect()
}
