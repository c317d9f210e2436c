import type { Migrations } from '@ops/shared/storage';
import * as alerts from './2026-11-23-alerts.js';
import * as uptime from './2026-11-23-uptime.js';
import * as reminders from './2026-11-28-reminders.js';

/** In the order of their names; one that has run is never changed. */
export const migrations: Migrations = {
  '2026-11-23-alerts': alerts,
  '2026-11-23-uptime': uptime,
  '2026-11-28-reminders': reminders,
};
