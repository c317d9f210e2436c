import { createHash } from 'node:crypto';
import type { z } from 'zod';
import type { EventDraft } from '../events/index.js';

/** A kind of delayed or retried work. */
export interface JobKind<T = unknown> {
  readonly name: string;
  readonly schema: z.ZodType<T>;
  /** Tries before it is failed. */
  readonly attempts: number;
  /** First pause between tries, in ms; doubled each time. */
  readonly backoffMs: number;
  /** What the job is for: the same purpose is one job, however often it is added. */
  readonly purpose: (data: T) => string;
}

/** Declares a kind of job, with its types. */
export function defineJob<T>(kind: JobKind<T>): JobKind<T> {
  return kind;
}

/** A kind with its handler: data in, events out, as for events. */
export interface JobHandler {
  readonly kind: JobKind;
  readonly run: (data: unknown) => Promise<readonly EventDraft[]>;
}

/** Ties a handler to its kind; the data that it gets has been checked. */
export function onJob<T>(kind: JobKind<T>, run: (data: T) => Promise<readonly EventDraft[]>): JobHandler {
  return { kind: kind as unknown as JobKind, run: (data) => run(kind.schema.parse(data)) };
}

/** The id of a job, made from its purpose. BullMQ refuses `:` in ids, and ids of digits only. */
export function jobId<T>(kind: JobKind<T>, data: T): string {
  return `${kind.name}-${createHash('sha256').update(kind.purpose(data)).digest('hex').slice(0, 24)}`;
}
