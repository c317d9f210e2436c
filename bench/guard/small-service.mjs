// A service as small as one can be: says that it is well, and has a metrics page. `node small-service.mjs <name> [port]`.
import { createServer } from 'node:http';

const server = createServer((_request, response) => response.setHeader('content-type', 'text/plain').end('ok 1\n'));
server.listen(Number(process.argv[3] ?? 0), '127.0.0.1', () => process.stdout.write(String(server.address().port)));
