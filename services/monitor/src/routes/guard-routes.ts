import { guardReported } from '@ops/shared/events';
import { parseBody } from '@ops/shared/runtime';
import type { Router } from 'express';
import { judgeReport } from '../decide/report.js';
import { responseFor } from '../decide/response.js';
import type { Monitor } from '../monitor.js';
import { readingsOf } from '../on/guard-events.js';

/** GET /status, GET /guard, POST /guard/reports. */
export function guardRoutes(router: Router, monitor: Monitor): void {
  const { guard, status, host, config, clock, outbox } = monitor;
  router.get('/status', (_request, response) => void response.json(status.current()));
  router.get('/guard', (_request, response) => {
    const { level, since, reason, generation, sample, failure } = guard.view;
    response.json({
      host,
      level,
      since: new Date(since).toISOString(),
      reason,
      generation,
      readings: readingsOf(sample),
      scope: sample?.scope ?? null,
      disks: sample?.disks ?? [],
      failure,
      thresholds: { cpu: config.guard.cpu, ram: config.guard.ram, disk: config.guard.disk },
      response: responseFor(level, config.guard.response),
      runaway: config.guard.runaway.mode,
      events_waiting: outbox.waiting,
    });
  });
  router.post('/guard/reports', (request, response) => {
    const data = parseBody(guardReported, request.body);
    const judged = judgeReport(data, 'resource_guard.py', clock.now(), config.guard.reports.ttl);
    // Straight to the guard, for the bus may be away; and onto the bus, where it belongs.
    if (judged.counts) guard.report(judged.report);
    outbox.add({ type: 'guard.reported', subject: host, data, actor: 'resource_guard.py' });
    response
      .status(202)
      .json(judged.counts ? { counts: true, expires_at: new Date(judged.report.expiresAt).toISOString() } : judged);
  });
}
