import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { EventData } from '@ops/shared/events';
import { canonical } from '../decide/canonical.js';

type RequestData = EventData<'deploy.requested'>;

/** Signs a request: HMAC-SHA256, in hex, over the time, a nonce and the request as JSON with sorted keys, one a line. */
export function signRequest(data: RequestData, secret: string, now: number): RequestData {
  const at = new Date(now).toISOString();
  const nonce = randomBytes(16).toString('hex');
  return { ...data, signature: { at, nonce, hmac: hmacOf(data, at, nonce, secret) } };
}

/** Whether the signature is one of this request with this secret. Says nothing of its age, or whether it was used before. */
export function isSignedWith(data: RequestData, secret: string): boolean {
  const { signature } = data;
  if (signature === undefined) return false;
  const expected = Buffer.from(hmacOf(data, signature.at, signature.nonce, secret));
  const given = Buffer.from(signature.hmac);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function hmacOf({ signature: _signature, ...data }: RequestData, at: string, nonce: string, secret: string): string {
  return createHmac('sha256', secret)
    .update(`${at}\n${nonce}\n${canonical(data)}`)
    .digest('hex');
}
