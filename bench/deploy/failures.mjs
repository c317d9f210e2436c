// How soon a deployment that does not hold is known, and how soon the version before runs again.
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../service-process.mjs';
import { isOf, makeImage, SCRIPTS } from './engine.mjs';
import { Stack, takenBack } from './stack.mjs';
import { markdown, median, p95, seconds } from './table.mjs';

const WATCH = { for: '5m', every: '1s', failures: 3 };
// Verify has its two seconds, then the watch begins. Each run fails at another moment of its period.
const failsAfter = (index) => (5 + ((index * 0.37) % 1)).toFixed(2);

export async function failures(bench) {
  const image = async (name, script, changes) => makeImage(`${bench.prefix}-${name}:1`, script, changes);
  const good = await image('good', SCRIPTS.good);
  const goodVolume = await image('good-volume', SCRIPTS.good, ['VOLUME /data']);
  const crash = await image('crash', SCRIPTS.crashLater);
  const crashVolume = await image('crash-volume', SCRIPTS.crashLater, ['VOLUME /data']);
  const sickLater = await image('sick-later', SCRIPTS.sickLater);
  const sick = await image('sick', SCRIPTS.sick);
  const died = (bad) => async (after) =>
    (await bench.events.must('the end of the new version', (one) => one.action === 'die' && isOf(bad)(one), { after })).at;

  const ended = await series(bench, 'ends', { good, bad: crash, signal: died(crash) });
  const answers = await series(bench, 'answers', { good, bad: sickLater, told: true });
  const inPlace = await series(bench, 'in-place', { good: goodVolume, bad: crashVolume, signal: died(crashVolume) });
  const within = bench.quick ? 10 : 60;
  const never = await neverHealthy(bench, { good, bad: sick, within });

  const rows = [
    row('a process that ends in the watch window → decision', ended.detected, 1),
    row('a check that answers 404 from a known moment on (`every: 1s`, `failures: 3`) → decision', answers.detected, 5),
    [
      `never healthy, \`verify.within: ${within}s\`: from \`deploy.started\` → decision`,
      String(never.length),
      seconds(median(never)),
      seconds(p95(never)),
      `${within} s ± 1 s`,
      never.every((ms) => Math.abs(ms - within * 1000) <= 1000) ? 'met' : 'missed',
    ],
    row('a process that ends → the kept version proven healthy', ended.back, 10),
    row('a check that answers 404 → the kept version proven healthy', answers.back, 10),
    row(
      'a process that ends → the version before made again (in place: volumes without a name), proven healthy',
      inPlace.back,
      45,
    ),
  ];
  const head = ['from → to', 'runs', 'median', 'p95', 'bar', ''];
  return `## A deployment that does not hold\n\n${markdown(head, rows)}`;
}

function row(what, values, bar) {
  const longest = p95(values);
  return [
    what,
    String(values.length),
    seconds(median(values)),
    seconds(longest),
    `p95 ≤ ${bar} s`,
    longest <= bar * 1000 ? 'met' : 'missed',
  ];
}

/** Lets a version fail in its watch window, again and again. */
async function series(bench, name, { good, bad, signal, told = false }) {
  const port = await freePort();
  const stack = new Stack(bench, name, { web: { http: `http://127.0.0.1:${port}/health` } });
  const tell = join(bench.folder, `${name}-told`);
  await mkdir(tell);
  const services = (image, after) => ({
    web: {
      image: image.name,
      restart: 'always',
      ports: [`127.0.0.1:${port}:8080`],
      environment: { AFTER: after },
      ...(told ? { volumes: [`${tell}:/told`] } : {}),
    },
  });
  const [detected, back] = [[], []];
  try {
    await stack.open(services(good, '0'), { watch: WATCH });
    for (let index = 0; index < bench.runs; index++) {
      await stack.write(services(bad, failsAfter(index)));
      const done = await takenBack(stack, 'watch');
      const at = told ? (await stat(join(tell, 'at'))).mtimeMs : await signal(done.asked);
      await rm(join(tell, 'at'), { force: true });
      detected.push(done.failed.at - at);
      back.push(done.ended - at);
      bench.say(`${name} ${index}: known after ${seconds(detected.at(-1))}, as before after ${seconds(back.at(-1))}`);
    }
  } finally {
    await stack.stop();
  }
  return { detected, back };
}

async function neverHealthy(bench, { good, bad, within }) {
  const port = await freePort();
  const stack = new Stack(bench, 'never', { web: { http: `http://127.0.0.1:${port}/health` } });
  const services = (image) => ({ web: { image: image.name, restart: 'always', ports: [`127.0.0.1:${port}:8080`] } });
  const took = [];
  try {
    await stack.open(services(good), { verify: { within: `${within}s` }, watch: WATCH });
    for (let index = 0; index < (bench.quick ? 1 : 2); index++) {
      await stack.write(services(bad));
      const done = await takenBack(stack, 'verify');
      took.push(done.failed.at - done.started);
      bench.say(`never ${index}: known after ${seconds(took.at(-1))}`);
    }
  } finally {
    await stack.stop();
  }
  return took;
}
