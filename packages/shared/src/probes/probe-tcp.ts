import { connect } from 'node:net';
import type { HealthCheck } from '../config/index.js';
import { examine, type Finding, type Probe, type ProbeDeps } from './probe.js';

type TcpHealth = Extract<HealthCheck, { kind: 'tcp' }>;

/** Whether a port takes connections; each check makes one and ends it. */
export function tcpProbe(health: TcpHealth, { clock }: ProbeDeps): Probe {
  const ask = (signal: AbortSignal) =>
    new Promise<Finding>((resolve, reject) => {
      const socket = connect({ ...health.tcp, signal });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.destroy();
        resolve({ outcome: 'ok', detail: `port ${health.tcp.port} is open` });
      });
    });
  return { run: (signal) => examine(clock, health.within, signal, ask), close: async () => undefined };
}
