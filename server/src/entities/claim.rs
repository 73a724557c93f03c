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
use super::store;
use crate::app::App;
use crate::args;
use crate::error::AppError;
use crate::platform::database::bulk::{OnKey, Shape, chunk};
use crate::platform::database::{Arg, Exec, StoreError};
use crate::platform::ids::{Id, new_id, shard_by_hash};

/// Columns of a claim.
pub const IDENTITY_CLAIM: Shape = Shape {
    table: "identity_claim",
    columns: &["digest", "kind", "shard", "entity_id", "created_at"],
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
    let now = app.now();
    let mut digests: Vec<Option<Vec<u8>>> = Vec::with_capacity(rows.len());
    let mut wanted: HashMap<Vec<u8>, (i64, Id)> = HashMap::new();
    let mut provisional = Vec::with_capacity(rows.len());
    for (number, community) in &rows {
        let number = number.as_deref().map(normalize).filter(|number| !number.is_empty() && !number.contains('*'));
        let digest = number.map(|number| app.keys.index("id_no", &number));
        let fresh = new_person(app, *community);
        if let Some(digest) = &digest {
            wanted.entry(digest.clone()).or_insert((fresh.shard, fresh.id));
        }
        digests.push(digest);
        provisional.push(fresh);
    }
    let settled = settle(app, "person", wanted, now).await?;
    Ok(digests
        .into_iter()
        .zip(provisional)
        .map(|(digest, fresh)| match digest.and_then(|digest| settled.get(&digest)) {
            Some(&(shard, id, existed)) => Claimed { shard, id, existed },
            None => fresh,
        })
        .collect())
}

/// A unified social credit code (GB 32100) belongs to one organization.
pub async fn claim_organization(app: &App, code: &str, shard: i64) -> Result<Claimed, AppError> {
    let digest = app.keys.index("uscc", &normalize(code));
    let wanted = HashMap::from([(digest.clone(), (shard, new_id(shard, app.now())))]);
    let settled = settle(app, "organization", wanted, app.now()).await?;
    let &(shard, id, existed) =
        settled.get(&digest).ok_or_else(|| AppError::Internal("a claim gave no answer".into()))?;
    Ok(Claimed { shard, id, existed })
}

type Settled = HashMap<Vec<u8>, (i64, Id, bool)>;

/// Claims what is free and reads who holds the rest, in one transaction.
async fn settle(
    app: &App,
    kind: &'static str,
    wanted: HashMap<Vec<u8>, (i64, Id)>,
    now: i64,
) -> Result<Settled, AppError> {
    let mut wanted: Vec<(Vec<u8>, (i64, Id))> = wanted.into_iter().collect();
    // One order for all, so that two imports never wait for each other.
    wanted.sort_unstable();
    let mut settled = Settled::new();
    for slice in wanted.chunks(256) {
        let slice = slice.to_vec();
        let lane = shard_by_hash(&slice[0].0);
        let part: Vec<(Vec<u8>, i64, Id)> = app
            .lanes
            .write(lane, Vec::new(), move |tx| {
                let slice = slice.clone();
                Box::pin(async move {
                    let rows = slice
                        .iter()
                        .map(|(digest, (shard, id))| args![digest.clone(), kind, *shard, *id, now])
                        .collect();
                    IDENTITY_CLAIM.write(tx, rows, OnKey::Keep).await?;
                    let digests: Vec<Vec<u8>> = slice.into_iter().map(|(digest, _)| digest).collect();
                    holders(tx, &digests).await
                })
            })
            .await
            .map_err(|fault: StoreError| AppError::from(fault))?;
        settled.extend(part.into_iter().map(|(digest, shard, id)| (digest, (shard, id, true))));
    }
    for (digest, (_, id)) in wanted {
        if let Some(found) = settled.get_mut(&digest) {
            found.2 = found.1 != id;
        }
    }
    Ok(settled)
}

async fn holders(conn: &mut impl Exec, digests: &[Vec<u8>]) -> Result<Vec<(Vec<u8>, i64, Id)>, StoreError> {
    let mut found = Vec::with_capacity(digests.len());
    let mut rest = digests;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(chunk(rest.len(), 1));
        rest = later;
        let args = now.iter().map(|digest| Arg::from(digest.clone())).collect();
        found.extend(conn.all_built::<(Vec<u8>, i64, Id)>(holders_sql(now.len()), args).await?);
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

/// Who holds a number, without claiming it: for staff search by the whole number.
pub async fn holder_of(conn: &mut impl Exec, digest: Vec<u8>) -> Result<Option<(i64, Id)>, StoreError> {
    conn.optional(store::CLAIM, args![digest]).await
}
