import { Legacy } from './legacy.js';
import { Modern } from './modern.js';
import { type Ending, type FakeJob, Store } from './store.js';
import { Wire } from './wire.js';

/**
 * An OpenClaw gateway of either generation, on a WebSocket of its own. Its frames, and what it does, are those of the real ones
 * (2026.2.2-3 and 2026.9.6); how runs end is told by the test.
 */
export class FakeGateway {
  readonly store = new Store();
  readonly wire: Wire;
  readonly #does: Legacy | Modern;

  private constructor(generation: 'legacy' | 'modern', token: string) {
    const tell = (event: string, payload: object) => this.wire.tell(event, payload);
    this.#does = generation === 'modern' ? new Modern(this.store, tell) : new Legacy(this.store, tell);
    this.wire = new Wire(generation === 'modern' ? 4 : 3, token, this.#does.methods);
  }

  static async start(generation: 'legacy' | 'modern', token: string): Promise<FakeGateway> {
    const gateway = new FakeGateway(generation, token);
    await gateway.wire.listen();
    return gateway;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.wire.port}`;
  }

  get modern(): Modern {
    if (this.#does instanceof Modern) return this.#does;
    throw new Error('a legacy gateway does nothing of the kind');
  }

  add(job: Partial<FakeJob> & { readonly name: string }): FakeJob {
    const added = this.store.add(job);
    this.wire.tell('cron', { jobId: added.id, action: 'added', job: added });
    return added;
  }

  remove(id: string): void {
    this.store.jobs.splice(
      this.store.jobs.findIndex((job) => job.id === id),
      1,
    );
    this.wire.tell('cron', { jobId: id, action: 'removed' });
  }

  /** The schedule starts the job; resolves when that run has ended. */
  scheduled(id: string): Promise<void> {
    const job = this.store.job(id);
    if (job === undefined) throw new Error(`no job ${id}`);
    return this.#does.scheduled(job);
  }

  finish(id: string, how: Ending = { kind: 'ok', summary: 'done' }): void {
    this.store.running.get(id)?.end(how);
  }

  /** Killed: gone at once, with whatever ran. */
  async kill(): Promise<void> {
    await this.wire.vanish();
    this.#does.crash();
  }

  async startAgain(): Promise<void> {
    await this.wire.listen();
  }

  async close(): Promise<void> {
    if (this.#does instanceof Modern) this.#does.stop();
    await this.wire.vanish();
  }
}
