import { askedBy, parseBody } from '@ops/shared/runtime';
import type { Router } from 'express';
import { z } from 'zod';
import type { Deployer } from '../deployer.js';
import { decide } from '../on/decision.js';
import { theDeployment } from './the-deployment.js';

const decisionBody = z.strictObject({
  by: z.string().min(1).max(100).optional(),
  reason: z.string().max(1000).default(''),
  plan_hash: z.string().min(1).max(100),
});

const WORDS = { approve: 'approved', reject: 'rejected' } as const;

/** POST /deployments/:id/approve and /reject: for a token with the scope `approve`, which those that deploy need not have. */
export function approvalRoutes(router: Router, deployer: Deployer): void {
  for (const verb of ['approve', 'reject'] as const) {
    router.post(`/deployments/:id/${verb}`, async (request, response) => {
      const deployment = await theDeployment(deployer.database, request.params.id);
      const { by, ...body } = parseBody(decisionBody, request.body);
      response.json(await decide(deployer, deployment, WORDS[verb], { ...body, by: askedBy(response, by) }));
    });
  }
}
