//! How a resource declares its routes, each with its scope.
//!
//! What all routes of a sort share is added here, to the router and to the OpenAPI document: operation ids, the scope,
//! the idempotency key of commands, and the problems that any route may answer.

use std::{collections::BTreeMap, sync::Arc};

use axum::middleware::from_fn_with_state;
use serde_json::{Map, Value, json};
use utoipa::openapi::{
    Content, PathItem, Ref, RefOr, Required, ResponseBuilder, Schema,
    extensions::ExtensionsBuilder,
    path::{Operation, ParameterBuilder, ParameterIn},
    schema::{ObjectBuilder, Type},
    security::SecurityRequirement,
    tag::{Tag, TagBuilder},
};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::{
    Api,
    authenticate::permit,
    command,
    problem::{
        BAD_REQUEST, BODY_TOO_LARGE, CARD_NUMBER_REFUSED, FAULT, FORBIDDEN, KEY_REUSED, Kind, REQUEST_TIMEOUT,
        TOO_MANY_REQUESTS, UNAUTHENTICATED, UNAVAILABLE,
    },
    scope::Scope,
};

/// The extension of an operation with its scope.
pub(super) const SCOPE: &str = "x-scope";

/// The security scheme.
pub(super) const API_KEY: &str = "api_key";

/// Problems that any read may answer.
const READS: &[&Kind] = &[&BAD_REQUEST, &UNAUTHENTICATED, &FORBIDDEN, &TOO_MANY_REQUESTS, &FAULT, &UNAVAILABLE];

/// Problems that any request with a body may answer besides.
const BODIES: &[&Kind] = &[&REQUEST_TIMEOUT, &BODY_TOO_LARGE, &CARD_NUMBER_REFUSED];

/// The routes of a resource.
pub(crate) struct Routes {
    api: Arc<Api>,
    pub(super) tag: Tag,
    pub(super) router: OpenApiRouter<Arc<Api>>,
    pub(super) problems: Problems,
    /// The schemas of the routes' types, by name.
    #[cfg(test)]
    pub(super) schemas: Vec<(String, RefOr<Schema>)>,
}

impl Routes {
    /// No routes yet. The tag groups them in the document and begins their operation ids.
    pub(crate) fn new(api: &Arc<Api>, tag: &str, description: &str) -> Self {
        let tag = TagBuilder::new().name(tag).description(Some(description)).build();
        Self {
            api: Arc::clone(api),
            tag,
            router: OpenApiRouter::new(),
            problems: Problems::default(),
            #[cfg(test)]
            schemas: Vec::new(),
        }
    }

    /// Adds reads. `own`: the problems besides those of any read.
    pub(crate) fn read(self, scope: Scope, own: &[&'static Kind], routes: UtoipaMethodRouter<Arc<Api>>) -> Self {
        self.add(scope, &[READS, own], routes, |_| ())
    }

    /// Adds questions: reads that have a body. `own`: the problems besides those of any question.
    pub(crate) fn question(self, scope: Scope, own: &[&'static Kind], routes: UtoipaMethodRouter<Arc<Api>>) -> Self {
        self.add(scope, &[READS, BODIES, own], routes, |_| ())
    }

    /// Adds commands, which carry an idempotency key. `own`: the problems besides those of any command.
    pub(crate) fn command(self, scope: Scope, own: &[&'static Kind], routes: UtoipaMethodRouter<Arc<Api>>) -> Self {
        self.add(scope, &[READS, BODIES, &[&KEY_REUSED], own], routes, |operation| {
            let (least, most) = (command::LENGTH.start(), command::LENGTH.end());
            let text = ObjectBuilder::new().schema_type(Type::String).min_length(Some(*least)).max_length(Some(*most));
            let key = ParameterBuilder::new()
                .name(command::HEADER)
                .parameter_in(ParameterIn::Header)
                .required(Required::True)
                .description(Some(
                    "New for each command, the same when it is repeated: a repeat gets the first answer, for seven \
                     days. Printable characters without blanks.",
                ))
                .schema(Some(RefOr::T(Schema::Object(text.pattern(Some("^[!-~]+$")).build()))))
                .build();
            operation.parameters.get_or_insert_default().push(RefOr::T(key));
        })
    }

    fn add(
        mut self,
        scope: Scope,
        kinds: &[&[&'static Kind]],
        (schemas, mut paths, methods): UtoipaMethodRouter<Arc<Api>>,
        describe: impl Fn(&mut Operation),
    ) -> Self {
        for operation in paths.paths.values_mut().flat_map(operations) {
            operation.tags = Some(vec![self.tag.name.clone()]);
            let handler = operation.operation_id.take().unwrap_or_default();
            operation.operation_id = Some(format!("{}_{handler}", self.tag.name));
            let extension = ExtensionsBuilder::new().add(SCOPE, scope.name()).build();
            operation.extensions.get_or_insert_default().merge(extension);
            operation.security = Some(vec![SecurityRequirement::new(API_KEY, [""; 0])]);
            self.problems.declare(operation, &kinds.concat());
            describe(operation);
        }
        #[cfg(test)]
        self.schemas.extend(schemas.clone());
        let methods = methods.layer(from_fn_with_state((Arc::clone(&self.api), scope), permit));
        Self { router: self.router.routes((schemas, paths, methods)), ..self }
    }
}

/// The operations of a path.
fn operations(path: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut path.get, &mut path.put, &mut path.post, &mut path.delete, &mut path.patch].into_iter().flatten()
}

/// The problems of all operations: a schema for each set of kinds with one status.
#[derive(Default)]
pub(super) struct Problems(BTreeMap<String, Vec<&'static Kind>>);

impl Problems {
    pub(super) fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    /// Adds the problems of an operation.
    fn declare(&mut self, operation: &mut Operation, kinds: &[&'static Kind]) {
        let mut by_status: BTreeMap<_, Vec<&'static Kind>> = BTreeMap::new();
        for kind in kinds {
            by_status.entry(kind.status.as_u16()).or_default().push(kind);
        }
        for (status, mut kinds) in by_status {
            kinds.sort_unstable_by_key(|kind| kind.slug);
            let name = kinds.iter().map(|kind| camel(kind.slug)).collect::<Vec<_>>().join("Or") + "Problem";
            let described = kinds.iter().map(|kind| kind.doc).collect::<Vec<_>>().join(" Or: ");
            let content = Content::builder().schema(Some(Ref::from_schema_name(&name))).build();
            let response = ResponseBuilder::new().description(described).content("application/problem+json", content);
            operation.responses.responses.insert(status.to_string(), RefOr::T(response.build()));
            self.0.insert(name, kinds);
        }
    }

    /// Adds the schemas.
    pub(super) fn describe(&self, schemas: &mut Map<String, Value>) {
        for (name, kinds) in &self.0 {
            schemas.insert(name.clone(), schema(kinds));
        }
    }
}

/// The schema of problems of some kinds with one status.
fn schema(kinds: &[&'static Kind]) -> Value {
    let types: Vec<_> = kinds.iter().map(|kind| kind.uri()).collect();
    // Names for generated clients, which otherwise number the values.
    let names: Vec<_> = kinds.iter().map(|kind| kind.slug.to_ascii_uppercase().replace('-', "_")).collect();
    let status = kinds.first().map(|kind| kind.status.as_u16());
    let described: Vec<_> = kinds.iter().map(|kind| format!("- `{}` {}", kind.uri(), kind.doc)).collect();
    let mut properties = json!({
        "type": {
            "type": "string", "enum": types, "x-enum-varnames": names,
            "description": format!("The kind. Never changes.\n\n{}", described.join("\n"))
        },
        "title": {"type": "string", "description": "The kind's title."},
        "status": {"type": "integer", "const": status, "description": "The HTTP status."},
        "detail": {"type": "string", "description": "What failed, with which value, and what to do. For people."}
    });
    if kinds.iter().any(|kind| kind.retry_after_s().is_some()) {
        let described = "When to retry, in seconds, as in `Retry-After`.";
        properties["retry_after_s"] = json!({"type": "integer", "description": described});
    }
    if kinds.iter().any(|kind| kind.is_about_order) {
        properties["order"] = json!({"type": "string", "description": "The order, if it is about one."});
        properties["line"] = json!({"type": "integer", "description": "The line, if it is about one."});
        properties["rule"] = json!({"type": "string", "description": "The rule that is broken, for programs."});
    }
    json!({
        "type": "object",
        "description": "Problem details (RFC 9457).",
        "required": ["type", "title", "status", "detail"],
        "properties": properties
    })
}

/// `not-found` as `NotFound`.
fn camel(words: &str) -> String {
    words.split('-').filter(|word| !word.is_empty()).map(|word| word[..1].to_ascii_uppercase() + &word[1..]).collect()
}
