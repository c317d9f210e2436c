import { randomUUID } from 'node:crypto';
import { parseDuration } from '@ops/shared/config';
import type { EventData, EventDraft } from '@ops/shared/events';
import { deployRequested } from '@ops/shared/events';
import { askedBy, HttpError, namedSecret, parseBody } from '@ops/shared/runtime';
import type { Router } from 'express';
import { z } from 'zod';
import { signRequest } from '../act/signature.js';
import { driftOf } from '../decide/drift.js';
import { projectFolders } from '../decide/project-folders.js';
import type { Deployer } from '../deployer.js';
import type { Deployment } from '../deployment-types.js';
import { deploymentIdOf } from '../on/deploy-requested.js';
import { listDeployments } from '../state/deployments.js';
import { currentFreeze, endFreeze, setFreeze } from '../state/freezes.js';
import { readGate } from '../state/gate.js';
import { stepsOf } from '../state/journal.js';
import { recordOf } from '../state/record.js';
import { currentRelease, listReleases } from '../state/releases.js';
import { theDeployment } from './the-deployment.js';

const freezeBody = z.strictObject({
  by: z.string().min(1).max(100).optional(),
  reason: z.string().min(1).max(1000),
  for: z
    .string()
    .transform((text, context) => {
      const ms = parseDuration(text);
      if (ms !== undefined && ms > 0) return ms;
      context.issues.push({ code: 'custom', message: 'a duration such as 30m, 4h or 2d', input: text });
      return z.NEVER;
    })
    .optional(),
});

/** GET and POST /deployments; GET /deployments/:id; /freeze; /releases; /drift. */
export function deploymentRoutes(router: Router, deployer: Deployer): void {
  const { database, publisher, clock, redis, host } = deployer;

  router.get('/deployments', async (request, response) => {
    const about = typeof request.query.service === 'string' ? request.query.service : undefined;
    const most = Math.min(Math.max(Number(request.query.limit) || 50, 1), 500);
    response.json({ deployments: (await listDeployments(database, { most, about })).map(summary) });
  });

  router.post('/deployments', async (request, response) => {
    const asked = parseBody(deployRequested, request.body);
    const data = { ...asked, requested_by: askedBy(response, asked.requested_by) };
    const draft: EventDraft = {
      type: 'deploy.requested',
      subject: (data.service ?? data.project ?? 'unknown').slice(0, 200) || 'unknown',
      actor: data.requested_by,
      purpose: `http ${randomUUID()}`,
      host,
      data: signed(data),
    };
    const [event] = await publisher.publish([draft]);
    if (event === undefined) throw new Error('one draft is one event');
    response.status(202).json({ deployment_id: deploymentIdOf(event), requested: event.id });
  });

  router.get('/deployments/:id', async (request, response) => {
    const deployment = await theDeployment(database, request.params.id);
    const steps = await stepsOf(database, deployment.deployment_id);
    response.json({
      ...summary(deployment),
      plan: deployment.plan,
      steps,
      record: (await recordOf(database, deployment.deployment_id)) ?? null,
    });
  });

  router.get('/releases', async (request, response) => {
    const service = deployer.config.inventory.services.find(({ name }) => name === request.query.service);
    if (service?.compose === undefined)
      throw new HttpError(
        404,
        'NOT_FOUND',
        `no service ${String(request.query.service)} with a Compose project in the inventory`,
      );
    const releases = await listReleases(database, service.compose.project);
    response.json({
      releases: releases.map(({ release_id, at, current, facts }) => ({ release_id, at, current, services: facts.services })),
    });
  });

  router.get('/drift', async (_request, response) => {
    const folders = projectFolders(deployer.config.inventory.services);
    const drift = [];
    for (const folder of folders) {
      const release = await currentRelease(database, folder);
      if (release === undefined) continue;
      // While a deployment is under way, what it keeps aside is no drift.
      const carrier = deployer.orchestrators[release.facts.orchestrator ?? 'compose'].all(deployer.engine);
      const { containers } = await carrier.look(release.facts.project);
      drift.push(...driftOf(release.facts, containers).map((one) => ({ project: folder, release: release.release_id, ...one })));
    }
    response.json({ drift });
  });

  router.get('/freeze', async (_request, response) => {
    response.json({ freeze: (await currentFreeze(database)) ?? null, gate: await readGate(redis, database) });
  });

  router.post('/freeze', async (request, response) => {
    const { by: given, reason, for: ms } = parseBody(freezeBody, request.body);
    const [by, now] = [askedBy(response, given), clock.now()];
    const freeze = { by, reason, at: new Date(now), until: ms === undefined ? null : new Date(now + ms) };
    await setFreeze(database, freeze);
    response.json({ freeze });
  });

  router.delete('/freeze', async (_request, response) => {
    const ended = await endFreeze(database);
    deployer.nudge();
    response.json({ ended });
  });

  // Who may call us has shown the token: his request is signed for him.
  function signed(data: EventData<'deploy.requested'>): EventData<'deploy.requested'> {
    const { signature: _wanted, max_age: _age, ...source } = deployer.config.deploy.requests;
    const secret = namedSecret(source)?.reveal();
    return secret === undefined ? data : signRequest(data, secret, clock.now());
  }
}

function summary({
  deployment_id,
  about,
  kind,
  folder,
  requested_by,
  step,
  verdict,
  reason,
  waits_for,
  expires_at,
  touched,
  plan_hash,
  watch_until,
  facts,
  created_at,
  finished_at,
}: Deployment) {
  const until = finished_at ?? null;
  return {
    service: about,
    action: kind,
    status: verdict ?? (waits_for === null ? step : `waits for ${waits_for}`),
    timestamp: (until ?? created_at).toISOString(),
    duration: until === null ? null : (until.getTime() - created_at.getTime()) / 1000,
    deployment_id,
    project: folder,
    requested_by,
    step,
    verdict,
    reason,
    waits_for,
    expires_at,
    touched,
    plan_hash,
    watch_until,
    doing: step === 'plan' && verdict === null ? (facts.doing ?? null) : null,
    created_at,
    finished_at,
  };
}
