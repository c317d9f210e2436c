import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { answers, freePort } from '../service-process.mjs';
import { until } from './clock.mjs';
import { endOf } from './ending.mjs';

/**
 * Prometheus, Alertmanager and node_exporter as processes of their own: scraped and evaluated once a second, told at once.
 * @param given.targets ports that are scraped, by a name that becomes the label `what`
 * @param given.rules expressions by the name that becomes the label `what` of the alert
 */
export async function startPrometheus({ peers }, folder, { webhook, targets = {}, rules = {} }) {
  const home = join(folder, 'prometheus');
  mkdirSync(home, { recursive: true });
  const [port, alerting, exporting] = [await freePort(), await freePort(), await freePort()];
  const write = (name, content) => {
    writeFileSync(join(home, name), JSON.stringify(content));
    return join(home, name);
  };
  const alertRules = Object.entries(rules).map(([what, expr]) => ({ alert: 'Bad', expr, labels: { what } }));
  const down = { alert: 'Down', expr: 'up{job="services"} == 0' };
  const ruleFile = write('rules.yml', { groups: [{ name: 'all', rules: [...alertRules, down] }] });
  const config = write('prometheus.yml', {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: [ruleFile],
    alerting: { alertmanagers: [{ static_configs: [{ targets: [`127.0.0.1:${alerting}`] }] }] },
    scrape_configs: [
      { job_name: 'node', static_configs: [{ targets: [`127.0.0.1:${exporting}`] }] },
      {
        job_name: 'services',
        static_configs: Object.entries(targets).map(([what, at]) => ({ targets: [`127.0.0.1:${at}`], labels: { what } })),
      },
    ],
  });
  const alertConfig = write('alertmanager.yml', {
    route: { receiver: 'bench', group_by: ['...'], group_wait: '0s', group_interval: '1s', repeat_interval: '4h' },
    receivers: [{ name: 'bench', webhook_configs: [{ url: webhook, send_resolved: true }] }],
  });
  const start = (program, args) => spawn(program.path, args, { cwd: home, env: peers.env, stdio: 'ignore' });
  const quiet = '--log.level=error';
  const children = [
    start(peers.node_exporter, [`--web.listen-address=127.0.0.1:${exporting}`, quiet]),
    startAmongItsFiles(peers, home, [
      `--config.file=${alertConfig}`,
      `--storage.path=${join(home, 'alertmanager')}`,
      `--web.listen-address=127.0.0.1:${alerting}`,
      '--cluster.listen-address=',
      quiet,
    ]),
    start(peers.prometheus, [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(home, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      quiet,
    ]),
  ];
  const alive = () => {
    if (children.some(({ exitCode }) => exitCode !== null))
      throw new Error('prometheus, alertmanager or node_exporter has ended');
  };
  try {
    for (const at of [alerting, port]) await answers(`http://127.0.0.1:${at}/-/ready`, alive);
    await until(() => allUp(port), 15_000, 'every target of Prometheus is up');
  } catch (error) {
    await Promise.all(children.map((child) => endOf(child)));
    throw error;
  }
  return {
    pids: children.map(({ pid }) => pid),
    stop: () => Promise.all(children.map((child) => endOf(child))),
  };
}

// Debian's Alertmanager reads its templates at one place of the system: they are put there for its eyes alone.
function startAmongItsFiles({ alertmanager: { path, share }, env }, cwd, args) {
  const script = 'share=$1; shift; mount -t tmpfs none /usr/share && cp -r "$share/prometheus" /usr/share/ && exec "$@"';
  return spawn('unshare', ['--mount', 'sh', '-c', script, 'sh', share, path, ...args], { cwd, env, stdio: 'ignore' });
}

async function allUp(port) {
  const { data } = await (await fetch(`http://127.0.0.1:${port}/api/v1/targets`)).json();
  return data.activeTargets.length > 0 && data.activeTargets.every(({ health }) => health === 'up');
}
