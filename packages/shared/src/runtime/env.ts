import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { z } from 'zod';
import type { OpsConfig } from '../config/index.js';
import { issueLine } from '../events/errors.js';
import { issuesOf } from '../events/issues.js';
import { passwordsOf, redactor, Secret } from '../secrets/index.js';
import { AddressError, parseRedisAddress } from '../streams/address.js';
import { OpsError } from '../streams/errors.js';
import { LOG_LEVELS } from './log-levels.js';

const url = (protocols: RegExp, expected: string) => z.url({ protocol: protocols, error: expected }).optional();

const redisAddress = (text: string, found: z.RefinementCtx) => {
  try {
    parseRedisAddress(text);
  } catch (error) {
    if (!(error instanceof AddressError)) throw error;
    found.addIssue({ code: 'custom', message: error.expected });
  }
};

const environment = z.object({
  OPS_CONFIG: z.string().min(1).default('ops.yaml'),
  OPS_HOME: z.string().min(1).default('.ops'),
  OPS_PORT: z.coerce.number({ error: 'a port' }).int().min(1).max(65_533).default(7700),
  OPS_HOST: z.string().min(1).max(200).optional(),
  OPS_URL: url(/^https?$/, 'an http(s) URL'),
  OPS_TOKEN: z.string().min(16, 'at least 16 characters').optional(),
  OPS_LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
  REDIS_URL: z.string().superRefine(redisAddress).optional(),
  DATABASE_URL: url(/^postgres(ql)?$/, 'a postgres:// URL'),
  DOCKER_HOST: z.string().min(1).optional(),
});

const SECRET_NAMES = ['OPS_TOKEN', 'REDIS_URL', 'DATABASE_URL'] as const;

/** The process's settings. */
export interface Environment {
  readonly configFile: string;
  readonly home: string;
  readonly port: number;
  readonly host: string;
  readonly url: string | undefined;
  readonly token: Secret | undefined;
  readonly logLevel: (typeof LOG_LEVELS)[number];
  readonly redisUrl: Secret | undefined;
  readonly databaseUrl: Secret | undefined;
  readonly dockerHost: string | undefined;
}

/** The environment cannot be used. */
export class EnvironmentError extends OpsError {
  constructor(lines: readonly string[]) {
    super('ENVIRONMENT_INVALID', `the environment cannot be used:\n${lines.map((line) => `  ${line}`).join('\n')}`, {
      fields: { lines },
    });
  }
}

/**
 * Reads the environment; called only in `main`. `NAME_FILE` gives a secret by file. Secrets become known to the redactor.
 * Throws an {@link EnvironmentError} with variable, value and expectation.
 */
export function readEnvironment(variables: NodeJS.ProcessEnv = process.env): Environment {
  const given: Record<string, string | undefined> = {};
  // An empty variable is one that is not set, as Compose passes it.
  for (const [name, value] of Object.entries(variables)) if (value !== '') given[name] = value;
  for (const name of SECRET_NAMES) given[name] = readSecret(name, given);
  // Before anything is said about them.
  for (const name of SECRET_NAMES) secret(given[name]);
  const parsed = environment.safeParse(given);
  if (!parsed.success) throw new EnvironmentError(issuesOf(parsed.error, given).map(issueLine));
  const { data } = parsed;
  return {
    configFile: resolve(data.OPS_CONFIG),
    home: resolve(data.OPS_HOME),
    port: data.OPS_PORT,
    host: data.OPS_HOST ?? hostname(),
    url: data.OPS_URL,
    token: secret(data.OPS_TOKEN),
    logLevel: data.OPS_LOG_LEVEL,
    redisUrl: secret(data.REDIS_URL),
    databaseUrl: secret(data.DATABASE_URL),
    dockerHost: data.DOCKER_HOST,
  };
}

/**
 * A secret that ops.yaml names: from a variable or a file, or undefined where neither is named.
 * Throws an {@link EnvironmentError} where it is named and not there.
 */
export function namedSecret(
  source: { token_env?: string | undefined; token_file?: string | undefined },
  variables: NodeJS.ProcessEnv = process.env,
): Secret | undefined {
  if (source.token_file !== undefined) return secret(readFileText(expandHome(source.token_file, variables), 'token_file'));
  if (source.token_env === undefined) return undefined;
  const value = variables[source.token_env];
  if (!value) throw new EnvironmentError([`${source.token_env}: missing: expected the secret that ops.yaml names`]);
  return secret(value);
}

/** Makes the secrets that ops.yaml names known to the redactor before anybody uses them; one that is not there is said when it is used. */
export function rememberNamedSecrets(config: OpsConfig, variables: NodeJS.ProcessEnv = process.env): void {
  const gateways = config.cron.sources.flatMap((one) => ('openclaw' in one ? [one.openclaw] : []));
  const checks = config.inventory.services.map(({ health }) => health);
  const named = [config.deploy.requests, ...config.http.tokens, ...gateways, ...checks];
  for (const source of named) {
    try {
      if ('token_env' in source || 'token_file' in source) namedSecret(source, variables);
    } catch {
      // Its check will say it, each time.
    }
  }
}

function readSecret(name: string, given: Record<string, string | undefined>): string | undefined {
  const file = given[`${name}_FILE`];
  if (file === undefined) return given[name];
  if (given[name] !== undefined) throw new EnvironmentError([`${name}: given twice: expected ${name} or ${name}_FILE, not both`]);
  return readFileText(file, `${name}_FILE`);
}

function readFileText(file: string, name: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    throw new EnvironmentError([`${name}: ${JSON.stringify(file)}: expected a file that can be read`]);
  }
}

function expandHome(file: string, variables: NodeJS.ProcessEnv): string {
  return file.startsWith('~/') ? resolve(variables.HOME ?? '', file.slice(2)) : file;
}

function secret(value: string | undefined): Secret | undefined {
  if (value === undefined) return undefined;
  redactor.add(value);
  for (const password of passwordsOf(value)) redactor.add(password);
  return new Secret(value);
}

const FOR_TOOLS =
  /^(?:PATH|HOME|LANG|LC_ALL|TZ|TMPDIR|XDG_RUNTIME_DIR|SSH_AUTH_SOCK|DOCKER_(?:CONFIG|CERT_PATH|TLS_VERIFY)|OPS_TEST_RUN|(?:https?|no)_proxy)$/i;

/** The environment for a program of somebody else (docker, hooks): none of our secrets, and nothing that a Compose file could pick up by chance. */
export function toolEnvironment(variables: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const [name, value] of Object.entries(variables)) if (value !== undefined && FOR_TOOLS.test(name)) passed[name] = value;
  return passed;
}
