//! The real program on a disk that loses power, fills up, turns read-only or fails, on pages that rot, under a
//! database that goes away and a clock that jumps. A shim (`shim.c`) between the program and the system writes
//! down what is written and makes calls fail; PostgreSQL runs under the same shim. Everything on both databases.
//! With the feature `fault-hooks` protections are taken out and the same checks must fail.

#![cfg(target_os = "linux")]

mod away;
mod check;
mod clock;
#[path = "../common/mod.rs"]
mod common;
mod content;
mod damage;
#[path = "../common/desk.rs"]
mod desk;
mod failing;
mod filing;
mod http;
mod load;
mod log;
mod postgres;
mod power;
mod program;
mod replay;
mod shim;
#[path = "../common/town.rs"]
mod town;
mod world;

/// A small generator whose seed is printed (splitmix64).
pub struct Dice(u64);

impl Dice {
    /// The seed of `HUTONG_TEST_SEED`, or of the moment.
    pub fn thrown() -> Self {
        let seed = std::env::var("HUTONG_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(|| {
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(1, |past| past.as_micros() as u64)
        });
        println!("HUTONG_TEST_SEED={seed}");
        Self(seed)
    }

    /// From a number.
    pub fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub fn any(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below another.
    pub fn below(&mut self, most: u64) -> u64 {
        self.any() % most.max(1)
    }
}

/// Rounds of a test: few in `make test`, as many as `HUTONG_DISK_ROUNDS` says in `make soak`.
pub fn rounds(usual: u64) -> u64 {
    std::env::var("HUTONG_DISK_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// 1, 2, 3 … for names within one test.
pub fn rising() -> u64 {
    static LAST: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    LAST.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1
}

/// The same on both databases at the same time: most of it is waiting.
pub fn on_both<R: Future<Output = ()>>(body: impl Fn(&'static str) -> R + Sync) {
    std::thread::scope(|scope| {
        for engine in [world::SQLITE, world::POSTGRES] {
            let body = &body;
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
                runtime.expect("a runtime").block_on(body(engine));
            });
        }
    });
}
