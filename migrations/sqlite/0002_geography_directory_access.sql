create table tree_version (number integer not null primary key, note text not null, effective_on text not null, created_at integer not null) strict;

-- Places down to community (levels 1 to 5). What is below is `premises`.
create table place (
  id blob not null primary key, parent_id blob, level integer not null, kind text not null,
  name text not null, official_name text not null, full_name text not null, pinyin text not null, initials text not null,
  code text, in_list integer not null, shard integer not null, sort integer not null,
  valid_from text not null, valid_to text, tree_version integer not null, version integer not null) strict;
create index place_parent on place (parent_id);
create index place_by_code on place (code);
create table place_ancestor (ancestor_id blob not null, place_id blob not null, depth integer not null, primary key (ancestor_id, place_id)) strict;
create index place_ancestor_place on place_ancestor (place_id);
create table place_code (place_id blob not null, code text not null, system text not null, valid_from text not null, valid_to text, primary key (place_id, code, system, valid_from)) strict;

create table premises (
  shard integer not null, id blob not null, community_id blob not null, parent_id blob, kind text not null,
  name text not null, path text not null, sort integer not null, made_up integer not null,
  valid_from text not null, valid_to text, version integer not null, primary key (id, shard)) strict;
create index premises_community on premises (shard, community_id, parent_id);

create table organization (
  id blob not null primary key, parent_id blob, counterpart_id blob, place_id blob, kind text not null, level integer not null,
  name text not null, short_name text not null, pinyin text not null, initials text not null,
  valid_from text not null, valid_to text, version integer not null) strict;
create index organization_parent on organization (parent_id);
create index organization_place on organization (place_id);
create table organization_ancestor (ancestor_id blob not null, organization_id blob not null, depth integer not null, primary key (ancestor_id, organization_id)) strict;
create index organization_ancestor_org on organization_ancestor (organization_id);
-- 属地 territorial, 属业 trade, 直属 direct
create table jurisdiction (
  id blob not null primary key, organization_id blob not null, kind text not null, place_id blob, industry text,
  valid_from text not null, valid_to text) strict;
create index jurisdiction_org on jurisdiction (organization_id);

create table staff (
  id blob not null primary key, person_id blob not null, name text not null, pinyin text not null, initials text not null,
  phone_cipher blob, phone_mask text, state text not null, version integer not null) strict;
create table post (
  id blob not null primary key, organization_id blob not null, staff_id blob, title text not null, rank integer not null,
  tags text not null, valid_from text not null, valid_to text, version integer not null) strict;
create index post_org on post (organization_id);
create index post_staff on post (staff_id);
create table grid (
  id blob not null primary key, community_id blob not null, name text not null, code text not null,
  valid_from text not null, valid_to text, version integer not null) strict;
create index grid_community on grid (community_id);
-- No row for a grid means that it covers its whole community.
create table grid_premises (grid_id blob not null, premises_id blob not null, primary key (grid_id, premises_id)) strict;
create table grid_worker (grid_id blob not null, post_id blob not null, valid_from text not null, valid_to text, primary key (grid_id, post_id, valid_from)) strict;
create index grid_worker_post on grid_worker (post_id);

create table account (
  id blob not null primary key, kind text not null, login text not null unique, password_hash text not null,
  staff_id blob, person_id blob, state text not null, must_change integer not null, last_post_id blob,
  created_at integer not null, version integer not null) strict;
create index account_staff on account (staff_id);

create table role (key text not null primary key, title text not null, permissions text not null, builtin integer not null, version integer not null) strict;
-- A role held through a post (the first administrator's through the account), over everything (`all`), the post's
-- own organization (`own`), a place subtree or an organization subtree.
create table role_grant (
  id blob not null primary key, post_id blob, account_id blob, role_key text not null, scope_kind text not null,
  scope_place blob, scope_organization blob, valid_from text not null, valid_to text) strict;
create index role_grant_post on role_grant (post_id);
create index role_grant_account on role_grant (account_id);
create table api_token (
  id blob not null primary key, digest blob not null unique, account_id blob not null, post_id blob, title text not null,
  created_at integer not null, expires_at integer, revoked_at integer) strict;
create table personal_link (
  id blob not null primary key, digest blob not null unique, kind text not null, target_shard integer not null, target_id blob not null,
  created_by blob not null, created_at integer not null, expires_at integer not null, revoked_at integer) strict;
