//! Random numbers with a printed seed: a failure can be run again.
#![allow(dead_code)] // each test file uses its part of it

/// A row of numbers (xorshift) that its seed gives again.
pub struct Dice(pub u64);

impl Dice {
    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `sides`.
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.number() % sides
    }
}

/// The seed of a run, printed: `HUTONG_TEST_SEED` or the time.
pub fn seed() -> u64 {
    let seed = std::env::var("HUTONG_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(|| {
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(1, |past| past.as_micros() as u64)
    });
    println!("HUTONG_TEST_SEED={seed}");
    seed
}

/// A number from the environment.
pub fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}
