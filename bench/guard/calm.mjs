import { markdown } from '../deploy/table.mjs';
import { pause } from '../service-process.mjs';
import { now } from './clock.mjs';
import { verdict } from './figures.mjs';
import { inventoryOf, monitChecksOf, startSmallService } from './services.mjs';
import { withStand } from './stand.mjs';

const BAR = 4;
const PERIOD_MS = 3000;
const AFTER_MS = 10_000;
const NAME = 'flapping';

/** A service that goes down and up again twenty times in a minute: how many notices each sends. */
export function calm(bench) {
  const periods = bench.quick ? 5 : 20;
  return withStand(bench, 'calm', async (stand) => {
    let service = await startSmallService(stand.folder, NAME);
    stand.keep({ stop: () => service.kill() });
    const { port } = service;
    const watchers = await stand.watch({
      config: { inventory: { services: [inventoryOf(service)] } },
      // One of its two checks: both would count twice.
      monit: (say) => monitChecksOf(service, say).slice(0, 2),
      targets: { [NAME]: port },
    });
    const began = now();
    for (let period = 0; period < periods; period += 1) {
      await service.kill();
      await pause(began + (period + 0.5) * PERIOD_MS - now());
      service = await startSmallService(stand.folder, NAME, port);
      await pause(began + (period + 1) * PERIOD_MS - now());
    }
    await pause(AFTER_MS);
    const of = (by, what) => stand.notices.heard.filter((one) => one.by === by && one.what === what && one.at >= began);
    const said = of('ours', NAME);
    // What is still raised will be cleared, and that is a notice.
    const ours = said.length + (said.at(-1)?.bad === true ? 1 : 0);
    const rows = [['ours: `alert.raised`, `alert.cleared`', String(said.length), String(ours)]];
    if (watchers.monit) rows.push(row('monit: host by port', of('monit', `${NAME}/port`)));
    if (watchers.prometheus) rows.push(row('Alertmanager: webhooks', of('prometheus', NAME)));
    return `## A service that flaps: ${periods} times down and up in ${(periods * PERIOD_MS) / 1000} s

${markdown(['who', `notices by ${AFTER_MS / 1000} s after it`, 'with the one that ends what is still raised'], rows)}

Bar: ours ≤ ${BAR}: ${verdict(ours <= BAR)}${ours === 0 ? ' (it said nothing at all)' : ''}.

Each period: SIGKILL, ${PERIOD_MS / 2000} s of nothing, a new process on the same port, ${PERIOD_MS / 2000} s of answers. All three watch it at once, ours as shipped.`;
  });
}

function row(who, said) {
  return [who, String(said.length), String(said.length + (said.at(-1)?.bad === true ? 1 : 0))];
}
