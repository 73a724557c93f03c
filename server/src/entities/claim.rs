//! City-wide identity: a citizen number belongs to one entity.
//!
//! The claim commits first, in a grouped transaction of its own, with the entity's future id. A claim
//! without an entity is valid: whoever meets it creates the entity under that id. Matching is silent,
//! with the same work for a known and an unknown number. Persons without a number are provisional and
//! are never merged by the machine.

use std::collections::HashMap;

use form_runtime::Class;

use super::observation::Subject;
use super::sealed::normalize;
use crate::app::App;
use crate::args;
use crate::error::AppError;
use crate::platform::database::bulk::{OnKey, Shape, chunk};
use crate::platform::database::{Arg, Exec, StoreError, Tx};
use crate::platform::ids::{Id, new_id, shard_by_hash};

/// Columns of a claim.
pub const IDENTITY_CLAIM: Shape = Shape {
    table: "identity_claim",
    columns: &["digest", "version", "kind", "shard", "entity_id", "cipher", "created_at"],
    key: &["digest"],
};

/// The entity a number belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// its shard
    pub shard: i64,
    /// its id
    pub id: Id,
    /// whether the number was known before; never shown to a filler
    pub existed: bool,
}

impl Claimed {
    /// As the subject of a statement.
    pub fn subject(&self) -> Subject {
        Subject { class: Class::Person, shard: self.shard, id: self.id }
    }
}

/// The shard of what lives in a community; a hash of its id where the place is not known.
pub fn shard_at(app: &App, community: Option<Id>) -> i64 {
    match community {
        Some(id) => app.geography().get(id).map_or_else(|| shard_by_hash(id.as_bytes()), |place| place.shard),
        None => shard_by_hash(new_id(0, app.now()).as_bytes()),
    }
}

/// A person without a number: a new id on the community's shard. The entity row comes with the first
/// statement.
pub fn new_person(app: &App, community: Option<Id>) -> Claimed {
    let shard = shard_at(app, community);
    Claimed { shard, id: new_id(shard, app.now()), existed: false }
}

/// The person a citizen number belongs to, or a new one in the community.
pub async fn claim_person(app: &App, id_no: Option<&str>, community: Id) -> Result<Claimed, AppError> {
    let claimed = claim_persons(app, vec![(id_no.map(str::to_owned), Some(community))]).await?;
    claimed.into_iter().next().ok_or_else(|| AppError::Internal("a claim gave no answer".into()))
}

/// The same for many, in the order given. Equal numbers get one person.
pub async fn claim_persons(app: &App, rows: Vec<(Option<String>, Option<Id>)>) -> Result<Vec<Claimed>, AppError> {
    let mut numbers: Vec<Option<String>> = Vec::with_capacity(rows.len());
    let mut wanted: HashMap<String, (i64, Id)> = HashMap::new();
    let mut provisional = Vec::with_capacity(rows.len());
    for (number, community) in &rows {
        let number = number.as_deref().map(normalize).filter(|number| !number.is_empty() && !number.contains('*'));
        let fresh = new_person(app, *community);
        if let Some(number) = &number {
            wanted.entry(number.clone()).or_insert((fresh.shard, fresh.id));
        }
        numbers.push(number);
        provisional.push(fresh);
    }
    let settled = settle(app, "person", wanted).await?;
    Ok(numbers
        .into_iter()
        .zip(provisional)
        .map(|(number, fresh)| match number.and_then(|number| settled.get(&number)) {
            Some(&(shard, id, existed)) => Claimed { shard, id, existed },
            None => fresh,
        })
        .collect())
}

/// A unified social credit code (GB 32100) belongs to one organization.
pub async fn claim_organization(app: &App, code: &str, shard: i64) -> Result<Claimed, AppError> {
    let code = normalize(code);
    let wanted = HashMap::from([(code.clone(), (shard, new_id(shard, app.now())))]);
    let settled = settle(app, "organization", wanted).await?;
    let &(shard, id, existed) =
        settled.get(&code).ok_or_else(|| AppError::Internal("a claim gave no answer".into()))?;
    Ok(Claimed { shard, id, existed })
}

/// Number to who holds it, and whether that was so before.
type Settled = HashMap<String, (i64, Id, bool)>;

/// A number as it is claimed: under the present index, and while a rotation runs under the others too, so
/// that two processes of which one has not heard of the rotation yet still meet.
#[derive(Clone)]
struct Wanted {
    digests: Vec<(i64, Vec<u8>)>,
    cipher: Vec<u8>,
    shard: i64,
    id: Id,
}

/// The context a claimed number is sealed under.
pub const CONTEXT: &str = "identity.claim";

/// The kind of index by which a kind of entity is claimed.
fn index_of(kind: &str) -> &'static str {
    if kind == "person" { "id_no" } else { "uscc" }
}

/// Claims what is free and reads who holds the rest, in one transaction.
async fn settle(app: &App, kind: &'static str, wanted: HashMap<String, (i64, Id)>) -> Result<Settled, AppError> {
    let (index, now) = (index_of(kind), app.now());
    let mut wanted: Vec<(String, Wanted)> = wanted
        .into_iter()
        .map(|(number, (shard, id))| {
            let digests = app.keys.indexes(index, &number);
            let cipher = app.keys.seal_bytes(CONTEXT, number.as_bytes());
            (number, Wanted { digests, cipher, shard, id })
        })
        .collect();
    // One order for all, so that two imports never wait for each other.
    wanted.sort_unstable_by(|one, other| one.1.digests.cmp(&other.1.digests));
    let mut settled = Settled::new();
    for slice in wanted.chunks(128) {
        let names: Vec<String> = slice.iter().map(|(number, _)| number.clone()).collect();
        let slice: Vec<Wanted> = slice.iter().map(|(_, wanted)| wanted.clone()).collect();
        let fresh: Vec<Id> = slice.iter().map(|wanted| wanted.id).collect();
        let lane = shard_by_hash(&slice[0].digests[0].1);
        let part: Vec<(i64, Id)> = app
            .lanes
            .write(lane, Vec::new(), move |tx| {
                let slice = slice.clone();
                Box::pin(async move { claim(tx, kind, &slice, now).await })
            })
            .await
            .map_err(|fault: StoreError| AppError::from(fault))?;
        for ((number, (shard, id)), fresh) in names.into_iter().zip(part).zip(fresh) {
            settled.insert(number, (shard, id, id != fresh));
        }
    }
    Ok(settled)
}

/// Claims a slice and says, in its order, who holds each.
async fn claim(tx: &mut Tx, kind: &str, slice: &[Wanted], now: i64) -> Result<Vec<(i64, Id)>, StoreError> {
    let rotating = slice.iter().any(|wanted| wanted.digests.len() > 1);
    let known = if rotating { holders(tx, slice).await? } else { HashMap::new() };
    let mut rows = Vec::with_capacity(slice.len());
    for wanted in slice {
        let holder = wanted.digests.iter().find_map(|(_, digest)| known.get(digest));
        let (shard, id) = holder.copied().unwrap_or((wanted.shard, wanted.id));
        rows.extend(wanted.digests.iter().map(|(version, digest)| {
            (digest, args![digest.clone(), *version, kind, shard, id, wanted.cipher.clone(), now])
        }));
    }
    rows.sort_unstable_by(|one, other| one.0.cmp(other.0));
    let rows = rows.into_iter().map(|(_, row)| row).collect();
    IDENTITY_CLAIM.write(tx, rows, OnKey::Keep).await?;
    let held = holders(tx, slice).await?;
    let holder = |wanted: &Wanted| held.get(&wanted.digests[0].1).copied();
    Ok(slice.iter().map(|wanted| holder(wanted).unwrap_or((wanted.shard, wanted.id))).collect())
}

async fn holders(tx: &mut Tx, slice: &[Wanted]) -> Result<Holders, StoreError> {
    let digests: Vec<&Vec<u8>> =
        slice.iter().flat_map(|wanted| wanted.digests.iter().map(|(_, digest)| digest)).collect();
    found(tx, &digests).await
}

/// Digest to who holds it.
type Holders = HashMap<Vec<u8>, (i64, Id)>;

async fn found(conn: &mut impl Exec, digests: &[&Vec<u8>]) -> Result<Holders, StoreError> {
    let mut found = HashMap::with_capacity(digests.len());
    let mut rest = digests;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(chunk(rest.len(), 1));
        rest = later;
        let args = now.iter().map(|digest| Arg::from((*digest).clone())).collect();
        let rows: Vec<(Vec<u8>, i64, Id)> = conn.all_built(holders_sql(now.len()), args).await?;
        found.extend(rows.into_iter().map(|(digest, shard, id)| (digest, (shard, id))));
    }
    Ok(found)
}

/// The statement that reads who holds `rows` numbers.
pub fn holders_sql(rows: usize) -> String {
    format!("SELECT digest, shard, entity_id FROM identity_claim WHERE digest IN ({})", marks(rows))
}

/// `$1, $2, $3`
fn marks(count: usize) -> String {
    let marks: Vec<String> = (1..=count).map(|n| format!("${n}")).collect();
    marks.join(", ")
}

const OF_OTHER_KEYS: &str = "SELECT digest, kind, shard, entity_id, cipher, created_at FROM identity_claim \
     WHERE version <> $1 AND digest > $2 ORDER BY digest LIMIT $3";
const FORGET: &str = "DELETE FROM identity_claim WHERE version <> $1";

/// Every statement of this file, for the prepare test.
pub const STATEMENTS: &[&str] = &[OF_OTHER_KEYS, FORGET];

/// A claim as stored.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct ClaimRow {
    /// the keyed index
    pub digest: Vec<u8>,
    /// `person`, `organization`
    pub kind: String,
    /// of the entity
    pub shard: i64,
    /// the entity
    pub entity_id: Id,
    /// the number
    pub cipher: Vec<u8>,
    /// UTC microseconds
    pub created_at: i64,
}

/// Claims under another index than the present one.
pub async fn of_other_keys(app: &App, after: Vec<u8>, most: i64) -> Result<Vec<ClaimRow>, StoreError> {
    app.read().all(OF_OTHER_KEYS, args![app.keys.version(), after, most]).await
}

/// A claim with its present digest, ready to be written.
pub type Anew = (Vec<u8>, Vec<Arg>);

/// The same claims under the present index, and how many could not be read.
pub fn anew(app: &App, old: &[ClaimRow]) -> (Vec<Anew>, usize) {
    let (mut rows, mut unreadable) = (Vec::with_capacity(old.len()), 0);
    for claim in old {
        let index = index_of(&claim.kind);
        let number = app.keys.open_bytes(CONTEXT, &claim.cipher).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let Some(number) = number else {
            unreadable += 1;
            continue;
        };
        let digest = app.keys.index(index, &number);
        let cipher = app.keys.seal_bytes(CONTEXT, number.as_bytes());
        let (kind, version) = (&claim.kind, app.keys.version());
        let row = args![digest.clone(), version, kind, claim.shard, claim.entity_id, cipher, claim.created_at];
        rows.push((digest, row));
    }
    (rows, unreadable)
}

/// Writes what is not claimed under the present index yet; says how many that were.
pub async fn add(tx: &mut impl Exec, mut rows: Vec<Anew>) -> Result<u64, StoreError> {
    rows.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    IDENTITY_CLAIM.write(tx, rows.into_iter().map(|(_, row)| row).collect(), OnKey::Keep).await
}

/// How many of them are not claimed under the present index yet.
pub async fn missing(conn: &mut impl Exec, rows: &[Anew]) -> Result<usize, StoreError> {
    let digests: Vec<&Vec<u8>> = rows.iter().map(|(digest, _)| digest).collect();
    Ok(rows.len() - found(conn, &digests).await?.len())
}

/// Forgets the claims under indexes that were taken out.
pub async fn forget_old(tx: &mut impl Exec, version: i64) -> Result<u64, StoreError> {
    tx.execute(FORGET, args![version]).await
}
