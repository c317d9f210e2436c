import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type ErrorRequestHandler, type Express, type RequestHandler, type Router } from 'express';
import type { Registry } from 'prom-client';
import type { z } from 'zod';
import type { Scope } from '../config/index.js';
import { issuesOf } from '../events/index.js';
import { redactor } from '../secrets/index.js';
import { isUnavailable, OpsError } from '../streams/index.js';
import { authenticate, isLoopback, scopedRouter } from './access.js';
import { HttpError } from './http-error.js';
import type { Logger } from './logger.js';
import type { Tokens } from './tokens.js';

/** What the server asks of the process that it speaks for. */
export interface HttpFacts {
  readonly bind: string;
  readonly port: number;
  readonly tokens: Tokens;
  readonly metrics: Registry;
  readonly log: Logger;
  /** Service → what is missing for its work. */
  readonly missing: () => Readonly<Record<string, readonly string[]>>;
}

/** The body, checked; throws an HttpError 400 with path, value and expectation. */
export function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new HttpError(400, 'BAD_REQUEST', 'the body is not valid', issuesOf(parsed.error, body, 'body'));
}

/** Adds routes. What changes something asks for the scope `operate`; for another one its routes are added to `scoped(scope)`. */
export type Routes = (router: Router, scoped: (scope: Scope) => Router) => void;

/** The process's one express server: health, readiness, metrics, and what the services contribute. */
export async function openHttpServer(
  facts: HttpFacts,
  contribute: Routes,
): Promise<{ server: Server; port: number; close: () => Promise<void> }> {
  const app = application(facts, contribute);
  const server = createServer(app);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        cause.code === 'EADDRINUSE'
          ? new OpsError('PORT_IN_USE', `port ${facts.port} on ${facts.bind} is taken: expected a free one (OPS_PORT)`, { cause })
          : cause,
      ),
    );
    server.listen(facts.port, facts.bind, resolve);
  });
  return {
    server,
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

function application(facts: HttpFacts, contribute: Routes): Express {
  const app = express();
  app.disable('x-powered-by');
  app.use(withoutSecrets);
  app.get('/healthz', (_request, response) => void response.json({ status: 'ok' }));
  app.get('/readyz', (_request, response) => {
    const missing = facts.missing();
    const ready = Object.values(missing).every((reasons) => reasons.length === 0);
    response.status(ready ? 200 : 503).json({ status: ready ? 'ready' : 'not-ready', missing });
  });
  app.use(onlyKnownHosts(facts.bind));
  app.use(authenticate(facts.bind, facts.tokens, facts.log));
  app.get(
    '/metrics',
    async (_request, response) =>
      void response.type(facts.metrics.contentType).send(redactor.text(await facts.metrics.metrics())),
  );
  app.use(express.json({ limit: '128kb', strict: true }));
  const scoped = (scope: Scope) => {
    const router = scopedRouter(scope, facts.log);
    app.use(router);
    return router;
  };
  contribute(scoped('operate'), scoped);
  app.use((request, _response, next) => next(new HttpError(404, 'NOT_FOUND', `nothing at ${request.method} ${request.path}`)));
  app.use(asJson(facts.log));
  return app;
}

// Every answer in JSON, whoever writes it.
const withoutSecrets: RequestHandler = (_request, response, next) => {
  const json = response.json.bind(response);
  response.json = (body) => json(redactor.value(body));
  next();
};

const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?$/;

// A page in the operator's browser could name our address by a name of its own (DNS rebinding): on loopback only loopback names count.
function onlyKnownHosts(bind: string): RequestHandler {
  return (request, _response, next) => {
    const known = !isLoopback(bind) || LOOPBACK.test(request.headers.host ?? '');
    next(
      known ? undefined : new HttpError(403, 'FORBIDDEN_HOST', 'the Host header names another host: expected a loopback address'),
    );
  };
}

function asJson(log: Logger): ErrorRequestHandler {
  return (error: unknown, request, response, _next) => {
    const status = statusOf(error);
    if (status >= 500) log.warn({ method: request.method, path: request.path, error }, 'request failed');
    const message = status === 500 ? 'internal error' : error instanceof Error ? error.message : String(error);
    response.status(status).json({
      error: error instanceof OpsError ? error.code : status === 503 ? 'UNAVAILABLE' : status < 500 ? 'BAD_REQUEST' : 'INTERNAL',
      message,
      ...(error instanceof HttpError && error.issues.length > 0 ? { issues: error.issues } : {}),
    });
  };
}

function statusOf(error: unknown): number {
  if (error instanceof HttpError) return error.status;
  if (isUnavailable(error)) return 503;
  // body-parser's errors carry their status: 400 for JSON that is none, 413 for a body past the limit.
  const status = error instanceof Error && 'status' in error ? Number(error.status) : 500;
  return status >= 400 && status < 500 ? status : 500;
}
