import { approvalEvent } from '../events.js';
import { planOf, type Run, type StepResult } from './step.js';

/** 4. A person decides, only where what is planned cannot be taken back. Bound to the plan by its hash. */
export async function approval(run: Run): Promise<StepResult> {
  const { deployment, deployer } = run;
  const { irreversible } = planOf(run);
  const now = deployer.clock.now();
  if (irreversible.length === 0) return { kind: 'done', detail: 'none is needed: it can be taken back' };
  const hash = deployment.plan_hash ?? '';
  if (deployment.approval?.plan_hash === hash) return { kind: 'done', detail: `given by ${deployment.approval.by}` };
  // The plan is made anew before we come here again: the same plan was asked for once, and its time runs on.
  const asked = deployment.facts.asked?.plan_hash === hash ? deployment.facts.asked : undefined;
  const expiresAt = asked === undefined ? new Date(now + deployer.config.deploy.approve_within) : new Date(asked.expires_at);
  if (now >= expiresAt.getTime())
    return { kind: 'end', verdict: 'expired', reason: `nobody approved it in time: ${irreversible.join('; ')}` };
  return {
    kind: 'wait',
    for: 'approval',
    reason: irreversible.join('; '),
    wakeAt: expiresAt,
    expiresAt,
    change: { facts: { ...deployment.facts, asked: { plan_hash: hash, expires_at: expiresAt.toISOString() } } },
    drafts: asked === undefined ? [approvalEvent(deployment, hash, irreversible, expiresAt, now)] : [],
  };
}
