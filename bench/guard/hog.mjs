// Takes memory: so much at once, then at a speed up to a bound, and keeps it until it is ended.
// `node hog.mjs <MiB at once> <MiB/s, 0 for as fast as it can> <MiB in all> [stubborn]`; stubborn: SIGTERM does not end it.
const [atOnce, speed, bound] = process.argv.slice(2, 5).map(Number);
if (process.argv[5] === 'stubborn') process.on('SIGTERM', () => undefined);
const MOST = 2600;
const held = [];
let taken = 0;
const take = (mebibytes) => {
  const size = Math.min(mebibytes, bound - taken, MOST - taken);
  if (size <= 0) return;
  held.push(Buffer.allocUnsafeSlow(Math.round(size * 1_048_576)).fill(1));
  taken += size;
};

while (taken < atOnce && taken < Math.min(bound, MOST)) take(32);
const began = performance.now();
const start = taken;
const step = () => {
  if (taken >= Math.min(bound, MOST)) return;
  take(speed === 0 ? 32 : start + (speed * (performance.now() - began)) / 1000 - taken);
  if (speed === 0) setImmediate(step);
  else setTimeout(step, 4);
};
step();
// Whoever started it may be gone: it ends by itself.
setTimeout(() => process.exit(), 60_000);
