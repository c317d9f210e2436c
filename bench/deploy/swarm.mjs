// Beside Docker Swarm's own automatic rollback: the same images, the same health check, in turn.
import { docker, healthcheck, isOf, listed, makeImage, SCRIPTS } from './engine.mjs';
import { Stack, takenBack } from './stack.mjs';
import { markdown, median, p95, seconds } from './table.mjs';

const CHECK = [healthcheck('2s', 3)];
const NEVER_MS = 60_000;

export async function swarm(bench) {
  const title = '## Beside the automatic rollback of Docker Swarm';
  if ((await docker('info', '--format', '{{.Swarm.LocalNodeState}}')) !== 'inactive')
    return `${title}\n\nNot measured: this engine is in a swarm already.`;
  const image = (name, script, more = []) => makeImage(`${bench.prefix}-swarm-${name}:1`, script, [...CHECK, ...more]);
  const good = await image('good', SCRIPTS.good);
  const died = (one) => one.action === 'die';
  const scenarios = [
    {
      name: 'crash at start',
      steps: ['apply', 'verify'],
      bad: await image('crash', SCRIPTS.crashAtStart),
      monitor: '30s',
      signal: died,
    },
    {
      name: 'crash after 9 s, Swarm’s default monitor (5 s)',
      steps: ['watch'],
      bad: await image('late', SCRIPTS.crashLater, ['ENV AFTER=9']),
      monitor: '5s',
      signal: died,
      runs: Math.min(bench.runs, bench.quick ? 1 : 2),
    },
    {
      name: 'HEALTHCHECK fails (every 2 s, 3 times)',
      steps: ['verify'],
      bad: await image('sick', SCRIPTS.sick),
      monitor: '30s',
      signal: (one) => one.action === 'exec_die' && one.of.exitCode !== '0',
    },
  ];
  await docker('swarm', 'init', '--advertise-addr', '127.0.0.1');
  const rows = [];
  try {
    for (const [index, scenario] of scenarios.entries()) rows.push(...(await compare(bench, { ...scenario, index, good })));
  } finally {
    await docker('swarm', 'leave', '--force');
    // Swarm's own network stays behind otherwise.
    if ((await listed('network', 'ls', '--quiet', '--filter', 'name=docker_gwbridge')).length > 0)
      await docker('network', 'rm', 'docker_gwbridge');
  }
  const head = ['from the first failing signal to', 'runs', 'Swarm, median and p95', 'ours, median and p95', 'bar', ''];
  return `${title}\n\n${markdown(head, rows)}`;
}

const POINTS = [
  ['decision', 'decided', 'rollback started'],
  ['healthy', 'previous version healthy again', 'first healthy probe'],
  ['said', 'said to be done', '`rollback_completed` and a healthy task; `deploy.rolled-back`'],
];

async function compare(bench, { name, index, good, bad, steps, monitor, signal, runs = bench.runs }) {
  const stack = new Stack(bench, `swarm-${index}`);
  const services = (image) => ({ web: { image: image.name, restart: 'always' } });
  const results = [];
  try {
    await stack.open(services(good), {});
    for (let run = 0; run < runs; run++) {
      const ours = await takeOurs(bench, stack, { services, good, bad, steps, signal });
      // What runs beside the other must cost nothing: a paused container is not probed.
      const idle = await listed('ps', '--quiet', '--filter', `label=com.docker.compose.project=${stack.project}`);
      await docker('pause', ...idle);
      const theirs = await takeTheirs(bench, { good, bad, monitor, signal });
      await docker('unpause', ...idle);
      results.push({ ours, theirs });
      bench.say(`${name} ${run}: ours ${shown(ours)}; Swarm ${shown(theirs)}`);
    }
  } finally {
    await stack.stop();
  }
  return POINTS.map(([point, what, how]) => {
    const [theirs, ours] = ['theirs', 'ours'].map((who) => results.map((one) => one[who][point]));
    const slower = [median, p95].some((figure) => figure(ours) > figure(theirs));
    return [`${name}: ${what} (${how})`, String(runs), both(theirs), both(ours), 'never slower', slower ? 'missed' : 'met'];
  });
}

// What did not happen took for ever.
const orNever = (ms) => (Number.isFinite(ms) ? seconds(ms) : `never (${NEVER_MS / 1000} s)`);
const both = (values) => `${orNever(median(values))}, ${orNever(p95(values))}`;
const shown = (result) => POINTS.map(([point]) => `${point} ${orNever(result[point])}`).join(', ');

const healthy = (image) => (one) => one.action === 'health_status: healthy' && isOf(image)(one);

async function takeOurs(bench, stack, { services, good, bad, steps, signal }) {
  await stack.write(services(bad));
  const done = await takenBack(stack, ...steps);
  const { at } = await bench.events.must('its first failure', (one) => signal(one) && isOf(bad)(one), { after: done.asked });
  const again = await bench.events.must('the version before healthy', healthy(good), { after: done.failed.at });
  return { decision: done.failed.at - at, healthy: again.at - at, said: done.ended - at };
}

async function takeTheirs(bench, { good, bad, monitor, signal }) {
  const service = `${bench.prefix}-service`;
  const how = ['--update-failure-action', 'rollback', '--update-monitor', monitor];
  for (const which of ['update', 'rollback'])
    how.push(`--${which}-order`, 'stop-first', `--${which}-delay`, '0s', `--${which}-parallelism`, '1');
  // By its id: nothing is asked of a registry.
  const began = Date.now();
  await docker('service', 'create', '--detach', '--no-resolve-image', '--name', service, ...how, good.id);
  try {
    await bench.events.must('the first version healthy', healthy(good), { after: began, within: 30_000 });
    const updated = Date.now();
    await docker('service', 'update', '--detach', '--no-resolve-image', '--image', bad.id, service);
    const failing = (one) => signal(one) && isOf(bad)(one);
    const { at } = await bench.events.must('its first failure', failing, { after: updated, within: 60_000 });
    const within = at + NEVER_MS - Date.now();
    const state = (name) => (one) => one.type === 'service' && one.of['updatestate.new'] === name;
    const started = await bench.events.first(state('rollback_started'), { after: updated, within });
    if (started === undefined) return { decision: Infinity, healthy: Infinity, said: Infinity };
    const again = await bench.events.first(healthy(good), { after: started.at, within });
    const completed = await bench.events.first(state('rollback_completed'), { after: started.at, within });
    const since = (...events) => Math.max(...events.map((one) => (one === undefined ? Infinity : one.at - at)));
    return { decision: started.at - at, healthy: since(again), said: since(again, completed) };
  } finally {
    await docker('service', 'rm', service);
    // Its containers go a moment later.
    const left = () => listed('ps', '--all', '--quiet', '--filter', `label=com.docker.swarm.service.name=${service}`);
    for (const end = Date.now() + 20_000; (await left()).length > 0 && Date.now() < end; )
      await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
