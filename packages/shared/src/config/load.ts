import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import type { Issue } from '../events/index.js';
import { issueLine, issuesOf } from '../events/index.js';
import { OpsError } from '../streams/index.js';
import { type OpsConfig, opsConfig } from './schema.js';

/** ops.yaml cannot be used: every finding, with line, path, value and expectation. */
export class ConfigError extends OpsError {
  constructor(file: string, lines: readonly string[], cause?: unknown) {
    super('CONFIG_INVALID', `${file} cannot be used:\n${lines.map((line) => `  ${line}`).join('\n')}`, {
      fields: { file, lines },
      cause,
    });
  }
}

/** Reads and checks ops.yaml. Throws a {@link ConfigError} that names every mistake. */
export function loadConfig(file: string): OpsConfig {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigError(file, [`it cannot be read; expected the configuration file (OPS_CONFIG)`], cause);
  }
  return parseConfig(text, file);
}

/** The text of an ops.yaml, checked. */
export function parseConfig(text: string, file = 'ops.yaml'): OpsConfig {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    throw new ConfigError(
      file,
      document.errors.map((error) => `line ${lines.linePos(error.pos[0]).line}: ${error.message}: expected valid YAML`),
    );
  }
  let input: unknown;
  try {
    // An alias bomb throws here.
    input = document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    throw new ConfigError(file, ['expected at most 100 uses of anchors'], cause);
  }
  const parsed = opsConfig.safeParse(input ?? {});
  if (parsed.success) return withFolders(parsed.data, dirname(resolve(file)));
  throw new ConfigError(
    file,
    issuesOf(parsed.error, input).map((issue) => `${position(issue)}${issueLine(issue)}`),
    parsed.error,
  );

  function position(issue: Issue): string {
    const path = issue.path.match(/[^.[\]]+/g)?.map((part) => (/^\d+$/.test(part) ? Number(part) : part)) ?? [];
    // A key that is missing has no line: its parent's is the next best.
    for (let depth = path.length; depth > 0; depth -= 1) {
      const node = document.getIn(path.slice(0, depth), true) as { range?: [number, number, number] } | undefined;
      if (node?.range !== undefined) return `line ${lines.linePos(node.range[0]).line}: `;
    }
    return '';
  }
}

// A relative folder is one beside ops.yaml, wherever the program was started.
function withFolders(config: OpsConfig, base: string): OpsConfig {
  const services = config.inventory.services.map((service) =>
    service.compose === undefined
      ? service
      : { ...service, compose: { ...service.compose, project: resolve(base, service.compose.project) } },
  );
  const jobs = config.cron.jobs.map((job) => (job.folder === undefined ? job : { ...job, folder: resolve(base, job.folder) }));
  const sources = config.cron.sources.map((source) =>
    'workflows' in source ? { workflows: { ...source.workflows, folder: resolve(base, source.workflows.folder) } } : source,
  );
  return { ...config, inventory: { ...config.inventory, services }, cron: { ...config.cron, jobs, sources } };
}
