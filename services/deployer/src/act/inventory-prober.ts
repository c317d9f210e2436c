import type { InventoryService } from '@ops/shared/config';
import { openProbe, type Probe, probeOnce } from '@ops/shared/probes';
import type { Clock, Logger } from '@ops/shared/runtime';
import type { ProbeFacts } from '../decide/health.js';
import type { Prober } from './lookout.js';

interface Asked {
  readonly probe: Probe;
  answer: ProbeFacts | null;
}

/** Asks the checks of these services of the inventory, each every `everyMs`, by their names in the Compose file. */
export function inventoryProber(
  services: readonly { readonly composed: string; readonly known: InventoryService }[],
  { clock, log, everyMs }: { readonly clock: Clock; readonly log: Logger; readonly everyMs: number },
): Prober {
  const closing = new AbortController();
  const asked = new Map<string, Asked>();
  let nudge: () => void = () => undefined;
  const ask = async (composed: string, known: InventoryService): Promise<void> => {
    // What only the engine can say, the deployer asks the engine itself.
    if (known.health.kind === 'docker') return;
    const one: Asked = { probe: openProbe(known.health, clock), answer: null };
    asked.set(composed, one);
    // A second is long for a service that answers at all: one that hangs must not hide for its whole time-out.
    const timeout = Math.min(known.timeout, Math.max(known.health.within, 1000));
    for (let n = 1; !closing.signal.aborted; n += 1) {
      const began = clock.monotonic();
      const { outcome, detail } = await probeOnce(one.probe, { ...known, timeout }, { clock, log, ending: closing.signal });
      if (closing.signal.aborted) break;
      one.answer = { outcome: outcome === 'partial' ? 'slow' : outcome, detail, n };
      nudge();
      await clock.sleep(Math.max(50, everyMs - (clock.monotonic() - began)), closing.signal);
    }
    await one.probe.close();
  };
  const running = services.map(({ composed, known }) => ask(composed, known));
  return {
    answer: (service) => asked.get(service)?.answer,
    onAnswer(listener) {
      nudge = listener;
    },
    async close() {
      closing.abort();
      await Promise.all(running);
    },
  };
}
