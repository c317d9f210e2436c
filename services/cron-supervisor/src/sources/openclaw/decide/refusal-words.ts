import type { GatewayRefusal } from '@ops/shared/probes';

/** Why a gateway does not let us in, for people, and whether trying again soon can help. */
export interface Hindrance {
  readonly why: string;
  /** Somebody must change something first. */
  readonly lasting: boolean;
}

/**
 * What hinders a connection. The token is named by its key of the configuration, never by its value.
 *
 * @param tokenKey `token_env OPENCLAW_TOKEN`, `token_file PATH`; undefined where the configuration names none
 */
export function refusalOf(refusal: GatewayRefusal, tokenKey: string | undefined): Hindrance {
  const { code, detail, said } = refusal;
  if (refusal.starting) return { why: `it is starting: ${said}`, lasting: false };
  const token = tokenKey ?? 'token_env or token_file, which is not given';
  if (/token|password|unauthorized/i.test(said) || detail?.startsWith('AUTH_') === true)
    return { why: `it refuses the token of ${token}: ${said}`, lasting: true };
  if (code === 'NOT_PAIRED') {
    const how =
      tokenKey === undefined
        ? 'name its token by token_env or token_file'
        : `check ${token}, or pair this machine with the gateway`;
    return { why: `it wants to know this machine first (${said}): ${how}`, lasting: true };
  }
  if (/protocol/i.test(said)) return { why: `it speaks another protocol than 3 and 4: ${said}`, lasting: true };
  return { why: refusal.message, lasting: code !== 'UNAVAILABLE' };
}
