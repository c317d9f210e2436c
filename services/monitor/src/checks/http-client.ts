import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { plainUrl } from '../decide/check-expectation.js';
import type { HttpAnswer } from '../decide/check-http.js';
import { ProbeFailure } from './probe.js';

const LARGEST_BODY = 1_048_576;

/** GET over a kept connection. */
export class HttpClient {
  readonly #agents = { 'http:': new HttpAgent({ keepAlive: true }), 'https:': new HttpsAgent({ keepAlive: true }) };

  /** The answer with its whole body; redirects are not followed. Rejects with what the network says, or where the body exceeds 1 MB. */
  async get(url: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<HttpAnswer> {
    try {
      return await this.#ask(url, headers, signal);
    } catch (error) {
      // The server may close an idle connection just when we use it again: that says nothing about the server.
      if (error instanceof StaleConnection && !signal.aborted) return this.#ask(url, headers, signal);
      throw error;
    }
  }

  close(): void {
    for (const agent of Object.values(this.#agents)) agent.destroy();
  }

  #ask(url: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<HttpAnswer> {
    const target = new URL(url);
    const secure = target.protocol === 'https:';
    const options = { agent: this.#agents[secure ? 'https:' : 'http:'], headers, signal };
    return new Promise((resolve, reject) => {
      const request = (secure ? httpsRequest : httpRequest)(target, options, (response) => {
        read(response).then(resolve, reject);
      });
      request.once('error', (error: NodeJS.ErrnoException) => {
        const stale = request.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
        reject(stale ? new StaleConnection(error.message, { cause: error }) : error);
      });
      request.end();
    });
  }
}

class StaleConnection extends Error {}

async function read(response: IncomingMessage): Promise<HttpAnswer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > LARGEST_BODY) throw new ProbeFailure(`answered ${response.statusCode} with more than 1 MB`);
    parts.push(part);
  }
  const { location } = response.headers;
  return {
    status: response.statusCode ?? 0,
    contentType: response.headers['content-type'] ?? '',
    location: location === undefined ? undefined : plainUrl(location),
    body: Buffer.concat(parts).toString('utf8'),
  };
}
