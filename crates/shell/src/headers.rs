//! The headers that keep browsers in bounds.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

/// Scripts, styles, pictures and connections from here only, nothing inline, no frames.
pub const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What is no page: nothing in it is loaded, run, sent or followed, whatever was put into it.
const CSP_OF_DATA: &str = "default-src 'none'; frame-ancestors 'none'; sandbox";

const HEADERS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
];

/// Sets each header that the handler did not set itself. Nothing is stored by browsers or proxies unless a
/// handler of a public page or an asset says so.
pub fn apply(headers: &mut HeaderMap) {
    let of_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = of_type.split(';').next().unwrap_or_default().trim();
    let is_xml = matches!(media, "application/xml" | "text/xml")
        || media.ends_with("+xml") && media != "image/svg+xml";
    let csp = match media {
        // Browsers show documents in a viewer of their own, which opens in no sandbox.
        "text/html" | "application/pdf" | "" => CSP,
        _ => CSP_OF_DATA,
    };
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(csp));
    // A browser would show what others sent as a page of this site.
    if is_xml {
        headers.entry(header::CONTENT_DISPOSITION).or_insert(HeaderValue::from_static("attachment"));
    }
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

/// [`apply`] as a layer: `router.layer(axum::middleware::from_fn(headers::security))`. Outermost, so that
/// errors have them too.
pub async fn security(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    apply(response.headers_mut());
    response
}

/// Two years, as browsers ask for (RFC 6797).
const HSTS: &str = "max-age=63072000";

/// The layer that holds browsers to TLS where the site is reached over it:
/// `from_fn_with_state(site.secure, headers::transport)`.
pub async fn transport(State(secure): State<bool>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if secure {
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HSTS));
    }
    response
}
