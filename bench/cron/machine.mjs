import { quantile } from './supervisor.mjs';

const WINDOWS = 1000;
const WINDOW_MS = 10;
const SLOW = 0.6;

/**
 * How steadily the machine itself works: a loop counts what it gets done in each window of 10 ms, for 10 s. Where a hypervisor takes the
 * processors away now and then, whoever waits for anything waits for that too.
 */
export function steadiness() {
  const done = [];
  const began = performance.now();
  let value = 1;
  for (let window = 1; window <= WINDOWS; window += 1) {
    const end = began + window * WINDOW_MS;
    let count = 0;
    while (performance.now() < end) {
      for (let turn = 0; turn < 500; turn += 1) value = (value * 1_103_515_245 + 12_345) & 0x7fffffff;
      count += 1;
    }
    done.push(count);
  }
  const usual = quantile(done, 0.5);
  const slow = done.filter((count) => count < SLOW * usual).length;
  return `${((slow / WINDOWS) * 100).toFixed(1)} % of ${WINDOWS} windows of ${WINDOW_MS} ms at less than ${SLOW * 100} % of the usual speed, at worst ${((Math.min(...done) / usual) * 100).toFixed(0)} %`;
}
