//! A wire that breaks: between the house and PostgreSQL, cut where it hurts.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;

/// How often, of a thousand.
#[derive(Default)]
pub struct Cuts {
    /// the server's answer to COMMIT never arrives
    pub answer: AtomicU32,
    /// the wire breaks the moment COMMIT is on its way: the server commits while the house asks again
    pub flight: AtomicU32,
    /// the wire breaks before anything that the house sends
    pub before: AtomicU32,
    made: AtomicU64,
    dice: AtomicU64,
}

impl Cuts {
    fn falls(&self, per_mille: &AtomicU32) -> bool {
        let most = per_mille.load(Ordering::Relaxed);
        let mut z = self.dice.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let falls = most > 0 && (z ^ (z >> 31)) % 1000 < u64::from(most);
        if falls {
            self.made.fetch_add(1, Ordering::Relaxed);
        }
        falls
    }

    /// How many wires were cut.
    pub fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }

    pub fn set(&self, answer: u32, flight: u32, before: u32) {
        self.answer.store(answer, Ordering::Relaxed);
        self.flight.store(flight, Ordering::Relaxed);
        self.before.store(before, Ordering::Relaxed);
    }
}

/// Listens in front of a PostgreSQL.
pub struct Proxy {
    pub cuts: Arc<Cuts>,
    address: SocketAddr,
    all: broadcast::Sender<()>,
}

impl Proxy {
    pub async fn start(url: &str, seed: u64) -> Self {
        let target = host(url).to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("address");
        let cuts = Arc::new(Cuts { dice: AtomicU64::new(seed), ..Cuts::default() });
        let (all, _) = broadcast::channel(1);
        let (kept, ends) = (cuts.clone(), all.clone());
        tokio::spawn(async move {
            while let Ok((house, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&target).await else { continue };
                tokio::spawn(carry(house, server, kept.clone(), ends.subscribe()));
            }
        });
        Self { cuts, address, all }
    }

    /// The same URL through the wire.
    pub fn url(&self, url: &str) -> String {
        url.replace(host(url), &self.address.to_string())
    }

    /// Cuts every wire that is up.
    pub fn cut_all(&self) {
        let _ = self.all.send(());
    }
}

fn host(url: &str) -> &str {
    url.split_once('@').expect("a user").1.split_once('/').expect("a database").0
}

fn has_commit(bytes: &[u8]) -> bool {
    bytes.windows(7).any(|window| window == b"COMMIT\0")
}

async fn carry(mut house: TcpStream, mut server: TcpStream, cuts: Arc<Cuts>, mut end: broadcast::Receiver<()>) {
    let (mut up, mut down) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            _ = end.recv() => return,
            read = house.read(&mut up) => {
                let Ok(size @ 1..) = read else { return };
                if cuts.falls(&cuts.before) {
                    return;
                }
                if server.write_all(&up[..size]).await.is_err() {
                    return;
                }
                if has_commit(&up[..size]) && cuts.falls(&cuts.flight) {
                    // What was sent is read to its end by the server before it sees the closed wire.
                    let _ = server.shutdown().await;
                    return;
                }
            }
            read = server.read(&mut down) => {
                let Ok(size @ 1..) = read else { return };
                if has_commit(&down[..size]) && cuts.falls(&cuts.answer) {
                    return;
                }
                if house.write_all(&down[..size]).await.is_err() {
                    return;
                }
            }
        }
    }
}
