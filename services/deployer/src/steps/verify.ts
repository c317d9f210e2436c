import { type HealthySince, judgeRound } from '../decide/health.js';
import { evidenceOf } from './evidence.js';
import { runHooks } from './hooks.js';
import { lookAt } from './look-at.js';
import { orchestratorOf } from './orchestrator.js';
import { fail, planOf, type Run, type StepResult } from './step.js';

/** 7. Proven healthy, all of them, without a break for a while, before the window ends. Anything else is a failure. */
export async function verify(run: Run): Promise<StepResult> {
  const { deployer, signal, journal } = run;
  const { clock, config } = deployer;
  const plan = planOf(run);
  const { within, healthy_for } = config.deploy.verify;
  const window = run.deployment.verify_until?.getTime() ?? 0;
  if (window - clock.now() < healthy_for) run.deployment = await journal.note({ verify_until: new Date(clock.now() + within) });
  const until = run.deployment.verify_until?.getTime() ?? 0;
  const lookout = lookAt(run, plan.services);
  try {
    for (let since: HealthySince = {}; ; ) {
      if (signal.aborted) throw signal.reason;
      const sights = await lookout.look();
      const now = clock.now();
      const round = judgeRound(plan.services, sights, since, now, healthy_for);
      since = round.since;
      if (round.failed !== undefined) return fail(round.failed, now, evidenceOf(run, plan.services));
      if (round.missing.length === 0) {
        const started = Object.fromEntries(
          plan.services.map(({ service }) => [service, (sights[service]?.containers ?? []).map(({ id }) => id)]),
        );
        await orchestratorOf(run).handOver(run);
        // It holds, whatever a hook says to it: what the hook wrote is in the record.
        await runHooks(run, 'post_deploy');
        const change = {
          facts: { ...run.deployment.facts, started },
          watch_until: new Date(clock.now() + config.deploy.watch.for),
        };
        return { kind: 'done', detail: `healthy for ${healthy_for} ms`, change };
      }
      if (now >= until) {
        const reason = `not proven healthy within ${within} ms: ${round.missing.join('; ')}`;
        return fail(reason, now, evidenceOf(run, plan.services));
      }
      await lookout.wait(Math.min(until - now, nextProof(since, now, healthy_for)), signal);
    }
  } finally {
    await lookout.close();
  }
}

// When the last of the healthy will have been so for long enough.
function nextProof(since: HealthySince, now: number, healthyForMs: number): number {
  const left = Object.values(since)
    .map((from) => from + healthyForMs - now)
    .filter((ms) => ms > 0);
  return left.length === 0 ? Number.POSITIVE_INFINITY : Math.max(...left);
}
