create table ledger (
  id uuid not null primary key, app_key text, title text not null, class text not null, definition text not null,
  organization_id uuid, state text not null, version bigint not null, created_at bigint not null);

create table rule (
  id uuid not null primary key, app_key text, title text not null, hook text not null, source text not null, generated text not null,
  cases text not null, version bigint not null, organization_id uuid, created_at bigint not null);

create table task (
  id uuid not null primary key, app_key text, title text not null, shape text not null, class text not null, form_version_id uuid not null,
  issuer_organization uuid not null, issuer_post uuid, root_place uuid not null, state text not null, rule text not null, measures text not null,
  relay text not null, source text not null, working_days bigint, deadline_at bigint, release bigint not null, published_release bigint not null,
  created_at bigint not null, dispatched_at bigint, ended_at bigint, version bigint not null);
-- What the first step of a new task offers; app_key is `app/key`, rule is empty where the usual one stands, state: open, retired.
create table task_template (
  app_key text not null primary key, title text not null, form_id uuid not null, shape text not null, rule text not null, measures text not null,
  relay text not null, working_days bigint, ledger_id uuid, state text not null);
-- The subjects of a listed task, before they become items; `sheet` keeps secrets as ciphertext.
create table task_row (
  task_id uuid not null, position bigint not null, source_row bigint not null, subject_shard bigint, subject_id uuid, place_id uuid,
  label text not null, sheet text not null, fault text, primary key (task_id, position));
create table dry_run (id uuid not null primary key, task_id uuid not null, task_version bigint not null, state text not null, summary text not null, created_at bigint not null, created_by uuid);
create table dry_run_row (
  dry_run_id uuid not null, position bigint not null, subject_id uuid, label text not null, place_id uuid, holder_organization uuid, holder_post uuid,
  working_days bigint, reason text, line bigint, col bigint, primary key (dry_run_id, position));
create index dry_run_row_reason on dry_run_row (dry_run_id, reason);

create table assignment (
  task_id uuid not null, id uuid not null, parent_id uuid, organization_id uuid not null, place_id uuid not null, level bigint not null,
  mode text not null, state text not null, received bigint not null, passed_down bigint not null, returned_up bigint not null,
  passes_at bigint, due_at bigint, release bigint not null, created_at bigint not null, version bigint not null, primary key (task_id, id));
create index assignment_org on assignment (organization_id, state);

-- state: open, review, correction, void_proposed, done, waived, void
-- moves: how many movements it has had; those are numbered 1, 2, 3 by `seq`, so that one that is missing shows
create table item (
  shard bigint not null, id uuid not null, task_id uuid not null, assignment_id uuid not null, release bigint not null, position bigint not null,
  subject_class text not null, subject_shard bigint, subject_id uuid, label text not null, place_id uuid not null, premises_id uuid,
  holder_organization uuid not null, holder_post uuid, state text not null, reason text, due_at bigint, sheet text not null,
  contribution text not null, parent_item_id uuid, submission_id uuid, certified bigint, changed boolean,
  created_at bigint not null, moved_at bigint not null, done_at bigint, moves bigint not null, version bigint not null, primary key (id, shard));
-- Each index costs every dispatched row: these are all that a list or a count needs.
create index item_position on item (task_id, position);
create index item_subject on item (shard, task_id, subject_id);
create index item_assignment on item (task_id, assignment_id);
create index item_org on item (holder_organization, state, due_at);
create index item_post on item (holder_post, state, due_at);
create table movement (
  shard bigint not null, id uuid not null, task_id uuid not null, item_id uuid not null, seq bigint not null, kind text not null, from_assignment uuid, to_assignment uuid,
  from_holder uuid, to_holder uuid, reason text, at bigint not null, account_id uuid, post_id uuid, primary key (id, shard));
create unique index movement_item on movement (shard, item_id, seq);
create index movement_task on movement (task_id);

-- amounts: JSON [[measure, day, amount], ...] of one pair of leaves
create table delta (
  shard bigint not null, id uuid not null, task_id uuid not null, release bigint not null, place_id uuid not null,
  organization_id uuid not null, amounts text not null, primary key (id, shard));
create index delta_task on delta (task_id);
create table partial_total (
  shard bigint not null, task_id uuid not null, axis text not null, leaf_id uuid not null, measure text not null, total bigint not null,
  primary key (shard, task_id, axis, leaf_id, measure));
create table node_total (
  task_id uuid not null, axis text not null, node_id uuid not null, measure text not null, total bigint not null, tree_version bigint not null,
  primary key (task_id, axis, node_id, measure));
-- Day series of a task at its root, for the trend.
create table day_total (task_id uuid not null, node_id uuid not null, measure text not null, day text not null, total bigint not null, primary key (task_id, node_id, measure, day));

create table channel (
  id uuid not null primary key, app_key text, slug text not null unique, title text not null, intro text not null, form_version_id uuid not null,
  organization_id uuid not null, review text not null, working_days bigint, state text not null, opens_at bigint, closes_at bigint,
  created_at bigint not null, version bigint not null);
create table channel_scope (channel_id uuid not null, place_id uuid not null, primary key (channel_id, place_id));
-- state: open, accepted (taken on), correction (the resident's turn), review (a second worker's turn), done, rejected.
-- decision: what the first worker decided, while the second has not looked (JSON)
create table service_case (
  shard bigint not null, id uuid not null, channel_id uuid not null, submission_id uuid not null, observation_id uuid, subject_shard bigint, subject_id uuid,
  place_id uuid not null, holder_organization uuid not null, holder_post uuid, state text not null, label text not null, slip_code text not null,
  query_digest bytea not null, answer text, decision text, filed_by_post uuid, due_at bigint, created_at bigint not null, moved_at bigint not null, done_at bigint,
  version bigint not null, primary key (id, shard));
create index service_case_query on service_case (query_digest);
create index service_case_org on service_case (holder_organization, state, due_at);
create index service_case_post on service_case (holder_post, state, due_at);
create table case_step (
  shard bigint not null, id uuid not null, case_id uuid not null, kind text not null, note text, at bigint not null, post_id uuid, primary key (id, shard));
create index case_step_case on case_step (shard, case_id, at);
