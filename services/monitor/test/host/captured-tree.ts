import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { SampleClock } from '../../src/host/sample.js';

/** A /proc and a /sys/fs/cgroup in a temporary directory, written in place so that kept descriptors see what is new. */
export class CapturedTree {
  readonly root = mkdtempSync(join(tmpdir(), 'ops-host-'));
  readonly procRoot = join(this.root, 'proc');
  readonly cgroupRoot = join(this.root, 'cgroup');
  now = 10_000;
  readonly clock: SampleClock = { epoch: () => 1_700_000_000_000 + this.now, monotonic: () => this.now };

  /** Paths are relative, for example `proc/stat`. */
  write(files: { readonly [path: string]: string }): void {
    for (const [path, text] of Object.entries(files)) {
      const target = join(this.root, path);
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, text);
    }
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** /proc/stat of a machine with four CPUs. */
export function statOf(cpu: string): string {
  const each = [0, 1, 2, 3].map((number) => `cpu${number} 1 0 1 1 0 0 0 0 0 0`).join('\n');
  return `cpu  ${cpu}\n${each}\nintr 123 0 0\nctxt 456\nbtime 1700000000\nprocesses 789\n`;
}

/** /proc/meminfo with so many MiB in all and available. */
export function meminfoOf(total: number, available: number): string {
  return `MemTotal:       ${total * 1024} kB\nMemFree:        1024 kB\nMemAvailable:   ${available * 1024} kB\nBuffers:  7112 kB\nCached:  256644 kB\n`;
}

/** A pressure file with its total in microseconds. */
export function pressureOf(total: number): string {
  return `some avg10=0.11 avg60=0.38 avg300=0.77 total=${total}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n`;
}

/** /proc/zoneinfo of two zones and two CPUs, with so many pages in each of the four lists. */
export function zoneinfoOf(pages: number): string {
  const list = (cpu: number) =>
    `    cpu: ${cpu}\n              count:    ${pages}\n              high:     1494\n              batch:    63\n              high_min: 1494\n              high_max: 48307\n`;
  const zone = (name: string) =>
    `Node 0, zone ${name}\n  pages free     3840\n        high     17\n        managed  500000\n        protection: (0, 3023, 24104)\n      nr_free_pages 3840\n  pagesets\n${list(0)}${list(1)}  start_pfn:           1\n`;
  return `${zone('  DMA32')}${zone(' Normal')}`;
}
