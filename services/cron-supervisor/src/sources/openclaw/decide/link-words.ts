import { type Issue, issuesOf, shown } from '@ops/shared/events';
import type { GatewayHello } from '@ops/shared/probes';
import type { z } from 'zod';
import { generationOf } from './generation.js';

/** What the state of a connected source says. */
export function connectedDetail({ protocol, version, methods, scopes }: GatewayHello, wanted: readonly string[]): string {
  const missing = scopes === undefined ? [] : wanted.filter((scope) => !scopes.includes(scope));
  const lack = missing.length === 0 ? '' : `, without the right to ${missing.join(', ')}: runs cannot be started or ended`;
  return `OpenClaw ${version ?? 'of an unknown version'}, protocol ${protocol}, ${generationOf(methods)}${lack}`;
}

export function garbledFrame(text: string): Issue {
  return { path: 'frame', value: shown(text), expected: 'a frame of the gateway, as JSON' };
}

/** Undefined where the connection ended for another reason. */
export function oversizedFrame(error: Error): Issue | undefined {
  if (!('code' in error) || error.code !== 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') return undefined;
  return { path: 'frame', value: 'a frame that is too long', expected: 'at most 32 MiB' };
}

/** The first thing that is wrong with an answer. */
export function brokenShape(error: z.ZodError, payload: unknown, method: string): Issue {
  return issuesOf(error, payload, method)[0] ?? { path: method, value: shown(payload), expected: 'an answer' };
}
