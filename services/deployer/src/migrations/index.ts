import type { Migrations } from '@ops/shared/storage';
import * as deployment from './2026-11-25-deployment.js';

/** In the order of their names; one that has run is never changed. */
export const migrations: Migrations = { '2026-11-25-deployment': deployment };
