//! What the simulated API says when it refuses, in Stripe's words and shapes.
//!
//! One constructor for each refusal. Whether an answer is kept under an idempotency key is not decided here but by
//! where it arises: refusals of the parameters are not kept, refusals of the order itself are.

use serde_json::{Value, json};

/// A refusal: an HTTP status and the members of Stripe's `error` object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApiError {
    pub(super) status: u16,
    pub(super) kind: &'static str,
    pub(super) code: Option<&'static str>,
    pub(super) message: String,
    pub(super) param: Option<String>,
}

impl ApiError {
    /// A 400 of type `invalid_request_error` with nothing but its message.
    pub(super) fn invalid(message: impl Into<String>) -> ApiError {
        ApiError {
            status: 400,
            kind: "invalid_request_error",
            code: None,
            message: message.into(),
            param: None,
        }
    }

    fn coded(code: &'static str, param: &str, message: String) -> ApiError {
        ApiError {
            code: Some(code),
            param: Some(param.to_owned()),
            ..ApiError::invalid(message)
        }
    }

    pub(super) fn about(param: &str, message: impl Into<String>) -> ApiError {
        ApiError {
            param: Some(param.to_owned()),
            ..ApiError::invalid(message)
        }
    }

    pub(super) fn with_code(self, code: &'static str) -> ApiError {
        ApiError {
            code: Some(code),
            ..self
        }
    }

    pub(super) fn missing(param: &str) -> ApiError {
        ApiError::coded(
            "parameter_missing",
            param,
            format!("Missing required param: {param}."),
        )
    }

    pub(super) fn unknown_param(param: &str) -> ApiError {
        ApiError::coded(
            "parameter_unknown",
            param,
            format!("Received unknown parameter: {param}"),
        )
    }

    pub(super) fn not_an_integer(param: &str, value: &str) -> ApiError {
        ApiError::coded(
            "parameter_invalid_integer",
            param,
            format!("Invalid integer: {value}"),
        )
    }

    pub(super) fn bad_url(param: &str) -> ApiError {
        ApiError::coded("url_invalid", param, "Not a valid URL".to_owned())
    }

    /// 404 for an id that was never handed out. `noun` is the object's name, `param` the parameter's in Stripe's docs.
    pub(super) fn no_such(noun: &str, param: &str, id: &str) -> ApiError {
        ApiError {
            status: 404,
            ..ApiError::coded("resource_missing", param, format!("No such {noun}: '{id}'"))
        }
    }

    pub(super) fn no_such_route(method: &str, path: &str) -> ApiError {
        ApiError {
            status: 404,
            ..ApiError::invalid(format!(
                "Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we can help \
                 at https://support.stripe.com/."
            ))
        }
    }

    pub(super) fn unauthorized(message: impl Into<String>) -> ApiError {
        ApiError {
            status: 401,
            ..ApiError::invalid(message)
        }
    }

    pub(super) fn other_parameters(key: &str) -> ApiError {
        ApiError {
            kind: "idempotency_error",
            ..ApiError::invalid(format!(
                "Keys for idempotent requests can only be used with the same parameters they were first used with. \
                 Try using a key other than '{key}' if you meant to execute a different request."
            ))
        }
    }

    pub(super) fn key_in_use(key: &str) -> ApiError {
        ApiError {
            status: 409,
            code: Some("idempotency_key_in_use"),
            ..ApiError::invalid(format!(
                "There is currently another in-progress request using this Stripe-Idempotency-Key (that probably \
                 means you submitted twice, and the other request is still going through): {key}. Please try again \
                 later."
            ))
        }
    }

    pub(super) fn server() -> ApiError {
        ApiError {
            status: 500,
            kind: "api_error",
            ..ApiError::invalid("An unknown error occurred on Stripe's side.")
        }
    }

    /// The HTTP body.
    pub(super) fn body(&self) -> Value {
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
