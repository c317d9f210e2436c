// A bare HTTP server that reads what it is sent and says ok: what the same load costs without any work.
import { createServer } from 'node:http';

const server = createServer((request, response) => {
  request.resume();
  request.on('end', () => response.setHeader('content-type', 'application/json').end('{"ok":true}'));
});
server.listen(0, '127.0.0.1', () => process.stdout.write(String(server.address().port)));
