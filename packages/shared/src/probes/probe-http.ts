import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import type { HealthCheck } from '../config/index.js';
import { type HttpAnswer, judgeHttp } from './decide/check-answer.js';
import { KeptLink } from './kept-link.js';
import { examine, type Finding, type Probe, type ProbeDeps } from './probe.js';

type HttpHealth = Extract<HealthCheck, { kind: 'http' }>;
type Agent = HttpAgent | HttpsAgent;

const LARGEST_BODY = 1_048_576;
const GONE = [404, 410];
const HEADERS = { accept: 'application/json, */*;q=0.5', 'accept-encoding': 'identity', 'user-agent': 'ops-monitor' };

/** Asks a URL on a kept connection, and judges the answer. Where the first URL is gone, the second one is asked, first from then on. */
export function httpProbe(health: HttpHealth, { clock, secret, linkEnded }: ProbeDeps): Probe {
  const agents = new Map<string, Agent>();
  const agentOf = (url: URL) => {
    const known = agents.get(url.protocol);
    if (known !== undefined) return known;
    const agent = new (url.protocol === 'https:' ? HttpsAgent : HttpAgent)({ keepAlive: true, maxFreeSockets: 1 });
    agents.set(url.protocol, agent);
    // A connection that waits for the next check: what ends it now is the service.
    agent.on('free', (socket: Socket) => watchIdle(socket, () => link.ended()));
    return agent;
  };
  const link = new KeptLink(linkEnded);
  let urls = [health.http, ...(health.when_gone === undefined ? [] : [health.when_gone])].map((url) => new URL(url));
  const ask = async (signal: AbortSignal): Promise<Finding> => {
    const token = secret()?.reveal();
    const headers = { ...HEADERS, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
    const get = (url: URL) => getKept(url, { agent: agentOf(url), headers, signal });
    const [first, second] = urls;
    if (first === undefined) throw new Error('no URL');
    const answer = await get(first);
    if (second === undefined || !GONE.includes(answer.status)) return judgeHttp(answer, health);
    const other = await get(second);
    if (!GONE.includes(other.status)) urls = [second, first];
    return judgeHttp(other, health);
  };
  return {
    run: (signal) => link.during(() => examine(clock, health.within, signal, ask)),
    async close() {
      link.close();
      for (const agent of agents.values()) agent.destroy();
    },
  };
}

/** Tells when the other side ends a socket, once. */
function watchIdle(socket: Socket, ended: () => void): void {
  if (watched.has(socket)) return;
  watched.add(socket);
  socket.once('end', ended);
  socket.once('error', ended);
}
const watched = new WeakSet<Socket>();

/** GET. A kept connection that the server closed just when it was used again says nothing of the server: asked once more. */
async function getKept(url: URL, options: RequestOptions): Promise<HttpAnswer> {
  const used = { again: false };
  try {
    return await get(url, options, used);
  } catch (error) {
    const closed = error instanceof Error && 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
    if (!used.again || !closed || options.signal?.aborted) throw error;
    return get(url, options, used);
  }
}

function get(url: URL, { signal, ...options }: RequestOptions, used: { again: boolean }): Promise<HttpAnswer> {
  return new Promise<HttpAnswer>((resolve, reject) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = send(url, options, (response) => read(response, done, failed));
    // Not by the option `signal`, for which Node watches the whole stream's end: one listener will do.
    const cut = () => request.destroy(signal?.reason);
    const done = (answer: HttpAnswer) => {
      signal?.removeEventListener('abort', cut);
      resolve(answer);
    };
    const failed = (error: Error) => {
      signal?.removeEventListener('abort', cut);
      reject(error);
    };
    request.once('error', (error) => {
      used.again = request.reusedSocket;
      failed(error);
    });
    if (signal?.aborted) cut();
    else signal?.addEventListener('abort', cut);
    request.end();
  });
}

function read(response: IncomingMessage, done: (answer: HttpAnswer) => void, failed: (error: Error) => void): void {
  const parts: Buffer[] = [];
  let size = 0;
  response.on('data', (part: Buffer) => {
    size += part.length;
    if (size > LARGEST_BODY) response.destroy(new Error('the answer is larger than 1 MB: expected a health answer'));
    else parts.push(part);
  });
  response.once('error', failed);
  response.once('end', () =>
    done({
      status: response.statusCode ?? 0,
      contentType: response.headers['content-type'] ?? '',
      location: response.headers.location,
      body: Buffer.concat(parts).toString('utf8'),
    }),
  );
}
