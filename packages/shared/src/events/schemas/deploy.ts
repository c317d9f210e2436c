import { z } from 'zod';
import { levelSchema, name, sentence, timestamp } from './common.js';

/**
 * A request as anybody may write it. Only its types are fixed here: what it asks for is judged by the deployer, so that a request
 * that cannot be carried out is refused with reasons (`deploy.blocked`) and documented.
 */
export const deployRequested = z.looseObject({
  kind: z.string().describe('compose, image, config, restart or remove; rollback goes back to a kept release'),
  service: z.string().optional().describe('A service of the inventory; or give `project`'),
  project: z.string().optional().describe('A Compose project of the inventory: every service of it'),
  compose_files: z.array(z.string()).optional().describe('Inside the project folder; what Compose would take where not given'),
  image: z.string().optional().describe('kind image: the reference that the service is to run'),
  orchestrator: z
    .string()
    .optional()
    .describe('compose, or swarm (`docker stack deploy`); what carries the project already where not given, else compose'),
  config_files: z.array(z.string()).optional().describe('Files of the project folder that have changed'),
  release: z.string().optional().describe('kind rollback: the deployment to go back to; the one before where not given'),
  changes: z.unknown().optional().describe('What is different, for people'),
  urgent: z.boolean().optional(),
  schema_change: z
    .boolean()
    .optional()
    .describe('A database schema changes: a dump is made before, or an approval asked for where none can be'),
  volumes_changed: z.boolean().optional(),
  requested_by: z.string().optional(),
  remediation: z
    .boolean()
    .optional()
    .describe('kind restart: software asks for it, not a person; limited by a pause and a ceiling for each service'),
  signature: z
    .looseObject({ at: z.string(), nonce: z.string(), hmac: z.string() })
    .optional()
    .describe('HMAC-SHA256 over `at`, `nonce` and the canonical JSON of the other fields; where ops.yaml wants it'),
  dry_run: z.boolean().optional().describe('Plan and pre-flight only; nothing is touched'),
});

/** The seed's deployment log, field for field, and which deployment it is. */
const log = {
  service: name.describe('The service, or the project where it is about all of it'),
  action: name.describe('The kind of the deployment'),
  status: name,
  timestamp,
  duration: z.number().nonnegative().describe('Seconds since the request was taken'),
  deployment_id: name,
  project: name,
};

const finding = z.object({
  code: name.describe('What is wrong, for machines'),
  where: z.string().max(500).describe('The path, file and line, port or field'),
  found: z.string().max(500).describe('The value; never a secret'),
  expected: z.string().max(500),
});

export const deployBlocked = z.object({ ...log, findings: z.array(finding).min(1).max(100) });
export const deployDeferred = z.object({ ...log, reason: sentence, until: timestamp.nullable().describe('When it is given up') });
export const deployApprovalRequired = z.object({
  ...log,
  plan_hash: name.describe('What an approval is bound to: another plan needs another one'),
  reasons: z.array(sentence).min(1),
  expires_at: timestamp,
});
const decision = { ...log, plan_hash: name, by: name, reason: z.string().max(2000) };
export const deployApproved = z.object(decision);
export const deployRejected = z.object(decision);

export const deployStarted = z.object({
  ...log,
  requested_by: name,
  level: levelSchema,
  plan_hash: name,
  reversible: z.boolean(),
  services: z
    .array(z.object({ service: name, change: name, from_image: z.string().nullable(), to_image: z.string().nullable() }))
    .max(200)
    .describe('Image ids, not tags'),
});

export const deployStepFinished = z.object({
  ...log,
  step: name,
  outcome: z.enum(['done', 'failed', 'held']),
  duration_ms: z.number().nonnegative(),
  detail: z.string().max(2000),
});

export const deploySucceeded = z.object({
  ...log,
  services: z
    .array(z.object({ service: name, image_id: name, config_hash: z.string(), container: name }))
    .max(500)
    .describe('What runs, as it was read after the watch window'),
});

const ending = {
  ...log,
  step: name.describe('Where it failed'),
  reason: sentence,
  evidence: z.array(z.string().max(4000)).max(50),
};
export const deployFailed = z.object({
  ...ending,
  touched: z.boolean().describe('Whether a container was touched'),
  rollback: z.enum(['not-needed', 'impossible', 'failed']),
});
export const deployRolledBack = z.object({
  ...ending,
  restored: z.array(name).describe('Services that run as before, proven healthy'),
});
