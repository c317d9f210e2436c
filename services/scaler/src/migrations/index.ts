import type { Migrations } from '@ops/shared/storage';
import * as directive from './2026-11-23-directive.js';

/** In the order of their names; one that has run is never changed. */
export const migrations: Migrations = { '2026-11-23-directive': directive };
