import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as wait } from 'node:timers/promises';
import type Docker from 'dockerode';
import { type Engine, isEngineAway } from './engine.js';
import { lastWholeLines } from './last-lines.js';

/** A program that is run inside a running container: no shell, the environment of the container and what is added here. */
export interface ContainerProgram {
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** What it reads; nothing where it is not given. */
  readonly input?: Readable;
  /** Takes what it writes to stdout, piece by piece: the next is read when this one is taken. */
  readonly output?: (piece: Buffer) => Promise<void>;
  readonly signal: AbortSignal;
}

export interface ContainerProgramEnd {
  readonly exitCode: number;
  /** The end of what it said on stderr, uncleaned. */
  readonly said: string;
}

const LONGEST_SAID = 16_000;
const LOOKS_FOR_END = 100;
const BETWEEN_LOOKS_MS = 50;
const HEADER = 8;
const STDERR = 2;

/**
 * Runs a program in a container, to its end. Where we are cut off it may go on without us: whoever does it again makes sure of that
 * first. Rejects where the engine is away, or lost its output on the way.
 */
export async function runInContainer(
  engine: Engine,
  container: string,
  { command, environment = {}, input, output, signal }: ContainerProgram,
): Promise<ContainerProgramEnd> {
  const exec = await engine.prepareExec(container, {
    Cmd: [...command],
    Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    AttachStdin: input !== undefined,
    AttachStdout: true,
    AttachStderr: true,
    Tty: false,
  });
  const stream = await exec.start({ hijack: true, stdin: input !== undefined, Tty: false });
  const cut = () => stream.destroy(signal.reason instanceof Error ? signal.reason : new Error('it was cut off'));
  signal.addEventListener('abort', cut, { once: true });
  if (signal.aborted) cut();
  const fed = feed(input, stream);
  let said = '';
  try {
    for await (const { from, bytes } of frames(stream)) {
      if (from === STDERR) said = lastWholeLines(said + bytes.toString('utf8'), LONGEST_SAID);
      else await output?.(bytes);
    }
    const unread = await fed;
    const exitCode = await exitCodeOf(exec);
    // It ended well without having read everything: that is for the caller's input, not for its exit code, to say.
    if (exitCode === 0 && unread !== undefined) throw unread;
    return { exitCode, said };
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (!isEngineAway(error)) throw error;
    // It ended without reading on: the connection is gone, and its exit code says why. Throws where the engine is away.
    const exitCode = await exitCodeOf(exec);
    if (exitCode === 0) throw error;
    return { exitCode, said };
  } finally {
    signal.removeEventListener('abort', cut);
    stream.destroy();
  }
}

// Resolves with why not everything was taken; whoever reads the output must not be cut off by that.
async function feed(input: Readable | undefined, stream: Writable): Promise<Error | undefined> {
  if (input === undefined) return undefined;
  try {
    await pipeline(input, stream);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

// Pieces of 8 bytes (which stream, 0, 0, 0, length) and so many bytes, which come as the connection cuts them.
async function* frames(stream: AsyncIterable<Buffer>): AsyncGenerator<{ readonly from: number; readonly bytes: Buffer }> {
  let rest: Buffer = Buffer.alloc(0);
  let from = 0;
  let left = 0;
  for await (const part of stream) {
    rest = rest.length === 0 ? part : Buffer.concat([rest, part]);
    while (rest.length >= (left > 0 ? 1 : HEADER)) {
      if (left === 0) {
        from = rest.readUInt8(0);
        left = rest.readUInt32BE(4);
        rest = rest.subarray(HEADER);
        continue;
      }
      const bytes = rest.subarray(0, left);
      rest = rest.subarray(bytes.length);
      left -= bytes.length;
      yield { from, bytes };
    }
  }
  if (left > 0 || rest.length > 0) throw cutOff('the engine ended the output of a program in the middle');
}

// The engine ends the output a moment before it knows the exit code.
async function exitCodeOf(exec: Docker.Exec): Promise<number> {
  for (let looks = 0; looks < LOOKS_FOR_END; looks += 1) {
    const { Running, ExitCode } = await exec.inspect();
    if (!Running && ExitCode !== null) return ExitCode;
    await wait(BETWEEN_LOOKS_MS);
  }
  throw cutOff('the engine ended the output of a program that still runs');
}

// As a connection that broke: it is done again when the engine answers.
function cutOff(message: string): Error {
  return Object.assign(new Error(message), { code: 'ECONNRESET' });
}
