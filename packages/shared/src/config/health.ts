import { z } from 'zod';
import { duration } from './units.js';

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const port = z.int().min(1).max(65535);
const httpUrl = z.url({ protocol: /^https?$/, error: 'an http(s) URL' });
// Secrets are named here, never written here.
const secretSource = {
  token_env: z
    .string()
    .regex(/^[A-Z][A-Z0-9_]*$/, 'the name of an environment variable')
    .optional(),
  token_file: z.string().min(1).optional(),
};
const timing = {
  within: duration('2s', 1, 60_000).describe('Slower is degraded; no answer at all by `timeout` is a failure'),
};

export const httpHealth = z.strictObject({
  http: httpUrl,
  ...timing,
  status: z.array(z.int().min(100).max(599)).min(1).default([200]),
  json: z.record(z.string(), scalar).optional().describe('Fields (dots go deeper) that the body must have, with these values'),
  affirms: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe('One of these fields must say yes: true, ok, up, healthy, connected'),
  at_least: z.record(z.string(), z.int().min(0)).optional().describe('Arrays (dots go deeper) and how many items they must have'),
  when_gone: httpUrl.optional().describe('Asked where the first URL answers 404 or 410'),
  html: z.boolean().default(false).describe('Whether an HTML page may be the answer'),
  ...secretSource,
});

export const redisHealth = z.strictObject({
  redis: z.strictObject({ host: z.string().default('127.0.0.1'), port: port.default(6379) }),
  within: duration('10ms', 1, 60_000),
  ...secretSource,
});

export const postgresHealth = z.strictObject({
  postgres: z.strictObject({
    host: z.string().default('127.0.0.1'),
    port: port.default(5432),
    database: z
      .string()
      .optional()
      .describe('With `user`, a login and SELECT 1; without, the protocol answer that pg_isready asks for'),
    user: z.string().optional(),
  }),
  ...timing,
  ...secretSource,
});

export const tcpHealth = z.strictObject({ tcp: z.strictObject({ host: z.string().default('127.0.0.1'), port }), ...timing });

export const dockerHealth = z.strictObject({ docker: z.strictObject({ container: z.string().min(1) }), ...timing });

export const openclawHealth = z.strictObject({
  openclaw: z.strictObject({
    url: z.url({ protocol: /^wss?$/, error: 'a ws(s) URL' }),
    jobs: z.int().min(0).optional().describe('How many enabled cron jobs it must have'),
  }),
  ...timing,
  ...secretSource,
});

const KINDS = {
  http: httpHealth,
  redis: redisHealth,
  postgres: postgresHealth,
  tcp: tcpHealth,
  docker: dockerHealth,
  openclaw: openclawHealth,
} as const;
type Kind = keyof typeof KINDS;
export type HealthCheck = { [K in Kind]: z.infer<(typeof KINDS)[K]> & { readonly kind: K } }[Kind];

/** One health check: the key that is there says its kind. Checked by hand, so that a mistake is reported where it is. */
export const healthCheck = z
  .record(z.string(), z.unknown(), { error: 'one of http, redis, postgres, tcp, docker, openclaw' })
  .transform((input, context): HealthCheck => {
    const kinds = Object.keys(KINDS).filter((kind): kind is Kind => kind in input);
    const [kind] = kinds;
    if (kind === undefined || kinds.length > 1) {
      context.issues.push({ code: 'custom', message: 'exactly one of http, redis, postgres, tcp, docker, openclaw', input });
      return z.NEVER;
    }
    const parsed = KINDS[kind].safeParse(input);
    if (!parsed.success) {
      for (const issue of parsed.error.issues) context.issues.push({ ...issue, input } as z.core.$ZodRawIssue);
      return z.NEVER;
    }
    return { kind, ...parsed.data } as HealthCheck;
  });
