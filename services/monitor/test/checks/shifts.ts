/**
 * How far each of these times is from a grid of so many ms, smallest first. Who is punctual says where the grid lies: nobody is early,
 * and one that is late itself would make all the others look so.
 */
export function shifts(times: readonly number[], intervalMs: number): readonly number[] {
  const phases = times.map((at, index) => at - index * intervalMs);
  const grid = Math.min(...phases);
  return phases.map((phase) => phase - grid).sort((a, b) => a - b);
}
