//! An archive that is not whole is refused before anything is written.

use std::fs;

use server::keeping;
use server::platform::secrets::random;

use super::stage::{ENGINES, Site, city, refused, silent};

/// A small generator whose seed is printed (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % most
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn flipped_bits_and_cuts_are_always_found() {
    let seed = std::env::var("HUTONG_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(|| u64::from_be_bytes(random()));
    println!("HUTONG_SEED={seed}");
    let mut dice = Dice(seed);
    let (site, ..) = city("sqlite").await;
    let file = site.beside("city.hutong");
    site.backup(&file, true).await.expect("kept");
    let whole = fs::read(&file).expect("read");
    let broken = site.beside("broken.hutong");
    let length = whole.len() as u64;
    for round in 0..60 {
        let (bytes, about) = if round % 3 == 0 {
            let at = if round == 0 { length - 1 } else { dice.below(length) };
            (whole[..at as usize].to_vec(), format!("cut at {at}"))
        } else {
            let (at, bit) = (dice.below(length), dice.below(8));
            let mut bytes = whole.clone();
            bytes[at as usize] ^= 1 << bit;
            (bytes, format!("bit {bit} of byte {at}"))
        };
        fs::write(&broken, bytes).expect("written");
        let text = match keeping::check(&broken, &silent()) {
            Ok(_) => panic!("seed {seed}: {about} was not found"),
            Err(fault) => fault.to_string(),
        };
        assert!(text.contains("damaged at byte") || text.contains("not an archive"), "{about}: {text}");
        if round < 6 {
            for engine in ENGINES {
                let other = Site::on(engine).await;
                assert_eq!(refused(other.restore(&broken, None).await), text);
                assert!(!other.place.data.exists(), "nothing was written: {about}");
            }
        }
    }
    fs::write(&broken, [&whole[..], b"x"].concat()).expect("written");
    assert!(keeping::check(&broken, &silent()).is_err(), "something follows the end");
    fs::write(&broken, &whole).expect("written");
    keeping::check(&broken, &silent()).expect("and the whole one is whole");
}
