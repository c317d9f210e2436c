import type { Migrations } from '@ops/shared/storage';
import * as incident from './2026-11-23-incident.js';
import * as fingerprint from './2026-11-24-incident-fingerprint.js';

/** In the order of their names; one that has run is never changed. */
export const migrations: Migrations = {
  '2026-11-23-incident': incident,
  '2026-11-24-incident-fingerprint': fingerprint,
};
