//! Lets the layers around a route share it. Each layer clones what is inside it for each request, and a route is cloned with all
//! of its own layers, each in new memory. Under this layer the route is cloned for each request, and no longer for each layer around it.

use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::Request;
use tower::util::Oneshot;
use tower::{Layer, Service, ServiceExt};

/// The innermost layer of a stack: it alone clones what is inside it, and the layers around it share it.
#[derive(Clone, Copy, Debug)]
pub(super) struct ShareLayer;

impl<S> Layer<S> for ShareLayer {
    type Service = SharedService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        SharedService(Arc::new(inner))
    }
}

/// A service whose clones are one service.
#[derive(Debug)]
pub(super) struct SharedService<S>(Arc<S>);

// `derive` would ask for `S: Clone`, which is not needed.
impl<S> Clone for SharedService<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S: Service<Request> + Clone> Service<Request> for SharedService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = Oneshot<S, Request>;

    // The clone that takes the request waits until it is ready.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        S::clone(&self.0).oneshot(request)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::{Ready, ready};
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use axum::body::Body;
    use axum::middleware::{Next, from_fn};
    use axum::response::{IntoResponse, Response};
    use tower::ServiceBuilder;

    use super::*;

    /// A service that counts its clones.
    struct Counted(Arc<AtomicUsize>);

    impl Clone for Counted {
        fn clone(&self) -> Self {
            self.0.fetch_add(1, Ordering::SeqCst);
            Self(self.0.clone())
        }
    }

    impl Service<Request> for Counted {
        type Response = Response;
        type Error = Infallible;
        type Future = Ready<Result<Response, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Request) -> Self::Future {
            ready(Ok("served".into_response()))
        }
    }

    async fn pass_on(request: Request, next: Next) -> Response {
        next.run(request).await
    }

    #[tokio::test]
    async fn request_clones_a_service_once_under_all_layers() {
        let clones = Arc::new(AtomicUsize::new(0));
        let layers = ServiceBuilder::new()
            .layer(from_fn(pass_on))
            .layer(from_fn(pass_on))
            .layer(from_fn(pass_on))
            .layer(ShareLayer);
        let router: Router = Router::new().fallback_service(layers.service(Counted(clones.clone())));
        for requests in 1..=3 {
            let response = router.clone().oneshot(Request::new(Body::empty())).await.unwrap();
            assert!(response.status().is_success());
            assert_eq!(clones.load(Ordering::SeqCst), requests);
        }
    }
}
