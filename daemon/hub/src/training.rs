//! The routes of training: the switch, training baskets, and what becomes of them. What training promises is in
//! [`app::training`].
//!
//! The commands of training baskets have the bodies of real ones, so a register sends the same to another path. Nothing
//! is shown to the customer.

use std::sync::Arc;

use app::{
    pricing::BuyerRequest,
    selling::{self, LineRequest, TenderRequest},
    training::{
        self, PRACTISE, READ, RegisterTraining, SWITCH, SwitchTraining, TRAINING_BASKET_UNKNOWN, TrainingDone,
        TrainingOpened, TrainingSale, TrainingStatus,
    },
};
use axum::{Json, extract::State, http::StatusCode, response::Response};
use commerce::{Basket, BasketId, Discount, Minor, OperatorId, RegisterName, Totals, receipt::TrainingNumber};
use serde::Serialize;
use store::Purpose;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    hub::Hub,
    printing::{picture::PictureFormat, receipt},
    selling::entry::Entry,
    web::{Asker, Command, Empty, InPath, InQuery, Page, Problem, Routes, reading},
};

/// The routes of this capability.
pub(crate) fn routes() -> Routes {
    let capabilities = &["training", "selling", "catalog", "recalls", "serials", "pricing", "roles"];
    Routes::new("training", "Training: registers at which nothing counts", capabilities)
        .read(&READ, routes!(list))
        .also_in_training(&SWITCH, routes!(switch))
        .also_in_training(&PRACTISE, routes!(open))
        .read(&PRACTISE, routes!(read))
        .also_in_training(&PRACTISE, routes!(identify))
        .also_in_training(&PRACTISE, routes!(add_line))
        .also_in_training(&PRACTISE, routes!(void_line))
        .also_in_training(&PRACTISE, routes!(discount_line))
        .also_in_training(&PRACTISE, routes!(tender))
        .also_in_training(&PRACTISE, routes!(void_tender))
        .also_in_training(&PRACTISE, routes!(complete))
        .also_in_training(&PRACTISE, routes!(abandon))
        .read(&READ, routes!(sales))
        .read(&READ, routes!(read_receipt))
        .read(&READ, routes!(picture))
}

/// A training basket with its totals.
#[derive(Serialize, ToSchema)]
struct TrainingBasketView {
    /// Always true: nothing here counts.
    training: bool,
    #[serde(flatten)]
    basket: Basket,
    /// The totals.
    totals: Totals,
    /// The amount still due; negative if change is due.
    due: Minor,
}

/// A training sale in a list.
#[derive(Serialize, ToSchema)]
struct TrainingSaleInList {
    /// Always true: nothing here counts.
    training: bool,
    /// Its number; training sales have no receipt numbers.
    receipt: TrainingNumber,
    /// The register.
    register: RegisterName,
    /// The operator, if one had signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    operator: Option<OperatorId>,
    /// When it was completed: milliseconds since 1970, UTC.
    sold_at_ms: i64,
    /// The number of lines.
    lines: usize,
    /// The totals.
    totals: Totals,
}

impl From<TrainingSale> for TrainingSaleInList {
    fn from(TrainingSale { number, sale }: TrainingSale) -> Self {
        Self {
            training: true,
            receipt: number,
            lines: sale.lines.len(),
            register: sale.register,
            operator: sale.operator,
            sold_at_ms: sale.sold_at_ms,
            totals: sale.totals,
        }
    }
}

/// List the registers in training
#[utoipa::path(get, path = "/api/v1/training", responses((status = 200, body = [RegisterTraining])))]
async fn list(State(hub): State<Arc<Hub>>) -> Result<Json<Vec<RegisterTraining>>, Problem> {
    reading(move || Ok(training::in_training(&hub.store)?)).await.map(Json)
}

/// Begin or end the training of the register
///
/// From then on nothing that the register does counts, until training ends: it has training baskets only, and its other
/// commands are refused. It can't switch with an open basket. Restarts and sign-ins change nothing. Recorded in the
/// audit trail.
#[utoipa::path(post, path = "/api/v1/training", request_body = SwitchTraining,
    responses((status = 200, body = RegisterTraining), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn switch(
    State(hub): State<Arc<Hub>>,
    command: Command<SwitchTraining>,
) -> Result<Json<RegisterTraining>, Problem> {
    let reader = Arc::clone(&hub);
    let baskets = reading(move || Ok(selling::maybe_open(&reader.store)?)).await?;
    let switched = command.commit(&hub.store, Purpose::Ordinary, move |transaction, by, wanted| {
        training::switch(transaction, by, wanted, baskets)
    });
    Ok(Json(switched.await?))
}

/// Open a training basket
#[utoipa::path(post, path = "/api/v1/training/baskets", request_body = Empty,
    responses((status = 201, body = TrainingOpened), (status = 409, body = Problem)))]
async fn open(
    State(hub): State<Arc<Hub>>,
    command: Command<Empty>,
) -> Result<(StatusCode, Json<TrainingOpened>), Problem> {
    let currency = hub.currency();
    let opened = command.commit(&hub.store, Purpose::Ordinary, move |transaction, by, Empty {}| {
        training::open(transaction, by, currency)
    });
    Ok((StatusCode::CREATED, Json(opened.await?)))
}

/// Get a training basket with its lines
#[utoipa::path(get, path = "/api/v1/training/baskets/{id}", params(("id" = BasketId, Path)),
    responses((status = 200, body = TrainingBasketView), (status = 404, body = Problem)))]
async fn read(
    Asker(actor): Asker,
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<BasketId>,
) -> Result<Json<TrainingBasketView>, Problem> {
    let own = training::basket(&hub.store, id)?.filter(|basket| actor.register_name() == Some(&basket.register));
    let unknown = || TRAINING_BASKET_UNKNOWN.because(format!("{actor} has no training basket {id}"));
    let basket = own.ok_or_else(unknown)?;
    Ok(Json(TrainingBasketView { training: true, totals: basket.totals(), due: basket.due(), basket }))
}

/// Say what is known about the customer of a training basket
///
/// Store coupons take effect, and no use of them is counted.
#[utoipa::path(post, path = "/api/v1/training/baskets/{id}/buyer", request_body = BuyerRequest,
    params(("id" = BasketId, Path)),
    responses((status = 200, body = TrainingStatus), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn identify(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<BasketId>,
    command: Command<BuyerRequest>,
) -> Result<Json<TrainingStatus>, Problem> {
    let pricing = hub.prices.at(command.by.at_ms);
    let identified = command.commit(&hub.store, Purpose::Ordinary, move |transaction, by, buyer| {
        training::identify(transaction, by, id, pricing.as_ref(), buyer)
    });
    Ok(Json(identified.await?))
}

/// Add a line to a training basket: scanned, keyed, weighed, or not on file
#[utoipa::path(post, path = "/api/v1/training/baskets/{id}/lines", request_body = LineRequest,
    params(("id" = BasketId, Path)),
    responses((status = 200, body = TrainingStatus), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn add_line(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<BasketId>,
    command: Command<LineRequest>,
) -> Result<Json<TrainingStatus>, Problem> {
    // Looked up before the commit and refused inside it, as for real baskets.
    let mut entry = Entry::default();
    let at_ms = command.by.at_ms;
    let command = command.map(|line| entry.line(&hub, &hub.catalog.load(), at_ms, line));
    let pricing = hub.prices.at(at_ms);
    let added = command.commit(&hub.store, Purpose::Ordinary, move |transaction, by, found| {
        training::add_line(transaction, by, id, pricing.as_ref(), found?)
    });
    let added = added.await?;
    entry.spend();
    Ok(Json(added))
}

/// Void a line of a training basket
#[utoipa::path(post, path = "/api/v1/training/baskets/{id}/lines/{line}/void", request_body = Empty,
    params(("id" = BasketId, Path), ("line" = u32, Path)),
    responses((status = 200, body = TrainingStatus), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn void_line(
    State(hub): State<Arc<Hub>>,
    InPath((id, line)): InPath<(BasketId, u32)>,
    command: Command<Empty>,
) -> Result<Json<TrainingStatus>, Problem> {
    let pricing = hub.prices.at(command.by.at_ms);
    let voided = command.commit(&hub.store, Purpose::Ordinary, move |transaction, by, Empty {}| {
        training::void_line(transaction, by, id, pricing.as_ref(), line)
    });
    Ok(Json(voided.await?))
}

/// Apply a discount to a line of a training basket
#[utoipa::path(post, path = "/api/v1/training/baskets/{id}/lines/{line}/discounts", request_body = Discount,
    params(("id" = BasketId, Path), ("line" = u32, Path)),
    responses((status = 200, body = TrainingStatus), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn discount_line(
    State(hub): State<Arc<Hub>>,
    InPath((id, line)): InPath<(BasketId, u32)>,
    command: Command<Discount>,
) -> Result<Json<TrainingStatus>, Problem> {
    let pricing = hub.prices.at(command.by.at_ms);
    let discounted = command.commit(&hub.store, Purpose::Ordinary, move |transaction, by, discount| {
        training::discount_line(transaction, by, id, pricing.as_ref(), line, discount)
    });
    Ok(Json(discounted.await?))
}

/// Add cash or a manufacturer's coupon to a training basket
///
/// A gift card is refused, and so is any card payment: they are real money.
#[utoipa::path(post, path = "/api/v1/training/baskets/{id}/tenders", request_body = TenderRequest,
    params(("id" = BasketId, Path)),
    responses((status = 200, body = TrainingStatus), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn tender(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<BasketId>,
    command: Command<TenderRequest>,
) -> Result<Json<TrainingStatus>, Problem> {
    let tendered = command.commit(&hub.store, Purpose::Ordinary, move |transaction, by, tender| {
        training::tender(transaction, by, id, tender)
    });
    Ok(Json(tendered.await?))
}

/// Void a tender of a training basket
#[utoipa::path(post, path = "/api/v1/training/baskets/{id}/tenders/{tender}/void", request_body = Empty,
    params(("id" = BasketId, Path), ("tender" = u32, Path)),
    responses((status = 200, body = TrainingStatus), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn void_tender(
    State(hub): State<Arc<Hub>>,
    InPath((id, tender)): InPath<(BasketId, u32)>,
    command: Command<Empty>,
) -> Result<Json<TrainingStatus>, Problem> {
    let voided = command.commit(&hub.store, Purpose::Ordinary, move |transaction, by, Empty {}| {
        training::void_tender(transaction, by, id, tender)
    });
    Ok(Json(voided.await?))
}

/// Complete a paid training basket
///
/// It gets a number of its own, such as `T12`, and its receipt says that it is not a receipt. It has no other effect.
#[utoipa::path(post, path = "/api/v1/training/baskets/{id}/complete", request_body = Empty,
    params(("id" = BasketId, Path)),
    responses((status = 200, body = TrainingDone), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn complete(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<BasketId>,
    command: Command<Empty>,
) -> Result<Json<TrainingDone>, Problem> {
    let context = hub.sale_context(command.by.register()?, command.by.at_ms);
    let done = command.commit(&hub.store, Purpose::Ordinary, move |transaction, by, Empty {}| {
        training::complete(transaction, by, id, &context)
    });
    Ok(Json(done.await?))
}

/// Abandon a training basket, also a paid one
#[utoipa::path(post, path = "/api/v1/training/baskets/{id}/abandon", request_body = Empty,
    params(("id" = BasketId, Path)),
    responses((status = 200, body = TrainingStatus), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn abandon(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<BasketId>,
    command: Command<Empty>,
) -> Result<Json<TrainingStatus>, Problem> {
    let abandoned = command
        .commit(&hub.store, Purpose::Settled, move |transaction, by, Empty {}| training::abandon(transaction, by, id));
    Ok(Json(abandoned.await?))
}

/// List training sales, newest first
///
/// They are deleted after 31 days. `before` is the number of a training sale without its T.
#[utoipa::path(get, path = "/api/v1/training/sales", params(Page),
    responses((status = 200, body = [TrainingSaleInList])))]
async fn sales(
    State(hub): State<Arc<Hub>>,
    InQuery(page): InQuery<Page>,
) -> Result<Json<Vec<TrainingSaleInList>>, Problem> {
    let sales = reading(move || Ok(training::last_sales(&hub.store, page.before, page.limit())?)).await?;
    Ok(Json(sales.into_iter().map(TrainingSaleInList::from).collect()))
}

/// Get the receipt of a training sale as printed, line by line
#[utoipa::path(get, path = "/api/v1/training/sales/{number}/receipt", params(("number" = TrainingNumber, Path)),
    responses((status = 200, body = [String]), (status = 404, body = Problem)))]
async fn read_receipt(
    State(hub): State<Arc<Hub>>,
    InPath(number): InPath<TrainingNumber>,
) -> Result<Json<Vec<String>>, Problem> {
    let text = reading(move || {
        let sold = training::sale(&hub.store, number)?;
        Ok(receipt::training_text(&hub, &sold)?)
    });
    text.await.map(Json)
}

/// Get a picture of the receipt of a training sale as printed
#[utoipa::path(get, path = "/api/v1/training/sales/{number}/receipt/picture",
    params(("number" = TrainingNumber, Path), PictureFormat),
    responses((status = 200, content((String = "image/png"), (String = "image/svg+xml"))),
        (status = 404, body = Problem)))]
async fn picture(
    State(hub): State<Arc<Hub>>,
    InPath(number): InPath<TrainingNumber>,
    InQuery(format): InQuery<PictureFormat>,
) -> Result<Response, Problem> {
    reading(move || {
        let sold = training::sale(&hub.store, number)?;
        Ok(format.of(&receipt::training_picture(&hub, &sold)?))
    })
    .await
}
