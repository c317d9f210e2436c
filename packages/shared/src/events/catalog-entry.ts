import type { z } from 'zod';
import type { StreamName } from './keys.js';

/** What the catalog says of a type of event. */
export interface CatalogEntry {
  readonly stream: StreamName;
  readonly version: number;
  readonly schema: z.ZodType<Record<string, unknown>>;
  /** One sentence. */
  readonly meaning: string;
  /** Who writes it: services of this project, or `outside`. */
  readonly from: string;
  /** Who outside this project reads it; without this, a service of the project must handle it. */
  readonly outward?: string;
  /** With `bus.min_replicas`, it counts as published only when so many replicas have it. */
  readonly confirmed?: boolean;
}
