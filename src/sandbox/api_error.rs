//! The errors of the simulated API, with Stripe's types, codes and messages (docs.stripe.com/api/errors).
//!
//! There is one constructor for each error. Whether an error is saved under the idempotency key depends on the step that
//! returns it, see `api_operations`.

use serde_json::{Value, json};

/// An error response: the HTTP status and the members of Stripe's `error` object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApiError {
    pub(super) status: u16,
    pub(super) kind: &'static str,
    pub(super) code: Option<&'static str>,
    pub(super) message: String,
    pub(super) param: Option<String>,
}

impl ApiError {
    /// Creates a 400 of type `invalid_request_error` that has only a message.
    pub(super) fn invalid_request(message: impl Into<String>) -> ApiError {
        ApiError {
            status: 400,
            kind: "invalid_request_error",
            code: None,
            message: message.into(),
            param: None,
        }
    }

    fn invalid_param_with_code(code: &'static str, param: &str, message: String) -> ApiError {
        ApiError {
            code: Some(code),
            param: Some(param.to_owned()),
            ..ApiError::invalid_request(message)
        }
    }

    pub(super) fn invalid_param(param: &str, message: impl Into<String>) -> ApiError {
        ApiError {
            param: Some(param.to_owned()),
            ..ApiError::invalid_request(message)
        }
    }

    pub(super) fn with_code(self, code: &'static str) -> ApiError {
        ApiError {
            code: Some(code),
            ..self
        }
    }

    pub(super) fn missing_param(param: &str) -> ApiError {
        ApiError::invalid_param_with_code(
            "parameter_missing",
            param,
            format!("Missing required param: {param}."),
        )
    }

    pub(super) fn unknown_param(param: &str) -> ApiError {
        ApiError::invalid_param_with_code(
            "parameter_unknown",
            param,
            format!("Received unknown parameter: {param}"),
        )
    }

    pub(super) fn invalid_integer(param: &str, value: &str) -> ApiError {
        ApiError::invalid_param_with_code(
            "parameter_invalid_integer",
            param,
            format!("Invalid integer: {value}"),
        )
    }

    pub(super) fn invalid_url(param: &str) -> ApiError {
        ApiError::invalid_param_with_code("url_invalid", param, "Not a valid URL".to_owned())
    }

    /// Creates a 404 for an unknown id. `noun` and `param` are the object's and the parameter's names in Stripe's docs.
    pub(super) fn no_such_object(noun: &str, param: &str, id: &str) -> ApiError {
        ApiError {
            status: 404,
            ..ApiError::invalid_param_with_code("resource_missing", param, format!("No such {noun}: '{id}'"))
        }
    }

    pub(super) fn no_such_route(method: &str, path: &str) -> ApiError {
        ApiError {
            status: 404,
            ..ApiError::invalid_request(format!(
                "Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we can help \
                 at https://support.stripe.com/."
            ))
        }
    }

    pub(super) fn unauthorized(message: impl Into<String>) -> ApiError {
        ApiError {
            status: 401,
            ..ApiError::invalid_request(message)
        }
    }

    /// Creates the error for a restricted key (docs.stripe.com/keys/restricted-api-keys).
    pub(super) fn forbidden() -> ApiError {
        let message =
            "The provided key does not have the required permissions for this endpoint on this account.";
        ApiError {
            status: 403,
            ..ApiError::invalid_request(message).with_code("more_permissions_required")
        }
    }

    pub(super) fn idempotency_key_reused(key: &str) -> ApiError {
        ApiError {
            kind: "idempotency_error",
            ..ApiError::invalid_request(format!(
                "Keys for idempotent requests can only be used with the same parameters they were first used with. \
                 Try using a key other than '{key}' if you meant to execute a different request."
            ))
        }
    }

    pub(super) fn idempotency_key_in_use(key: &str) -> ApiError {
        ApiError {
            status: 409,
            code: Some("idempotency_key_in_use"),
            ..ApiError::invalid_request(format!(
                "There is currently another in-progress request using this Stripe-Idempotency-Key (that probably \
                 means you submitted twice, and the other request is still going through): {key}. Please try again \
                 later."
            ))
        }
    }

    pub(super) fn server_error() -> ApiError {
        ApiError {
            status: 500,
            kind: "api_error",
            ..ApiError::invalid_request("An unknown error occurred on Stripe's side.")
        }
    }

    /// Renders the body of the HTTP response.
    pub(super) fn to_json(&self) -> Value {
        let mut error = json!({ "type": self.kind, "message": self.message });
        if let Some(code) = self.code {
            error["code"] = json!(code);
            error["doc_url"] = json!(format!(
                "https://stripe.com/docs/error-codes/{}",
                code.replace('_', "-")
            ));
        }
        if let Some(param) = &self.param {
            error["param"] = json!(param);
        }
        json!({ "error": error })
    }
}
