import { judgeRemediation } from '../decide/remediation.js';
import { finding } from '../decide/request.js';
import { remediationsSince } from '../state/remediations.js';
import { type Run, requestOf, type StepResult } from './step.js';

/** Lets a restart that software asks for wait for its pause, or ends it past the ceiling. Undefined where it may go on, and for what a person asks for. */
export async function heldByRemediation(run: Run): Promise<Extract<StepResult, { kind: 'wait' | 'end' }> | undefined> {
  const { remediation, folder, services } = requestOf(run);
  if (remediation !== true) return undefined;
  const { database, clock, config } = run.deployer;
  const policy = config.deploy.remediation;
  const now = clock.now();
  const past = await remediationsSince(database, folder, new Date(now - policy.within));
  const verdict = judgeRemediation(services, past, policy, now);
  switch (verdict.kind) {
    case 'now':
      return undefined;
    case 'wait':
      // It is not given up: it runs after the pause, or the ceiling ends it.
      return { kind: 'wait', for: 'remediation', reason: verdict.reason, wakeAt: new Date(verdict.until), expiresAt: null };
    case 'blocked': {
      const { found, reason } = verdict;
      const expected = `fewer than ${policy.ceiling} (deploy.remediation.ceiling), or a person who asks`;
      return {
        kind: 'end',
        verdict: 'blocked',
        reason,
        findings: [finding('remediation-ceiling', 'deploy.remediation', found, expected)],
      };
    }
  }
}
