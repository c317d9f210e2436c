/** A deployment as the deployer tells of it. */
export interface DeploymentView {
  readonly deployment_id: string;
  readonly service: string;
  readonly action: string;
  readonly status: string;
  readonly project: string;
  readonly requested_by: string;
  readonly step: string;
  readonly verdict: string | null;
  readonly reason: string | null;
  readonly waits_for: string | null;
  readonly expires_at: string | null;
  readonly plan_hash: string | null;
  readonly watch_until: string | null;
  /** What takes its time just now; null where there is nothing to say. */
  readonly doing: string | null;
  readonly created_at: string;
  readonly finished_at: string | null;
  readonly duration: number | null;
}

export interface StepView {
  readonly n: number;
  readonly step: string;
  readonly began_at: string;
  readonly ended_at: string | null;
  readonly outcome: string | null;
  readonly detail: string | null;
}

interface PlannedService {
  readonly service: string;
  readonly change: string;
  readonly differences: readonly string[];
  readonly strategy: string;
  readonly image: string;
  readonly imageId: string | null;
  readonly old: readonly { readonly name: string; readonly imageId: string }[];
  readonly earliestHealthyMs: number;
}

export interface PlanView {
  readonly project: string;
  readonly services: readonly PlannedService[];
  readonly untouched: readonly string[];
  readonly irreversible: readonly string[];
  readonly dumps?: readonly { readonly service: string; readonly name: string }[];
}

export interface RecordView {
  readonly findings: readonly {
    readonly code: string;
    readonly where: string;
    readonly found: string;
    readonly expected: string;
  }[];
  readonly failure: { readonly step: string; readonly reason: string; readonly evidence: readonly string[] } | null;
  readonly rollback: readonly string[];
  readonly restored: readonly string[];
}

/** One deployment with everything about it; the record is there once it has ended. */
export interface DeploymentDetail extends DeploymentView {
  readonly plan: PlanView | null;
  readonly steps: readonly StepView[];
  readonly record: RecordView | null;
}

/** The plan, for a person: what changes, how, and what cannot be taken back. */
export function planText({ services, untouched, irreversible, dumps = [] }: PlanView): string {
  const lines = services.flatMap((one) => {
    const from = one.old[0] === undefined ? '' : ` ${short(one.old[0].imageId)}`;
    const to = one.imageId === null ? '' : ` -> ${short(one.imageId)}`;
    const healthy = one.earliestHealthyMs > 0 ? `, healthy after ${one.earliestHealthyMs / 1000} s at the earliest` : '';
    return [
      `${one.change} ${one.service} (${one.strategy}${healthy}):${from}${to} ${one.image}`,
      ...one.differences.map((each) => `  ${each}`),
    ];
  });
  return [
    ...lines,
    ...(untouched.length > 0 ? [`untouched: ${untouched.join(', ')}`] : []),
    ...dumps.map(({ service, name }) => `dumped before, and put back should it fail: database ${name} of ${service}`),
    ...irreversible.map((reason) => `cannot be taken back: ${reason}`),
  ].join('\n');
}

/** What came of it: the verdict, its reason, the findings, and the last lines of what failed. */
export function endText({ deployment_id, verdict, status, reason, record }: DeploymentDetail): string {
  const lines = [`${deployment_id} ${verdict ?? status}${reason === null ? '' : `: ${reason}`}`];
  for (const { code, where, found, expected } of record?.findings ?? [])
    lines.push(`  ${code}: ${where}: ${found}: expected ${expected}`);
  for (const text of record?.failure?.evidence ?? []) lines.push(...text.split('\n').map((line) => `  | ${line}`));
  if (verdict === 'failed') lines.push(...(record?.rollback ?? []).map((line) => `  ${line}`));
  return lines.join('\n');
}

function short(imageId: string): string {
  return imageId.replace(/^sha256:/, '').slice(0, 12);
}
