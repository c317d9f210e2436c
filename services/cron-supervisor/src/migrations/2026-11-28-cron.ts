import { type Kysely, sql } from 'kysely';

export async function up(database: Kysely<unknown>): Promise<void> {
  // `judged_until`: every slot up to it has been judged; it only grows, by compare-and-set. `due_at`: when the next slot is to be judged.
  // `raised`: the alerts that stand about it.
  await sql`
    create table cron_job (
      job_id text primary key,
      source text not null,
      external_id text not null,
      name text not null,
      purpose text not null,
      agent text,
      enabled boolean not null,
      schedule jsonb not null,
      policy jsonb not null,
      timeout_ms bigint,
      problem text,
      registered_at timestamptz not null,
      removed_at timestamptz,
      judged_until timestamptz not null,
      next_slot timestamptz,
      due_at timestamptz,
      raised jsonb not null default '[]',
      unique (source, external_id)
    )`.execute(database);
  await sql`create index cron_job_due on cron_job (due_at) where due_at is not null`.execute(database);
  // A run is known by its job and its start. `limit_at`: from then on it overruns.
  await sql`
    create table cron_run (
      run_id text primary key,
      job_id text not null,
      started_at timestamptz not null,
      slot timestamptz,
      trigger text not null,
      ref text,
      ended_at timestamptz,
      report jsonb,
      verdict text,
      code text,
      reason text,
      output text,
      limit_at timestamptz,
      overran_at timestamptz,
      kill jsonb,
      retry_of text,
      unique (job_id, started_at)
    )`.execute(database);
  await sql`create index cron_run_open on cron_run (limit_at) where ended_at is null`.execute(database);
  await sql`create index cron_run_unfinished on cron_run (job_id) where ended_at is null`.execute(database);
  await sql`create index cron_run_slot on cron_run (job_id, slot) where slot is not null`.execute(database);
  await sql`create index cron_run_kill on cron_run (run_id) where kill is not null and kill->>'outcome' is null`.execute(
    database,
  );
  await sql`create index cron_run_timed on cron_run (job_id, started_at desc) where verdict = 'succeeded' and ended_at > started_at`.execute(
    database,
  );
  await sql`create index cron_run_failed on cron_run (job_id, started_at) where verdict in ('failed', 'killed')`.execute(
    database,
  );
  await sql`create index cron_run_age on cron_run (started_at)`.execute(database);
  await sql`create index cron_run_ref on cron_run (job_id, ref) where ref is not null`.execute(database);
  await sql`
    create table cron_missed (
      job_id text not null,
      slot timestamptz not null,
      deadline timestamptz not null,
      judged_at timestamptz not null,
      reason text not null,
      unseen boolean not null,
      primary key (job_id, slot)
    )`.execute(database);
  // One row for each failed run that is to be tried again: its only retry.
  await sql`
    create table cron_retry (
      run_id text primary key,
      job_id text not null,
      failed_at timestamptz not null,
      due_at timestamptz not null,
      state text not null,
      reason text not null,
      asked_at timestamptz,
      ref text,
      retry_run_id text,
      ended_at timestamptz
    )`.execute(database);
  await sql`create index cron_retry_open on cron_retry (due_at) where ended_at is null`.execute(database);
  await sql`create index cron_retry_job on cron_retry (job_id) where ended_at is null`.execute(database);
  // What is to be said, written with the change that it speaks of: a crash between the two loses nothing.
  await sql`create table cron_event (n bigserial primary key, draft jsonb not null)`.execute(database);
  await sql`
    create table cron_review (
      review_id text primary key,
      from_at timestamptz not null,
      to_at timestamptz not null,
      made_at timestamptz not null,
      review jsonb not null,
      report text not null
    )`.execute(database);
  await sql`
    create table cron_proposal (
      proposal_id text primary key,
      review_id text not null references cron_review,
      job_id text not null,
      kind text not null,
      proposal jsonb not null,
      state text not null,
      decided_at timestamptz,
      decided_by text
    )`.execute(database);
  // What an operator has changed by a command: it stands over ops.yaml's defaults, and under what ops.yaml says of the job.
  await sql`create table cron_override (job_id text primary key, policy jsonb not null, by text not null, at timestamptz not null)`.execute(
    database,
  );
  // Heartbeat jobs that were added by a command.
  await sql`create table cron_added (id text primary key, job jsonb not null, by text not null, at timestamptz not null)`.execute(
    database,
  );
  // When we were last there: whatever was to be heard while nobody listened cannot be called missing.
  await sql`create table cron_presence (one boolean primary key default true check (one), seen_at timestamptz not null, away_from timestamptz, back_at timestamptz not null)`.execute(
    database,
  );
}

export async function down(database: Kysely<unknown>): Promise<void> {
  for (const table of ['presence', 'added', 'override', 'proposal', 'review', 'event', 'retry', 'missed', 'run', 'job'])
    await sql`drop table ${sql.table(`cron_${table}`)}`.execute(database);
}
