import { guardReported } from '@ops/shared/events';
import { HttpError, parseBody } from '@ops/shared/runtime';
import type { Router } from 'express';
import { type LevelDecision, replayDecision } from '../decide/level-replay.js';
import { judgeReport } from '../decide/report.js';
import { responseFor } from '../decide/response.js';
import { type RunawayDecision, replayRunaway } from '../decide/runaway-replay.js';
import type { Monitor } from '../monitor.js';
import { readingsOf } from '../on/guard-events.js';

const MOST_DECISIONS = 200;

/** GET /status, GET /guard, GET /guard/decisions, POST /guard/reports. */
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
  router.get('/guard/decisions', async (request, response) => {
    const last = Number(request.query.last ?? 20);
    if (!Number.isInteger(last) || last < 1 || last > MOST_DECISIONS)
      throw new HttpError(400, 'BAD_QUERY', `last is ${JSON.stringify(request.query.last)}: expected 1 to ${MOST_DECISIONS}`);
    const decisions = await guard.decisions(last);
    // Made again from what was recorded: what a reader sees is what the rules say, not what somebody wrote down.
    response.json(decisions.map((decision) => ({ ...decision, replay: replay(decision) })));
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

/** Those of an earlier version have no kind: they are of the level. */
function replay(decision: LevelDecision | RunawayDecision): { readonly same: boolean; readonly reason: string } {
  return decision.kind === 'runaway' ? replayRunaway(decision) : replayDecision(decision);
}
