import type { Migrations } from '@ops/shared/storage';
import * as cron from './2026-11-28-cron.js';

export const migrations: Migrations = { '2026-11-28-cron': cron };
