//! One request, one answer, over a connection of its own.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// Asks; the headers are whole lines, each with its end.
pub fn ask(address: &str, method: &str, path: &str, headers: &str, body: &[u8]) -> std::io::Result<Answer> {
    let mut wire = TcpStream::connect(address)?;
    wire.set_read_timeout(Some(Duration::from_mins(1)))?;
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
    );
    wire.write_all(&[head.as_bytes(), body].concat())?;
    let mut all = Vec::new();
    wire.read_to_end(&mut all)?;
    let end = all.windows(4).position(|four| four == b"\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let head = String::from_utf8_lossy(&all[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or(std::io::ErrorKind::InvalidData)?;
    Ok(Answer { status, head, body: all.split_off(end + 4) })
}

/// Asks with a token and JSON.
pub fn json(address: &str, method: &str, path: &str, token: &str, body: &Value) -> std::io::Result<Answer> {
    let sent = if body.is_null() { String::new() } else { body.to_string() };
    let headers = format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n");
    ask(address, method, path, &headers, sent.as_bytes())
}

/// Asks without anything.
pub fn get(address: &str, path: &str) -> std::io::Result<Answer> {
    ask(address, "GET", path, "", b"")
}

/// Signs in by the form.
pub fn sign_in(address: &str, login: &str) -> Answer {
    let headers = "Content-Type: application/x-www-form-urlencoded\r\nSec-Fetch-Site: same-origin\r\n";
    let body = format!("login={login}&password=open%20sesame%20please");
    ask(address, "POST", "/sign-in", headers, body.as_bytes()).expect("answers")
}
