create table model_version (id uuid not null primary key, number bigint not null unique, content text not null, note text not null, created_at bigint not null);

-- Secrets (GB 11643 citizen number, phone): ciphertext with key version in its header, keyed index of the whole and of the last four, mask.
create table record_person (
  shard bigint not null, id uuid not null, version bigint not null,
  name text not null, pinyin text not null, initials text not null, sex text, birth_date text,
  id_no_cipher bytea, id_no_index bytea, id_no_tail bytea, id_no_mask text,
  mobile_cipher bytea, mobile_index bytea, mobile_tail bytea, mobile_mask text,
  living_alone boolean, community_id uuid, premises_id uuid, address text,
  data text not null, origin text not null, made_up boolean not null, updated_at bigint not null, primary key (id, shard));
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
  shard bigint not null, id uuid not null, version bigint not null, name text not null, pinyin text not null, initials text not null,
  community_id uuid, data text not null, origin text not null, updated_at bigint not null, primary key (id, shard));
create table record_event (
  shard bigint not null, id uuid not null, version bigint not null, name text not null, pinyin text not null, initials text not null,
  community_id uuid, data text not null, origin text not null, updated_at bigint not null, primary key (id, shard));
create table record_thing (
  shard bigint not null, id uuid not null, version bigint not null, name text not null, pinyin text not null, initials text not null,
  community_id uuid, data text not null, origin text not null, updated_at bigint not null, primary key (id, shard));
create table record_organization (
  shard bigint not null, id uuid not null, version bigint not null, name text not null, pinyin text not null, initials text not null,
  community_id uuid, data text not null, origin text not null, updated_at bigint not null, primary key (id, shard));

-- state: current (was applied), pending (waits for a worker), rejected
create table observation (
  shard bigint not null, id uuid not null, entity_id uuid not null, class text not null, state text not null,
  source_kind text not null, source_id uuid, submission_id uuid, form_version_id uuid, batch text, source_title text not null,
  said text not null, confirmed text not null, shown text not null, rank bigint not null, certification text,
  observed_at bigint not null, recorded_at bigint not null, account_id uuid, post_id uuid, primary key (id, shard));
create index observation_entity on observation (shard, entity_id, recorded_at);
create table link (
  shard bigint not null, id uuid not null, kind text not null, from_class text not null, from_id uuid not null,
  to_class text not null, to_id uuid not null, attributes text not null, origin text not null,
  valid_from text not null, valid_to text, version bigint not null, primary key (id, shard));
create index link_from on link (shard, from_id, kind);
create index link_to on link (shard, to_id, kind);
-- City-wide identity: the keyed index of a number, claimed before the entity is created under the id given here.
-- version: that of the index key; cipher: the number, so that a rotation can index it anew also where no entity exists yet.
create table identity_claim (
  digest bytea not null primary key, version bigint not null, kind text not null, shard bigint not null, entity_id uuid not null,
  cipher bytea not null, created_at bigint not null);
-- Why a secret was shown in clear, as ciphertext: the event only carries this row's id.
create table reveal_reason (shard bigint not null, id uuid not null, entity_id uuid not null, reason text not null, created_at bigint not null, primary key (id, shard));

create table application (key text not null primary key, version text not null, title text not null, content_hash text not null, state text not null, installed_at bigint not null);
-- One file of an application's folder: kind is its folder, content what was installed; state: installed, retired.
create table application_object (
  app_key text not null, key text not null, kind text not null, object_id uuid not null, content text not null, content_hash text not null,
  state text not null, primary key (app_key, kind, key));

create table form (
  id uuid not null primary key, app_key text, title text not null, class text not null, organization_id uuid, state text not null,
  draft text not null, version bigint not null, created_by uuid, created_at bigint not null, updated_at bigint not null);
create table form_version (
  id uuid not null primary key, form_id uuid not null, number bigint not null, definition text not null, schema text not null,
  content_hash text not null, published_at bigint not null, published_by uuid, unique (form_id, number));

-- Unique for ever on (shard, form, client id); answers keep secrets as ciphertext.
create table submission (
  shard bigint not null, form_id uuid not null, client_id uuid not null, id uuid not null, form_version_id uuid not null,
  door_kind text not null, door_id uuid not null, payload_hash bytea not null, answers text not null, slip_code text not null,
  submitted_at bigint not null, account_id uuid, post_id uuid, on_behalf text, primary key (client_id, form_id, shard), unique (id, shard));
