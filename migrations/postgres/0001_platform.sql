-- Installation-wide settings (name, base URL, zone, working hours).
create table setting (key text not null primary key, value text not null, version bigint not null);

-- The bare entity: identity only; what holds now is in the record_* tables.
create table entity (
  shard bigint not null, id uuid not null, class text not null, community_id uuid,
  created_at bigint not null, retired_at bigint, primary key (id, shard));

create table event (
  shard bigint not null, id uuid not null, kind text not null, version bigint not null,
  subject_class text not null, subject_id uuid, actor_account uuid, actor_post uuid, on_behalf text,
  occurred_at bigint not null, recorded_at bigint not null, request_id text, cause_id uuid,
  payload text not null, seq bigint, primary key (id, shard));
-- An event waits in event_unsealed until the sealer gives it its seq, once.
create unique index event_seq on event (shard, seq) where seq is not null;
create index event_unsealed on event (shard, recorded_at, id) where seq is null;
create index event_subject on event (shard, subject_id);

-- The chain of a shard's sealed events: SHA-256 over one canonical encoding (docs/audit.md); leaves are the events' own
-- hashes in their order. position counts the blocks of all shards as they were sealed.
create table event_block (
  shard bigint not null, number bigint not null, position bigint not null, first_seq bigint not null, last_seq bigint not null,
  previous_hash bytea not null, hash bytea not null, leaves bytea not null, sealed_at bigint not null, primary key (shard, number));
create index event_block_position on event_block (position);
create table event_head (
  shard bigint not null, number bigint not null, last_seq bigint not null, hash bytea not null, primary key (shard));
-- The last signed list of heads, as it also stands in the file outside.
create table signed_heads (number bigint not null primary key, position bigint not null, signed_at bigint not null, content text not null);

create table outbox (
  shard bigint not null, id uuid not null, target_shard bigint not null, kind text not null,
  payload text not null, created_at bigint not null, primary key (id, shard));

create table job (
  id uuid not null primary key, kind text not null, state text not null, payload text not null,
  done bigint not null, total bigint not null, message text not null, result text,
  attempts bigint not null, run_at bigint not null, epoch bigint not null, beat bigint not null,
  owner text, created_by uuid, created_at bigint not null, finished_at bigint);
create index job_due on job (state, run_at);

create table lease (name text not null primary key, epoch bigint not null, beat bigint not null, owner text not null);

create table web_session (
  id text not null primary key, account_id uuid, data text not null,
  created_at bigint not null, seen_at bigint not null, expires_at bigint not null);
create index web_session_account on web_session (account_id);

create table stored_file (
  id uuid not null primary key, purpose text not null, name text not null, media_type text not null,
  size bigint not null, digest bytea not null, key_version bigint not null,
  created_by uuid, created_at bigint not null, expires_at bigint);

create table idempotency (
  key text not null primary key, request_hash bytea not null, status bigint not null,
  body text not null, created_at bigint not null);

create table working_day (day text not null primary key, working boolean not null, note text not null);

-- The last write of each process in each shard: after a lost COMMIT the lane sees here whether it happened.
create table lane_mark (
  shard bigint not null, owner uuid not null, number bigint not null, primary key (shard, owner));

-- Processes that write into this database; the beat of one that serves moves.
create table process (
  id uuid not null primary key, beat bigint not null, seen_at bigint not null, about text not null);
-- What the last commits of each lane of each process changed, for the other processes: names of tables, and ids of
-- 16 bytes each (null: too many to say). Only PostgreSQL has more than one process, so only there rows are written.
create table process_note (
  owner uuid not null, lane bigint not null, number bigint not null, tables text not null, ids bytea,
  primary key (owner, lane, number));
