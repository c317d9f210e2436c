const formats = new Map<string, Intl.DateTimeFormat>();
const offsets = new Map<string, number>();
const MOST_KEPT = 50_000;
const MINUTE = 60_000;

/** How far a time zone is east of UTC at a time (epoch ms, to the minute), in ms. */
export function zoneOffset(zone: string, time: number): number {
  const minute = Math.floor(time / MINUTE) * MINUTE;
  const key = `${zone} ${minute}`;
  const known = offsets.get(key);
  if (known !== undefined) return known;
  const parts = Object.fromEntries(
    formatOf(zone)
      .formatToParts(minute)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const { year = 0, month = 1, day = 1, hour = 0, minute: past = 0 } = parts as Record<string, number>;
  const offset = Date.UTC(year, month - 1, day, hour, past) - minute;
  if (offsets.size >= MOST_KEPT) offsets.clear();
  offsets.set(key, offset);
  return offset;
}

/** A change of a zone's clocks: when, and by how much (ms; positive where a time is skipped). */
export interface ClockChange {
  readonly at: number;
  readonly by: number;
}

/** The change of a zone's clocks between two times (epoch ms), to the minute; undefined where its offset is the same at both. */
export function clockChange(zone: string, from: number, to: number): ClockChange | undefined {
  const before = zoneOffset(zone, from);
  const by = zoneOffset(zone, to) - before;
  if (by === 0) return undefined;
  let [low, high] = [Math.floor(from / MINUTE), Math.ceil(to / MINUTE)];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (zoneOffset(zone, middle * MINUTE) === before) low = middle;
    else high = middle;
  }
  return { at: high * MINUTE, by };
}

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known !== undefined) return known;
  const numeric = 'numeric' as const;
  const fields = { year: numeric, month: numeric, day: numeric, hour: numeric, minute: numeric };
  const made = new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', ...fields });
  formats.set(zone, made);
  return made;
}
