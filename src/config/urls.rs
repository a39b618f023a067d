//! Parses the addresses that variables have.

use url::Url;

/// Checks the address of a page that Stripe sends guests to.
pub(super) fn check_page_url(text: &str) -> Result<(), &'static str> {
    let good = Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if good {
        Ok(())
    } else {
        Err("must be an absolute http or https URL")
    }
}

/// Parses the origins of checkout pages, separated by commas.
pub(super) fn parse_origins(text: &str) -> Result<Vec<Url>, &'static str> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(parse_origin)
        .collect::<Option<Vec<_>>>()
        .ok_or("must be origins, comma-separated: https://shop.example")
}

fn parse_origin(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let bare =
        url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    (matches!(url.scheme(), "http" | "https") && bare).then_some(url)
}

/// Parses the address at which guests reach the service, if there is one. It has no path, because links to the pages begin
/// at the root.
pub(super) fn parse_public_url(text: &str) -> Result<Option<Url>, &'static str> {
    if text.is_empty() {
        return Ok(None);
    }
    let origin = parse_origin(text).filter(Url::has_host);
    origin
        .map(Some)
        .ok_or("must be an http or https address without a path, such as https://pay.example")
}

/// Parses the address of Stripe.
pub(super) fn parse_api_base(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or("must be an absolute http or https URL")
}
