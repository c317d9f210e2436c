import { connect } from 'node:net';
import type { Answer } from './server.js';

/** Asks a Redis on loopback whether it takes our password and is ready, within `within` ms. Never throws. */
export function pingRedis(port: number, password: string, within = 1_000): Promise<Answer> {
  return new Promise((resolve) => {
    let reply = '';
    const socket = connect({ host: '127.0.0.1', port }, () => socket.write(`AUTH ${password}\r\nPING\r\n`));
    const end = (answer: Answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(within, () => end('down'));
    socket.once('error', () => end('down'));
    socket.once('close', () => end('down'));
    socket.on('data', (part) => {
      reply += part.toString();
      // Redis answers in order: what is refused first is the password.
      if (/^-(?!LOADING)/.test(reply)) end('refused');
      else if (reply.includes('-LOADING')) end('loading');
      else if (reply.includes('+PONG')) end('up');
    });
  });
}
