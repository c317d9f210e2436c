import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createClient } from './events.mjs';
import { BenchGateway } from './gateway.mjs';
import { pause, quantile, startSupervisor, TOKEN } from './supervisor.mjs';

const OPS = fileURLToPath(new URL('../../packages/cli/dist/main.js', import.meta.url));

/** How soon it says what it knows: a failure, a missed slot, a run that takes too long. */
export async function detection(bench) {
  const times = bench.quick ? 5 : 20;
  const gateway = await BenchGateway.start();
  const pulses = Array.from({ length: 4 }, (_, index) => ({ id: `pulse-${index}`, schedule: '*/3 * * * * *', grace: '700ms' }));
  const cron = {
    sources: [{ openclaw: { url: gateway.url, token_env: 'OPS_TOKEN' } }],
    // A run of an old gateway is not ended before it is 5 s old.
    rules: [{ job: 'openclaw/slow', expected: '3s', retry: false }],
    jobs: [...pulses, { id: 'plain', retry: false }, { id: 'slow', expected: '500ms' }],
  };
  const events = await createClient(bench.redisUrl);
  const supervisor = await startSupervisor(bench, cron, 'detection');
  try {
    await gateway.connected();
    await pause(1500);
    const failed = [];
    for (let index = 0; index < times; index += 1) {
      const began = gateway.run('brief');
      await pause(30);
      const told = Date.now();
      gateway.end('brief', began, { status: 'ok', summary: '401 Incorrect API key provided' });
      failed.push((await events.next('cron.run-failed', ({ job_name }) => job_name === 'brief', told)) - told);
      await pause(50);
    }
    const pinged = [];
    for (let index = 0; index < times; index += 1) {
      const told = Date.now();
      await supervisor.call('POST', '/ping/plain/1');
      pinged.push((await events.next('cron.run-failed', ({ job_name }) => job_name === 'plain', told)) - told);
    }
    const killed = [];
    for (let index = 0; index < times; index += 1) {
      const began = gateway.run('slow');
      const asked = await gateway.killAsked('slow');
      killed.push(asked - (began + 6000));
      gateway.end('slow', began, { status: 'ok' });
      await pause(50);
    }
    const wrapped = [];
    for (let index = 0; index < Math.min(times, 5); index += 1) wrapped.push(await wrappedKill(supervisor));
    const missed = events.all('cron.run-missed').map(({ at, data }) => at - Date.parse(data.deadline));
    const row = (what, values, bar, from = Number.NEGATIVE_INFINITY) => {
      const longest = Math.max(...values);
      const met = longest <= bar && Math.min(...values) >= from;
      return `| ${what} | ${values.length} | ${quantile(values, 0.5).toFixed(0)} ms | ${longest.toFixed(0)} ms | ${from === Number.NEGATIVE_INFINITY ? '≤' : '±'} ${bar} ms | ${met ? 'met' : 'missed'} |`;
    };
    return `## How soon it says what it knows

| from → to | times | median | longest | bar | |
| --- | --- | --- | --- | --- | --- |
${row("the gateway's event that a run has ended (called ok, and was not) → `cron.run-failed` on the bus", failed, 1000)}
${row('a heartbeat that says failure → `cron.run-failed` on the bus', pinged, 1000)}
${row('slot + grace → `cron.run-missed` on the bus', missed, 1000, -1000)}
${row('2 × expected → the order to end the run at the gateway', killed, 1000)}
${row('2 × expected → SIGTERM to a command under `ops cron exec`', wrapped, 1000)}`;
  } finally {
    await supervisor.stop();
    await gateway.close();
    events.close();
  }
}

// From 2 × expected after the start that the supervisor knows to the end of a command that ends at SIGTERM.
async function wrappedKill(supervisor) {
  const env = { ...process.env, OPS_URL: supervisor.address, OPS_TOKEN: TOKEN };
  const child = spawn(process.execPath, [OPS, 'cron', 'exec', 'slow', '--', 'sh', '-c', 'sleep 30'], { env, stdio: 'ignore' });
  await new Promise((resolve) => child.once('close', resolve));
  const { body } = await supervisor.call('GET', '/cron/runs?job=heartbeat/slow&limit=1');
  const [run] = body.runs;
  return Date.parse(run.ended_at) - Date.parse(run.started_at) - 1000;
}
