//! SQL of the room. Statements that are not bound to one shard say so in the name of their function.

/// Current record of one person.
pub(super) const PERSON: &str = "SELECT shard, id, version, name, pinyin, initials, sex, birth_date, \
     id_no_cipher, id_no_index, id_no_tail, id_no_mask, mobile_cipher, mobile_index, mobile_tail, mobile_mask, \
     living_alone, community_id, premises_id, address, data, origin, made_up, updated_at \
     FROM record_person WHERE shard = $1 AND id = $2";

macro_rules! plain {
    ($table:literal) => {
        concat!(
            "SELECT shard, id, version, name, pinyin, initials, community_id, data, origin, updated_at FROM ",
            $table,
            " WHERE shard = $1 AND id = $2"
        )
    };
}
pub(super) const PLACE: &str = plain!("record_place");
pub(super) const EVENT: &str = plain!("record_event");
pub(super) const THING: &str = plain!("record_thing");
pub(super) const ORGANIZATION: &str = plain!("record_organization");

pub(super) const OBSERVATION: &str = "SELECT shard, id, entity_id, class, state, source_kind, source_id, submission_id, \
     form_version_id, batch, source_title, said, confirmed, shown, rank, certification, observed_at, recorded_at, \
     account_id, post_id FROM observation WHERE shard = $1 AND id = $2";
pub(super) const OBSERVATIONS: &str = "SELECT shard, id, entity_id, class, state, source_kind, source_id, submission_id, \
     form_version_id, batch, source_title, said, confirmed, shown, rank, certification, observed_at, recorded_at, \
     account_id, post_id FROM observation WHERE shard = $1 AND entity_id = $2 AND recorded_at < $3 \
     ORDER BY recorded_at DESC, id DESC LIMIT $4";
pub(super) const SETTLE: &str = "UPDATE observation SET state = $3, source_kind = $4, certification = $5, recorded_at = $6 \
     WHERE shard = $1 AND id = $2 AND state = 'pending'";

pub(super) const LINKS: &str = "SELECT id, kind, from_class, from_id, to_class, to_id, valid_from, valid_to FROM link \
     WHERE shard = $1 AND (from_id = $2 OR to_id = $2) AND valid_to IS NULL ORDER BY kind, id LIMIT 100";

/// Oldest first, of every shard: read by the drain.
pub(super) const OUTBOX_WAITING_ALL_SHARDS: &str = "SELECT shard, id, target_shard, payload FROM outbox WHERE kind = $1 \
     ORDER BY created_at, id LIMIT $2";
pub(super) const OUTBOX_DONE: &str = "DELETE FROM outbox WHERE shard = $1 AND id = $2";

pub(super) const OUTBOX_ASIDE: &str = "UPDATE outbox SET kind = $3 WHERE shard = $1 AND id = $2";

/// Who holds the accounts that recorded something.
pub(super) const RECORDERS: &str =
    "SELECT a.id, s.name FROM account a JOIN staff s ON s.id = a.staff_id WHERE a.id = $1";

/// How many statements about one entity wait for a worker.
pub(super) const WAITING: &str =
    "SELECT count(*) FROM observation WHERE shard = $1 AND entity_id = $2 AND state = 'pending'";

/// Who revealed secrets of one person, and how often.
pub(super) const LOOKED_AT: &str = "SELECT s.name, count(*) FROM event e JOIN account a ON a.id = e.actor_account \
     JOIN staff s ON s.id = a.staff_id WHERE e.shard = $1 AND e.subject_id = $2 AND e.kind = 'person.revealed' \
     AND e.occurred_at >= $3 GROUP BY s.id, s.name ORDER BY count(*) DESC, s.name LIMIT 20";

/// Every statement of this room, for the prepare test.
pub const STATEMENTS: &[&str] = &[
    PERSON,
    PLACE,
    EVENT,
    THING,
    ORGANIZATION,
    OBSERVATION,
    OBSERVATIONS,
    SETTLE,
    LINKS,
    OUTBOX_WAITING_ALL_SHARDS,
    OUTBOX_DONE,
    OUTBOX_ASIDE,
    RECORDERS,
    WAITING,
    LOOKED_AT,
];
