import { z } from 'zod';
import { name, sentence, timestamp } from './common.js';

const severity = z.enum(['warning', 'critical', 'emergency']);

// The seed's incident report, field for field; null while it is not known yet.
const report = {
  incident_id: name,
  severity,
  root_cause: sentence.nullable(),
  resolution: sentence.nullable(),
  prevention: sentence.nullable(),
};

const incident = {
  ...report,
  kind: z.enum(['guard', 'service', 'alert', 'deployment', 'cron']),
  about: name.describe('The host or service'),
  summary: sentence,
  opened_at: timestamp,
};

const evidence = z.array(
  z.object({ at: timestamp, kind: name, text: sentence, facts: z.record(z.string(), z.unknown()).optional() }),
);

export const incidentOpened = z.object({ ...incident, evidence });
export const incidentUpdated = z.object({ ...incident, change: sentence, evidence });
export const incidentResolved = z.object({
  ...incident,
  resolved_at: timestamp,
  duration: z.number().nonnegative().describe('Seconds'),
});

export const AUDIENCES = ['nucleus', 'chief-of-staff', 'maurice'] as const;

export const noticePublished = z.object({
  notice_id: name,
  audience: z.enum(AUDIENCES),
  severity: z.enum(['info', 'warning', 'critical', 'emergency']),
  text: sentence,
  about: name,
  incident_id: name.nullable(),
});
