//! The reasons why a test control refuses an action.

/// The reason why a control changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// The session id is unknown.
    #[error("no such session")]
    NoSuchSession,
    /// The payment intent id is unknown.
    #[error("no such payment intent")]
    NoSuchIntent,
    /// The refund id is unknown.
    #[error("no such refund")]
    NoSuchRefund,
    /// The dispute id is unknown.
    #[error("no such dispute")]
    NoSuchDispute,
    /// The request body is not what the control expects.
    #[error("{0}")]
    Malformed(String),
    /// The event id is unknown, or no webhook URL is set.
    #[error("no such event, or no webhook address")]
    NotDeliverable,
    /// The session's state does not allow this outcome; the text names the state.
    ///
    /// For example, the session is expired, or no delayed payment is in progress.
    #[error("this session cannot be paid like that: it is {0}")]
    NotPayable(&'static str),
    /// The session's `allowed_payment_method_types` contains no delayed method.
    #[error("this session takes no delayed payment methods")]
    MethodNotAllowed,
    /// The intent has no charge, or its charge is already disputed.
    #[error("there is no charge to dispute")]
    NothingToDispute,
    /// The API refuses this call with this message.
    #[error("{0}")]
    Refused(String),
}
