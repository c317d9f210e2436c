import { z } from 'zod';
import { alertFields, name, sentence, timestamp } from './common.js';

const fingerprint = z
  .string()
  .regex(/^[a-f0-9]{16}$/, '16 hex digits')
  .describe('Of service, metric and condition: one condition, one alert');
const severity = z.enum(['info', 'warning', 'critical', 'emergency']);

/** The threshold of an alert about a scheduled job that ends because no run of the job is waited for any more: it was removed, or switched off. */
export const SUPERVISED_JOB = 'a job that is supervised';

/** Reported from outside, in the seed's format. Extra fields may follow. */
export const alertReported = z.looseObject(alertFields);

const alert = {
  ...alertFields,
  fingerprint,
  severity,
  summary: sentence,
};

export const alertRaised = z.object({
  ...alert,
  depends_on: z.array(name).describe('Down as well, and the likely cause'),
  affects: z.array(name).describe('Down because of it: they raise no alert of their own'),
  silenced: z.boolean(),
});

export const alertReminded = z.object({
  ...alert,
  raised_at: timestamp,
  duration: z.number().nonnegative().describe('Seconds for which it has been firing'),
  reminder: z.int().positive().describe('The first, the second, ...'),
});

export const alertCleared = z.object({ ...alert, raised_at: timestamp, duration: z.number().nonnegative().describe('Seconds') });

const decision = { fingerprint, service: name, metric: name, by: name, reason: sentence };
export const alertAcknowledged = z.object({ ...decision, at: timestamp });
export const alertSilenced = z.object({ ...decision, until: timestamp });
export const alertUnsilenced = z.object({ ...decision, firing: z.boolean().describe('Whether the condition still holds') });
