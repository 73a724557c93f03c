-- Installation-wide settings (name, base URL, zone, working hours).
create table setting (key text not null primary key, value text not null, version integer not null) strict;

-- The bare entity: identity only; what holds now is in the record_* tables.
create table entity (
  shard integer not null, id blob not null, class text not null, community_id blob,
  created_at integer not null, retired_at integer, primary key (id, shard)) strict;

create table event (
  shard integer not null, id blob not null, kind text not null, version integer not null,
  subject_class text not null, subject_id blob, actor_account blob, actor_post blob, on_behalf text,
  occurred_at integer not null, recorded_at integer not null, request_id text, cause_id blob,
  payload text not null, seq integer, primary key (id, shard)) strict;
-- An event waits in event_unsealed until the sealer gives it its seq, once.
create unique index event_seq on event (shard, seq) where seq is not null;
create index event_unsealed on event (shard, recorded_at, id) where seq is null;
create index event_subject on event (shard, subject_id);

-- The chain of a shard's sealed events: SHA-256 over one canonical encoding (docs/audit.md); leaves are the events' own
-- hashes in their order. position counts the blocks of all shards as they were sealed.
create table event_block (
  shard integer not null, number integer not null, position integer not null, first_seq integer not null, last_seq integer not null,
  previous_hash blob not null, hash blob not null, leaves blob not null, sealed_at integer not null, primary key (shard, number)) strict;
create index event_block_position on event_block (position);
create table event_head (
  shard integer not null, number integer not null, last_seq integer not null, hash blob not null, primary key (shard)) strict;
-- The last signed list of heads, as it also stands in the file outside.
create table signed_heads (number integer not null primary key, position integer not null, signed_at integer not null, content text not null) strict;

create table outbox (
  shard integer not null, id blob not null, target_shard integer not null, kind text not null,
  payload text not null, created_at integer not null, primary key (id, shard)) strict;

create table job (
  id blob not null primary key, kind text not null, state text not null, payload text not null,
  done integer not null, total integer not null, message text not null, result text,
  attempts integer not null, run_at integer not null, epoch integer not null, beat integer not null,
  owner text, created_by blob, created_at integer not null, finished_at integer) strict;
create index job_due on job (state, run_at);

create table lease (name text not null primary key, epoch integer not null, beat integer not null, owner text not null) strict;

create table web_session (
  id text not null primary key, account_id blob, data text not null,
  created_at integer not null, seen_at integer not null, expires_at integer not null) strict;
create index web_session_account on web_session (account_id);

create table stored_file (
  id blob not null primary key, purpose text not null, name text not null, media_type text not null,
  size integer not null, digest blob not null, key_version integer not null,
  created_by blob, created_at integer not null, expires_at integer) strict;

create table idempotency (
  key text not null primary key, request_hash blob not null, status integer not null,
  body text not null, created_at integer not null) strict;

create table working_day (day text not null primary key, working integer not null, note text not null) strict;

-- The last write of each process in each shard: after a lost COMMIT the lane sees here whether it happened.
create table lane_mark (
  shard integer not null, owner blob not null, number integer not null, primary key (shard, owner)) strict;

-- Processes that write into this database; the beat of one that serves moves.
create table process (
  id blob not null primary key, beat integer not null, seen_at integer not null, about text not null) strict;
-- What the last commits of each lane of each process changed, for the other processes: names of tables, and ids of
-- 16 bytes each (null: too many to say). Only PostgreSQL has more than one process, so only there rows are written.
create table process_note (
  owner blob not null, lane integer not null, number integer not null, tables text not null, ids blob,
  primary key (owner, lane, number)) strict;
