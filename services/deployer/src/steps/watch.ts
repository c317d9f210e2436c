import { judgeService, judgeWatch, type Strikes } from '../decide/health.js';
import { evidenceOf } from './evidence.js';
import { lookAt } from './look-at.js';
import { fail, planOf, type Run, type StepResult } from './step.js';

/** 8. The watch window. Its end is stored: whoever comes after us watches until then. What has ended or changed since, also while nobody watched, is a failure. */
export async function watch(run: Run): Promise<StepResult> {
  const { deployer, deployment, signal } = run;
  const { clock, config } = deployer;
  const { every, failures } = config.deploy.watch;
  if (deployment.facts.proven === true) return { kind: 'done', detail: 'proven before' };
  const plan = planOf(run);
  const until = deployment.watch_until?.getTime() ?? clock.now();
  const lookout = lookAt(run, plan.services, { everyMs: every });
  try {
    let strikes: Strikes = {};
    let lookedAt = Number.NEGATIVE_INFINITY;
    for (;;) {
      if (signal.aborted) throw signal.reason;
      const sights = await lookout.look();
      const now = clock.now();
      const regular = now - lookedAt >= every * 0.9;
      const round = judgeWatch(plan.services, sights, strikes, { most: failures, regular });
      strikes = round.strikes;
      if (regular) lookedAt = now;
      if (round.failed !== undefined) return fail(round.failed, now, evidenceOf(run, plan.services));
      for (const { service } of plan.services) {
        const before = deployment.facts.started?.[service] ?? [];
        const others = (sights[service]?.containers ?? []).filter(({ id }) => !before.includes(id));
        if (others.length > 0) return fail(`${service} was recreated by somebody else`, now, evidenceOf(run, plan.services));
      }
      if (now >= until) {
        const verdicts = plan.services.map((one) =>
          judgeService(one, sights[one.service] ?? { containers: [], probe: undefined, ended: [] }),
        );
        // What is not healthy at this very moment is looked at on, until it is, or has failed.
        if (verdicts.every(({ kind }) => kind === 'healthy' || kind === 'done'))
          return { kind: 'done', detail: 'healthy to the end of the watch window' };
        if (now >= until + config.deploy.verify.within) {
          const why = verdicts.flatMap((verdict) => ('why' in verdict ? [verdict.why] : [])).join('; ');
          return fail(`not healthy when the watch ended, nor after it: ${why}`, now, evidenceOf(run, plan.services));
        }
      }
      await lookout.wait(now < until ? Math.min(every, until - now) : every, signal);
    }
  } finally {
    await lookout.close();
  }
}
