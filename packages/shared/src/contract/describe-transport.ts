import { afterEach, beforeEach, describe, test } from 'vitest';
import type { ContractPromise } from './promise.js';
import { bringingBack } from './promises/bringing-back.js';
import { deadLetters } from './promises/dead-letters.js';
import { delivery } from './promises/delivery.js';
import { order } from './promises/order.js';
import { outages } from './promises/outages.js';
import type { Transport, TransportUnderTest } from './transport.js';

const PROMISES: readonly [string, readonly ContractPromise[]][] = [
  ['delivery', delivery],
  ['order', order],
  ['what cannot be handled', deadLetters],
  ['bringing back', bringingBack],
  ['outages', outages],
];

/**
 * The contract of a transport: one test for each thing that it promises, on a fresh one each. A promise that needs a fault
 * which this transport cannot have is not registered: `lacks` says why.
 */
export function describeTransport({ name, open, lacks = {} }: TransportUnderTest): void {
  describe(name, () => {
    let bus: Transport;
    beforeEach(async () => {
      bus = await open();
    });
    afterEach(() => bus.close());

    for (const [about, promises] of PROMISES) {
      describe(about, () => {
        for (const promise of promises.filter(({ needs = [] }) => needs.every((fault) => lacks[fault] === undefined))) {
          test(promise.name, () => promise.prove(bus));
        }
      });
    }
  });
}
