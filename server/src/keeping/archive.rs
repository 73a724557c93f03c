//! The frames of an archive: `docs/archive-format.md` says it for whoever reads one without Hutong.
//!
//! After [`MAGIC`] an archive is frames to its end. A frame is its kind (1 byte), the stored and the clear
//! length (4 bytes each, big-endian), the stored bytes (raw deflate; a file's are as they are), and SHA-256
//! over the chain before it, kind, lengths and stored bytes. A byte that changes anywhere breaks the chain
//! at its frame, and an archive that ends before its last frame is not whole.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use sha2::{Digest, Sha256};

/// The first bytes.
pub const MAGIC: &[u8] = b"HUTONG ARCHIVE 1\n";
/// Longest frame, stored or clear: a stored file is one frame.
const LONGEST: u32 = 80 << 20;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// `H`: the head, JSON
    Head = b'H',
    /// `R`: number of the table (2 bytes), then rows
    Rows = b'R',
    /// `F`: id of a stored file (16 bytes), then its bytes, not compressed
    File = b'F',
    /// `K`: the key file
    Keys = b'K',
    /// `M`: the manifest, JSON, the last frame
    Manifest = b'M',
}

impl Kind {
    fn of(byte: u8) -> Option<Self> {
        [Self::Head, Self::Rows, Self::File, Self::Keys, Self::Manifest].into_iter().find(|kind| *kind as u8 == byte)
    }
}

fn link(chain: [u8; 32], header: &[u8], stored: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(chain);
    hash.update(header);
    hash.update(stored);
    hash.finalize().into()
}

fn header(kind: u8, stored: u32, clear: u32) -> [u8; 9] {
    let mut header = [kind; 9];
    header[1..5].copy_from_slice(&stored.to_be_bytes());
    header[5..].copy_from_slice(&clear.to_be_bytes());
    header
}

/// Writes frames.
pub struct Writer<W> {
    out: W,
    chain: [u8; 32],
    /// bytes written so far
    pub written: u64,
}

impl<W: Write> Writer<W> {
    /// Begins an archive.
    pub fn new(mut out: W) -> std::io::Result<Self> {
        out.write_all(MAGIC)?;
        Ok(Self { out, chain: Sha256::digest(MAGIC).into(), written: MAGIC.len() as u64 })
    }

    /// Adds a frame.
    pub fn frame(&mut self, kind: Kind, clear: &[u8]) -> std::io::Result<()> {
        if clear.len() > LONGEST as usize {
            return Err(std::io::Error::other(format!("a row or file of {} bytes is too long to keep", clear.len())));
        }
        let packed;
        let stored = if kind == Kind::File {
            clear
        } else {
            let mut encoder = DeflateEncoder::new(Vec::with_capacity(clear.len() / 3), Compression::new(2));
            encoder.write_all(clear)?;
            packed = encoder.finish()?;
            &packed
        };
        let header = header(kind as u8, stored.len() as u32, clear.len() as u32);
        self.chain = link(self.chain, &header, stored);
        self.out.write_all(&header)?;
        self.out.write_all(stored)?;
        self.out.write_all(&self.chain)?;
        self.written += (header.len() + stored.len() + self.chain.len()) as u64;
        Ok(())
    }

    /// The chain over everything written so far.
    pub fn chain(&self) -> [u8; 32] {
        self.chain
    }

    /// Gives back what was written to.
    pub fn into_inner(self) -> W {
        self.out
    }
}

/// One frame as it was written.
#[derive(Debug)]
pub struct Frame {
    /// what it holds
    pub kind: Kind,
    /// where it begins
    pub at: u64,
    /// its bytes in clear
    pub bytes: Vec<u8>,
    /// the chain before it
    pub before: [u8; 32],
}

/// Why a frame cannot be read.
#[derive(Debug)]
pub enum FrameFault {
    /// not an archive at all
    Foreign,
    /// it ends within the frame that begins here
    Short(u64),
    /// the frame that begins here is not as it was written
    Changed(u64),
    /// the file cannot be read
    Disk(std::io::Error),
}

/// Reads frames.
pub struct Reader<R> {
    from: R,
    chain: [u8; 32],
    /// bytes read so far
    pub at: u64,
}

impl<R: Read> Reader<R> {
    /// Begins to read.
    pub fn new(mut from: R) -> Result<Self, FrameFault> {
        let mut magic = [0; MAGIC.len()];
        match from.read_exact(&mut magic) {
            Ok(()) if magic == *MAGIC => Ok(Self { from, chain: Sha256::digest(MAGIC).into(), at: MAGIC.len() as u64 }),
            Err(fault) if fault.kind() != std::io::ErrorKind::UnexpectedEof => Err(FrameFault::Disk(fault)),
            _ => Err(FrameFault::Foreign),
        }
    }

    /// The next frame.
    pub fn frame(&mut self) -> Result<Frame, FrameFault> {
        let (at, before) = (self.at, self.chain);
        let mut head = [0; 9];
        self.exactly(&mut head, at)?;
        let length = |part: &[u8]| part.iter().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
        let (stored, clear) = (length(&head[1..5]), length(&head[5..]));
        let kind = Kind::of(head[0]).ok_or(FrameFault::Changed(at))?;
        if stored > LONGEST || clear > LONGEST {
            return Err(FrameFault::Changed(at));
        }
        // A length that was changed must not make us take memory that the file does not fill.
        let mut body = Vec::new();
        let taken = (&mut self.from).take(u64::from(stored)).read_to_end(&mut body).map_err(FrameFault::Disk)?;
        if taken < stored as usize {
            return Err(FrameFault::Short(at));
        }
        let mut chain = [0; 32];
        self.exactly(&mut chain, at)?;
        if chain != link(self.chain, &head, &body) {
            return Err(FrameFault::Changed(at));
        }
        self.chain = chain;
        self.at += (head.len() + body.len() + chain.len()) as u64;
        let bytes = if kind == Kind::File { body } else { inflate(&body, clear).ok_or(FrameFault::Changed(at))? };
        if bytes.len() != clear as usize {
            return Err(FrameFault::Changed(at));
        }
        Ok(Frame { kind, at, bytes, before })
    }

    /// Whether nothing follows.
    pub fn ended(&mut self) -> Result<bool, FrameFault> {
        let mut more = [0];
        self.from.read(&mut more).map(|count| count == 0).map_err(FrameFault::Disk)
    }

    fn exactly(&mut self, bytes: &mut [u8], at: u64) -> Result<(), FrameFault> {
        self.from.read_exact(bytes).map_err(|fault| match fault.kind() {
            std::io::ErrorKind::UnexpectedEof => FrameFault::Short(at),
            _ => FrameFault::Disk(fault),
        })
    }
}

fn inflate(body: &[u8], clear: u32) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(clear as usize);
    DeflateDecoder::new(body).take(u64::from(clear) + 1).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> Vec<u8> {
        let mut writer = Writer::new(Vec::new()).expect("written");
        writer.frame(Kind::Head, b"{}").expect("written");
        writer.frame(Kind::Rows, &[7; 4000]).expect("written");
        writer.frame(Kind::File, b"0123456789abcdefsealed").expect("written");
        writer.frame(Kind::Manifest, b"{\"tables\":[]}").expect("written");
        assert_eq!(writer.written, writer.out.len() as u64);
        writer.into_inner()
    }

    fn read(bytes: &[u8]) -> Result<usize, FrameFault> {
        let mut reader = Reader::new(bytes)?;
        let mut frames = 0;
        loop {
            frames += 1;
            if reader.frame()?.kind == Kind::Manifest {
                return if reader.ended()? { Ok(frames) } else { Err(FrameFault::Changed(reader.at)) };
            }
        }
    }

    #[test]
    fn every_bit_and_every_length_counts() {
        let whole = written();
        assert_eq!(read(&whole).expect("reads"), 4);
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut other = whole.clone();
                other[at] ^= 1 << bit;
                assert!(read(&other).is_err(), "bit {bit} of byte {at}");
            }
            assert!(read(&whole[..at]).is_err(), "cut at {at}");
        }
        assert!(read(&[&whole[..], &[0]].concat()).is_err(), "something follows");
    }
}
