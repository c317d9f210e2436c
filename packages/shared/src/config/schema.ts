import { z } from 'zod';
import { busConfig } from './bus.js';
import { cronConfig } from './cron.js';
import { deployConfig, serviceDeploy } from './deploy.js';
import { guardConfig } from './guard.js';
import { healthCheck } from './health.js';
import { httpConfig } from './http.js';
import { protectionIsKnown } from './protection.js';
import { duration } from './units.js';

const serviceName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'lower-case letters, digits and -');

export const checkTiming = {
  interval: duration('5s', 200, 3_600_000),
  timeout: duration('5s', 10, 300_000).describe('No answer by then is a failure'),
  down_after: z
    .strictObject({
      failures: z.int().min(1).max(100).default(2),
      of: z.int().min(1).max(100).default(3),
      at_death: z.boolean().default(true).describe('Nothing listens any more, or the container has ended: down at once'),
    })
    .refine(({ failures, of }) => failures <= of, { path: ['failures'], error: 'at most `of`' })
    .prefault({}),
  start_grace: duration('30s', 0, 3_600_000).describe('From the start of its container, or of the host, until a failure counts'),
  up_after: z.int().min(1).max(100).default(2).describe('Good checks in a row before a service that was down is up again'),
};

const service = z.strictObject({
  name: serviceName,
  port: z.int().min(1).max(65535).optional(),
  health: healthCheck,
  ...checkTiming,
  depends_on: z.array(serviceName).default([]),
  compose: z.strictObject({ project: z.string().min(1), service: z.string().min(1) }).optional(),
  deploy: serviceDeploy.prefault({}),
  container: z.string().min(1).optional().describe('Its Docker container: state and health are taken from the engine as well'),
  processes: z
    .strictObject({ names: z.array(z.string().min(1)).default([]), commands: z.array(z.string().min(1)).default([]) })
    .prefault({})
    .describe('How its processes are known: their names, or a text in their command lines'),
  class: z.enum(['revenue', 'non-revenue']).default('non-revenue'),
  protected: z.boolean().optional().describe('Never a victim of the runaway kill; see isProtected for what holds without it'),
  paused: z.boolean().default(false).describe('Known, but not checked'),
});

const inventory = z.strictObject({ services: z.array(service).min(1) }).superRefine(({ services }, context) => {
  const names = new Set(services.map(({ name }) => name));
  for (const [index, { name, port, depends_on, compose, deploy }] of services.entries()) {
    const earlier = services.slice(0, index);
    const issue = (path: (string | number)[], message: string) =>
      context.addIssue({ code: 'custom', path: ['services', index, ...path], message });
    if (earlier.some((other) => other.name === name)) issue(['name'], 'a name that no other service has');
    const holder = port === undefined ? undefined : earlier.find((other) => other.port === port);
    if (holder !== undefined) issue(['port'], `a port that no other service has (${holder.name} has it)`);
    if (deploy.database !== undefined && compose === undefined)
      issue(['deploy', 'database'], 'only with compose: { project, service }');
    for (const [at, parent] of depends_on.entries()) {
      if (!names.has(parent)) issue(['depends_on', at], 'the name of a service of the inventory');
      else if (reaches(services, parent, name)) issue(['depends_on', at], `no cycle (${parent} depends on ${name})`);
    }
  }
});

function reaches(
  services: readonly { name: string; depends_on: readonly string[] }[],
  from: string,
  to: string,
  seen = new Set<string>(),
): boolean {
  if (from === to) return true;
  if (seen.has(from)) return false;
  seen.add(from);
  return services.find(({ name }) => name === from)?.depends_on.some((next) => reaches(services, next, to, seen)) ?? false;
}

const queue = z.strictObject({
  name: z.string().min(1),
  prefix: z.string().min(1).default('bull'),
  class: z.enum(['revenue', 'non-revenue']),
});

/** ops.yaml. What is not written there has the default that stands here; an unknown key is an error. */
export const opsConfig = z
  .strictObject({
    host: z.string().min(1).max(200).optional().describe("This machine's name in events; its host name where it is not given"),
    inventory,
    guard: guardConfig,
    swarm: z
      .strictObject({
        name: z.string().min(1).default('kimi'),
        queues: z.array(queue).default([]).describe('BullMQ queues that are paused while their class is'),
        acknowledge_within: duration('60s', 1000, 3_600_000).describe('How long a directive waits for its acknowledgement'),
      })
      .prefault({}),
    alerts: z
      .strictObject({
        remind_every: duration('4h', 0, 604_800_000).describe(
          'A critical alert that nobody has acknowledged is said again; 0s: never',
        ),
      })
      .prefault({}),
    status: z.strictObject({ every: duration('5s', 500, 3_600_000) }).prefault({}),
    deploy: deployConfig,
    cron: cronConfig,
    bus: busConfig,
    retention: z
      .strictObject({
        streams: duration('7d', 60_000),
        unread: z
          .strictObject({ max_age: duration('30d', 60_000), max_entries: z.int().min(1000).max(100_000_000).default(1_000_000) })
          .prefault({})
          .describe(
            'The ceiling: beyond it entries go although a group has not handled them; they are counted and an alert says so',
          ),
        uptime: duration('90d', 3_600_000),
        done_markers: duration('8d', 60_000).describe('How long a repeat is known as one: longer than `streams`'),
      })
      .refine(({ streams, done_markers }) => done_markers > streams, {
        path: ['done_markers'],
        error: 'longer than retention.streams',
      })
      .refine(({ streams, unread }) => unread.max_age >= streams, {
        path: ['unread', 'max_age'],
        error: 'at least retention.streams',
      })
      .prefault({}),
    http: httpConfig,
    docker: z.strictObject({ enabled: z.boolean().default(true) }).prefault({}),
  })
  .superRefine(protectionIsKnown);

export type OpsConfig = z.infer<typeof opsConfig>;
export type InventoryService = OpsConfig['inventory']['services'][number];
