import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { numberAfter, onlyNumber } from '../../src/host/parse-number.js';
import { type CpuTimes, countCpus, cpuShares, parseCpuTimes } from '../../src/host/proc-stat.js';
import { isOver, parseProcessStat } from '../../src/host/process-stat.js';
import { SlidingWindow } from '../../src/host/sliding-window.js';
import { statOf } from './captured-tree.js';

describe('CPU shares', () => {
  const shares = (before: string, after: string) => {
    const [a, b] = [parseCpuTimes(statOf(before)), parseCpuTimes(statOf(after))];
    return a && b ? cpuShares(a, b) : null;
  };
  const none = '0 0 0 0 0 0 0 0 0 0';

  test.each([
    ['user and system are busy', '30 0 20 50 0 0 0 0 0 0', 50, 0, 0, 0],
    ['nice is busy', '0 100 0 0 0 0 0 0 0 0', 100, 0, 100, 0],
    ['iowait is not, and is a number of its own', '30 0 0 30 40 0 0 0 0 0', 30, 40, 0, 0],
    ['interrupts and steal are busy', '0 0 0 70 0 10 10 10 0 0', 30, 0, 0, 10],
    ['guest time is contained in user and nice', '40 20 0 40 0 0 0 0 40 20', 60, 0, 20, 0],
  ])('%s', (_, after, busyPercent, iowaitPercent, nicePercent, stealPercent) => {
    expect(shares(none, after)).toEqual({ busyPercent, iowaitPercent, nicePercent, stealPercent });
  });

  test('hardly any ticks are no reading, and never 0 %', () => {
    expect(shares('5 5 5 5 0 0 0 0 0 0', '5 5 5 5 0 0 0 0 0 0')).toBeNull();
    expect(shares(none, '9 0 0 0 0 0 0 0 0 0')).toBeNull();
    expect(shares(none, '10 0 0 0 0 0 0 0 0 0')).toMatchObject({ busyPercent: 100, iowaitPercent: 0 });
  });

  test('a counter that steps back counts as standing still', () => {
    expect(shares('0 0 0 100 50 0 0 0 0 0', '50 0 0 150 40 0 0 0 0 0')).toMatchObject({ busyPercent: 50, iowaitPercent: 0 });
  });

  test('is always a share', () => {
    const times: fc.Arbitrary<CpuTimes> = fc.record({
      busy: fc.nat(),
      idle: fc.nat(),
      iowait: fc.nat(),
      nice: fc.nat(),
      steal: fc.nat(),
    });
    fc.assert(
      fc.property(times, times, (a, b) => {
        const found = cpuShares(a, b);
        if (found === null) return;
        expect(found.busyPercent).toBeGreaterThanOrEqual(0);
        expect(found.busyPercent + found.iowaitPercent).toBeLessThanOrEqual(100.000_001);
      }),
    );
  });

  test('reads old kernels with four fields, and refuses what is no such line', () => {
    expect(parseCpuTimes('cpu  1 2 3 4\n')).toEqual({ busy: 6, idle: 4, iowait: 0, nice: 2, steal: 0 });
    expect(parseCpuTimes('cpu0 1 2 3 4\n')).toBeNull();
    expect(parseCpuTimes('')).toBeNull();
    expect(countCpus(statOf('0 0 0 0'))).toBe(4);
  });
});

describe('numbers', () => {
  test('a key is matched whole and at the start of a line', () => {
    const text = 'total_inactive_file 9\ninactive_file 7\nMemTotal:   24 kB\n';
    expect(numberAfter(text, 'inactive_file')).toBe(7);
    expect(numberAfter(text, 'total_inactive_file')).toBe(9);
    expect(numberAfter(text, 'MemTotal')).toBe(24);
    expect(numberAfter(text, 'MemTot')).toBeNull();
    expect(numberAfter('MemTotalSize: 5\nMemTotal: 7 kB', 'MemTotal')).toBe(7);
    expect(numberAfter('MemTotal: none\n', 'MemTotal')).toBeNull();
    expect(numberAfter(text, 'absent')).toBeNull();
  });

  test.each([
    ['max\n', null],
    ['12\n', 12],
    ['-1\n', -1],
    ['', null],
    ['1 2', null],
    [null, null],
  ])('%j is %j', (text, number) => {
    expect(onlyNumber(text)).toBe(number);
  });
});

describe('sliding window', () => {
  test('compares with the newest reading that is old enough, else with the oldest', () => {
    const window = new SlidingWindow<string>(200);
    expect(window.add(0, 'a')).toBeUndefined();
    expect(window.add(50, 'b')?.value).toBe('a');
    expect(window.add(200, 'c')?.value).toBe('a');
    expect(window.add(260, 'd')?.value).toBe('b');
    expect(window.add(1_000, 'e')?.value).toBe('d');
    window.clear();
    expect(window.add(1_100, 'f')).toBeUndefined();
  });
});

describe('process stat', () => {
  const parse = (text: string) => parseProcessStat(Buffer.from(text));
  const rest = '1 77 77 0 -1 4194560 1 2 3 4 11 22 33 44 20 0 5 0 987654 1000000 256 18446744073709551615';

  test.each(['worker', 'a b', 'a) R 1 (b', '((', ''])('a name like %j does not shift the fields', (name) => {
    expect(parse(`77 (${name}) S ${rest} 0 0\n`)).toEqual({
      pid: 77,
      name,
      state: 'S',
      ppid: 1,
      processGroup: 77,
      session: 77,
      terminal: false,
      kernelThread: false,
      cpuTicks: 33,
      nice: 0,
      threads: 5,
      startTime: 987654,
      rssPages: 256,
    });
  });

  test('knows a controlling terminal, and reads no further than it is told', () => {
    expect(parse(`77 (x) S ${rest.replace('77 77 0', '70 60 34816')}`)).toMatchObject({
      processGroup: 70,
      session: 60,
      terminal: true,
    });
    const line = `77 (x) S ${rest}`;
    expect(parseProcessStat(Buffer.from(`${line}0) R`), line.length)?.rssPages).toBe(256);
  });

  test('knows a kernel thread by its flag', () => {
    expect(parse(`77 (kworker/0:1) I ${rest.replace('4194560', '69238880')}`)?.kernelThread).toBe(true);
  });

  test.each(['', '77', '77 (x', '77 (x) S', '77 (x) SS 1 2', 'x (x) S '.concat(rest)])('%j is none', (text) => {
    expect(parse(text)).toBeNull();
  });

  test('a dead leader whose threads still live is not over', () => {
    const stat = parse(`77 (x) Z ${rest}`);
    expect(stat && isOver(stat)).toBe(false);
    expect(stat && isOver({ ...stat, threads: 1 })).toBe(true);
    expect(stat && isOver({ ...stat, state: 'S', threads: 1 })).toBe(false);
  });
});
