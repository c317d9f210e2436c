// A healthy deployment against `docker compose up -d --wait` of the same change: what the gate, the plan, the journal and the proof cost.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../service-process.mjs';
import { docker, healthcheck, makeImage, SCRIPTS } from './engine.mjs';
import { Stack } from './stack.mjs';
import { markdown, median, p95, seconds } from './table.mjs';

const BAR = 1.1;
const HEALTHY_FOR_MS = 1000;
const STEPS = ['gate', 'plan', 'pre-flight', 'approval', 'backup', 'apply', 'verify'];

export async function overhead(bench) {
  const checked = [healthcheck('1s', 3)];
  const versions = [];
  for (const n of [1, 2]) {
    const web = await makeImage(`${bench.prefix}-web:${n}`, SCRIPTS.good, checked);
    versions.push({ web, worker: await makeImage(`${bench.prefix}-worker:${n}`, SCRIPTS.good) });
  }
  const servicesOf = (port) => (version) => ({
    web: { image: version.web.name, restart: 'always', ports: [`127.0.0.1:${port}:8080`] },
    worker: { image: version.worker.name, restart: 'always' },
  });
  const [ourServices, theirServices] = [servicesOf(await freePort()), servicesOf(await freePort())];

  const stack = new Stack(bench, 'ours');
  const theirFolder = join(bench.folder, 'theirs');
  await mkdir(theirFolder);
  const up = async (version) => {
    const file = { name: `${bench.prefix}-theirs`, services: theirServices(version) };
    await writeFile(join(theirFolder, 'compose.yaml'), JSON.stringify(file));
    const began = performance.now();
    await docker('compose', '--project-directory', theirFolder, 'up', '--detach', '--wait');
    return performance.now() - began;
  };
  const ours = async (version) => {
    await stack.write(ourServices(version));
    const done = await stack.deploy();
    if (done.type !== 'deploy.succeeded') throw new Error(`a healthy deployment: ${done.why}`);
    return done;
  };
  try {
    await stack.open(ourServices(versions[0]), { verify: { healthy_for: `${HEALTHY_FOR_MS}ms` }, watch: { for: '0s' } });
    await up(versions[0]);
    const runs = [];
    // Twice the runs: one takes three seconds, and a ratio of two of them has the noise of both. The first pair warms up.
    for (let index = 0; index <= bench.runs * 2; index++) {
      const version = versions[(index + 1) % 2];
      const run = {};
      for (const who of index % 2 === 0 ? ['ours', 'theirs'] : ['theirs', 'ours'])
        run[who] = who === 'ours' ? await ours(version) : await up(version);
      if (index > 0) runs.push(run);
      bench.say(`overhead ${index}: ${seconds(verified(run.ours))} beside ${seconds(run.theirs)}`);
    }
    return report(runs);
  } finally {
    await stack.stop();
  }
}

// From the request to the end of verify, without the time that it was told to look on.
const verified = ({ asked, steps }) => steps.verify.at - asked - HEALTHY_FOR_MS;

function report(runs) {
  const ours = runs.map((run) => verified(run.ours));
  const theirs = runs.map((run) => run.theirs);
  const ratios = runs.map((run) => verified(run.ours) / run.theirs);
  const ratio = median(ratios);
  const row = [
    '`docker compose up -d --wait` → request to end of `verify`, less `healthy_for`',
    `${seconds(median(theirs))}, ${seconds(p95(theirs))}`,
    `${seconds(median(ours))}, ${seconds(p95(ours))}`,
    `${ratio.toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})`,
    `≤ ${BAR.toFixed(2)}`,
    ratio <= BAR ? 'met' : 'missed',
  ];
  const whole = runs.map(({ ours: { asked, ended } }) => ended - asked - HEALTHY_FOR_MS);
  const end = [
    'the same to `deploy.succeeded` (`watch.for` 0)',
    '',
    `${seconds(median(whole))}, ${seconds(p95(whole))}`,
    '',
    '',
    '',
  ];
  const steps = STEPS.map((name) => [name, ...figures(runs.map((run) => run.ours.steps[name].duration_ms))]);
  const between = runs.map(({ ours: { asked, steps: done } }) => {
    const worked = STEPS.reduce((sum, name) => sum + done[name].duration_ms, 0);
    return done.verify.at - asked - worked;
  });
  const head = [`a change of two services, median and p95 of ${runs.length}`, 'Compose', 'ours', 'ratio', 'bar', ''];
  return [
    `## A healthy deployment beside Compose\n\n${markdown(head, [row, end])}`,
    `Where ours spends it (\`verify\` has the ${HEALTHY_FOR_MS} ms of \`healthy_for\` in it):\n\n${markdown(
      ['step', 'median', 'p95'],
      [...steps, ['between the steps', ...figures(between)]],
    )}`,
  ].join('\n\n');
}

const figures = (values) => [`${Math.round(median(values))} ms`, `${Math.round(p95(values))} ms`];
