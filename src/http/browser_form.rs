//! Extractor of the parameters of a browser request: the query, and under POST the form in the body as well.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use url::form_urlencoded;

use super::form::MAX_PARAMETERS;
use super::pages::notice;
use crate::oauth::parameters::Parameters;

/// Query and form together, so that a parameter in both is a repeated one.
#[derive(Debug)]
pub(super) struct Form(pub(super) Parameters);

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let mut pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        if request.method() == Method::POST {
            if !is_form(&request) {
                let detail = "The request must be a form (application/x-www-form-urlencoded).";
                return Err(notice::error(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported request", detail).into_response());
            }
            let body = Bytes::from_request(request, state).await.map_err(|rejection| {
                notice::error(rejection.status(), "Invalid request", "The form could not be read.").into_response()
            })?;
            pairs.extend(form_urlencoded::parse(&body).into_owned());
        }
        if pairs.len() > MAX_PARAMETERS {
            let detail = "The request has too many parameters.";
            return Err(notice::error(StatusCode::BAD_REQUEST, "Invalid request", detail).into_response());
        }
        Ok(Self(Parameters::from_pairs(pairs)))
    }
}

fn is_form(request: &Request) -> bool {
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}
