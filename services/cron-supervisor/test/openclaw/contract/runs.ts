import { expect, test } from 'vitest';
import type { Rig } from './rig.js';

/** Jobs and their runs, while the gateway is there. */
export function promiseRuns(rig: Rig): void {
  test('connects, and says to what', () => {
    expect(rig.source.state).toEqual({
      kind: 'connected',
      detail: expect.stringMatching(/^OpenClaw \S+, protocol [34], (legacy|modern)$/),
    });
    expect(rig.source.state).toMatchObject({ detail: expect.stringContaining(rig.gateway.generation) });
    expect(rig.told.connections).toBe(1);
  });

  test('lists jobs, also those that are off, and none of the gateway itself', async () => {
    const [on, off] = [await rig.add('on'), await rig.add('off', false)];
    const { jobs: listed, issues, from } = await rig.source.list();
    expect({ issues, from }).toEqual({ issues: [], from: 'source' });
    expect(listed.map(({ id, name: called, enabled }) => ({ id, called, enabled }))).toEqual(
      expect.arrayContaining([
        { id: on, called: 'on', enabled: true },
        { id: off, called: 'off', enabled: false },
      ]),
    );
    expect(listed).toHaveLength(2);
    expect(listed.find((job) => job.id === on)).toMatchObject({
      schedule: { kind: 'cron', expression: '0 4 1 1 *', time_zone: 'UTC' },
      timeout_ms: expect.any(Number),
      may_be_empty: false,
    });
  });

  test('tells when a run begins and how it ends, and the history has the same', async () => {
    const job = await rig.add('tells');
    const run = await rig.start(job);
    await rig.gateway.finish(job, 'well');
    const report = await rig.ended(run);
    expect(report).toMatchObject({ word: 'ok', error: null, output: expect.stringContaining('done') });
    expect(report.ended_at).toBeGreaterThanOrEqual(report.started_at);
    await rig.soon(async () =>
      expect(await rig.source.history(job, 0)).toMatchObject([{ ...report, delivery: expect.anything() }].map(bare)),
    );
  });

  test('a run that fails is told as the gateway calls it', async () => {
    const job = await rig.add('fails');
    const run = await rig.start(job);
    await rig.gateway.finish(job, 'badly');
    const report = await rig.ended(run);
    // A legacy gateway calls nearly everything ok: its words are there to be judged.
    if (rig.gateway.generation === 'legacy')
      expect(report).toMatchObject({ word: 'ok', output: expect.stringMatching(/^.*401/) });
    else
      expect(report).toMatchObject({ word: 'error', error: expect.stringMatching(/\b3\b/), completion: 'failed', exit_code: 3 });
  });

  test('the history is oldest first, from the time that is asked for; an unknown job has none', async () => {
    const job = await rig.add('history');
    const starts: number[] = [];
    for (let runs = 0; runs < 3; runs += 1) {
      const run = await rig.start(job);
      starts.push(run.started_at);
      await rig.gateway.finish(job, 'well');
      await rig.ended(run);
    }
    const history = async (since: number) => (await rig.source.history(job, since)).map((run) => run.started_at);
    await rig.soon(async () => expect(await history(0)).toEqual(starts));
    expect(await history(starts[1] ?? 0)).toEqual(starts.slice(1));
    expect(await rig.source.history('no-such-job', 0)).toEqual([]);
  });

  test('a run that somebody else starts is told too', async () => {
    const job = await rig.add('elsewhere');
    await rig.gateway.startElsewhere(job);
    await rig.began(job);
    expect(await rig.isRunning(job)).toMatchObject({ started_at: rig.told.begun.findLast((run) => run.job === job)?.started_at });
  });

  test('a job that runs is not started again, and one that is not known is refused', async () => {
    const job = await rig.add('twice');
    const run = await rig.start(job);
    expect(await rig.source.start(job)).toEqual({ kind: 'already-running' });
    await rig.gateway.finish(job, 'well');
    await rig.ended(run);
    expect(await rig.source.start('no-such-job')).toEqual({ kind: 'refused', why: expect.stringContaining('no-such-job') });
  });

  test('what runs is known, until it has ended', async () => {
    const job = await rig.add('runs');
    const run = await rig.start(job);
    expect(await rig.isRunning(job)).toEqual(run);
    await rig.gateway.finish(job, 'well');
    await rig.ended(run);
    expect(await rig.isRunning(job)).toBeUndefined();
  });

  test('a run is ended, gently', async () => {
    const job = await rig.add('gentle');
    const run = await rig.start(job);
    expect(await rig.source.kill(run, 'gentle')).toEqual({ kind: 'sent', how: expect.any(String) });
    const report = await rig.ended(run);
    if (rig.gateway.generation === 'modern')
      expect(report).toMatchObject({ word: 'error', error: 'supervisor: exceeded 2x expected' });
    else expect(report).toMatchObject({ word: 'ok', output: null });
    await rig.soon(async () => expect(await rig.source.kill(run, 'gentle')).toMatchObject({ kind: 'not-running' }));
  });

  test('a run is ended the hard way, and its job is on afterwards', async () => {
    const job = await rig.add('hard');
    const run = await rig.start(job);
    expect(await rig.source.kill(run, 'hard')).toMatchObject({ kind: 'sent' });
    await rig.ended(run);
    expect((await rig.source.list()).jobs.find((one) => one.id === job)).toMatchObject({ enabled: true });
  });

  test('a later run of the job is left alone', async () => {
    const job = await rig.add('later');
    const first = await rig.start(job);
    await rig.gateway.finish(job, 'well');
    await rig.ended(first);
    await rig.soon(async () => expect(await rig.source.history(job, 0)).toHaveLength(1));
    const second = await rig.start(job);
    for (const way of ['gentle', 'hard'] as const)
      expect(await rig.source.kill(first, way)).toMatchObject({ kind: 'not-running' });
    expect(await rig.isRunning(job)).toEqual(second);
  });

  test('changes of jobs are told', async () => {
    const job = await rig.add('changes');
    await rig.soon(() => expect(rig.told.changes).toBe(1));
    await rig.gateway.rename(job, 'changed');
    await rig.soon(() => expect(rig.told.changes).toBe(2));
    expect((await rig.source.list()).jobs.find((one) => one.id === job)?.name).toBe('changed');
    await rig.gateway.remove(rig.jobs.pop() ?? '');
    await rig.soon(() => expect(rig.told.changes).toBe(3));
  });

  test('a job is changed at the gateway', async () => {
    const job = await rig.add('change');
    const schedule = { kind: 'cron', expression: '30 5 * * *', time_zone: 'Europe/Berlin' } as const;
    await rig.source.change(job, { schedule, timeout_ms: 90_500 });
    expect((await rig.source.list()).jobs.find((one) => one.id === job)).toMatchObject({ schedule, timeout_ms: 91_000 });
  });

  test('evidence names the processes of the gateway, and no arguments', async () => {
    const job = await rig.add('evidence');
    const run = await rig.start(job);
    const { log, processes } = await rig.source.evidence(run);
    expect(processes[0]).toMatch(/^\S.* \(pid \d+\): [\d.]+ s of CPU, \d+ MB$/);
    expect(processes.join('\n')).not.toContain(rig.gateway.token);
    if (rig.gateway.generation === 'modern') expect(log.join('\n')).toContain(job);
  });
}

// Some fields are only in the one or in the other.
const bare = ({ delivery: _, ref: __, ...report }: object & { readonly delivery?: unknown; readonly ref?: unknown }) => report;
