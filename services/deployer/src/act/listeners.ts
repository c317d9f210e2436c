import { readdir, readFile, readlink } from 'node:fs/promises';

/** Who listens on a port of this host. */
export interface Listener {
  readonly protocol: 'tcp' | 'udp';
  readonly ip: string;
  readonly port: number;
  readonly pid: number | null;
  readonly name: string;
}

const TABLES = [
  ['tcp', '/proc/net/tcp', '0A'],
  ['tcp', '/proc/net/tcp6', '0A'],
  ['udp', '/proc/net/udp', '07'],
  ['udp', '/proc/net/udp6', '07'],
] as const;

/** Who listens on one of these ports, as far as it can be seen from here. Linux; empty elsewhere. */
export async function findListeners(ports: ReadonlySet<number>): Promise<readonly Listener[]> {
  const all = (await Promise.all(TABLES.map(([protocol, file, state]) => read(protocol, file, state)))).flat();
  const sockets = all.filter(({ port }) => ports.has(port));
  if (sockets.length === 0) return [];
  const owners = await ownersOf(new Set(sockets.map(({ inode }) => inode)));
  return sockets.map(({ inode, ...socket }) => ({ ...socket, ...(owners.get(inode) ?? { pid: null, name: 'unknown process' }) }));
}

async function read(protocol: 'tcp' | 'udp', file: string, state: string) {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === state)
    .map((fields) => {
      const [address = '', port = '0'] = (fields[1] ?? '').split(':');
      return { protocol, ip: ipOf(address), port: Number.parseInt(port, 16), inode: fields[9] ?? '' };
    });
}

// Words of four bytes, each in the host's order.
function ipOf(hex: string): string {
  const words = hex.match(/.{8}/g) ?? [];
  const bytes = words.flatMap((word) => (word.match(/../g) ?? []).reverse().map((byte) => Number.parseInt(byte, 16)));
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.every((byte) => byte === 0)) return '::';
  // An IPv4 address that is written as an IPv6 one.
  if (bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255) return bytes.slice(12).join('.');
  const groups = Array.from({ length: 8 }, (_, index) =>
    (((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0)).toString(16),
  );
  return groups.join(':');
}

async function ownersOf(inodes: ReadonlySet<string>): Promise<Map<string, { pid: number; name: string }>> {
  const owners = new Map<string, { pid: number; name: string }>();
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
    for (const descriptor of descriptors) {
      const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => '');
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
      if (inode === undefined || !inodes.has(inode) || owners.has(inode)) continue;
      owners.set(inode, { pid: Number(pid), name: (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '?')).trim() });
    }
  }
  return owners;
}
