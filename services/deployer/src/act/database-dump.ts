import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { OpsError } from '@ops/shared/streams';
import type { Engine } from './engine.js';
import { databaseNames, describeDatabase, dropRestored, endOurSessions, sessionName } from './postgres-sql.js';
import { type ContainerProgram, runInContainer } from './run-in-container.js';
import { syncFolder, writeWhole } from './snapshot.js';

/** A database that cannot be dumped, or put back; `said` is what PostgreSQL's program wrote, uncleaned. */
export class DatabaseError extends OpsError {
  readonly said: string;

  constructor(message: string, said = '') {
    super('DATABASE_FAILED', message);
    this.said = said;
  }
}

/** A database in a running container, and a name for our sessions. */
export interface DatabasePlace {
  readonly engine: Engine;
  readonly container: string;
  readonly name: string;
  readonly user: string;
  /** The first digits of the deployment: what is made bears them. */
  readonly tag: string;
  readonly signal: AbortSignal;
}

/** A dump on disk that was read back. */
export interface Dump {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

// So long it waits for a table that somebody holds locked.
const LOCK_WAIT_MS = 60_000;
// What an application has set for its own statements must not cut ours.
const UNHINDERED = [
  'statement_timeout=0',
  'lock_timeout=0',
  'idle_in_transaction_session_timeout=0',
  'default_transaction_read_only=off',
]
  .map((setting) => `-c ${setting}`)
  .join(' ');

/**
 * Dumps a database into a file of its own, beside it the statements that make such a database. It gets its name only when it is on disk
 * and every byte of it was read back and understood. The programs are those of the database's container: their version is the server's.
 */
export async function dumpDatabase(place: DatabasePlace, file: string): Promise<Dump> {
  const { name, tag } = place;
  const making = `${file}.making`;
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await rm(file, { force: true });
  await runSql(place, endOurSessions(tag));
  try {
    const names = databaseNames(name, tag);
    const statements = await runSql(place, describeDatabase(names));
    await writeWhole(sqlFileOf(file), statements);
    // Done once, and undone: whether we may make such a database is known before we need it.
    for (const sql of [dropRestored(names), statements, dropRestored(names)]) await runSql(place, sql);
    const dump = await writeDump(place, making);
    if ((await readBack(place, making)) !== dump.sha256)
      throw new DatabaseError('the disk gave back something else than was written');
    await rename(making, file);
    await syncFolder(dirname(file));
    return { ...dump, file };
  } catch (error) {
    await rm(making, { force: true });
    throw error;
  }
}

/** The statements that make an empty database for a dump to be read into. */
export function sqlFileOf(dump: string): string {
  return dump.replace(/\.dump$/, '.sql');
}

/** Runs statements in the server, in another database than the one that is dumped. Returns what they answered. */
export async function runSql(place: DatabasePlace, sql: string, database = elsewhere(place.name)): Promise<string> {
  const quiet = ['--no-psqlrc', '--quiet', '--tuples-only', '--no-align', '--set=ON_ERROR_STOP=1'];
  let answer = '';
  await run(place, ['psql', ...quiet, `--dbname=${database}`, '--file=-'], {
    input: Readable.from([sql]),
    output: async (piece) => {
      answer += piece.toString('utf8');
    },
  });
  return answer;
}

/** Reads a dump into a database that is there and empty; it must be what was written. */
export async function readDumpInto(place: DatabasePlace, { file, sha256 }: Dump, database: string): Promise<void> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  if (hash.digest('hex') !== sha256) throw new DatabaseError(`${file} is not what was written`);
  await run(place, ['pg_restore', '--exit-on-error', `--dbname=${database}`], { input: createReadStream(file) });
  // Without statistics of its tables it may be too slow to be called healthy; but it is whole.
  await runSql(place, 'analyze;', database).catch((error: unknown) => {
    if (!(error instanceof DatabaseError)) throw error;
  });
}

async function writeDump(place: DatabasePlace, file: string): Promise<Dump> {
  const hash = createHash('sha256');
  let bytes = 0;
  const handle = await open(file, 'w', 0o600);
  try {
    await run(place, ['pg_dump', '--format=custom', `--lock-wait-timeout=${LOCK_WAIT_MS}`, `--dbname=${place.name}`], {
      output: async (piece) => {
        hash.update(piece);
        bytes += piece.length;
        for (let at = 0; at < piece.length; ) at += (await handle.write(piece, at)).bytesWritten;
      },
    });
    await handle.sync();
  } finally {
    await handle.close();
  }
  return { file, bytes, sha256: hash.digest('hex') };
}

// All of it, not its list of contents: what was cut off or damaged inside is found only so.
async function readBack(place: DatabasePlace, file: string): Promise<string> {
  const hash = createHash('sha256');
  const hashed = new Transform({
    transform(piece: Buffer, _encoding, done) {
      hash.update(piece);
      done(null, piece);
    },
  });
  const source = createReadStream(file);
  source.once('error', (error) => hashed.destroy(error));
  await run(place, ['pg_restore', '--file=/dev/null'], { input: source.pipe(hashed), offline: true });
  return hash.digest('hex');
}

async function run(
  { engine, container, user, tag, signal }: DatabasePlace,
  [program = '', ...args]: readonly string[],
  { offline = false, ...streams }: Pick<ContainerProgram, 'input' | 'output'> & { readonly offline?: boolean },
): Promise<void> {
  // Where the socket asks for a password, it is the one that the container was given. It goes to the engine only.
  const password = (await engine.environment(container)).POSTGRES_PASSWORD;
  const { exitCode, said } = await runInContainer(engine, container, {
    command: [program, ...(offline ? [] : [`--username=${user}`, '--no-password']), ...args],
    environment: {
      PGAPPNAME: sessionName(tag),
      PGOPTIONS: UNHINDERED,
      ...(password === undefined ? {} : { PGPASSWORD: password }),
    },
    signal,
    ...streams,
  });
  if (exitCode !== 0) throw new DatabaseError(`${program} ended with exit code ${exitCode}`, said.trim());
}

// A database cannot be renamed or dropped from inside.
function elsewhere(name: string): string {
  return name === 'postgres' ? 'template1' : 'postgres';
}
