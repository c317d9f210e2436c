import { HttpError } from '@ops/shared/runtime';
import { buildRecord } from '../decide/record.js';
import type { Deployer } from '../deployer.js';
import type { Deployment } from '../deployment-types.js';
import { decisionEvent } from '../events.js';
import { addEvents, columns } from '../state/deployments.js';
import { stepsOf } from '../state/journal.js';
import { writeRecord } from '../state/record.js';

/** A person's word on one very plan. Throws 409 where none is asked for, or the plan is another by now. */
export async function decide(
  deployer: Deployer,
  deployment: Deployment,
  word: 'approved' | 'rejected',
  { by, reason, plan_hash }: { by: string; reason: string; plan_hash: string },
): Promise<{ readonly deployment_id: string; readonly status: string }> {
  const { database, clock } = deployer;
  const { deployment_id } = deployment;
  if (deployment.waits_for !== 'approval') throw new HttpError(409, 'NOT_WAITING', `${deployment_id} waits for no approval`);
  if (deployment.plan_hash !== plan_hash)
    throw new HttpError(
      409,
      'ANOTHER_PLAN',
      `the plan of ${deployment_id} is ${deployment.plan_hash}, not ${plan_hash}: look at it again`,
    );
  const now = clock.now();
  const event = decisionEvent(
    word === 'approved' ? 'deploy.approved' : 'deploy.rejected',
    deployment,
    { planHash: plan_hash, by, reason },
    now,
  );
  const steps = await stepsOf(database, deployment_id);
  await database.transaction().execute(async (transaction) => {
    const change =
      word === 'approved'
        ? { approval: { by, reason, plan_hash, at: new Date(now).toISOString() }, wake_at: new Date(now) }
        : { verdict: 'rejected' as const, reason: `rejected by ${by}: ${reason}`, waits_for: null, finished_at: new Date(now) };
    const changed = await transaction
      .updateTable('deployment')
      .set(columns(change))
      .where('deployment_id', '=', deployment_id)
      .where('waits_for', '=', 'approval')
      .where('plan_hash', '=', plan_hash)
      .where('verdict', 'is', null)
      .executeTakeFirst();
    if (changed.numUpdatedRows !== 1n) throw new HttpError(409, 'NOT_WAITING', `${deployment_id} was decided meanwhile`);
    await addEvents(transaction, deployment_id, [event]);
    if (word === 'rejected')
      await writeRecord(
        transaction,
        deployment_id,
        buildRecord({ ...deployment, ...change } as Deployment, steps, [], { release: null }),
      );
  });
  deployer.nudge();
  return { deployment_id, status: word };
}
