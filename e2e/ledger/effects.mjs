/** The effect store: an effect has the key of its event, a run has none. */
export async function prepareEffects(client) {
  await client.query(`
    CREATE TABLE effect (
      rank bigserial, grp text, source text, id text, subject text, seq integer, consumer text,
      at timestamptz DEFAULT clock_timestamp(), PRIMARY KEY (grp, source, id));
    CREATE TABLE run (
      n bigserial PRIMARY KEY, grp text, consumer text, source text, id text, subject text, seq integer, attempt integer,
      at timestamptz DEFAULT clock_timestamp())`);
}

export async function noteRun(pool, { group, consumer, event, attempt }) {
  await pool.query({
    name: 'run',
    text: 'INSERT INTO run (grp, consumer, source, id, subject, seq, attempt) VALUES ($1, $2, $3, $4, $5, $6, $7)',
    values: [group, consumer, event.source, event.id, event.subject, event.data.current_value, attempt],
  });
}

export async function takeEffect(pool, { group, consumer, event }) {
  await pool.query({
    name: 'effect',
    text: `INSERT INTO effect (grp, consumer, source, id, subject, seq) VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT (grp, source, id) DO NOTHING`,
    values: [group, consumer, event.source, event.id, event.subject, event.data.current_value],
  });
}

/** All effects in the order in which they were taken, and all runs. */
export async function readEffects(client) {
  const columns = 'grp AS "group", consumer, source, id, subject, seq, (extract(epoch from at) * 1000)::float8 AS at';
  const effects = await client.query(`SELECT ${columns}, rank::int FROM effect ORDER BY rank`);
  const runs = await client.query(`SELECT ${columns}, attempt FROM run ORDER BY n`);
  return { effects: effects.rows, runs: runs.rows };
}
