//! The rules of guided selling. Stream `customers`, down; the rules are in [`commerce::guide`].

use commerce::guide::Rules;
use serde::{Deserialize, Serialize};

use crate::{
    customer::BadCustomer,
    kind::{BadBody, Body, DownKind, Kind},
    name::Stream,
};

/// Down: the rules of guided selling, which replace the ones before.
pub static RULES: DownKind<RulesPublished> = Kind::new("rules.published", Stream::customers());

/// The rules of guided selling.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RulesPublished {
    /// The rules.
    pub rules: Rules,
    /// When they were published: milliseconds since 1970, UTC.
    pub at_ms: i64,
}

impl Body for RulesPublished {
    fn check(&self) -> Result<(), BadBody> {
        self.rules.check().map_err(|why| BadCustomer::Programme(why).into())
    }
}
