import { join } from 'node:path';
import { DatabaseError, type DatabasePlace, type Dump, dumpDatabase, runSql } from '../act/database-dump.js';
import { giveUpRestore, restoreDatabase } from '../act/database-restore.js';
import { isEngineAway, isEngineRefusal } from '../act/engine.js';
import { lastWholeLines } from '../act/last-lines.js';
import { isSetAside } from '../decide/set-aside.js';
import { stopWaves } from '../decide/waves.js';
import type { DumpPlan, Facts, ServicePlan } from '../deployment-types.js';
import { LeaseLostError } from '../state/journal.js';
import { bringBack } from './compose/kept.js';
import { fail, folderOf, planOf, type Run, type StepResult } from './step.js';

const LONGEST_SAID = 1000;
const READY_EVERY_MS = 500;
// Older ones were made before a restart of ours: what was written since then would be missing.
const DUMP_COUNTS_MS = 60_000;

/** Dumps what the plan says, anew each time. A failure says so before anything was touched. */
export async function dumpDatabases(run: Run): Promise<StepResult | undefined> {
  const { deployer, deployment, journal } = run;
  const made: NonNullable<Facts['dumps']>[number][] = [];
  for (const planned of planOf(run).dumps) {
    const file = join(folderOf(run), 'snapshot', 'database', `${planned.service}.${planned.name}.dump`);
    try {
      made.push({ ...planned, ...(await dumpDatabase(await placeOf(run, planned), file)), at: deployer.clock.now() });
    } catch (error) {
      // A full disk or an engine that is away is told where every step tells of them.
      if (!(error instanceof DatabaseError)) throw error;
      const why = wordsOf(run, error);
      return fail(`no dump of the database ${planned.name} could be made: ${why}; nothing was touched`, deployer.clock.now());
    }
  }
  // Also where there is none: those of a plan before are not this plan's.
  if (made.length > 0 || deployment.facts.dumps !== undefined)
    run.deployment = await journal.note({ facts: { ...run.deployment.facts, dumps: made } });
  return undefined;
}

/**
 * Before the first container starts. Dumps again where the dumps are older than a minute: the deployer was away, or waited, and what was
 * written since would be missing. Then it is written down that from here on the databases may be other than their dumps.
 */
export async function readyForSchema(run: Run): Promise<StepResult | undefined> {
  const { dumps = [], schemaAtRisk } = run.deployment.facts;
  if (dumps.length === 0 || schemaAtRisk === true) return undefined;
  const now = run.deployer.clock.now();
  const failed = dumps.some(({ at }) => now - at > DUMP_COUNTS_MS) ? await dumpDatabases(run) : undefined;
  if (failed !== undefined) return failed;
  run.deployment = await run.journal.note({ facts: { ...run.deployment.facts, schemaAtRisk: true } });
  return undefined;
}

/**
 * Puts the dumps back, where something has been started that may have changed the databases. What the failed version made of them is
 * kept. A failure is told, not thrown: the version before comes back all the same, as it served while the schema changed.
 */
export async function restoreDatabases(run: Run): Promise<{ readonly done: readonly string[]; readonly failed?: string }> {
  const { dumps = [], schemaAtRisk } = run.deployment.facts;
  if (schemaAtRisk !== true) return { done: [] };
  // What they would write now would be put aside with the failed version.
  await quieten(run);
  let failed: string | undefined;
  for (const dump of dumps) {
    const before = run.deployment.facts.databases ?? [];
    if (before.some(({ service, name }) => service === dump.service && name === dump.name)) continue;
    const put = await putBack(run, dump);
    if ('failed' in put) {
      failed = `the database ${dump.name} could not be put back: ${put.failed}; its dump is ${dump.file}`;
      break;
    }
    const databases = [...before, { service: dump.service, name: dump.name, kept: put.kept }];
    run.deployment = await run.journal.note({ facts: { ...run.deployment.facts, databases } });
  }
  for (const { change, old } of planOf(run).services) if (change === 'keep') for (const one of old) await bringBack(run, one);
  const done = (run.deployment.facts.databases ?? []).map(
    ({ service, name, kept }) =>
      `database ${name} of ${service} restored from its dump, what the failed version made of it is ${kept}`,
  );
  return failed === undefined ? { done } : { done, failed };
}

// A server that restarts meanwhile is waited for: what a try has left behind, the next one clears away.
async function putBack(run: Run, dump: DumpPlan & Dump): Promise<{ readonly kept: string } | { readonly failed: string }> {
  const { clock, config, log } = run.deployer;
  const until = clock.monotonic() + config.deploy.verify.within;
  for (;;) {
    try {
      return { kept: await restoreDatabase(await readyPlace(run, dump), dump) };
    } catch (error) {
      // Not the database's word: the engine or the lease is gone, and all of it is done again.
      if (run.signal.aborted || isEngineAway(error) || isEngineRefusal(error) || error instanceof LeaseLostError) throw error;
      const failed = error instanceof DatabaseError ? wordsOf(run, error) : run.redactor.text(String(error));
      log.error({ deployment: run.deployment.deployment_id, failed }, 'a database could not be put back');
      if (clock.monotonic() < until) {
        await clock.sleep(READY_EVERY_MS, run.signal);
        continue;
      }
      const locked = await letInAgain(run, dump);
      return { failed: locked === undefined ? failed : `${failed}; and ${locked}` };
    }
  }
}

// It may have been closed for the exchange of names: the version before must be able to connect.
async function letInAgain(run: Run, dump: DumpPlan): Promise<string | undefined> {
  try {
    await giveUpRestore(await readyPlace(run, dump));
    return undefined;
  } catch (error) {
    if (run.signal.aborted || isEngineAway(error) || error instanceof LeaseLostError) throw error;
    return `it may refuse everybody: alter database "${dump.name}" allow_connections true`;
  }
}

async function quieten(run: Run): Promise<void> {
  const { services, project, dumps } = planOf(run);
  const databases = new Set(dumps.map(({ service }) => service));
  const containers = await run.engine.containers(project);
  for (const wave of stopWaves<ServicePlan>(services)) {
    const names = new Set(wave.map(({ service }) => service).filter((service) => !databases.has(service)));
    await Promise.all(
      containers.filter(({ service, running }) => running && names.has(service)).map(({ id }) => run.engine.stop(id)),
    );
  }
}

// After a restart of the engine the server starts too, and is not ready at once.
async function readyPlace(run: Run, dump: DumpPlan): Promise<DatabasePlace> {
  const { clock, config } = run.deployer;
  const until = clock.monotonic() + config.deploy.verify.within;
  for (;;) {
    try {
      const place = await placeOf(run, dump);
      await runSql(place, 'select 1;');
      return place;
    } catch (error) {
      if (run.signal.aborted || isEngineAway(error) || clock.monotonic() >= until) throw error;
      await clock.sleep(READY_EVERY_MS, run.signal);
    }
  }
}

async function placeOf(run: Run, { service, name, user }: DumpPlan): Promise<DatabasePlace> {
  const { engine, deployment, signal } = run;
  const containers = await engine.containers(planOf(run).project);
  const found = containers.filter((one) => one.service === service && one.running && !isSetAside(one));
  const [container] = found;
  if (container === undefined || found.length > 1) throw new DatabaseError(`${found.length} containers of ${service} run`);
  return { engine, container: container.id, name, user, tag: deployment.deployment_id.slice(0, 8), signal };
}

function wordsOf(run: Run, error: DatabaseError): string {
  const said = lastWholeLines(run.redactor.text(error.said), LONGEST_SAID).trim();
  return said === '' ? error.message : `${error.message}: ${said}`;
}
