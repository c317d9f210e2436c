/** An event as a handler of the contract gets it. */
export interface Delivered {
  /** `source/id`: what makes a repeat a repeat. */
  readonly key: string;
  readonly subject: string;
  /** What the publisher said of the subject. */
  readonly text: string;
}

/** What a handler may answer. */
export interface Answer {
  /** Subjects of events that it gives back, to be published. */
  readonly outputs?: readonly string[];
}

/** Throws one of {@link Transport.errors} or anything else; what it returns is published before the input is acknowledged. */
export type ContractHandler = (event: Delivered) => Promise<Answer | undefined> | Answer | undefined;

export interface JoinOptions {
  readonly group?: string;
  /** After this silence (ms) another member takes over. */
  readonly silenceMs?: number;
  /** Events in hand at once. */
  readonly concurrency?: number;
  /** It dies once it has published the outputs of an event, before it acknowledges that. */
  readonly diesBeforeAcknowledging?: boolean;
}

/** A member of a group. */
export interface Member {
  /** In good order: what runs may finish, the rest is given back. */
  leave(): Promise<void>;
  /** As `kill -9` leaves it: nothing more goes out, nothing is given back. */
  crash(): void;
}

/** What could not be handled. */
export interface Letter {
  readonly id: string;
  readonly group: string;
  readonly code: string;
  readonly attempts: number;
  readonly reasons: readonly string[];
  /** Names and values of the entry, as they were written. */
  readonly fields: readonly string[];
}

/** What can be done to a transport's server and network. */
export interface Faults {
  /** The next answer of the server is lost, with its connection. Resolves when that has happened. */
  cutNextReply(): Promise<void>;
  /** Every connection is reset. */
  reset(): void;
  /** Nothing gets through until `heal`, and no connection is closed. */
  blackhole(): void;
  heal(): Promise<void>;
  /** The connections that exist are dead, and nobody hears of it. New ones work. */
  strand(): void;
  /** The server stops in good order and starts with what it had. */
  restart(): Promise<void>;
  /** The server freezes, and thaws. */
  pause(): void;
  resume(): void;
  /** The server has no room for anything, and has room again. */
  fill(): Promise<void>;
  makeRoom(): Promise<void>;
  /** The server forgets everything, groups too. */
  forget(): Promise<void>;
}

/**
 * A transport under test, with nothing in it. Members try an event three times (of three deliveries), with short pauses.
 */
export interface Transport {
  /** Publishes an event about a subject; resolves with its key (`source/id`) when it is accepted. */
  publish(subject: string, text?: string): Promise<string>;
  /** Writes an entry as anybody may; values may be any bytes. */
  write(fields: readonly (string | Buffer)[]): Promise<void>;
  /** Writes the last entry again, as it is: what a lost answer and its resend do. */
  repeatLast(): Promise<void>;
  /** Publishes an event of a type that the members of the contract do not handle. */
  publishOther(): Promise<void>;
  join(handler: ContractHandler, options?: JoinOptions): Promise<Member>;
  /** Events that the group was given and is not done with. */
  pending(group?: string): Promise<number>;
  /** Events that the group was not given yet. */
  unread(group?: string): Promise<number>;
  /** The outputs of the handlers: subject, and the key of the event that caused them. Doubles are told apart by `id`. */
  outputs(): Promise<readonly { readonly id: string; readonly subject: string; readonly cause: string }[]>;
  deadLetters(): Promise<readonly Letter[]>;
  /** Sends a dead letter round again. */
  retry(letter: Letter): Promise<void>;
  /** Lets a group handle again what it has handled about a subject. */
  replay(group: string, subject: string): Promise<void>;
  /** What a handler throws. */
  readonly errors: {
    /** Trying again is of no use. */
    readonly never: () => Error;
    /** A server that the handler needs is away. */
    readonly away: () => Error;
    /** Not now: later than a member may hold it. */
    readonly later: (delayMs: number) => Error;
  };
  readonly faults: Faults;
  close(): Promise<void>;
}

/** What a transport is called, how it is opened, and which faults it cannot have, with the reason. */
export interface TransportUnderTest {
  readonly name: string;
  readonly open: () => Promise<Transport>;
  readonly lacks?: Partial<Record<keyof Faults, string>>;
}

export const GROUP = 'tested';
