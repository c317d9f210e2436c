import { onJob } from '@ops/shared/queues';
import type { ServiceContext, ServiceDefinition } from '@ops/shared/runtime';
import { ByHand } from './by-hand.js';
import type { CronSupervisor } from './cron-supervisor.js';
import { ownWorkDue, retryDue } from './jobs.js';
import { migrations } from './migrations/index.js';
import { EventsRound } from './on/events-round.js';
import { onLevelChanged } from './on/guard-level-changed.js';
import { OverrunRound } from './on/overrun-round.js';
import { doOwnWork, queueOwnWork } from './on/own-work-round.js';
import { Reconciler } from './on/reconcile.js';
import { RegistryRound } from './on/registry-round.js';
import { RetryRound } from './on/retry-round.js';
import { RunIntake } from './on/run-intake.js';
import { SlotsRound } from './on/slots-round.js';
import { SourcesRound } from './on/sources-round.js';
import { Registry } from './registry.js';
import { reviewParts } from './review-parts.js';
import { cronRoutes } from './routes/cron-routes.js';
import { pingRoutes } from './routes/ping-routes.js';
import { reviewRoutes } from './routes/review-routes.js';
import { HEARTBEAT } from './sources/heartbeat/heartbeat-source.js';
import { KillOrders } from './sources/heartbeat/kill-orders.js';
import { makeSources } from './sources/open-sources.js';
import { ownTasks } from './sources/own/own-tasks.js';
import { OwnWork } from './sources/own/own-work.js';
import type { JobSource } from './sources/source.js';
import type { Tables } from './state/tables.js';

/** Scheduled jobs, whoever runs them: seen, judged, retried, ended when they hang, and reviewed. */
export const cronSupervisor: ServiceDefinition = {
  name: 'cron-supervisor',
  migrations,
  async wire(context) {
    const events: { round?: EventsRound; retries?: RetryRound } = {};
    const said = () => events.round?.nudge();
    const self = open(context, said, (retries) => {
      said();
      for (const { run_id, due_at } of retries) void events.retries?.wake(context.queues, run_id, due_at);
    });
    const saying = new EventsRound(self);
    const retries = new RetryRound(self);
    events.round = saying;
    events.retries = retries;
    const registry = new RegistryRound(self);
    const reconciler = new Reconciler(self);
    const slots = new SlotsRound(self);
    const overruns = new OverrunRound(self);
    const sources = new SourcesRound(self, registry, reconciler, overruns);
    return {
      on: { 'guard.level-changed': (event) => onLevelChanged(retries, event) },
      jobs: [
        onJob(retryDue, async ({ run_id }) => {
          await retries.look(run_id);
          return [];
        }),
        onJob(ownWorkDue, async ({ job }) => {
          await doOwnWork(self, job);
          return [];
        }),
      ],
      loops: [
        { name: 'sources', round: (signal) => sources.round(signal) },
        { name: 'registry', round: () => registry.round() },
        { name: 'reconcile', round: (signal) => reconciler.round(signal) },
        { name: 'slots', round: () => slots.round() },
        { name: 'overruns', round: () => overruns.round() },
        { name: 'retries', round: () => retries.round() },
        { name: 'own-work', round: () => queueOwnWork(self) },
        { name: 'events', round: (signal) => saying.round(signal) },
      ],
      routes: (router, scoped) => {
        cronRoutes(router, self, { registry, overruns });
        reviewRoutes(
          router,
          reviewParts(self, (source) => registry.refresh(source)),
        );
        pingRoutes(scoped('ping'), self);
      },
      missing: () => (sources.open ? [] : ['the jobs of the sources have not been read yet']),
      stop: async () => {
        await sources.close();
        await Promise.all([overruns.stop(), retries.stop()]);
      },
    };
  },
};

function open(
  context: ServiceContext,
  said: () => void,
  stored: (retries: readonly { readonly run_id: string; readonly due_at: number }[]) => void,
): CronSupervisor {
  const database = context.database.withTables<Tables>();
  const orders = new KillOrders();
  const registry = new Registry();
  const sources = new Map<string, JobSource>();
  const own = new OwnWork(ownTasks(reviewParts({ ...context, database, registry, sources })));
  for (const [name, source] of makeSources(context, database, orders, own)) sources.set(name, source);
  const { config, clock, log } = context;
  const ofYaml = new Map(config.cron.jobs.map((job) => [job.id, job]));
  const gateways = new Set(config.cron.sources.flatMap((one) => ('openclaw' in one ? [one.openclaw.name] : [])));
  const answers: CronSupervisor['answers'] = ({ source }) => gateways.has(source);
  const byHand = new ByHand();
  const intake = new RunIntake({
    database,
    registry,
    config,
    clock,
    log,
    startable: (job) =>
      gateways.has(job.source) ||
      job.source === own.name ||
      (job.source === HEARTBEAT && ofYaml.get(job.external_id)?.command !== undefined),
    answers,
    byHand,
    stored,
  });
  return {
    ...context,
    database,
    registry,
    intake,
    byHand,
    sources,
    own,
    orders,
    said,
    answers,
  };
}
