//! An HTTP/1.1 client of the tests' own: one connection, one request at a time, nothing sent twice by itself.

use std::io::{Error, Result};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};

use super::program::Serving;

/// A connection that is opened when it is needed.
pub struct Client {
    to: SocketAddr,
    from: Ipv4Addr,
    stream: Option<BufReader<TcpStream>>,
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub fn text(&self) -> String {
        format!("{} {}", self.status, String::from_utf8_lossy(&self.body))
    }
}

impl Client {
    /// To `127.0.0.1:PORT`.
    pub fn to(address: &str) -> Self {
        Self::from(address, Ipv4Addr::LOCALHOST)
    }

    /// The same from an address of its own: public doors count their callers by it.
    pub fn from(address: &str, from: Ipv4Addr) -> Self {
        Self { to: address.parse().expect("an address"), from, stream: None }
    }

    /// Goes on under another address.
    pub fn move_to(&mut self, from: Ipv4Addr) {
        self.from = from;
        self.stream = None;
    }

    /// Sends JSON as whoever has this token (nobody: empty) and reads the answer.
    pub async fn json(&mut self, method: &str, path: &str, token: &str, body: &Value) -> Result<Answer> {
        let mut headers = String::new();
        if !token.is_empty() {
            headers.push_str(&format!("authorization: Bearer {token}\r\n"));
        }
        let body = if body.is_null() { String::new() } else { body.to_string() };
        if !body.is_empty() {
            headers.push_str("content-type: application/json\r\n");
        }
        self.ask(method, path, &headers, body.as_bytes()).await
    }

    pub async fn get(&mut self, path: &str, token: &str) -> Result<Answer> {
        self.json("GET", path, token, &Value::Null).await
    }

    /// Sends with header lines; after any fault the next request opens another connection.
    pub async fn ask(&mut self, method: &str, path: &str, headers: &str, body: &[u8]) -> Result<Answer> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.open().await?,
        };
        let length = body.len();
        let mut sent =
            format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n{headers}content-length: {length}\r\n\r\n", self.to)
                .into_bytes();
        sent.extend_from_slice(body);
        stream.get_mut().write_all(&sent).await?;
        let answer = read(&mut stream).await?;
        if answer.header("connection") != Some("close") {
            self.stream = Some(stream);
        }
        Ok(answer)
    }

    async fn open(&self) -> Result<BufReader<TcpStream>> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        if self.from != Ipv4Addr::LOCALHOST {
            socket.bind((self.from, 0).into())?;
        }
        let stream = socket.connect(self.to).await?;
        stream.set_nodelay(true)?;
        Ok(BufReader::new(stream))
    }
}

/// Waits until a server that has just begun says that it is ready.
pub async fn ready(server: &Serving) {
    let begin = Instant::now();
    let mut client = Client::to(&server.address);
    loop {
        let told = client.get("/readyz", "").await.expect("an answer");
        if told.status == 200 {
            return;
        }
        assert!(begin.elapsed() < Duration::from_secs(40), "{}", told.text());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn line(stream: &mut BufReader<TcpStream>) -> Result<String> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Err(Error::other("closed"));
    }
    Ok(line.trim_end().to_owned())
}

async fn read(stream: &mut BufReader<TcpStream>) -> Result<Answer> {
    let broken = || Error::other("not an answer");
    let first = line(stream).await?;
    let status = first.split(' ').nth(1).and_then(|text| text.parse().ok()).ok_or_else(broken)?;
    let mut answer = Answer { status, headers: Vec::new(), body: Vec::new() };
    loop {
        let header = line(stream).await?;
        if header.is_empty() {
            break;
        }
        let (name, value) = header.split_once(':').ok_or_else(broken)?;
        answer.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    if answer.header("transfer-encoding") == Some("chunked") {
        loop {
            let length = usize::from_str_radix(&line(stream).await?, 16).map_err(|_| broken())?;
            let start = answer.body.len();
            answer.body.resize(start + length, 0);
            stream.read_exact(&mut answer.body[start..]).await?;
            line(stream).await?;
            if length == 0 {
                return Ok(answer);
            }
        }
    }
    let length = answer.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    answer.body.resize(length, 0);
    stream.read_exact(&mut answer.body).await?;
    Ok(answer)
}
