create table ledger (
  id blob not null primary key, app_key text, title text not null, class text not null, definition text not null,
  organization_id blob, state text not null, version integer not null, created_at integer not null) strict;

create table rule (
  id blob not null primary key, app_key text, title text not null, hook text not null, source text not null, generated text not null,
  cases text not null, version integer not null, organization_id blob, created_at integer not null) strict;

create table task (
  id blob not null primary key, app_key text, title text not null, shape text not null, class text not null, form_version_id blob not null,
  issuer_organization blob not null, issuer_post blob, root_place blob not null, state text not null, rule text not null, measures text not null,
  relay text not null, source text not null, working_days integer, deadline_at integer, release integer not null, published_release integer not null,
  created_at integer not null, dispatched_at integer, ended_at integer, version integer not null) strict;
-- What the first step of a new task offers; app_key is `app/key`, rule is empty where the usual one stands, state: open, retired.
create table task_template (
  app_key text not null primary key, title text not null, form_id blob not null, shape text not null, rule text not null, measures text not null,
  relay text not null, working_days integer, ledger_id blob, state text not null) strict;
-- The subjects of a listed task, before they become items; `sheet` keeps secrets as ciphertext.
create table task_row (
  task_id blob not null, position integer not null, source_row integer not null, subject_shard integer, subject_id blob, place_id blob,
  label text not null, sheet text not null, fault text, primary key (task_id, position)) strict;
create table dry_run (id blob not null primary key, task_id blob not null, task_version integer not null, state text not null, summary text not null, created_at integer not null, created_by blob) strict;
create table dry_run_row (
  dry_run_id blob not null, position integer not null, subject_id blob, label text not null, place_id blob, holder_organization blob, holder_post blob,
  working_days integer, reason text, line integer, col integer, primary key (dry_run_id, position)) strict;
create index dry_run_row_reason on dry_run_row (dry_run_id, reason);

create table assignment (
  task_id blob not null, id blob not null, parent_id blob, organization_id blob not null, place_id blob not null, level integer not null,
  mode text not null, state text not null, received integer not null, passed_down integer not null, returned_up integer not null,
  passes_at integer, due_at integer, release integer not null, created_at integer not null, version integer not null, primary key (task_id, id)) strict;
create index assignment_org on assignment (organization_id, state);

-- state: open, review, correction, void_proposed, done, waived, void
-- moves: how many movements it has had; those are numbered 1, 2, 3 by `seq`, so that one that is missing shows
create table item (
  shard integer not null, id blob not null, task_id blob not null, assignment_id blob not null, release integer not null, position integer not null,
  subject_class text not null, subject_shard integer, subject_id blob, label text not null, place_id blob not null, premises_id blob,
  holder_organization blob not null, holder_post blob, state text not null, reason text, due_at integer, sheet text not null,
  contribution text not null, parent_item_id blob, submission_id blob, certified integer, changed integer,
  created_at integer not null, moved_at integer not null, done_at integer, moves integer not null, version integer not null, primary key (id, shard)) strict;
-- Each index costs every dispatched row: these are all that a list or a count needs.
create index item_position on item (task_id, position);
create index item_subject on item (shard, task_id, subject_id);
create index item_assignment on item (task_id, assignment_id);
create index item_org on item (holder_organization, state, due_at);
create index item_post on item (holder_post, state, due_at);
create table movement (
  shard integer not null, id blob not null, task_id blob not null, item_id blob not null, seq integer not null, kind text not null, from_assignment blob, to_assignment blob,
  from_holder blob, to_holder blob, reason text, at integer not null, account_id blob, post_id blob, primary key (id, shard)) strict;
create unique index movement_item on movement (shard, item_id, seq);
create index movement_task on movement (task_id);

-- amounts: JSON [[measure, day, amount], ...] of one pair of leaves
create table delta (
  shard integer not null, id blob not null, task_id blob not null, release integer not null, place_id blob not null,
  organization_id blob not null, amounts text not null, primary key (id, shard)) strict;
create index delta_task on delta (task_id);
create table partial_total (
  shard integer not null, task_id blob not null, axis text not null, leaf_id blob not null, measure text not null, total integer not null,
  primary key (shard, task_id, axis, leaf_id, measure)) strict;
create table node_total (
  task_id blob not null, axis text not null, node_id blob not null, measure text not null, total integer not null, tree_version integer not null,
  primary key (task_id, axis, node_id, measure)) strict;
-- Day series of a task at its root, for the trend.
create table day_total (task_id blob not null, node_id blob not null, measure text not null, day text not null, total integer not null, primary key (task_id, node_id, measure, day)) strict;

create table channel (
  id blob not null primary key, app_key text, slug text not null unique, title text not null, intro text not null, form_version_id blob not null,
  organization_id blob not null, review text not null, working_days integer, state text not null, opens_at integer, closes_at integer,
  created_at integer not null, version integer not null) strict;
create table channel_scope (channel_id blob not null, place_id blob not null, primary key (channel_id, place_id)) strict;
-- state: open, accepted (taken on), correction (the resident's turn), review (a second worker's turn), done, rejected.
-- decision: what the first worker decided, while the second has not looked (JSON)
create table service_case (
  shard integer not null, id blob not null, channel_id blob not null, submission_id blob not null, observation_id blob, subject_shard integer, subject_id blob,
  place_id blob not null, holder_organization blob not null, holder_post blob, state text not null, label text not null, slip_code text not null,
  query_digest blob not null, answer text, decision text, filed_by_post blob, due_at integer, created_at integer not null, moved_at integer not null, done_at integer,
  version integer not null, primary key (id, shard)) strict;
create index service_case_query on service_case (query_digest);
create index service_case_org on service_case (holder_organization, state, due_at);
create index service_case_post on service_case (holder_post, state, due_at);
create table case_step (
  shard integer not null, id blob not null, case_id blob not null, kind text not null, note text, at integer not null, post_id blob, primary key (id, shard)) strict;
create index case_step_case on case_step (shard, case_id, at);
