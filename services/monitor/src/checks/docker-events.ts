import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { z } from 'zod';

// Health checks inside containers make an exec event each time: those are left out by the engine.
const ACTIONS = [
  'create',
  'start',
  'restart',
  'die',
  'oom',
  'stop',
  'kill',
  'pause',
  'unpause',
  'rename',
  'destroy',
  'health_status',
];

const event = z.object({
  Action: z.string(),
  Actor: z.object({
    Attributes: z.object({ name: z.string(), oldName: z.string().optional(), exitCode: z.string().optional() }),
  }),
});

/** Something happened to a container of this name, or of one that it had before. */
export interface DockerEvent {
  readonly names: readonly string[];
  readonly action: string;
  /** Of `die`; null otherwise. */
  readonly exitCode: number | null;
}

/**
 * Opens the engine's event stream and returns the events about containers. Rejects when the engine does not answer within
 * `answerMs`; the events end with the connection, or with the signal.
 */
export async function readEvents(docker: Docker, signal: AbortSignal, answerMs: number): Promise<AsyncIterable<DockerEvent>> {
  const opening = new AbortController();
  const timer = setTimeout(() => opening.abort(new Error(`no answer within ${answerMs} ms`)), answerMs);
  try {
    const abortSignal = AbortSignal.any([signal, opening.signal]);
    const stream = (await docker.getEvents({ filters: { type: ['container'], event: ACTIONS }, abortSignal })) as Readable;
    return decode(stream);
  } finally {
    clearTimeout(timer);
  }
}

async function* decode(stream: Readable): AsyncGenerator<DockerEvent> {
  for await (const line of lines(stream)) {
    const parsed = event.safeParse(parse(line));
    if (!parsed.success) continue;
    const { Action, Actor } = parsed.data;
    const { name, oldName, exitCode } = Actor.Attributes;
    const names = oldName === undefined ? [name] : [name, oldName.replace(/^\//, '')];
    yield { names, action: Action, exitCode: exitCode === undefined ? null : Number(exitCode) };
  }
}

// Not node:readline, which waits for ever when its input is cut off.
async function* lines(stream: Readable): AsyncGenerator<string> {
  let rest = '';
  for await (const part of stream.setEncoding('utf8') as AsyncIterable<string>) {
    const found = (rest + part).split('\n');
    rest = found.pop() ?? '';
    yield* found;
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
