//! The ids of the operations in the API description, by which the audit trail names what operators do.

use std::collections::BTreeMap;

use axum::http::Method;
use utoipa::openapi::OpenApi;

/// The ids of the operations, by method and path.
pub struct OperationNames(BTreeMap<(&'static str, String), String>);

impl OperationNames {
    /// Reads the ids out of the API description.
    pub fn new(api: &OpenApi) -> Self {
        let operations = api.paths.paths.iter().flat_map(|(path, item)| {
            [("PUT", &item.put), ("POST", &item.post), ("DELETE", &item.delete)].map(|(method, operation)| {
                let id = operation.as_ref()?.operation_id.clone()?;
                Some(((method, path.clone()), id))
            })
        });
        Self(operations.flatten().collect())
    }

    /// Returns the id of an operation, or else its method and path.
    pub(super) fn find(&self, method: &Method, path: &str) -> String {
        let mut operations = self.0.iter();
        let found =
            operations.find(|((its_method, its_path), _)| *its_method == method.as_str() && its_path == path);
        found.map_or_else(|| format!("{method} {path}"), |(_, id)| id.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn act_is_named_by_its_operation() {
        let names = OperationNames::new(&crate::http::describe_api());
        assert_eq!(
            names.find(&Method::PUT, "/v1/admin/event-types/{id}"),
            "putEventType"
        );
        assert_eq!(names.find(&Method::POST, "/v1/holds/{id}/move"), "moveHold");
        assert_eq!(names.find(&Method::POST, "/x"), "POST /x");
    }
}
