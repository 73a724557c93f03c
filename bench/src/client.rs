//! A keep-alive HTTP/1.1 connection, as thin as it gets: what the client costs is printed as its ceiling.

use std::error::Error;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;

/// Whatever can go wrong while measuring; it ends the run.
pub type Fault = Box<dyn Error + Send + Sync>;

/// A refusal of a use-case in words.
pub fn plain_text(error: server::error::AppError) -> String {
    server::error::plain_text(error, web::Lang::En)
}

/// One request of a plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ask {
    /// `GET`, `POST`
    pub method: String,
    /// path and query
    pub path: String,
    /// bearer token, empty for none
    pub token: String,
    /// JSON, empty for none
    pub body: String,
}

impl Ask {
    /// A signed-in GET.
    pub fn get(path: impl Into<String>, token: &str) -> Self {
        Self { method: "GET".into(), path: path.into(), token: token.into(), body: String::new() }
    }

    /// A signed-in POST of JSON.
    pub fn post(path: impl Into<String>, token: &str, body: impl Into<String>) -> Self {
        Self { method: "POST".into(), path: path.into(), token: token.into(), body: body.into() }
    }
}

/// An open connection to the server under test.
pub struct Client {
    address: String,
    sender: SendRequest<Full<Bytes>>,
}

impl Client {
    /// Connects to `127.0.0.1:PORT`.
    pub async fn connect(address: &str) -> Result<Self, Fault> {
        Ok(Self { address: address.to_owned(), sender: open(address).await? })
    }

    /// Where it goes.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Sends and gives the answer before its body; reconnects once when the server closed the connection.
    pub async fn send(&mut self, ask: &Ask) -> Result<Response<Incoming>, Fault> {
        if self.sender.ready().await.is_err() {
            self.sender = open(&self.address).await?;
            self.sender.ready().await?;
        }
        let mut request = Request::builder().method(ask.method.as_str()).uri(&ask.path).header("host", &self.address);
        if !ask.token.is_empty() {
            request = request.header("authorization", format!("Bearer {}", ask.token));
        }
        if !ask.body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        let request = request.body(Full::new(Bytes::from(ask.body.clone())))?;
        Ok(self.sender.send_request(request).await?)
    }

    /// Sends and reads the whole answer.
    pub async fn ask(&mut self, ask: &Ask) -> Result<(StatusCode, Bytes), Fault> {
        let answer = self.send(ask).await?;
        let status = answer.status();
        Ok((status, answer.into_body().collect().await?.to_bytes()))
    }

    /// Asks for JSON; any other status than success is a fault that shows the answer.
    pub async fn json(&mut self, ask: &Ask) -> Result<serde_json::Value, Fault> {
        let (status, body) = self.ask(ask).await?;
        if !status.is_success() {
            return Err(format!("{} {}: {status} {}", ask.method, ask.path, String::from_utf8_lossy(&body)).into());
        }
        if body.is_empty() { Ok(serde_json::Value::Null) } else { Ok(serde_json::from_slice(&body)?) }
    }
}

async fn open(address: &str) -> Result<SendRequest<Full<Bytes>>, Fault> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}
