import { join } from 'node:path';
import { ComposeError } from '../act/compose.js';
import { isEngineAway } from '../act/engine.js';
import { openEngineGate } from '../act/engine-gate.js';
import type { Lookout } from '../act/lookout.js';
import { projectFiles } from '../act/project-files.js';
import { takeSnapshot } from '../act/snapshot.js';
import { judgeGate } from '../decide/gate.js';
import { judgeService } from '../decide/health.js';
import { stopWaves } from '../decide/waves.js';
import type { ServicePlan } from '../deployment-types.js';
import { startedEvent } from '../events.js';
import { readGate } from '../state/gate.js';
import { LeaseLostError } from '../state/journal.js';
import { noteChangeOfSchema, renewDumps } from './databases.js';
import { evidenceOf } from './evidence.js';
import { isKept, scopeOf, setAside } from './kept.js';
import { lookAt } from './look-at.js';
import { restoreRelease } from './restore.js';
import {
  fail,
  folderOf,
  heldAtGate,
  placeModel,
  plannedModel,
  planOf,
  type Run,
  requestOf,
  type StepResult,
  withReading,
} from './step.js';

/** 6. The change itself. Done again after a crash it comes to the same end: what is done already is left. */
export async function apply(run: Run): Promise<StepResult> {
  const { deployer, engine, journal } = run;
  const plan = planOf(run);
  if (!run.deployment.touched) {
    const held = await heldAtGate(run, 'apply');
    if (held.kind !== 'open') return held;
    const undumped = await renewDumps(run);
    if (undumped !== undefined) return undumped;
    const level = held.view.level === 'warn' ? 'warn' : 'normal';
    const now = deployer.clock.now();
    run.deployment = await journal.note({ touched: true, facts: withReading(run, 'apply', held.view) }, [
      startedEvent(run.deployment, level, now),
    ]);
  }
  // What does its work and ends comes first, while the old version still serves: should it fail, nobody notices.
  const first = plan.services.filter((one) => one.oneShot && starts(one) && !dependsOnChange(one, plan.services));
  const rest = plan.services.filter((one) => !first.includes(one));
  if (first.length > 0) {
    await Promise.all(first.map((one) => giveWay(run, one)));
    const failed = await startAll(run, first);
    if (failed !== undefined) return failed;
  }
  for (const wave of stopWaves(rest.filter(({ change }) => change !== 'keep')))
    await Promise.all(wave.map((one) => giveWay(run, one)));
  if (plan.release !== null) await bringFilesBack(run, plan.release);
  for (const one of rest) if (one.change === 'restart') await Promise.all(one.old.map(({ id }) => engine.restart(id)));
  const failed = await startAll(run, rest.filter(starts));
  if (failed !== undefined) return failed;
  return { kind: 'done', detail: plan.services.map(({ service, change }) => `${change} ${service}`).join(', ') };
}

async function bringFilesBack(run: Run, releaseId: string): Promise<void> {
  const { deployment, journal } = run;
  await restoreRelease(run, releaseId);
  const request = requestOf(run);
  const model = await plannedModel(run);
  const files = await projectFiles(request.folder, planOf(run).files, model, request.configFiles);
  const snapshot = join(folderOf(run), 'snapshot');
  await takeSnapshot(snapshot, { files: files.paths, model, inspected: [] });
  run.deployment = await journal.note({ facts: { ...deployment.facts, snapshot } });
}

function starts({ change }: ServicePlan): boolean {
  return change === 'create' || change === 'replace';
}

function dependsOnChange({ dependsOn }: ServicePlan, services: readonly ServicePlan[]): boolean {
  return services.some(({ service, change, oneShot }) => change !== 'keep' && !oneShot && dependsOn.includes(service));
}

// SIGTERM and the grace first, always; the name is free when it has ended.
async function giveWay(run: Run, one: ServicePlan): Promise<void> {
  if (!isKept(one)) return;
  for (const old of one.old) {
    // Before it stops: were we and the engine to restart now, it must not come back by itself.
    await setAside(run, old);
    if (one.strategy === 'stop-first' || one.change === 'remove') await run.engine.stop(old.id);
  }
}

// A freeze is for what has not begun. A gate that cannot be read is not open: the old version is down, and the way back needs no Redis.
async function closedGate(run: Run): Promise<string | undefined> {
  if (requestOf(run).kind === 'rollback') return undefined;
  try {
    const view = { ...(await readGate(run.deployer.redis, run.deployer.database)), freeze: null };
    const { guard_unknown_for } = run.deployer.config.deploy;
    const verdict = judgeGate(view, guard_unknown_for, guard_unknown_for);
    if (verdict.kind === 'open') return undefined;
    run.deployment = await run.journal.note({ facts: withReading(run, 'up', view) });
    return verdict.reason;
  } catch (error) {
    if (error instanceof LeaseLostError || run.signal.aborted) throw error;
    return 'the gate of the guard cannot be read';
  }
}

/** Lets Compose start these services; ends early where one of them fails or the window is over. */
async function startAll(run: Run, services: readonly ServicePlan[]): Promise<StepResult | undefined> {
  const { deployer, engine, lease, journal } = run;
  if (services.length === 0) return undefined;
  const now = deployer.clock.now();
  const { within, healthy_for } = deployer.config.deploy.verify;
  const until = run.deployment.verify_until?.getTime() ?? 0;
  // The window is for looking. Where nobody looked because we were away, it begins anew.
  if (until - now < healthy_for) run.deployment = await journal.note({ verify_until: new Date(now + within) });
  const { hidden, changeable } = await scopeOf(run, services);
  // The last look, with nothing between it and the start.
  const closed = await closedGate(run);
  if (closed !== undefined) return fail(`${closed}: nothing is started now`, deployer.clock.now());
  await noteChangeOfSchema(run);
  const gate = await openEngineGate({
    engine: engine.address,
    hidden,
    changeable,
    refusal: () => (lease.held ? undefined : 'the project is in the hands of another deployer'),
  });
  const lookout = lookAt(run, services, { prober: deployer.probe([]) });
  try {
    return await compose(run, services, gate.socket, lookout);
  } finally {
    await lookout.close();
    await gate.close();
  }
}

async function compose(
  run: Run,
  services: readonly ServicePlan[],
  socket: string,
  lookout: Lookout,
): Promise<StepResult | undefined> {
  const { deployer, signal } = run;
  const project = await placeModel(run, await plannedModel(run));
  const stop = new AbortController();
  const ending = AbortSignal.any([signal, stop.signal]);
  const groups = [
    services.filter(({ strategy }) => strategy !== 'in-place'),
    services.filter(({ strategy }) => strategy === 'in-place'),
  ];
  const up = async () => {
    for (const [index, group] of groups.entries()) {
      if (group.length === 0) continue;
      const names = group.map(({ service }) => service);
      await deployer.compose.up(project, names, {
        socket,
        recreate: index === 1,
        signal: ending,
      });
    }
    return 'up' as const;
  };
  const running = up();
  const seen = watchFor(run, services, lookout, ending);
  try {
    const first = await Promise.race([running, seen]);
    if (signal.aborted) throw signal.reason;
    if (first !== 'up') return first;
    // One-shot services are awaited here: what follows them must not start before they have done their work.
    if (services.every(({ oneShot }) => oneShot)) return await seen;
    // What was seen while Compose came to its end counts too.
    stop.abort(new Error('this start is over'));
    return await seen;
  } catch (error) {
    if (!(error instanceof ComposeError)) throw error;
    if (signal.aborted) throw signal.reason;
    await engineAnswers(run, error);
    const output = run.redactor.text(error.output);
    return fail(`docker compose up failed: ${lastLine(output)}`, deployer.clock.now(), [
      output,
      ...(await evidenceOf(run, services)),
    ]);
  } finally {
    stop.abort(new Error('this start is over'));
    await Promise.allSettled([running, seen]);
  }
}

// Where the engine went away meanwhile, Compose's failure is the engine's, and the step is done again when it is back.
async function engineAnswers({ engine, deployer, redactor }: Run, error: ComposeError): Promise<void> {
  if (!/connect|EOF|reset|hang up|socket|closed|daemon running/i.test(error.output)) return;
  try {
    await engine.info();
  } catch (cause) {
    if (isEngineAway(cause)) throw cause;
  }
  deployer.log.info({ output: redactor.text(error.output).slice(0, 500) }, 'docker compose failed');
}

/** Resolves with a failure, or with undefined once all have done what they were started for (one-shot services only). */
async function watchFor(
  run: Run,
  services: readonly ServicePlan[],
  lookout: Lookout,
  signal: AbortSignal,
): Promise<StepResult | undefined> {
  const { deployer } = run;
  const until = run.deployment.verify_until?.getTime() ?? 0;
  while (!signal.aborted) {
    const sights = await lookout.look();
    const verdicts = services.map((one) =>
      judgeService(one, sights[one.service] ?? { containers: [], probe: undefined, ended: [] }),
    );
    const failed = verdicts.find((verdict) => verdict.kind === 'failed');
    if (failed !== undefined) return fail(failed.why, deployer.clock.now(), evidenceOf(run, services));
    if (verdicts.every(({ kind }) => kind === 'done')) return undefined;
    const now = deployer.clock.now();
    if (now >= until) {
      const missing = verdicts.flatMap((verdict) => ('why' in verdict ? [verdict.why] : []));
      return fail(`not started in time: ${missing.join('; ')}`, now, evidenceOf(run, services));
    }
    await lookout.wait(until - now, signal);
  }
  return undefined;
}

function lastLine(output: string): string {
  return output.trimEnd().split('\n').at(-1)?.trim() ?? 'no output';
}
