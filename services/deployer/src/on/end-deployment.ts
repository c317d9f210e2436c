import type { EventDraft } from '@ops/shared/events';
import { buildRecord } from '../decide/record.js';
import type { Deployment, Failure, Finding, Step, Verdict } from '../deployment-types.js';
import { blockedEvent, decisionEvent, failedEvent, rolledBackEvent, succeededEvent, toFit } from '../events.js';
import type { Change } from '../state/deployments.js';
import { stepsOf } from '../state/journal.js';
import { addRelease, currentRelease } from '../state/releases.js';
import type { Database } from '../state/tables.js';
import { orchestratorOf } from '../steps/orchestrator.js';
import { type FailedStep, folderOf, plannedModel, planOf, type Run } from '../steps/step.js';
import { forgetOld } from './forget-old.js';

interface EndedStep {
  readonly n: number;
  readonly outcome: string;
  readonly detail: string;
  readonly at: Date;
}

interface End {
  readonly verdict: Verdict;
  readonly reason: string | null;
  readonly findings?: readonly Finding[];
  readonly change: Change;
}

/** Every service runs what was asked for: it becomes the release, and the version before need not be kept. */
export async function succeed(run: Run, ended: EndedStep, change: Change, drafts: readonly EventDraft[]): Promise<void> {
  const { deployer, engine, deployment } = run;
  const plan = planOf(run);
  // Written down before the way back is given up: a crash in between must not watch again without one.
  if (deployment.facts.proven !== true) run.deployment = await run.journal.note({ facts: { ...deployment.facts, proven: true } });
  const orchestrator = orchestratorOf(run);
  await orchestrator.letGo(run);
  const model = await plannedModel(run);
  const { containers } = await orchestrator.all(engine).look(plan.project);
  const before = await currentRelease(deployer.database, plan.folder);
  const services = Object.fromEntries(
    containers.map(({ service, imageId, configHash, specHash, running }) => {
      const planned = model.services[service];
      const known = before?.facts.services[service];
      const image = planned === undefined ? known?.image : (planned.image ?? `${model.name}-${service}`);
      const left = deployment.facts.spec_hashes?.[service] ?? specHash;
      const made = left === undefined ? {} : { specHash: left };
      return [service, { image: image ?? imageId, imageId, configHash, ...made, running }];
    }),
  );
  const now = deployer.clock.now();
  const proven = plan.services.flatMap(({ service }) =>
    containers
      .filter((container) => container.service === service)
      .map(({ name, imageId, configHash }) => ({ service, image_id: imageId, config_hash: configHash, container: name })),
  );
  const snapshot = deployment.facts.snapshot ?? folderOf(run);
  const { project, folder, files, fileHashes, overrides, orchestrator: carrier } = plan;
  await close(
    run,
    ended,
    { verdict: 'succeeded', reason: null, change },
    [...drafts, succeededEvent(deployment, proven, now)],
    (transaction) =>
      addRelease(transaction, {
        release_id: deployment.deployment_id,
        folder,
        at: new Date(now),
        snapshot,
        facts: { project, orchestrator: carrier, files, services, fileHashes, overrides },
      }),
  );
  await forgetOld(run);
}

/** It ends without success: refused, given up, rolled back, or only planned. */
export async function endDeployment(run: Run, ended: EndedStep, end: End, drafts: readonly EventDraft[]): Promise<void> {
  const { deployment, deployer } = run;
  const now = deployer.clock.now();
  await close(
    run,
    ended,
    end,
    [...drafts, ...endingEvents({ ...deployment, ...end.change } as Deployment, end, now)],
    async () => undefined,
  );
}

/** A step did not work. What was touched is put back first; where nothing was, or the way back has failed, this is the end. */
export async function failDeployment(
  run: Run,
  ended: EndedStep,
  step: Step,
  failed: FailedStep,
  drafts: readonly EventDraft[],
): Promise<void> {
  const { deployment, deployer, journal } = run;
  const { touched, plan } = deployment;
  const decided: Failure = { step, at: failed.at, reason: run.redactor.text(failed.reason), evidence: [] };
  const withEvidence = async (): Promise<Failure> => {
    const evidence = (await failed.evidence).map((line) => run.redactor.text(line));
    return { ...decided, evidence };
  };
  const wayBack =
    touched && deployment.step !== 'roll-back' && plan?.services.some(({ change }) => change !== 'keep' && change !== 'restart');
  if (wayBack === true) {
    // The decision does not wait for the evidence: the way back reads what is missing, once nothing restarts any more.
    const evidence = failed.evidence instanceof Promise ? [] : failed.evidence.map((line) => run.redactor.text(line));
    run.deployment = await journal.end(ended.n, ended, { step: 'roll-back', failure: { ...decided, evidence } }, drafts);
    return;
  }
  const cleaned = await withEvidence();
  const now = deployer.clock.now();
  const first = deployment.failure ?? cleaned;
  const both =
    deployment.failure === null
      ? cleaned
      : {
          ...first,
          reason: `${first.reason}; and the way back failed: ${cleaned.reason}`,
          evidence: [...first.evidence, ...cleaned.evidence],
        };
  const rollback = deployment.step === 'roll-back' ? 'failed' : touched ? 'impossible' : 'not-needed';
  const event = failedEvent(deployment, both, { touched, rollback }, now);
  await close(
    run,
    ended,
    { verdict: 'failed', reason: both.reason, change: { failure: both } },
    [...drafts, event],
    async () => undefined,
  );
}

function endingEvents(deployment: Deployment, { verdict, reason, findings = [] }: End, now: number): EventDraft[] {
  switch (verdict) {
    case 'blocked':
      return [blockedEvent(deployment, findings, now)];
    case 'expired': {
      const expired: Finding = {
        code: 'expired',
        where: deployment.step,
        found: toFit(reason ?? '', 500),
        expected: 'to go on before it expires',
      };
      return [
        deployment.step === 'approval'
          ? decisionEvent(
              'deploy.rejected',
              deployment,
              { planHash: deployment.plan_hash ?? 'none', by: 'nobody', reason: reason ?? '' },
              now,
            )
          : blockedEvent(deployment, [expired], now),
      ];
    }
    case 'rolled-back': {
      const { failure, facts } = deployment;
      const known = failure ?? { step: 'roll-back' as const, reason: 'unknown', evidence: [] };
      return [rolledBackEvent(deployment, known, facts.restored ?? [], now)];
    }
    default:
      return [];
  }
}

async function close(
  run: Run,
  ended: EndedStep,
  { verdict, reason, findings, change }: End,
  drafts: readonly EventDraft[],
  more: (transaction: Database) => Promise<void>,
): Promise<void> {
  const { deployer, journal, deployment } = run;
  await journal.end(ended.n, ended, {}, []);
  const finished_at = new Date(deployer.clock.now());
  const final: Deployment = {
    ...deployment,
    ...change,
    verdict,
    reason: reason ?? change.failure?.reason ?? deployment.failure?.reason ?? null,
    finished_at,
  };
  const record = buildRecord(final, await stepsOf(deployer.database, deployment.deployment_id), findings ?? [], {
    release: (await currentRelease(deployer.database, deployment.folder))?.release_id ?? null,
  });
  // Once more, the whole of it: it is kept for ever, and nobody may change it.
  const clean = run.redactor.value(record) as object;
  run.deployment = await journal.close(
    { ...change, verdict, reason: final.reason, finished_at, waits_for: null },
    clean,
    drafts,
    more,
  );
}
