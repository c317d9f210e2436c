import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { markdown, median } from '../deploy/table.mjs';
import { pause, shippedRuntime } from '../service-process.mjs';
import { verdict } from './figures.mjs';
import { privateDensWork, UNSHARE } from './private-den.mjs';
import { inventoryOf, monitChecksOf, startSmallService } from './services.mjs';
import { withStand } from './stand.mjs';
import { useOf, wakesOf } from './use.mjs';

const SAMPLER = fileURLToPath(new URL('sampler-cost.mjs', import.meta.url));
const BARS = { cpu: 0.5, blocked: 1, table: 15, idle: 1, rss: 110 };
const SERVICES = 5;
const WINDOWS = 3;
const SETTLE_MS = 30_000;
const COUNT_MS = 10_000;

/** What guarding costs: a sample, a process table, and the monitor while nothing happens. */
export async function cost(bench) {
  const looks = (await privateDensWork())
    ? ofLooks(await costOfLooks(bench))
    : 'Not measured: samples need `unshare --pid`, as root.';
  return `## What it costs\n\n${looks}\n\n${await idle(bench)}`;
}

async function costOfLooks(bench) {
  const sizes = bench.quick ? [600, 3000] : [600, 10_000];
  const args = [...UNSHARE, process.execPath, SAMPLER, bench.quick ? '100' : '400', ...sizes.map(String)];
  const env = { ...process.env, ...shippedRuntime('monitor') };
  const child = spawn('unshare', args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let answer = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    answer += text;
  });
  await new Promise((resolve) => child.once('close', resolve));
  return JSON.parse(answer);
}

function ofLooks({ sample, near, tables }) {
  const ms = ({ p50, p99, most }) => `${[p50, p99, most].map((each) => each.toFixed(2)).join(' / ')} ms`;
  const rowsOf = (what, { cpu, started, blocked }) => [
    [`${what}: CPU`, `${cpu.toFixed(2)} ms`, `≤ ${BARS.cpu} ms`, verdict(cpu <= BARS.cpu)],
    ['processes and threads started by all of them', `${started}`, '0', verdict(started === 0)],
    [
      'the longest that another waits for the event loop meanwhile: p50 / p99 / longest',
      ms(blocked),
      `p99 ≤ ${BARS.blocked} ms`,
      verdict(blocked.p99 <= BARS.blocked),
    ],
  ];
  const rows = [
    ...rowsOf('a sample', sample),
    ['a bare loop as long as a whole sample, by turns with it: p50 / p99 / longest', ms(sample.floor), '', ''],
    ...rowsOf('a sample near a threshold of RAM, with the free lists of the CPUs', near),
  ];
  for (const [index, { processes, cpu, anew, first, wall, started, sliced }] of tables.entries()) {
    const judged = index === 0 ? [`≤ ${BARS.table} ms`, verdict(cpu <= BARS.table)] : ['', ''];
    rows.push([
      `process table of ${processes}, in one go: CPU / wall (CPU of the first; with each file opened anew)`,
      `${cpu.toFixed(1)} / ${wall.toFixed(1)} (${first.toFixed(1)}; ${anew.toFixed(1)}) ms`,
      ...judged,
    ]);
    rows.push([
      'the same in slices, as the monitor reads it: wall / the longest that others waited',
      `${sliced.wall.toFixed(1)} / ${sliced.blocked.toFixed(1)} ms`,
      '',
      '',
    ]);
    rows.push(['started for it', String(started), '0', verdict(started === 0)]);
  }
  return `${markdown(['what', 'ours', 'bar', ''], rows)}

In a pid namespace of its own, where the last pid counts what was started; CPU is that of the whole process less that of as many empty rounds. A
table has who uses what of all, and everything of the heaviest 40 and their ancestors; medians of 15.`;
}

async function idle(bench) {
  const ms = bench.quick ? 10_000 : 60_000;
  return withStand(bench, 'cost', async (stand) => {
    const services = [];
    for (let index = 0; index < SERVICES; index += 1) {
      services.push(await startSmallService(stand.folder, `idle-${index}`));
      stand.keep({ stop: services[index].kill });
    }
    const watchers = await stand.watch({
      config: { inventory: { services: services.map(inventoryOf) } },
      monit: (say) => [
        ...services.flatMap((service) => monitChecksOf(service, say)),
        'check system machine',
        `  if memory usage > 75% then exec "${say('ram', 'bad')}" else if succeeded then exec "${say('ram', 'good')}"`,
        `  if cpu usage > 80% then exec "${say('cpu', 'bad')}" else if succeeded then exec "${say('cpu', 'good')}"`,
      ],
      targets: Object.fromEntries(services.map(({ name, port }) => [name, port])),
      rules: {
        ram: '100 * (1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes) > 75',
        cpu: '100 * (1 - avg(rate(node_cpu_seconds_total{mode="idle"}[3s]))) > 80',
      },
    });
    // What a start leaves behind is not idleness.
    await pause(SETTLE_MS);
    const before = wakesOf(watchers.ours.pid);
    await pause(COUNT_MS);
    const wakes = (1000 * (wakesOf(watchers.ours.pid) - before)) / COUNT_MS;
    const bare = spawn(process.execPath, ['--eval', `setInterval(() => {}, ${1000 / wakes})`], { stdio: 'ignore' });
    stand.keep({ stop: () => bare.kill() });
    await pause(COUNT_MS);
    const groups = {
      ours: [watchers.ours.pid],
      bare: [bare.pid],
      monit: watchers.monit?.pids ?? [],
      prometheus: watchers.prometheus?.pids ?? [],
    };
    const uses = [];
    for (let window = 0; window < (bench.quick ? 1 : WINDOWS); window += 1) uses.push(await useOf(groups, ms));
    const useBy = (who) => ({
      cpus: uses.map((use) => use[who].cpu),
      rss: Math.max(...uses.map((use) => use[who].rss)),
      pss: Math.max(...uses.map((use) => use[who].pss)),
    });
    const row = (name, { cpus, rss, pss }) => [
      name,
      `${median(cpus).toFixed(2)} % (${cpus.map((cpu) => cpu.toFixed(2)).join(', ')})`,
      `${rss.toFixed(0)} MB`,
      `${pss.toFixed(0)} MB`,
    ];
    const ours = useBy('ours');
    const rows = [
      row('ours', ours),
      row(`a bare Node that wakes as often, ${wakes.toFixed(1)} times a second, and does nothing`, useBy('bare')),
    ];
    if (watchers.monit) rows.push(row('monit', useBy('monit')));
    if (watchers.prometheus) rows.push(row('Prometheus + Alertmanager + node_exporter', useBy('prometheus')));
    return `${markdown([`idle, ${uses.length} × ${ms / 1000} s`, 'of one core, median (each)', 'RSS, most', 'PSS, most'], rows)}

Bars: ours ≤ ${BARS.idle} % of one core: ${verdict(median(ours.cpus) <= BARS.idle)}; RSS ≤ ${BARS.rss} MB: ${verdict(ours.rss <= BARS.rss)}.

All three at once, watching the same ${SERVICES} services, memory and CPU; ours as shipped, from ${(SETTLE_MS + 2 * COUNT_MS) / 1000} s after it was ready.`;
  });
}
