import { z } from 'zod';

/** What a token may ask for. `read` is part of the others; none of the others is part of another one. `ping` is only for heartbeats of jobs. */
export const SCOPES = ['read', 'operate', 'approve', 'ping'] as const;
export type Scope = (typeof SCOPES)[number];

/** The name of the token that the instance makes for itself (OPS_TOKEN). */
export const OWN_TOKEN = 'operator';

const token = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,38}$/, 'lower-case letters, digits and -, at most 39')
      .refine((name) => name !== OWN_TOKEN, `another name: ${OWN_TOKEN} is the instance's own (OPS_TOKEN)`),
    scopes: z.array(z.enum(SCOPES)).min(1),
    token_env: z
      .string()
      .regex(/^[A-Z][A-Z0-9_]*$/, 'the name of an environment variable')
      .optional(),
    token_file: z.string().min(1).optional(),
  })
  .refine(({ token_env, token_file }) => (token_env === undefined) !== (token_file === undefined), {
    path: ['token_env'],
    error: 'either token_env or token_file: where the token is',
  });

/** The address, and the tokens besides the instance's own. */
export const httpConfig = z
  .strictObject({
    bind: z.string().min(1).default('127.0.0.1'),
    tokens: z
      .array(token)
      .max(100)
      .default([])
      .describe('For others than the operator: each with a name and what it may ask for'),
  })
  .superRefine(({ tokens }, context) => {
    for (const [index, { name }] of tokens.entries()) {
      if (tokens.findIndex((other) => other.name === name) < index)
        context.addIssue({ code: 'custom', path: ['tokens', index, 'name'], message: 'a name that no other token has' });
    }
  })
  .prefault({});
