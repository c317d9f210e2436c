import type { InventoryService } from '../config/index.js';
import type { Clock, Logger } from '../runtime/index.js';
import { discountHindrance } from './decide/check-hindrance.js';
import type { CheckResult } from './decide/check-result.js';
import { Lateness } from './lateness.js';
import type { Probe } from './probe.js';

// A probe that was cut off may still say where it stood.
const LAST_WORDS_MS = 50;
// Without a reason, each abort makes an error with its stack.
const ENDED = 'the check has ended';

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
  // Not `AbortSignal.any`: what it makes is left to the garbage collector, with each check.
  const cut = new AbortController();
  const over = new AbortController();
  let timedOut = false;
  const end = () => {
    cut.abort(ending.reason);
    over.abort(ENDED);
  };
  if (ending.aborted) end();
  ending.addEventListener('abort', end);
  const result = (outcome: CheckResult['outcome'], detail: string) => ({ outcome, responseMs: null, detail, at: clock.now() });

  const asked = probe.run(cut.signal).catch((error: unknown) => {
    log.error({ service: name, error }, 'a probe threw');
    return result('unsure', 'the check itself failed: the log says how');
  });
  const cutOff = clock
    .sleep(timeout, over.signal)
    .then(() => {
      if (over.signal.aborted) return;
      timedOut = true;
      cut.abort(new Error(silence));
    })
    .then(() => clock.sleep(LAST_WORDS_MS, over.signal))
    .then(() => result('failed', silence));
  const first = await Promise.race([asked, cutOff]);
  over.abort(ENDED);
  ending.removeEventListener('abort', end);
  return discountHindrance(first, { lateMs: lateness.end(), timedOut, withinMs: health.within, timeoutMs: timeout });
}
