//! The price engine as WebAssembly, for browsers and Node.
//!
//! # What it promises
//!
//! - **The same cent.** It is `commerce::pricing`, compiled; nothing is priced here.
//! - **Pure.** It imports nothing: no clock, no time zones, no randomness. `npm/index.js` resolves the times of a book
//!   in the store's time zone with the browser's `Intl`.
//! - **No unsafe memory access.** The host writes a request to the buffer that [`pricing_input`] returns, calls a
//!   function, and reads the answer at [`pricing_output`]. Requests and answers are UTF-8 JSON; `{"ok": …}` or
//!   `{"error": {"message": …, "problems": […]}}`.
//!
//! # States
//!
//! ```text
//! pricing_read(text of a book) -> times --pricing_compile(store, times)--> book --pricing_price(basket)--> prices
//!                                                                          book --pricing_release
//! ```
//!
//! A function that is called out of order answers with an error and changes nothing. The memory is lost with the page;
//! whoever needs the book again loads it again.
//!
//! `build` builds `npm/pricing.wasm`, which is checked in, so that nobody needs the toolchain; a test builds it again
//! and compares.

use std::{cell::RefCell, collections::BTreeMap};

use commerce::pricing::{
    Basket, Book, Loader, LocalTime, Problem, Store,
    explain::{Quote, quote},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

thread_local! {
    static ENGINE: RefCell<Engine> = RefCell::default();
}

/// The memory between two calls.
#[derive(Default)]
struct Engine {
    input: Vec<u8>,
    output: Vec<u8>,
    /// A book that was read and waits for its times.
    read: Option<Loader>,
    /// By their number; released ones are `None`.
    books: Vec<Option<Book>>,
}

/// An answer.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Answer<T> {
    Ok(T),
    Error(Failure),
}

/// Why a call failed.
#[derive(Debug, Serialize)]
struct Failure {
    message: String,
    /// What is wrong with the book.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<Problem>,
}

impl<T: std::fmt::Display> From<T> for Failure {
    fn from(message: T) -> Self {
        Self { message: message.to_string(), problems: Vec::new() }
    }
}

/// Compiles the book that was read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Compile {
    store: String,
    /// The times of the book in milliseconds since 1970, UTC.
    times: BTreeMap<LocalTime, i64>,
}

/// A compiled book.
#[derive(Debug, Serialize)]
struct Compiled {
    book: usize,
    version: String,
    currency: &'static str,
    items: usize,
}

/// Prices a basket.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceBasket {
    book: usize,
    basket: Basket,
    explain: bool,
}

impl Engine {
    /// Takes the request and writes the answer.
    fn answer<T: Serialize>(&mut self, call: impl FnOnce(&mut Self, &[u8]) -> Result<T, Failure>) {
        let input = std::mem::take(&mut self.input);
        let answer = call(self, &input).map_or_else(Answer::Error, Answer::Ok);
        self.output = serde_json::to_vec(&answer).unwrap_or_default();
    }

    fn read(&mut self, text: &[u8]) -> Result<Vec<LocalTime>, Failure> {
        let mut loader = Loader::default();
        loader.read(std::str::from_utf8(text)?);
        let times = loader.times().into_iter().collect();
        self.read = Some(loader);
        Ok(times)
    }

    fn compile(&mut self, request: &[u8]) -> Result<Compiled, Failure> {
        let Compile { store, times } = request_of(request)?;
        let loader = self.read.take().ok_or("read a book first")?;
        if let Some(missing) = loader.times().iter().find(|time| !times.contains_key(time)) {
            return Err(format!("the time {missing} of the book is missing").into());
        }
        let zone = |time: LocalTime| times.get(&time).copied().unwrap_or(i64::MAX);
        let compiled = loader.finish(&Store { name: &store, zone: &zone });
        let book = compiled.map_err(|problems| Failure { message: "the price book is not valid".into(), problems })?;
        let (version, currency, items) = (book.version().to_owned(), book.currency().code(), book.len());
        self.books.push(Some(book));
        Ok(Compiled { book: self.books.len() - 1, version, currency, items })
    }

    fn price(&self, request: &[u8]) -> Result<Quote, Failure> {
        let PriceBasket { book, basket, explain } = request_of(request)?;
        let book = self.books.get(book).and_then(Option::as_ref);
        Ok(quote(book.ok_or("the price book was released")?, &basket, explain)?)
    }

    fn release(&mut self, book: usize) {
        if let Some(place) = self.books.get_mut(book) {
            *place = None;
        }
    }
}

fn request_of<T: DeserializeOwned>(request: &[u8]) -> Result<T, Failure> {
    Ok(serde_json::from_slice(request)?)
}

fn with<T>(call: impl FnOnce(&mut Engine) -> T) -> T {
    ENGINE.with_borrow_mut(call)
}

/// Makes room for a request of so many bytes.
#[unsafe(no_mangle)]
pub extern "C" fn pricing_input(bytes: usize) -> *mut u8 {
    with(|engine| {
        engine.input = vec![0; bytes];
        engine.input.as_mut_ptr()
    })
}

/// Where the last answer is.
#[unsafe(no_mangle)]
pub extern "C" fn pricing_output() -> *const u8 {
    with(|engine| engine.output.as_ptr())
}

/// How many bytes the last answer has.
#[unsafe(no_mangle)]
pub extern "C" fn pricing_output_bytes() -> usize {
    with(|engine| engine.output.len())
}

/// Reads the text of a book. Answers its local times.
#[unsafe(no_mangle)]
pub extern "C" fn pricing_read() {
    with(|engine| engine.answer(Engine::read));
}

/// Compiles the book that was read: `{"store": …, "times": {"2026-12-01T06:00": …}}`. Answers its number and facts.
#[unsafe(no_mangle)]
pub extern "C" fn pricing_compile() {
    with(|engine| engine.answer(Engine::compile));
}

/// Prices a basket: `{"book": …, "basket": …, "explain": …}`. Answers as `store-hub price --json`.
#[unsafe(no_mangle)]
pub extern "C" fn pricing_price() {
    with(|engine| engine.answer(|engine, request| engine.price(request)));
}

/// Releases a book.
#[unsafe(no_mangle)]
pub extern "C" fn pricing_release(book: usize) {
    with(|engine| engine.release(book));
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const BOOK: &str = concat!(
        "{\"book\": {\"version\": \"v1\", \"currency\": \"EUR\"}}\n",
        "{\"price\": {\"id\": \"a\", \"sku\": \"A\", \"kind\": \"regular\", \"from\": \"1970-01-01T00:10\", ",
        "\"price\": {\"minor\": 250, \"per\": \"each\"}}}",
    );

    fn call<T: Serialize>(
        engine: &mut Engine,
        of: fn(&mut Engine, &[u8]) -> Result<T, Failure>,
        request: &Value,
    ) -> Value {
        engine.input = if let Value::String(text) = request {
            text.clone().into_bytes()
        } else {
            request.to_string().into_bytes()
        };
        engine.answer(of);
        assert!(engine.input.is_empty());
        serde_json::from_slice(&engine.output).unwrap()
    }

    fn basket(book: usize, at_ms: i64) -> Value {
        let basket = json!({"moment": {"at_ms": at_ms, "weekday": "thursday", "minute": 10}, "channel": "web",
            "lines": [{"number": 1, "sku": "A", "quantity": {"milli": 2000, "unit": "each"}}]});
        json!({"book": book, "basket": basket, "explain": true})
    }

    fn price(engine: &mut Engine, request: &[u8]) -> Result<Quote, Failure> {
        engine.price(request)
    }

    #[test]
    fn a_book_is_read_compiled_used_and_released() {
        let mut engine = Engine::default();
        assert_eq!(call(&mut engine, Engine::read, &json!(BOOK)), json!({"ok": ["1970-01-01T00:10"]}));
        let compiled =
            call(&mut engine, Engine::compile, &json!({"store": "", "times": {"1970-01-01T00:10": 600_000}}));
        assert_eq!(compiled, json!({"ok": {"book": 0, "version": "v1", "currency": "EUR", "items": 1}}));
        let priced = call(&mut engine, price, &basket(0, 600_000));
        assert_eq!((&priced["ok"]["total"], &priced["ok"]["rejected"]), (&json!(500), &json!([])));
        let early = call(&mut engine, price, &basket(0, 599_999));
        assert_eq!(
            early["error"]["message"],
            "line 1: no price for item A at this time: publish one, or key the amount"
        );
        engine.release(0);
        engine.release(7);
        let released = call(&mut engine, price, &basket(0, 600_000));
        assert_eq!(released["error"]["message"], "the price book was released");
    }

    #[test]
    fn bad_requests_and_books_are_explained() {
        let mut engine = Engine::default();
        let message = |answer: Value| answer["error"]["message"].as_str().unwrap().to_owned();
        let compile = json!({"store": "", "times": {}});
        assert_eq!(message(call(&mut engine, Engine::compile, &compile)), "read a book first");
        call(&mut engine, Engine::read, &json!(BOOK));
        assert!(
            message(call(&mut engine, Engine::compile, &compile)).contains("1970-01-01T00:10 of the book is missing")
        );
        call(&mut engine, Engine::read, &json!("{\"price\": {}}"));
        let wrong = call(&mut engine, Engine::compile, &compile);
        assert_eq!(wrong["error"]["problems"][0]["line"], 1, "{wrong}");
        assert!(message(call(&mut engine, price, &json!({"book": 0}))).contains("missing field"));
        engine.input = vec![0xff];
        engine.answer(Engine::read);
        assert!(String::from_utf8(engine.output).unwrap().contains("invalid utf-8"));
    }
}
