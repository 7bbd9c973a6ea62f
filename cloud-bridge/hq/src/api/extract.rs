//! The parts of a reading request; errors become a [`Problem`].

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::request::Parts,
};
use data_encoding::BASE64URL_NOPAD;
use serde::{Serialize, de::DeserializeOwned};
use utoipa::ToSchema;

use super::problem::{BAD_REQUEST, Problem};

/// Path parameters.
pub(crate) struct InPath<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for InPath<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let raw = RawPathParams::from_request_parts(parts, state).await;
        let raw = raw.map_err(|refused| BAD_REQUEST.because(refused.body_text()))?;
        raw.iter().try_for_each(|(name, value)| bounded(name, value))?;
        let path = axum::extract::Path::from_request_parts(parts, state).await;
        path.map(|path| Self(path.0)).map_err(|refused| BAD_REQUEST.because(refused.body_text()))
    }
}

/// Query parameters.
pub(crate) struct InQuery<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for InQuery<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let raw = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        let raw = raw.map_err(|refused| BAD_REQUEST.because(refused.body_text()))?;
        raw.iter().try_for_each(|(name, value)| bounded(name, value))?;
        let query = axum::extract::Query::from_request_parts(parts, state).await;
        query.map(|query| Self(query.0)).map_err(|refused| BAD_REQUEST.because(refused.body_text()))
    }
}

/// The maximum length of a parameter, in characters. The document says it, too.
pub(super) fn most(name: &str) -> usize {
    // The end of a page, and a list of kinds.
    if matches!(name, "after" | "kinds") { LONGEST } else { 200 }
}

/// Checks the text of a parameter. PostgreSQL texts cannot contain NUL.
fn bounded(name: &str, value: &str) -> Result<(), Problem> {
    let most = most(name);
    if value.contains('\0') {
        return Err(BAD_REQUEST.because(format!("`{name}` contains the character NUL")));
    }
    if value.chars().count() > most {
        return Err(BAD_REQUEST.because(format!("`{name}` is too long: at most {most} characters")));
    }
    Ok(())
}

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// The page's items.
    pub(crate) items: Vec<T>,
    /// The value of `after` for the next page; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

impl<T> Page<T> {
    /// A page of at most `limit` rows, made from `limit + 1` rows if there are that many. `key` is the order of the
    /// list.
    pub(crate) fn of<K: Serialize>(mut items: Vec<T>, limit: usize, key: impl FnOnce(&T) -> K) -> Self {
        let is_last = items.len() <= limit;
        items.truncate(limit);
        let next = items.last().filter(|_| !is_last).map(|last| cursor(&key(last)));
        Self { items, next }
    }
}

/// The end of a page, opaque for clients.
pub(crate) fn cursor(key: &impl Serialize) -> String {
    BASE64URL_NOPAD.encode(&serde_json::to_vec(key).unwrap_or_default())
}

/// The maximum length of a cursor, in characters.
const LONGEST: usize = 2_000;

/// Reads a cursor.
///
/// # Errors
/// The text is not a cursor of this list.
pub(crate) fn read_cursor<K: DeserializeOwned>(text: &str) -> Result<K, Problem> {
    let bytes = (text.len() <= LONGEST).then(|| BASE64URL_NOPAD.decode(text.as_bytes()).ok()).flatten();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).filter(|text| !text.contains("\\u0000"));
    let key = text.and_then(|text| serde_json::from_str(&text).ok());
    key.ok_or_else(|| BAD_REQUEST.because("invalid `after`: use the `next` of an earlier page of this list"))
}

/// The size of a page.
///
/// # Errors
/// It is not 1 to `most`.
pub(crate) fn limit(asked: Option<usize>, default: usize, most: usize) -> Result<usize, Problem> {
    match asked {
        None => Ok(default),
        Some(limit) if (1..=most).contains(&limit) => Ok(limit),
        Some(limit) => Err(BAD_REQUEST.because(format!("`limit` {limit}: 1 to {most}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_anything_else_is_refused() {
        let key = ("store-1".to_owned(), i64::MAX, "ä\"".to_owned());
        assert_eq!(read_cursor::<(String, i64, String)>(&cursor(&key)).ok(), Some(key));
        let nul = cursor(&("\0", 1, ""));
        for wrong in ["", "!", "e30", &cursor(&7), &nul, &"A".repeat(10_000)] {
            assert!(read_cursor::<(String, i64, String)>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_page_names_the_next_one_if_there_is_more() {
        let page = |count: usize| Page::of((0..count).collect(), 3, |last| *last);
        assert_eq!((page(3).items, page(3).next), (vec![0, 1, 2], None));
        let page = page(4);
        assert_eq!(
            (page.items, page.next.map(|next| read_cursor::<usize>(&next).ok())),
            (vec![0, 1, 2], Some(Some(2)))
        );
    }
}
