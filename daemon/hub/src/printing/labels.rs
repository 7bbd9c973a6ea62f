//! The routes of labels.

#![allow(unused_qualifications)] // in what a macro makes of `params(Preview)`

use std::{collections::BTreeMap, sync::Arc};

use app::{
    Refusal,
    catalog::ITEM_UNKNOWN,
    pricing::labelled,
    printing::{
        LABEL_UNPRINTABLE,
        labels::{self, LabelJob, MOST_LABELS, QueuedLabel},
    },
    refusal::BAD_REQUEST,
};
use axum::{Json, extract::State, response::Response};
use commerce::{Item, Price, Sku};
use drivers::{
    device::DeviceName,
    label_printer::{MOST_COPIES, Template},
};
use serde::{Deserialize, Serialize};
use store::Purpose;
use utoipa::{IntoParams, ToSchema};

use super::{item_fields::item_fields, picture::Format};
use crate::{
    hub::Hub,
    web::{Command, Empty, InPath, InQuery, Page, Problem, reading},
};

/// A label template.
#[derive(Serialize, ToSchema)]
pub(super) struct LabelTemplate {
    /// The name.
    name: String,
    /// What it is for.
    title: String,
    /// The width in tenths of a millimetre.
    width: u32,
    /// The height in tenths of a millimetre.
    height: u32,
    /// The fields of its data.
    fields: Vec<TemplateField>,
}

/// A field of a template.
#[derive(Serialize, ToSchema)]
struct TemplateField {
    /// The name.
    name: String,
    /// What it is.
    about: String,
    /// An example.
    example: String,
    /// A label without it is refused.
    required: bool,
}

/// Selects a preview.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Preview {
    /// The item whose data is shown. Without it the template's examples are shown.
    #[param(value_type = Option<String>, max_length = 32)]
    sku: Option<Sku>,
    /// Further fields, as the text of a JSON object of texts.
    #[param(max_length = 4000)]
    fields: Option<String>,
    /// `png` (the default) or `svg`.
    #[serde(default)]
    #[param(inline)]
    format: Format,
}

/// A request to print labels.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PrintLabels {
    /// The template. Default `shelf`.
    #[serde(default = "shelf")]
    #[schema(default = "shelf", max_length = 40)]
    template: String,
    /// The labels, 1 to 5,000.
    #[schema(min_items = 1, max_items = 5000)]
    labels: Vec<LabelRequest>,
}

/// The template of shelf labels.
const SHELF: &str = "shelf";

fn shelf() -> String {
    SHELF.into()
}

/// A label to print.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LabelRequest {
    /// The item that gives the fields.
    sku: Option<Sku>,
    /// Further fields, or other values for them.
    #[serde(default)]
    fields: BTreeMap<String, String>,
    /// The number of copies, 1 to 999. Default 1.
    #[serde(default)]
    #[schema(value_type = u16, minimum = 1, maximum = 999, default = 1)]
    copies: Copies,
}

/// The number of copies: 1 to 999.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "u16")]
struct Copies(u16);

impl Default for Copies {
    fn default() -> Self {
        Self(1)
    }
}

impl TryFrom<u16> for Copies {
    type Error = String;

    fn try_from(copies: u16) -> Result<Self, String> {
        if (1..=MOST_COPIES).contains(&copies) {
            Ok(Self(copies))
        } else {
            Err(format!("Invalid number of copies {copies}: expected 1 to {MOST_COPIES}"))
        }
    }
}

/// Which labels of a job are printed again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Again {
    /// All of them, not only the unconfirmed ones.
    #[serde(default)]
    all: bool,
}

/// List the label templates
#[utoipa::path(get, path = "/api/v1/label-templates", responses((status = 200, body = [LabelTemplate])))]
pub(super) async fn templates(State(hub): State<Arc<Hub>>) -> Json<Vec<LabelTemplate>> {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // checked when the template was read
    let tenths = |millimetres: f32| (millimetres * 10.0).round() as u32;
    let template = |(name, template): (&String, &Template)| LabelTemplate {
        name: name.clone(),
        title: template.title().to_owned(),
        width: tenths(template.width_mm()),
        height: tenths(template.height_mm()),
        fields: template
            .fields()
            .iter()
            .map(|(name, field)| TemplateField {
                name: name.clone(),
                about: field.about.clone(),
                example: field.example.clone(),
                required: field.required,
            })
            .collect(),
    };
    Json(hub.templates.all().map(template).collect())
}

/// Show a label as it would be printed
///
/// A picture at 203 dpi, to the dot, or outlines.
#[utoipa::path(get, path = "/api/v1/label-templates/{name}/preview", params(("name" = String, Path), Preview),
    responses((status = 200, content((String = "image/png"), (String = "image/svg+xml"))),
        (status = 404, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn preview(
    State(hub): State<Arc<Hub>>,
    InPath(name): InPath<String>,
    InQuery(wanted): InQuery<Preview>,
) -> Result<Response, Problem> {
    let drawn = reading(move || {
        let template = hub.templates.named(&name)?;
        let own = match &wanted.fields {
            Some(json) => serde_json::from_str(json)
                .map_err(|error| BAD_REQUEST.because(format!("fields: expected a JSON object of texts: {error}")))?,
            None => BTreeMap::new(),
        };
        let mut data = match &wanted.sku {
            Some(_) => BTreeMap::new(),
            None => template.example(),
        };
        data.extend(resolved(&hub, template, wanted.sku.as_ref(), own)?);
        let sheet = template.layout(&data, 8).map_err(|why| LABEL_UNPRINTABLE.because(why))?;
        Ok(wanted.format.of(&sheet))
    });
    drawn.await
}

/// The values of a template's fields: an item's, and the request's own.
fn resolved(
    hub: &Hub,
    template: &Template,
    sku: Option<&Sku>,
    own: BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Refusal> {
    if let Some(name) = own.keys().find(|name| !template.fields().contains_key(*name)) {
        let known = template.fields().keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        return Err(BAD_REQUEST.because(format!("unknown field `{}`; the template has: {known}", name.escape_debug())));
    }
    let mut data = match sku {
        Some(sku) => {
            let item = hub.catalog.load().sku(sku).cloned();
            let item = item.ok_or_else(|| ITEM_UNKNOWN.because(format!("unknown item: SKU {sku}")))?;
            let price = hub.prices.on_shelf(&item.item, hub.now_ms());
            item_fields(&Item { price, ..item.item.clone() }, hub.currency())
        }
        None => BTreeMap::new(),
    };
    data.extend(own);
    data.retain(|name, _| template.fields().contains_key(name));
    Ok(data)
}

/// Print labels
///
/// Queues a job, which is printed label by label, also after a restart. The values are those of now, even if an item
/// changes before its label is printed. Every label is laid out first: if one can't be printed, none is.
#[utoipa::path(post, path = "/api/v1/devices/{name}/labels", params(("name" = DeviceName, Path)),
    request_body = PrintLabels,
    responses((status = 200, body = LabelJob), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn print(
    State(hub): State<Arc<Hub>>,
    InPath(printer): InPath<String>,
    command: Command<PrintLabels>,
) -> Result<Json<LabelJob>, Problem> {
    let (reader, store) = (Arc::clone(&hub), Arc::clone(&hub.store));
    let Command { by, key, also_in_training, body } = command;
    let template = body.template.clone();
    let command = Command { by, key, also_in_training, body: () };
    // Refused inside the commit, so that a repeat gets its answer even if an item has changed.
    let name = printer.clone();
    let shown = if body.template == SHELF { on_shelf(&hub, &body) } else { Vec::new() };
    let found: Result<_, Refusal> = reading(move || Ok(laid_out(&reader, &name, body))).await?;
    let queued = command.commit(&store, Purpose::Ordinary, move |transaction, by, ()| {
        let job = labels::queue(transaction, by, printer, template, &found?, None)?;
        labelled(transaction, shown, by.at_ms)?;
        Ok(job)
    });
    Ok(Json(queued.await?))
}

/// The prices that shelf labels will show.
fn on_shelf(hub: &Hub, wanted: &PrintLabels) -> Vec<(Sku, Price)> {
    let (catalog, at_ms) = (hub.catalog.load(), hub.now_ms());
    let items = wanted.labels.iter().take(MOST_LABELS).filter_map(|label| catalog.sku(label.sku.as_ref()?));
    items.map(|item| (item.sku.clone(), hub.prices.on_shelf(&item.item, at_ms))).collect()
}

/// Queues a job with one label.
///
/// # Errors
/// The printer is unknown, the label can't be printed, or the store refuses.
pub(crate) async fn print_one<T: Send + 'static>(
    hub: &Arc<Hub>,
    command: Command<T>,
    printer: String,
    template: &'static str,
    data: Result<BTreeMap<String, String>, Refusal>,
) -> Result<Json<LabelJob>, Problem> {
    // Refused inside the commit, so that a repeat gets its answer.
    let laid_out = || {
        let data = data?;
        let dots_per_mm = hub.devices.label_printer(&printer)?.dots_per_mm();
        let sheet = hub.templates.named(template)?.layout(&data, dots_per_mm);
        sheet.map(|_| data).map_err(|why| LABEL_UNPRINTABLE.because(why))
    };
    let data = laid_out();
    let queued = command.commit(&hub.store, Purpose::Ordinary, move |transaction, by, _| {
        let label = QueuedLabel { data: data?, copies: 1 };
        labels::queue(transaction, by, printer, template.into(), &[label], None)
    });
    Ok(Json(queued.await?))
}

/// The labels of a request, each of which can be printed.
fn laid_out(hub: &Hub, printer: &str, wanted: PrintLabels) -> Result<Vec<QueuedLabel>, Refusal> {
    let dots_per_mm = hub.devices.label_printer(printer)?.dots_per_mm();
    let template = hub.templates.named(&wanted.template)?;
    if wanted.labels.len() > MOST_LABELS {
        return Err(BAD_REQUEST.because(format!("{} labels in a job; at most {MOST_LABELS}", wanted.labels.len())));
    }
    let label = |(place, label): (usize, LabelRequest)| {
        let data = resolved(hub, template, label.sku.as_ref(), label.fields)?;
        let about = label.sku.map(|sku| format!(", item {sku}")).unwrap_or_default();
        let unprintable = |why| LABEL_UNPRINTABLE.because(format!("label {}{about}: {why}", place + 1));
        template.layout(&data, dots_per_mm).map_err(unprintable)?;
        Ok(QueuedLabel { data, copies: label.copies.0 })
    };
    wanted.labels.into_iter().enumerate().map(label).collect()
}

/// List a printer's label jobs, newest first
#[utoipa::path(get, path = "/api/v1/devices/{name}/label-jobs", params(("name" = DeviceName, Path), Page),
    responses((status = 200, body = [LabelJob]), (status = 404, body = Problem)))]
pub(super) async fn jobs(
    State(hub): State<Arc<Hub>>,
    InPath(printer): InPath<String>,
    InQuery(page): InQuery<Page>,
) -> Result<Json<Vec<LabelJob>>, Problem> {
    hub.devices.label_printer(&printer)?;
    reading(move || Ok(labels::page(&hub.store, &printer, page.before, page.limit())?)).await.map(Json)
}

/// Get a label job and its progress
#[utoipa::path(get, path = "/api/v1/devices/{name}/label-jobs/{number}",
    params(("name" = DeviceName, Path), ("number" = u64, Path)),
    responses((status = 200, body = LabelJob), (status = 404, body = Problem)))]
pub(super) async fn job(
    State(hub): State<Arc<Hub>>,
    InPath((printer, number)): InPath<(String, u64)>,
) -> Result<Json<LabelJob>, Problem> {
    reading(move || labels::job(&hub.store, &printer, number)).await.map(Json)
}

/// Cancel a label job
///
/// A label that is being printed is not stopped; no further one is begun.
#[utoipa::path(post, path = "/api/v1/devices/{name}/label-jobs/{number}/cancel",
    params(("name" = DeviceName, Path), ("number" = u64, Path)), request_body = Empty,
    responses((status = 200, body = LabelJob), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn cancel(
    State(hub): State<Arc<Hub>>,
    InPath((printer, number)): InPath<(String, u64)>,
    command: Command<Empty>,
) -> Result<Json<LabelJob>, Problem> {
    let cancelled = command.commit(&hub.store, Purpose::Ordinary, move |transaction, by, _| {
        labels::cancel(transaction, by, &printer, number)
    });
    Ok(Json(cancelled.await?))
}

/// Print labels of a job again
///
/// Queues a new job with the labels that the printer did not confirm, or with all of them.
#[utoipa::path(post, path = "/api/v1/devices/{name}/label-jobs/{number}/again",
    params(("name" = DeviceName, Path), ("number" = u64, Path)), request_body = Again,
    responses((status = 200, body = LabelJob), (status = 404, body = Problem)))]
pub(super) async fn again(
    State(hub): State<Arc<Hub>>,
    InPath((printer, number)): InPath<(String, u64)>,
    command: Command<Again>,
) -> Result<Json<LabelJob>, Problem> {
    let (reader, name, all) = (Arc::clone(&hub), printer.clone(), command.body.all);
    let found: Result<_, Refusal> = reading(move || Ok(labels::again(&reader.store, &name, number, all))).await?;
    let queued = command.commit(&hub.store, Purpose::Ordinary, move |transaction, by, _| {
        let (job, again) = found?;
        labels::queue(transaction, by, printer, job.template, &again, Some(number))
    });
    Ok(Json(queued.await?))
}
