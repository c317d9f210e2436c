import type { EventData } from '@ops/shared/events';

type Published = EventData<'cron.review-published'>;

/** What a review has found of a job. */
export type Finding = Published['findings'][number] & {
  /** How bad it is beside others: the worst stands first. From 0; 10 and more means that work is lost. */
  readonly weight: number;
};

/** What a job is called, and by which id. */
export interface Named {
  readonly job_id: string;
  readonly name: string;
}

/** A finding about a job. */
export function finding(
  { job_id, name }: Named,
  kind: Finding['kind'],
  text: string,
  facts: Record<string, unknown>,
  weight: number,
): Finding {
  return { job_id, job_name: name, kind, text, facts, weight };
}
