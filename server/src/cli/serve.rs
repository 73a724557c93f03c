//! `hutong serve`.

use std::net::SocketAddr;

use serde_json::json;
use tokio::net::TcpListener;

use super::{CliError, Output};
use crate::app::App;
use crate::start::{self, Place, StartError};

/// Opens the installation and serves it until it is told to stop.
pub async fn serve(place: &Place, listen: SocketAddr, output: &Output) -> Result<(), CliError> {
    let app = start::open(place).await?;
    let listener = bind(listen).await?;
    let url = url_of(&listener)?;
    output.say(&format!("serving {url}"), &json!({ "url": url }));
    run(app, listener).await
}

async fn bind(listen: SocketAddr) -> Result<TcpListener, CliError> {
    Ok(TcpListener::bind(listen).await.map_err(|fault| StartError::Listen(listen.to_string(), fault))?)
}

fn url_of(listener: &TcpListener) -> Result<String, CliError> {
    let address = listener.local_addr().map_err(|fault| StartError::Listen("?".into(), fault))?;
    Ok(format!("http://{address}"))
}

async fn run(app: App, listener: TcpListener) -> Result<(), CliError> {
    let served = crate::front::serve(app, listener, asked_to_stop()).await;
    Ok(served.map_err(|fault| StartError::Listen("?".into(), fault))?)
}

/// Ends with SIGTERM or Ctrl-C.
async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut term) = signal(SignalKind::terminate()) else { return };
    tokio::select! {
        _ = term.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
