//! Pictures of labels and receipts in answers.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use drivers::{preview, sheet::Sheet};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

/// Selects the format of a picture.
#[derive(Clone, Copy, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PictureFormat {
    /// `png` (the default) or `svg`.
    #[serde(default)]
    #[param(inline)]
    format: Format,
}

/// The format of a picture.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    /// The printer's dots.
    #[default]
    Png,
    /// Outlines.
    Svg,
}

impl PictureFormat {
    /// A picture of a sheet. Takes milliseconds, so it belongs off the runtime's threads.
    pub(crate) fn of(self, sheet: &Sheet) -> Response {
        self.format.of(sheet)
    }
}

impl Format {
    /// A picture of a sheet.
    pub(super) fn of(self, sheet: &Sheet) -> Response {
        match self {
            Self::Png => ([(header::CONTENT_TYPE, "image/png")], preview::png(sheet)).into_response(),
            Self::Svg => ([(header::CONTENT_TYPE, "image/svg+xml")], preview::svg(sheet)).into_response(),
        }
    }
}
