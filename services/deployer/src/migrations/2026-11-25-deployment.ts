import { type Kysely, sql } from 'kysely';

export async function up(database: Kysely<unknown>): Promise<void> {
  await sql`
    create table deployment (
      deployment_id text primary key,
      seq bigserial not null,
      lane text not null,
      folder text not null,
      about text not null,
      kind text not null,
      request jsonb,
      requested_by text not null,
      cause jsonb not null,
      step text not null,
      verdict text,
      reason text,
      plan jsonb,
      plan_hash text,
      approval jsonb,
      touched boolean not null default false,
      waits_for text,
      wake_at timestamptz,
      expires_at timestamptz,
      verify_until timestamptz,
      watch_until timestamptz,
      failure jsonb,
      facts jsonb not null default '{}',
      created_at timestamptz not null,
      finished_at timestamptz
    )`.execute(database);
  await sql`create index deployment_open on deployment (lane, seq) where verdict is null`.execute(database);
  await sql`
    create table deployment_step (
      deployment_id text not null references deployment,
      n int not null,
      step text not null,
      fence bigint not null,
      began_at timestamptz not null,
      ended_at timestamptz,
      outcome text,
      detail text,
      primary key (deployment_id, n)
    )`.execute(database);
  // What is to be said, written with the change that it speaks of: a crash between the two loses nothing.
  await sql`
    create table deployment_event (
      n bigserial primary key,
      deployment_id text not null references deployment,
      at timestamptz not null,
      draft jsonb not null,
      published_at timestamptz
    )`.execute(database);
  await sql`create index deployment_event_waiting on deployment_event (n) where published_at is null`.execute(database);
  await sql`create index deployment_event_of on deployment_event (deployment_id)`.execute(database);
  await sql`
    create table deployment_record (
      deployment_id text primary key references deployment,
      written_at timestamptz not null,
      record jsonb not null
    )`.execute(database);
  await sql`
    create function refuse_change() returns trigger language plpgsql as $$
    begin raise exception 'a deployment record is never changed'; end $$`.execute(database);
  await sql`
    create trigger deployment_record_immutable before update or delete on deployment_record
    for each row execute function refuse_change()`.execute(database);
  await sql`
    create table project_lease (
      lane text primary key,
      holder text not null,
      fence bigint not null,
      until timestamptz not null
    )`.execute(database);
  await sql`
    create table release (
      release_id text primary key,
      seq bigserial not null,
      folder text not null,
      at timestamptz not null,
      current boolean not null,
      snapshot text not null,
      facts jsonb not null
    )`.execute(database);
  await sql`create unique index release_current on release (folder) where current`.execute(database);
  // A signed request counts once: which deployment a nonce was for.
  await sql`
    create table request_nonce (
      nonce text primary key,
      deployment_id text not null,
      at timestamptz not null default now()
    )`.execute(database);
  await sql`
    create table deployment_freeze (
      id int primary key default 1 check (id = 1),
      by text not null,
      reason text not null,
      at timestamptz not null,
      until timestamptz
    )`.execute(database);
}
