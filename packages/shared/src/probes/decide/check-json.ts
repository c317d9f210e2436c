import type { HealthCheck } from '../../config/index.js';

type Expectation = Pick<Extract<HealthCheck, { kind: 'http' }>, 'json' | 'affirms' | 'at_least'>;

const YES = new Set(['true', '1', 'ok', 'up', 'healthy', 'connected', 'green', 'running', 'alive']);
const SHOWN_LENGTH = 80;

/** What of a JSON answer is not as expected, as one sentence; null where all is well. */
export function faultOfJson(body: unknown, { json = {}, affirms, at_least = {} }: Expectation): string | null {
  for (const [path, expected] of Object.entries(json)) {
    const found = valueAt(body, path);
    if (found !== expected) return `${path} is ${shown(found)}: expected ${shown(expected)}`;
  }
  for (const [path, least] of Object.entries(at_least)) {
    const found = valueAt(body, path);
    if (!Array.isArray(found)) return `${path} is ${shown(found)}: expected an array of at least ${least}`;
    if (found.length < least) return `${path} has ${found.length} items: expected at least ${least}`;
  }
  if (affirms === undefined || affirms.some((path) => saysYes(valueAt(body, path)))) return null;
  const there = affirms.filter((path) => valueAt(body, path) !== undefined);
  if (there.length === 0) return `none of the fields ${affirms.join(', ')} is there: expected one that says yes`;
  return `${there.map((path) => `${path} is ${shown(valueAt(body, path))}`).join(', ')}: expected one that says yes (true, ok, up, ...)`;
}

/** The value at a dotted path (`checks.database`, `models.0.name`); undefined where there is none. A key that has dots itself comes first. */
function valueAt(value: unknown, path: string): unknown {
  if (value === null || typeof value !== 'object') return undefined;
  if (Object.hasOwn(value, path)) return (value as Record<string, unknown>)[path];
  for (let dot = path.indexOf('.'); dot !== -1; dot = path.indexOf('.', dot + 1)) {
    const head = path.slice(0, dot);
    if (!Object.hasOwn(value, head)) continue;
    const found = valueAt((value as Record<string, unknown>)[head], path.slice(dot + 1));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Whether a field says that all is well: true, 1, ok, up, healthy, ..., or an object whose status or state says it. */
function saysYes(value: unknown): boolean {
  if (typeof value === 'boolean' || typeof value === 'number' || typeof value === 'string') {
    return YES.has(String(value).trim().toLowerCase());
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return false;
  const own = value as Record<string, unknown>;
  const words = [own.status, own.state].filter((word) => word !== undefined && typeof word !== 'object');
  return words.length > 0 ? words.every(saysYes) : [own.ok, own.connected, own.healthy].includes(true);
}

function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  const text = JSON.stringify(value);
  return text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}...` : text;
}
