import { HttpError, type ServiceDefinition } from '@ops/shared/runtime';
import type { IncidentService } from './incident.js';
import { incidentData } from './incident.js';
import { migrations } from './migrations/index.js';
import { onAlertAcknowledged, onAlertCleared, onAlertRaised, onAlertReminded } from './on/alerts.js';
import { onCronJobLetGo, onCronRunKilled, onCronRunOverran, onCronRunSucceeded } from './on/cron-runs.js';
import { onDeployEnded, onDeployFailed, onSecurityDetected } from './on/deployments.js';
import { onLevelChanged } from './on/guard-level-changed.js';
import { onRunawayHandled } from './on/guard-runaway-handled.js';
import { findIncident, type IncidentRow, listIncidents } from './state/incidents.js';

/** Incidents: opened, given evidence and resolved by what the guard and the alerts say; the people are told. */
export const incident: ServiceDefinition = {
  name: 'incident',
  migrations,
  async wire(context) {
    const database = context.database.withTables<{ incident: IncidentRow }>();
    const self: IncidentService = { ...context, database, spoken: new Set() };
    return {
      on: {
        'guard.level-changed': (event) => onLevelChanged(self, event),
        'guard.runaway-handled': (event) => onRunawayHandled(self, event),
        'alert.raised': (event) => onAlertRaised(self, event),
        'alert.reminded': (event) => onAlertReminded(self, event),
        'alert.cleared': async (event) => [...(await onAlertCleared(self, event)), ...(await onCronJobLetGo(self, event))],
        'alert.acknowledged': (event) => onAlertAcknowledged(self, event),
        'deploy.failed': (event) => onDeployFailed(self, event),
        'deploy.rolled-back': (event) => onDeployEnded(self, event),
        'deploy.succeeded': (event) => onDeployEnded(self, event),
        'cron.run-overran': (event) => onCronRunOverran(self, event),
        'cron.run-killed': (event) => onCronRunKilled(self, event),
        'cron.run-succeeded': (event) => onCronRunSucceeded(self, event),
        'security.detected': (event) => onSecurityDetected(self, event),
      },
      routes(router) {
        router.get('/incidents', async (request, response) => {
          const incidents = await listIncidents(self.database, 100, request.query.open === 'true');
          response.json({ incidents: incidents.map((found) => ({ ...incidentData(found), resolved_at: found.resolved_at })) });
        });
        router.get('/incidents/:id', async (request, response) => {
          const found = await findIncident(self.database, request.params.id);
          if (found === undefined) throw new HttpError(404, 'NOT_FOUND', `no incident ${request.params.id}`);
          response.json(found);
        });
      },
    };
  },
};
