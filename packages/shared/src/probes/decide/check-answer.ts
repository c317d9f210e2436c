import type { HealthCheck } from '../../config/index.js';
import { plainUrl } from './check-expectation.js';
import { faultOfJson } from './check-json.js';
import type { CheckResult } from './check-result.js';

/** An HTTP answer, read. */
export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly location: string | undefined;
  readonly body: string;
}

type HttpHealth = Extract<HealthCheck, { kind: 'http' }>;
type Judgement = Pick<CheckResult, 'outcome' | 'detail'>;

/** Whether an HTTP answer says that its service is well. A page made for people says nothing, whatever its status code. */
export function judgeHttp(answer: HttpAnswer, health: HttpHealth): Judgement {
  const { status, contentType, location, body } = answer;
  const failed = (detail: string): Judgement => ({ outcome: 'failed', detail });
  if (!health.status.includes(status)) {
    const expected = `expected ${health.status.join(' or ')}`;
    const moved = status >= 300 && status < 400 && location !== undefined;
    return failed(moved ? `HTTP ${status} to ${plainUrl(location)} (not followed): ${expected}` : `HTTP ${status}: ${expected}`);
  }
  const html = /^\s*(text\/html|application\/xhtml)/i.test(contentType) || /^\uFEFF?\s*</.test(body);
  if (html && !health.html) return failed(`HTTP ${status} with an HTML page: expected a health answer`);
  if (health.json === undefined && health.affirms === undefined && health.at_least === undefined) {
    return { outcome: 'ok', detail: `HTTP ${status}` };
  }
  const parsed = parse(body);
  if (parsed === undefined) return failed(`HTTP ${status} with a body that is no JSON: expected JSON`);
  const fault = faultOfJson(parsed.value, health);
  return fault === null ? { outcome: 'ok', detail: `HTTP ${status}, as expected` } : failed(`HTTP ${status}, but ${fault}`);
}

function parse(body: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(body) };
  } catch {
    return undefined;
  }
}
