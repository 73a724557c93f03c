create table model_version (id blob not null primary key, number integer not null unique, content text not null, note text not null, created_at integer not null) strict;

-- Secrets (GB 11643 citizen number, phone): ciphertext with key version in its header, keyed index of the whole and of the last four, mask.
create table record_person (
  shard integer not null, id blob not null, version integer not null,
  name text not null, pinyin text not null, initials text not null, sex text, birth_date text,
  id_no_cipher blob, id_no_index blob, id_no_tail blob, id_no_mask text,
  mobile_cipher blob, mobile_index blob, mobile_tail blob, mobile_mask text,
  living_alone integer, community_id blob, premises_id blob, address text,
  data text not null, origin text not null, made_up integer not null, updated_at integer not null, primary key (id, shard)) strict;
create index record_person_community on record_person (shard, community_id, name);
-- What lists filter and sort by, so that a page of a whole district is found without reading its people's rows.
create index record_person_place on record_person (community_id, pinyin, id, shard, sex, birth_date, updated_at);
create index record_person_name on record_person (name);
create index record_person_initials on record_person (initials);
create index record_person_pinyin on record_person (pinyin);
create index record_person_id_no on record_person (id_no_index);
create index record_person_id_no_tail on record_person (id_no_tail);
create index record_person_mobile_tail on record_person (mobile_tail);
create table record_place (
  shard integer not null, id blob not null, version integer not null, name text not null, pinyin text not null, initials text not null,
  community_id blob, data text not null, origin text not null, updated_at integer not null, primary key (id, shard)) strict;
create table record_event (
  shard integer not null, id blob not null, version integer not null, name text not null, pinyin text not null, initials text not null,
  community_id blob, data text not null, origin text not null, updated_at integer not null, primary key (id, shard)) strict;
create table record_thing (
  shard integer not null, id blob not null, version integer not null, name text not null, pinyin text not null, initials text not null,
  community_id blob, data text not null, origin text not null, updated_at integer not null, primary key (id, shard)) strict;
create table record_organization (
  shard integer not null, id blob not null, version integer not null, name text not null, pinyin text not null, initials text not null,
  community_id blob, data text not null, origin text not null, updated_at integer not null, primary key (id, shard)) strict;

-- state: current (was applied), pending (waits for a worker), rejected
create table observation (
  shard integer not null, id blob not null, entity_id blob not null, class text not null, state text not null,
  source_kind text not null, source_id blob, submission_id blob, form_version_id blob, batch text, source_title text not null,
  said text not null, confirmed text not null, shown text not null, rank integer not null, certification text,
  observed_at integer not null, recorded_at integer not null, account_id blob, post_id blob, primary key (id, shard)) strict;
create index observation_entity on observation (shard, entity_id, recorded_at);
create table link (
  shard integer not null, id blob not null, kind text not null, from_class text not null, from_id blob not null,
  to_class text not null, to_id blob not null, attributes text not null, origin text not null,
  valid_from text not null, valid_to text, version integer not null, primary key (id, shard)) strict;
create index link_from on link (shard, from_id, kind);
create index link_to on link (shard, to_id, kind);
-- City-wide identity: the keyed index of a number, claimed before the entity is created under the id given here.
-- version: that of the index key; cipher: the number, so that a rotation can index it anew also where no entity exists yet.
create table identity_claim (
  digest blob not null primary key, version integer not null, kind text not null, shard integer not null, entity_id blob not null,
  cipher blob not null, created_at integer not null) strict;
-- Why a secret was shown in clear, as ciphertext: the event only carries this row's id.
create table reveal_reason (shard integer not null, id blob not null, entity_id blob not null, reason text not null, created_at integer not null, primary key (id, shard)) strict;

create table application (key text not null primary key, version text not null, title text not null, content_hash text not null, state text not null, installed_at integer not null) strict;
-- One file of an application's folder: kind is its folder, content what was installed; state: installed, retired.
create table application_object (
  app_key text not null, key text not null, kind text not null, object_id blob not null, content text not null, content_hash text not null,
  state text not null, primary key (app_key, kind, key)) strict;

create table form (
  id blob not null primary key, app_key text, title text not null, class text not null, organization_id blob, state text not null,
  draft text not null, version integer not null, created_by blob, created_at integer not null, updated_at integer not null) strict;
create table form_version (
  id blob not null primary key, form_id blob not null, number integer not null, definition text not null, schema text not null,
  content_hash text not null, published_at integer not null, published_by blob, unique (form_id, number)) strict;

-- Unique for ever on (shard, form, client id); answers keep secrets as ciphertext.
create table submission (
  shard integer not null, form_id blob not null, client_id blob not null, id blob not null, form_version_id blob not null,
  door_kind text not null, door_id blob not null, payload_hash blob not null, answers text not null, slip_code text not null,
  submitted_at integer not null, account_id blob, post_id blob, on_behalf text, primary key (client_id, form_id, shard), unique (id, shard)) strict;
