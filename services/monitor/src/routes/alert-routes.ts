import { parseDuration } from '@ops/shared/config';
import { alertReported, type EventDraft } from '@ops/shared/events';
import { askedBy, HttpError, parseBody } from '@ops/shared/runtime';
import type { Router } from 'express';
import { z } from 'zod';
import { silenceEnd } from '../jobs.js';
import type { Monitor } from '../monitor.js';
import { type AlertView, acknowledge, alertData, findFiring, listAlerts, silence, unsilence } from '../state/alerts.js';

const LONGEST_SILENCE_MS = 30 * 86_400_000;

const person = z.string().min(1).max(100).optional();
const reason = z.string().min(1).max(1000);
const acknowledgeBody = z.strictObject({ reason, by: person });
const silenceBody = z.strictObject({
  reason,
  by: person,
  for: z.string().transform((text, context) => {
    const ms = parseDuration(text);
    if (ms !== undefined && ms > 0 && ms <= LONGEST_SILENCE_MS) return ms;
    context.issues.push({ code: 'custom', message: 'a duration such as 30m, 4h or 2d, at most 30d', input: text });
    return z.NEVER;
  }),
});

/** GET and POST /alerts; POST /alerts/:alert/acknowledge and /silence, DELETE /alerts/:alert/silence. */
export function alertRoutes(router: Router, monitor: Monitor): void {
  const { alertDatabase, publisher, queues, clock, outbox } = monitor;

  router.get('/alerts', async (request, response) => {
    const alerts = await listAlerts(alertDatabase, request.query.all === 'true');
    response.json({ alerts: alerts.map(shown) });
  });

  router.post('/alerts', (request, response) => {
    const data = parseBody(alertReported, request.body);
    outbox.add({ type: 'alert.reported', subject: data.service, data });
    response.status(202).json({ accepted: true });
  });

  router.post('/alerts/:alert/acknowledge', async (request, response) => {
    const asked = parseBody(acknowledgeBody, request.body);
    const body = { ...asked, by: askedBy(response, asked.by) };
    const alert = await theAlert(request.params.alert);
    const at = new Date(clock.now());
    await acknowledge(alertDatabase, alert.fingerprint, body.by, body.reason, at);
    const { service, metric } = alert.raised;
    await say({
      type: 'alert.acknowledged',
      subject: service,
      actor: body.by,
      data: { fingerprint: alert.fingerprint, service, metric, by: body.by, reason: body.reason, at: at.toISOString() },
    });
    response.json({ acknowledged: alert.fingerprint, service, metric });
  });

  router.post('/alerts/:alert/silence', async (request, response) => {
    const asked = parseBody(silenceBody, request.body);
    const body = { ...asked, by: askedBy(response, asked.by) };
    const alert = await theAlert(request.params.alert);
    const { fingerprint } = alert;
    const until = new Date(clock.now() + body.for);
    // Its end first: a silence without one would never end, an end without its silence does nothing.
    await queues.add(silenceEnd, { fingerprint, until: until.toISOString() }, body.for);
    await silence(alertDatabase, { fingerprint, until, reason: body.reason, by: body.by });
    const { service, metric } = alert.raised;
    await say({
      type: 'alert.silenced',
      subject: service,
      actor: body.by,
      data: { fingerprint, service, metric, by: body.by, reason: body.reason, until: until.toISOString() },
    });
    response.json({ silenced: fingerprint, service, metric, until: until.toISOString() });
  });

  router.delete('/alerts/:alert/silence', async (request, response) => {
    const { fingerprint, raised } = await theAlert(request.params.alert);
    const ended = await unsilence(alertDatabase, fingerprint);
    if (ended === undefined) throw new HttpError(404, 'NOT_SILENCED', `${raised.service}/${raised.metric} is not silenced`);
    await say({
      type: 'alert.unsilenced',
      subject: raised.service,
      data: {
        fingerprint,
        service: raised.service,
        metric: raised.metric,
        by: ended.by,
        reason: 'ended by an operator',
        firing: true,
      },
    });
    response.json({ unsilenced: fingerprint });
  });

  async function say(draft: EventDraft): Promise<void> {
    await publisher.publish([draft]);
  }

  async function theAlert(what: string): Promise<AlertView> {
    const found = await findFiring(alertDatabase, what);
    const [only] = found;
    if (only === undefined)
      throw new HttpError(404, 'NOT_FOUND', `no firing alert ${what}: expected a fingerprint (\`ops alerts\`) or a service`);
    if (found.length > 1) {
      const those = found.map(({ fingerprint, raised }) => `${fingerprint} (${raised.service} ${raised.metric})`).join(', ');
      throw new HttpError(409, 'AMBIGUOUS', `${what} names ${found.length} alerts: ${those}`);
    }
    return only;
  }
}

function shown(view: AlertView) {
  return {
    ...alertData(view.raised),
    state: view.cleared_at === null ? 'firing' : 'cleared',
    depends_on: view.raised.depends_on,
    affects: view.raised.affects,
    raised_at: view.raised_at,
    cleared_at: view.cleared_at,
    acknowledged:
      view.acknowledged_at === null
        ? null
        : { at: view.acknowledged_at, by: view.acknowledged_by, reason: view.acknowledged_reason },
    silenced:
      view.silence_until === null ? null : { until: view.silence_until, by: view.silence_by, reason: view.silence_reason },
  };
}
