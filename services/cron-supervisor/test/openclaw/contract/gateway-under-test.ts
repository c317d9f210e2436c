import type { FaultProxy } from '@ops/shared/testing';

/** A gateway that the contract can be held to. Its jobs run until they are told to end. */
export interface GatewayUnderTest {
  readonly generation: 'legacy' | 'modern';
  /** Through which the source connects. */
  readonly proxy: FaultProxy;
  readonly token: string;
  /** The pauses of the source may pass so many times as fast. */
  readonly speed: number;
  add(job: { readonly name: string; readonly enabled?: boolean }): Promise<string>;
  /** Ends the run of a job, saying `done`; or badly: by exit code 3, or where jobs have none, because the model refuses it (401). */
  finish(job: string, how: 'well' | 'badly'): Promise<void>;
  /** Somebody else, or the schedule, starts it. */
  startElsewhere(job: string): Promise<void>;
  rename(job: string, name: string): Promise<void>;
  remove(job: string): Promise<void>;
  /** Ends at once, with whatever runs. */
  kill(): Promise<void>;
  startAgain(): Promise<void>;
  close(): Promise<void>;
}
