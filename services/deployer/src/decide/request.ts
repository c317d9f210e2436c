import type { InventoryService } from '@ops/shared/config';
import { type EventData, issuesOf } from '@ops/shared/events';
import { z } from 'zod';
import { type Finding, KINDS, ORCHESTRATORS, type Request } from '../deployment-types.js';
import { projectFolders } from './project-folders.js';

const path = z.string().min(1).max(1000);
const strictRequest = z.looseObject({
  kind: z.enum(KINDS, { error: `one of ${KINDS.join(', ')}` }),
  service: z.string().min(1).max(200).optional(),
  project: z.string().min(1).max(1000).optional(),
  compose_files: z.array(path).max(20).default([]),
  config_files: z.array(path).max(100).default([]),
  image: z.string().max(500).optional(),
  orchestrator: z.enum(ORCHESTRATORS, { error: `one of ${ORCHESTRATORS.join(', ')}` }).optional(),
  release: z.string().max(200).optional(),
  changes: z
    .unknown()
    .optional()
    .transform((changes) => textOf(changes).slice(0, 2000)),
  urgent: z.boolean().default(false),
  schema_change: z.boolean().default(false),
  volumes_changed: z.boolean().default(false),
  dry_run: z.boolean().default(false),
  remediation: z.boolean().default(false),
});

// The grammar of distribution/reference, without the bounds on its parts: [host[:port]/]path[:tag][@digest].
const HOST = String.raw`(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?(?::\d{1,5})?/)?`;
const PART = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const REFERENCE = new RegExp(`^${HOST}${PART}(?:/${PART})*(?::[\\w][\\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$`);

export type JudgedRequest =
  | { readonly ok: true; readonly request: Request }
  | { readonly ok: false; readonly about: string; readonly findings: readonly Finding[] };

/** Whether a request can be carried out at all, by what it says: a known kind, a service or project of the inventory, paths inside the project's folder. */
export function judgeRequest(data: EventData<'deploy.requested'>, services: readonly InventoryService[]): JudgedRequest {
  const about = (data.service ?? data.project ?? 'unknown').slice(0, 200) || 'unknown';
  const parsed = strictRequest.safeParse(data);
  if (!parsed.success) {
    const findings = issuesOf(parsed.error, data, 'data').map(({ path: where, value, expected }) =>
      finding('bad-request', where, value, expected),
    );
    return { ok: false, about, findings };
  }
  const asked = parsed.data;
  const target = targetOf(asked, services);
  if ('code' in target) return { ok: false, about, findings: [target] };
  const findings = [
    ...escapes('compose_files', asked.compose_files, target.folder),
    ...escapes('config_files', asked.config_files, target.folder),
    ...imageFindings(asked, target.services),
  ];
  if (asked.release !== undefined && asked.kind !== 'rollback')
    findings.push(finding('bad-request', 'data.release', asked.release, 'only with kind rollback'));
  if (asked.remediation && asked.kind !== 'restart')
    findings.push(finding('bad-request', 'data.remediation', true, 'only with kind restart'));
  if (findings.length > 0) return { ok: false, about, findings };
  const request: Request = {
    kind: asked.kind,
    folder: target.folder,
    services: target.services,
    about: asked.service ?? asked.project ?? target.folder,
    composeFiles: asked.compose_files.map((file) => within(target.folder, file) ?? file),
    configFiles: asked.config_files.map((file) => within(target.folder, file) ?? file),
    image: asked.image ?? null,
    orchestrator: asked.orchestrator ?? null,
    release: asked.release ?? null,
    changes: asked.changes,
    urgent: asked.urgent,
    schemaChange: asked.schema_change,
    volumesChanged: asked.volumes_changed,
    dryRun: asked.dry_run,
    remediation: asked.remediation,
  };
  return { ok: true, request };
}

export function finding(code: string, where: string, found: unknown, expected: string): Finding {
  const bounded = (text: string) => (text.length > 500 ? `${text.slice(0, 497)}...` : text);
  return { code, where: bounded(where), found: bounded(textOf(found)), expected: bounded(expected) };
}

type Asked = z.infer<typeof strictRequest>;

function targetOf(
  { service, project }: Asked,
  services: readonly InventoryService[],
): { folder: string; services: string[] } | Finding {
  if ((service === undefined) === (project === undefined))
    return finding('bad-request', 'data', { service, project }, 'either `service` or `project`');
  if (service !== undefined) {
    const known = services.find(({ name }) => name === service);
    if (known === undefined) return finding('unknown-service', 'data.service', service, 'a service of the inventory');
    if (known.compose === undefined)
      return finding('not-deployable', 'data.service', service, 'a service with `compose: { project, service }` in ops.yaml');
    return { folder: known.compose.project, services: [known.compose.service] };
  }
  const folders = [...projectFolders(services)];
  const folder = folders.find((one) => one === project || one.endsWith(`/${project}`));
  if (folder === undefined)
    return finding('unknown-project', 'data.project', project, 'a project of the inventory (`compose.project`)');
  return { folder, services: [] };
}

function escapes(field: string, paths: readonly string[], folder: string): Finding[] {
  return paths.flatMap((one, index) =>
    within(folder, one) === undefined
      ? [finding('outside-project', `data.${field}[${index}]`, one, `a path inside ${folder}`)]
      : [],
  );
}

/** The absolute path of one inside a folder, relative or absolute; undefined where it leads out. Links are followed later. */
function within(folder: string, path: string): string | undefined {
  const parts: string[] = [];
  for (const part of (path.startsWith('/') ? path : `${folder}/${path}`).split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  const whole = `/${parts.join('/')}`;
  return whole.startsWith(`${folder}/`) && !path.includes('\0') ? whole : undefined;
}

function imageFindings({ kind, image }: Asked, services: readonly string[]): Finding[] {
  if (kind !== 'image') return image === undefined ? [] : [finding('bad-request', 'data.image', image, 'only with kind image')];
  if (services.length !== 1) return [finding('bad-request', 'data.service', undefined, 'the service that is to run the image')];
  return image !== undefined && REFERENCE.test(image)
    ? []
    : [finding('bad-image', 'data.image', image, 'an image reference: [host/]path[:tag][@sha256:digest]')];
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
