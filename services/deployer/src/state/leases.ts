import { sql } from 'kysely';
import type { Database } from './tables.js';

/** A dead holder's lease is free after this. */
export const LEASE_MS = 20_000;
const BEAT_MS = 4000;
// The server's clock and ours run side by side; whoever counts must give up first.
const SAFE_SHARE = 0.8;

/**
 * The right to change one project. One deployer has it; its number (the fence) grows with each holder, and every write to the
 * journal names it, so that a holder that was frozen and comes back writes nothing.
 */
export class ProjectLease {
  readonly fence: string;
  readonly lane: string;
  readonly #database: Database;
  readonly #holder: string;
  readonly #monotonic: () => number;
  #surelyUntil: number;
  #timer: NodeJS.Timeout | undefined;
  readonly #lost = new AbortController();

  private constructor(
    database: Database,
    lane: string,
    holder: string,
    fence: string,
    surelyUntil: number,
    monotonic: () => number,
  ) {
    this.#database = database;
    this.lane = lane;
    this.#holder = holder;
    this.fence = fence;
    this.#surelyUntil = surelyUntil;
    this.#monotonic = monotonic;
    this.#timer = setInterval(() => void this.#beat(), BEAT_MS);
    this.#timer.unref();
  }

  /**
   * Takes the lease where it is free or has lapsed; undefined where another deployer has it. `holder` is unique among the living.
   * @param isDead whether a holder is known to be dead: his lease need not lapse first
   */
  static async take(
    database: Database,
    lane: string,
    holder: string,
    { monotonic, isDead }: { readonly monotonic: () => number; readonly isDead: (holder: string) => boolean },
  ): Promise<ProjectLease | undefined> {
    const known = await database
      .selectFrom('project_lease')
      .select(['holder', 'fence'])
      .where('lane', '=', lane)
      .executeTakeFirst();
    const dead = known !== undefined && isDead(known.holder) ? known.fence : '-1';
    const asked = monotonic();
    const { rows } = await sql<{ fence: string }>`
      insert into project_lease as held (lane, holder, fence, until)
      values (${lane}, ${holder}, 1, now() + ${LEASE_MS} * interval '1 ms')
      on conflict (lane) do update set holder = excluded.holder, fence = held.fence + 1, until = excluded.until
      where held.until < now() or held.fence = ${dead}
      returning fence`.execute(database);
    const [row] = rows;
    if (row === undefined) return undefined;
    return new ProjectLease(database, lane, holder, row.fence, asked + LEASE_MS * SAFE_SHARE, monotonic);
  }

  /** Whether it is surely ours, by our own clock. */
  get held(): boolean {
    return !this.#lost.signal.aborted && this.#monotonic() < this.#surelyUntil;
  }

  /** Aborted when another has it. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Whether it is ours in the eyes of PostgreSQL, and stays so until this transaction ends. */
  async isOursIn(transaction: Database): Promise<boolean> {
    const held = await transaction
      .selectFrom('project_lease')
      .select('fence')
      .where('lane', '=', this.lane)
      .where('fence', '=', this.fence)
      .where('until', '>', sql<Date>`now()`)
      .forUpdate()
      .executeTakeFirst();
    return held !== undefined;
  }

  /** Gives it up, so that the next need not wait for it to lapse. */
  async release(): Promise<void> {
    clearInterval(this.#timer);
    this.#surelyUntil = Number.NEGATIVE_INFINITY;
    await this.#database
      .updateTable('project_lease')
      .set({ until: sql`now() - interval '1 second'` })
      .where('lane', '=', this.lane)
      .where('holder', '=', this.#holder)
      .where('fence', '=', this.fence)
      .execute();
  }

  async #beat(): Promise<void> {
    const asked = this.#monotonic();
    try {
      const { numUpdatedRows } = await this.#database
        .updateTable('project_lease')
        .set({ until: sql`now() + ${LEASE_MS} * interval '1 ms'` })
        .where('lane', '=', this.lane)
        .where('holder', '=', this.#holder)
        .where('fence', '=', this.fence)
        .executeTakeFirst();
      if (numUpdatedRows === 1n) this.#surelyUntil = asked + LEASE_MS * SAFE_SHARE;
      else this.#lost.abort(new Error("the lease of the project is another deployer's"));
    } catch {
      // PostgreSQL is away: `held` says so by itself in time, and the next beat tries again.
    }
  }
}
