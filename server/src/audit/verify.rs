//! `hutong audit verify`: recomputes every chain from the rows and says exactly what is wrong.
//!
//! What is sealed never changes, so no snapshot is held: the ends of the chains are read first, and only
//! what lies before them is looked at while new events arrive.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::WINDOW;
use super::canonical::{Hash, NOTHING, block_hash, leaf};
use super::heads::{self, SignedHeads, Unreadable};
use super::store::{self, Block, Head};
use crate::app::App;
use crate::error::AppError;
use crate::platform::ids::Id;
use crate::platform::secrets::hex;

/// Faults that are told one by one; beyond it they are only counted.
const TOLD: usize = 1000;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// an event is not as it was sealed
    Changed,
    /// a sealed event is gone
    Missing,
    /// an event stands in the chain that was never sealed there
    Inserted,
    /// a sealed event stands at another place
    Reordered,
    /// a block is not as it was sealed, or does not follow the one before
    BlockChanged,
    /// a block is gone
    BlockMissing,
    /// the head in the database is not the end of the chain
    HeadChanged,
    /// the signed list outside knows of blocks that the database does not have
    Behind,
    /// the signed list outside, or the one in the database, cannot be believed
    HeadsUnreadable,
    /// there is no signed list outside
    HeadsMissing,
}

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Wrong {
    /// what
    pub kind: Kind,
    /// in which chain
    pub shard: Option<i64>,
    /// in which block
    pub block: Option<i64>,
    /// at which place
    pub seq: Option<i64>,
    /// which event
    pub event: Option<Id>,
    /// for people
    pub text: String,
}

/// The signed list that was compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// the file
    pub file: PathBuf,
    /// which list
    pub number: i64,
    /// UTC microseconds
    pub signed_at: i64,
    /// microseconds since then
    pub age: i64,
    /// blocks sealed since then
    pub newer_blocks: i64,
}

/// What was looked at and found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// chains
    pub shards: usize,
    /// blocks
    pub blocks: usize,
    /// sealed events
    pub events: usize,
    /// events that wait for the sealer
    pub waiting: i64,
    /// since when the oldest of them waits (microseconds)
    pub waiting_for: i64,
    /// the list outside
    pub heads: Option<Compared>,
    /// older lists that were compared
    pub history: usize,
    /// public signing keys by version, base64
    pub public_keys: Vec<(i64, String)>,
    /// what is wrong, up to 1,000 of it
    pub wrong: Vec<Wrong>,
    /// how much is wrong in all
    pub wrong_count: usize,
}

impl Report {
    fn add(&mut self, kind: Kind, shard: i64, block: Option<i64>, seq: Option<i64>, event: Option<Id>, text: String) {
        self.push(Wrong { kind, shard: Some(shard), block, seq, event, text });
    }

    fn push(&mut self, wrong: Wrong) {
        self.wrong_count += 1;
        if self.wrong.len() < TOLD {
            self.wrong.push(wrong);
        }
    }

    fn unreadable(&mut self, fault: &Unreadable) {
        self.push(Wrong {
            kind: Kind::HeadsUnreadable,
            shard: None,
            block: None,
            seq: None,
            event: None,
            text: fault.to_string(),
        });
    }

    /// One line about the lists outside: how old they are and what that means.
    pub fn window(&self) -> String {
        match &self.heads {
            None => "no signed heads outside the database were compared".into(),
            Some(heads) => format!(
                "signed heads {} are {} s old; {} blocks are newer, {} events are not sealed yet (the stated window is {} s)",
                heads.number,
                heads.age / 1_000_000,
                heads.newer_blocks,
                self.waiting,
                WINDOW / 1_000_000
            ),
        }
    }
}

/// A hash that a list outside claims for a block.
struct Claim {
    hash: Vec<u8>,
    last_seq: i64,
    source: String,
}

type Claims = HashMap<(i64, i64), Vec<Claim>>;

/// Verifies everything; `more` is a list of heads that was kept elsewhere. `seen` hears the shards done.
pub async fn verify(
    app: &App,
    more: Option<&Path>,
    mut seen: impl FnMut(usize, usize) + Send,
) -> Result<Report, AppError> {
    let mut report = Report::default();
    let mut db = app.read();
    let (waiting, oldest) = store::waiting(&mut db).await?;
    report.waiting = waiting;
    report.waiting_for = oldest.map_or(0, |at| (app.now() - at).max(0));
    report.public_keys = public_keys(app);
    let mut claims = claims(app, more, &mut report).await?;
    // The ends first, of one moment: what is sealed from now on lies behind them.
    let (sealed, heads, chains) = app
        .db
        .snapshot(|tx| {
            Box::pin(async move { Ok((store::sealed(tx).await?, store::heads(tx).await?, store::chains(tx).await?)) })
        })
        .await?;
    let sealed: BTreeMap<i64, (i64, i64)> =
        sealed.into_iter().map(|(shard, count, last)| (shard, (count, last))).collect();
    let heads: BTreeMap<i64, Head> = heads.into_iter().map(|head| (head.shard, head)).collect();
    let chains: BTreeMap<i64, i64> = chains.into_iter().collect();
    let mut shards: Vec<i64> = sealed.keys().chain(heads.keys()).chain(chains.keys()).copied().collect();
    shards.sort_unstable();
    shards.dedup();
    for (done, shard) in shards.iter().enumerate() {
        let chain = chain(app, *shard, heads.get(shard), chains.get(shard).copied(), &mut claims, &mut report).await?;
        let beyond = store::beyond(&mut db, *shard, chain.last_seq).await?;
        // Sealed meanwhile is not inserted: the head has moved on with it.
        let now = store::head(&mut db, *shard).await?.map_or(0, |head| head.last_seq);
        let known = now.max(chain.last_seq);
        for (id, seq) in beyond.into_iter().filter(|(_, seq)| *seq > known || chain.broken) {
            let text = format!("shard {shard}: event {id} at {seq} lies behind the end of the chain");
            report.add(Kind::Inserted, *shard, None, Some(seq), Some(id), text);
        }
        seen(done + 1, shards.len());
    }
    report.shards = shards.len();
    let mut left: Vec<((i64, i64), Vec<Claim>)> = claims.into_iter().collect();
    left.sort_by_key(|(at, _)| *at);
    for ((shard, number), claims) in left {
        for claim in claims {
            let text = format!(
                "shard {shard}: {} knows block {number} up to event {}; the database does not have it any more",
                claim.source, claim.last_seq
            );
            report.add(Kind::Behind, shard, Some(number), Some(claim.last_seq), None, text);
        }
    }
    Ok(report)
}

/// The public signing keys, base64.
pub fn public_keys(app: &App) -> Vec<(i64, String)> {
    use base64::Engine as _;
    let encode = |key: Vec<u8>| base64::engine::general_purpose::STANDARD.encode(key);
    app.keys.public_keys().into_iter().map(|(version, key)| (version, encode(key))).collect()
}

/// What the lists outside, and the one in the database, say of blocks.
async fn claims(app: &App, more: Option<&Path>, report: &mut Report) -> Result<Claims, AppError> {
    let mut claims = Claims::new();
    let mut claim = |list: &SignedHeads, source: &str| {
        for head in list.heads() {
            let claim = Claim { hash: head.hash, last_seq: head.last_seq, source: source.to_owned() };
            claims.entry((head.shard, head.number)).or_default().push(claim);
        }
    };
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let position = store::last_position(&mut app.read()).await?;
    let outside = heads::file(&app.data);
    match SignedHeads::read(&outside, &app.keys) {
        Ok(Some(list)) => {
            claim(&list, &name(&outside));
            report.heads = Some(Compared {
                file: outside,
                number: list.number,
                signed_at: list.signed_at,
                age: (app.now() - list.signed_at).max(0),
                newer_blocks: (position - list.position).max(0),
            });
        }
        Ok(None) if position > 0 => report.push(Wrong {
            kind: Kind::HeadsMissing,
            shard: None,
            block: None,
            seq: None,
            event: None,
            text: format!("{} is not there: nothing outside shows that the database is the latest", outside.display()),
        }),
        Ok(None) => {}
        Err(fault) => report.unreadable(&fault),
    }
    for file in heads::history_files(&app.data).into_iter().chain(more.map(Path::to_owned)) {
        match SignedHeads::read(&file, &app.keys) {
            Ok(Some(list)) => {
                claim(&list, &name(&file));
                report.history += 1;
            }
            Ok(None) => report.unreadable(&Unreadable::File(file, "no such file".into())),
            Err(fault) => report.unreadable(&fault),
        }
    }
    if let Some(text) = store::signed_content(&mut app.read()).await? {
        let from = Path::new("signed_heads");
        match SignedHeads::check(&text, &app.keys, from) {
            Ok(list) => claim(&list, "the list in the database"),
            Err(fault) => report.unreadable(&fault),
        }
    }
    Ok(claims)
}

/// Where a chain was found to end.
struct End {
    last_seq: i64,
    /// blocks are gone: what lies behind cannot be told from what was sealed meanwhile
    broken: bool,
}

/// A place whose event is not the sealed one: block, seq, what stands there, what was sealed.
type Misplaced = (i64, i64, Option<(Id, Hash)>, Hash);

/// An event that is not where the chain says, or a place whose event is not there.
#[derive(Default)]
struct Astray {
    /// by leaf: where the chain wants it
    wanted: HashMap<Hash, (i64, i64)>,
    /// places whose event is not the sealed one
    places: Vec<Misplaced>,
    /// events too many at a place
    extra: Vec<(i64, i64, Id, Hash)>,
}

async fn chain(
    app: &App,
    shard: i64,
    head: Option<&Head>,
    last_number: Option<i64>,
    claims: &mut Claims,
    report: &mut Report,
) -> Result<End, AppError> {
    let mut db = app.read();
    let last = last_number.unwrap_or(0).max(head.map_or(0, |head| head.number));
    let (mut number, mut seq, mut hash) = (0, 0, NOTHING.to_vec());
    let (mut astray, mut broken) = (Astray::default(), false);
    loop {
        let blocks = store::blocks(&mut db, shard, number, last).await?;
        if blocks.is_empty() {
            break;
        }
        for block in blocks {
            if block.number != number + 1 {
                broken = true;
                let text = match block.number - number {
                    2 => format!("shard {shard}: block {} is missing", number + 1),
                    _ => format!("shard {shard}: blocks {} to {} are missing", number + 1, block.number - 1),
                };
                report.add(Kind::BlockMissing, shard, Some(number + 1), Some(seq + 1), None, text);
            } else if block.first_seq != seq + 1 || block.previous_hash != hash {
                let text = format!("shard {shard}: block {} does not follow block {number}", block.number);
                report.add(Kind::BlockChanged, shard, Some(block.number), Some(block.first_seq), None, text);
            }
            let count = block.last_seq - block.first_seq + 1;
            if block_hash(&block).as_slice() != block.hash || block.leaves.len() as i64 != count * 32 {
                let text = format!("shard {shard}: block {} is not as it was sealed", block.number);
                report.add(Kind::BlockChanged, shard, Some(block.number), Some(block.first_seq), None, text);
            }
            for claim in claims.remove(&(shard, block.number)).unwrap_or_default() {
                if claim.hash != block.hash {
                    let text = format!(
                        "shard {shard}: {} signed another block {}: it was written anew later",
                        claim.source, block.number
                    );
                    report.add(Kind::BlockChanged, shard, Some(block.number), Some(block.first_seq), None, text);
                }
            }
            compare(app, &block, &mut astray, report).await?;
            report.blocks += 1;
            (number, seq, hash) = (block.number, block.last_seq, block.hash);
        }
    }
    tell(shard, astray, report);
    if let Some(head) = head {
        if head.number > number {
            broken = true;
            let text = format!("shard {shard}: blocks {} to {} are missing at the end", number + 1, head.number);
            report.add(Kind::BlockMissing, shard, Some(number + 1), Some(seq + 1), None, text);
        } else if head.number == number && (head.hash != hash || head.last_seq != seq) {
            let text = format!("shard {shard}: the head is not the hash of block {number}");
            report.add(Kind::HeadChanged, shard, Some(number), Some(seq), None, text);
        } else if head.number < number {
            let text =
                format!("shard {shard}: the head names block {}, the chain ends with block {number}", head.number);
            report.add(Kind::HeadChanged, shard, Some(number), Some(seq), None, text);
        }
    } else if number > 0 {
        let text = format!("shard {shard}: the chain has no head");
        report.add(Kind::HeadChanged, shard, Some(number), Some(seq), None, text);
    }
    Ok(End { last_seq: seq, broken })
}

/// The events of one block against its leaves.
async fn compare(app: &App, block: &Block, astray: &mut Astray, report: &mut Report) -> Result<(), AppError> {
    let rows = store::events(&mut app.read(), block.shard, block.first_seq, block.last_seq).await?;
    let mut rows = rows.into_iter().peekable();
    for (seq, sealed) in (block.first_seq..=block.last_seq).zip(block.leaves.as_chunks::<32>().0) {
        let mut here: Vec<(Id, Hash)> = Vec::new();
        while let Some(row) = rows.next_if(|row| row.seq == Some(seq)) {
            here.push((row.id, leaf(&row)));
        }
        report.events += here.len();
        if let Some(at) = here.iter().position(|(_, hash)| hash == sealed) {
            here.remove(at);
        } else {
            astray.wanted.insert(*sealed, (block.number, seq));
            let first = if here.is_empty() { None } else { Some(here.remove(0)) };
            astray.places.push((block.number, seq, first, *sealed));
        }
        astray.extra.extend(here.into_iter().map(|(id, hash)| (block.number, seq, id, hash)));
    }
    Ok(())
}

/// Tells apart what was changed, moved, inserted and taken away within a chain.
fn tell(shard: i64, astray: Astray, report: &mut Report) {
    let standing: HashMap<Hash, i64> = astray
        .places
        .iter()
        .filter_map(|(_, seq, stands, _)| stands.as_ref().map(|(_, hash)| (*hash, *seq)))
        .chain(astray.extra.iter().map(|(_, seq, _, hash)| (*hash, *seq)))
        .collect();
    let moved = |report: &mut Report, block: i64, seq: i64, id: Id, hash: &Hash| match astray.wanted.get(hash) {
        Some((_, home)) => {
            let text = format!("shard {shard}, block {block}: event {id} was sealed at {home} and stands at {seq}");
            report.add(Kind::Reordered, shard, Some(block), Some(seq), Some(id), text);
            true
        }
        None => false,
    };
    for (block, seq, stands, sealed) in &astray.places {
        match stands {
            Some((id, hash)) if moved(report, *block, *seq, *id, hash) => {}
            Some((id, _)) if standing.contains_key(sealed) => {
                let text = format!("shard {shard}, block {block}: event {id} at {seq} was never sealed there");
                report.add(Kind::Inserted, shard, Some(*block), Some(*seq), Some(*id), text);
            }
            Some((id, hash)) => {
                let text = format!(
                    "shard {shard}, block {block}: event {id} at {seq} was changed: it hashes to {}, sealed was {}",
                    &hex(hash)[..16],
                    &hex(sealed)[..16]
                );
                report.add(Kind::Changed, shard, Some(*block), Some(*seq), Some(*id), text);
            }
            None if standing.contains_key(sealed) => {}
            None => {
                let text = format!("shard {shard}, block {block}: the event at {seq} is missing");
                report.add(Kind::Missing, shard, Some(*block), Some(*seq), None, text);
            }
        }
    }
    for (block, seq, id, hash) in &astray.extra {
        if !moved(report, *block, *seq, *id, hash) {
            let text = format!("shard {shard}, block {block}: event {id} was inserted at {seq}");
            report.add(Kind::Inserted, shard, Some(*block), Some(*seq), Some(*id), text);
        }
    }
}
