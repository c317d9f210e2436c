import type { CronPolicy, OpsConfig } from '@ops/shared/config';
import type { Policy } from '../cron-types.js';
import type { SourceJob } from '../sources/source.js';

export interface PolicyFacts {
  readonly job: Pick<SourceJob, 'id' | 'name' | 'start_tolerance_ms' | 'may_be_empty' | 'policy' | 'policy_from'>;
  readonly source: string;
  /** What an operator has changed by a command. */
  readonly override: CronPolicy | undefined;
  /** A robust percentile of its good runs, ms; undefined while too few are known. */
  readonly learned_ms: number | undefined;
}

/**
 * How a job is judged: what ops.yaml says of it, else what an operator has set by a command, else what it was added with, else what was
 * learned, else the default.
 */
export function policyOf(facts: PolicyFacts, { cron }: Pick<OpsConfig, 'cron'>): Policy {
  const { job, source, override, learned_ms: learned } = facts;
  const rules = cron.rules.filter(({ job: named }) => named === `${source}/${job.id}` || named === `${source}/${job.name}`);
  const own = job.policy_from === 'added' ? [override, job.policy] : [job.policy, override];
  const said = [...rules.toReversed(), ...own].filter((one) => one !== undefined);
  const first = <K extends keyof CronPolicy>(key: K): CronPolicy[K] => said.find((one) => one[key] !== undefined)?.[key];
  const given = first('expected');
  return {
    expected_ms: given ?? learned ?? null,
    expected_from: given !== undefined ? 'given' : learned === undefined ? 'default' : 'learned',
    grace_ms: first('grace') ?? cron.grace + job.start_tolerance_ms,
    retry: first('retry') ?? true,
    kill: first('kill') ?? cron.overrun.kill,
    output: { ...(job.may_be_empty ? { may_be_empty: true } : {}), ...first('output') },
    class: first('class') ?? 'non-revenue',
  };
}
