import type { Migrations } from '@ops/shared/storage';
import * as incident from './2026-11-23-incident.js';

/** In the order of their names; one that has run is never changed. */
export const migrations: Migrations = { '2026-11-23-incident': incident };
