import { z } from 'zod';
import { name, sentence, timestamp } from './common.js';

export const securityDetected = z.object({
  kind: z.enum(['out-of-band-change', 'unsigned-request', 'wrong-signature', 'replayed-request']),
  service: name,
  summary: sentence,
  who: z.string().max(500).describe('As far as it can be known'),
  what: z.string().max(1000),
  timestamp,
});
