import { type Issue, issuesOf } from '@ops/shared/events';
import { z } from 'zod';
import type { RunReport } from '../../../cron-types.js';

const time = z.number().min(0).max(8.64e15);
const text = z.string().nullish().catch(null);
const COMPLETIONS = ['succeeded', 'failed', 'unknown'] as const;
const DELIVERIES = ['delivered', 'not-delivered', 'unknown', 'not-requested'] as const;

// What identifies and judges a run must be there; the rest is taken where it can be read.
const entry = z.object({
  jobId: z.string().min(1),
  status: z.enum(['ok', 'error', 'skipped']),
  runAtMs: time,
  durationMs: time.nullish(),
  ts: time.nullish(),
  completionStatus: z.enum(COMPLETIONS).nullish().catch(null),
  summary: text,
  error: text,
  errorReason: text,
  deliveryStatus: z.enum(DELIVERIES).nullish().catch(null),
  runId: text,
  // An event has the class of its error only in the job that comes with it (2026.9.6).
  job: z
    .object({ state: z.object({ lastRunAtMs: z.number().nullish(), lastErrorReason: text }) })
    .nullish()
    .catch(null),
  diagnostics: z
    .object({ entries: z.array(z.object({ exitCode: z.number().nullish() })) })
    .nullish()
    .catch(null),
});

/**
 * A finished run: an entry of `cron.runs`, a line of a run log, or a `finished` event, of any version.
 * Its identity is the job and `runAtMs`: only manual runs of newer gateways have a name.
 *
 * @param timeout_ms the limit of the job as it is now: the gateway does not keep what it was
 */
export function readRun(
  row: unknown,
  timeout_ms: number | null,
  path: string,
): RunReport | { readonly issues: readonly Issue[] } {
  const { data, error } = entry.safeParse(row);
  if (error !== undefined) return { issues: issuesOf(error, row, path) };
  const state = data.job?.state;
  const reason = state?.lastRunAtMs === data.runAtMs && data.status === 'error' ? state.lastErrorReason : null;
  const end = typeof data.durationMs === 'number' ? data.runAtMs + data.durationMs : (data.ts ?? data.runAtMs);
  return {
    job: data.jobId,
    started_at: data.runAtMs,
    ended_at: Math.max(data.runAtMs, end),
    word: data.status,
    completion: data.completionStatus ?? null,
    output: data.summary ?? null,
    error: data.error ?? null,
    error_kind: data.errorReason ?? reason ?? null,
    delivery: data.deliveryStatus ?? null,
    exit_code: data.diagnostics?.entries.find((one) => typeof one.exitCode === 'number')?.exitCode ?? null,
    timeout_ms,
    ref: data.runId ?? null,
  };
}

/** Runs that began at or after `since`, oldest first, each once. */
export function inOrder(runs: readonly RunReport[], since: number): readonly RunReport[] {
  const once = new Map(runs.filter((run) => run.started_at >= since).map((run) => [run.started_at, run]));
  return [...once.values()].sort((one, other) => one.started_at - other.started_at);
}
