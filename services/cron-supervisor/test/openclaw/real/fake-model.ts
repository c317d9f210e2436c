import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Asked {
  readonly text: string;
  readonly stream: boolean;
  readonly response: ServerResponse;
}

/** A model of the OpenAI form that thinks until it is told what to say. */
export class FakeModel {
  readonly #server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => this.#asked({ ...read(Buffer.concat(parts).toString()), response }));
  });
  readonly #open = new Set<Asked>();
  readonly #answers = new Map<string, string>();

  static async start(): Promise<FakeModel> {
    const model = new FakeModel();
    await new Promise<void>((resolve) => model.#server.listen(0, '127.0.0.1', resolve));
    return model;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
  }

  /** Answers one question in which the word is: the one that is open, or the next. Without an answer all of them are refused by 401. */
  answer(word: string, answer: string | undefined): void {
    this.#answers.set(word, answer ?? '');
    for (const asked of this.#open) this.#asked(asked);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #asked(asked: Asked): void {
    const found = [...this.#answers].find(([word]) => asked.text.includes(word));
    if (found === undefined) {
      this.#open.add(asked);
      asked.response.on('close', () => this.#open.delete(asked));
      return;
    }
    this.#open.delete(asked);
    const [word, answer] = found;
    if (answer === '') {
      refuse(asked.response);
      return;
    }
    this.#answers.delete(word);
    if (asked.stream) stream(asked.response, answer);
    else asked.response.setHeader('content-type', 'application/json').end(JSON.stringify(whole(answer)));
  }
}

function read(body: string): { readonly text: string; readonly stream: boolean } {
  const asked = JSON.parse(body === '' ? '{}' : body) as { stream?: boolean; messages?: unknown };
  return { text: JSON.stringify(asked.messages ?? ''), stream: asked.stream === true };
}

function refuse(response: ServerResponse): void {
  const error = { message: 'Incorrect API key provided', type: 'invalid_request_error', code: 'invalid_api_key' };
  response.writeHead(401, { 'content-type': 'application/json' }).end(JSON.stringify({ error }));
}

const ABOUT = { id: 'chatcmpl-1', created: 1, model: 'echo' };
const USAGE = { prompt_tokens: 100, completion_tokens: 12, total_tokens: 112 };

function whole(content: string): object {
  const choice = { index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' };
  return { ...ABOUT, object: 'chat.completion', choices: [choice], usage: USAGE };
}

function stream(response: ServerResponse, content: string): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const say = (delta: object, finish_reason: string | null, more: object = {}) => {
    const chunk = { ...ABOUT, object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason }], ...more };
    response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  };
  say({ role: 'assistant', content }, null);
  say({}, 'stop', { usage: USAGE });
  response.end('data: [DONE]\n\n');
}
