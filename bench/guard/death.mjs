import { EngineEvents } from '../deploy/engine.mjs';
import { markdown, median } from '../deploy/table.mjs';
import { pause } from '../service-process.mjs';
import { now } from './clock.mjs';
import { engineAnswers, startContainers } from './containers.mjs';
import { ratio, spread, verdict } from './figures.mjs';
import { inventoryOf, monitChecksOf, startSmallService } from './services.mjs';
import { withStand } from './stand.mjs';

const BAR = 0.2;

/** A service is killed, as a process and, where there is an engine, as a container: how soon each of the three says so. */
export async function death(bench) {
  const trials = bench.quick ? 3 : 15;
  const ofProcesses = await withStand(bench, 'death', async (stand) => {
    const services = [];
    for (let index = 0; index < trials; index += 1) {
      const service = await startSmallService(stand.folder, `service-${index}`);
      stand.keep({ stop: service.kill });
      services.push(service);
    }
    return section('A service is killed (SIGKILL) → notice', await timesOf(bench, stand, services), trials);
  });
  return `${ofProcesses}\n\n${await ofContainers(bench, trials)}`;
}

async function ofContainers(bench, trials) {
  const title = 'The first process of a container is killed → notice';
  if (!(await engineAnswers())) return `## ${title}\n\nNot measured: no Docker engine is given by DOCKER_HOST.`;
  return withStand(bench, 'container', async (stand) => {
    const { services, clear } = await startContainers(stand.folder, trials);
    stand.keep({ stop: clear });
    const engine = new EngineEvents();
    stand.keep({ stop: () => engine.close() });
    return section(title, await timesOf(bench, stand, services, engine), trials);
  });
}

/** Every trial kills a service of its own, and all are watched by all at once: who was down before is watched in another way by some. */
async function timesOf(bench, stand, services, engine) {
  const watchers = await stand.watch({
    config: { inventory: { services: services.map(inventoryOf) } },
    monit: (say) => services.flatMap((service) => monitChecksOf(service, say)),
    targets: Object.fromEntries(services.map(({ name, port }) => [name, port])),
  });
  const times = { ours: [], engine: [], pid: [], port: [], monit: [], prometheus: [] };
  for (const service of services) {
    await pause(Math.random() * 1000);
    const told = await killed(service, stand.notices, watchers, engine);
    for (const [by, ms] of Object.entries(told)) if (ms !== undefined) times[by].push(ms);
    const shown = ['ours', 'engine', 'monit', 'prometheus'].map((by) => [
      by,
      told[by] === undefined ? 'never' : `${told[by].toFixed(0)} ms`,
    ]);
    bench.say(`death of ${service.name}: ${shown.flat().join(' ')}`);
  }
  return times;
}

/** Kills a service; how long each took to say so, in ms. */
async function killed({ name, kill }, notices, watchers, engine) {
  const [since, epoch] = [now(), Date.now()];
  const told = async (by, what = name) => {
    const notice = await notices.next({ by, what, bad: true, since });
    return notice === undefined ? undefined : notice.at - since;
  };
  const isDeath = ({ action, of }) => action === 'die' && of.name === name;
  const [ours, died, pid, port, prometheus] = await Promise.all([
    told('ours'),
    engine?.first(isDeath, { after: epoch, within: 15_000 }),
    watchers.monit && told('monit', `${name}/pid`),
    watchers.monit && told('monit', `${name}/port`),
    watchers.prometheus && told('prometheus'),
    kill(),
  ]);
  const monit = [pid, port].filter((ms) => ms !== undefined).sort((a, b) => a - b)[0];
  return { ours, engine: died && died.at - epoch, pid, port, monit, prometheus };
}

function section(title, times, trials) {
  const faster = Math.min(...[times.monit, times.prometheus].filter((all) => all.length > 0).map(median));
  // Who has not told of every one has no median.
  const ours = times.ours.length === trials ? median(times.ours) : Number.POSITIVE_INFINITY;
  const row = (who, how, all) => [who, how, String(all.length), spread(all), all.length > 0 ? ratio(ours, median(all)) : ''];
  const table = markdown(
    ['who', 'how', `told of, of ${trials}`, 'min / median / max, ms', 'our median is'],
    [
      ['ours', '`alert.raised` on the stream, as shipped', String(times.ours.length), spread(times.ours), ''],
      ...(times.engine.length > 0
        ? [row('the Docker engine itself', 'the time of its event `die`: nobody hears of it from it sooner', times.engine)]
        : []),
      row('monit', 'the faster of its two checks', times.monit),
      row('monit', 'process by pid file', times.pid),
      row('monit', 'host by port, HTTP', times.port),
      row('Prometheus + Alertmanager', 'scrape target down, webhook', times.prometheus),
    ],
  );
  return `## ${title}

${table}

${barLine(ours, faster)}

Each trial kills another service, at a random moment; one HTTP server, watched by all three at once. A notice counts when
it reaches the benchmark: ours by a blocking read of the stream.`;
}

function barLine(ours, faster) {
  const bar = `Bar: our median ≤ ${BAR} × that of the faster peer`;
  if (!Number.isFinite(faster)) return `${bar}: no peer was there.`;
  return `${bar} (${faster.toFixed(0)} ms): ${verdict(ours <= BAR * faster)}.`;
}
