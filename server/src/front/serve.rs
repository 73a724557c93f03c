//! Serving until told to stop, and closing without losing anything.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::app::App;
use crate::jobs;

/// How long open requests may take to end when the house closes.
const CLOSING: Duration = Duration::from_secs(10);

/// Serves `app` and its background work until `shutdown` ends. Then: no new connection is taken, live
/// streams end, jobs stop at their next slice, open requests get ten seconds, leases are given back, the
/// database is closed.
pub async fn serve(
    app: App,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let workers = jobs::start(&app);
    // Whoever took long to open has not heard of the others for as long: who comes meanwhile waits at the door.
    let _ = app.peers.current().await;
    let router = super::app_router(app.clone()).into_make_service_with_connect_info::<SocketAddr>();
    let closing = app.clone();
    let mut stopping = app.stopping();
    let served = axum::serve(listener, router).with_graceful_shutdown(async move {
        shutdown.await;
        tracing::info!("closing");
        closing.stop();
    });
    tokio::select! {
        result = served => result?,
        () = async {
            let _ = stopping.wait_for(|stop| *stop).await;
            tokio::time::sleep(CLOSING).await;
        } => tracing::warn!("some requests did not end in time"),
    }
    app.stop();
    workers.ended().await;
    app.db.close().await;
    tracing::info!("closed");
    Ok(())
}
