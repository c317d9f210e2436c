import { z } from 'zod';
import { levelSchema, name, scalar, sentence, timestamp } from './common.js';

export const TARGETS = ['kimi-swarm', 'nucleus', 'model-router', 'deployer', 'maintenance'] as const;

const directive = {
  directive_id: name.describe('Made from what it is for: the same command has the same id'),
  target: z.enum(TARGETS),
};

export const directiveIssued = z.object({
  ...directive,
  action: z.enum([
    'limit-agents',
    'pause-non-revenue',
    'resume-non-revenue',
    'set-models',
    'halt-routing',
    'resume-routing',
    'gate-deployments',
    'gate-maintenance',
  ]),
  parameters: z.record(z.string(), scalar),
  level: levelSchema,
  generation: z.int().nonnegative().describe('Of the guard change: obey the highest'),
  sequence: z.int().nonnegative().describe('Order within the change'),
  reason: sentence,
  acknowledge_by: timestamp,
});

export const directiveAcknowledged = z.looseObject({ ...directive, by: name.optional() });
export const directiveExpired = z.object({ ...directive, action: name, issued_at: timestamp, reason: sentence });
