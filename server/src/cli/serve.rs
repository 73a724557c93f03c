//! `hutong serve` and `hutong demo`.

use std::net::SocketAddr;

use serde_json::json;
use tokio::net::TcpListener;

use super::{CliError, Output};
use crate::app::App;
use crate::platform::log;
use crate::start::{self, Place, StartError};

/// Opens the installation and serves it until it is told to stop.
pub async fn serve(place: &Place, listen: SocketAddr, output: &Output) -> Result<(), CliError> {
    log::begin();
    let _folder = place.take_folder()?;
    let app = start::open(place).await?;
    crate::peers::join(&app).await?;
    super::audit::at_start(&app, output).await?;
    let listener = bind(listen).await?;
    let url = url_of(&listener)?;
    match crate::administration::set_up::code(&app)? {
        Some(code) => output.say(
            &format!("serving {url}\nset it up at {url}/setup with the code {code}"),
            &json!({ "url": url, "set_up_code": code }),
        ),
        None => output.say(&format!("serving {url}"), &json!({ "url": url })),
    }
    run(app, listener).await
}

/// Builds the demo city if it is not there yet, prints who can sign in, and serves it; with `activity`,
/// made-up people submit so many times a minute.
pub async fn demo(place: &Place, listen: SocketAddr, activity: Option<u32>, output: &Output) -> Result<(), CliError> {
    log::begin();
    let _folder = place.take_folder()?;
    let app = start::open(place).await?;
    crate::peers::join(&app).await?;
    super::audit::at_start(&app, output).await?;
    let listener = bind(listen).await?;
    let url = url_of(&listener)?;
    let known = app.installation.load().demo;
    if !known && !output.is_json() {
        output.say("building the demo city (Datong); this takes a moment", &json!({}));
    }
    let accounts = crate::demo::build(&app, &url).await?;
    let mut text = format!("{} is served at {url}\n\n  sign-in      password   who\n", app.installation.load().name);
    for account in &accounts.accounts {
        text.push_str(&format!(
            "  {:<12} {}   {} {} {}\n",
            account.login, account.password, account.organization, account.post, account.name
        ));
    }
    if let Some(per_minute) = activity {
        text.push_str(&format!("\n  made-up workers and residents submit {per_minute} times a minute\n"));
    }
    output.say(&text, &json!({ "url": url, "accounts": accounts.accounts, "activity": activity }));
    let busy = activity.map(|per_minute| tokio::spawn(crate::demo::activity::run(app.clone(), per_minute)));
    let served = run(app, listener).await;
    if let Some(busy) = busy {
        busy.abort();
    }
    served
}

async fn bind(listen: SocketAddr) -> Result<TcpListener, CliError> {
    Ok(TcpListener::bind(listen).await.map_err(|fault| StartError::Listen(listen.to_string(), fault))?)
}

fn url_of(listener: &TcpListener) -> Result<String, CliError> {
    let address = listener.local_addr().map_err(|fault| StartError::Listen("?".into(), fault))?;
    Ok(format!("http://{address}"))
}

async fn run(app: App, listener: TcpListener) -> Result<(), CliError> {
    crate::platform::log::begin();
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
