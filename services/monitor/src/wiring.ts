import { onJob } from '@ops/shared/queues';
import type { ServiceContext, ServiceDefinition } from '@ops/shared/runtime';
import { containerEngine } from './act/container-engine.js';
import { registerMetrics } from './act/metrics.js';
import { Outbox } from './act/outbox.js';
import { type Checks, startChecks } from './checks/check-runner.js';
import { ContainerDirectory } from './checks/container-directory.js';
import { healthConditions } from './decide/check-conditions.js';
import { guardConditions } from './decide/conditions.js';
import { samplingOf } from './decide/policies.js';
import { judgeReport } from './decide/report.js';
import { openHostSampler } from './host/open-sampler.js';
import { silenceEnd } from './jobs.js';
import { migrations } from './migrations/index.js';
import type { Monitor } from './monitor.js';
import { onAlertReported } from './on/alert-reported.js';
import { AlertsRound } from './on/alerts-round.js';
import { BusRound } from './on/bus-round.js';
import { onDeployEnded, onDeployStarted } from './on/deployments.js';
import { onGuardReported } from './on/guard-reported.js';
import { Guard } from './on/guard-round.js';
import { HeartbeatRound } from './on/heartbeat-round.js';
import { watchReportFile } from './on/report-file.js';
import { onSilenceEnd } from './on/silence-end.js';
import { StatusRound } from './on/status-round.js';
import { UptimeRound } from './on/uptime-round.js';
import { alertRoutes } from './routes/alert-routes.js';
import { guardRoutes } from './routes/guard-routes.js';
import { type AlertTables, countFiring } from './state/alerts.js';
import { PlannedDowntime } from './state/planned-downtime.js';

const RESTORE_MS = 2000;
const STALE_MS = 10_000;
// What nothing tells of (a time that has passed) is seen by then.
const ALERTS_MS = 1000;
const HEARTBEAT_ALERTS_MS = 5000;
// The alerts about monitors are nobody's own: whoever of the others is there begins and ends them.
const ALL_MONITORS = 'monitors';

/** Host samples, guard level, service health, alerts, status. */
export const monitor: ServiceDefinition = {
  name: 'monitor',
  migrations,
  async wire(context) {
    const { self, checks, uptime, bus, heartbeat, silentMonitors, close } = await open(context);
    const { guard, alerts, status, outbox } = self;
    return {
      on: {
        'guard.reported': (event) => onGuardReported(self, event),
        'alert.reported': (event) => onAlertReported(self, event),
        'deploy.started': (event) => onDeployStarted(self, event),
        'deploy.succeeded': (event) => onDeployEnded(self, event),
        'deploy.failed': (event) => onDeployEnded(self, event),
        'deploy.rolled-back': (event) => onDeployEnded(self, event),
      },
      jobs: [onJob(silenceEnd, (data) => onSilenceEnd(self, data))],
      loops: [
        { name: 'guard', early: true, round: () => guard.round() },
        { name: 'outbox', early: true, round: (signal) => outbox.flush(signal).then(() => 0) },
        { name: 'alerts', round: (signal) => alerts.turn(ALERTS_MS, signal) },
        { name: 'heartbeat', early: true, round: () => heartbeat.round() },
        { name: 'heartbeat-alerts', round: (signal) => silentMonitors.turn(HEARTBEAT_ALERTS_MS, signal) },
        { name: 'bus', round: () => bus.round() },
        { name: 'status', early: true, round: () => status.round() },
        { name: 'uptime', round: () => uptime.round(checks.states()) },
      ],
      routes(router) {
        guardRoutes(router, self);
        alertRoutes(router, self);
      },
      missing: () => {
        const { sample } = guard.view;
        if (sample === null) return ['the host has not been read'];
        const age = context.clock.now() - sample.at;
        return age > STALE_MS ? [`the host was last read ${Math.round(age / 1000)} s ago`] : [];
      },
      stop: close,
    };
  },
};

async function open(context: ServiceContext): Promise<{
  self: Monitor;
  checks: Checks;
  uptime: UptimeRound;
  bus: BusRound;
  heartbeat: HeartbeatRound;
  silentMonitors: AlertsRound;
  close: () => Promise<void>;
}> {
  const { config, host, home, clock, log, redis, publisher, ownPids, dockerHost } = context;
  const { services } = config.inventory;
  const outbox = new Outbox(publisher, log, clock);
  const sampler = await openHostSampler(samplingOf(config.guard));
  const engineHost = config.docker.enabled ? dockerHost : null;
  const containers = new ContainerDirectory();
  const guard = new Guard({
    host,
    home,
    config,
    redis,
    clock,
    log,
    outbox,
    sampler,
    ownPids,
    containers,
    engine: containerEngine(engineHost),
    onChange: () => alerts.changed(),
  });
  await guard.restore(RESTORE_MS);

  const planned = new PlannedDowntime(services);
  const checks = startChecks({
    services,
    planned: (service) => planned.has(service, clock.now()),
    clock,
    log,
    dockerHost: engineHost,
    directory: config.guard.runaway.mode === 'off' ? null : containers,
    onChange: (state, previous) => {
      const { service, status, detail } = state;
      log.info({ service, from: previous.status, status, detail }, 'service');
      alerts.changed();
    },
  });
  const bus = new BusRound(context);
  const alertDatabase = context.database.withTables<AlertTables>();
  const shared = { database: alertDatabase, publisher, clock, log, remindEvery: config.alerts.remind_every };
  const alerts = new AlertsRound({
    ...shared,
    host,
    conditions: () => [
      ...guardConditions(host, guard.view, clock.now()),
      ...healthConditions(checks.states(), services, clock.now()),
      ...bus.conditions(),
    ],
    blindTo: () => bus.blindTo(),
  });
  const heartbeat = new HeartbeatRound(context);
  const silentMonitors = new AlertsRound({
    ...shared,
    host: ALL_MONITORS,
    conditions: () => heartbeat.conditions(),
    blindTo: () => heartbeat.blindTo(),
  });
  const uptime = new UptimeRound(context);
  const status = new StatusRound({
    ...context,
    outbox,
    guard: () => guard.view,
    checks: () => checks.states(),
    uptime: () => uptime.shares(),
    alertsFiring: () => countFiring(alertDatabase),
  });
  const self: Monitor = { ...context, guard, status, alerts, alertDatabase, outbox, planned };
  registerMetrics({
    metrics: context.metrics,
    redis,
    guard: () => guard.view,
    checks: () => checks.states(),
    waiting: () => outbox.waiting,
  });
  const file = reportFile(self);
  const close = async () => {
    file?.close();
    await heartbeat.close();
    await checks.close();
    await guard.close();
  };
  return { self, checks, uptime, bus, heartbeat, silentMonitors, close };
}

function reportFile({ config, host, guard, outbox, clock, log }: Monitor): { close(): void } | undefined {
  const { state_file: file, ttl } = config.guard.reports;
  if (file === undefined) return undefined;
  return watchReportFile({
    file,
    log,
    report(data) {
      const judged = judgeReport(data, 'guard_state.json', clock.now(), ttl);
      if (judged.counts) guard.report(judged.report);
      else log.info({ file, why: judged.why }, 'a report that does not count');
      outbox.add({ type: 'guard.reported', subject: host, data, actor: 'guard_state.json' });
    },
  });
}
