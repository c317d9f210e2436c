import type { HealthCheck } from '@ops/shared/config';
import { faultOfJson } from './check-json.js';

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

function judgeBody(wanted: Wanted, { status, body }: HttpAnswer): Finding {
  const { json, affirms, at_least } = wanted;
  if (json === undefined && affirms === undefined && at_least === undefined) return { ok: true, detail: `answered ${status}` };
  const parsed = parse(body);
  if (parsed === undefined) return no(`answered ${status}, and the body is not JSON`);
  const fault = faultOfJson(parsed.value, wanted);
  return fault === null ? { ok: true, detail: `answered ${status} as expected` } : no(`answered ${status}, and ${fault}`);
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

function no(detail: string): Finding {
  return { ok: false, detail };
}
