import type { HealthCheck } from '@ops/shared/config';

export type HttpHealth = Extract<HealthCheck, { kind: 'http' }>;

/** An answer over HTTP, its body as text. */
export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  /** Where a redirect points, without query; undefined where there is none. */
  readonly location: string | undefined;
  readonly body: string;
}

type Wanted = Pick<HttpHealth, 'status' | 'html' | 'json' | 'affirms' | 'at_least'>;
type Finding = { readonly ok: boolean; readonly detail: string };

const AFFIRMATIVE = new Set(['true', 'ok', 'up', 'healthy', 'connected', 'green', 'running', 'alive', '1']);

/** Whether an answer is a healthy one; a refusal says path, value and what was expected. */
export function judgeHttpAnswer(wanted: Wanted, answer: HttpAnswer): Finding {
  const { status, location } = answer;
  if (!wanted.status.includes(status)) {
    const pointing = location === undefined ? '' : ` pointing to ${location} (redirects are not followed)`;
    return no(`answered ${status}${pointing}: expected ${wanted.status.join(' or ')}`);
  }
  if (!wanted.html && isHtml(answer)) return no(`answered ${status} with an HTML page: expected a health answer`);
  return judgeBody(wanted, answer);
}

function judgeBody({ json, affirms, at_least }: Wanted, { status, body }: HttpAnswer): Finding {
  if (json === undefined && affirms === undefined && at_least === undefined) return { ok: true, detail: `answered ${status}` };
  const parsed = parse(body);
  if (parsed === undefined) return no(`answered ${status}, and the body is not JSON: ${shown(body)}`);
  for (const [path, expected] of Object.entries(json ?? {})) {
    const value = at(parsed.value, path);
    if (value !== expected) return no(`${path} is ${shown(value)}: expected ${shown(expected)}`);
  }
  for (const [path, least] of Object.entries(at_least ?? {})) {
    const value = at(parsed.value, path);
    if (!Array.isArray(value)) return no(`${path} is ${shown(value)}: expected a list of at least ${least}`);
    if (value.length < least) return no(`${path} has ${value.length} items: expected at least ${least}`);
  }
  if (affirms !== undefined && !affirms.some((path) => saysYes(at(parsed.value, path)))) {
    return no(`${affirms.map((path) => `${path} is ${shown(at(parsed.value, path))}`).join(', ')}: expected a yes`);
  }
  return { ok: true, detail: `answered ${status} as expected` };
}

function isHtml({ contentType, body }: HttpAnswer): boolean {
  return /^\s*(?:text\/html|application\/xhtml)/i.test(contentType) || /^[\s\uFEFF]*</.test(body);
}

function parse(body: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(body) };
  } catch {
    return undefined;
  }
}

function at(value: unknown, path: string): unknown {
  let found = value;
  for (const key of path.split('.')) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined;
    found = (found as Record<string, unknown>)[key];
  }
  return found;
}

function saysYes(value: unknown): boolean {
  return value === true || value === 1 || (typeof value === 'string' && AFFIRMATIVE.has(value.trim().toLowerCase()));
}

function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  const text = JSON.stringify(value);
  return text.length <= 80 ? text : `${text.slice(0, 80)}…`;
}

function no(detail: string): Finding {
  return { ok: false, detail };
}
