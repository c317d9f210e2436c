import { connect, type Socket } from 'node:net';
import type { Finding } from './probe.js';

const PROTOCOL_3 = 196_608;
const CANNOT_CONNECT_NOW = '57P03';
const TOO_MANY_CONNECTIONS = '53300';
const TERMINATE = Buffer.from([0x58, 0, 0, 0, 4]);

/**
 * Asks as pg_isready does: begins a session, and takes any sign that a session could begin (a question for the password, or
 * a refusal of this user) as an answer. Rejects with what the socket reports.
 */
export function greetPostgres(host: string, port: number, signal: AbortSignal): Promise<Finding> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, signal }, () => socket.write(startup()));
    let received = Buffer.alloc(0);
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the connection was closed without an answer')));
    socket.on('data', (part) => {
      received = Buffer.concat([received, part]);
      const finding = judge(received);
      if (finding === undefined) return;
      resolve(finding);
      leave(socket, received);
    });
  });
}

function startup(): Buffer {
  const settings = Buffer.from('user\0postgres\0database\0postgres\0application_name\0ops-check\0\0');
  const head = Buffer.alloc(8);
  head.writeInt32BE(settings.length + 8, 0);
  head.writeInt32BE(PROTOCOL_3, 4);
  return Buffer.concat([head, settings]);
}

function judge(received: Buffer): Finding | undefined {
  const kind = String.fromCharCode(received[0] ?? 0);
  if (kind !== 'R' && kind !== 'E' && kind !== 'v') {
    return { outcome: 'failed', detail: "the answer is not PostgreSQL's: another service has this port" };
  }
  if (kind !== 'E') return { outcome: 'ok', detail: 'accepting connections' };
  const length = received.length < 5 ? Number.POSITIVE_INFINITY : received.readInt32BE(1) + 1;
  if (received.length < Math.min(length, 8192)) return undefined;
  const { C: code, M: message } = errorFields(received.subarray(5, length));
  if (code === CANNOT_CONNECT_NOW)
    return { outcome: 'failed', detail: `rejecting connections: ${message ?? 'it cannot take them now'}` };
  // Who is connected goes on working, so it is not down; but nobody else gets in.
  if (code === TOO_MANY_CONNECTIONS)
    return { outcome: 'partial', detail: `no connection is free: ${message ?? 'too many connections'}` };
  return { outcome: 'ok', detail: 'accepting connections' };
}

/** The fields of an ErrorResponse: a letter and a text each, ended by NUL. */
function errorFields(body: Buffer): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const field of body.toString('utf8').split('\0')) if (field !== '') fields[field.charAt(0)] = field.slice(1);
  return fields;
}

// Logged in already (no password is asked for): a session is ended in good order, or the server logs a lost one.
function leave(socket: Socket, received: Buffer): void {
  const loggedIn = received[0] === 0x52 && received.length >= 9 && received.readInt32BE(5) === 0;
  if (loggedIn) socket.end(TERMINATE);
  else socket.end();
  socket.resume();
  socket.setTimeout(1000, () => socket.destroy());
}
