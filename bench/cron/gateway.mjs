import { createServer } from 'node:http';
import { createRequire } from 'node:module';

// ws is the service's, not the benchmarks'.
const { WebSocketServer } = createRequire(new URL('../../services/cron-supervisor/package.json', import.meta.url))('ws');
const METHODS = ['health', 'cron.list', 'cron.status', 'cron.runs', 'cron.run', 'sessions.list', 'sessions.delete'];
const JOBS = ['brief', 'slow'];

/** As much of a gateway of 2026.2 as the times of a supervisor need: two jobs, their events, their history, and orders to end a run. */
export class BenchGateway {
  #http = createServer();
  #sockets = new WebSocketServer({ server: this.#http });
  #history = new Map(JOBS.map((job) => [job, []]));
  #running = new Map();
  #asked = new Map();
  #seq = 0;

  static async start() {
    const gateway = new BenchGateway();
    gateway.#sockets.on('connection', (socket) => {
      socket.send(JSON.stringify({ type: 'event', event: 'connect.challenge', payload: { nonce: 'n', ts: Date.now() } }));
      socket.on('message', (data) => {
        const { id, method, params } = JSON.parse(String(data));
        socket.send(JSON.stringify({ type: 'res', id, ok: true, payload: gateway.#answer(method, params) }));
      });
    });
    await new Promise((resolve) => gateway.#http.listen(0, '127.0.0.1', resolve));
    return gateway;
  }

  get url() {
    return `ws://127.0.0.1:${this.#http.address().port}`;
  }

  async connected() {
    while (this.#sockets.clients.size === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  /** A run of a job begins; its start, epoch ms. */
  run(job) {
    const runAtMs = Date.now();
    this.#running.set(job, runAtMs);
    this.#tell({ jobId: job, action: 'started', runAtMs });
    return runAtMs;
  }

  end(job, runAtMs, words) {
    this.#running.delete(job);
    this.#asked.delete(job);
    const entry = { jobId: job, action: 'finished', ...words, runAtMs, durationMs: Date.now() - runAtMs };
    this.#history.get(job).push({ ts: Date.now(), ...entry });
    this.#tell(entry);
  }

  /** When the end of the job's run was asked for. */
  async killAsked(job) {
    while (!this.#asked.has(job)) await new Promise((resolve) => setTimeout(resolve, 2));
    return this.#asked.get(job);
  }

  async close() {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  #tell(payload) {
    this.#seq += 1;
    for (const socket of this.#sockets.clients)
      socket.send(JSON.stringify({ type: 'event', event: 'cron', payload, seq: this.#seq }));
  }

  #answer(method, params) {
    if (method === 'connect')
      return {
        type: 'hello-ok',
        protocol: 3,
        server: { version: 'dev' },
        features: { methods: METHODS, events: ['cron'] },
        auth: { role: 'operator', scopes: params.scopes },
      };
    if (method === 'cron.list') return { jobs: JOBS.map(jobOf) };
    if (method === 'cron.runs') return { entries: this.#history.get(params.id) ?? [] };
    if (method === 'sessions.list')
      return { sessions: [...this.#running.keys()].map((job) => ({ key: `agent:main:cron:${job}` })) };
    if (method === 'sessions.delete') {
      const job = String(params.key).split(':').at(-1);
      if (!this.#asked.has(job)) this.#asked.set(job, Date.now());
      return { ok: true, key: params.key, deleted: true, archived: [] };
    }
    return { ok: true, enabled: true };
  }
}

function jobOf(id) {
  const schedule = { kind: 'cron', expr: '0 4 1 1 *', tz: 'UTC' };
  const payload = { kind: 'agentTurn', message: 'Do it.' };
  return {
    id,
    name: id,
    enabled: true,
    createdAtMs: 0,
    updatedAtMs: 0,
    schedule,
    sessionTarget: 'isolated',
    wakeMode: 'now',
    payload,
    state: {},
  };
}
