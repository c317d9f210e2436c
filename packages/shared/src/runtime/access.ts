import { type RequestHandler, type Response, Router } from 'express';
import { OWN_TOKEN, type Scope } from '../config/index.js';
import { HttpError } from './http-error.js';
import type { Logger } from './logger.js';
import type { NamedToken, Tokens } from './tokens.js';

/** Whether an address is only reached from this machine. */
export function isLoopback(bind: string): boolean {
  return /^(?:127\.|::1$|localhost$)/.test(bind);
}

/**
 * Who asks. Reads are free on loopback; everything else needs a token that is known, or ends with 401. Stands before the routes, so
 * that nothing is reached without it; what a token may change is judged at the route ({@link scopedRouter}).
 */
export function authenticate(bind: string, tokens: Tokens, log: Logger): RequestHandler {
  return (request, response, next) => {
    const given = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    const token = given === undefined ? undefined : tokens.find(given);
    response.locals.token = token;
    if (token !== undefined || (isLoopback(bind) && isRead(request.method))) return next();
    if (!isRead(request.method))
      log.warn({ method: request.method, path: request.path.slice(0, 200) }, 'refused: no token that is known');
    next(
      new HttpError(
        401,
        'UNAUTHORISED',
        'a token is needed that is known here: expected that of OPS_HOME/secrets/token or of http.tokens in the header Authorization (Bearer)',
      ),
    );
  };
}

/**
 * A router whose routes may only be used by a token with the scope, whatever path and method they have; reads ask for `read`, which
 * {@link authenticate} has seen to. Two routers of different scopes share no path.
 */
export function scopedRouter(scope: Scope, log: Logger): Router {
  const router = Router();
  const route = router.route.bind(router);
  // Every way to add a route (`get`, `post`, `all`...) goes through this one: none can be added without the check. Only `use` does not.
  router.route = ((path: string) => route(path).all(needs(scope, log))) as Router['route'];
  return router;
}

function needs(scope: Scope, log: Logger): RequestHandler {
  return (request, response, next) => {
    if (isRead(request.method)) return next();
    const { name, scopes } = tokenOf(response);
    if (scopes.has(scope)) return next();
    const path = request.path.slice(0, 200);
    log.warn({ token_name: name, scope, method: request.method, path }, 'refused: the token has not the scope');
    next(
      new HttpError(
        403,
        'SCOPE_MISSING',
        `the token ${name} may not do this (it has ${[...scopes].join(', ')}): expected one with the scope ${scope} (http.tokens of ops.yaml)`,
      ),
    );
  };
}

/**
 * Who asked for a change, for the record: the name that was given, and which token it was. What the instance's own token asks for
 * stands there as it was given: the operator's word.
 *
 * @param by the name that the request gives, if it gives one
 */
export function askedBy(response: Response, by: string | undefined): string {
  const { name } = tokenOf(response);
  const given = by?.trim() || undefined;
  if (name === OWN_TOKEN) return (given ?? OWN_TOKEN).slice(0, LONGEST_NAME);
  const token = `token ${name}`;
  // The name is cut, never the token: that one is proven.
  return given === undefined ? token : `${given.slice(0, LONGEST_NAME - token.length - 3)} (${token})`;
}

// As events take it.
const LONGEST_NAME = 200;

function tokenOf(response: Response): NamedToken {
  const token: NamedToken | undefined = response.locals.token;
  if (token === undefined) throw new Error('a change was let through without a token');
  return token;
}

function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
}
