//! The style and the script of the console, which are part of the program.
//!
//! Their paths have a digest of their content, so that a browser keeps them until they change.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::timeline_style::write_timeline_style;
use crate::http::error::Problem;

/// A file of the console.
pub(super) struct Asset {
    name: &'static str,
    kind: &'static str,
    content: String,
    version: String,
}

/// The style of all pages.
pub(super) static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    let style = include_str!("../pages/console.css").to_owned();
    let style = style + include_str!("../pages/console_shop.css");
    Asset::new(
        "console.css",
        "text/css; charset=utf-8",
        style + &write_timeline_style(),
    )
});

/// The script of all pages. Everything works without it.
pub(super) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    let script = include_str!("../pages/console.js").to_owned();
    Asset::new("console.js", "text/javascript; charset=utf-8", script)
});

impl Asset {
    fn new(name: &'static str, kind: &'static str, content: String) -> Self {
        let digest = hex::encode(Sha256::digest(&content));
        Self {
            name,
            kind,
            version: digest[..12].to_owned(),
            content,
        }
    }

    /// Returns the path of the file.
    pub(super) fn path(&self) -> String {
        format!("/console/assets/{}/{}", self.version, self.name)
    }
}

/// Serves a file of the console. An instance of another version may have made the page: then the file is ours, and is not kept.
pub(super) async fn serve(Path((version, file)): Path<(String, String)>) -> Result<Response, Problem> {
    let asset = [&*STYLE, &*SCRIPT].into_iter().find(|asset| asset.name == file);
    let asset = asset.ok_or_else(|| Problem::not_found("path"))?;
    let cache = match version == asset.version {
        true => "public, max-age=31536000, immutable",
        false => "no-store",
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(asset.kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static(cache)),
    ];
    Ok((headers, asset.content.as_str()).into_response())
}
