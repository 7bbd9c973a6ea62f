//! How a capability declares its routes.
//!
//! Each route has one permission. What all routes of a kind have in common is added here, to the router and to the
//! OpenAPI document: operation ids, the permission, the idempotency key of commands, and the answers that any route may
//! give.

use std::sync::Arc;

use app::{
    card_data::CARD_NUMBER_REFUSED,
    permission::{Holder, Permission},
    refusal::{self, Kind},
    training::REGISTER_IN_TRAINING,
};
use axum::{extract::Request, middleware::Next};
use utoipa::openapi::{
    PathItem, RefOr, Required, Schema,
    extensions::ExtensionsBuilder,
    path::{Operation, ParameterBuilder, ParameterIn},
    schema::{ObjectBuilder, Type},
    security::SecurityRequirement,
    tag::{Tag, TagBuilder},
};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::{
    BODY_TOO_LARGE, FOREIGN_ORIGIN, HOST_UNKNOWN, REQUEST_TIMEOUT, WRITE_LIMIT,
    authenticate::permit,
    command::AlsoInTraining,
    openapi::{CONSOLE_SESSION, REGISTER_TOKEN, SERVICE_TOKEN, problems::Problems},
};
use crate::hub::Hub;

/// The extension of an operation with its permission.
pub(crate) const PERMISSION: &str = "x-permission";

/// The value of the extension for an operation that needs no authentication.
pub(crate) const PUBLIC: &str = "public";

/// The routes of a capability.
pub(crate) struct Routes {
    pub(super) tag: Tag,
    pub(super) router: OpenApiRouter<Arc<Hub>>,
    pub(super) problems: Problems,
    /// The schemas of all types, before those of one name replace each other.
    #[cfg(test)]
    pub(super) schemas: Vec<(String, RefOr<Schema>)>,
    capabilities: &'static [&'static str],
}

impl Routes {
    /// No routes yet. The tag groups them in the document and begins their operation ids. `capabilities` are those of
    /// `app` whose refusals the routes may answer.
    pub(crate) fn new(tag: &str, description: &str, capabilities: &'static [&'static str]) -> Self {
        let tag = TagBuilder::new().name(tag).description(Some(description)).build();
        Self {
            tag,
            router: OpenApiRouter::new(),
            problems: Problems::default(),
            #[cfg(test)]
            schemas: Vec::new(),
            capabilities,
        }
    }

    /// Adds read-only routes with a permission.
    pub(crate) fn read(self, permission: &'static Permission, routes: UtoipaMethodRouter<Arc<Hub>>) -> Self {
        self.add(permission, routes, READS, |_| ())
    }

    /// Adds commands with a permission. Each requires an idempotency key, and is refused at a register in training.
    pub(crate) fn command(self, permission: &'static Permission, routes: UtoipaMethodRouter<Arc<Hub>>) -> Self {
        self.add(permission, routes, COMMANDS, keyed)
    }

    /// Adds commands that change nothing that counts, so that a register in training may send them too.
    pub(crate) fn also_in_training(
        self,
        permission: &'static Permission,
        (schemas, paths, methods): UtoipaMethodRouter<Arc<Hub>>,
    ) -> Self {
        let methods = methods.layer(axum::Extension(AlsoInTraining));
        self.add(permission, (schemas, paths, methods), COMMANDS, keyed)
    }

    /// Adds commands with a secret in their body. They have no idempotency key, whose record would hold a digest of it.
    pub(crate) fn keyless(self, permission: &'static Permission, routes: UtoipaMethodRouter<Arc<Hub>>) -> Self {
        self.add(permission, routes, COMMANDS, |_| ())
    }

    fn add(
        mut self,
        permission: &'static Permission,
        (schemas, mut paths, methods): UtoipaMethodRouter<Arc<Hub>>,
        common: &[&'static Kind],
        describe: impl Fn(&mut Operation),
    ) -> Self {
        for operation in paths.paths.values_mut().flat_map(operations) {
            self.name(operation, permission.name);
            operation.security = Some(security(permission));
            self.problems.declare(operation, &self.tag.name, self.capabilities, common);
            describe(operation);
        }
        let methods = methods
            .layer(axum::middleware::from_fn(move |request: Request, next: Next| permit(permission, request, next)));
        #[cfg(test)]
        self.schemas.extend(schemas.iter().cloned());
        Self { router: self.router.routes((schemas, paths, methods)), ..self }
    }

    /// Adds routes without authentication, for pairing and logging in.
    pub(crate) fn public(mut self, (schemas, mut paths, methods): UtoipaMethodRouter<Arc<Hub>>) -> Self {
        for operation in paths.paths.values_mut().flat_map(operations) {
            self.name(operation, PUBLIC);
            operation.security = Some(Vec::new());
            self.problems.declare(operation, &self.tag.name, self.capabilities, PUBLICS);
        }
        #[cfg(test)]
        self.schemas.extend(schemas.iter().cloned());
        Self { router: self.router.routes((schemas, paths, methods)), ..self }
    }

    /// Sets an operation's id, tag and permission.
    fn name(&self, operation: &mut Operation, permission: &str) {
        operation.tags = Some(vec![self.tag.name.clone()]);
        let handler = operation.operation_id.take().unwrap_or_default();
        operation.operation_id = Some(format!("{}_{handler}", self.tag.name));
        let extension = ExtensionsBuilder::new().add(PERMISSION, permission).build();
        operation.extensions.get_or_insert_default().merge(extension);
    }
}

/// Documents the idempotency key of a command.
fn keyed(operation: &mut Operation) {
    let text = ObjectBuilder::new().schema_type(Type::String).min_length(Some(8)).max_length(Some(100)).build();
    let key = ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::True)
        .description(Some(
            "New for each command, unchanged for a repeat, which gets the first answer. Printable characters without \
             spaces.",
        ))
        .schema(Some(RefOr::T(Schema::Object(text))))
        .build();
    operation.parameters.get_or_insert_default().push(RefOr::T(key));
}

/// The common answers of reads.
const READS: &[&Kind] = &[
    &refusal::BAD_REQUEST,
    &HOST_UNKNOWN,
    &refusal::UNAUTHENTICATED,
    &refusal::FORBIDDEN,
    &FOREIGN_ORIGIN,
    &refusal::FAULT,
    &refusal::BUSY,
    &refusal::STORE_STOPPED,
    &refusal::STORE_UNREADABLE,
];

/// The common answers of commands.
const COMMANDS: &[&Kind] = &[
    &refusal::BAD_REQUEST,
    &HOST_UNKNOWN,
    &refusal::UNAUTHENTICATED,
    &refusal::FORBIDDEN,
    &REQUEST_TIMEOUT,
    &refusal::KEY_REUSED,
    &REGISTER_IN_TRAINING,
    &refusal::TOO_LARGE,
    &BODY_TOO_LARGE,
    &CARD_NUMBER_REFUSED,
    &FOREIGN_ORIGIN,
    &WRITE_LIMIT,
    &refusal::FAULT,
    &refusal::BUSY,
    &refusal::STORE_STOPPED,
    &refusal::STORE_UNREADABLE,
    &refusal::DISK_FULL,
];

/// The common answers of routes without authentication.
const PUBLICS: &[&Kind] = &[
    &refusal::BAD_REQUEST,
    &HOST_UNKNOWN,
    &REQUEST_TIMEOUT,
    &BODY_TOO_LARGE,
    &refusal::FAULT,
    &refusal::BUSY,
    &refusal::STORE_STOPPED,
    &refusal::DISK_FULL,
];

/// The security schemes for the holders of a permission.
fn security(permission: &Permission) -> Vec<SecurityRequirement> {
    let scheme = |holder: &Holder| match holder {
        Holder::Register => Some(REGISTER_TOKEN),
        Holder::Person => Some(CONSOLE_SESSION),
        Holder::Service => Some(SERVICE_TOKEN),
        Holder::Headquarters => None,
    };
    let schemes = permission.holders.iter().filter_map(scheme);
    schemes.map(|scheme| SecurityRequirement::new(scheme, [""; 0])).collect()
}

/// The operations of a path.
pub(super) fn operations(path: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut path.get, &mut path.put, &mut path.post, &mut path.delete, &mut path.patch].into_iter().flatten()
}
