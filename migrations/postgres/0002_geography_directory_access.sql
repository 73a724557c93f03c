create table tree_version (number bigint not null primary key, note text not null, effective_on text not null, created_at bigint not null);

-- Places down to community (levels 1 to 5). What is below is `premises`.
create table place (
  id uuid not null primary key, parent_id uuid, level bigint not null, kind text not null,
  name text not null, official_name text not null, full_name text not null, pinyin text not null, initials text not null,
  code text, in_list boolean not null, shard bigint not null, sort bigint not null,
  valid_from text not null, valid_to text, tree_version bigint not null, version bigint not null);
create index place_parent on place (parent_id);
create index place_by_code on place (code);
create table place_ancestor (ancestor_id uuid not null, place_id uuid not null, depth bigint not null, primary key (ancestor_id, place_id));
create index place_ancestor_place on place_ancestor (place_id);
create table place_code (place_id uuid not null, code text not null, system text not null, valid_from text not null, valid_to text, primary key (place_id, code, system, valid_from));

create table premises (
  shard bigint not null, id uuid not null, community_id uuid not null, parent_id uuid, kind text not null,
  name text not null, path text not null, sort bigint not null, made_up boolean not null,
  valid_from text not null, valid_to text, version bigint not null, primary key (id, shard));
create index premises_community on premises (shard, community_id, parent_id);

create table organization (
  id uuid not null primary key, parent_id uuid, counterpart_id uuid, place_id uuid, kind text not null, level bigint not null,
  name text not null, short_name text not null, pinyin text not null, initials text not null,
  valid_from text not null, valid_to text, version bigint not null);
create index organization_parent on organization (parent_id);
create index organization_place on organization (place_id);
create table organization_ancestor (ancestor_id uuid not null, organization_id uuid not null, depth bigint not null, primary key (ancestor_id, organization_id));
create index organization_ancestor_org on organization_ancestor (organization_id);
-- 属地 territorial, 属业 trade, 直属 direct
create table jurisdiction (
  id uuid not null primary key, organization_id uuid not null, kind text not null, place_id uuid, industry text,
  valid_from text not null, valid_to text);
create index jurisdiction_org on jurisdiction (organization_id);

create table staff (
  id uuid not null primary key, person_id uuid not null, name text not null, pinyin text not null, initials text not null,
  phone_cipher bytea, phone_mask text, state text not null, version bigint not null);
create table post (
  id uuid not null primary key, organization_id uuid not null, staff_id uuid, title text not null, rank bigint not null,
  tags text not null, valid_from text not null, valid_to text, version bigint not null);
create index post_org on post (organization_id);
create index post_staff on post (staff_id);
create table grid (
  id uuid not null primary key, community_id uuid not null, name text not null, code text not null,
  valid_from text not null, valid_to text, version bigint not null);
create index grid_community on grid (community_id);
-- No row for a grid means that it covers its whole community.
create table grid_premises (grid_id uuid not null, premises_id uuid not null, primary key (grid_id, premises_id));
create table grid_worker (grid_id uuid not null, post_id uuid not null, valid_from text not null, valid_to text, primary key (grid_id, post_id, valid_from));
create index grid_worker_post on grid_worker (post_id);

create table account (
  id uuid not null primary key, kind text not null, login text not null unique, password_hash text not null,
  staff_id uuid, person_id uuid, state text not null, must_change boolean not null, last_post_id uuid,
  created_at bigint not null, version bigint not null);
create index account_staff on account (staff_id);

create table role (key text not null primary key, title text not null, permissions text not null, builtin boolean not null, version bigint not null);
-- A role held through a post (the first administrator's through the account), over everything (`all`), the post's
-- own organization (`own`), a place subtree or an organization subtree.
create table role_grant (
  id uuid not null primary key, post_id uuid, account_id uuid, role_key text not null, scope_kind text not null,
  scope_place uuid, scope_organization uuid, valid_from text not null, valid_to text);
create index role_grant_post on role_grant (post_id);
create index role_grant_account on role_grant (account_id);
create table api_token (
  id uuid not null primary key, digest bytea not null unique, account_id uuid not null, post_id uuid, title text not null,
  created_at bigint not null, expires_at bigint, revoked_at bigint);
create table personal_link (
  id uuid not null primary key, digest bytea not null unique, kind text not null, target_shard bigint not null, target_id uuid not null,
  created_by uuid not null, created_at bigint not null, expires_at bigint not null, revoked_at bigint);
