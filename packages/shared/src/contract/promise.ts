import { expect } from 'vitest';
import { eventually } from '../testing/index.js';
import type { ContractHandler, Delivered, Faults, Transport } from './transport.js';
import { GROUP } from './transport.js';

/** One promise of a transport: its name in plain words, the faults that it needs, and its proof. */
export interface ContractPromise {
  readonly name: string;
  readonly needs?: readonly (keyof Faults)[];
  readonly prove: (bus: Transport) => Promise<void>;
}

/** What a recording handler has seen, as `subject` or `subject:text`, in order. */
export interface Recording {
  readonly seen: string[];
  readonly keys: string[];
  readonly handle: ContractHandler;
}

/** A handler that notes what it gets, after what `first` does (it may throw). */
export function recording(first: ContractHandler = () => undefined): Recording {
  const seen: string[] = [];
  const keys: string[] = [];
  return {
    seen,
    keys,
    handle: async (event) => {
      const answer = await first(event);
      seen.push(told(event));
      keys.push(event.key);
      return answer;
    },
  };
}

export const told = ({ subject, text }: Delivered): string => (text === '' ? subject : `${subject}:${text}`);

/** A gate that is closed until it is opened. */
export function gate(): { readonly passed: Promise<void>; readonly open: () => void } {
  let open: () => void = () => undefined;
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open: () => open() };
}

/** Waits until the group has been given everything and is done with it. */
export async function untilDone(bus: Transport, group = GROUP, within = 30_000): Promise<void> {
  await eventually(async () => expect([await bus.unread(group), await bus.pending(group)]).toEqual([0, 0]), { within });
}

export const SLOW = { within: 45_000 };
