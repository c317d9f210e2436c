import type { EventDraft, EventType, OpsEvent } from '../events/index.js';

/** What the runtime tells a handler besides the event. */
export interface HandlerContext {
  /** Aborted when the service stops and the deadline for draining has passed. */
  readonly signal: AbortSignal;
  /** 1 at the first try. */
  readonly attempt: number;
}

/**
 * Event in, events out. A handler reads facts, decides, acts, and returns what happened; the runtime publishes that and
 * then acknowledges. It throws a PermanentError for what can never work; anything else is tried again.
 */
export type Handler<T extends EventType = EventType> = (
  event: OpsEvent<T>,
  context: HandlerContext,
) => Promise<readonly EventDraft[]> | readonly EventDraft[];

/** The event-to-handler list of a service: at most one handler a type. */
export type Handlers = { readonly [T in EventType]?: Handler<T> };
