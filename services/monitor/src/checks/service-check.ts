import type { InventoryService } from '@ops/shared/config';
import type { CheckResult, Probe } from '@ops/shared/probes';
import { probeOnce } from '@ops/shared/probes';
import { type Clock, type Logger, Nudge, onBeat } from '@ops/shared/runtime';
import { decideCheck, initialCheckState } from '../decide/check-state.js';
import type { CheckPolicy, CheckState } from '../decide/check-types.js';
import { type LinkState, linkChecked, linkEnded, newLink } from '../decide/link-ends.js';
import { withStartGrace } from '../decide/start-grace.js';

// A burst of nudges (a container that restarts in a loop) becomes one check each 200 ms.
const NUDGE_GAP_MS = 200;
// Below the first a check is not moved, below the second by an eighth of a second at most: a check that takes its whole timeout must
// not be so late that the next one is left out.
const EVEN_FROM_MS = 1000;
const HALF_BEATS_FROM_MS = 2000;
const QUARTER_BEAT_MS = 250;
// From a reset connection to the next question, where the process may be ending.
const AGAIN_MS = 20;

export interface ServiceCheckOptions {
  readonly service: InventoryService;
  readonly probe: Probe;
  /** Whether it is being deployed now. */
  readonly planned: () => boolean;
  /** Epoch ms of the last start of what it runs in; null where nobody knows it. */
  readonly startedAt: () => number | null;
  /** Share of an interval, 0 to 1, by which the checks of the services are spread. */
  readonly phase: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called after each result, with the state before and after it. */
  readonly onResult: (state: CheckState, previous: CheckState, result: CheckResult) => void;
}

/** Checks one service on its own schedule, one probe at a time: whatever happens to it disturbs no other. */
export class ServiceCheck {
  readonly #options: ServiceCheckOptions;
  readonly #policy: CheckPolicy;
  readonly #ending = new AbortController();
  readonly #nudge = new Nudge();
  /** A check that must not wait for the gap between nudges. */
  #urgent = false;
  #link: LinkState = newLink;
  #goodAt: number | null = null;
  #state: CheckState;
  #running: Promise<void> = Promise.resolve();

  constructor(options: ServiceCheckOptions) {
    const { name, paused, down_after, up_after, interval, timeout } = options.service;
    this.#options = options;
    const { failures, of, at_death: atDeath } = down_after;
    this.#policy = { failures, of, atDeath, upAfter: up_after, interval, timeout };
    this.#state = initialCheckState(name, paused);
  }

  get state(): CheckState {
    return this.#state;
  }

  /** Begins with a check at once. */
  start(): void {
    if (!this.#options.service.paused) this.#running = this.#loop();
  }

  /** Asks for a check now instead of at its time; the next one follows an interval later. */
  nudge(): void {
    this.#nudge.nudge();
  }

  /** The service has ended the connection that its probe keeps: it is asked at once, for so does one that dies. */
  linkEnded(): void {
    const { state, ask } = linkEnded(this.#link, this.#options.clock.monotonic());
    this.#link = state;
    if (!ask) return;
    this.#urgent = true;
    this.nudge();
  }

  /** Cuts off a check that runs, and ends the probe's connection. */
  async close(): Promise<void> {
    this.#ending.abort(new Error('the monitor stops'));
    await this.#running;
    await this.#options.probe.close();
  }

  async #loop(): Promise<void> {
    const { service, phase, clock } = this.#options;
    const { interval } = service;
    // At the time of the guard's looks: one wake-up for both.
    const even = (time: number) =>
      interval < EVEN_FROM_MS ? time : onBeat(time, interval < HALF_BEATS_FROM_MS ? QUARTER_BEAT_MS : undefined);
    let due = clock.monotonic() + interval * (0.5 + phase / 2);
    while (!this.#ending.signal.aborted) {
      const started = clock.monotonic();
      while ((await this.#check()) && !this.#ending.signal.aborted) await clock.sleep(AGAIN_MS, this.#ending.signal);
      // On schedule, whatever the probe took; times that have passed meanwhile are left out.
      // A check that took its whole timeout ends a little after the next is due: that one is late, not left out.
      while (due < clock.monotonic() - interval / 4) due += interval;
      const nudged = await this.#pause(even(due), started + NUDGE_GAP_MS);
      due = (nudged ? clock.monotonic() : due) + interval;
    }
  }

  /** Waits until the time, or until nudged but not before `earliest`; returns whether it was nudged. */
  async #pause(until: number, earliest: number): Promise<boolean> {
    const { clock } = this.#options;
    const ending = this.#ending.signal;
    if (!(await this.#nudge.wait(until - clock.monotonic(), ending))) return false;
    if (!this.#urgent) await clock.sleep(Math.max(0, Math.min(until, earliest) - clock.monotonic()), ending);
    // One that came meanwhile is answered by the same check.
    this.#nudge.take();
    this.#urgent = false;
    return true;
  }

  /** Returns whether to ask again in a moment. */
  async #check(): Promise<boolean> {
    const { service, probe, clock, log, planned, startedAt, onResult } = this.#options;
    const asked = await probeOnce(probe, service, { clock, log, ending: this.#ending.signal });
    if (this.#ending.signal.aborted) return false;
    const previous = this.#state;
    const grace = { startedAt: startedAt(), goodAt: this.#goodAt, graceMs: service.start_grace, now: clock.now() };
    const result = withStartGrace(asked, previous, grace);
    if (result.outcome !== 'failed' && result.outcome !== 'unsure') this.#goodAt = result.at;
    const policy = { ...this.#policy, atDeath: this.#policy.atDeath && !planned() };
    this.#state = decideCheck(previous, result, policy, clock.now());
    try {
      onResult(this.#state, previous, result);
    } catch (error) {
      log.error({ service: service.name, error }, 'a check result could not be told');
    }
    const { state, again } = linkChecked(this.#link, result, clock.monotonic());
    this.#link = state;
    return again;
  }
}
