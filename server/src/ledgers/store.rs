//! SQL of the room.

use form_runtime::Class;
use web::LangMap;

use super::definition::Definition;
use crate::args;
use crate::platform::database::{Exec, StoreError};
use crate::platform::ids::{Id, derived_id, shard_by_hash};

const LIST: &str =
    "SELECT id, app_key, class, definition, state, version FROM ledger WHERE state = 'open' ORDER BY created_at, id";
const FIND: &str = "SELECT id, app_key, class, definition, state, version FROM ledger WHERE id = $1";
const SAVE: &str = "INSERT INTO ledger (id, app_key, title, class, definition, organization_id, state, version, created_at) \
     VALUES ($1, $2, $3, $4, $5, $6, 'open', 1, $7) ON CONFLICT (id) DO UPDATE SET title = excluded.title, \
     definition = excluded.definition, state = 'open', version = ledger.version + 1";
const RETIRE: &str = "UPDATE ledger SET state = 'retired', version = version + 1 WHERE id = $1";

/// Every statement of this room, for the prepare test.
pub const STATEMENTS: &[&str] = &[LIST, FIND, SAVE, RETIRE];

/// A ledger as kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    /// its id
    pub id: Id,
    /// the application it came with
    pub app_key: Option<String>,
    /// `open`, `retired`
    pub state: String,
    /// grows with every edit
    pub version: i64,
    /// what it is made of
    pub definition: Definition,
}

type Row = (Id, Option<String>, String, String, String, i64);

fn read((id, app_key, _, definition, state, version): Row) -> Result<Ledger, StoreError> {
    Ok(Ledger { id, app_key, state, version, definition: serde_json::from_str(&definition)? })
}

/// Open ledgers, the oldest first.
pub async fn list(conn: &mut impl Exec) -> Result<Vec<Ledger>, StoreError> {
    conn.all::<Row>(LIST, vec![]).await?.into_iter().map(read).collect()
}

/// A ledger by id.
pub async fn find(conn: &mut impl Exec, id: Id) -> Result<Option<Ledger>, StoreError> {
    conn.optional::<Row>(FIND, args![id]).await?.map(read).transpose()
}

/// Makes a ledger, or gives an existing one this definition. The caller has checked it.
pub async fn save(
    tx: &mut impl Exec,
    id: Id,
    app_key: Option<&str>,
    definition: &Definition,
    organization: Option<Id>,
    now: i64,
) -> Result<(), StoreError> {
    let title = serde_json::to_string(&definition.title)?;
    let class = definition.class.key();
    let text = serde_json::to_string(definition)?;
    tx.execute(SAVE, args![id, app_key, title, class, text, organization, now]).await.map(|_| ())
}

/// Takes a ledger out of the lists; its definition is kept.
pub async fn retire(tx: &mut impl Exec, id: Id) -> Result<(), StoreError> {
    tx.execute(RETIRE, args![id]).await.map(|_| ())
}

/// The id of the built-in ledger of all persons.
pub fn everybody() -> Id {
    derived_id(shard_by_hash(b"ledger"), 0, &[b"ledger", b"everybody"])
}

/// Makes the built-in ledger 全部人员. Repeating it changes nothing but its version.
pub async fn seed(tx: &mut impl Exec, now: i64) -> Result<(), StoreError> {
    let title = LangMap::from([("zh-CN".to_owned(), "全部人员".to_owned()), ("en".to_owned(), "Everybody".to_owned())]);
    let columns = ["name", "sex", "age", "id_no", "mobile", "residence_place", "residence_addr", "live_alone"];
    let definition =
        Definition { class: Class::Person, title, columns: columns.map(str::to_owned).to_vec(), condition: Vec::new() };
    save(tx, everybody(), None, &definition, None, now).await
}
