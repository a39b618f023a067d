//! Compresses large responses for clients that take it. Only public ones: from the size of a compressed response one could
//! guess what is in it.

use axum::extract::Request;
use axum::http::header;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::SizeAbove;

/// From how many bytes on a response is compressed.
const SMALLEST_COMPRESSED: u64 = 1024;

/// Makes the layer that compresses. [`prepare_request`] must come before it.
pub(super) fn compression_layer() -> CompressionLayer<SizeAbove> {
    CompressionLayer::new()
        .quality(CompressionLevel::Fastest)
        .compress_when(SizeAbove::new(SMALLEST_COMPRESSED))
}

/// Sends nothing compressed to a client that excludes an encoding. To one that excludes all of them, the layer would answer
/// 406 in place of each status, errors included.
pub(super) async fn prepare_request(mut request: Request) -> Request {
    let values = request.headers().get_all(header::ACCEPT_ENCODING).iter();
    let has_excluded = |value: &str| value.split(',').any(is_excluded);
    if values.filter_map(|value| value.to_str().ok()).any(has_excluded) {
        request.headers_mut().remove(header::ACCEPT_ENCODING);
    }
    request
}

/// Tells whether a part of `Accept-Encoding` has the weight zero.
fn is_excluded(encoding: &str) -> bool {
    encoding.split(';').skip(1).any(|parameter| {
        let (name, weight) = parameter.split_once('=').unwrap_or_default();
        name.trim().eq_ignore_ascii_case("q") && weight.trim().parse() == Ok(0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weight_zero_excludes_an_encoding() {
        for excluded in ["identity;q=0", "*; q=0.0", "gzip;Q=0.000", "br ;q = 0"] {
            assert!(is_excluded(excluded), "{excluded}");
        }
        for accepted in [
            "gzip",
            "br;q=0.5",
            "*;q=1",
            "q=0",
            "gzip;level=0",
            "gzip;q=",
            "gzip;q=x",
            "",
        ] {
            assert!(!is_excluded(accepted), "{accepted}");
        }
    }
}
