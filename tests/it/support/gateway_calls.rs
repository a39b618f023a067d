//! Passes the calls about refunds and disputes on, for a gateway of a test that only changes calls about sessions.

/// Implements `LedgerGateway` by the gateway that `$inner` gives.
macro_rules! pass_ledger_calls {
    ($gateway:ty, |$own:ident| $inner:expr) => {
        #[async_trait::async_trait]
        impl holdfast::gateway::LedgerGateway for $gateway {
            async fn create_refund(
                &self,
                intent: &holdfast::domain::ids::IntentId,
                money: holdfast::domain::money::Money,
                command: holdfast::domain::ids::CommandId,
                key: &str,
            ) -> Result<holdfast::domain::ledger::snapshots::RefundSnapshot, holdfast::gateway::GatewayError>
            {
                let $own = self;
                $inner.create_refund(intent, money, command, key).await
            }

            async fn list_refund_page(
                &self,
                filter: &holdfast::gateway::ListFilter,
                after: Option<&holdfast::domain::ids::RefundId>,
            ) -> Result<
                holdfast::gateway::ListPage<holdfast::domain::ledger::snapshots::RefundSnapshot>,
                holdfast::gateway::GatewayError,
            > {
                let $own = self;
                $inner.list_refund_page(filter, after).await
            }

            async fn list_dispute_page(
                &self,
                filter: &holdfast::gateway::ListFilter,
                after: Option<&holdfast::domain::ids::DisputeId>,
            ) -> Result<
                holdfast::gateway::ListPage<holdfast::domain::ledger::snapshots::DisputeSnapshot>,
                holdfast::gateway::GatewayError,
            > {
                let $own = self;
                $inner.list_dispute_page(filter, after).await
            }
        }
    };
}
pub(crate) use pass_ledger_calls;
