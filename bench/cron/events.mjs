import { openClient } from '../../packages/shared/dist/streams/index.js';

/** What is said on ops:cron, with the time at which the server took it. */
export async function createClient(redisUrl) {
  const client = openClient(redisUrl, 'ops-bench');
  const seen = [];
  let open = true;
  let last = '0-0';
  await client.connect();
  const reading = (async () => {
    while (open) {
      const entries = await client.xrange('ops:cron', `(${last}`, '+', 'COUNT', 500).catch(() => []);
      for (const [id, fields] of entries) {
        last = id;
        const event = JSON.parse(fields[fields.indexOf('event') + 1]);
        seen.push({ at: Number(id.split('-')[0]), type: event.type, data: event.data });
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  return {
    all: (type) => seen.filter((one) => one.type === type),
    /** When the first event of a type after a time was said, of which something holds. */
    async next(type, holds, since) {
      for (;;) {
        const found = seen.find((one) => one.type === type && one.at >= since && holds(one.data));
        if (found !== undefined) return found.at;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    close() {
      open = false;
      void reading.then(() => client.disconnect());
    },
  };
}
