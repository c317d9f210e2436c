import { PermanentError } from './errors.js';

/** Where a server listens. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

interface Common {
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly tls: boolean;
}

/** What REDIS_URL says. */
export type RedisAddress =
  | (Common & HostPort & { readonly kind: 'single'; readonly db: number })
  | (Common & {
      readonly kind: 'sentinel';
      readonly sentinels: readonly HostPort[];
      readonly master: string;
      readonly db: number;
      readonly sentinelUsername: string | undefined;
      readonly sentinelPassword: string | undefined;
    })
  | (Common & { readonly kind: 'cluster'; readonly nodes: readonly HostPort[] });

/** The forms of REDIS_URL, for messages. */
export const REDIS_URL_FORMS =
  'redis[s]://[user:password@]host[:port][/db], redis[s]+sentinel://[user:password@]host[:port],.../master[/db][?sentinel_password=] or redis[s]+cluster://[user:password@]host[:port],...';

/** A REDIS_URL cannot be used; it is not shown, since it holds a password. */
export class AddressError extends PermanentError {
  readonly expected: string;

  constructor(expected: string) {
    super('REDIS_URL_INVALID', `the address of Redis cannot be used: expected ${expected}`, { fields: { expected } });
    this.expected = expected;
  }
}

const SHAPE = /^(redis|rediss)(?:\+(sentinel|cluster))?:\/\/(?:([^/?#]*)@)?([^/?#]+)((?:\/[^?#]*)?)(?:\?([^#]*))?$/i;
const PORTS = { single: 6379, sentinel: 26_379, cluster: 6379 } as const;

/** Reads an address. Throws an {@link AddressError} that says what was expected, never what was given. */
export function parseRedisAddress(text: string): RedisAddress {
  const [, scheme = '', form = 'single', user, hosts = '', path = '', query = ''] = SHAPE.exec(text.trim()) ?? [];
  if (scheme === '') throw new AddressError(REDIS_URL_FORMS);
  const kind = form.toLowerCase() as RedisAddress['kind'];
  const common = { ...userOf(user), tls: scheme.toLowerCase() === 'rediss' };
  const servers = hosts.split(',').map((host) => hostPort(host, PORTS[kind]));
  const parts = path.split('/').slice(1).map(decoded);
  if (parts.at(-1) === '') parts.pop();
  const options = optionsOf(query, kind === 'sentinel' ? ['sentinel_username', 'sentinel_password'] : []);
  const [first] = servers;
  if (kind === 'sentinel') {
    const [master = '', db, more] = parts;
    if (master === '' || more !== undefined)
      throw new AddressError('the name of the master after the Sentinels: .../<master>[/<db>]');
    return {
      kind,
      ...common,
      sentinels: servers,
      master,
      db: database(db),
      sentinelUsername: options.get('sentinel_username'),
      sentinelPassword: options.get('sentinel_password'),
    };
  }
  if (kind === 'cluster') {
    if (parts.length > 0 && parts[0] !== '0') throw new AddressError('no database number: a Cluster has only 0');
    return { kind, ...common, nodes: servers };
  }
  if (first === undefined || servers.length > 1)
    throw new AddressError('one host; several are redis+sentinel://... or redis+cluster://...');
  if (parts.length > 1) throw new AddressError('no more than a database number after the host');
  return { kind, ...common, ...first, db: database(parts[0]) };
}

/** The servers of an address, without a secret: `host:port`, several with commas. */
export function shownAddress(text: string): string {
  try {
    const address = parseRedisAddress(text);
    if (address.kind === 'single') return `${address.host}:${address.port}`;
    const servers = address.kind === 'sentinel' ? address.sentinels : address.nodes;
    return servers.map(({ host, port }) => `${host}:${port}`).join(',');
  } catch {
    return '(unreadable)';
  }
}

function userOf(text: string | undefined): { username: string | undefined; password: string | undefined } {
  if (text === undefined) return { username: undefined, password: undefined };
  const [name = '', ...rest] = text.split(':');
  const password = decoded(rest.join(':'));
  if (password === '') throw new AddressError('a password after the user: user:password@');
  return { username: name === '' ? undefined : decoded(name), password };
}

function hostPort(text: string, otherwise: number): HostPort {
  const [, bracketed, plain, port] = /^(?:\[([0-9a-f:.%]+)\]|([^:[\]@\s]+))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const host = bracketed ?? plain;
  const number = port === undefined ? otherwise : Number(port);
  if (host === undefined || number < 1 || number > 65_535)
    throw new AddressError('host or host:port (1 to 65535; IPv6 in brackets), several with commas');
  return { host, port: number };
}

function database(text: string | undefined): number {
  if (text === undefined) return 0;
  if (!/^\d{1,5}$/.test(text)) throw new AddressError('a database number, 0 or more');
  return Number(text);
}

function optionsOf(query: string, known: readonly string[]): Map<string, string> {
  const options = new Map(new URLSearchParams(query));
  for (const name of options.keys()) {
    if (!known.includes(name))
      throw new AddressError(known.length === 0 ? 'nothing after a ?' : `after the ? only ${known.join(' and ')}`);
  }
  return options;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A bare % that begins no code stands for itself.
    return text;
  }
}
