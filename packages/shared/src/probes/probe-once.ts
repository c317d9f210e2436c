import type { InventoryService } from '../config/index.js';
import type { Clock, Logger } from '../runtime/index.js';
import { discountHindrance } from './decide/check-hindrance.js';
import type { CheckResult } from './decide/check-result.js';
import { Lateness } from './lateness.js';
import type { Probe } from './probe.js';

// A probe that was cut off may still say where it stood.
const LAST_WORDS_MS = 50;

/**
 * Runs a probe to its timeout at most, whatever it does, and discounts what our own event loop was to blame for. Never rejects;
 * `ending` cuts it off early.
 */
export async function probeOnce(
  probe: Probe,
  { name, timeout, health }: InventoryService,
  { clock, log, ending }: { readonly clock: Clock; readonly log: Logger; readonly ending: AbortSignal },
): Promise<CheckResult> {
  const lateness = new Lateness(health.within);
  const silence = `no answer within ${timeout} ms`;
  const deadline = new AbortController();
  const answered = new AbortController();
  const over = AbortSignal.any([answered.signal, ending]);
  const result = (outcome: CheckResult['outcome'], detail: string) => ({ outcome, responseMs: null, detail, at: clock.now() });

  const asked = probe.run(AbortSignal.any([deadline.signal, ending])).catch((error: unknown) => {
    log.error({ service: name, error }, 'a probe threw');
    return result('unsure', 'the check itself failed: the log says how');
  });
  const cutOff = clock
    .sleep(timeout, over)
    .then(() => over.aborted || deadline.abort(new Error(silence)))
    .then(() => clock.sleep(LAST_WORDS_MS, over))
    .then(() => result('failed', silence));
  const first = await Promise.race([asked, cutOff]);
  answered.abort();
  return discountHindrance(first, {
    lateMs: lateness.end(),
    timedOut: deadline.signal.aborted,
    withinMs: health.within,
    timeoutMs: timeout,
  });
}
