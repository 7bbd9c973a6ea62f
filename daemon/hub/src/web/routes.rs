//! How a capability declares its routes.
//!
//! Each route is behind one permission. What all routes of a kind have in common is added here, to the router and to
//! the OpenAPI document alike: operation ids by capability, the permission, the idempotency key of commands, and the
//! answers that any route may give.

use std::sync::Arc;

use app::{card_data::CARD_NUMBER_REFUSED, permission::Permission, refusal};
use axum::{extract::Request, middleware::Next};
use utoipa::openapi::{
    Content, PathItem, Ref, RefOr, Required, ResponseBuilder, Schema,
    extensions::ExtensionsBuilder,
    path::{Operation, ParameterBuilder, ParameterIn},
    schema::{ObjectBuilder, Type},
    tag::{Tag, TagBuilder},
};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::{BODY_TOO_LARGE, METHOD_UNKNOWN, REQUEST_TIMEOUT, authenticate::permit};
use crate::hub::Hub;

/// The extension of an operation that names its permission.
pub(crate) const PERMISSION: &str = "x-permission";

/// What stands there at an operation that anybody may call.
pub(crate) const PUBLIC: &str = "public";

/// The routes of a capability.
pub(crate) struct Routes {
    pub(super) tag: Tag,
    pub(super) router: OpenApiRouter<Arc<Hub>>,
}

impl Routes {
    /// No routes yet. The tag is how the document groups them, and begins their operation ids.
    pub(crate) fn new(tag: &str, description: &str) -> Self {
        let tag = TagBuilder::new().name(tag).description(Some(description)).build();
        Self { tag, router: OpenApiRouter::new() }
    }

    /// What only reads, behind a permission.
    pub(crate) fn read(self, permission: &'static Permission, routes: UtoipaMethodRouter<Arc<Hub>>) -> Self {
        self.add(permission, routes, |operation| answers(operation, READS))
    }

    /// Commands, behind a permission. Each carries an idempotency key.
    pub(crate) fn command(self, permission: &'static Permission, routes: UtoipaMethodRouter<Arc<Hub>>) -> Self {
        self.add(permission, routes, |operation| {
            answers(operation, COMMANDS);
            let text = ObjectBuilder::new().schema_type(Type::String).min_length(Some(8)).max_length(Some(100)).build();
            let key = ParameterBuilder::new()
                .name("Idempotency-Key")
                .parameter_in(ParameterIn::Header)
                .required(Required::True)
                .description(Some(
                    "New for each command, the same when it is repeated: a repeat gets the first answer.",
                ))
                .schema(Some(RefOr::T(Schema::Object(text))))
                .build();
            operation.parameters.get_or_insert_default().push(RefOr::T(key));
        })
    }

    fn add(
        self,
        permission: &'static Permission,
        (schemas, mut paths, methods): UtoipaMethodRouter<Arc<Hub>>,
        describe: impl Fn(&mut Operation),
    ) -> Self {
        for operation in paths.paths.values_mut().flat_map(operations) {
            self.name(operation, permission.name);
            describe(operation);
        }
        let methods = methods
            .layer(axum::middleware::from_fn(move |request: Request, next: Next| permit(permission, request, next)));
        Self { router: self.router.routes((schemas, paths, methods)), ..self }
    }

    /// What anybody may call: to become known.
    pub(crate) fn public(self, (schemas, mut paths, methods): UtoipaMethodRouter<Arc<Hub>>) -> Self {
        for operation in paths.paths.values_mut().flat_map(operations) {
            self.name(operation, PUBLIC);
            answers(operation, PUBLICS);
        }
        Self { router: self.router.routes((schemas, paths, methods)), ..self }
    }

    /// Names an operation by its capability, and its permission.
    fn name(&self, operation: &mut Operation, permission: &str) {
        operation.tags = Some(vec![self.tag.name.clone()]);
        let handler = operation.operation_id.take().unwrap_or_default();
        operation.operation_id = Some(format!("{}_{handler}", self.tag.name));
        let extension = ExtensionsBuilder::new().add(PERMISSION, permission).build();
        operation.extensions.get_or_insert_default().merge(extension);
    }
}

/// What any read may answer.
const READS: &[&refusal::Kind] = &[
    &refusal::BAD_REQUEST,
    &refusal::UNAUTHENTICATED,
    &refusal::FORBIDDEN,
    &METHOD_UNKNOWN,
    &refusal::FAULT,
    &refusal::STORE_UNREADABLE,
];

/// What any command may answer.
const COMMANDS: &[&refusal::Kind] = &[
    &refusal::BAD_REQUEST,
    &refusal::UNAUTHENTICATED,
    &refusal::FORBIDDEN,
    &METHOD_UNKNOWN,
    &REQUEST_TIMEOUT,
    &refusal::KEY_REUSED,
    &BODY_TOO_LARGE,
    &CARD_NUMBER_REFUSED,
    &refusal::FAULT,
    &refusal::BUSY,
    &refusal::DISK_FULL,
];

/// What any route may answer to somebody unknown.
const PUBLICS: &[&refusal::Kind] =
    &[&refusal::BAD_REQUEST, &METHOD_UNKNOWN, &REQUEST_TIMEOUT, &BODY_TOO_LARGE, &refusal::FAULT, &refusal::BUSY];

/// Adds the answers of some kinds of refusals to an operation; what it says of a status itself stays.
fn answers(operation: &mut Operation, kinds: &[&refusal::Kind]) {
    for kind in kinds {
        let status = super::problem::status(kind.class).as_str().to_owned();
        let content = Content::builder().schema(Some(Ref::from_schema_name("Problem"))).build();
        let response = ResponseBuilder::new().description(kind.title).content("application/problem+json", content);
        operation.responses.responses.entry(status).or_insert_with(|| RefOr::T(response.build()));
    }
}

/// The operations of a path.
pub(super) fn operations(path: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut path.get, &mut path.put, &mut path.post, &mut path.delete, &mut path.patch].into_iter().flatten()
}
