import { z } from 'zod';

/** Something that the gateway tells everybody. */
export interface GatewayEvent {
  readonly name: string;
  readonly payload: unknown;
  /** Counts what this connection was told; some events have none. */
  readonly seq: number | undefined;
}

/** What a gateway says of itself when it lets somebody in. */
export interface GatewayHello {
  readonly protocol: number | undefined;
  /** `dev` on old ones: ask for methods, not for versions. */
  readonly version: string | undefined;
  readonly methods: ReadonlySet<string>;
  /** The scopes that it grants; undefined where it does not say. */
  readonly scopes: readonly string[] | undefined;
}

const frame = z.union([
  z.object({ type: z.literal('event'), event: z.string(), payload: z.unknown().optional(), seq: z.number().optional() }),
  z.object({
    type: z.literal('res'),
    id: z.string(),
    ok: z.boolean(),
    payload: z.unknown().optional(),
    error: z
      .object({
        code: z.string(),
        message: z.string(),
        details: z.looseObject({ reason: z.unknown().optional(), code: z.unknown().optional() }).optional(),
      })
      .optional(),
  }),
]);

const hello = z.object({
  protocol: z.number().optional().catch(undefined),
  server: z.object({ version: z.string().optional() }).optional().catch(undefined),
  features: z
    .object({ methods: z.array(z.string()) })
    .optional()
    .catch(undefined),
  auth: z
    .object({ scopes: z.array(z.string()).optional() })
    .optional()
    .catch(undefined),
});

export type GatewayFrame = z.infer<typeof frame>;
type Refused = NonNullable<Extract<GatewayFrame, { type: 'res' }>['error']>;

/** The gateway refused what it was asked. */
export class GatewayRefusal extends Error {
  /** `INVALID_REQUEST`, `UNAVAILABLE`...; undefined where it gave none. */
  readonly code: string | undefined;
  /** The finer code of newer gateways: `AUTH_TOKEN_MISMATCH`, `CRON_JOB_NOT_FOUND`... */
  readonly detail: string | undefined;
  /** What it said, without its code, shortened. */
  readonly said: string;
  /** It is not ready yet, and says so. */
  readonly starting: boolean;

  constructor(error: Refused | undefined) {
    super(error === undefined ? 'it refused without a reason' : `it refused: ${error.message.slice(0, 300)} (${error.code})`);
    this.code = error?.code;
    this.detail = typeof error?.details?.code === 'string' ? error.details.code : undefined;
    this.said = error?.message.slice(0, 300) ?? '';
    this.starting = error?.code === 'UNAVAILABLE' && String(error.details?.reason).startsWith('startup');
  }
}

/** A frame of the gateway; undefined for what is none. */
export function readFrame(text: string): GatewayFrame | undefined {
  const parsed = frame.safeParse(parse(text));
  return parsed.success ? parsed.data : undefined;
}

/** The answer to `connect`: whatever of it can be read. */
export function readHello(payload: unknown): GatewayHello {
  const { protocol, server, features, auth } = hello.safeParse(payload).data ?? {};
  return { protocol, version: server?.version, methods: new Set(features?.methods), scopes: auth?.scopes };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
