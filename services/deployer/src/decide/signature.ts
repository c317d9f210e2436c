import type { EventData } from '@ops/shared/events';
import type { Finding } from '../deployment-types.js';
import { finding } from './request.js';

export type SignatureFault = Extract<
  EventData<'security.detected'>['kind'],
  'unsigned-request' | 'wrong-signature' | 'replayed-request'
>;

export interface SignatureFacts {
  readonly signature: { readonly at: string } | undefined;
  readonly isRight: boolean;
  /** Another request had this nonce. */
  readonly isUsed: boolean;
  readonly now: number;
  readonly maxAgeMs: number;
}

/** What is wrong with the signature of a request that must have one; undefined where nothing is. */
export function judgeSignature({
  signature,
  isRight,
  isUsed,
  now,
  maxAgeMs,
}: SignatureFacts): { readonly kind: SignatureFault; readonly finding: Finding } | undefined {
  if (signature === undefined)
    return {
      kind: 'unsigned-request',
      finding: finding('unsigned-request', 'data.signature', '', 'a signature (deploy.requests in ops.yaml)'),
    };
  if (!isRight)
    return {
      kind: 'wrong-signature',
      finding: finding('wrong-signature', 'data.signature.hmac', 'another', 'that of this request'),
    };
  const age = now - Date.parse(signature.at);
  // A clock may be ahead of ours by as much as it may be behind.
  if (!(Math.abs(age) <= maxAgeMs))
    return {
      kind: 'replayed-request',
      finding: finding('replayed-request', 'data.signature.at', signature.at, `at most ${maxAgeMs} ms ago`),
    };
  if (isUsed)
    return { kind: 'replayed-request', finding: finding('replayed-request', 'data.signature.nonce', 'used before', 'a new one') };
  return undefined;
}
