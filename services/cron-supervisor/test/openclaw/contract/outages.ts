import { eventually } from '@ops/shared/testing';
import { expect, test } from 'vitest';
import { Told } from '../told.js';
import type { Rig } from './rig.js';

/** The gateway, or the way to it, goes and comes back. */
export function promiseOutages(rig: Rig): void {
  test('a run that ends while the connection is gone is not lost', async () => {
    const job = await rig.add('no-loss');
    const run = await rig.start(job);
    await rig.gateway.proxy.refuse();
    rig.gateway.proxy.reset();
    await rig.soon(() => expect(rig.source.state.kind).toBe('down'));
    await expect(rig.source.history(job, 0)).rejects.toMatchObject({ code: 'SOURCE_DOWN' });
    await rig.gateway.finish(job, 'well');
    await rig.gateway.proxy.heal();
    await rig.soon(() => expect(rig.told.connections).toBeGreaterThan(1));
    expect(rig.told.losses).toHaveLength(1);
    await rig.soon(async () =>
      expect(await rig.source.history(job, run.started_at)).toMatchObject([{ started_at: run.started_at, word: 'ok' }]),
    );
    expect(await rig.isRunning(job)).toBeUndefined();
  });

  test('a run that goes on while the connection is gone goes on', async () => {
    const job = await rig.add('goes-on');
    const run = await rig.start(job);
    rig.gateway.proxy.reset();
    await rig.soon(() => expect(rig.told.connections).toBe(2));
    expect(await rig.isRunning(job)).toEqual(run);
    await rig.gateway.finish(job, 'well');
    await rig.ended(run);
  });

  test('a start whose answer is lost is found again', async () => {
    const job = await rig.add('lost-answer');
    // Nothing else may be on its way.
    await rig.soon(() => expect(rig.told.changes).toBe(1));
    const since = Date.now();
    const cut = rig.gateway.proxy.cutNextReply();
    await expect(rig.source.start(job)).rejects.toMatchObject({ code: 'SOURCE_DOWN' });
    await cut;
    await rig.soon(() => expect(rig.told.connections).toBe(2));
    const found = rig.source.startedSince(job, since);
    // A legacy gateway tells it only when the run is over.
    if (rig.gateway.generation === 'legacy') await rig.gateway.finish(job, 'well');
    expect(await found).toMatchObject({ job });
    await rig.gateway.finish(job, 'well');
    expect(await rig.source.startedSince(job, Date.now() + 60_000)).toBeUndefined();
  });

  test('a gateway that is killed comes back, and a run that it took with it does not count as running', async () => {
    const job = await rig.add('crash');
    const run = await rig.start(job);
    await rig.gateway.kill();
    await rig.soon(() => expect(rig.source.state.kind).toBe('down'));
    await rig.gateway.startAgain();
    await eventually(() => expect(rig.source.state.kind).toBe('connected'), { within: rig.within * 6 });
    await rig.soon(async () => expect(await rig.isRunning(job)).toBeUndefined());
    const history = await rig.source.history(job, run.started_at);
    if (rig.gateway.generation === 'legacy') expect(history).toEqual([]);
    else
      expect(history).toMatchObject([
        { started_at: run.started_at, word: 'error', error: expect.stringContaining('interrupted') },
      ]);
  });

  test('a wrong token is said by the name of its setting, and by nothing else', async () => {
    const refused = rig.open({ token_env: 'TEST_CONTRACT_WRONG' });
    const listener = new Told();
    refused.open(listener);
    await rig.soon(() => expect(refused.state.kind).toBe('down'));
    expect(refused.state).toMatchObject({ why: expect.stringContaining('token_env TEST_CONTRACT_WRONG') });
    expect(JSON.stringify([refused.state, listener])).not.toContain('canary-wrong');
    expect(listener.losses).toHaveLength(1);
    await expect(refused.list()).rejects.toMatchObject({ code: 'SOURCE_DOWN' });
    await refused.close();
  });
}
