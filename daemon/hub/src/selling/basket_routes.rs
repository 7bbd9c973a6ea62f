//! Baskets: open, add and void lines, discount, pay, complete, abandon.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use commerce::{Basket, Discount, Line, Minor, Tender, Totals};
use serde::{Deserialize, Serialize};
use store::Transaction;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    BasketView, Counter, LineRequest, SaleDone, announce, answer, any_basket, complete, own_basket, print, put_basket,
    read_basket,
};
use crate::{
    audit::{self, Act},
    extract::InPath,
    hub::{Hub, now_ms},
    problem::Problem,
    registers::{CONSOLE, Caller, Command, RegisterName},
    stock,
};

pub(super) fn router() -> OpenApiRouter<Arc<Hub>> {
    OpenApiRouter::new()
        .routes(routes!(open))
        .routes(routes!(read))
        .routes(routes!(add_line))
        .routes(routes!(void_line))
        .routes(routes!(discount_line))
        .routes(routes!(tender))
        .routes(routes!(complete_basket))
        .routes(routes!(abandon))
}

/// A basket to open.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OpenBasket {
    /// The register's own reference; travels to HQ.
    #[serde(default)]
    reference: Option<String>,
    /// The customer, if known.
    #[serde(default)]
    customer: Option<String>,
    /// Stock reservations that the customer has come for.
    #[serde(default)]
    reservations: Vec<u64>,
}

/// Nothing to say.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// A basket that was opened.
#[derive(Serialize, Deserialize, ToSchema)]
struct Opened {
    /// Its id.
    id: String,
}

/// How a basket stands after a command.
#[derive(Serialize, Deserialize, ToSchema)]
struct Standing {
    /// The line in question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    line: Option<Line>,
    /// The sums so far.
    totals: Totals,
    /// What is still to be paid; negative if there is change to give.
    due: Minor,
}

impl Standing {
    fn of(basket: &Basket, line: Option<u32>) -> Self {
        let line = line.and_then(|number| basket.lines.iter().find(|line| line.number == number).cloned());
        Self { line, totals: basket.totals(), due: basket.due() }
    }
}

/// What a customer hands over, other than a card.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "tender", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum TenderRequest {
    /// Notes and coins.
    Cash {
        /// As handed over.
        amount: Minor,
    },
    /// A coupon of the maker.
    ManufacturerCoupon {
        /// Its worth.
        amount: Minor,
        /// Its code, if it was scanned.
        #[serde(default)]
        code: Option<String>,
    },
}

impl From<TenderRequest> for Tender {
    fn from(request: TenderRequest) -> Self {
        match request {
            TenderRequest::Cash { amount } => Self::Cash { amount },
            TenderRequest::ManufacturerCoupon { amount, code } => Self::ManufacturerCoupon { amount, code },
        }
    }
}

/// Open a basket
#[utoipa::path(post, path = "/api/v1/baskets", tag = "baskets", request_body = OpenBasket, params(("Idempotency-Key" = String, Header)),
    responses((status = 201, body = Opened), (status = 400, body = Problem), (status = 401, body = Problem), (status = 503, body = Problem)))]
async fn open(
    State(hub): State<Arc<Hub>>,
    command: Command<OpenBasket>,
) -> Result<(StatusCode, Json<Opened>), Problem> {
    let (register, currency) = (command.register()?.to_owned(), hub.currency());
    let once = hub.store.commit(move |transaction| {
        transaction.once(&command.key, |transaction| {
            let id = format!("b{}", transaction.next_number("basket")?);
            let OpenBasket { reference, customer, reservations } = command.body;
            let mut basket = Basket::open(id.clone(), register, currency, now_ms(), reference, customer)?;
            basket.reservations = reservations;
            stock::claim(transaction, &basket)?;
            put_basket(transaction, &basket)?;
            Ok::<_, Problem>(Opened { id })
        })
    });
    Ok((StatusCode::CREATED, Json(answer(once.await?)?.0)))
}

/// A basket with its lines
#[utoipa::path(get, path = "/api/v1/baskets/{id}", tag = "baskets", params(("id" = String, Path)),
    responses((status = 200, body = BasketView), (status = 404, body = Problem)))]
async fn read(
    RegisterName(register): RegisterName,
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<String>,
) -> Result<Json<BasketView>, Problem> {
    read_basket(&hub, &id, &register)
}

/// Changes a basket under the command's key.
async fn change<T: Send + 'static>(
    hub: &Hub,
    id: String,
    command: Command<T>,
    work: impl FnOnce(&mut Transaction<'_>, &mut Basket, T) -> Result<Option<u32>, Problem> + Send + 'static,
) -> Result<Json<Standing>, Problem> {
    let register = command.register()?.to_owned();
    let once = hub.store.commit(move |transaction| {
        transaction.once(&command.key, |transaction| {
            let mut basket = own_basket(transaction, &id, &register)?;
            let line = work(transaction, &mut basket, command.body)?;
            put_basket(transaction, &basket)?;
            Ok::<_, Problem>(Standing::of(&basket, line))
        })
    });
    Ok(Json(answer(once.await?)?.0))
}

/// Add a line: scanned, keyed, weighed, or not on file
#[utoipa::path(post, path = "/api/v1/baskets/{id}/lines", tag = "baskets", request_body = LineRequest,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = Standing), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem)))]
async fn add_line(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<String>,
    command: Command<LineRequest>,
) -> Result<Json<Standing>, Problem> {
    let Command { caller, key, body } = command;
    let found = body.find(&hub.catalog.load())?;
    change(&hub, id, Command { caller, key, body: found }, |_, basket, line| Ok(Some(line.add_to(basket)?))).await
}

/// Take a line back
#[utoipa::path(post, path = "/api/v1/baskets/{id}/lines/{line}/void", tag = "baskets", request_body = Nothing,
    params(("id" = String, Path), ("line" = u32, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = Standing), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn void_line(
    State(hub): State<Arc<Hub>>,
    InPath((id, line)): InPath<(String, u32)>,
    command: Command<Nothing>,
) -> Result<Json<Standing>, Problem> {
    change(&hub, id, command, move |_, basket, _| Ok(basket.void_line(line).map(|()| Some(line))?)).await
}

/// Take a discount off a line
#[utoipa::path(post, path = "/api/v1/baskets/{id}/lines/{line}/discounts", tag = "baskets", request_body = Discount,
    params(("id" = String, Path), ("line" = u32, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = Standing), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn discount_line(
    State(hub): State<Arc<Hub>>,
    InPath((id, line)): InPath<(String, u32)>,
    command: Command<Discount>,
) -> Result<Json<Standing>, Problem> {
    change(&hub, id, command, move |_, basket, discount| {
        basket.discount(line, discount)?;
        Ok(Some(line))
    })
    .await
}

/// Take cash or a coupon. For cards see payments.
#[utoipa::path(post, path = "/api/v1/baskets/{id}/tenders", tag = "baskets", request_body = TenderRequest,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = Standing), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn tender(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<String>,
    command: Command<TenderRequest>,
) -> Result<Json<Standing>, Problem> {
    change(&hub, id, command, |transaction, basket, tender| {
        basket.tender(tender.into())?;
        // The first fixes the lines; from then on nothing about stock refuses what is paid.
        if basket.tenders.len() == 1 {
            stock::hold(transaction, basket, now_ms())?;
        }
        Ok(None)
    })
    .await
}

/// Complete a paid basket: it becomes a sale
#[utoipa::path(post, path = "/api/v1/baskets/{id}/complete", tag = "baskets", request_body = Nothing,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = SaleDone), (status = 404, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem)))]
async fn complete_basket(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<String>,
    command: Command<Nothing>,
) -> Result<Json<SaleDone>, Problem> {
    let register = command.register()?.to_owned();
    let counter = Counter::of(&hub, &register);
    let printer = counter.clone();
    let (once, sale) = hub
        .store
        .commit(move |transaction| {
            let mut made = None;
            let once = transaction.once(&command.key, |transaction| {
                let mut basket = own_basket(transaction, &id, &register)?;
                let settled = !basket.tenders.is_empty();
                let sale = complete(transaction, &mut basket, &counter, settled)?;
                put_basket(transaction, &basket)?;
                Ok::<_, Problem>(SaleDone::from(&*made.insert(sale)))
            })?;
            Ok::<_, Problem>((once, made))
        })
        .await?;
    if let Some(sale) = sale {
        announce(&hub, &sale);
        print(&hub, &printer);
    }
    Ok(Json(answer(once)?.0))
}

/// Give a basket up
///
/// What was reserved for it is open again. A person at the console may give up any register's basket of which nothing is paid; the audit trail has it.
#[utoipa::path(post, path = "/api/v1/baskets/{id}/abandon", tag = "baskets", request_body = Nothing,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = Standing), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn abandon(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<String>,
    command: Command<Nothing>,
) -> Result<Json<Standing>, Problem> {
    let once = hub.store.commit(move |transaction| {
        transaction.once(&command.key, |transaction| {
            let mut basket = match &command.caller {
                Caller::Register(register) => own_basket(transaction, &id, register)?,
                Caller::Console => any_basket(transaction, &id)?,
            };
            basket.abandon()?;
            stock::let_go(transaction, &mut basket)?;
            put_basket(transaction, &basket)?;
            if command.caller == Caller::Console {
                let act = Act::BasketAbandoned { basket: id, register: basket.register.clone() };
                audit::record(transaction, CONSOLE, act)?;
            }
            Ok::<_, Problem>(Standing::of(&basket, None))
        })
    });
    Ok(Json(answer(once.await?)?.0))
}
